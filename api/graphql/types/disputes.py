"""The GraphQL types and query of disputes: what somebody says is wrong about an operator."""

from __future__ import annotations

from datetime import date, datetime
from enum import Enum
from uuid import UUID

import strawberry

from api.access import policy
from api.access.permissions import Relation
from api.access.policy import Action, Resource, SubjectRole
from api.graphql import paging, positions
from api.graphql.context import Context, Info
from api.graphql.costs import costs
from api.graphql.scalars import Position
from projections.reads import disputes as reads
from projections.reads.disputes import DisputeReader, DisputeRow
from registry.domain import commands as c
from registry.domain.errors import BadValue, UnknownOperator
from registry.domain.values import AdministrationCode, DisputeKind, Tin


@strawberry.enum
class DisputeState(Enum):
    """What became of a dispute."""

    OPEN = "OPEN"
    UPHELD = "UPHELD"
    REJECTED = "REJECTED"
    WITHDRAWN = "WITHDRAWN"


@strawberry.type
class Dispute:
    """What an operator, or a customs administration other than its own, says is wrong about the
    operator. It decides nothing: no status and no recognition changes by it."""

    dispute: strawberry.ID = strawberry.field(
        description="The id of the command that opened it. Pass it to `answerDispute`, "
        "`closeDispute` or `withdrawDispute`."
    )
    tin: Tin = strawberry.field(description="The operator that it is about.")
    opened_by: AdministrationCode | None = strawberry.field(
        description="The customs administration that opened it, by its code. Null: the operator "
        "itself, or its home customs in its name."
    )
    in_its_name: bool = strawberry.field(
        description="Whether its home customs opened it in the operator's name."
    )
    is_own: bool = strawberry.field(
        description="Whether you opened it, or it was opened in your name, and you may withdraw it."
    )
    kind: DisputeKind = strawberry.field(description="What is disputed.")
    statement: str = strawberry.field(description="What is said to be wrong.")
    event: Position | None = strawberry.field(
        description="The position of the operator's event that is meant. Null: none."
    )
    receipt: strawberry.ID | None = strawberry.field(
        description="The id of the receipt that is meant. Null: none."
    )
    territory: AdministrationCode | None = strawberry.field(
        description="The territory in which the operator is not recognised, by its code. Null: "
        "none is meant."
    )
    state: DisputeState = strawberry.field(description="What became of it, as of now.")
    opened_at: datetime = strawberry.field(description="When it was opened.")
    answer_due: date | None = strawberry.field(
        description="The last civil day for an answer, in the operator's home time zone. Null: the "
        "programme's rules set none."
    )
    overdue: bool = strawberry.field(
        description="Whether that day is over, and nobody answered, as of now."
    )
    answer: str | None = strawberry.field(
        description="The latest answer of the home customs. Null: none was given."
    )
    answered_at: datetime | None = strawberry.field(description="When it was first answered.")
    closed_at: datetime | None = strawberry.field(
        description="When it was upheld, rejected or withdrawn."
    )
    reason: str | None = strawberry.field(description="Why it was closed or withdrawn.")
    position: Position = strawberry.field(description="The position of the dispute in the log.")

    @classmethod
    def of(cls, context: Context, row: DisputeRow) -> Dispute:
        """The dispute of a row."""
        return cls(
            dispute=strawberry.ID(str(row.dispute)),
            tin=Tin(row.tin),
            opened_by=AdministrationCode(row.opened_by) if row.opened_by else None,
            in_its_name=row.in_its_name,
            is_own=_is_own(context, row),
            kind=DisputeKind(row.kind),
            statement=row.statement,
            event=None if row.event is None else Position(row.event),
            receipt=strawberry.ID(str(row.receipt)) if row.receipt else None,
            territory=AdministrationCode(row.territory) if row.territory else None,
            state=DisputeState(row.state),
            opened_at=row.opened_at,
            answer_due=row.answer_due,
            overdue=row.overdue,
            answer=row.answer,
            answered_at=row.answered_at,
            closed_at=row.closed_at,
            reason=row.reason,
            position=Position(row.position),
        )


