"""The GraphQL types and queries of agreements, and of the partners of a territory."""

from __future__ import annotations

import asyncio
from datetime import date
from typing import Annotated, Any

import strawberry

from api.access.policy import Resource
from api.graphql import paging, sql_fields
from api.graphql.as_of import AsOfInput
from api.graphql.context import Context, Info
from api.graphql.costs import costs
from api.graphql.global_ids import ID, Node, key_of
from api.graphql.loaders import load
from api.graphql.scalars import AskedStatus, Json, Position
from api.graphql.types.administrations import AdministrationType, administration, administrations
from api.graphql.types.events import EventConnection, history
from projections.reads import agreements as reads
from projections.reads import planner_selects as places
from projections.reads.agreements import AgreementRow, DateRow, PartnerRow, ScopeRow, SideRow
from projections.reads.bitemporal_sql import AsOf
from registry.domain.agreements.events import Agreement as Stream
from registry.domain.agreements.timeline import LinkState
from registry.domain.values import (
    AdministrationCode,
    AgreementKind,
    Direction,
    HsCode,
    Pillar,
    Role,
)

strawberry.enum(
    LinkState,
    name="ClauseState",
    description="The state of a clause between its two sides at the instant asked about.",
)


@strawberry.type(
    description="The interval in which a civil day lies, both ends inclusive. The two days are "
    "equal where the day is certain."
)
class DateInterval:
    earliest: date
    latest: date = strawberry.field(
        description="The last civil day that is possible, inclusive. "
        "It is 9999-12-31 where the event may never happen."
    )

    @classmethod
    def of(cls, earliest: date | None, latest: date | None) -> DateInterval | None:
        return cls(earliest=earliest, latest=latest) if earliest and latest else None

    @property
    def day(self) -> date | None:
        return self.earliest if self.earliest == self.latest else None


@strawberry.type(
    description="The state of one party of an agreement. Each party implements, "
    "suspends and resumes the agreement for itself."
)
class AgreementSide:
    party: AdministrationCode
    implemented_from: date | None = strawberry.field(
        description="The civil day from which the party implements the agreement; it may lie "
        "ahead. Null where the day is not certain (see `implemented`) and where there is none."
    )
    implemented: DateInterval | None = strawberry.field(
        description="The interval in which that day lies. Null: no implementation is on record."
    )
    certain_from: date | None = strawberry.field(
        description="The civil day from which the implementation is certain: the end of that "
        "interval, if it has passed at the instant asked about. Null otherwise."
    )
    suspended: bool = strawberry.field(
        description="True: the party has suspended the agreement "
        "and recognises nothing of the other parties at the instant asked about."
    )

    @classmethod
    def of(cls, row: SideRow) -> AgreementSide:
        return cls(
            party=AdministrationCode(row.party),
            implemented_from=row.implemented_from,
            implemented=DateInterval.of(row.earliest, row.latest),
            certain_from=row.latest if row.is_over else None,
            suspended=row.suspended,
        )


@strawberry.type(
    description="A date of an agreement as a source states it: a civil day, or the interval in "
    "which the day lies."
)
class AgreementDate:
    what: str = strawberry.field(
        description="The step or event that is dated: SIGNED, IMPLEMENTED, LISTED, MEETING, ..."
    )
    side: AdministrationCode | None
    term: int | None = strawberry.field(
        description="The number of the party's term of implementation, from 1. A new term begins "
        "when the party withdraws and accedes again. Null for dates of other steps."
    )
    earliest: date
    latest: date = strawberry.field(
        description="The last civil day that is possible. It is "
        "9999-12-31 where the step may never have been taken."
    )
    source: str
    assumed: bool
    note: str | None

    @classmethod
    def of(cls, row: DateRow) -> AgreementDate:
        return cls(
            what=row.what,
            side=AdministrationCode(row.side) if row.side else None,
            term=row.term,
            earliest=row.earliest,
            latest=row.latest,
            source=row.source or "recorded here by the party itself",
            assumed=row.assumed,
            note=row.note,
        )


