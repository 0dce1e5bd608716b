"""The bitemporal timeline of an operator: statuses, names, identifiers, consents, deadlines.

Valid time follows the effective dates, whatever the order of recording. A suspension recorded on
the tenth with effect from the first makes the first to the tenth suspended in valid time. The
earlier belief is kept under its own transaction time.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import msgspec
from msgspec.structs import replace

from registry.domain.bitemporal import BeliefHistory, BitemporalRow, TimedEvent, bitemporal_rows
from registry.domain.consent import Consented
from registry.domain.decisions import start_of_day
from registry.domain.identifiers import normal_form
from registry.domain.operators.deadlines import Deadline, deadlines
from registry.domain.operators.events import Operator, corrected_events
from registry.domain.operators.particulars import OperatorParticulars
from registry.domain.operators.status_periods import (
    AuthorisationPeriods,
    Period,
    StatusTimeline,
    in_valid_time_order,
    last_statuses,
    periods,
    records_an_end,
)
from registry.domain.values import AdministrationCode, Tin

__all__ = [
    "Identified",
    "Named",
    "OperatorTimeline",
    "Period",
    "build_timeline",
    "consents",
    "last_statuses",
    "periods",
]


class Named(msgspec.Struct, frozen=True, gc=False, cache_hash=True):
    """The particulars and the successor of an operator over a valid-time interval."""

    particulars: OperatorParticulars
    successor: Tin | None
    valid_from: datetime
    valid_to: datetime | None = None


class Identified(msgspec.Struct, frozen=True, gc=False, cache_hash=True):
    """An identifier of an operator over a valid-time interval."""

    scheme: str
    value: str
    issuer: AdministrationCode | None
    verified_by: str | None
    valid_from: datetime
    valid_to: datetime | None = None
    shared: bool = False  # a reason was given why another operator may have it too


class Certified(msgspec.Struct, frozen=True, gc=False, cache_hash=True):
    """The certificate number of an authorisation. It has transaction time only, no valid time."""

    authorisation: str
    number: str
    shared: bool


@dataclass
class OperatorTimeline:
    """Everything that an operator's stream states, in valid time and transaction time."""

    tin: Tin
    registered: TimedEvent[Operator.Registered]
    last: int  # position of the last event
    periods: list[BitemporalRow[Period]]
    names: list[BitemporalRow[Named]]
    identifiers: list[BitemporalRow[Identified]]
    consents: list[BitemporalRow[Consented]]
    deadlines: list[Deadline]
    turns: list[datetime]  # instants at which a status begins by an event or by a recorded end
    ends: list[datetime]  # instants at which a status begins by a scheduled end, without an event
    to_record: datetime | None  # the first end by law, past or future, that no event records
    certificates: list[BitemporalRow[Certified]]


#: Bit masks: the kinds of rows that an event can change. Other rows need no new computation.
_STATUSES, _NAMES, _IDENTIFIERS, _CONSENTS = 1, 2, 4, 8
_EVERY = _STATUSES | _NAMES | _IDENTIFIERS | _CONSENTS


def _changes_of(kind: type[Any]) -> int:
    """The kinds of rows that an event of this class can change, as a bit mask."""
    if issubclass(kind, (Operator.AuthorisationEvent, Operator.Lodged, Operator.Listed)):
        return _STATUSES
    if issubclass(kind, (Operator.IdentifierAdded, Operator.IdentifierEnded)):
        return _IDENTIFIERS
    if issubclass(kind, (Operator.ConsentGiven, Operator.ConsentWithdrawn)):
        return _CONSENTS
    others: dict[type[Any], int] = {
        Operator.Merged: _STATUSES | _NAMES,
        Operator.Amended: _NAMES,
        Operator.Corrected: _EVERY,
    }
    return others.get(kind, 0)


_CHANGES = {kind: _changes_of(kind) for kind in vars(Operator).values() if isinstance(kind, type)}


def build_timeline(events: Sequence[TimedEvent[Any]]) -> OperatorTimeline:
    """Builds the timeline from the whole stream, first event first.

    After each event only the kinds of rows that it can change are computed again; a correction
    changes all of them.
    """
    first: TimedEvent[Operator.Registered] = events[0]
    zone = first.event.time_zone
    statuses: BeliefHistory[Period] = BeliefHistory()
    names, identifier_beliefs, consent_beliefs, certificate_beliefs = [], [], [], []
    decided: list[Operator.Event] = []
    book, corrected = StatusTimeline(zone), False
    names.append((first.position, first.known_at, _names(first.event, decided, zone)))
    for timed_event in events[1:]:
        event = timed_event.event
        decided.append(event)
        changes = _CHANGES[type(event)]
        every = changes == _EVERY
        corrected = corrected or every
        stated = corrected_events(decided) if corrected else decided
        if changes & _STATUSES:
            moved = None
            if every:
                book = StatusTimeline(zone)
                for corrected_event in stated:
                    book.tell(corrected_event)
            else:
                moved = book.tell(event)
            if moved:
                statuses.change(timed_event.position, timed_event.known_at, *moved)
            else:
                statuses.believe(timed_event.position, timed_event.known_at, book.periods())
        if changes & _NAMES:
            names.append(
                (timed_event.position, timed_event.known_at, _names(first.event, stated, zone))
            )
        if changes & _IDENTIFIERS:
            identifier_beliefs.append(
                (timed_event.position, timed_event.known_at, identifiers(stated, zone))
            )
        if changes & _CONSENTS:
            consent_beliefs.append(
                (timed_event.position, timed_event.known_at, consents(stated, zone))
            )
        if every or isinstance(event, (Operator.Granted, Operator.Listed)):
            certificate_beliefs.append(
                (timed_event.position, timed_event.known_at, _certified(stated))
            )
    pages = book.pages.values()
    recorded = {
        (e.authorisation, start_of_day(e.effective, zone))
        for e in decided
        if isinstance(e, Operator.AuthorisationEvent) and records_an_end(e)
    }
    return OperatorTimeline(
        first.event.tin,
        first,
        events[-1].position,
        statuses.facts(),
        bitemporal_rows(names),
        bitemporal_rows(identifier_beliefs),
        bitemporal_rows(consent_beliefs),
        deadlines(corrected_events(decided) if corrected else decided),
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
        _first_unrecorded_end(pages, decided, zone),
        bitemporal_rows(certificate_beliefs),
    )


