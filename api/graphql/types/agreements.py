"""The GraphQL type of an agreement."""

from __future__ import annotations

import strawberry

from api.access.policy import Resource
from api.graphql import sql_fields
from api.graphql.context import Info
from api.graphql.costs import costs
from api.graphql.global_ids import ID, Node
from api.graphql.loaders import load
from api.graphql.scalars import AskedStatus, Json, Position
from api.graphql.types.administrations import AdministrationType, administrations
from api.graphql.types.agreement_clauses import AgreementDate, AgreementSide, ScopeClause
from api.graphql.types.events import EventConnection, history
from projections.reads import agreements as reads
from projections.reads import planner_selects as places
from projections.reads.agreements import AgreementRow
from projections.reads.bitemporal_sql import AsOf
from registry.domain.agreements.events import Agreement as Stream
from registry.domain.values import (
    AgreementKind,
    Pillar,
)


@strawberry.type(name="Agreement")
class AgreementType(Node):
    """An agreement: one legal instrument between two or more administrations."""

    as_of: strawberry.Private[AsOf]
    id: strawberry.ID = strawberry.field(
        description=ID, metadata=sql_fields.expression(places.global_id("Agreement", "id"))
    )
    code: strawberry.ID = strawberry.field(
        metadata=sql_fields.expression("{me}.id"),
        description="The code of the agreement: CN-SG-AEO, CN-RU-CONTROL, AAMRA, ...",
    )
    kind: AgreementKind
    pillars: list[Pillar]
    title: str
    titles: Json = strawberry.field(
        description="The titles in other languages: an object from the language tag (BCP 47) to "
        "the title."
    )
    names: Json = strawberry.field(
        description="The original names of crossings, goods and offices: an object of language "
        "tags (BCP 47), each with an object from the name that is used here to the original name."
    )
    status: AskedStatus = strawberry.field(
        description="The status of the agreement: the furthest step that is certain to have been "
        "taken by the instant asked about."
    )
    legal_basis: str | None
    confidence: str | None
    details: Json
    source: str | None
    position: Position

    @classmethod
    def of(cls, row: AgreementRow, as_of: AsOf) -> AgreementType:
        """The row as a GraphQL object, with a global id of these two instants."""
        return cls(
            as_of=as_of,
            id=strawberry.ID(as_of.id_of("Agreement", row.id)),
            code=strawberry.ID(row.id),
            kind=AgreementKind(row.kind),
            pillars=[Pillar(pillar) for pillar in row.pillars],
            title=row.title,
            titles=Json(row.titles),
            names=Json(row.names),
            status=AskedStatus(row.status),
            legal_basis=row.legal_basis,
            confidence=row.confidence,
            details=Json(row.details),
            source=row.source,
            position=Position(row.position),
        )

    @costs(20, each=4)
    @strawberry.field
    async def parties(self, info: Info) -> list[AdministrationType]:
        """The parties at the instant asked about, ordered by code."""
        codes = await load(info.context, reads.parties, self.as_of, key=str(self.code))
        return await administrations(info, codes or [], self.as_of)

    @costs(10, each=4)
    @strawberry.field
    async def sides(self, info: Info) -> list[AgreementSide]:
        """The state of each party at the instant asked about, ordered by code."""
        rows = await load(info.context, reads.sides, self.as_of, key=str(self.code))
        return [AgreementSide.of(row) for row in rows or []]

    @costs(10, each=12)
    @strawberry.field
    async def dates(self, info: Info) -> list[AgreementDate]:
        """All dates of the agreement on record by `knownAt`, earliest first. Where sources
        conflict, each of their dates is included."""
        rows = await load(info.context, reads.dates, self.as_of, key=str(self.code))
        return [AgreementDate.of(row) for row in rows or []]

    @costs(20, each=8)
    @strawberry.field
    async def scopes(self, info: Info) -> list[ScopeClause]:
        """The clauses at the instant asked about, in the order in which they were recorded."""
        rows = await load(info.context, reads.scopes, self.as_of, key=str(self.code))
        return [ScopeClause.of(row) for row in rows or []]

    @strawberry.field
    async def history(
        self, info: Info, first: int | None = 50, after: str | None = None
    ) -> EventConnection:
        """All recorded events of the agreement, in the order of recording."""
        stream = Stream.create_id(self.code)
        return await history(info.context, stream, Resource(), first, after)


async def agreement(info: Info, id: str, as_of: AsOf) -> AgreementType:
    """An agreement that another record names. Raises LookupError if it is not in the read models,
    which would be a fault."""
    row = await load(info.context, reads.agreements, as_of, key=id)
    if row is None:
        raise LookupError(f"the read models know no agreement {id}")
    return AgreementType.of(row, as_of)
