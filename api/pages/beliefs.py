"""Two beliefs side by side: what the register said of an operator on one day of the law, as it was
recorded by two dates, what was recorded between, who was answered between, and what of it would be
answered otherwise by the later record."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from api.access.policy import Action, SubjectRole, operator
from api.languages.language import _
from api.pages import forms
from api.pages.belief_differences import Belief, differences
from api.pages.errors import PageRoute
from api.pages.forms import AsOfFields
from api.pages.given_answers import GivenBetween, given_between
from api.pages.labels import moment
from api.pages.query import PageQuery, ask, context
from api.pages.render import page
from api.pages.sentences import translated
from registry.domain.values import Tin

router = APIRouter(route_class=PageRoute)

OPERATOR = """\
query Belief($tin: TIN!, $asOf: AsOf) {
  operator(tin: $tin, asOf: $asOf) {
    tin name localName roles standing standingAbroad administration { code timeZone }
    authorisations {
      number type status suspendedParts since validUntil roles programme { code }
    }
  }
}"""
#: What the public and some others may not read; asked for by itself.
DETAILS = """\
query BeliefInDetail($tin: TIN!, $asOf: AsOf) {
  operator(tin: $tin, asOf: $asOf) {
    address
    identifiers { scheme value }
    recognisedIn { in outcome }
  }
}"""
EVENTS = """\
query Learned($tin: TIN!, $after: String) {
  operator(tin: $tin) {
    history(first: 100, after: $after) {
      edges {
        node {
          position type effective decided decidedBy legalGround recordedAt knownAt corrects payload
          imported signature { administration valid }
        }
      }
      pageInfo { hasNextPage endCursor }
    }
  }
}"""
PAGES = 10  # pages of events that are read
SUGGESTED = 5  # pairs of dates that are suggested


@router.get("/operators/{tin}/beliefs")
async def beliefs(request: Request, tin: str) -> Response:
    """Shows `?at=2026-03-05&from=2026-03-06&to=2026-03-11`: the law of a day, as recorded by two
    dates. An unknown and an invisible operator give the same page."""
    try:
        wanted = Tin.parse(tin.upper())
    except ValueError as wrong:
        return page(
            request, "wrong.html", status=400, title=_("Not a TIN"), sentence=translated(str(wrong))
        )
    asked = request.query_params
    at, first, last = (asked.get(name, "").strip()[:40] for name in ("at", "from", "to"))
    earlier = await forms.of(request, at, first, wanted.country)
    later = await forms.of(request, at, last, wanted.country)
    now = (await context(request)).now
    wrong_fields = _wrong(earlier, later, now)
    found = await ask(request, OPERATOR, tin=wanted.text)
    shown = found.data and found.data["operator"]
    frame: dict[str, Any] = {
        "title": _("Two records of %(operator)s compared", operator=wanted.text),
        "tin": wanted.text,
        "operator": shown,
        "found": found,
        "typed": {"at": at, "from": first, "to": last},
        "wrong": wrong_fields,
        "pair": None,
        "differences": [],
        "learned": None,
        "given": None,
        "reads_receipts": (await context(request)).subject.role is SubjectRole.AUDITOR,
    }
    if not shown:
        status = 400 if found.errors else 404
        return page(request, "beliefs.html", status=status, **frame)
    history, withheld = await _history(request, wanted)
    frame |= {"withheld": withheld, "suggested": _suggested(history)}
    if wrong_fields or not (first or last):
        status = 400 if wrong_fields else 200
        return page(request, "beliefs.html", status=status, **frame)
    pair = [await _belief(request, wanted, clocks) for clocks in (earlier, later)]
    zone = shown["administration"]["timeZone"]
    between = earlier.instant("knownAt", now), later.instant("knownAt", now)
    frame |= {
        "pair": pair,
        "zone": zone,
        "differences": differences(pair[0], pair[1], zone),
        "learned": [
            {"node": event}
            for event in history
            if between[0] < moment(event["knownAt"]) <= between[1]
        ],
        "given": await _given(request, wanted, *between),
        "clocks": later,
    }
    return page(request, "beliefs.html", **frame)


def _wrong(earlier: AsOfFields, later: AsOfFields, now: datetime) -> dict[str, str]:
    """What is wrong by field of the form."""
    found = {
        "at": earlier.wrong["at"],
        "from": earlier.wrong["knownAt"],
        "to": later.wrong["knownAt"],
    }
    found = {name: text for name, text in found.items() if text}
    if not found and earlier.instant("knownAt", now) > later.instant("knownAt", now):
        found["to"] = _("The second date of recording is before the first.")
    return found


async def _belief(request: Request, tin: Tin, clocks: AsOfFields) -> Belief:
    found = await ask(request, OPERATOR, tin=tin.text, asOf=clocks.as_of)
    more = await ask(request, DETAILS, tin=tin.text, asOf=clocks.as_of)
    return Belief(clocks, _operator(found), _operator(more))


def _operator(found: PageQuery) -> dict[str, Any] | None:
    own: dict[str, Any] | None = found.data and found.data["operator"]
    return own


async def _history(request: Request, tin: Tin) -> tuple[list[dict[str, Any]], PageQuery | None]:
    """The events of the operator that the subject may read, in the order of recording; the query,
    where it may read none."""
    events: list[dict[str, Any]] = []
    after: str | None = None
    for _page in range(PAGES):
        found = await ask(request, EVENTS, tin=tin.text, after=after)
        own = _operator(found)
        if own is None or own["history"] is None:
            return [], found
        events += [edge["node"] for edge in own["history"]["edges"]]
        after = own["history"]["pageInfo"]["endCursor"]
        if not own["history"]["pageInfo"]["hasNextPage"]:
            break
    return events, None


def _suggested(events: list[dict[str, Any]]) -> list[tuple[str, str, str, str]]:
    """Pairs of dates of recording between which an event lies, the latest first: the type of the
    event, the day of its effect, the day before it was known, and that day."""
    pairs: list[tuple[str, str, str, str]] = []
    for event in reversed(events):
        known = moment(event["knownAt"]).date()
        effective = event["effective"] or known.isoformat()
        before, day = known - timedelta(days=2), known + timedelta(days=1)
        pair = (event["type"], effective, before.isoformat(), day.isoformat())
        if pair not in pairs and len(pairs) < SUGGESTED:
            pairs.append(pair)
    return pairs


async def _given(
    request: Request, tin: Tin, first: datetime, last: datetime
) -> GivenBetween | None:
    """What customs were answered between; None where the subject may not read who asked."""
    asked = await context(request)
    if not asked.may(Action.READ_READERS, operator(tin)):
        return None
    return await given_between(request, asked, tin, first, last)
