"""The GraphQL type of an operator, with what the subject may see of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Annotated, Any

import strawberry
from psycopg import AsyncConnection

from api.access import policy
from api.access.policy import Action
from api.graphql import paging, sql_fields
from api.graphql.context import Context, Info
from api.graphql.costs import costs
from api.graphql.errors import forbidden
from api.graphql.global_ids import ID, Node
from api.graphql.loaders import load
from api.graphql.scalars import Position
from api.graphql.types.administrations import AdministrationType, administration
from api.graphql.types.authorisations import AuthorisationType, StatusPeriod
from api.graphql.types.certificates import COST as CERTIFICATE
from api.graphql.types.certificates import Certificate, certificate_of
from api.graphql.types.disputes import Dispute, disputes_of
from api.graphql.types.events import EventConnection, history
from api.graphql.types.looks import COST as LOOKS
from api.graphql.types.looks import LookConnection, looks_at
from api.graphql.types.persons import CONTACTS, ContactType, contacts_of
from api.graphql.types.proposals import Proposal, proposals_of
from api.graphql.types.recognition import Recognition, recognised_everywhere
from projections.reads import operators as reads
from projections.reads import planner_selects as places
from projections.reads.bitemporal_sql import AsOf
from projections.reads.operators import IdentifierRow, OperatorRow
from projections.reads.visibility import VisibilityScope
from registry.domain.decisions import civil_day_of
from registry.domain.disclosure import CERTIFIED
from registry.domain.operators.events import Operator as Stream
from registry.domain.values import AdministrationCode, Outcome, Role, Status, Tin

PROPOSALS = 1_000  # microseconds: one statement

# The parameters of planned fields (api.graphql.planner). Each function makes the same access checks
# as the resolver of its field.


def _identified(context: Context) -> dict[str, Any]:
    not_public(context, "this")
    return {}


def _with_outcome(context: Context, outcome: Outcome | None = None) -> dict[str, Any]:
    not_public(context, "recognisedIn")
    return {"outcome": outcome.value if outcome else None}


def _paged(context: Context, first: int | None = 50) -> dict[str, Any]:
    not_public(context, "periods")
    return {"first": paging.size(first)}


@strawberry.type
class Identifier:
    """An identifier of an operator in a scheme, such as its EORI or LEI number."""

    scheme: str
    value: str
    issuer: AdministrationCode | None
    valid_from: date | None
    valid_to: date | None
    verified_by: str | None

    @classmethod
    def of(cls, row: IdentifierRow) -> Identifier:
        """The row as a GraphQL object."""
        return cls(
            scheme=row.scheme,
            value=row.value,
            issuer=AdministrationCode(row.issuer) if row.issuer else None,
            valid_from=row.valid_from,
            valid_to=row.valid_to,
            verified_by=row.verified_by,
        )


@strawberry.type(name="Operator")
class OperatorType(Node):
    """An economic operator, registered by its home customs administration."""

    row: strawberry.Private[OperatorRow]
    as_of: strawberry.Private[AsOf]
    id: strawberry.ID = strawberry.field(
        description=ID, metadata=sql_fields.expression(places.global_id("Operator", "tin"))
    )
    tin: Tin
    name: str
    local_name: str | None
    roles: list[Role]
    standing: Status = strawberry.field(
        description="The status of the operator's best authorisation at the instant asked about. "
        "Subjects other than the home customs, the operator and auditors see the best of those "
        "that were granted."
    )
    standing_abroad: Status = strawberry.field(
        metadata=sql_fields.expression(places.STANDING_ABROAD),
        description="The status that counts abroad: SUSPENDED where the part that partners "
        "recognise is suspended, whatever the rest; LISTED where only a published list says that "
        "it is valid, which is assumed to continue; NONE where the operator lacks the part that "
        "partners recognise (an EU AEOC).",
    )
    source: str | None = strawberry.field(
        description="The source of the record. `synthetic`: "
        "generated test data, not a real company. Null: recorded by the administration itself."
    )
    position: Position

    @classmethod
    def of(cls, row: OperatorRow, as_of: AsOf) -> OperatorType:
        """The row as a GraphQL object, with a global id of these two instants."""
        return cls(
            row=row,
            as_of=as_of,
            id=strawberry.ID(as_of.id_of("Operator", row.tin)),
            tin=Tin(row.tin),
            name=row.name,
            local_name=row.local_name,
            roles=[Role(role) for role in row.roles],
            standing=Status(row.standing),
            standing_abroad=Status(row.standing_abroad),
            source=row.source,
            position=Position(row.position),
        )

    @costs(10)
    @sql_fields.rows(places.ADMINISTRATION)
    @strawberry.field
    async def administration(self, info: Info) -> AdministrationType:
        """The customs administration that registered the operator."""
        return await administration(info, self.row.administration, self.as_of)

    @sql_fields.value(places.ADDRESS)
    @strawberry.field
    def address(self, info: Info) -> str | None:
        """The postal address, as the administration records it. Null where it is not on record, and
        always for the public."""
        return None if _public(info.context) else self.row.address

    @costs(10, each=2)
    @sql_fields.rows(places.IDENTIFIERS, order=places.BY_SCHEME, bind=_identified)
    @strawberry.field
    async def identifiers(self, info: Info) -> list[Identifier]:
        """The identifiers of the operator at the instant asked about, ordered by scheme and value.
        The public may not read them: error FORBIDDEN."""
        not_public(info.context, "identifiers")
        rows = await load(info.context, reads.identifiers, self.as_of, key=self.row.tin)
        return [Identifier.of(row) for row in rows or []]

    @costs(20, each=2)
    @sql_fields.rows(places.AUTHORISATIONS, order=places.BEST_FIRST)
    @strawberry.field
    async def authorisations(self, info: Info) -> list[AuthorisationType]:
        """The authorisations at the instant asked about, the best status first. Subjects other than
        the home customs, the operator and auditors see an authorisation from its grant on."""
        rows = await load(info.context, reads.authorisations, self.as_of, key=self.row.tin)
        today = civil_day_of(self.as_of.at, self.row.time_zone)
        in_full = self._may_read_in_full(info)
        return [
            AuthorisationType.of(row, self.as_of, today, all_of_it=in_full)
            for row in rows or []
            if in_full or Status(row.status) in CERTIFIED
        ]

    def _may_read_in_full(self, info: Info) -> bool:
        return info.context.may(Action.READ_IN_FULL, policy.operator(self.tin))

    @costs(120, each=30)
    @sql_fields.rows(
        places.RECOGNISED_IN,
        order=places.BY_TERRITORY,
        bind=_with_outcome,
        gives=("outcome",),
        ready=places.RECOGNISED_IN_READY,
        narrowed=places.OUTCOME_FILTER,
    )
    @strawberry.field
    async def recognised_in(
        self,
        info: Info,
        outcome: Annotated[
            Outcome | None,
            strawberry.argument(description="Only answers with this outcome. Default: all."),
        ] = None,
    ) -> list[Recognition]:
        """The recognition of the operator in every territory that the agreements of its home reach
        at the instant asked about, ordered by code, whatever the outcome.

        Only answers that the subject may ask for are included: a partner sees its own territory.
        The public may not read it: error FORBIDDEN.
        """
        not_public(info.context, "recognisedIn")
        return await recognised_everywhere(info, self.tin, self.as_of, outcome)

    @costs(30)
    @sql_fields.rows(
        places.PERIODS,
        order=places.NEWEST_FIRST,
        bind=_paged,
        gives=("first",),
        ready=places.PERIODS_READY,
    )
    @strawberry.field
    async def periods(self, info: Info, first: int | None = 50) -> list[StatusPeriod]:
        """The intervals of status in valid time and in transaction time, the latest valid time
        first. Subjects other than the home customs, the operator and auditors see only statuses
        from the grant on, in intervals that are merged where nothing that they may see changes. The
        public may not read them: error FORBIDDEN."""
        not_public(info.context, "periods")
        size = paging.size(first)
        read = reads.periods if self._may_read_in_full(info) else reads.disclosed_periods
        rows = await load(info.context, read, self.as_of.known, size, key=self.row.tin)
        in_full = info.context.may(Action.READ_GROUND, policy.operator(self.tin))
        return [StatusPeriod.of(row, in_full=in_full) for row in rows or []]

    @strawberry.field
    async def history(
        self, info: Info, first: int | None = 50, after: str | None = None
    ) -> EventConnection:
        """All recorded events of the operator, in the order of recording. Only the home customs,
        the operator and auditors may read them; others get the error FORBIDDEN."""
        stream = Stream.create_id(self.tin)
        return await history(info.context, stream, policy.operator(self.tin), first, after)

    @costs(LOOKS, each=2)
    @strawberry.field
    async def looks(
        self, info: Info, first: int | None = 50, after: str | None = None
    ) -> LookConnection:
        """The questions that other customs administrations asked about the operator, the latest
        first, each with its purpose. Only the home customs, the operator and auditors may read
        them; others get the error FORBIDDEN."""
        return await looks_at(info.context, self.tin, first, after)

    @costs(CONTACTS)
    @strawberry.field
    async def contacts(self, info: Info) -> list[ContactType]:
        """The contact persons that the operator names to its customs. The home customs and the
        operator see their particulars, auditors see pseudonyms; others get the error FORBIDDEN."""
        return await contacts_of(info.context, self.tin, self.row.time_zone, self.as_of)

    @costs(PROPOSALS, each=20)
    @strawberry.field
    async def proposals(self, info: Info, first: int | None = 50) -> list[Proposal]:
        """The decisions about the operator that wait, or waited, for a second person, as they are
        now, the latest first. Only the home customs and auditors may read them; others get the
        error FORBIDDEN."""
        return await proposals_of(info.context, self.tin, first)

    @costs(PROPOSALS, each=20)
    @strawberry.field
    async def disputes(self, info: Info, first: int | None = 50) -> list[Dispute]:
        """What is or was disputed about the operator, as it is now, the latest first. The home
        customs, the operator and auditors read all of it, another customs administration what it
        opened itself; others get the error FORBIDDEN."""
        return await disputes_of(info.context, self.tin, first)

    @costs(CERTIFICATE)
    @strawberry.field
    async def certificate(self, info: Info) -> Certificate | None:
        """The certificate of the operator as it is now: of those that were not withdrawn and have
        not expired a valid one before a suspended one, and of these the newest. Null where there is
        none. Only the home customs and the operator may read it; others get the error FORBIDDEN."""
        return await certificate_of(info.context, self.tin)

    @costs(60)
    @sql_fields.rows(places.SUCCESSOR)
    @strawberry.field
    async def successor(self, info: Info) -> OperatorType | None:
        """The operator into which this one was merged by the instant asked about. Null where it was
        not merged, and where the subject may not see that operator."""
        if self.row.successor is None:
            return None
        return await operator_by_tin(info.context, Tin(self.row.successor), self.as_of)


async def read_operators(
    context: Context, tins: Sequence[Tin], as_of: AsOf
) -> dict[str, OperatorRow]:
    """The operators that the subject may see, by TIN."""
    visibility, now = context.subject.visibility, context.now
    async with context.views.connection() as connection:
        return await reads.operators(connection, visibility, now, as_of, tins)


async def current_operator(info: Info, tin: Tin) -> OperatorType | None:
    """An operator as it stands now; None where the subject may not see it. The reads of one
    response are batched."""
    context, clocks = info.context, info.context.clocks(None)
    row = await load(context, _by_tin, context.subject.visibility, context.now, clocks, key=tin)
    return OperatorType.of(row, clocks) if row else None


async def _by_tin(
    connection: AsyncConnection[Any],
    visibility: VisibilityScope,
    now: datetime,
    as_of: AsOf,
    tins: list[Tin],
) -> dict[Tin, OperatorRow]:
    found = await reads.operators(connection, visibility, now, as_of, tins)
    return {tin: found[tin.text] for tin in tins if tin.text in found}


async def operator_by_tin(context: Context, tin: Tin, as_of: AsOf) -> OperatorType | None:
    """An operator by its TIN; None where it is unknown or the subject may not see it."""
    found = await read_operators(context, [tin], as_of)
    return OperatorType.of(found[tin.text], as_of) if found else None


def _public(context: Context) -> bool:
    return context.subject.role is policy.SubjectRole.PUBLIC


def not_public(context: Context, field: str) -> None:
    """Raises Unanswered (FORBIDDEN) for the public, which may only look up the status of operators
    that consented to publication, by their exact number."""
    if _public(context):
        raise forbidden(
            "%(field)s: the public is told an operator's standing alone; identify first",
            field=field,
        )
