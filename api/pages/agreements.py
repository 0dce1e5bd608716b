"""An agreement: its steps as the sources give them, its sides, and what exactly it covers."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime, time
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from api.pages import forms, timeline
from api.pages.errors import PageRoute
from api.pages.labels import OPEN_END, Sign, country, interval, phrase, territory
from api.pages.query import ask
from api.pages.render import page
from registry.domain.values import AgreementKind, AgreementStatus, Pillar

router = APIRouter(route_class=PageRoute)

AGREEMENT = """\
query Agreement($id: ID!, $asOf: AsOf) {
  agreement(id: $id, asOf: $asOf) {
    code
    kind
    pillars
    title
    titles
    names
    details
    status
    legalBasis
    parties { code name }
    sides { party implementedFrom implemented { earliest latest } certainFrom suspended }
    dates { what side term earliest latest source assumed }
    scopes {
      from to programmes types roles direction hs crossings
      identifierScheme declarationBox benefits assumed
      begins { earliest latest }
      ends { earliest latest }
    }
    history(first: 100) {
      edges {
        node {
          position type effective decided decidedBy legalGround
          recordedAt knownAt corrects payload imported
          signature { administration valid }
        }
      }
      pageInfo { hasNextPage }
    }
    position
  }
}"""

AGREEMENTS = """\
query Agreements($filter: AgreementFilter, $asOf: AsOf, $after: String) {
  agreements(filter: $filter, asOf: $asOf, first: 50, after: $after) {
    totalCount
    edges { node { code title titles kind status parties { code } } }
    pageInfo { hasNextPage endCursor }
  }
}"""

STEP = {
    "PROPOSED": Sign("proposed", "O", "still"),
    "NEGOTIATING": Sign("negotiating", "N", "still"),
    "ACTION_PLAN": Sign("action plan", "A", "still"),
    "SIGNED": Sign("signed", "G", "wait"),
    "PILOT": Sign("pilot", "P", "wait"),
    "IMPLEMENTED": Sign("implemented", "I", "good"),
    "TERMINATED": Sign("terminated", "T", "bad"),
    "LISTED": Sign("listed by an authority", "L", "still"),
}


#: What can happen again: two days of it are two events, not two opinions.
AGAIN = {"LISTED", "MEETING", "EXERCISE", "ANNOUNCED"}


@router.get("/agreements")
async def agreements(request: Request) -> Response:
    """The whole list, by party, kind, status, pillar and words; fifty a page."""
    asked = request.query_params
    clocks = await forms.clocks(request, territory(asked.get("party", "")))
    chosen = {
        "party": territory(asked.get("party", "")),
        "kind": asked.get("kind", ""),
        "status": asked.get("status", ""),
        "pillar": asked.get("pillar", ""),
        "contains": asked.get("contains", "").strip(),
    }
    found = await ask(
        request,
        AGREEMENTS,
        filter={name: value for name, value in chosen.items() if value},
        asOf=clocks.as_of,
        after=asked.get("after"),
    )
    return page(
        request,
        "agreements.html",
        status=clocks.status if found.data else 400,
        title="Agreements",
        asked=found,
        found=found.data and found.data["agreements"],
        chosen=chosen,
        clocks=clocks,
        kinds=[kind.name for kind in AgreementKind],
        statuses=["SIGNED_OR_LATER", *(status.name for status in AgreementStatus)],
        pillars=[pillar.name for pillar in Pillar],
    )


@router.get("/agreements/{id}")
async def agreement(request: Request, id: str) -> Response:
    clocks = await forms.clocks(request)
    asked = await ask(request, AGREEMENT, id=id, asOf=clocks.as_of)
    if asked.data is None or asked.data["agreement"] is None:
        return page(
            request,
            "nothing.html",
            status=404 if asked.data else 400,
            clocks=clocks,
            title="No such agreement",
            asked=asked,
            sentence=f"The register holds no agreement {id!r}"
            + (" that it knew of at that instant." if clocks.known else "."),
            look=("/agreements", "All agreements"),
        )
    item = asked.data["agreement"]
    return page(
        request,
        "agreement.html",
        status=clocks.status,
        title=item["title"],
        it=item,
        asked=asked,
        clocks=clocks,
        conflicts=_conflicts(item),
        scopes=_scopes(item),
        position=item["position"],
        drawing=_drawing(item, clocks, asked.now),
    )


def _conflicts(entry: dict[str, Any]) -> set[tuple[str, str | None, int | None]]:
    """The steps, sides and terms of these for which sources give different days."""
    told: dict[tuple[str, str | None, int | None], set[tuple[str, str]]] = defaultdict(set)
    for found in entry["dates"]:
        if found["what"] in AGAIN:
            continue
        told[found["what"], found["side"], found["term"]].add((found["earliest"], found["latest"]))
    return {step for step, days in told.items() if len(days) > 1}


def _scopes(entry: dict[str, Any]) -> list[dict[str, Any]]:
    """Clauses that differ in one thing only stand in one row: first by crossing, then by side."""
    found = [clause | {"to": [clause["to"]]} for clause in entry["scopes"]]
    for differing in ("crossings", "to"):
        rows: dict[str, dict[str, Any]] = {}
        for clause in found:
            rest = repr([(name, said) for name, said in clause.items() if name != differing])
            row = rows.setdefault(rest, clause | {differing: []})
            row[differing] = [*row[differing], *clause[differing]]
        found = list(rows.values())
    return found


def _drawing(entry: dict[str, Any], clocks: forms.Clocks, now: datetime) -> timeline.Drawing | None:
    """One lane a step and side; a bar is where the day lies, not how long the step took."""
    lanes: dict[str, list[timeline.TimelineBar]] = defaultdict(list)
    for found in sorted(entry["dates"], key=lambda d: (d["earliest"], d["latest"])):
        step = STEP.get(found["what"]) or Sign(phrase(found["what"]), "", "still")
        name = step.word + (f" by {country(found['side'])}" if found["side"] else "")
        open_end = found["latest"] == OPEN_END
        lanes[name].append(
            timeline.TimelineBar(
                _day(found["earliest"]),
                None if open_end else _day(found["latest"]),
                interval(found),
                step.letter,
                step.tone,
                f"{name}: {interval(found)}; {found['source']}",
                found["assumed"] or open_end,
            )
        )
    return timeline.draw(lanes.items(), now, forms.marks(clocks, now))


def _day(text: str) -> datetime:
    return datetime.combine(datetime.fromisoformat(text), time(12, tzinfo=UTC))
