"""Intervals of dates as instants: before one no, after it yes, inside it nobody knows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from registry.clocks import ALWAYS, NEVER_AT
from registry.decisions import begins
from registry.values import Dates


@dataclass(frozen=True)
class Span:
    """An interval of instants in which a thing began (or ended): before it no, after it yes."""

    earliest: datetime
    latest: datetime
    assumed: bool = False

    def reached(self, at: datetime) -> bool | None:
        return True if at >= self.latest else False if at < self.earliest else None


SINCE_EVER = Span(ALWAYS, ALWAYS)


def span_of(dates: Dates, zone: str, assumed: bool = False) -> Span:
    return Span(begins(dates.earliest, zone), begins(dates.latest, zone), assumed)


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


def later(one: Span | None, other: Span | None) -> Span | None:
    if one is None or other is None:
        return None
    earliest, latest = max(one.earliest, other.earliest), max(one.latest, other.latest)
    return Span(earliest, latest, one.assumed or other.assumed)


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
