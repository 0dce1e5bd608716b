"""The events of a filter as a signed file: each with the proof that it is in the log.

Everybody has the events that it may read; an auditor also what opens each leaf. The file is made
whole, and so has a limit. `aeo-verify events` checks it without the register.
"""

from __future__ import annotations

from typing import Any

from fastapi import Request
from fastapi.responses import Response

from api.access.policy import SubjectRole
from api.audit.event_selection import complete_range, selection_file
from api.audit.signed_files import FileReader, proof_of
from api.http.service import Service
from api.languages.language import _, joined
from api.pages.downloads import headers_of
from api.pages.event_filters import EventsFilter
from api.pages.query import ask, context
from api.pages.render import page
from projections.reads import log

FORM = "signed"
MOST = 2_000  # events in one file
PARTS = 400  # parts of the ledger that are searched for one file
EVENTS = """\
query EventsWithProofs($filter: EventFilter, $after: String) {
  events(filter: $filter, first: 100, after: $after) {
    edges {
      node {
        position type about stream version effective decided decidedBy legalGround recordedAt
        knownAt corrects imported payload
        signature { administration key signature text }
        commitment { salt eventBytes }
      }
    }
    pageInfo { hasNextPage endCursor }
  }
}"""


class NoFile(Exception):
    """Why there is no file, in the reader's language, with the status of the answer."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status, self.sentence = status, sentence


async def answer(request: Request, wanted: EventsFilter) -> Response:
    """Returns the file of the events of the filter that the last signed head covers, or the page of
    a refusal."""
    asked = await context(request)
    async with asked.views.connection() as connection:
        head = await log.head(connection)
    try:
        if head is None:
            raise NoFile(503, _("The log has no signed head yet; ask again later"))
        chosen = wanted.given | {
            "beforePosition": min(wanted.given.get("beforePosition", head.size + 1), head.size + 1)
        }
        events = await _events(request, chosen)
    except NoFile as none:
        return page(request, "wrong.html", status=none.status, title=_("Events"),
                    sentence=none.sentence)  # fmt: skip
    async with asked.views.connection() as connection:
        positions = [int(event["position"]) for event in events]
        found = await log.inclusions(connection, positions, head.size)
    for event in events:
        event["proof"] = proof_of(found.get(int(event["position"])))
    service: Service = request.app.state.service
    reads_all = asked.subject.role is SubjectRole.AUDITOR
    complete = complete_range(chosen, head.size, reads_all=reads_all)
    reader = FileReader(asked.subject.id, asked.now, asked.epoch)
    body = selection_file(service.settings.home, chosen, complete, events, head, reader)
    headers = headers_of("events.json") | {"Cache-Control": "no-store"}
    return Response(body, headers=headers, media_type="application/json")


async def _events(request: Request, chosen: dict[str, Any]) -> list[dict[str, Any]]:
    """The events in order. Raises NoFile."""
    events: list[dict[str, Any]] = []
    after: str | None = None
    for _part in range(PARTS):
        found = await ask(request, EVENTS, filter=chosen, after=after)
        if found.data is None or found.errors:
            raise NoFile(403 if found.forbidden else 400, joined("; ", found.sentences))
        events += [edge["node"] for edge in found.data["events"]["edges"]]
        if len(events) > MOST:
            raise NoFile(400, _too_many(events[MOST - 1]["position"]))
        info = found.data["events"]["pageInfo"]
        if not info["hasNextPage"]:
            break
        after = info["endCursor"]
    else:
        raise NoFile(400, _("The search for these events is too long for one file. "
                            "Choose a range of positions"))  # fmt: skip
    if not events:
        raise NoFile(404, _("The signed log has no event of this choice that you may read"))
    return events


def _too_many(position: int) -> str:
    return _(
        "A file with proofs holds at most %(most)s events, and this choice has more. The first "
        "%(most)s end at position %(position)s. Write that under “%(field)s”, and ask for the rest "
        "from the next position on",
        most=MOST,
        field=_("To position"),
        position=position,
    )
