"""The GraphQL queries of agreements, and of the partners of a territory."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

import strawberry

from api.graphql import paging, sql_fields
from api.graphql.as_of import AsOfInput
from api.graphql.context import Context, Info
from api.graphql.costs import costs
from api.graphql.global_ids import key_of
from api.graphql.loaders import load
from api.graphql.scalars import AskedStatus
from api.graphql.types.administrations import AdministrationType, administration
from api.graphql.types.agreements import AgreementType, agreement
from projections.reads import agreements as reads
from projections.reads import planner_selects as places
from projections.reads.agreements import PartnerRow
from projections.reads.bitemporal_sql import AsOf
from registry.domain.values import (
    AdministrationCode,
    AgreementKind,
    Pillar,
)


@strawberry.type
class AgreementEdge:
    """An agreement and its cursor in the list."""

    cursor: str
    node: AgreementType


@strawberry.type
class AgreementConnection:
    """A page of agreements, in the order of their codes."""

    as_of: strawberry.Private[AsOf]
    wanted: strawberry.Private[reads.AgreementSelection]
    edges: list[AgreementEdge]
    page_info: paging.PageInfo

    @costs(300)
    @strawberry.field
    async def total_count(self, info: Info) -> int | None:
        """The number of entries of the whole list. It is counted only if it is selected."""
        async with info.context.views.connection() as connection:
            return await reads.count(connection, self.as_of, self.wanted)


@strawberry.input
class AgreementFilter:
    """The conditions of a list of agreements; an agreement must meet all that are given."""

    party: AdministrationCode | None = strawberry.field(
        default=None,
        description="Only agreements of this party at the instant asked about, by "
        "itself or through its bloc.",
    )
    between: list[AdministrationCode] | None = strawberry.field(
        default=None,
        description="Only agreements between all of these parties, by themselves or "
        "through a bloc.",
    )
    kind: AgreementKind | None = None
    status: AskedStatus | None = None
    pillar: Pillar | None = strawberry.field(
        default=None,
        description="Only agreements that serve this pillar of the WCO SAFE Framework.",
    )
    contains: str | None = strawberry.field(
        default=None,
        description="Words to search for, in any language on record. Every word must occur in the "
        "titles, names, goods (HS 1201), crossings, notes, details or sources.",
    )

    @property
    def wanted(self) -> reads.AgreementSelection:
        """The conditions of the read model. `party` counts as one of `between`."""
        parties = {code.text for code in self.between or ()}
        parties |= {self.party.text} if self.party else set()
        return reads.AgreementSelection(
            between=tuple(sorted(parties)),
            kind=self.kind.value if self.kind else None,
            statuses=tuple(s.value for s in self.status.statuses) if self.status else None,
            pillar=self.pillar.value if self.pillar else None,
            contains=self.contains,
        )


@strawberry.type
class Partner:
    """A partner territory, and the recognition that the agreements with it give at the instant
    asked about."""

    row: strawberry.Private[PartnerRow]
    as_of: strawberry.Private[AsOf]
    recognises: bool = strawberry.field(
        description="True: the territory asked about recognises operators of this partner."
    )
    recognised_by: bool = strawberry.field(
        description="True: this partner recognises operators of the territory asked about."
    )
    blocs: list[AdministrationCode] = strawberry.field(
        description="The blocs through which it is a partner, by code. An empty list: it is a "
        "partner by itself."
    )

    @strawberry.field
    async def administration(self, info: Info) -> AdministrationType:
        """The administration of the partner territory."""
        return await administration(info, self.row.territory, self.as_of)

    @costs(20, each=2)
    @strawberry.field
    async def agreements(self, info: Info) -> list[AgreementType]:
        """The agreements of the requested kind and status with this partner, ordered by code."""
        ids = self.row.agreements
        return await asyncio.gather(*(agreement(info, id, self.as_of) for id in ids))


def _asked(context: Context, id: strawberry.ID, as_of: AsOfInput | None = None) -> dict[str, Any]:
    return {"id": key_of("Agreement", id, "id"), **context.clocks(as_of).parameters}


@strawberry.type
class AgreementQuery:
    """The queries for agreements and partners."""

    @sql_fields.rows(places.AGREEMENT, key="id", bind=_asked, gives=("id", "at", "known", "belief"))
    @strawberry.field
    async def agreement(
        self, info: Info, id: strawberry.ID, as_of: AsOfInput | None = None
    ) -> AgreementType | None:
        """One agreement by its code or its global id. Null where it was not on record by
        `knownAt`."""
        key = key_of("Agreement", id, "id")
        clocks = info.context.clocks(as_of)
        row = await load(info.context, reads.agreements, clocks, key=key)
        return AgreementType.of(row, clocks) if row else None

    @costs(300)
    @strawberry.field
    async def agreements(
        self,
        info: Info,
        filter: AgreementFilter | None = None,
        as_of: AsOfInput | None = None,
        first: int | None = 50,
        after: str | None = None,
        last: int | None = None,
        before: str | None = None,
    ) -> AgreementConnection:
        """The agreements that meet the filter, ordered by code."""
        clocks = info.context.clocks(as_of)
        wanted = (filter or AgreementFilter()).wanted
        window = paging.Window.of("agreements", first, after, last, before)
        async with info.context.views.connection() as connection:
            found = await reads.page(connection, clocks, wanted, window.span)
        rows, more = window.cut(found)
        edges = [
            AgreementEdge(
                cursor=paging.cursor("agreements", [row.id]), node=AgreementType.of(row, clocks)
            )
            for row in rows
        ]
        return AgreementConnection(
            as_of=clocks,
            wanted=wanted,
            edges=edges,
            page_info=window.info(edges, more=more),
        )

    @costs(500, each=60)
    @strawberry.field
    async def partners(
        self,
        info: Info,
        of: Annotated[
            AdministrationCode,
            strawberry.argument(
                description="The territory whose partners are asked for, by its code."
            ),
        ],
        kind: AgreementKind | None = AgreementKind.AEO_MUTUAL_RECOGNITION,
        status: AskedStatus | None = AskedStatus.SIGNED_OR_LATER,
        as_of: AsOfInput | None = None,
    ) -> list[Partner]:
        """The territories that this territory recognises or is recognised by, ordered by code.

        A bloc is resolved to the members of its customs territory at the instant asked about. The
        agreements of the bloc of the territory asked about are included.
        """
        clocks = info.context.clocks(as_of)
        kind = kind or AgreementKind.AEO_MUTUAL_RECOGNITION
        statuses = [s.value for s in (status or AskedStatus.SIGNED_OR_LATER).statuses]
        async with info.context.views.connection() as connection:
            rows = await reads.partners(connection, clocks, of.text, kind.value, statuses)
        return [
            Partner(
                row=row,
                as_of=clocks,
                recognises=row.recognises,
                recognised_by=row.recognised_by,
                blocs=[AdministrationCode(bloc) for bloc in row.blocs],
            )
            for row in rows
        ]