@strawberry.type(
    description="A clause of an agreement: what one side recognises of another. What "
    "no clause covers is not recognised."
)
class ScopeClause:
    agreement: strawberry.ID = strawberry.field(description="The code of the agreement.")
    ordinal: int = strawberry.field(
        description="The number of the clause in its agreement, from 1."
    )
    from_: AdministrationCode = strawberry.field(name="from")
    to: AdministrationCode
    programmes: list[str]
    types: list[str]
    roles: list[Role]
    direction: Direction | None
    hs: list[HsCode]
    crossings: list[str]
    modes: list[str]
    identifier_scheme: str | None
    declaration_box: str | None
    benefits: list[str]
    consent_required: bool
    max_age_hours: int | None
    state: LinkState = strawberry.field(
        description="The state of the clause at the instant asked about."
    )
    valid_from: date | None = strawberry.field(
        description="The first civil day on which the clause applies. Null where the day is not "
        "certain (see `begins`) and where no beginning is known."
    )
    valid_to: date | None = strawberry.field(
        description="The end, exclusive: the first civil day on which the clause no longer "
        "applies. Null where the day is not certain (see `ends`) and where no end is known."
    )
    begins: DateInterval | None = strawberry.field(
        description="The interval in which the first day of the clause lies. Null: it applies from "
        "the beginning of the agreement."
    )
    ends: DateInterval | None = strawberry.field(
        description="The interval in which the first day lies on which the clause no longer "
        "applies. Null: no end is known."
    )
    assumed: bool

    @classmethod
    def of(cls, row: ScopeRow) -> ScopeClause:
        begins = DateInterval.of(row.begins_earliest, row.begins_latest)
        ends = DateInterval.of(row.ends_earliest, row.ends_latest)
        return cls(
            agreement=strawberry.ID(row.agreement),
            ordinal=row.ordinal,
            from_=AdministrationCode(row.from_party),
            to=AdministrationCode(row.to_party),
            programmes=row.programmes,
            types=row.types,
            roles=[Role(role) for role in row.roles],
            direction=Direction(row.direction) if row.direction else None,
            hs=[HsCode(code) for code in row.hs],
            crossings=row.crossings,
            modes=row.modes,
            identifier_scheme=row.identifier_scheme,
            declaration_box=row.declaration_box,
            benefits=row.benefits,
            consent_required=row.consent_required,
            max_age_hours=row.max_age_hours,
            state=LinkState(row.state),
            valid_from=begins.day if begins else None,
            valid_to=ends.day if ends else None,
            begins=begins,
            ends=ends,
            assumed=row.assumed,
        )


@strawberry.type(
    description="An agreement: one legal instrument between two or more administrations.",
    name="Agreement",
)
class AgreementType(Node):
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


@strawberry.type(description="An agreement and its cursor in the list.")
class AgreementEdge:
    cursor: str
    node: AgreementType


@strawberry.type(description="A page of agreements, in the order of their codes.")
class AgreementConnection:
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


@strawberry.input(
    description="The conditions of a list of agreements; an agreement must meet all that are given."
)
class AgreementFilter:
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
        parties = {code.text for code in self.between or ()}
        parties |= {self.party.text} if self.party else set()
        return reads.AgreementSelection(
            between=tuple(sorted(parties)),
            kind=self.kind.value if self.kind else None,
            statuses=tuple(s.value for s in self.status.statuses) if self.status else None,
            pillar=self.pillar.value if self.pillar else None,
            contains=self.contains,
        )


@strawberry.type(
    description="A partner territory, and the recognition that the agreements with "
    "it give at the instant asked about."
)
class Partner:
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


async def agreement(info: Info, id: str, as_of: AsOf) -> AgreementType:
    """An agreement that another record names. Raises LookupError if it is not in the read models,
    which would be a fault."""
    row = await load(info.context, reads.agreements, as_of, key=id)
    if row is None:
        raise LookupError(f"the read models know no agreement {id}")
    return AgreementType.of(row, as_of)
