"""The GraphQL types and query of the proposals of administrations: decisions about programmes,
agreements and the administration itself that wait for a second person."""

from __future__ import annotations

import strawberry

from api.access.policy import Action, Resource, SubjectRole
from api.graphql import paging, positions
from api.graphql.context import Context, Info
from api.graphql.costs import costs
from api.graphql.types.proposals import ProposedCommand, proposed_command
from projections.reads.administration_proposals import (
    AdministrationProposalRow,
    proposals_of_administrations,
)
from registry.domain.values import AdministrationCode


@strawberry.type
class AdministrationProposal(ProposedCommand):
    """A decision about a programme, an agreement or the administration itself, which one person
    proposed and which needs a second person (four eyes)."""

    proposal: strawberry.ID = strawberry.field(
        description="The id of the command that was proposed. Pass it to "
        "`confirmAdministrationProposal`, `rejectAdministrationProposal` or "
        "`withdrawAdministrationProposal`."
    )
    administration: AdministrationCode = strawberry.field(
        description="The administration whose rule wants the second person."
    )

    @classmethod
    def of(cls, context: Context, row: AdministrationProposalRow) -> AdministrationProposal:
        """The proposal of a row."""
        return cls(
            proposal=strawberry.ID(str(row.proposal)),
            administration=AdministrationCode(row.administration),
            **proposed_command(context, row),
        )


@strawberry.type
class AdministrationProposalEdge:
    """A proposal and its cursor in the list."""

    cursor: str
    node: AdministrationProposal


@strawberry.type
class AdministrationProposalConnection:
    """A page of proposals of administrations, the latest first."""

    edges: list[AdministrationProposalEdge]
    page_info: paging.PageInfo


@strawberry.type
class AdministrationProposalQuery:
    """The query for proposals that concern no operator."""

    @costs(1_000, each=20)
    @strawberry.field
    async def administration_proposals(
        self, info: Info, first: int | None = 50, after: str | None = None
    ) -> AdministrationProposalConnection:
        """The decisions of your administration about programmes, agreements and itself (its blocs,
        keys, cadence, clients and rule) that wait, or waited, for a second person, the latest
        first; for auditors, those of all. Nobody else may ask."""
        context = info.context
        subject = context.subject
        context.demand(Action.READ_PROPOSALS, Resource(subject.own))
        everything = subject.role is SubjectRole.AUDITOR
        own = None if everything else sorted(code.text for code in subject.own)
        size = paging.size(first)
        epoch, key = paging.after_in("administrationProposals", after, (int,))
        before = int(key[0]) if key else None
        async with positions.of_epoch(context.ledger, epoch) as connection:
            rows = await proposals_of_administrations(connection, own, before, size + 1)
        edges = [
            AdministrationProposalEdge(
                cursor=paging.cursor_in(context.epoch, "administrationProposals", [row.position]),
                node=AdministrationProposal.of(context, row),
            )
            for row in rows[:size]
        ]
        more = len(rows) > size
        return AdministrationProposalConnection(
            edges=edges, page_info=paging.PageInfo.of(edges, more=more, after=after)
        )
