"""The dates of an agreement's steps, and the terms of each side's implementation.

A side implements for a term: from the day it gives until it withdraws (or the agreement ends).
After it withdrew and acceded again, its next implementation begins another term, and the earlier
one stands for its own time. Which term an event is of follows from the order of recording.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import reduce

from registry.domain.agreements.events import STEPS, Agreement
from registry.domain.decisions import begins
from registry.domain.intervals import Span, Time, span_of
from registry.domain.values import AdministrationCode, Dates, Step


@dataclass(frozen=True, slots=True)
class Dated:
    """A step with the interval of dates in which it lies, as one or more sources give it."""

    what: Step
    side: AdministrationCode | None
    term: int | None  # of the side's implementation, from 1; None for every other step
    dates: Dates
    source: str | None
    assumed: bool
    note: str | None
    from_at: datetime  # the first instant at which it may have happened
    by_at: datetime  # the instant by which it has; NEVER_AT where it may never have
    over_at: datetime | None = None  # the instant by which the term has ended; None: it runs on


#: One thing that is dated once: a step of all together, or a term of one side.
Place = tuple[Step, AdministrationCode | None, int | None]
Zone = Callable[[AdministrationCode | None], str]


class Terms:
    """Every dated step of an agreement, as a given number of its events have it.

    `zone`: in which time zone (IANA name) the days of a side begin.
    """

    def __init__(self, told: Sequence[Agreement.DatedEvent], zone: Zone) -> None:
        self._zone = zone
        #: The dates that stand for each place, and beside them those of sources that conflict.
        self._stand: dict[Place, Dated] = {}
        self._beside: dict[Place, list[Dated]] = {}
        self._notes: list[Dated] = []
        self._ends: dict[Place, Dates] = {}
        self._withdrawn: dict[AdministrationCode, list[Dates]] = {}
        #: How many terms each side has begun.
        self._begun: dict[AdministrationCode, int] = {}
        for event in told:
            self._tell(event)

    def _tell(self, event: Agreement.DatedEvent) -> None:
        match event:
            case Agreement.Withdrew(member=side, dates=dates):
                self._withdrawn.setdefault(side, []).append(dates)
                place = self._last(side)
                if place in self._stand or place in self._beside:
                    self._ends.setdefault(place, dates)
            case Agreement.Noted(what=what, text=text):
                said = self._dated((what, None, None), event)
                self._notes.append(replace(said, note=text))
            case Agreement.DatesSet(what=what, side=None):
                self._set((what, None, None), event)
            case Agreement.DatesSet(what=what, side=AdministrationCode() as side, term=term):
                self._set((what, side, term) if term else self._last(side), event)
            case Agreement.Implemented(side=side):
                last = self._last(side)
                if last in self._ends:
                    last = (Step.IMPLEMENTED, side, self._begun.get(side, 1) + 1)
                self._put(last, event)
            case _ if type(event) in STEPS:
                self._put((STEPS[type(event)], None, None), event)

    def _last(self, side: AdministrationCode) -> Place:
        return Step.IMPLEMENTED, side, self._begun.get(side, 1)

    def _set(self, place: Place, event: Agreement.DatesSet) -> None:
        """Dates of a conflicting source stand beside the step, whichever was told first; others
        take the place of all that was said."""
        if event.conflicting:
            self._beside.setdefault(place, []).append(self._dated(place, event))
        else:
            self._put(place, event)
            self._beside.pop(place, None)

    def _put(self, place: Place, event: Agreement.DatedEvent) -> None:
        _, side, term = place
        if side and term and place not in self._stand:
            self._begun[side] = max(term, self._begun.get(side, 0))
            # Recorded after a withdrawal, and from a day before it: of the earlier membership.
            ends = [d for d in self._withdrawn.get(side, ()) if d.earliest > event.dates.earliest]
            if ends:
                self._ends.setdefault(place, min(ends, key=_earliest))
        self._stand[place] = self._dated(place, event)

    def _dated(self, place: Place, event: Agreement.DatedEvent) -> Dated:
        what, side, term = place
        zone = self._zone(side)
        return Dated(
            what,
            side,
            term,
            event.dates,
            event.source,
            event.assumed,
            event.note,
            begins(event.dates.earliest, zone),
            begins(event.dates.latest, zone),
        )

    # ------------------------------------------------------------------ what they come to

    @property
    def steps(self) -> list[Dated]:
        """By place, in the order of telling; of conflicting sources each. The notes come last."""
        places = dict.fromkeys((*self._stand, *self._beside))
        return [dated for place in places for dated in self._of(place)] + self._notes

    def _of(self, place: Place) -> list[Dated]:
        own = [self._stand[place]] if place in self._stand else []
        own += self._beside.get(place, [])
        if ended := self._ends.get(place):
            over_at = begins(ended.latest, self._zone(place[1]))
            own = [replace(dated, over_at=over_at) for dated in own]
        return own

    def span(self, what: Step, zone: str | None = None) -> Span | None:
        """When a step of all together was taken, by all the sources that stand."""
        return self._span((what, None, None), zone)

    def of(self, side: AdministrationCode) -> list[Time]:
        """The terms of a side's implementation, each from its beginning to its end."""
        found: list[Time] = []
        for number in range(1, self._begun.get(side, 1) + 1):
            place = (Step.IMPLEMENTED, side, number)
            if begun := self._span(place):
                ended = self._ends.get(place)
                found.append(Time(begun, span_of(ended, self._zone(side)) if ended else None))
        return found

    def _span(self, place: Place, zone: str | None = None) -> Span | None:
        """The shortest interval that holds what every source says."""
        said = self._of(place) + [
            note for note in self._notes if (note.what, note.side, note.term) == place
        ]
        if not said:
            return None
        dates = reduce(Dates.hull, (dated.dates for dated in said))
        return span_of(dates, zone or self._zone(place[1]), any(dated.assumed for dated in said))


def _earliest(dates: Dates) -> date:
    return dates.earliest
