"""What partners, other customs administrations and the public may see of an operator.

From the first grant on, an agreement discloses the certified statuses: granted, valid, suspended as
a whole or in part, ended. It does not disclose applications that are pending, refused, not accepted
or withdrawn, nor deadlines, reassessments and grounds (SAFE Framework, Pillar 2, on the exchange of
AEO master data). The home administration, the operator itself and auditors see everything. The code
is pure; tests compare the SQL of the read models with it.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

from registry.domain.values import ENDED, HELD, Status

#: The statuses from a grant on.
CERTIFIED: frozenset[Status] = HELD | ENDED | {Status.LISTED}

F = TypeVar("F", bound=Hashable)


def disclosed_flags(flags: Iterable[str]) -> list[str]:
    """The flags that are disclosed: a suspended part, but not a reassessment or remediation."""
    return [flag for flag in flags if flag.startswith("part_")]


@dataclass(frozen=True)
class DisclosedInterval(Generic[F]):
    """A disclosed fact over valid time [valid_from, valid_to) and transaction time.

    Transaction time is [recorded_from, recorded_to). None means open. `fact` is everything that is
    disclosed.
    """

    fact: F
    valid_from: datetime
    valid_to: datetime | None
    recorded_from: datetime
    recorded_to: datetime | None


def disclosed_intervals(
    intervals: Iterable[DisclosedInterval[F]], known: datetime
) -> list[DisclosedInterval[F]]:
    """The rows as known at an instant, joined where the disclosed fact does not change.

    A reassessment, for example, divides a row in two with the same disclosed fact; they become one
    again.
    """
    known_intervals = [s for s in intervals if s.recorded_from <= known]
    cuts = sorted(
        {s.recorded_from for s in known_intervals}
        | {u for s in known_intervals if (u := _until(s, known))}
    )
    running: dict[tuple[F, datetime, datetime | None], datetime] = {}
    found: list[DisclosedInterval[F]] = []
    for cut in cuts:
        believed = [
            s
            for s in known_intervals
            if s.recorded_from <= cut and ((u := _until(s, known)) is None or u > cut)
        ]
        now = _joined(believed)
        for key in running.keys() - now:
            found.append(DisclosedInterval(*key, running.pop(key), cut))
        for key in now - running.keys():
            running[key] = cut
    return found + [DisclosedInterval(*key, since, None) for key, since in running.items()]


def _until(interval: DisclosedInterval[F], known: datetime) -> datetime | None:
    """The end in transaction time; None if it was not known at the instant `known`."""
    until = interval.recorded_to
    return until if until is not None and until <= known else None


def _joined(believed: Iterable[DisclosedInterval[F]]) -> set[tuple[F, datetime, datetime | None]]:
    """The valid-time intervals with neighbouring intervals of the same fact joined."""
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
