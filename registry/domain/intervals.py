"""Intervals of dates as instants: before one no, after it yes, inside it nobody knows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from registry.domain.bitemporal import ALWAYS, NEVER_AT
from registry.domain.decisions import begins
from registry.domain.values import Dates


@dataclass(frozen=True)
class Span:
    """An interval of instants in which a thing began (or ended): before it no, after it yes.

    `dates`: the civil days that it was given by; None for a thing that was so from the first.
    """

    earliest: datetime
    latest: datetime
    assumed: bool = False
    dates: Dates | None = None

    def reached(self, at: datetime) -> bool | None:
        return True if at >= self.latest else False if at < self.earliest else None


SINCE_EVER = Span(ALWAYS, ALWAYS)


def span_of(dates: Dates, zone: str, assumed: bool = False) -> Span:
    return Span(begins(dates.earliest, zone), begins(dates.latest, zone), assumed, dates)


@dataclass(frozen=True)
class Time:
    """From one interval to another: inside it for certain, perhaps (None), or not."""

    begun: Span
    ended: Span | None = None

    def holds(self, at: datetime) -> bool | None:
        begun, ended = self.begun.reached(at), self.ended.reached(at) if self.ended else False
        if begun is False or ended is True:
            return False
        return None if None in (begun, ended) else True

    @property
    def edges(self) -> tuple[datetime, ...]:
        spans = (self.begun, self.ended) if self.ended else (self.begun,)
        return tuple(edge for span in spans for edge in (span.earliest, span.latest))


def latest_of(given: Iterable[Dates | None]) -> Dates | None:
    """When the last of several things had begun; None where none of them has a day."""
    known = [dates for dates in given if dates]
    if not known:
        return None
    return Dates(max(d.earliest for d in known), max(d.latest for d in known))


def earliest_of(given: Iterable[Dates | None]) -> Dates | None:
    """When the first of several things had ended; None where none of them has a day."""
    known = [dates for dates in given if dates]
    if not known:
        return None
    return Dates(min(d.earliest for d in known), min(d.latest for d in known))


def all_of(found: Iterable[bool | None]) -> bool | None:
    """Whether all hold: no where one certainly does not, else unknown where one is."""
    told = set(found)
    return False if False in told else None if None in told else True


def any_of(times: Iterable[Time], at: datetime) -> bool | None:
    found = {time.holds(at) for time in times}
    return True if True in found else None if None in found else False


def runs(
    edges: Iterable[datetime | None], value: Any
) -> list[tuple[datetime, datetime | None, Any]]:
    """The stretches between edges over which a value stays the same; where it is None, none."""
    cuts = sorted({ALWAYS, *(e for e in edges if e is not None and ALWAYS < e < NEVER_AT)})
    found: list[tuple[datetime, datetime | None, Any]] = []
    for start, end in zip(cuts, [*cuts[1:], None], strict=True):
        now = value(start)
        if now is None:
            continue
        if found and found[-1][1] == start and found[-1][2] == now:
            found[-1] = (found[-1][0], end, now)
        else:
            found.append((start, end, now))
    return found
