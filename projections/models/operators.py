"""Operators as they stand and as they stood: one stream's events, as rows on both clocks."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from projections.models.operator_snapshot import current_columns
from projections.models.tables import Rows, array, optional
from registry.domain.bitemporal import ALWAYS, BitemporalRow, F, TimedEvent
from registry.domain.decisions import begins, day_of, ends
from registry.domain.identifiers import normal
from registry.domain.operators.events import Operator
from registry.domain.operators.timeline import OperatorTimeline, build_timeline
from registry.domain.texts import folded

NOUN = "operator"
#: The tables that hold an operator's rows, all of them by its TIN.
TABLES = (
    "operator",
    "particulars",
    "identifier",
    "certificate",
    "consent",
    "status_period",
    "deadline",
)
KEY = "tin"

#: The events that can move what a partner recognises, and every kind of them.
_MOVERS = (
    Operator.AuthorisationEvent,
    Operator.Lodged,
    Operator.Listed,
    Operator.Merged,
    Operator.Corrected,
    Operator.ConsentGiven,
    Operator.ConsentWithdrawn,
    Operator.IdentifierAdded,
    Operator.IdentifierEnded,
)
_MOVES = {k for k in vars(Operator).values() if isinstance(k, type) and issubclass(k, _MOVERS)}


def key(events: Sequence[TimedEvent[Any]]) -> str:
    return str(events[0].event.tin)


def only_extends(last: TimedEvent[Any], fresh: Sequence[TimedEvent[Any]]) -> bool:
    """Whether what new events change shows in the rows themselves: no row that was there is gone,
    it is only believed no longer. Not where a belief is replaced within its own instant, and not
    where a correction may take a deadline away."""
    return fresh[0].known_at > last.known_at and not any(
        type(timed_event.event) is Operator.Corrected for timed_event in fresh
    )


def rows(events: Sequence[TimedEvent[Any]], since: int = -1) -> Rows:
    """Every row that an operator's whole stream makes. A pure function of its events.

    `since`: of them those that the events after that position made or changed.
    """
    operator_timeline = build_timeline(events)
    tin, zone = operator_timeline.tin.text, operator_timeline.registered.event.time_zone

    def moved(facts: list[BitemporalRow[F]]) -> list[BitemporalRow[F]]:
        if since < 0:
            return facts
        return [r for r in facts if r.position > since or (r.position_to or -1) > since]

    return {
        "operator": [_as_it_stands(operator_timeline, events)],
        "particulars": [
            (
                tin,
                r.fact.name,
                r.fact.local_name,
                r.fact.address,
                array(r.fact.roles),
                optional(r.fact.successor),
                _called(r.fact.name, r.fact.local_name),
                r.fact.valid_from,
                r.fact.valid_to,
                r.recorded_from,
                r.recorded_to,
                r.position,
                r.position_to,
            )
            for r in moved(operator_timeline.names)
        ],
        "identifier": [
            (
                tin,
                r.fact.scheme,
                r.fact.value,
                optional(r.fact.issuer),
                r.fact.verified_by,
                normal(r.fact.value, r.fact.scheme),
                day_of(r.fact.valid_from, zone),
                day_of(r.fact.valid_to, zone) if r.fact.valid_to else None,
                r.fact.shared,
                r.fact.valid_from,
                r.fact.valid_to,
                r.recorded_from,
                r.recorded_to,
                r.position,
                r.position_to,
            )
            for r in moved(operator_timeline.identifiers)
        ],
        "certificate": [
            (
                tin,
                r.fact.authorisation,
                r.fact.number,
                normal(r.fact.number),
                r.fact.shared,
                r.recorded_from,
                r.recorded_to,
                r.position,
                r.position_to,
            )
            for r in moved(operator_timeline.certificates)
        ],
        "consent": [
            (
                tin,
                str(r.fact.partner or "*"),
                r.fact.valid_from,
                r.fact.valid_to,
                r.recorded_from,
                r.recorded_to,
                r.position,
                r.position_to,
            )
            for r in moved(operator_timeline.consents)
        ],
        "status_period": [
            (
                tin,
                p.authorisation,
                p.number,
                p.programme,
                p.type,
                p.status,
                p.abroad,
                array(p.roles),
                p.effective_from,
                p.valid_until,
                array(p.flags),
                p.ground,
                p.valid_from,
                p.valid_to,
                r.recorded_from,
                r.recorded_to,
                r.position,
                r.position_to,
            )
            for r in moved(operator_timeline.periods)
            for p in [r.fact]
        ],
        "deadline": [
            (
                tin,
                d.authorisation,
                d.what,
                d.due,
                ends(d.due, zone) if d.due else None,
                d.rule,
                d.met_on,
                begins(d.met_on, zone) if d.met_on else None,
                d.dropped,
                number,
            )
            for number, d in enumerate(operator_timeline.deadlines, start=1)
        ],
    }


def _called(name: str, local_name: str | None) -> str:
    """What a search by name looks in. Two blanks in a row are in no normal form, so that nobody
    finds the end of the one name with the beginning of the other."""
    return f"{folded(name)}  {folded(local_name)}" if local_name else folded(name)


def _as_it_stands(
    operator_timeline: OperatorTimeline, events: Sequence[TimedEvent[Any]]
) -> tuple[Any, ...]:
    """As it stands once all that its events decided is in effect: for lists and searches."""
    first = operator_timeline.registered.event
    name = max(
        (r.fact for r in operator_timeline.names if r.recorded_to is None),
        key=lambda n: n.valid_from,
    )
    latest = {
        r.fact.authorisation: r.fact
        for r in sorted(
            (r for r in operator_timeline.periods if r.recorded_to is None),
            key=lambda r: r.fact.valid_from,
        )
    }
    standing, answers = current_columns(operator_timeline)
    return (
        operator_timeline.tin.text,
        first.originator_id,
        first.administration.text,
        first.time_zone,
        first.source,
        operator_timeline.registered.known_at,
        name.name,
        name.local_name,
        name.address,
        array(name.roles),
        optional(name.successor),
        standing.value,
        array(tuple(sorted({p.programme for p in latest.values()}))),
        array(tuple(sorted({p.type for p in latest.values()}))),
        operator_timeline.last,
        *answers,
    )


def changes(registered: Operator.Registered, told: Sequence[tuple[TimedEvent[Any], Any]]) -> Rows:
    """One row for each event that may have moved an answer, with its moment of recording."""
    tin, administration = registered.tin.text, registered.administration.text
    zone = registered.time_zone
    return {
        "change": [
            (
                tin,
                administration,
                _changes_from(timed_event.event, zone),
                recorded_at,
                timed_event.known_at,
                timed_event.position,
            )
            for timed_event, recorded_at in told
            if type(timed_event.event) in _MOVES
        ]
    }


def _changes_from(event: Operator.Event, zone: str) -> datetime:
    """The earliest instant of law whose answer an event may have moved."""
    match event:
        case Operator.Corrected() | Operator.Unlisted():
            # As far back as what is corrected; from the day after it was last known to be held.
            return ALWAYS
        case Operator.Listed(earliest=earliest, since=since, effective=read_on):
            return begins(min(earliest, since or earliest, read_on), zone)
    return begins(event.effective, zone)
