"""The page of an agreement: its steps as sources date them, its parties, and its scope."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime, time
from typing import Any
from urllib.parse import quote

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from api.languages.language import ReaderText, _
from api.pages import agreement_comparison, forms, parameters, timeline
from api.pages.command_places import AGREEMENT as AGREEMENT_PLACE
from api.pages.errors import PageRoute
from api.pages.labels import (
    OPEN_END,
    Sign,
    country,
    interval,
    phrase,
    shown,
    worded,
)
from api.pages.plain_words import source_text
from api.pages.query import ask
from api.pages.record_actions import actions_about
from api.pages.record_texts import plain_title
from api.pages.render import page

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


def step_sign(what: str) -> Sign:
    """Returns the sign of a step."""
    found = STEP.get(what)
    return worded(what, found) if found else Sign(phrase(what), "", "still")


#: The parts of each tab, in order; each is a template in `agreements/`. `all`: everything, to
#: print.
TABS: dict[str, tuple[str, ...]] = {
    "overview": ("sides", "steps"),
    "scope": ("scope",),
    "sources": ("steps", "sources"),
    "compare": ("compare",),
    "history": ("history",),
    "all": ("sides", "steps", "scope", "sources", "history"),
}

#: Parties whose practice is told in the sentence of a clause.
MOST_IN_SENTENCE = 4

#: Steps that can happen several times: two days are two events, not contradicting sources.
AGAIN = {"LISTED", "MEETING", "EXERCISE", "ANNOUNCED"}


@router.get("/agreements/{id}")
async def agreement(request: Request, id: str) -> Response:
    """Shows one agreement as of two instants: steps, sides, clauses and events."""
    clocks = await forms.clocks(request)
    asked = await ask(request, AGREEMENT, id=id, asOf=clocks.as_of)
    if asked.data is not None and asked.data["agreement"] is None and id != id.upper():
        same = await ask(request, AGREEMENT, id=id.upper(), asOf=clocks.as_of)
        if same.data is not None and same.data["agreement"] is not None:
            query = f"?{request.url.query}" if request.url.query else ""
            return RedirectResponse(f"/agreements/{quote(id.upper())}{query}", 307)
    if asked.data is None or asked.data["agreement"] is None:
        return page(
            request,
            "nothing.html",
            status=404 if asked.data else 400,
            clocks=clocks,
            title=_("No such agreement"),
            asked=asked,
            sentence=_(
                "The register holds no agreement %(id)s that it knew of at that instant.",
                id=repr(id),
            )
            if clocks.known
            else _("The register holds no agreement %(id)s.", id=repr(id)),
            look=("/agreements", _("All agreements")),
        )
    found_agreement = asked.data["agreement"]
    tab = parameters.one_of(request, "tab", TABS, "overview")
    parts = TABS[tab]
    compared = await agreement_comparison.compared(request, id) if "compare" in parts else None
    return page(
        request,
        "agreement.html",
        status=400 if compared and any(compared.wrong) else clocks.status,
        title=plain_title(found_agreement),
        agreement=found_agreement,
        asked=asked,
        clocks=clocks,
        tab=tab,
        parts=parts,
        compared=compared,
        conflicts=_conflicts(found_agreement),
        grouped=_grouped(found_agreement["dates"]),
        scopes=_scopes(found_agreement),
        position=found_agreement["position"],
        actions=await actions_about(request, AGREEMENT_PLACE, id) if tab == "overview" else [],
        drawing=_drawing(found_agreement, clocks, asked.now),
    )


def _grouped(dates: list[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    """Returns the days of each step side by side, as each source gives them."""
    steps: dict[tuple[str, str | None, int | None], list[dict[str, Any]]] = defaultdict(list)
    for found in dates:
        steps[found["what"], found["side"], found["term"]].append(found)
    return list(steps.values())


def _conflicts(agreement_data: dict[str, Any]) -> set[tuple[str, str | None, int | None]]:
    """Returns the steps, parties and terms for which sources give different days."""
    days_of_step: dict[tuple[str, str | None, int | None], set[tuple[str, str]]] = defaultdict(set)
    for found in agreement_data["dates"]:
        if found["what"] in AGAIN:
            continue
        days_of_step[found["what"], found["side"], found["term"]].add(
            (found["earliest"], found["latest"])
        )
    return {step for step, days in days_of_step.items() if len(days) > 1}


def _scopes(agreement_data: dict[str, Any]) -> list[dict[str, Any]]:
    """Merges clauses that differ in one thing only: first by crossing, then by party."""
    found = [clause | {"to": [clause["to"]]} for clause in agreement_data["scopes"]]
    for differing in ("crossings", "to"):
        rows: dict[str, dict[str, Any]] = {}
        for clause in found:
            rest = repr([(name, shown) for name, shown in clause.items() if name != differing])
            row = rows.setdefault(rest, clause | {differing: []})
            row[differing] = [*row[differing], *clause[differing]]
        found = list(rows.values())
    return [
        clause
        | {
            "law_sources": _law_sources(agreement_data, clause),
            "practice": _practice(agreement_data["dates"], [clause["from"], *clause["to"]]),
        }
        for clause in found
    ]


def _law_sources(agreement_data: dict[str, Any], clause: dict[str, Any]) -> list[str]:
    """The sources by which a clause counts in law from its day, each once."""
    sources = []
    for edge in agreement_data["history"]["edges"]:
        payload = edge["node"]["payload"]
        of, dates = payload.get("clause") or {}, payload.get("dates") or {}
        same = of.get("from") == clause["from"] and of.get("to") in clause["to"]
        if same and clause["begins"] and dates.get("earliest") == clause["begins"]["earliest"]:
            sources.append(payload.get("source"))
    return [source for source in dict.fromkeys(sources) if source]


def _practice(dates: list[dict[str, Any]], parties: list[str]) -> list[dict[str, Any]]:
    """The days from which these parties have the agreement in practice, as sources give them. Of
    many parties none: the tab of the sides has them."""
    if len(parties) > MOST_IN_SENTENCE:
        return []
    return [
        each
        for party in parties
        for each in dates
        if each["what"] == "IMPLEMENTED" and each["side"] == party
    ]


def _drawing(
    agreement_data: dict[str, Any], clocks: forms.AsOfFields, now: datetime
) -> timeline.Drawing | None:
    """Returns the timeline: one lane per step and party; a bar is the interval in which the day
    lies."""
    lanes: dict[str, list[timeline.TimelineBar]] = defaultdict(list)
    for found in sorted(agreement_data["dates"], key=lambda d: (d["earliest"], d["latest"])):
        step = step_sign(found["what"])
        name = (
            _("%(step)s by %(party)s", step=step.word, party=country(found["side"]))
            if found["side"]
            else step.word
        )
        open_end = found["latest"] == OPEN_END
        lanes[name].append(
            timeline.TimelineBar(
                _day(found["earliest"]),
                None if open_end else _day(found["latest"]),
                interval(found),
                step.letter,
                step.tone,
                ReaderText(f"{name}: {interval(found)}; {shown(source_text(found['source']))}"),
                found["assumed"] or open_end,
            )
        )
    return timeline.draw(lanes.items(), now, forms.marks(clocks, now))


def _day(text: str) -> datetime:
    return datetime.combine(datetime.fromisoformat(text), time(12, tzinfo=UTC))
