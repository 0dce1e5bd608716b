"""One agreement, told in a few words, and what it says of a pair on a day."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from registry.domain import commands as c
from registry.domain.agreements.events import Agreement, Party
from registry.domain.agreements.links import Link
from registry.domain.agreements.timeline import AgreementTimeline, build_timeline
from registry.domain.decisions import start_of_day
from registry.domain.values import NEVER, AdministrationCode, AgreementKind
from tests.law import AU, CN, ZONES
from tests.scenario import believed, fact, noon, stream

ID = "A"
#: Everything here is old and on public record: recorded on one of these days, with its source.
FIRST, LATER = date(2025, 1, 6), date(2025, 6, 2)
NOW = noon(date(2026, 11, 21))


def day(text: str) -> date:
    return date.fromisoformat(text)


def of(
    *words: c.Command | tuple[date, c.Command],
    parties: tuple[AdministrationCode, ...] = (CN, AU),
    kind: AgreementKind = AgreementKind.AEO_MUTUAL_RECOGNITION,
) -> AgreementTimeline:
    created = fact(
        Agreement.Proposed,
        agreement=ID,
        kind=kind,
        title="A",
        parties=tuple(Party(p, ZONES[p.text]) for p in parties),
        effective=day("2010-01-01"),
    )
    dated = [word if isinstance(word, tuple) else (FIRST, word) for word in words]
    return build_timeline(stream(Agreement, created, *dated))


def said(kind: type[Any], *dates: str, **more: Any) -> Any:
    """A word of the record: one day, or the two ends of an interval ("never" is one)."""
    ends = [NEVER if text == "never" else day(text) for text in dates]
    when = {"effective": ends[0]} if len(ends) == 1 else {"earliest": ends[0], "latest": ends[1]}
    return kind(agreement=ID, source="a source", **when, **more)


def implemented(side: AdministrationCode, *dates: str, **more: Any) -> Any:
    return said(c.ImplementAgreement, *dates, side=side, **more)


def scope(
    one: AdministrationCode,
    to: AdministrationCode,
    *dates: str,
    types: tuple[str, ...] = ("AEO",),
    **more: Any,
) -> Any:
    return said(c.SetScope, *(dates or ("2010-01-01",)), from_=one, to=to, types=types, **more)


def at(
    told: AgreementTimeline,
    one: AdministrationCode,
    to: AdministrationCode,
    on: str | datetime,
    known: datetime = NOW,
) -> list[Link]:
    """The links of that direction at the beginning of the day where it is recognised."""
    instant = on if isinstance(on, datetime) else start_of_day(day(on), ZONES[to.text])
    return [
        link
        for link in believed(told.links, known)
        if (link.clause.from_, link.clause.to) == (one, to)
        and link.valid_from <= instant
        and (link.valid_to is None or instant < link.valid_to)
    ]


def state(*where: Any, **more: Any) -> str | None:
    found = at(*where, **more)
    return found[0].state.value if found else None
