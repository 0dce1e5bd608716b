"""The page `/promises`: each goal that a document sets, in its own words, and whether it was met.

The register counts for itself: which of the states that a goal could mean had signed by its
deadline, or by the day asked about if that is earlier.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from fastapi.responses import Response

from api.languages.language import _
from api.pages import forms, parameters
from api.pages.downloads import csv_file
from api.pages.errors import PageRoute
from api.pages.labels import territory
from api.pages.query import ask
from api.pages.render import page

router = APIRouter(route_class=PageRoute)

PROMISES = """\
query Promises($owner: AdministrationCode, $asOf: AsOf) {
  targets(owner: $owner, asOf: $asOf) {
    document target owner text quotation note deadline relation condition met source
    reason { code message facts { name value item zone } }
    progress {
      state standing willing
      signatures { agreement signed { earliest latest } }
    }
  }
  documents(first: 100) { edges { node { code title titles date language } } }
}"""

#: Which standings a goal shows, in order; the first is what it asks for.
STANDINGS = ("SIGNED", "NOT_SIGNED", "UNCERTAIN", "WILLINGNESS_UNKNOWN")
#: The tone of each, for the bar.
TONES = {
    "SIGNED": "good",
    "NOT_SIGNED": "bad",
    "UNCERTAIN": "warn",
    "WILLINGNESS_UNKNOWN": "still",
}
OUTCOMES = ("MET", "NOT_MET", "UNKNOWN")
COLUMNS = (
    "document",
    "goal",
    "owner",
    "deadline",
    "outcome",
    "reason",
    "signed",
    "states",
    "state",
    "standing",
    "agreement",
    "signed_earliest",
    "signed_latest",
    "quotation",
    "text",
    "source",
    "status_on",
    "recorded_by",
)


@router.get("/promises")
async def promises(request: Request) -> Response:
    """Shows the goals as of two instants; `?of=`: those of one administration; `?format=goals.csv`:
    a row for each state of each goal."""
    asked = request.query_params
    of = territory(asked.get("of", ""))
    clocks = await forms.clocks(request, of)
    found = await ask(request, PROMISES, owner=of, asOf=clocks.as_of)
    goals = found.data["targets"] if found.data else []
    at, known = (clocks.instant(name, found.now) for name in ("at", "knownAt"))
    form = parameters.one_of(request, "format", ("goals.csv",))
    if form and found.data and clocks.status == 200:
        return csv_file("goals.csv", COLUMNS, _rows(goals, at, known))
    documents = found.data["documents"]["edges"] if found.data else []
    return page(
        request,
        "promises.html",
        status=clocks.status if found.data else 400,
        title=_("Promises"),
        asked=found,
        clocks=clocks,
        of=of,
        goals=[
            goal | {"groups": _groups(goal), "bar": _bar(goal)}
            for goal in sorted(goals, key=_order)
        ],
        counts={each: sum(goal["met"] == each for goal in goals) for each in OUTCOMES},
        documents={edge["node"]["code"]: edge["node"] for edge in documents},
        cited=_cited(request, of, at, known),
        instants=(_text(at), _text(known)),
    )


def _order(goal: dict[str, Any]) -> tuple[bool, str, str]:
    """What was counted first, then by deadline and name."""
    return not goal["progress"], goal["deadline"] or "9999", goal["target"]


def _groups(goal: dict[str, Any]) -> list[tuple[str, list[dict[str, Any]]]]:
    """The states of a goal by their standing; a standing that no state has is left out."""
    found = [
        (standing, [each for each in goal["progress"] if each["standing"] == standing])
        for standing in STANDINGS
    ]
    return [(standing, states) for standing, states in found if states]


def _bar(goal: dict[str, Any]) -> list[tuple[str, float, float]]:
    """The parts of the bar that shows the standings: the style class, the start and the width of
    each, in percent."""
    parts, start = [], 0.0
    for standing, states in _groups(goal):
        width = round(100 * len(states) / len(goal["progress"]), 2)
        parts.append((TONES[standing], round(start, 2), width))
        start += width
    return parts


def _cited(request: Request, of: str, at: datetime, known: datetime) -> str:
    """The address that gives this answer again, with both instants."""
    query = {"of": of} if of else {}
    query |= {"at": _text(at), "known-at": _text(known)}
    return f"{request.url.netloc}/promises?{urlencode(query, safe=':')}"


def _text(at: datetime) -> str:
    return at.isoformat(timespec="seconds").replace("+00:00", "Z")


def _rows(goals: list[dict[str, Any]], at: datetime, known: datetime) -> Iterator[list[object]]:
    for goal in goals:
        signed = sum(each["standing"] == "SIGNED" for each in goal["progress"])
        whole = [goal[name] for name in ("document", "target", "owner", "deadline", "met")]
        whole += [goal["reason"]["code"], signed, len(goal["progress"])]
        words = [goal["quotation"], goal["text"], goal["source"], _text(at), _text(known)]
        if not goal["progress"]:
            yield [*whole, "", "", "", "", "", *words]
        for state in goal["progress"]:
            for signature in state["signatures"] or [None]:
                dates = signature["signed"] if signature else {}
                yield [
                    *whole,
                    state["state"],
                    state["standing"],
                    signature["agreement"] if signature else "",
                    dates.get("earliest", ""),
                    dates.get("latest", ""),
                    *words,
                ]
