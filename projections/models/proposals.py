"""Read model of proposals: the decisions of an operator that wait, or waited, for a second person.

The proposed command itself is not repeated here: it is in the event, at `position`.
"""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

from projections.models.read_model import BigInt, Events, Table, TableRow
from registry.domain.decisions import end_of_day
from registry.domain.operators.events import Operator


class StoredProposal(TableRow):
    """A row of views.proposal."""

    tin: str
    proposal: UUID
    administration: str
    programme: str
    command: str
    proposer: str
    expires: date | None
    lapses: datetime | None
    state: str
    closer: str | None
    reason: str | None
    recorded_from: datetime
    recorded_to: datetime | None
    position: BigInt
    position_to: BigInt | None


PROPOSALS = Table(
    "proposal",
    StoredProposal,
    "tin",
    # what waited for a second person at the instant
    valid="rule.in_interval({at}, t.recorded_from, t.recorded_to)"
    " and (t.lapses is null or t.lapses > {at})",
)


def proposals(events: Events, since: int = -1) -> list[StoredProposal]:
    """Returns one row for each proposal in the stream of an operator. A pure function of the
    events. `since`: only those that an event after that position made or closed."""
    registered: Operator.Registered = events[0].event
    made: dict[UUID, StoredProposal] = {}
    for timed_event in events:
        event = timed_event.event
        if isinstance(event, Operator.DecisionProposed):
            made[event.proposal] = StoredProposal(
                tin=registered.tin.text,
                proposal=event.proposal,
                administration=registered.administration.text,
                programme=event.programme,
                command=event.command["command"],
                proposer=event.proposer,
                expires=event.expires,
                lapses=end_of_day(event.expires, registered.time_zone) if event.expires else None,
                state="OPEN",
                closer=None,
                reason=None,
                recorded_from=timed_event.known_at,
                recorded_to=None,
                position=timed_event.position,
                position_to=None,
            )
        elif isinstance(event, Operator.ProposalEvent):
            row = made[event.proposal]
            row.state, row.closer, row.reason = _end(event)
            row.recorded_to, row.position_to = timed_event.known_at, timed_event.position
    return [row for row in made.values() if max(row.position, row.position_to or -1) > since]


def _end(event: Operator.ProposalEvent) -> tuple[str, str | None, str | None]:
    """The state that the event gives the proposal, the person, and the reason."""
    match event:
        case Operator.ProposalConfirmed(confirmer=person):
            return "CONFIRMED", person, None
        case Operator.ProposalRejected(rejecter=person, reason=reason):
            return "REJECTED", person, reason
        case Operator.ProposalWithdrawn(proposer=person, reason=reason):
            return "WITHDRAWN", person, reason
    raise AssertionError(f"{type(event).__name__} closes no proposal")
