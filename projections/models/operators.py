"""Read model of operators: the current state and the bitemporal history, from the events of one
stream."""

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
#: The tables with rows of an operator; TIN is the key column of each.
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

#: The base classes of the events that can change whether a partner recognises the operator, and all
#: their event classes.
_RECOGNITION_EVENT_BASES = (
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
_RECOGNITION_EVENTS = {
    k
    for k in vars(Operator).values()
    if isinstance(k, type) and issubclass(k, _RECOGNITION_EVENT_BASES)
}


def key(events: Sequence[TimedEvent[Any]]) -> str:
    """Returns the key of the rows: the operator's TIN."""
    return str(events[0].event.tin)


def only_extends(last: TimedEvent[Any], new_events: Sequence[TimedEvent[Any]]) -> bool:
    """Whether new events only add rows or end the belief in existing ones, so that no existing row
    has to be deleted. Not so if a belief is replaced within its own instant of transaction time, or
    if a correction may remove a deadline."""
    return new_events[0].known_at > last.known_at and not any(
        type(timed_event.event) is Operator.Corrected for timed_event in new_events
    )


def rows(events: Sequence[TimedEvent[Any]], since: int = -1) -> Rows:
    """Returns every row of an operator, from its whole stream. A pure function of the events.

    `since`: return only the rows that were added or changed by events after that position.
    """
    timeline = build_timeline(events)
    tin, zone = timeline.tin.text, timeline.registered.event.time_zone

    def changed(facts: list[BitemporalRow[F]]) -> list[BitemporalRow[F]]:
        if since < 0:
            return facts
        return [r for r in facts if r.position > since or (r.position_to or -1) > since]

    return {
        "operator": [_current_row(timeline, events)],
        "particulars": [
            (
                tin,
                r.fact.name,
                r.fact.local_name,
                r.fact.address,
                array(r.fact.roles),
                optional(r.fact.successor),
                _search_names(r.fact.name, r.fact.local_name),
                r.fact.valid_from,
                r.fact.valid_to,
                r.recorded_from,
                r.recorded_to,
                r.position,
                r.position_to,
            )
            for r in changed(timeline.names)
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
            for r in changed(timeline.identifiers)
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
            for r in changed(timeline.certificates)
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
            for r in changed(timeline.consents)
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
            for r in changed(timeline.periods)
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
            for number, d in enumerate(timeline.deadlines, start=1)
        ],
    }


def _search_names(name: str, local_name: str | None) -> str:
    """Returns the text that a search by name looks in. No normal form contains two spaces in a row,
    so a search term cannot match across the two names."""
    return f"{folded(name)}  {folded(local_name)}" if local_name else folded(name)


def _current_row(timeline: OperatorTimeline, events: Sequence[TimedEvent[Any]]) -> tuple[Any, ...]:
    """Returns the row of views.operator: the state once all recorded decisions are in effect, for
    lists and searches."""
    first = timeline.registered.event
    name = max(
        (r.fact for r in timeline.names if r.recorded_to is None),
        key=lambda n: n.valid_from,
    )
    latest = {
        r.fact.authorisation: r.fact
        for r in sorted(
            (r for r in timeline.periods if r.recorded_to is None),
            key=lambda r: r.fact.valid_from,
        )
    }
    standing, answers = current_columns(timeline)
    return (
        timeline.tin.text,
        first.originator_id,
        first.administration.text,
        first.time_zone,
        first.source,
        timeline.registered.known_at,
        name.name,
        name.local_name,
        name.address,
        array(name.roles),
        optional(name.successor),
        standing.value,
        array(tuple(sorted({p.programme for p in latest.values()}))),
        array(tuple(sorted({p.type for p in latest.values()}))),
        timeline.last,
        *answers,
    )


def changes(
    registered: Operator.Registered, recorded_events: Sequence[tuple[TimedEvent[Any], Any]]
) -> Rows:
    """Returns one row for each event that may change an answer, with its recording instant."""
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
            for timed_event, recorded_at in recorded_events
            if type(timed_event.event) in _RECOGNITION_EVENTS
        ]
    }


def _changes_from(event: Operator.Event, zone: str) -> datetime:
    """Returns the earliest instant of valid time whose answer an event may change."""
    match event:
        case Operator.Corrected() | Operator.Unlisted():
            # A correction may reach back to the beginning. An unlisting takes effect from the day
            # after the operator was last known to be listed, which may be any day.
            return ALWAYS
        case Operator.Listed(earliest=earliest, since=since, effective=read_on):
            return begins(min(earliest, since or earliest, read_on), zone)
    return begins(event.effective, zone)
