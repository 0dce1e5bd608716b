"""The dates of an agreement's steps and the terms of each side's implementation.

A term is the period for which a side implements the agreement. It begins on the day that the side
gives and ends when the side withdraws or the agreement is terminated. If the side accedes again,
its next implementation begins a new term, and the earlier term keeps its own dates. The order of
recording decides to which term an event belongs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import reduce

from registry.domain.agreements.events import STEPS, Agreement
from registry.domain.decisions import start_of_day
from registry.domain.intervals import UncertainInstant, UncertainPeriod, uncertain_instant
from registry.domain.values import AdministrationCode, Dates, Step


@dataclass(frozen=True, slots=True)
class Dated:
    """A step with the interval of dates in which it happened, according to one source."""

    what: Step
    side: AdministrationCode | None
    term: int | None  # the ordinal of the side's implementation, from 1; None for other steps
    dates: Dates
    source: str | None
    assumed: bool
    note: str | None
    from_at: datetime  # the first instant at which it may have happened
    by_at: datetime  # the instant by which it has happened; NEVER_AT if it may never have
    over_at: datetime | None = None  # the instant by which the term has ended; None: still running


#: What a set of dates is about: a step of the whole agreement, or one term of one side.
Place = tuple[Step, AdministrationCode | None, int | None]
Zone = Callable[[AdministrationCode | None], str]


class Terms:
    """Every dated step of an agreement, as its first events up to some point state it.

    `events`: those events, in the order of recording. `zone` returns the IANA time zone in which
    the civil days of a side begin.
    """

    def __init__(self, events: Sequence[Agreement.DatedEvent], zone: Zone) -> None:
        self._zone = zone
        #: The dates in force for each step, and beside them the dates of conflicting sources.
        self._in_force: dict[Place, Dated] = {}
        self._conflicting: dict[Place, list[Dated]] = {}
        self._notes: list[Dated] = []
        self._ends: dict[Place, Dates] = {}
        self._withdrawn: dict[AdministrationCode, list[Dates]] = {}
        #: The number of terms that each side has begun.
        self._terms_begun: dict[AdministrationCode, int] = {}
        for event in events:
            self._apply(event)

    def _apply(self, event: Agreement.DatedEvent) -> None:
        """Applies the next event in the order of recording."""
        match event:
            case Agreement.Withdrew(member=side, dates=dates):
                self._withdrawn.setdefault(side, []).append(dates)
                place = self._last(side)
                if place in self._in_force or place in self._conflicting:
                    self._ends.setdefault(place, dates)
            case Agreement.Noted(what=what, text=text):
                dated_term = self._dated((what, None, None), event)
                self._notes.append(replace(dated_term, note=text))
            case Agreement.DatesSet(what=what, side=None):
                self._set((what, None, None), event)
            case Agreement.DatesSet(what=what, side=AdministrationCode() as side, term=term):
                self._set((what, side, term) if term else self._last(side), event)
            case Agreement.Implemented(side=side):
                last = self._last(side)
                if last in self._ends:
                    last = (Step.IMPLEMENTED, side, self._terms_begun.get(side, 1) + 1)
                self._replace(last, event)
            case _ if type(event) in STEPS:
                self._replace((STEPS[type(event)], None, None), event)

    def _last(self, side: AdministrationCode) -> Place:
        """The latest term of the side's implementation."""
        return Step.IMPLEMENTED, side, self._terms_begun.get(side, 1)

    def _set(self, place: Place, event: Agreement.DatesSet) -> None:
        """Applies a DatesSet event.

        Dates of a conflicting source are kept beside the dates in force, whichever came first.
        Other dates replace everything recorded for this step.
        """
        if event.conflicting:
            self._conflicting.setdefault(place, []).append(self._dated(place, event))
        else:
            self._replace(place, event)
            self._conflicting.pop(place, None)

    def _replace(self, place: Place, event: Agreement.DatedEvent) -> None:
        """Replaces the dates in force of a step or term."""
        _, side, term = place
        if side and term and place not in self._in_force:
            self._terms_begun[side] = max(term, self._terms_begun.get(side, 0))
            # Recorded after a withdrawal but dated before it: it belongs to the earlier membership.
            ends = [d for d in self._withdrawn.get(side, ()) if d.earliest > event.dates.earliest]
            if ends:
                self._ends.setdefault(place, min(ends, key=_earliest))
        self._in_force[place] = self._dated(place, event)

    def _dated(self, place: Place, event: Agreement.DatedEvent) -> Dated:
        """The entry that the event makes for a step or term."""
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
            start_of_day(event.dates.earliest, zone),
            start_of_day(event.dates.latest, zone),
        )

    # ------------------------------------------------------------------ results

    @property
    def steps(self) -> list[Dated]:
        """Every dated step in the order of recording, one entry per source; the notes come last."""
        places = dict.fromkeys((*self._in_force, *self._conflicting))
        return [dated for place in places for dated in self._entries(place)] + self._notes

    def _entries(self, place: Place) -> list[Dated]:
        """The entries of one step: the dates in force and those of conflicting sources."""
        own = [self._in_force[place]] if place in self._in_force else []
        own += self._conflicting.get(place, [])
        if ended := self._ends.get(place):
            over_at = start_of_day(ended.latest, self._zone(place[1]))
            own = [replace(dated, over_at=over_at) for dated in own]
        return own

    def span(self, what: Step, zone: str | None = None) -> UncertainInstant | None:
        """When a step of the whole agreement was taken, according to all sources in force.

        Returns None if the step is not recorded.
        """
        return self._span((what, None, None), zone)

    def of(self, side: AdministrationCode) -> list[UncertainPeriod]:
        """The terms of a side's implementation, in order."""
        found: list[UncertainPeriod] = []
        for number in range(1, self._terms_begun.get(side, 1) + 1):
            place = (Step.IMPLEMENTED, side, number)
            if start := self._span(place):
                ended = self._ends.get(place)
                found.append(
                    UncertainPeriod(
                        start, uncertain_instant(ended, self._zone(side)) if ended else None
                    )
                )
        return found

    def _span(self, place: Place, zone: str | None = None) -> UncertainInstant | None:
        """The shortest interval that contains the dates of every source."""
        entries = self._entries(place) + [
            note for note in self._notes if (note.what, note.side, note.term) == place
        ]
        if not entries:
            return None
        dates = reduce(Dates.hull, (dated.dates for dated in entries))
        return uncertain_instant(
            dates, zone or self._zone(place[1]), any(dated.assumed for dated in entries)
        )


def _earliest(dates: Dates) -> date:
    return dates.earliest
