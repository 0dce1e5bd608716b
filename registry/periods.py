"""The stretches of law in which each authorisation of an operator stood in one way."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date, datetime
from operator import attrgetter
from typing import Any

import msgspec
from msgspec.structs import replace

from registry.decisions import begins
from registry.operators import Operator
from registry.rules import GUARDS
from registry.values import ENDED, HELD, Role, Status


class Period(msgspec.Struct, frozen=True, gc=False, cache_hash=True):
    """A stretch of law [valid_from, valid_to) in which an authorisation stood in one way.

    `status` is of the authorisation; `abroad` is of the part of it that partners recognise
    (an AEOF whose S part is suspended is VALID at home and SUSPENDED abroad).
    """

    authorisation: str
    programme: str
    type: str
    status: Status
    abroad: Status
    valid_from: datetime
    valid_to: datetime | None = None
    number: str | None = None
    roles: tuple[Role, ...] = ()
    effective_from: date | None = None
    valid_until: date | None = None
    flags: tuple[str, ...] = ()
    ground: str | None = None


def in_order_of_law(events: Iterable[Operator.Event]) -> list[Operator.Event]:
    return sorted(events, key=_PLACE_IN_LAW)


_PLACE_IN_LAW = attrgetter("effective", "originator_version")



def periods(events: Iterable[Operator.Event], zone: str) -> list[Period]:
    """The stretches of every authorisation, as these events together have them."""
    book = Book(zone)
    for event in events:
        book.tell(event)
    return book.periods()


def stand(events: Iterable[Operator.Event], zone: str) -> dict[str, Period]:
    """How each authorisation stands in the end, by the order of law: its last stretch."""
    book = Book(zone)
    for event in events:
        book.tell(event)
    return {reference: page.now for reference, page in book.pages.items()}


#: What an event made of the stretches: those that are so no longer, and those that are instead.
#: None for more than can be said in a word.
Moved = tuple[list[Period], list[Period]]


class Book:
    """The stretches of every authorisation, as the events told so far together have them."""

    def __init__(self, zone: str) -> None:
        self.zone = zone
        self.pages: dict[str, _Page] = {}

    def tell(self, event: Operator.Event) -> Moved | None:
        if isinstance(event, Operator.AuthorisationEvent):
            # Where a correction took the application away, what followed from it is gone too.
            page = self.pages.get(event.authorisation)
            return page.tell(event) if page else ([], [])
        if isinstance(event, Operator.Lodged):
            before = self.pages.get(event.authorisation)
            page = self.pages[event.authorisation] = _Page(event, self.zone)
            return None if before else ([], [page.now])
        if isinstance(event, Operator.Merged):
            for page in self.pages.values():
                page.tell(event)
            return None
        return [], []

    def periods(self) -> list[Period]:
        return [period for page in self.pages.values() for period in (*page.done, page.now)]


class _Page:
    """One authorisation's stretches. What comes in the order of law is added at the end; what
    reaches back makes the page be written again."""

    def __init__(self, lodged: Operator.Lodged, zone: str) -> None:
        self.lodged, self.zone = lodged, zone
        self.events: list[Operator.Event] = []
        self.begin()

    def begin(self) -> None:
        lodged = self.lodged
        self.last = lodged.effective
        self.done: list[Period] = []
        self.now = Period(
            lodged.authorisation, lodged.programme, lodged.type, Status.LODGED, Status.LODGED,
            begins(lodged.effective, self.zone),
        )  # fmt: skip

    def tell(self, event: Operator.Event) -> Moved | None:
        self.events.append(event)
        if event.effective < self.last:
            self.begin()
            for each in in_order_of_law(self.events):
                self.add(each)
            return None
        before, done = self.now, len(self.done)
        self.add(event)
        if self.now is before:
            return [], []
        now = [*self.done[done:], self.now]
        return [] if before in now else [before], now

    def add(self, event: Operator.Event) -> None:
        effective, now = event.effective, self.now
        if effective > self.last:
            self.last = effective
        stands = _STANDS.get(type(event))
        if stands is None or (now.status in ENDED and type(event) is not Operator.Merged):
            return
        after = stands(now, event)
        if after is None:
            return
        day = begins(effective, self.zone)
        decided_on = event.decided if isinstance(event, Operator.Granted) else None
        if decided_on and decided_on < effective:
            # Decided, and not yet in effect: UCC Delegated Act Art. 29 gives it five days.
            decided = max(begins(decided_on, self.zone), now.valid_from)
            granted = replace(
                after, status=Status.GRANTED, abroad=Status.GRANTED, valid_from=decided
            )
            now = _cut(self.done, now, granted)
        # An annulment needs no case of its own: its day is that of the grant, so in the order of
        # law it stands right behind it, and whatever came after comes after an end.
        self.now = _cut(self.done, now, replace(after, valid_from=max(day, now.valid_from)))


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


def _to(status: Status, **more: Any) -> Callable[[Period, Any], Period]:
    def stands(now: Period, event: Any) -> Period:
        return replace(now, status=status, abroad=status, ground=_ground(event), **more)

    return stands


def _granted(now: Period, event: Operator.Granted) -> Period:
    return replace(
        now, status=Status.VALID, abroad=Status.VALID, ground=_ground(event), number=event.number,
        type=event.type, roles=event.roles, effective_from=event.effective,
        valid_until=event.valid_until, flags=_unknown(event),
    )  # fmt: skip


def _unknown(event: Operator.Granted | Operator.Revoked) -> tuple[str, ...]:
    """A remark for each rule that the decision needed and that nobody knew; not for deadlines."""
    return tuple([f"{rule}_unknown" for rule in event.rule_unknown or () if rule in GUARDS])


def _renewed(now: Period, event: Operator.Renewed) -> Period:
    kept = replace(now, flags=_flags(now, drop="validity_years_unknown"))
    flags = _flags(kept, drop="under_reassessment")
    return replace(now, valid_until=event.valid_until, flags=flags)


def _reassessed(now: Period, event: Operator.ReassessmentClosed) -> Period:
    kept = replace(now, flags=_flags(now, drop="under_reassessment"))
    mending = {"add": "remediation"} if event.remediation else {"drop": "remediation"}
    return replace(kept, flags=_flags(kept, **mending))


def _suspended(now: Period, event: Operator.Suspended) -> Period:
    if event.part is None:
        return _to(Status.SUSPENDED)(now, event)
    return replace(
        now, status=Status.VALID, abroad=Status.SUSPENDED if event.abroad else now.abroad,
        ground=_ground(event), flags=_flags(now, add=f"part_{event.part}_suspended"),
    )  # fmt: skip


def _lifted(now: Period, event: Operator.SuspensionLifted) -> Period:
    kept = tuple(f for f in now.flags if not f.endswith("_suspended"))
    return replace(
        now, status=Status.VALID, abroad=Status.VALID, ground=_ground(event), flags=kept
    )


def _merged(now: Period, event: Operator.Merged) -> Period | None:
    return _to(Status.SUPERSEDED, flags=())(now, event) if now.status in HELD else None


#: How an authorisation stands after an event. Where nothing is said, or None, it stands as before.
_STANDS: dict[type[Operator.Event], Callable[[Period, Any], Period | None]] = {
    Operator.Accepted: _to(Status.ACCEPTED),
    Operator.NotAccepted: _to(Status.NOT_ACCEPTED),
    Operator.Withdrawn: _to(Status.WITHDRAWN),
    Operator.ExaminationStarted: _to(Status.UNDER_EXAMINATION),
    Operator.Refused: _to(Status.REFUSED),
    Operator.Granted: _granted,
    Operator.TypeChanged: lambda now, event: replace(now, type=event.type),
    Operator.RolesAmended: lambda now, event: replace(now, roles=event.roles),
    Operator.ReassessmentOpened: lambda now, event: replace(
        now, flags=_flags(now, add="under_reassessment")
    ),
    Operator.ReassessmentClosed: _reassessed,
    Operator.Renewed: _renewed,
    Operator.Suspended: _suspended,
    Operator.SuspensionLifted: _lifted,
    Operator.Revoked: lambda now, event: _to(Status.REVOKED, flags=_unknown(event))(now, event),
    Operator.Annulled: _to(Status.ANNULLED, flags=()),
    Operator.Surrendered: _to(Status.SURRENDERED, flags=()),
    Operator.Expired: _to(Status.EXPIRED, flags=()),
    Operator.Merged: _merged,
}


def _ground(event: Operator.Event) -> str | None:
    """What home officers and auditors see: the legal ground, and the reason given."""
    ground, reason = event.legal_ground, getattr(event, "reason", None)
    return f"{ground}; {reason}" if ground and reason else ground or reason or None


def _flags(now: Period, add: str | None = None, drop: str | None = None) -> tuple[str, ...]:
    kept = tuple(f for f in now.flags if f not in (add, drop))
    return tuple(sorted((*kept, add))) if add else kept
