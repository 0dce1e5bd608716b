"""The stretches of law in which each authorisation of an operator stood in one way.

An end said in advance is law on its day, without another event: the civil day after `valid_until`
begins EXPIRED, and on `until` a suspension is over (registry/domain/operators/scheduled_ends.py).
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from operator import attrgetter

from msgspec.structs import replace

from registry.domain.decisions import begins
from registry.domain.operators.events import Operator
from registry.domain.operators.scheduled_ends import NO_ENDS, SAYS, ScheduledEnd
from registry.domain.operators.status_effects import (
    STANDS,
    Period,
    at_home_only,
    is_free,
    listed,
    uncertain,
)
from registry.domain.values import ENDED, Status

__all__ = ["Period", "StatusTimeline", "in_order_of_law", "periods", "stand", "stretches"]


def in_order_of_law(events: Iterable[Operator.Event]) -> list[Operator.Event]:
    return sorted(events, key=_PLACE_IN_LAW)


_PLACE_IN_LAW = attrgetter("effective", "originator_version")


def periods(events: Iterable[Operator.Event], zone: str) -> list[Period]:
    """The stretches of every authorisation, as these events together have them."""
    book = StatusTimeline(zone)
    for event in events:
        book.tell(event)
    return book.periods()


def stand(events: Iterable[Operator.Event], zone: str) -> dict[str, Period]:
    """How each authorisation stands in the end, by the order of law and by its events alone: an
    end that was only said in advance is left out."""
    book = StatusTimeline(zone, bounded=False)
    for event in events:
        book.tell(event)
    return {reference: page.now for reference, page in book.pages.items()}


def stretches(events: Iterable[Operator.Event], zone: str, authorisation: str) -> list[Period]:
    """The stretches of one authorisation, in the order of law, ends said in advance included."""
    book = StatusTimeline(zone)
    for event in events:
        whose = getattr(event, "authorisation", None)
        if whose == authorisation or type(event) is Operator.Merged:
            book.tell(event)
    return book.periods()


#: What an event made of the stretches: those that are so no longer, and those that are instead.
#: None for more than can be said in a word.
Moved = tuple[list[Period], list[Period]]


class StatusTimeline:
    """The stretches of every authorisation, as the events told so far together have them.

    `bounded`: False leaves out what ends without an event, because its end was said in advance.
    """

    def __init__(self, zone: str, bounded: bool = True) -> None:
        self.zone, self.bounded = zone, bounded
        self.pages: dict[str, AuthorisationStretches] = {}
        self.mergers: list[Operator.Merged] = []  # one may lie ahead of what begins meanwhile

    def tell(self, event: Operator.Event) -> Moved | None:
        if isinstance(event, Operator.AuthorisationEvent):
            if records_an_end(event):
                return [], []
            # Where a correction took the application away, what followed from it is gone too.
            page = self.pages.get(event.authorisation)
            return page.tell(event) if page else ([], [])
        if isinstance(event, Operator.Lodged):
            before = self.pages.get(event.authorisation)
            page = self.pages[event.authorisation] = AuthorisationStretches(
                event, self.zone, self.bounded
            )
            self._merge(page)
            return None if before else ([], page.periods())
        if isinstance(event, Operator.Listed):
            if event.authorisation in self.pages:
                return self.pages[event.authorisation].list_again(event)
            page = self.pages[event.authorisation] = ListedPage(event, self.zone, self.bounded)
            self._merge(page)
            return [], page.periods()
        if isinstance(event, Operator.Merged):
            self.mergers.append(event)
            for page in self.pages.values():
                page.tell(event)
            return None
        return [], []

    def _merge(self, page: AuthorisationStretches) -> None:
        for merger in self.mergers:
            page.tell(merger)

    def periods(self) -> list[Period]:
        return [period for page in self.pages.values() for period in page.periods()]


def records_an_end(event: Operator.Event) -> bool:
    """Whether the event only records an end by law. Such an event changes no stretch of law."""
    return type(event) is Operator.SuspensionEnded or (
        type(event) is Operator.Expired and bool(event.by_law)
    )


class AuthorisationStretches:
    """One authorisation's stretches. What comes in the order of law is added at the end; what
    reaches back makes the page be written again.

    `done` are the stretches that are over, `now` the last that an event made, and `ahead` is `now`
    and what follows from it without another event.
    """

    def __init__(self, begun: Operator.Lodged | Operator.Listed, zone: str, bounded: bool) -> None:
        self.begun, self.zone, self.bounded = begun, zone, bounded
        self.events: list[Operator.Event] = []
        self.begin()
        self.ahead = [self.now]

    def begin(self) -> None:
        self.last = self.begun.effective
        self.done: list[Period] = []
        #: Does it count abroad, as the type that it is?
        self.counts = True
        self.base = self.first()
        self.now = self.base if self.counts else at_home_only(self.base)
        self.ends = NO_ENDS
        #: Ends by law: those before the last event, and those that follow it.
        self.passed: list[ScheduledEnd] = []
        self.coming: list[ScheduledEnd] = []

    def first(self) -> Period:
        lodged = self.begun
        return Period(
            lodged.authorisation,
            lodged.programme,
            lodged.type,
            Status.LODGED,
            Status.LODGED,
            begins(lodged.effective, self.zone),
        )

    def periods(self) -> list[Period]:
        return [*self.done, *self.ahead]

    def list_again(self, event: Operator.Listed) -> Moved | None:
        """What was granted stands by its grant: that a list names it, too, changes nothing."""
        return [], []

    def write_again(self) -> None:
        self.begin()
        for each in in_order_of_law(self.events):
            self.add(each)
        self.ahead = self.to_come()

    def tell(self, event: Operator.Event) -> Moved | None:
        self.events.append(event)
        if event.effective < self.last:
            self.write_again()
            return None
        before, now, ends, done = self.ahead, self.now, self.ends, len(self.done)
        self.add(event)
        if self.ends is ends:
            if self.now is now:
                return [], []
            if ends is NO_ENDS:  # most lives: nothing follows without an event
                self.ahead = [self.now]
                after = [*self.done[done:], self.now]
                return [] if now in after else before, after
        self.ahead = self.to_come()
        after = [*self.done[done:], *self.ahead]
        return [period for period in before if period not in after], after

    def add(self, event: Operator.Event) -> None:
        effective, kind = event.effective, type(event)
        self.last = max(self.last, effective)
        stands = STANDS.get(kind)
        if stands is None:
            return
        if self.ends is not NO_ENDS:
            self.pass_to(effective)
        base = self.base
        if base.status in ENDED and kind is not Operator.Merged:
            if not (kind is Operator.Renewed and self.ends.expired):
                return
            # Recorded before the end of a term was law on its day: valid again from here on.
            base = replace(base, status=Status.VALID, abroad=Status.VALID)
        after = stands(base, event)
        if after is None:
            return
        now, day = self.now, begins(effective, self.zone)
        decided_on = event.decided if isinstance(event, Operator.Granted) else None
        if decided_on and decided_on < effective:
            # Decided, and not yet in effect: UCC Delegated Act Art. 29 gives it five days.
            decided = max(begins(decided_on, self.zone), now.valid_from)
            granted = replace(
                after, status=Status.GRANTED, abroad=Status.GRANTED, valid_from=decided
            )
            now = _cut(self.done, now, granted)
        if isinstance(event, Operator.Granted | Operator.TypeChanged):
            self.counts = event.abroad is not False
        if said := SAYS.get(kind):
            self.ends = said(self.ends, event)
        # An annulment needs no case of its own: its day is that of the grant, so in the order of
        # law it stands right behind it, and whatever came after comes after an end.
        self.turn(now, after, day)

    def turn(self, now: Period, base: Period, at: datetime) -> None:
        """From `at` on the authorisation stands, by its events, as `base` says."""
        self.base = base = replace(base, valid_from=max(at, now.valid_from))
        ends = self.ends
        seen = ends.seen(base) if ends.lapsed or ends.unlifted else base
        seen = seen if self.counts else at_home_only(seen)
        self.now = _cut(self.done, now, seen)

    def pass_to(self, day: date) -> None:
        """Apply every end that was said in advance for this day or an earlier one."""
        if not self.bounded:
            return
        while (end := self.ends.first(self.base)) and end.day <= day:
            if not end.by_decision:
                self.passed.append(end)
            base, self.ends = self.ends.over(end, self.base)
            self.turn(self.now, base, begins(end.day, self.zone))

    def to_come(self) -> list[Period]:
        """The last stretch, and those that follow it if no other event comes."""
        self.coming = []
        if self.ends is NO_ENDS or not self.bounded or self.ends.first(self.base) is None:
            return [self.now]
        kept = self.done, self.base, self.now, self.ends, self.passed
        self.done, self.passed = [], []
        self.pass_to(date.max)
        found, self.coming = [*self.done, self.now], self.passed
        self.done, self.base, self.now, self.ends, self.passed = kept
        return found

    def ended_by(self, until: date) -> list[ScheduledEnd]:
        """What ended by law up to a civil day, in the order of law."""
        began = {period.valid_from: period for period in (*self.done, *self.ahead)}
        return [
            end
            for end in (*self.passed, *self.coming)
            if end.day <= until
            and (after := began.get(begins(end.day, self.zone)))
            # Where another event counts from the same day, that is what ended it, or went on.
            and (after.status is Status.EXPIRED if end.of_term else is_free(after))
        ]


class ListedPage(AuthorisationStretches):
    """An authorisation that is known from published lists. It begins on the day that a list gives,
    or some time before the first reading; between the last day on which it is known to be held
    and the reading of a list that names it no longer it may have ended."""

    def __init__(self, begun: Operator.Listed, zone: str, bounded: bool) -> None:
        self.readings = [begun]
        super().__init__(begun, zone, bounded)

    def first(self) -> Period:
        read = sorted(self.readings, key=_PLACE_IN_LAW)
        # A day after the first reading is not that of the beginning: it was named before.
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
        certain = replace(listed(read[0], since, begins(day, self.zone)), number=number)
        if since is None and earliest < day:
            maybe = uncertain(certain, begins(earliest, self.zone))
            maybe = maybe if self.counts else at_home_only(maybe)
            self.done.append(replace(maybe, valid_to=certain.valid_from))
        return certain

    def list_again(self, event: Operator.Listed) -> Moved | None:
        before = self.periods()
        self.readings.append(event)
        self.write_again()
        return None if self.periods() != before else ([], [])

    def add(self, event: Operator.Event) -> None:
        if type(event) is Operator.Unlisted:
            self.pass_to(event.effective)
            held = [
                each_event.effective
                for each_event in (*self.readings, *self.events)
                if each_event.effective < event.effective and _shows_held(each_event)
            ]
            valid = self.base.status is Status.VALID
            if valid and held and (day := max(held) + timedelta(days=1)) < event.effective:
                after = begins(day, self.zone)
                self.turn(self.now, uncertain(self.base, after), after)
        super().add(event)


def _shows_held(event: Operator.Event) -> bool:
    """Whether the event shows that the authorisation is held on its day. The record of an end by
    law shows nothing new about its day."""
    return not getattr(event, "ENDS", False) and type(event) is not Operator.SuspensionEnded


def _cut(done: list[Period], now: Period, after: Period) -> Period:
    """End one stretch where the next begins; a stretch of no length never was, and one in which
    nothing that matters is different (not its day, and not on which ground) is the same stretch."""
    if now.status is after.status and _of_standing(now) == _of_standing(after):
        return now
    if after.valid_from > now.valid_from:
        done.append(replace(now, valid_to=after.valid_from))
    return after


_of_standing = attrgetter(
    "abroad", "type", "number", "valid_until", "effective_from", "roles", "flags"
)
