"""The page of freshness: how old each partner's data is here, and how far each has read ours."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import Response

from api.graphql import retry as again
from api.graphql.context import Connection
from api.http.service import Service
from api.pages.errors import PageRoute
from api.pages.render import page
from projections.reads import freshness as reads

#: By which way a partner reads, in words.
WAYS = {
    "PEER": "follows as a peer",
    "WEBHOOK": "webhooks",
    "GOLDEN_COPY": "golden copies",
    "COPY_CHANGES": "an edge",
    "CHANGES": "the feed",
    "SUBSCRIPTION": "a subscription",
}
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
    return page(
        request,
        "freshness.html",
        title="Freshness",
        incoming=incoming,
        outgoing=outgoing,
        age=in_words,
        ways=WAYS,
    )


def in_words(seconds: float | None) -> str:
    """Returns an age as a person says it: 40 s, 12 min, 5 h, 3 days."""
    if seconds is None:
        return "nothing yet"
    for unit, length in (("days", 172_800), ("h", 7_200), ("min", 120)):
        if seconds >= length:
            return f"{seconds / {'days': 86_400, 'h': 3_600, 'min': 60}[unit]:.0f} {unit}"
    return f"{seconds:.0f} s"
