"""Valid-time intervals whose bounds are uncertain.

A source may give only a month for an event, or no date at all. Such an event has an interval of
possible instants: before the interval the event has not happened, after it the event has happened,
and inside it the answer is unknown (None).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from registry.domain.bitemporal import ALWAYS, NEVER_AT
from registry.domain.decisions import start_of_day
from registry.domain.values import Dates


@dataclass(frozen=True)
class UncertainInstant:
    """The interval of instants (UTC) in which something began or ended.

    `dates`: the civil days from which the interval was derived; None if it has held since ALWAYS.
    """

    earliest: datetime
    latest: datetime
    assumed: bool = False
    dates: Dates | None = None

    def reached(self, at: datetime) -> bool | None:
        """Whether the event has happened by this instant; None if that is unknown."""
        return True if at >= self.latest else False if at < self.earliest else None


SINCE_EVER = UncertainInstant(ALWAYS, ALWAYS)


def uncertain_instant(dates: Dates, zone: str, assumed: bool = False) -> UncertainInstant:
    """The interval of instants in which an event of these civil days happened, in a time zone."""
    return UncertainInstant(
        start_of_day(dates.earliest, zone), start_of_day(dates.latest, zone), assumed, dates
    )


@dataclass(frozen=True)
class UncertainPeriod:
    """A period whose beginning and end may be uncertain. `end` is None if it has no end."""

    start: UncertainInstant
    end: UncertainInstant | None = None

    def holds(self, at: datetime) -> bool | None:
        """Whether the instant is inside the period; None if that is unknown."""
        start, end = self.start.reached(at), self.end.reached(at) if self.end else False
        if start is False or end is True:
            return False
        return None if None in (start, end) else True

    @property
    def edges(self) -> tuple[datetime, ...]:
        """The instants at which the answer of `holds` can change."""
        spans = (self.start, self.end) if self.end else (self.start,)
        return tuple(edge for span in spans for edge in (span.earliest, span.latest))


def latest_of(given: Iterable[Dates | None]) -> Dates | None:
    """The dates by which the last of several events had happened.

    Returns None if no event has dates.
    """
    known = [dates for dates in given if dates]
    if not known:
        return None
    return Dates(max(d.earliest for d in known), max(d.latest for d in known))


def earliest_of(given: Iterable[Dates | None]) -> Dates | None:
    """The dates by which the first of several events had happened.

    Returns None if no event has dates.
    """
    known = [dates for dates in given if dates]
    if not known:
        return None
    return Dates(min(d.earliest for d in known), min(d.latest for d in known))


def all_of(found: Iterable[bool | None]) -> bool | None:
    """Three-valued AND: False if any is False, else None if any is None, else True."""
    values = set(found)
    return False if False in values else None if None in values else True


def any_of(times: Iterable[UncertainPeriod], at: datetime) -> bool | None:
    """Three-valued OR: whether the instant is inside any of the periods; None if unknown."""
    found = {time.holds(at) for time in times}
    return True if True in found else None if None in found else False


def constant_intervals(
    edges: Iterable[datetime | None], value: Any
) -> list[tuple[datetime, datetime | None, Any]]:
    """Splits valid time at `edges` and joins neighbouring intervals of equal value.

    `value` is called with the first instant of each interval. An interval for which it returns None
    is left out. Returns (start, end, value); `end` is None for the last, open interval.
    """
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
