"""What an operator's events mean in law: which status each authorisation had, on which days.

Law follows effective dates, whatever the order of recording: a suspension recorded on the tenth
with effect from the first makes the first to the tenth suspended days, and both beliefs are kept.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import msgspec
from msgspec.structs import replace

from registry.clocks import Known, Remembered, remember
from registry.deadlines import Deadline, deadlines
from registry.decisions import begins
from registry.operators import Operator, amended
from registry.values import ENDED, AdministrationCode, Role, Status, Tin


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


class Named(msgspec.Struct, frozen=True, gc=False, cache_hash=True):
    """What an operator was called, and what became of it as a firm, over a stretch of law."""

    name: str
    local_name: str | None
    address: str | None
    roles: tuple[Role, ...]
    successor: Tin | None
    valid_from: datetime
    valid_to: datetime | None = None


class Identified(msgspec.Struct, frozen=True, gc=False, cache_hash=True):
    scheme: str
    value: str
    issuer: AdministrationCode | None
    verified_by: str | None
    valid_from: datetime
    valid_to: datetime | None = None


class Consented(msgspec.Struct, frozen=True, gc=False, cache_hash=True):
    """`partner` is None for publication."""

    partner: AdministrationCode | None
    valid_from: datetime
    valid_to: datetime | None = None


@dataclass
class Record:
    """Everything that an operator's stream says, on both clocks."""

    tin: Tin
    registered: Known[Operator.Registered]
    last: int  # position of the last event
    periods: list[Remembered[Period]]
    names: list[Remembered[Named]]
    identifiers: list[Remembered[Identified]]
    consents: list[Remembered[Consented]]
    deadlines: list[Deadline]


_OF_STANDING = (Operator.AuthorisationEvent, Operator.Lodged, Operator.Merged)


def record(events: Sequence[Known[Any]]) -> Record:
    """The whole stream, first event first, read on both clocks."""
    first: Known[Operator.Registered] = events[0]
    zone = first.event.time_zone
    standings, names, identifiers, consented = [], [], [], []
    told: list[Operator.Event] = []
    book, corrected = _Book(zone), False
    names.append((first.position, first.known_at, _names(first.event, told, zone)))
    for it in events[1:]:
        told.append(it.event)
        at = (it.position, it.known_at)
        every = isinstance(it.event, Operator.Corrected)
        corrected = corrected or every
        said = amended(told) if corrected else told
        if every or isinstance(it.event, _OF_STANDING):
            if every:
                book = _Book(zone)
            for event in said if every else (it.event,):
                book.tell(event)
            standings.append((*at, book.periods()))
        if every or isinstance(it.event, (Operator.Amended, Operator.Merged)):
            names.append((*at, _names(first.event, said, zone)))
        if every or isinstance(it.event, (Operator.IdentifierAdded, Operator.IdentifierEnded)):
            identifiers.append((*at, _identifiers(said, zone)))
        if every or isinstance(it.event, (Operator.ConsentGiven, Operator.ConsentWithdrawn)):
            consented.append((*at, consents(said, zone)))
    return Record(
        first.event.tin,
        first,
        events[-1].position,
        remember(standings),
        remember(names),
        remember(identifiers),
        remember(consented),
        deadlines(amended(told)),
    )


def in_order_of_law(events: Iterable[Operator.Event]) -> list[Operator.Event]:
    return sorted(events, key=lambda e: (e.effective, e.originator_version))


# ----------------------------------------------------------------- periods


def periods(events: Iterable[Operator.Event], zone: str) -> list[Period]:
    """The stretches of every authorisation, as these events together have them."""
    book = _Book(zone)
    for event in events:
        book.tell(event)
    return book.periods()


def stand(events: Iterable[Operator.Event], zone: str) -> dict[str, Period]:
    """How each authorisation stands in the end, by the order of law: its last stretch."""
    book = _Book(zone)
    for event in events:
        book.tell(event)
    return {reference: page.now for reference, page in book.pages.items()}


class _Book:
    """The stretches of every authorisation, as the events told so far together have them."""

    def __init__(self, zone: str) -> None:
        self.zone = zone
        self.pages: dict[str, _Page] = {}

    def tell(self, event: Operator.Event) -> None:
        if isinstance(event, Operator.Lodged):
            self.pages[event.authorisation] = _Page(event, self.zone)
        elif isinstance(event, Operator.AuthorisationEvent):
            # Where a correction took the application away, what followed from it is gone too.
            if event.authorisation in self.pages:
                self.pages[event.authorisation].tell(event)
        elif isinstance(event, Operator.Merged):
            for page in self.pages.values():
                page.tell(event)

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

    def tell(self, event: Operator.Event) -> None:
        self.events.append(event)
        if event.effective >= self.last:
            self.add(event)
        else:
            self.begin()
            for each in in_order_of_law(self.events):
                self.add(each)

    def add(self, event: Operator.Event) -> None:
        self.last = max(self.last, event.effective)
        now, day = self.now, begins(event.effective, self.zone)
        after = _after(now, event)
        if after is None or (now.status in ENDED and not isinstance(event, Operator.Merged)):
            return
        decided_on = event.decided if isinstance(event, Operator.Granted) else None
        if decided_on and decided_on < event.effective:
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
    """End one stretch where the next begins; a stretch of no length never was."""
    if _stand_alike(now, after):
        return now
    if after.valid_from > now.valid_from:
        done.append(replace(now, valid_to=after.valid_from))
    return after


def _stand_alike(now: Period, after: Period) -> bool:
    """Nothing that matters is different: not its day, and not on which ground."""
    return all(getattr(now, name) == getattr(after, name) for name in _STANDING)


