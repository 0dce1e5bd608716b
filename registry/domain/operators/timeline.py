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

from registry.domain.bitemporal import BeliefHistory, BitemporalRow, TimedEvent, remember
from registry.domain.decisions import begins
from registry.domain.identifiers import normal
from registry.domain.operators.deadlines import Deadline, deadlines
from registry.domain.operators.events import Operator, amended
from registry.domain.operators.status_periods import (
    AuthorisationStretches,
    Period,
    StatusTimeline,
    in_order_of_law,
    periods,
    records_an_end,
    stand,
)
from registry.domain.values import AdministrationCode, Role, Tin

__all__ = [
    "Consented",
    "Identified",
    "Named",
    "OperatorTimeline",
    "Period",
    "consents",
    "periods",
    "record",
    "stand",
]


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
    shared: bool = False  # why another operator may have it, too, was said


class Certified(msgspec.Struct, frozen=True, gc=False, cache_hash=True):
    """The number of an authorisation, in law or not."""

    authorisation: str
    number: str
    shared: bool


class Consented(msgspec.Struct, frozen=True, gc=False, cache_hash=True):
    """`partner` is None for publication."""

    partner: AdministrationCode | None
    valid_from: datetime
    valid_to: datetime | None = None


@dataclass
class OperatorTimeline:
    """Everything that an operator's stream says, on both clocks."""

    tin: Tin
    registered: TimedEvent[Operator.Registered]
    last: int  # position of the last event
    periods: list[BitemporalRow[Period]]
    names: list[BitemporalRow[Named]]
    identifiers: list[BitemporalRow[Identified]]
    consents: list[BitemporalRow[Consented]]
    deadlines: list[Deadline]
    turns: list[datetime]  # where a status period begins by an event, or by an end on record
    ends: list[datetime]  # where one begins without: an end said in advance comes
    to_record: datetime | None  # the first end by law, past or to come, that no event records
    certificates: list[BitemporalRow[Certified]]


#: Of which beliefs an event changes something: nothing is believed anew because of the others.
_STANDING, _NAMES, _IDENTIFIERS, _CONSENTS = 1, 2, 4, 8
_EVERY = _STANDING | _NAMES | _IDENTIFIERS | _CONSENTS


def _touched_by(kind: type[Any]) -> int:
    if issubclass(kind, (Operator.AuthorisationEvent, Operator.Lodged, Operator.Listed)):
        return _STANDING
    if issubclass(kind, (Operator.IdentifierAdded, Operator.IdentifierEnded)):
        return _IDENTIFIERS
    if issubclass(kind, (Operator.ConsentGiven, Operator.ConsentWithdrawn)):
        return _CONSENTS
    others = {
        Operator.Merged: _STANDING | _NAMES,
        Operator.Amended: _NAMES,
        Operator.Corrected: _EVERY,
    }
    return others.get(kind, 0)


_TOUCHED = {kind: _touched_by(kind) for kind in vars(Operator).values() if isinstance(kind, type)}


def record(events: Sequence[TimedEvent[Any]]) -> OperatorTimeline:
    """The whole stream, first event first, read on both clocks."""
    first: TimedEvent[Operator.Registered] = events[0]
    zone = first.event.time_zone
    standings: BeliefHistory[Period] = BeliefHistory()
    names, numbered, consented, certified = [], [], [], []
    told: list[Operator.Event] = []
    book, corrected = StatusTimeline(zone), False
    names.append((first.position, first.known_at, _names(first.event, told, zone)))
    for timed_event in events[1:]:
        event = timed_event.event
        told.append(event)
        touched = _TOUCHED[type(event)]
        every = touched == _EVERY
        corrected = corrected or every
        said = amended(told) if corrected else told
        if touched & _STANDING:
            moved = None
            if every:
                book = StatusTimeline(zone)
                for each in said:
                    book.tell(each)
            else:
                moved = book.tell(event)
            if moved:
                standings.change(timed_event.position, timed_event.known_at, *moved)
            else:
                standings.believe(timed_event.position, timed_event.known_at, book.periods())
        if touched & _NAMES:
            names.append(
                (timed_event.position, timed_event.known_at, _names(first.event, said, zone))
            )
        if touched & _IDENTIFIERS:
            numbered.append((timed_event.position, timed_event.known_at, identifiers(said, zone)))
        if touched & _CONSENTS:
            consented.append((timed_event.position, timed_event.known_at, consents(said, zone)))
        if every or isinstance(event, (Operator.Granted, Operator.Listed)):
            certified.append((timed_event.position, timed_event.known_at, _certified(said)))
    pages = book.pages.values()
    recorded = {
        (e.authorisation, begins(e.effective, zone))
        for e in told
        if isinstance(e, Operator.AuthorisationEvent) and records_an_end(e)
    }
    return OperatorTimeline(
        first.event.tin,
        first,
        events[-1].position,
        standings.facts(),
        remember(names),
        remember(numbered),
        remember(consented),
        deadlines(amended(told) if corrected else told),
        [
            *[p.valid_from for page in pages for p in (*page.done, page.ahead[0])],
            *[at for _, at in recorded],
        ],
        [
            p.valid_from
            for page in pages
            for p in page.ahead[1:]
            if (p.authorisation, p.valid_from) not in recorded
        ],
        _to_record(pages, told, zone),
        remember(certified),
    )


