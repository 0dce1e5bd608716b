"""The GraphQL types of customs administrations: territories, and blocs with their members."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from datetime import datetime

import strawberry

from api.graphql import sql_fields
from api.graphql.as_of import AsOfInput
from api.graphql.context import Info
from api.graphql.costs import costs
from api.graphql.global_ids import ID, Node
from api.graphql.loaders import load
from api.graphql.types.programmes import ProgrammeType
from projections.reads import administrations as reads
from projections.reads import planner_selects as places
from projections.reads import programmes
from projections.reads.administrations import AdministrationRow
from projections.reads.bitemporal_sql import AsOf, shown
from registry.domain.values import AdministrationCode, Sense


@strawberry.type(name="Membership")
class MembershipType:
    """The membership of an administration in a bloc, over an interval of valid time."""

    member: AdministrationCode
    sense: Sense
    valid_from: datetime | None
    valid_to: datetime | None
    ground: str | None = strawberry.field(
        description="The law by which the membership began and, where it has ended, ended."
    )


@strawberry.type(name="Administration")
class AdministrationType(Node):
    """A customs administration, or a bloc of customs administrations such as the EU."""

    as_of: strawberry.Private[AsOf]
    id: strawberry.ID = strawberry.field(
        description=ID, metadata=sql_fields.expression(places.global_id("Administration", "code"))
    )
    code: AdministrationCode
    name: str
    time_zone: str = strawberry.field(
        description="The IANA name of the time zone in which its civil days begin."
    )
    bloc: bool
    source: str | None

    @classmethod
    def of(cls, row: AdministrationRow, as_of: AsOf) -> AdministrationType:
        """The row as a GraphQL object."""
        return cls(
            as_of=as_of,
            id=strawberry.ID(as_of.id_of("Administration", row.code)),
            code=AdministrationCode(row.code),
            name=row.name,
            time_zone=row.time_zone,
            bloc=row.bloc,
            source=row.source,
        )

    @costs(10, each=3)
    @strawberry.field
    async def members(self, info: Info) -> list[AdministrationType]:
        """The members of its customs territory at the instant asked about, ordered by code. Empty
        unless it is a bloc."""
        if not self.bloc:
            return []
        codes = await load(info.context, reads.members, self.as_of, key=self.code.text)
        return await administrations(info, codes or [], self.as_of)

    @costs(10, each=3)
    @strawberry.field
    async def memberships(self, info: Info) -> list[MembershipType]:
        """Every interval of membership on record, of all days and of both kinds (`sense`)."""
        rows = await load(info.context, reads.memberships, self.as_of.known, key=self.code.text)
        return [
            MembershipType(
                member=AdministrationCode(row.member),
                sense=Sense(row.sense),
                valid_from=shown(row.valid_from),
                valid_to=shown(row.valid_to),
                ground=row.ground,
            )
            for row in rows or []
        ]

    @costs(10, each=2)
    @strawberry.field
    async def programmes(self, info: Info) -> list[ProgrammeType]:
        """The AEO programmes of the administration, ordered by code."""
        read = programmes.of_administrations
        rows = await load(info.context, read, self.as_of, key=self.code.text)
        return [ProgrammeType.of(row, self.as_of) for row in rows or []]

    @costs(1_000)
    @strawberry.field
    async def operator_count(self, info: Info) -> int:
        """The number of operators that it had registered by the instant asked about; a bloc
        includes those of its members. Subjects other than its own officers and auditors are shown
        the number of those with an authorisation granted by then."""
        context, read = info.context, reads.operator_counts
        visibility, code = context.subject.visibility, self.code.text
        counted = await load(context, read, visibility, self.as_of, key=code, of=context.whole)
        return counted or 0


@strawberry.type
class AdministrationQuery:
    """The queries for administrations and blocs."""

    @strawberry.field
    async def administration(
        self, info: Info, code: AdministrationCode, as_of: AsOfInput | None = None
    ) -> AdministrationType | None:
        """One administration by its code. Null where it was not on record by `knownAt`."""
        clocks = info.context.clocks(as_of)
        async with info.context.views.connection() as connection:
            known = await reads.known(connection, clocks.known)
        return next((AdministrationType.of(r, clocks) for r in known if r.code == code.text), None)

    @costs(100, each=60)
    @strawberry.field
    async def administrations(
        self, info: Info, as_of: AsOfInput | None = None
    ) -> list[AdministrationType]:
        """All administrations on record by `knownAt`, ordered by code."""
        clocks = info.context.clocks(as_of)
        async with info.context.views.connection() as connection:
            known = await reads.known(connection, clocks.known)
        return [AdministrationType.of(row, clocks) for row in known]


async def administration(info: Info, code: str, as_of: AsOf) -> AdministrationType:
    """An administration that another record names. Raises LookupError if it is not in the read
    models, which would be a fault."""
    row = await load(info.context, reads.administrations, key=code)
    if row is None:
        raise LookupError(f"the read models know no administration {code}")
    return AdministrationType.of(row, as_of)


async def administrations(
    info: Info, codes: Iterable[str], as_of: AsOf
) -> list[AdministrationType]:
    """Returns the administrations of these codes, in the same order."""
    return await asyncio.gather(*(administration(info, code, as_of) for code in codes))


async def zones(info: Info, codes: Iterable[str]) -> dict[str, str]:
    """The time zone (IANA name) of each of these administrations that is on record, by code."""
    rows = await asyncio.gather(
        *(load(info.context, reads.administrations, key=code) for code in codes)
    )
    return {row.code: row.time_zone for row in rows if row}
