"""What of an operator those are told who are not at home: partners, other customs and the public.

An agreement opens, from the first grant on, the certified standings of an operator: granted, valid,
suspended as a whole or in part, ended. It opens no application that is pending, refused, not
accepted or withdrawn, no deadline, no reassessment and no ground (SAFE
Framework, Pillar 2, on the exchange of AEO master data). The home customs, the operator itself and
auditors are told all. Pure: the SQL that answers is held against it by tests.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

from registry.domain.values import ENDED, HELD, Status

#: What a grant makes of an authorisation, and what becomes of it after that.
CERTIFIED: frozenset[Status] = HELD | ENDED | {Status.LISTED}

F = TypeVar("F", bound=Hashable)


def disclosed_flags(flags: Iterable[str]) -> list[str]:
    """Which part is suspended is told; that it is reassessed, or put right, is not."""
    return [flag for flag in flags if flag.startswith("part_")]


@dataclass(frozen=True)
class DisclosedStretch(Generic[F]):
    """What was believed of an authorisation, [valid_from, valid_to) in law, over
    [recorded_from, recorded_to); open where None. `fact` is all that is told of it."""

    fact: F
    valid_from: datetime
    valid_to: datetime | None
    recorded_from: datetime
    recorded_to: datetime | None


def disclosed_stretches(
    stretches: Iterable[DisclosedStretch[F]], known: datetime
) -> list[DisclosedStretch[F]]:
    """The same beliefs, as known by an instant, without the edges at which nothing changes that is
    told: where a reassessment begins a stretch is cut in two that say the same."""
    told = [s for s in stretches if s.recorded_from <= known]
    cuts = sorted({s.recorded_from for s in told} | {u for s in told if (u := _until(s, known))})
    running: dict[tuple[F, datetime, datetime | None], datetime] = {}
    found: list[DisclosedStretch[F]] = []
    for cut in cuts:
        believed = [
            s
            for s in told
            if s.recorded_from <= cut and ((u := _until(s, known)) is None or u > cut)
        ]
        now = _merged(believed)
        for key in running.keys() - now:
            found.append(DisclosedStretch(*key, running.pop(key), cut))
        for key in now - running.keys():
            running[key] = cut
    return found + [DisclosedStretch(*key, since, None) for key, since in running.items()]


def _until(stretch: DisclosedStretch[F], known: datetime) -> datetime | None:
    """The end, in transaction time, of what a stretch says; None where none was known by then."""
    until = stretch.recorded_to
    return until if until is not None and until <= known else None


def _merged(believed: Iterable[DisclosedStretch[F]]) -> set[tuple[F, datetime, datetime | None]]:
    """Stretches of law that say the same and meet, as one."""
    found: set[tuple[F, datetime, datetime | None]] = set()
    by_fact: dict[F, list[tuple[datetime, datetime | None]]] = {}
    for s in believed:
        if s.valid_to is None or s.valid_from < s.valid_to:
            by_fact.setdefault(s.fact, []).append((s.valid_from, s.valid_to))
    for fact, spans in by_fact.items():
        start, end = None, None
        for first, last in sorted(spans, key=lambda span: span[0]):
            if start is not None and (end is None or first <= end):
                end = None if end is None or last is None else max(end, last)
                continue
            if start is not None:
                found.add((fact, start, end))
            start, end = first, last
        if start is not None:
            found.add((fact, start, end))
    return found