def _to_record(
    pages: Iterable[AuthorisationStretches], told: Sequence[Operator.Event], zone: str
) -> datetime | None:
    ends = [(page.begun.authorisation, end) for page in pages for end in page.ended_by(date.max)]
    if not ends:
        return None
    recorded = {
        (type(e) is Operator.Expired, e.authorisation, e.effective)
        for e in told
        if isinstance(e, Operator.Expired | Operator.SuspensionEnded)
    }
    days = [end.day for text, end in ends if (end.of_term, text, end.day) not in recorded]
    return begins(min(days), zone) if days else None


# ------------------------------------------- names, identifiers and consents


def _names(first: Operator.Registered, events: list[Operator.Event], zone: str) -> list[Named]:
    now = Named(
        first.name,
        first.local_name,
        first.address,
        first.roles,
        None,
        begins(first.effective, zone),
    )
    done: list[Named] = []
    for event in in_order_of_law(e for e in events if _TOUCHED[type(e)] & _NAMES):
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


def identifiers(events: list[Operator.Event], zone: str) -> list[Identified]:
    open: dict[tuple[str, str], Identified] = {}
    done: list[Identified] = []
    for event in in_order_of_law(e for e in events if _TOUCHED[type(e)] & _IDENTIFIERS):
        match event:
            case Operator.IdentifierAdded(scheme=scheme, value=value, valid_to=valid_to):
                key = (scheme, normal(value, scheme))
                if key in open:  # said anew: verified, or valid for longer
                    _close(done, open.pop(key), begins(event.effective, zone))
                open[key] = Identified(
                    scheme,
                    value,
                    event.issuer,
                    event.verified_by,
                    begins(event.effective, zone),
                    begins(valid_to, zone) if valid_to else None,
                    bool(event.shared),
                )
            case Operator.IdentifierEnded(scheme=scheme, value=value):
                if identified := open.pop((scheme, normal(value, scheme)), None):
                    _close(done, identified, begins(event.effective, zone))
    return [*done, *open.values()]


def _certified(events: Sequence[Operator.Event]) -> list[Certified]:
    """Of a number that was said more than once, why another may have it if that was ever said."""
    found: dict[tuple[str, str], bool] = {}
    for event in events:
        if isinstance(event, (Operator.Granted, Operator.Listed)) and event.number:
            key = (event.authorisation, event.number)
            found[key] = found.get(key, False) or bool(event.shared)
    return [Certified(*key, shared) for key, shared in found.items()]


def consents(events: list[Operator.Event], zone: str) -> list[Consented]:
    open: dict[AdministrationCode | None, Consented] = {}
    done: list[Consented] = []
    for event in in_order_of_law(e for e in events if _TOUCHED[type(e)] & _CONSENTS):
        match event:
            case Operator.ConsentGiven(partner=partner) if partner not in open:
                open[partner] = Consented(partner, begins(event.effective, zone))
            case Operator.ConsentWithdrawn(partner=partner) if partner in open:
                _close(done, open.pop(partner), begins(event.effective, zone))
    return [*done, *open.values()]


def _close(done: list[Any], item: Any, end: datetime) -> None:
    if end > item.valid_from:
        done.append(replace(item, valid_to=min(end, item.valid_to) if item.valid_to else end))
