"""The valid-time periods of event authorisation's status.

A scheduled end takes effect on its day without another event: EXPIRED begins on the civil day after
`valid_until`, and a suspension is over on `until` (see scheduled_ends.py).
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from operator import attrgetter

from msgspec.structs import replace

from registry.domain.decisions import start_of_day
from registry.domain.operators.events import Operator
from registry.domain.operators.scheduled_ends import END_SCHEDULERS, NO_ENDS, ScheduledEnd
from registry.domain.operators.status_effects import (
    STATUS_EFFECTS,
    Period,
    at_home_only,
    is_not_suspended,
    listed,
    uncertain,
)
from registry.domain.values import ENDED, Status

__all__ = [
    "Period",
    "StatusTimeline",
    "authorisation_periods",
    "in_valid_time_order",
    "last_statuses",
    "periods",
]


def in_valid_time_order(events: Iterable[Operator.Event]) -> list[Operator.Event]:
    """The events in the order of valid time: by effective date, then by version in the stream."""
    return sorted(events, key=_VALID_TIME_ORDER)


_VALID_TIME_ORDER = attrgetter("effective", "originator_version")


def periods(events: Iterable[Operator.Event], zone: str) -> list[Period]:
    """The status periods of every authorisation, according to these events."""
    book = StatusTimeline(zone)
    for event in events:
        book.tell(event)
    return book.periods()


def last_statuses(events: Iterable[Operator.Event], zone: str) -> dict[str, Period]:
    """The last status of event authorisation in valid time, by its events alone.

    Scheduled ends, which take effect without an event, are left out.
    """
    book = StatusTimeline(zone, bounded=False)
    for event in events:
        book.tell(event)
    return {reference: page.now for reference, page in book.pages.items()}


def authorisation_periods(
    events: Iterable[Operator.Event], zone: str, authorisation: str
) -> list[Period]:
    """The status periods of one authorisation in valid time, including scheduled ends."""
    book = StatusTimeline(zone)
    for event in events:
        whose = getattr(event, "authorisation", None)
        if whose == authorisation or type(event) is Operator.Merged:
            book.tell(event)
    return book.periods()


#: The change that an event makes: the periods that no longer hold, and those that replace them.
#: None if the periods have to be compared as a whole.
Moved = tuple[list[Period], list[Period]]


class StatusTimeline:
    """The status periods of every authorisation of one operator, updated event by event.

    `bounded`: False ignores scheduled ends, which take effect without an event.
    """

    def __init__(self, zone: str, bounded: bool = True) -> None:
        self.zone, self.bounded = zone, bounded
        self.pages: dict[str, AuthorisationPeriods] = {}
        self.mergers: list[Operator.Merged] = []  # one may lie ahead of what begins in between

    def tell(self, event: Operator.Event) -> Moved | None:
        """Applies the next event in the order of recording. Returns the change of the periods."""
        if isinstance(event, Operator.AuthorisationEvent):
            if records_an_end(event):
                return [], []
            # If a correction voided the application, its later events have no effect.
            page = self.pages.get(event.authorisation)
            return page.tell(event) if page else ([], [])
        if isinstance(event, Operator.Lodged):
            before = self.pages.get(event.authorisation)
            page = self.pages[event.authorisation] = AuthorisationPeriods(
                event, self.zone, self.bounded
            )
            self._merge(page)
            return None if before else ([], page.periods())
        if isinstance(event, Operator.Listed):
            if event.authorisation in self.pages:
                return self.pages[event.authorisation].list_again(event)
            page = self.pages[event.authorisation] = ListedAuthorisationPeriods(
                event, self.zone, self.bounded
            )
            self._merge(page)
            return [], page.periods()
        if isinstance(event, Operator.Merged):
            self.mergers.append(event)
            for page in self.pages.values():
                page.tell(event)
            return None
        return [], []

    def _merge(self, page: AuthorisationPeriods) -> None:
        """Applies the mergers recorded so far to an authorisation that begins later."""
        for merger in self.mergers:
            page.tell(merger)

    def periods(self) -> list[Period]:
        """Every period, authorisation by authorisation."""
        return [period for page in self.pages.values() for period in page.periods()]


def records_an_end(event: Operator.Event) -> bool:
    """Whether the event only records an end by law. Such an event changes no status period."""
    return type(event) is Operator.SuspensionEnded or (
        type(event) is Operator.Expired and bool(event.by_law)
    )


class AuthorisationPeriods:
    """The status periods of one authorisation.

    An event that is the latest in valid time adds to the end of the list. An event that reaches
    back rebuilds the whole list. `done` are the periods that are over. `now` is the period that the
    last event began. `ahead` is `now` and the periods that follow it by scheduled ends.
    """

    def __init__(
        self, opening: Operator.Lodged | Operator.Listed, zone: str, bounded: bool
    ) -> None:
        self.opening, self.zone, self.bounded = opening, zone, bounded
        self.events: list[Operator.Event] = []
        self.begin()
        self.ahead = [self.now]

    def begin(self) -> None:
        """Resets the state to before the first event."""
        self.last = self.opening.effective
        self.done: list[Period] = []
        #: Whether partners can recognise it, by its type.
        self.counts = True
        self.base = self.first()
        self.now = self.base if self.counts else at_home_only(self.base)
        self.ends = NO_ENDS
        #: Ends by law: those before the last event, and those after it.
        self.passed: list[ScheduledEnd] = []
        self.coming: list[ScheduledEnd] = []

    def first(self) -> Period:
        """The first period: the application is lodged."""
        lodged = self.opening
        return Period(
            lodged.authorisation,
            lodged.programme,
            lodged.type,
            Status.LODGED,
            Status.LODGED,
            start_of_day(lodged.effective, self.zone),
        )

    def periods(self) -> list[Period]:
        """Every period, in the order of valid time."""
        return [*self.done, *self.ahead]

    def list_again(self, event: Operator.Listed) -> Moved | None:
        """A further published list names the authorisation.

        It changes nothing here, because the authorisation rests on its grant.
        """
        return [], []

    def rebuild(self) -> None:
        """Rebuilds the periods from all events, in the order of valid time."""
        self.begin()
        for event in in_valid_time_order(self.events):
            self.add(event)
        self.ahead = self.current_and_scheduled()

    def tell(self, event: Operator.Event) -> Moved | None:
        """Applies the next event in the order of recording. Returns the change of the periods."""
        self.events.append(event)
        if event.effective < self.last:
            self.rebuild()
            return None
        before, now, ends, done = self.ahead, self.now, self.ends, len(self.done)
        self.add(event)
        if self.ends is ends:
            if self.now is now:
                return [], []
            if ends is NO_ENDS:  # the usual case: no scheduled end follows
                self.ahead = [self.now]
                after = [*self.done[done:], self.now]
                return [] if now in after else before, after
        self.ahead = self.current_and_scheduled()
        after = [*self.done[done:], *self.ahead]
        return [period for period in before if period not in after], after

    def add(self, event: Operator.Event) -> None:
        """Applies an event that is the latest so far in valid time."""
        effective, kind = event.effective, type(event)
        self.last = max(self.last, effective)
        stands = STATUS_EFFECTS.get(kind)
        if stands is None:
            return
        if self.ends is not NO_ENDS:
            self.apply_scheduled_ends(effective)
        base = self.base
        if base.status in ENDED and kind is not Operator.Merged:
            if not (kind is Operator.Renewed and self.ends.expired):
                return
            # The renewal was recorded before the term ended by law: valid again from its day on.
            base = replace(base, status=Status.VALID, abroad=Status.VALID)
        after = stands(base, event)
        if after is None:
            return
        now, day = self.now, start_of_day(effective, self.zone)
        decided_on = event.decided if isinstance(event, Operator.Granted) else None
        if decided_on and decided_on < effective:
            # Decided but not in effect yet: UCC Delegated Act Art. 29 sets five days.
            decided = max(start_of_day(decided_on, self.zone), now.valid_from)
            granted = replace(
                after, status=Status.GRANTED, abroad=Status.GRANTED, valid_from=decided
            )
            now = _cut(self.done, now, granted)
        if isinstance(event, Operator.Granted | Operator.TypeChanged):
            self.counts = event.abroad is not False
        if schedule := END_SCHEDULERS.get(kind):
            self.ends = schedule(self.ends, event)
        # An annulment needs no special case. Its day is that of the grant, so in valid time it
        # directly follows the grant, and every later event follows an end.
        self.begin_period(now, after, day)

    def begin_period(self, now: Period, base: Period, at: datetime) -> None:
        """Begins a period at `at`; `base` is the status according to the events."""
        self.base = base = replace(base, valid_from=max(at, now.valid_from))
        ends = self.ends
        seen = ends.seen(base) if ends.lapsed or ends.unlifted else base
        seen = seen if self.counts else at_home_only(seen)
        self.now = _cut(self.done, now, seen)

    def apply_scheduled_ends(self, day: date) -> None:
        """Applies every scheduled end up to this civil day."""
        if not self.bounded:
            return
        while (end := self.ends.first(self.base)) and end.day <= day:
            if not end.by_decision:
                self.passed.append(end)
            base, self.ends = self.ends.over(end, self.base)
            self.begin_period(self.now, base, start_of_day(end.day, self.zone))

    def current_and_scheduled(self) -> list[Period]:
        """The last period and those that follow it by scheduled ends if no other event comes."""
        self.coming = []
        if self.ends is NO_ENDS or not self.bounded or self.ends.first(self.base) is None:
            return [self.now]
        saved = self.done, self.base, self.now, self.ends, self.passed
        self.done, self.passed = [], []
        self.apply_scheduled_ends(date.max)
        found, self.coming = [*self.done, self.now], self.passed
        self.done, self.base, self.now, self.ends, self.passed = saved
        return found

    def ended_by(self, until: date) -> list[ScheduledEnd]:
        """The ends by law up to this civil day, in the order of valid time."""
        began = {period.valid_from: period for period in (*self.done, *self.ahead)}
        return [
            end
            for end in (*self.passed, *self.coming)
            if end.day <= until
            and (after := began.get(start_of_day(end.day, self.zone)))
            # If another event has effect on the same day, that event ended or continued it.
            and (after.status is Status.EXPIRED if end.of_term else is_not_suspended(after))
        ]


class ListedAuthorisationPeriods(AuthorisationPeriods):
    """The status periods of an authorisation that is known from published lists.

    It begins on the day that a list gives or, if no list gives one, at an unknown time before the
    first reading. It may have ended at any time between the last day on which it is known to be
    held and the reading of a list that no longer names it.
    """

    def __init__(self, opening: Operator.Listed, zone: str, bounded: bool) -> None:
        self.readings = [opening]
        super().__init__(opening, zone, bounded)

    def first(self) -> Period:
        """The first period: valid by the list. An uncertain period may come before it."""
        read = sorted(self.readings, key=_VALID_TIME_ORDER)
        # A beginning after the first reading is wrong: the list already named the operator.
        days = [
            listed.since
            for listed in reversed(read)
            if listed.since and listed.since <= read[0].effective
        ]
        since = next(iter(days), read[0].since)
        number = next((listed.number for listed in reversed(read) if listed.number), None)
        day, earliest = since or read[0].effective, max(listed.earliest for listed in read)
        self.last = read[0].effective
        self.counts = read[-1].abroad is not False
        certain = replace(listed(read[0], since, start_of_day(day, self.zone)), number=number)
        if since is None and earliest < day:
            maybe = uncertain(certain, start_of_day(earliest, self.zone))
            maybe = maybe if self.counts else at_home_only(maybe)
            self.done.append(replace(maybe, valid_to=certain.valid_from))
        return certain

    def list_again(self, event: Operator.Listed) -> Moved | None:
        """A further reading of the list can change the beginning, so the periods are rebuilt."""
        before = self.periods()
        self.readings.append(event)
        self.rebuild()
        return None if self.periods() != before else ([], [])

    def add(self, event: Operator.Event) -> None:
        """Applies an event. Removal from the list begins an uncertain period before its day."""
        if type(event) is Operator.Unlisted:
            self.apply_scheduled_ends(event.effective)
            held = [
                earlier.effective
                for earlier in (*self.readings, *self.events)
                if earlier.effective < event.effective and _shows_held(earlier)
            ]
            valid = self.base.status is Status.VALID
            if valid and held and (day := max(held) + timedelta(days=1)) < event.effective:
                after = start_of_day(day, self.zone)
                self.begin_period(self.now, uncertain(self.base, after), after)
        super().add(event)


def _shows_held(event: Operator.Event) -> bool:
    """Whether the event shows that the authorisation is held on its day.

    The record of an end by law shows nothing new about its day.
    """
    return not getattr(event, "ENDS", False) and type(event) is not Operator.SuspensionEnded


def _cut(done: list[Period], now: Period, after: Period) -> Period:
    """Ends the period `now` where `after` begins, and returns the current period.

    A period of no length is left out. A period that differs only in its beginning or its ground
    continues the earlier one.
    """
    if now.status is after.status and _status_fields(now) == _status_fields(after):
        return now
    if after.valid_from > now.valid_from:
        done.append(replace(now, valid_to=after.valid_from))
    return after


_status_fields = attrgetter(
    "abroad", "type", "number", "valid_until", "effective_from", "roles", "flags"
)
