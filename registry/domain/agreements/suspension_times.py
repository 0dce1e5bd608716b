"""The periods in which a side of an agreement is suspended."""

from __future__ import annotations

from collections.abc import Iterable

from registry.domain.agreements.events import Agreement
from registry.domain.intervals import (
    UncertainPeriod,
    uncertain_instant,
)
from registry.domain.values import Dates


def suspension_times(
    events: Iterable[Agreement.SideEvent], zone: str, until: Dates | None = None
) -> list[UncertainPeriod]:
    """The suspensions of a side, from its suspensions and resumptions in the order of valid time.

    `until`: the dates at which a suspension that still lasts ends.
    """
    found: list[UncertainPeriod] = []
    for event in sorted(events, key=lambda e: (e.dates.earliest, e.originator_version)):
        span = uncertain_instant(event.dates, zone)
        if isinstance(event, Agreement.Suspended):
            # Of several suspensions in a row, the one from the earliest day counts.
            if not (found and found[-1].end is None):
                found.append(UncertainPeriod(span))
        elif found and found[-1].end is None:
            found[-1] = UncertainPeriod(found[-1].start, span)
    if until and found and found[-1].end is None:
        found[-1] = UncertainPeriod(found[-1].start, uncertain_instant(until, zone))
    return found
