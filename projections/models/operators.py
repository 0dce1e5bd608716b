"""Read model of operators: the current state and the bitemporal history, from the events of one
stream."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from projections.models.disputes import DISPUTES, disputes
from projections.models.operator_snapshot import (
    StoredOperator,
    StoredParticulars,
    current_row,
    particulars_of,
    particulars_row,
)
from projections.models.proposals import PROPOSALS, proposals
from projections.models.read_model import (
    AggregateRows,
    BigInt,
    Events,
    Extension,
    ReadModel,
    RecordedEvents,
    Rows,
    Table,
    TableRow,
    TextArray,
)
from projections.models.tables import array, optional
from registry.domain.bitemporal import ALWAYS, BitemporalRow, F, TimedEvent
from registry.domain.decisions import civil_day_of, end_of_day, start_of_day
from registry.domain.identifiers import normal_form
from registry.domain.operators.events import Operator
from registry.domain.operators.timeline import build_timeline
from registry.domain.values import Status


class StoredIdentifier(TableRow):
    """A row of views.identifier: a number that identifies an operator in an interval."""

    tin: str
    scheme: str
    value: str
    issuer: str | None
    verified_by: str | None
    normal: str | None
    from_day: date | None
    to_day: date | None
    shared: bool | None
    valid_from: datetime
    valid_to: datetime | None
    recorded_from: datetime
    recorded_to: datetime | None
    position: BigInt
    position_to: BigInt | None


class StoredCertificate(TableRow):
    """A row of views.certificate: the number of an authorisation, whatever the day."""

    tin: str
    authorisation: str
    number: str
    normal: str
    shared: bool
    recorded_from: datetime
    recorded_to: datetime | None
    position: BigInt
    position_to: BigInt | None


class StoredConsent(TableRow):
    """A row of views.consent: an interval in which an operator consents."""

    tin: str
    partner: str
    valid_from: datetime
    valid_to: datetime | None
    recorded_from: datetime
    recorded_to: datetime | None
    position: BigInt
    position_to: BigInt | None


class StoredStatusPeriod(TableRow):
    """A row of views.status_period: the status of an authorisation in an interval."""

    tin: str
    authorisation: str
    number: str | None
    programme: str
    type: str
    status: Status
    abroad: Status
    roles: TextArray
    effective_from: date | None
    valid_until: date | None
    flags: TextArray
    ground: str | None
    valid_from: datetime
    valid_to: datetime | None
    recorded_from: datetime
    recorded_to: datetime | None
    position: BigInt
    position_to: BigInt | None


class StoredDeadline(TableRow):
    """A row of views.deadline: a time limit, and when it was met."""

    tin: str
    authorisation: str
    what: str
    due: date | None
    over_at: datetime | None
    rule: str
    met_on: date | None
    met_at: datetime | None
    dropped: bool
    ordinal: int


class StoredChange(TableRow):
    """A row of views.change: an event that may change an answer."""

    tin: str
    administration: str
    effective_from: datetime
    recorded_at: datetime
    known_at: datetime
    position: BigInt


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


def only_extends(last: TimedEvent[Any], new_events: Events) -> bool:
    """Whether new events only add rows or end the belief in existing ones, so that no existing row
    has to be deleted. Not so if a belief is replaced within its own instant of transaction time, or
    if a correction may remove a deadline."""
    return new_events[0].known_at > last.known_at and not any(
        type(timed_event.event) is Operator.Corrected for timed_event in new_events
    )


def rows(events: Events, since: int = -1) -> Rows:
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
        "operator": [current_row(timeline)],
        "particulars": [particulars_row(tin, r) for r in changed(timeline.names)],
        "identifier": [
            StoredIdentifier(
                tin,
                r.fact.scheme,
                r.fact.value,
                optional(r.fact.issuer),
                r.fact.verified_by,
                normal_form(r.fact.value, r.fact.scheme),
                civil_day_of(r.fact.valid_from, zone),
                civil_day_of(r.fact.valid_to, zone) if r.fact.valid_to else None,
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
            StoredCertificate(
                tin,
                r.fact.authorisation,
                r.fact.number,
                normal_form(r.fact.number),
                r.fact.shared,
                r.recorded_from,
                r.recorded_to,
                r.position,
                r.position_to,
            )
            for r in changed(timeline.certificates)
        ],
        "consent": [
            StoredConsent(
                tin,
                r.fact.scope,
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
            StoredStatusPeriod(
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
            StoredDeadline(
                tin,
                d.authorisation,
                d.what,
                d.due,
                end_of_day(d.due, zone) if d.due else None,
                d.rule,
                d.met_on,
                start_of_day(d.met_on, zone) if d.met_on else None,
                d.dropped,
                number,
            )
            for number, d in enumerate(timeline.deadlines, start=1)
        ],
        "proposal": list(proposals(events, since)),
        "dispute": list(disputes(events, since)),
    }


def changes(registered: Operator.Registered, recorded_events: RecordedEvents) -> Rows:
    """Returns one row for each event that may change an answer, with its recording instant."""
    tin, administration = registered.tin.text, registered.administration.text
    zone = registered.time_zone
    return {
        "change": [
            StoredChange(
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
            return start_of_day(min(earliest, since or earliest, read_on), zone)
    return start_of_day(event.effective, zone)


#: What a replay shows of views.operator: the particulars and the best status at the instant.
_SHOWN = f"""
select t.tin, t.id, t.administration, t.time_zone, t.source, t.registered, {particulars_of("n")},
    coalesce((
        select p.status from {{schema}}.status_period_at p where p.tin = t.tin
        order by array_position(rule.statuses(), p.status) limit 1
    ), 'NONE') as standing
from {{schema}}.operator t
cross join lateral (
    select p.* from {{schema}}.particulars p where p.tin = t.tin and p.recorded_to is null
    order by greatest(p.valid_from, {{at}}), p.valid_from desc limit 1
) n"""

OPERATORS = ReadModel(
    "operators",
    (
        AggregateRows(
            "operator",
            key_field="tin",
            tables=(
                Table("operator", StoredOperator, "tin", shown=_SHOWN, after=("status_period",)),
                Table("particulars", StoredParticulars, "tin", fact=("tin",)),
                Table("identifier", StoredIdentifier, "tin", fact=("tin", "scheme", "value")),
                # A number is believed, and valid on every day.
                Table("certificate", StoredCertificate, "tin", valid="t.recorded_to is null"),
                Table("consent", StoredConsent, "tin", fact=("tin", "partner")),
                Table("status_period", StoredStatusPeriod, "tin", fact=("tin", "authorisation")),
                Table(
                    "deadline",
                    StoredDeadline,
                    "tin",
                    # still to be met on that day
                    valid="not t.dropped and (t.met_at is null or t.met_at > {at})",
                ),
                PROPOSALS,
                DISPUTES,
                Table(
                    "change",
                    StoredChange,
                    "tin",
                    append_only=True,
                    valid="t.effective_from <= {at}",
                ),
            ),
            rows=rows,
            extension=Extension(only_extends, rows),
            event_rows=changes,
            same_characters=True,
        ),
    ),
)
