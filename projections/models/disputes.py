"""Read model of disputes: what somebody says is wrong about an operator, and what became of it."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

from projections.models.read_model import BigInt, Events, Table, TableRow
from projections.models.tables import optional
from registry.domain.decisions import end_of_day
from registry.domain.operators.events import DISPUTE_EVENTS, Operator


class StoredDispute(TableRow):
    """A row of views.dispute."""

    tin: str
    dispute: UUID
    administration: str
    opened_by: str | None
    in_its_name: bool
    kind: str
    statement: str
    event: BigInt | None
    receipt: UUID | None
    territory: str | None
    answer_due: date | None
    overdue_from: datetime | None
    answer: str | None
    answered_at: datetime | None
    state: str
    reason: str | None
    recorded_from: datetime
    recorded_to: datetime | None
    position: BigInt
    position_to: BigInt | None


DISPUTES = Table(
    "dispute",
    StoredDispute,
    "tin",
    # what was open at the instant
    valid="rule.in_interval({at}, t.recorded_from, t.recorded_to)",
)


def disputes(events: Events, since: int = -1) -> list[StoredDispute]:
    """Returns one row for each dispute in the stream of an operator. A pure function of the events.

    `since`: only those that an event after that position opened, answered or closed.
    """
    registered: Operator.Registered = events[0].event
    made: dict[UUID, StoredDispute] = {}
    touched: dict[UUID, int] = {}
    for timed_event in events:
        event = timed_event.event
        if not isinstance(event, DISPUTE_EVENTS):
            continue
        touched[event.dispute] = timed_event.position
        if isinstance(event, Operator.DisputeOpened):
            made[event.dispute] = _opened(registered, event, timed_event.known_at)
            made[event.dispute].position = timed_event.position
            continue
        row = made[event.dispute]
        if isinstance(event, Operator.DisputeAnswered):
            row.answer = event.answer
            row.answered_at = row.answered_at or timed_event.known_at
            continue
        row.state = "WITHDRAWN"
        if isinstance(event, Operator.DisputeClosed):
            row.state = event.outcome.value
        row.reason = event.reason
        row.recorded_to, row.position_to = timed_event.known_at, timed_event.position
    return [row for row in made.values() if touched[row.dispute] > since]


def _opened(
    registered: Operator.Registered, event: Operator.DisputeOpened, known_at: datetime
) -> StoredDispute:
    zone = registered.time_zone
    return StoredDispute(
        tin=registered.tin.text,
        dispute=event.dispute,
        administration=registered.administration.text,
        opened_by=optional(event.opened_by),
        in_its_name=bool(event.in_its_name),
        kind=event.kind.value,
        statement=event.statement,
        event=event.position,
        receipt=event.receipt,
        territory=optional(event.territory),
        answer_due=event.answer_due,
        overdue_from=end_of_day(event.answer_due, zone) if event.answer_due else None,
        answer=None,
        answered_at=None,
        state="OPEN",
        reason=None,
        recorded_from=known_at,
        recorded_to=None,
        position=0,
        position_to=None,
    )
