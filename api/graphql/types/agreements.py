"""Agreements in GraphQL: what each says, since when, for which side; and who is whose partner."""

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
    description="What stands between the two sides of a clause; UNCERTAIN: no source says.",
)


@strawberry.type(
    description="A civil day as far as it is known: the interval in which it lies, both days"
    " included. The two are equal where the day is certain."
)
class DateInterval:
    earliest: date
    latest: date = strawberry.field(description="9999-12-31 where it may never be.")

    @classmethod
    def of(cls, earliest: date | None, latest: date | None) -> DateInterval | None:
        return cls(earliest=earliest, latest=latest) if earliest and latest else None

    @property
    def day(self) -> date | None:
        return self.earliest if self.earliest == self.latest else None


@strawberry.type(description="Each party implements, suspends and resumes for itself.")
class AgreementSide:
    party: AdministrationCode
    implemented_from: date | None = strawberry.field(
        description="The civil day from which its implementation runs, or will run; null where"
        " the day is not certain (`dates` has the interval) or there is none."
    )
    implemented: DateInterval | None = strawberry.field(
        description="In which interval that day lies; null where none is known of."
    )
    certain_from: date | None = strawberry.field(
        description="The day from which it is certainly implemented: the last of that interval,"
        " where it has passed at the instant asked about."
    )
    suspended: bool = strawberry.field(description="It recognises nothing of the others now.")

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
    description="A date as a source gives it: a day, or the interval it lies in where nobody knows."
)
class AgreementDate:
    what: str = strawberry.field(description="SIGNED, IMPLEMENTED, LISTED, MEETING, ...")
    side: AdministrationCode | None
    term: int | None = strawberry.field(
        description="Which term of the side's implementation, from 1: another one begins when it"
        " withdrew and acceded again."
    )
    earliest: date
    latest: date = strawberry.field(description="9999-12-31 where it may never have been.")
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


@strawberry.type(description="What one side recognises of another. Not in here: not recognised.")
class ScopeClause:
    agreement: strawberry.ID = strawberry.field(description="The code of its agreement.")
    ordinal: int = strawberry.field(description="Its number in its agreement, from 1.")
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
    state: LinkState = strawberry.field(description="Where it stands at the instant asked about.")
    valid_from: date | None = strawberry.field(
        description="The civil day from which it applies, where that is certain; see `begins`."
    )
    valid_to: date | None = strawberry.field(
        description="The civil day from which it no longer does, where that is certain; see `ends`."
    )
    begins: DateInterval | None = strawberry.field(
        description="In which interval the day lies from which it applies; null: from the first."
    )
    ends: DateInterval | None = strawberry.field(
        description="In which interval the day lies from which it no longer applies; null: no end."
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
    description="One legal instrument between two or more administrations.", name="Agreement"
)
class AgreementType(Node):
    as_of: strawberry.Private[AsOf]
    id: strawberry.ID = strawberry.field(
        description=ID, metadata=sql_fields.at(places.global_id("Agreement", "id"))
    )
    code: strawberry.ID = strawberry.field(
        metadata=sql_fields.at("{me}.id"), description="CN-SG-AEO, CN-RU-CONTROL, AAMRA, ..."
    )
    kind: AgreementKind
    pillars: list[Pillar]
    title: str
    titles: Json = strawberry.field(
        description="Titles in other languages: an object of a language tag (BCP 47) and a title."
    )
    names: Json = strawberry.field(
        description="Original names of what the agreement speaks of (crossings, goods, offices): "
        "an object of a language tag, and in it of the name used here and the original name."
    )
    status: AskedStatus = strawberry.field(
        description="The furthest step that is certain to have been taken by then."
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
        """The parties of that day, by code."""
        codes = await load(info.context, reads.parties, self.as_of, key=str(self.code))
        return await administrations(info, codes or [], self.as_of)

    @costs(10, each=4)
    @strawberry.field
    async def sides(self, info: Info) -> list[AgreementSide]:
        """Each party's own state on that day, by code."""
        rows = await load(info.context, reads.sides, self.as_of, key=str(self.code))
        return [AgreementSide.of(row) for row in rows or []]

    @costs(10, each=12)
    @strawberry.field
    async def dates(self, info: Info) -> list[AgreementDate]:
        """All its dates that were known by then, earliest first; of conflicting sources each."""
        rows = await load(info.context, reads.dates, self.as_of, key=str(self.code))
        return [AgreementDate.of(row) for row in rows or []]

    @costs(20, each=8)
    @strawberry.field
    async def scopes(self, info: Info) -> list[ScopeClause]:
        """The clauses of that day, in the order in which they were recorded."""
        rows = await load(info.context, reads.scopes, self.as_of, key=str(self.code))
        return [ScopeClause.of(row) for row in rows or []]

    @strawberry.field
    async def history(
        self, info: Info, first: int | None = 50, after: str | None = None
    ) -> EventConnection:
        """Everything that was recorded of it, in order."""
        stream = Stream.create_id(self.code)
        return await history(info.context, stream, Resource(), first, after)


@strawberry.type(description="An agreement and its place in the list.")
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
        """How many the whole list has. Counted only when asked for."""
        async with info.context.views.connection() as connection:
            return await reads.count(connection, self.as_of, self.wanted)


@strawberry.input(description="Which agreements; every condition given must hold.")
class AgreementFilter:
    party: AdministrationCode | None = strawberry.field(
        default=None, description="A party on that day, by itself or through its bloc."
    )
    between: list[AdministrationCode] | None = strawberry.field(
        default=None, description="All of these are parties, by themselves or through a bloc."
    )
    kind: AgreementKind | None = None
    status: AskedStatus | None = None
    pillar: Pillar | None = strawberry.field(default=None, description="A pillar that it serves.")
    contains: str | None = strawberry.field(
        default=None,
        description="Words that are all somewhere in its titles, names, goods (HS 1201), "
        "crossings, notes, details or sources, in any language that the record has.",
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


@strawberry.type(description="A territory, and what the agreements with it amount to that day.")
class Partner:
    row: strawberry.Private[PartnerRow]
    as_of: strawberry.Private[AsOf]
    recognises: bool = strawberry.field(
        description="The territory asked about recognises operators of this one."
    )
    recognised_by: bool = strawberry.field(
        description="Operators of the territory asked about are recognised by this one."
    )
    blocs: list[AdministrationCode] = strawberry.field(
        description="The blocs through which it is a partner; none: by itself."
    )

    @strawberry.field
    async def administration(self, info: Info) -> AdministrationType:
        """The territory on the other side."""
        return await administration(info, self.row.territory, self.as_of)

    @costs(20, each=2)
    @strawberry.field
    async def agreements(self, info: Info) -> list[AgreementType]:
        """The agreements of that kind and status with it, by code."""
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
        """One agreement by its code or its global id, or null where none was known by then."""
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
        """Agreements of every kind, in the order of their codes."""
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
        of: Annotated[AdministrationCode, strawberry.argument(description="Whose partners.")],
        kind: AgreementKind | None = AgreementKind.AEO_MUTUAL_RECOGNITION,
        status: AskedStatus | None = AskedStatus.SIGNED_OR_LATER,
        as_of: AsOfInput | None = None,
    ) -> list[Partner]:
        """Every territory that this one recognises or is recognised by, by code.

        Blocs are resolved to the members of their customs territory on that day; the agreements
        of the asked territory's own bloc count too.
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
    """One that is known to be there, because something on record is of it."""
    row = await load(info.context, reads.agreements, as_of, key=id)
    if row is None:
        raise LookupError(f"the read models know no agreement {id}")
    return AgreementType.of(row, as_of)