def _first_unrecorded_end(
    pages: Iterable[AuthorisationPeriods], events: Sequence[Operator.Event], zone: str
) -> datetime | None:
    """The instant of the first end by law, past or future, that no event records; else None."""
    ends = [(page.opening.authorisation, end) for page in pages for end in page.ended_by(date.max)]
    if not ends:
        return None
    recorded = {
        (type(e) is Operator.Expired, e.authorisation, e.effective)
        for e in events
        if isinstance(e, Operator.Expired | Operator.SuspensionEnded)
    }
    days = [end.day for text, end in ends if (end.of_term, text, end.day) not in recorded]
    return start_of_day(min(days), zone) if days else None


# ------------------------------------------- names, identifiers and consents


def _names(first: Operator.Registered, events: list[Operator.Event], zone: str) -> list[Named]:
    """The particulars over valid time, from the registration, amendments and mergers."""
    now = Named(OperatorParticulars.of(first), None, start_of_day(first.effective, zone))
    done: list[Named] = []
    for event in in_valid_time_order(e for e in events if _CHANGES[type(e)] & _NAMES):
        match event:
            case Operator.Amended():
                after = replace(now, particulars=now.particulars.amended(event))
            case Operator.Merged(successor=successor):
                after = replace(now, successor=successor)
            case _:
                continue
        day = max(start_of_day(event.effective, zone), now.valid_from)
        if day > now.valid_from:
            done.append(replace(now, valid_to=day))
        now = replace(after, valid_from=day)
    return [*done, now]


def identifiers(events: list[Operator.Event], zone: str) -> list[Identified]:
    """The identifiers over valid time. An identifier added again replaces the earlier entry."""
    open: dict[tuple[str, str], Identified] = {}
    done: list[Identified] = []
    for event in in_valid_time_order(e for e in events if _CHANGES[type(e)] & _IDENTIFIERS):
        match event:
            case Operator.IdentifierAdded(scheme=scheme, value=value, valid_to=valid_to):
                key = (scheme, normal_form(value, scheme))
                if key in open:  # recorded again: verified, or valid for longer
                    _close(done, open.pop(key), start_of_day(event.effective, zone))
                open[key] = Identified(
                    scheme,
                    value,
                    event.issuer,
                    event.verified_by,
                    start_of_day(event.effective, zone),
                    start_of_day(valid_to, zone) if valid_to else None,
                    bool(event.shared),
                )
            case Operator.IdentifierEnded(scheme=scheme, value=value):
                if identified := open.pop((scheme, normal_form(value, scheme)), None):
                    _close(done, identified, start_of_day(event.effective, zone))
    return [*done, *open.values()]


def _certified(events: Sequence[Operator.Event]) -> list[Certified]:
    """The certificate numbers. `shared` is True if a reason for sharing was given at least once."""
    found: dict[tuple[str, str], bool] = {}
    for event in events:
        if isinstance(event, (Operator.Granted, Operator.Listed)) and event.number:
            key = (event.authorisation, event.number)
            found[key] = found.get(key, False) or bool(event.shared)
    return [Certified(*key, shared) for key, shared in found.items()]


def consents(events: list[Operator.Event], zone: str) -> list[Consented]:
    """The consents over valid time, for each partner, for all partners and for publication."""
    open: dict[str, Consented] = {}
    done: list[Consented] = []
    for event in in_valid_time_order(e for e in events if _CHANGES[type(e)] & _CONSENTS):
        match event:
            case Operator.ConsentGiven(scope=scope) if scope not in open:
                day = start_of_day(event.effective, zone)
                open[scope] = Consented(event.partner, day, general=bool(event.general))
            case Operator.ConsentWithdrawn(scope=scope) if scope in open:
                _close(done, open.pop(scope), start_of_day(event.effective, zone))
    return [*done, *open.values()]


def _close(done: list[Any], row: Any, end: datetime) -> None:
    """Adds a row that ends at `end`. A row of no length is left out."""
    if end > row.valid_from:
        done.append(replace(row, valid_to=min(end, row.valid_to) if row.valid_to else end))