def _is_own(context: Context, row: DisputeRow) -> bool:
    subject = context.subject
    if row.opened_by is None:
        if policy.has(subject, Relation.HOME_CUSTOMS, policy.operator(Tin(row.tin))):
            return row.in_its_name
        return subject.tin is not None and subject.tin.text == row.tin
    return _opens_as(context) == row.opened_by


def _opens_as(context: Context) -> str | None:
    """The administration as which the subject opens disputes; None: as none."""
    subject = context.subject
    is_customs = subject.role in (SubjectRole.PARTNER, SubjectRole.OFFICER)
    return subject.administration.text if subject.administration and is_customs else None


def _reader(context: Context) -> DisputeReader:
    subject = context.subject
    return DisputeReader(
        everything=subject.role is SubjectRole.AUDITOR,
        homes=sorted(subject.home) if subject.role is SubjectRole.OFFICER else (),
        tin=subject.tin.text if subject.tin else None,
        opened_by=_opens_as(context),
    )


@strawberry.type
class DisputeEdge:
    """A dispute and its cursor in the list."""

    cursor: str
    node: Dispute


@strawberry.type
class DisputeConnection:
    """A page of open disputes, the earliest first."""

    edges: list[DisputeEdge]
    page_info: paging.PageInfo


async def disputes_of(context: Context, tin: Tin, first: int | None) -> list[Dispute]:
    """The disputes about an operator. Raises Unanswered (FORBIDDEN) where the subject may not read
    any."""
    context.demand(Action.READ_DISPUTES, policy.operator(tin))
    most = paging.size(first)
    async with context.views.connection() as connection:
        rows = await reads.disputes_of(connection, tin.text, _reader(context), context.now, most)
    return [Dispute.of(context, row) for row in rows]


async def has_opened(context: Context, tin: Tin, dispute: UUID | None = None) -> bool:
    """Whether the subject's administration opened this dispute about an operator; without one, any
    dispute about it."""
    own = _opens_as(context)
    if own is None:
        return False
    async with context.views.connection() as connection:
        return await reads.is_opener(connection, tin.text, own, dispute)


async def check_foreign_dispute(
    context: Context, command: c.OpenDispute | c.WithdrawDispute, *, is_visible: bool
) -> None:
    """Checks what a customs administration may say about another one's operator. `is_visible`:
    whether the subject sees the operator.

    Raises UnknownOperator for one that it does not see, unless it opened the dispute when it did,
    and BadValue for a version, which it is not shown.
    """
    if command.expected_version is not None:
        raise BadValue(
            "expectedVersion: found %(expected_version)s; you are not shown the "
            "versions of another administration's operator, so leave it out",
            expected_version=command.expected_version,
        )
    if is_visible:
        return
    if isinstance(command, c.WithdrawDispute) and await has_opened(
        context, command.tin, command.dispute
    ):
        return
    raise UnknownOperator(
        "operator %(tin)s is not in this register", tin=command.tin, path=("tin",)
    )


@strawberry.type
class DisputeQuery:
    """The query for open disputes."""

    @costs(1_000, each=20)
    @strawberry.field
    async def disputes(
        self, info: Info, first: int | None = 50, after: str | None = None
    ) -> DisputeConnection:
        """The open disputes about operators of your administration, and those that it opened about
        others, the earliest first; for a company those about itself, for auditors all of them."""
        context = info.context
        subject = context.subject
        context.demand(Action.READ_DISPUTES, Resource(subject.own, subject.tin))
        size = paging.size(first)
        epoch, key = paging.after_in("disputes", after, (int,))
        place = int(key[0]) if key else 0
        reader = _reader(context)
        async with positions.of_epoch(context.views, epoch) as connection:
            rows = await reads.open_disputes(connection, reader, context.now, place, size + 1)
        edges = [
            DisputeEdge(
                cursor=paging.cursor_in(context.epoch, "disputes", [row.position]),
                node=Dispute.of(context, row),
            )
            for row in rows[:size]
        ]
        return DisputeConnection(
            edges=edges, page_info=paging.PageInfo.of(edges, more=len(rows) > size, after=after)
        )
