"""The page of freshness: how old each partner's data is here, and how far each has read ours."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import Response

from api.graphql import retry as again
from api.graphql.context import Connection
from api.http.service import Service
from api.languages.language import N_, _, ngettext
from api.pages.errors import PageRoute
from api.pages.render import page
from projections.reads import freshness as reads
from projections.reads.peer_law import law_differences

#: By which way a partner reads, in words.
WAYS = {
    "PEER": N_("follows as a peer"),
    "WEBHOOK": N_("webhooks"),
    "GOLDEN_COPY": N_("golden copies"),
    "COPY_CHANGES": N_("an edge"),
    "CHANGES": N_("the feed"),
    "SUBSCRIPTION": N_("a subscription"),
}
MOST = 200  # differences of law that the page lists
router = APIRouter(route_class=PageRoute)


@router.get("/freshness")
async def freshness(request: Request) -> Response:
    """Shows ages only, and nothing of an operator."""
    service: Service = request.app.state.service

    async def read(
        connection: Connection,
    ) -> tuple[list[reads.IncomingData], list[reads.OutgoingData]]:
        return await reads.incoming(connection), await reads.outgoing(connection)

    incoming, outgoing = await again.read(service.views, read)
    peers = await again.read(service.ledger, law_differences)
    return page(
        request,
        "freshness.html",
        title=_("Freshness"),
        incoming=incoming,
        outgoing=outgoing,
        differences=[each for peer in peers for each in peer.differences],
        most=MOST,
        compared=any(peer.compared for peer in peers),
        uncompared=[peer.name for peer in peers if not peer.compared],
        age=in_words,
        ways=WAYS,
    )


def in_words(seconds: float | None) -> str:
    """Returns an age as a person says it: 40 s, 12 min, 5 h, 3 days."""
    if seconds is None:
        return _("nothing yet")
    if seconds >= 172_800:
        days = round(seconds / 86_400)
        return ngettext("%(number)s day", "%(number)s days", days)
    if seconds >= 7_200:
        return _("%(number)s h", number=f"{seconds / 3_600:.0f}")
    if seconds >= 120:
        return _("%(number)s min", number=f"{seconds / 60:.0f}")
    return _("%(number)s s", number=f"{seconds:.0f}")