_STANDING = (
    "status", "abroad", "type", "number", "valid_until", "effective_from", "roles", "flags",
)  # fmt: skip


def _after(now: Period, event: Operator.Event) -> Any:
    """How it stands after an event; None where the event changes nothing of its standing."""

    def stands(status: Status, abroad: Status | None = None, **more: Any) -> Period:
        return replace(now, status=status, abroad=abroad or status, ground=_ground(event), **more)

    match event:
        case Operator.Accepted():
            return stands(Status.ACCEPTED)
        case Operator.NotAccepted():
            return stands(Status.NOT_ACCEPTED)
        case Operator.Withdrawn():
            return stands(Status.WITHDRAWN)
        case Operator.ExaminationStarted():
            return stands(Status.UNDER_EXAMINATION)
        case Operator.Refused():
            return stands(Status.REFUSED)
        case Operator.Granted(number=number, type=type, roles=roles):
            return stands(
                Status.VALID, number=number, type=type, roles=roles,
                effective_from=event.effective, valid_until=event.valid_until,
            )  # fmt: skip
        case Operator.TypeChanged(type=type):
            return replace(now, type=type)
        case Operator.RolesAmended(roles=roles):
            return replace(now, roles=roles)
        case Operator.ReassessmentOpened():
            return replace(now, flags=_flags(now, add="under_reassessment"))
        case Operator.ReassessmentClosed(remediation=remediation):
            kept = replace(now, flags=_flags(now, drop="under_reassessment"))
            mending = {"add": "remediation"} if remediation else {"drop": "remediation"}
            return replace(kept, flags=_flags(kept, **mending))
        case Operator.Renewed(valid_until=until):
            return replace(now, valid_until=until, flags=_flags(now, drop="under_reassessment"))
        case Operator.Suspended(part=None):
            return stands(Status.SUSPENDED)
        case Operator.Suspended(part=part, abroad=abroad):
            flags = _flags(now, add=f"part_{part}_suspended")
            return stands(Status.VALID, Status.SUSPENDED if abroad else now.abroad, flags=flags)
        case Operator.SuspensionLifted():
            flags = tuple(f for f in now.flags if not f.endswith("_suspended"))
            return stands(Status.VALID, flags=flags)
        case Operator.Revoked():
            return stands(Status.REVOKED, flags=())
        case Operator.Annulled():
            return stands(Status.ANNULLED, flags=())
        case Operator.Surrendered():
            return stands(Status.SURRENDERED, flags=())
        case Operator.Expired():
            return stands(Status.EXPIRED, flags=())
        case Operator.Merged() if now.status in (Status.VALID, Status.SUSPENDED, Status.GRANTED):
            return stands(Status.SUPERSEDED, flags=())
    return None


def _ground(event: Operator.Event) -> str | None:
    """What home officers and auditors see: the legal ground, and the reason given."""
    said = [event.legal_ground, getattr(event, "reason", None)]
    return "; ".join(text for text in said if text) or None


def _flags(now: Period, add: str | None = None, drop: str | None = None) -> tuple[str, ...]:
    kept = tuple(f for f in now.flags if f not in (add, drop))
    return tuple(sorted((*kept, add))) if add else kept


# ------------------------------------------- names, identifiers and consents


def _names(first: Operator.Registered, events: list[Operator.Event], zone: str) -> list[Named]:
    now = Named(
        first.name, first.local_name, first.address, first.roles, None,
        begins(first.effective, zone),
    )  # fmt: skip
    done: list[Named] = []
    for event in in_order_of_law(events):
        match event:
            case Operator.Amended():
                said = {k: getattr(event, k) for k in ("name", "local_name", "address", "roles")}
                after = replace(now, **{k: v for k, v in said.items() if v is not None})
            case Operator.Merged(successor=successor):
                after = replace(now, successor=successor)
            case _:
                continue
        day = max(begins(event.effective, zone), now.valid_from)
        if day > now.valid_from:
            done.append(replace(now, valid_to=day))
        now = replace(after, valid_from=day)
    return [*done, now]


def _identifiers(events: list[Operator.Event], zone: str) -> list[Identified]:
    open: dict[tuple[str, str], Identified] = {}
    done: list[Identified] = []
    for event in in_order_of_law(events):
        match event:
            case Operator.IdentifierAdded(scheme=scheme, value=value, valid_to=valid_to):
                if (scheme, value) in open:  # said anew: verified, or valid for longer
                    _close(done, open.pop((scheme, value)), begins(event.effective, zone))
                open[scheme, value] = Identified(
                    scheme, value, event.issuer, event.verified_by,
                    begins(event.effective, zone), begins(valid_to, zone) if valid_to else None,
                )  # fmt: skip
            case Operator.IdentifierEnded(scheme=scheme, value=value) if (scheme, value) in open:
                it = open.pop((scheme, value))
                _close(done, it, begins(event.effective, zone))
    return [*done, *open.values()]


def consents(events: list[Operator.Event], zone: str) -> list[Consented]:
    open: dict[AdministrationCode | None, Consented] = {}
    done: list[Consented] = []
    for event in in_order_of_law(events):
        match event:
            case Operator.ConsentGiven(partner=partner) if partner not in open:
                open[partner] = Consented(partner, begins(event.effective, zone))
            case Operator.ConsentWithdrawn(partner=partner) if partner in open:
                _close(done, open.pop(partner), begins(event.effective, zone))
    return [*done, *open.values()]


def _close(done: list[Any], it: Any, end: datetime) -> None:
    if end > it.valid_from:
        done.append(replace(it, valid_to=min(end, it.valid_to) if it.valid_to else end))
