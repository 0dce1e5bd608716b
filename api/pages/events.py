"""The event browser: what was recorded, the newest first, by filter, live, and as a file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Request
from fastapi.responses import Response

from api.access.policy import SubjectRole
from api.languages.language import _
from api.pages import event_files, event_filters, event_proofs, parameters
from api.pages.errors import PageRoute
from api.pages.event_filters import EventsFilter
from api.pages.query import PageQuery, ask, context
from api.pages.render import page

router = APIRouter(route_class=PageRoute)

SIZE = 50  # events on a page
EVENTS = """\
query Events(
  $filter: EventFilter, $first: Int, $after: String, $last: Int, $before: String
) {
  events(filter: $filter, first: $first, after: $after, last: $last, before: $before) {
    edges {
      node {
        position type about effective decided decidedBy legalGround recordedAt knownAt corrects
        imported payload
      }
    }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
  }
}"""


@dataclass(frozen=True)
class BrowsedPage:
    """A page of the browser: its events, the newest first, and the addresses of what is older and
    what is newer; "" where there is nothing older. `live`: newer events may be added to it."""

    events: list[dict[str, Any]]
    older: str
    newer: str
    live: bool


@router.get("/events")
async def events(request: Request) -> Response:
    """Shows the newest events of a filter. `before` and `after` are cursors; `part=new` answers
    with the rows alone, for the script that adds them; `format` is `csv`, `jsonl` or `signed`."""
    typed = request.query_params
    wanted = await event_filters.read(request)
    form = parameters.one_of(request, "format", (*event_files.FORMATS, event_proofs.FORM))
    parameters.one_of(request, "part", ("new",))
    for name in ("after", "before"):
        parameters.cursor_of(request, name, "events")
    if form:
        parameters.absent(request, parameters.WHOLE_FILE, "after", "before", "part")
    if typed.get("after"):
        parameters.absent(request, parameters.OTHER_WAY, "before")
    if form == event_proofs.FORM and not wanted.wrong:
        return await event_proofs.answer(request, wanted)
    if form and not wanted.wrong:
        return await event_files.answer(request, wanted, form)
    found = None if wanted.wrong else await _asked(request, wanted)
    shown = _page(wanted, found, typed) if found and found.data else None
    refused = 403 if found and found.forbidden else 400
    return page(
        request,
        "events_new.html" if typed.get("part") == "new" and shown else "events.html",
        status=200 if shown else refused,
        scripts=("events.js",),
        title=_("Events"),
        filter=wanted,
        fields={name: _(label) for name, label in event_filters.FIELDS.items()},
        kinds=event_filters.kinds(),
        more_typed=any(wanted.typed[name] for name in event_filters.MORE),
        found=found,
        browsed=shown,
        newest="before" not in typed and "after" not in typed,
        audit_of=audit_of,
        most=event_files.MOST,
        most_proved=event_proofs.MOST,
        bundle=await _bundle(request, wanted),
    )


async def _asked(request: Request, wanted: EventsFilter) -> PageQuery:
    after, before = (request.query_params.get(name) for name in ("after", "before"))
    if after:
        return await ask(request, EVENTS, filter=wanted.given, first=SIZE, after=after)
    return await ask(request, EVENTS, filter=wanted.given, last=SIZE, before=before)


async def _bundle(request: Request, wanted: EventsFilter) -> str:
    """The query of the audit bundle of the one operator or agreement that is chosen, for whoever
    gets it."""
    if (await context(request)).subject.role is not SubjectRole.AUDITOR or wanted.wrong:
        return ""
    chosen = [("operator", wanted.given.get("tin")), ("agreement", wanted.given.get("agreement"))]
    return next((urlencode({name: code}) for name, code in chosen if code), "")


def _page(wanted: EventsFilter, found: PageQuery, typed: Any) -> BrowsedPage:
    assert found.data is not None
    info = found.data["events"]["pageInfo"]
    rows = [edge["node"] for edge in found.data["events"]["edges"]][::-1]
    after = info["endCursor"] or typed.get("after") or ""
    # A page that was read forwards has older events before it: those up to its cursor.
    more = info["hasPreviousPage"] and (info["startCursor"] or typed.get("after"))
    return BrowsedPage(
        rows,
        wanted.address(before=more) if more else "",
        wanted.address(after=after),
        "before" not in typed and (not typed.get("after") or not info["hasNextPage"]),
    )


def audit_of(event: dict[str, Any]) -> tuple[str, str] | None:
    """Returns the code of the operator or agreement of an event, and the address of its audit,
    where the event is proved; of another object the code, and the address of its page. None for an
    event of something without a page."""
    kind, _, key = (event["about"] or "").partition(":")
    code = quote(key, safe="")
    match kind:
        case "Operator" | "Agreement":
            return key, f"/audit?of={code}#event-{event['position']}"
        case "Administration":
            return key, f"/countries/{code}"
        case "Programme":
            return key, f"/programmes/{code}"
        case "Document":
            return key, f"/documents/{code}"
    return None
