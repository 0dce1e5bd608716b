"""The GraphQL types and query of proposals: decisions that wait for a second person."""

from __future__ import annotations

from datetime import date, datetime
from enum import Enum
from typing import Any

import strawberry

from api.access import policy
from api.access.policy import Action, Resource, SubjectRole
from api.graphql import paging, positions
from api.graphql.context import Context, Info
from api.graphql.costs import costs
from api.graphql.scalars import Json, Position
from projections.reads import proposals as reads
from projections.reads.administration_proposals import AdministrationProposalRow
from projections.reads.proposals import ProposalRow
from registry.domain import commands as c
from registry.domain.errors import UnknownProposal
from registry.domain.values import Tin

#: Fields of the proposed command that say how it was sent.
SENDING = ("command", "command_id", "signature")


@strawberry.enum
class ProposalState(Enum):
    """What became of a proposal."""

    OPEN = "OPEN"
    CONFIRMED = "CONFIRMED"
    REJECTED = "REJECTED"
    WITHDRAWN = "WITHDRAWN"
    LAPSED = "LAPSED"


@strawberry.type
class ProposedCommand:
    """What every proposal has: a decision that one person proposed and that needs a second person
    (four eyes). No type of the schema by itself."""

    command: str = strawberry.field(
        description="The proposed command, with its name in an import file: revoke_authorisation."
    )
    input: Json = strawberry.field(
        description="The fields of the proposed command, with their names in an import file."
    )
    state: ProposalState = strawberry.field(description="What became of it, as of now.")
    proposed_by: str = strawberry.field(description="The person who proposed it, as an opaque id.")
    is_own: bool = strawberry.field(
        description="Whether you proposed it. Nobody confirms or rejects a proposal of their own."
    )
    proposed_at: datetime = strawberry.field(description="When it was proposed.")
    expires: date | None = strawberry.field(
        description="The last day, in the time zone of the operator's home or of the "
        "administration, on which it can be confirmed. Null: there is no limit."
    )
    closed_by: str | None = strawberry.field(
        description="The person who confirmed, rejected or withdrew it, as an opaque id."
    )
    closed_at: datetime | None = strawberry.field(
        description="When it was confirmed, rejected or withdrawn."
    )
    reason: str | None = strawberry.field(description="Why it was rejected or withdrawn.")
    position: Position = strawberry.field(description="The position of the proposal in the log.")


def proposed_command(
    context: Context, row: ProposalRow | AdministrationProposalRow
) -> dict[str, Any]:
    """The fields of a `ProposedCommand` from a row."""
    return {
        "command": row.input["command"],
        "input": Json({k: v for k, v in row.input.items() if k not in SENDING}),
        "state": ProposalState(row.state(context.now)),
        "proposed_by": row.proposer,
        "is_own": row.proposer == context.subject.person,
        "proposed_at": row.proposed_at,
        "expires": row.expires,
        "closed_by": row.closer,
        "closed_at": row.closed_at,
        "reason": row.reason,
        "position": Position(row.position),
    }


@strawberry.type
class Proposal(ProposedCommand):
    """A decision about an operator that one person proposed and that needs a second person (four
    eyes)."""

    proposal: strawberry.ID = strawberry.field(
        description="The id of the command that was proposed. Pass it to `confirmProposal`, "
        "`rejectProposal` or `withdrawProposal`."
    )
    tin: Tin = strawberry.field(description="The operator that the decision is about.")
    programme: str = strawberry.field(
        description="The code of the programme, or of the administration, whose rules want the "
        "second person."
    )

    @classmethod
    def of(cls, context: Context, row: ProposalRow) -> Proposal:
        """The proposal of a row."""
        return cls(
            proposal=strawberry.ID(str(row.proposal)),
            tin=Tin(row.tin),
            programme=row.programme,
            **proposed_command(context, row),
        )


@strawberry.type
class ProposalEdge:
    """A proposal and its cursor in the list."""

    cursor: str
    node: Proposal


@strawberry.type
class ProposalConnection:
    """A page of open proposals, the earliest first."""

    edges: list[ProposalEdge]
    page_info: paging.PageInfo


async def proposals_of(context: Context, tin: Tin, first: int | None) -> list[Proposal]:
    """The proposals of an operator. Raises Unanswered (FORBIDDEN) where the subject may not read
    them."""
    context.demand(Action.READ_PROPOSALS, policy.operator(tin))
    most = paging.size(first)
    async with context.ledger.connection() as connection:
        rows = await reads.proposals_of(connection, tin.text, most)
    return [Proposal.of(context, row) for row in rows]


def own_proposal(context: Context, command: c.WithdrawProposal) -> None:
    """Raises UnknownProposal for a proposal that the person behind a company did not make: what
    others propose about the company is not for it to know. Blocks."""
    found = context.registry.operator(command.tin).proposals.get(command.proposal)
    person = context.subject.person
    if found is None or person is None or found.proposed.proposer != person:
        raise UnknownProposal(
            "proposal: %(tin)s has no proposal %(proposal)s",
            tin=command.tin,
            proposal=command.proposal,
        )


@strawberry.type
class ProposalQuery:
    """The query for open proposals."""

    @costs(1_000, each=20)
    @strawberry.field
    async def proposals(
        self, info: Info, first: int | None = 50, after: str | None = None
    ) -> ProposalConnection:
        """The open proposals about operators of your administration, the earliest first; for
        auditors, those of all. Nobody else may ask."""
        context = info.context
        subject = context.subject
        context.demand(Action.READ_PROPOSALS, Resource(subject.own))
        everything = subject.role is SubjectRole.AUDITOR
        own = None if everything else sorted(code.text for code in subject.own)
        size = paging.size(first)
        epoch, key = paging.after_in("proposals", after, (int,))
        place = int(key[0]) if key else 0
        async with positions.of_epoch(context.ledger, epoch) as connection:
            rows = await reads.open_proposals(connection, own, context.now, place, size + 1)
        edges = [
            ProposalEdge(
                cursor=paging.cursor_in(context.epoch, "proposals", [row.position]),
                node=Proposal.of(context, row),
            )
            for row in rows[:size]
        ]
        return ProposalConnection(
            edges=edges, page_info=paging.PageInfo.of(edges, more=len(rows) > size, after=after)
        )
