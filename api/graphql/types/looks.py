"""The GraphQL types of looks: the read-log entries about one operator."""

from __future__ import annotations

from datetime import datetime

import strawberry

from api.access import policy
from api.access.policy import Action, SubjectRole
from api.graphql import paging, positions
from api.graphql.context import Context
from api.graphql.types.events import REDACTED
from projections.reads import read_log as reads
from projections.reads.read_log import LookRow
from registry.domain.values import AdministrationCode, Outcome, Tin

COST = 60  # of a page of looks, in microseconds


@strawberry.type(name="Look")
class LoggedLook:
    """A look: one question about the operator that a customs administration other than its home
    asked, as the read log keeps it."""

    at: datetime = strawberry.field(description="When the question was asked (UTC).")
    administration: AdministrationCode | None = strawberry.field(
        description="The customs administration that asked, by its code."
    )
    asked_by: str = strawberry.field(
        description="The subject of the token with which it was asked. The home customs and "
        "auditors see it; for the operator it is REDACTED."
    )
    asked_through: str | None = strawberry.field(
        description="Who acted for that subject: the id of a client of this register, or the "
        "pseudonym of a client or person of another issuer. The home customs and auditors see it; "
        "for the operator it is REDACTED. Null: the token named nobody, or it was not kept then."
    )
    purpose: str | None = strawberry.field(
        description="The purpose that was stated (request header `Purpose`). Null: none."
    )
    operation: str = strawberry.field(
        description="The field of the query type that was asked, such as recognition."
    )
    in_: AdministrationCode | None = strawberry.field(
        name="in",
        description="The territory in which recognition was asked about, by its code. Null: the "
        "question was not about recognition.",
    )
    law_at: datetime | None = strawberry.field(
        description="The instant of valid time that was asked about. Null: the question was not "
        "about recognition, or about the instant `at`."
    )
    known_at: datetime | None = strawberry.field(
        description="The instant of transaction time that was asked about. Null: the question was "
        "not about recognition."
    )
    outcome: Outcome | None = strawberry.field(
        description="The outcome that was answered. Null: it was not asked for."
    )
    request: strawberry.ID = strawberry.field(
        description="The id of the request, as in the service's log."
    )


@strawberry.type
class LookEdge:
    """A look and its cursor in the list."""

    cursor: str
    node: LoggedLook


@strawberry.type
class LookConnection:
    """A page of looks, the latest first."""

    edges: list[LookEdge]
    page_info: paging.PageInfo


async def looks_at(
    context: Context, tin: Tin, first: int | None, after: str | None
) -> LookConnection:
    """A page of the looks at an operator. Raises Unanswered (FORBIDDEN) where the subject may not
    read them."""
    context.demand(Action.READ_READERS, policy.operator(tin))
    size = paging.size(first)
    epoch, key = paging.after_in("looks", after, (int, int))
    before = (int(key[0]), int(key[1])) if key else None
    async with positions.of_epoch(context.ledger, epoch) as ledger:
        rows = await reads.looks(ledger, tin.text, before, size + 1)
    redacted = context.subject.role is SubjectRole.COMPANY
    edges = [
        LookEdge(
            cursor=paging.cursor_in(context.epoch, "looks", [row.number, row.place]),
            node=_node(row, redacted=redacted),
        )
        for row in rows[:size]
    ]
    return LookConnection(
        edges=edges, page_info=paging.PageInfo.of(edges, more=len(rows) > size, after=after)
    )


def _node(row: LookRow, *, redacted: bool) -> LoggedLook:
    """The GraphQL object. `redacted`: without the subject, which may be a person's."""
    return LoggedLook(
        at=row.at,
        administration=AdministrationCode(row.administration) if row.administration else None,
        asked_by=REDACTED if redacted else row.subject,
        asked_through=REDACTED if redacted and row.agent else row.agent,
        purpose=row.purpose,
        operation=row.operation,
        in_=AdministrationCode(row.territory) if row.territory else None,
        law_at=row.law_at,
        known_at=row.known_at,
        outcome=Outcome(row.outcome) if row.outcome else None,
        request=strawberry.ID(str(row.request)),
    )
