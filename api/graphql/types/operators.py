"""Operators in GraphQL: one, many, a page of them, with all that the asker may see of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import Annotated, Any

import strawberry
from psycopg import AsyncConnection

from api.access import policy
from api.access.policy import Action
from api.graphql import paging, sql_fields
from api.graphql.as_of import AsOfInput
from api.graphql.context import Context, Info
from api.graphql.costs import costs
from api.graphql.errors import Unanswered, bad_input, forbidden
from api.graphql.global_ids import ID, Node, key_of
from api.graphql.loaders import load
from api.graphql.scalars import Position
from api.graphql.types.administrations import AdministrationType, administration
from api.graphql.types.authorisations import AuthorisationType, StatusPeriod
from api.graphql.types.events import EventConnection, history
from api.graphql.types.operator_filters import (
    IdentifierFilter,
    as_known_now,
    changed_after,
    in_order,
)
from api.graphql.types.persons import CONTACTS, ContactType, contacts_of
from api.graphql.types.recognition import Recognition, everywhere
from projections.reads import operator_lists as lists
from projections.reads import operators as reads
from projections.reads import planner_selects as places
from projections.reads.bitemporal_sql import AsOf
from projections.reads.operators import IdentifierRow, OperatorRow
from projections.reads.visibility import SIGHT, VisibilityScope
from registry.domain.decisions import day_of
from registry.domain.disclosure import CERTIFIED
from registry.domain.operators.events import Operator as Stream
from registry.domain.texts import shown
from registry.domain.values import AdministrationCode, Outcome, Role, Status, Tin

LONGEST = 200  # characters of a name or a number that is looked for


# What the plan of a field asks before it reads, and is given: as its resolver does, further down.


def _asked(context: Context, tin: Tin, as_of: AsOfInput | None = None) -> dict[str, Any]:
    return {"tin": tin.text, **context.clocks(as_of).parameters}


def _all_asked(context: Context, tins: list[Tin], as_of: AsOfInput | None = None) -> dict[str, Any]:
    _not_public(context, "operatorsByTin")
    paging.keys("tins", tins)
    return {"tins": [tin.text for tin in tins], **context.clocks(as_of).parameters}


def _identified(context: Context) -> dict[str, Any]:
    _not_public(context, "this")
    return {}


def _with_outcome(context: Context, outcome: Outcome | None = None) -> dict[str, Any]:
    _not_public(context, "recognisedIn")
    return {"outcome": outcome.value if outcome else None}


def _paged(context: Context, first: int | None = 50) -> dict[str, Any]:
    _not_public(context, "periods")
    return {"first": paging.size(first)}


_CLOCKS = ("at", "known", "belief")


@strawberry.type(description="A number by which others know an operator.")
class Identifier:
    scheme: str
    value: str
    issuer: AdministrationCode | None
    valid_from: date | None
    valid_to: date | None
    verified_by: str | None

    @classmethod
    def of(cls, row: IdentifierRow) -> Identifier:
        return cls(
            scheme=row.scheme,
            value=row.value,
            issuer=AdministrationCode(row.issuer) if row.issuer else None,
            valid_from=row.valid_from,
            valid_to=row.valid_to,
            verified_by=row.verified_by,
        )


@strawberry.type(
    description="An economic operator, as its home customs registers it.", name="Operator"
)
class OperatorType(Node):
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
        description="The best authorisation that it holds at that instant, in one word; for who is "
        "not at home the best that was granted."
    )
    standing_abroad: Status = strawberry.field(
        metadata=sql_fields.expression(places.STANDING_ABROAD),
        description="What of it counts abroad, in one word: SUSPENDED where the part is that"
        " partners recognise, whatever the rest; LISTED where a published list is all that says"
        " that it is valid, which is assumed to go on; NONE where it lacks the part that partners"
        " recognise (an EU AEOC).",
    )
    source: str | None = strawberry.field(description="synthetic: made up, no real company.")
    position: Position

    @classmethod
    def of(cls, row: OperatorRow, as_of: AsOf) -> OperatorType:
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
        """The customs administration that registered it."""
        return await administration(info, self.row.administration, self.as_of)

    @sql_fields.value(places.ADDRESS)
    @strawberry.field
    def address(self, info: Info) -> str | None:
        """As the administration keeps it. The public is told the standing alone."""
        return None if _public(info.context) else self.row.address

    @costs(10, each=2)
    @sql_fields.rows(places.IDENTIFIERS, order=places.BY_SCHEME, bind=_identified)
    @strawberry.field
    async def identifiers(self, info: Info) -> list[Identifier]:
        """The numbers by which others know it on that day, by scheme and value."""
        _not_public(info.context, "identifiers")
        rows = await load(info.context, reads.identifiers, self.as_of, key=self.row.tin)
        return [Identifier.of(row) for row in rows or []]

    @costs(20, each=2)
    @sql_fields.rows(places.AUTHORISATIONS, order=places.BEST_FIRST)
    @strawberry.field
    async def authorisations(self, info: Info) -> list[AuthorisationType]:
        """Every authorisation on record for that day, the best standing first. Who is not at home
        is told of those that were granted, from the grant on."""
        rows = await load(info.context, reads.authorisations, self.as_of, key=self.row.tin)
        today = day_of(self.as_of.at, self.row.time_zone)
        told = self._told_all(info)
        return [
            AuthorisationType.of(row, self.as_of, today, all_of_it=told)
            for row in rows or []
            if told or Status(row.status) in CERTIFIED
        ]

    def _told_all(self, info: Info) -> bool:
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
            strawberry.argument(description="The answers with this outcome; default: all."),
        ] = None,
    ) -> list[Recognition]:
        """Every territory that its home's agreements led to that day, by code, whatever the answer.

        Of these only what the asker may ask: a partner sees its own territory.
        """
        _not_public(info.context, "recognisedIn")
        return await everywhere(info, self.tin, self.as_of, outcome)

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
        """Each stretch of status on both clocks, the newest law first. Who is not at home is told
        of certified standings, and of no edge at which only something else changed."""
        _not_public(info.context, "periods")
        size = paging.size(first)
        read = reads.periods if self._told_all(info) else reads.disclosed_periods
        rows = await load(info.context, read, self.as_of.known, size, key=self.row.tin)
        told = info.context.may(Action.READ_GROUND, policy.operator(self.tin))
        return [StatusPeriod.of(row, told=told) for row in rows or []]

    @strawberry.field
    async def history(
        self, info: Info, first: int | None = 50, after: str | None = None
    ) -> EventConnection:
        """Everything that was recorded of it, in order."""
        stream = Stream.create_id(self.tin)
        return await history(info.context, stream, policy.operator(self.tin), first, after)

    @costs(CONTACTS)
    @strawberry.field
    async def contacts(self, info: Info) -> list[ContactType]:
        """The persons whom it names to its customs: who they are is told to those alone."""
        return await contacts_of(info.context, self.tin, self.row.time_zone, self.as_of)

    @costs(60)
    @sql_fields.rows(places.SUCCESSOR)
    @strawberry.field
    async def successor(self, info: Info) -> OperatorType | None:
        """The operator into which it was merged by that day, if the asker may see that one."""
        if self.row.successor is None:
            return None
        return await one(info.context, Tin(self.row.successor), self.as_of)


@strawberry.type(description="An operator and its place in the list.")
class OperatorEdge:
    cursor: str
    node: OperatorType


@strawberry.type(description="A page of operators, in the order of their TINs.")
class OperatorConnection:
    as_of: strawberry.Private[AsOf]
    wanted: strawberry.Private[lists.Wanted]
    edges: list[OperatorEdge]
    page_info: paging.PageInfo

    @costs(1_000)
    @strawberry.field
    async def total_count(self, info: Info) -> int | None:
        """How many the whole list has that the asker may see. Counted only when asked for."""
        sight, now = info.context.asker.sight, info.context.now
        async with info.context.views.connection() as connection:
            return await lists.count(connection, sight, now, self.as_of, self.wanted)


@strawberry.input(description="Which operators; every condition given must hold on that day.")
class OperatorFilter:
    administration: AdministrationCode | None = None
    programme: strawberry.ID | None = None
    type: str | None = None
    standing: Status | None = strawberry.field(
        default=None, description="The best authorisation that it holds, in one word."
    )
    recognised_in: AdministrationCode | None = strawberry.field(
        default=None, description="The territory in which it is recognised."
    )
    name_contains: str | None = strawberry.field(
        default=None,
        description="Part of its name in either script. Compared by one normal form in every "
        "script: letter case, marks over Latin and Greek letters, width and blanks make no "
        "difference.",
    )
    role: Role | None = None
    valid_until_from: date | None = strawberry.field(
        default=None,
        description="An authorisation of it ends on this civil day or later: its `validUntil`. What"
        " is asked of programme, type and end is met by one and the same authorisation.",
    )
    valid_until_to: date | None = strawberry.field(
        default=None, description="An authorisation of it ends on this civil day or earlier."
    )
    due_before: date | None = strawberry.field(
        default=None,
        description="It has a deadline that is not answered and falls due before this civil day."
        " Deadlines are told at home alone: abroad no operator has one. Not together with knownAt.",
    )
    overdue: bool | None = strawberry.field(
        default=None,
        description="True: it has a deadline that is past its day and not answered. False: it has"
        " none, as far as the asker is told. With dueBefore it is one and the same deadline. Not"
        " together with knownAt.",
    )
    changed_after: Position | None = strawberry.field(
        default=None,
        description="Something of it was recorded after this position, whatever day of law it is"
        " about. Abroad that is a change of its certified standings, its particulars or its"
        " identifiers; which answers of recognition changed is told by `changes`. Not together with"
        " knownAt.",
    )
    changed_since: datetime | None = strawberry.field(
        default=None,
        description="The same by the instant of the recording: at this instant or later. With"
        " changedAfter both must hold.",
    )
    identifier: IdentifierFilter | None = strawberry.field(
        default=None,
        description="It has this number on that day. More than one operator may: a US MID, which"
        " importers make, finds its candidates.",
    )

    @property
    def wanted(self) -> lists.Wanted:
        for name, text in (("nameContains", self.name_contains), ("type", self.type)):
            _short(name, text)
        in_order("validUntilFrom", self.valid_until_from, "validUntilTo", self.valid_until_to)
        return lists.Wanted(
            administration=self.administration.text if self.administration else None,
            programme=key_of("Programme", self.programme, "programme") if self.programme else None,
            type=self.type,
            standing=self.standing.value if self.standing else None,
            recognised_in=self.recognised_in.text if self.recognised_in else None,
            name_contains=self.name_contains or None,
            role=self.role.value if self.role else None,
            valid_until_from=self.valid_until_from,
            valid_until_to=self.valid_until_to,
            due_before=self.due_before,
            overdue=self.overdue,
            scheme=self.identifier.scheme if self.identifier else None,
            identifier=self.identifier.normal if self.identifier else None,
        )


@strawberry.type
class OperatorQuery:
    @costs(60)
    @sql_fields.rows(
        places.OPERATOR, ctes=SIGHT, key="tin", logged="tin", bind=_asked, gives=("tin", *_CLOCKS)
    )
    @strawberry.field
    async def operator(
        self, info: Info, tin: Tin, as_of: AsOfInput | None = None
    ) -> OperatorType | None:
        """One operator by its TIN, or null: the same for unknown and for not visible to you."""
        clocks = info.context.clocks(as_of)
        info.context.looked("operator", [tin.text])
        return await one(info.context, tin, clocks)

    @costs(60)
    @sql_fields.rows(
        places.OPERATOR,
        ctes=SIGHT,
        keys="tins",
        logged="tins",
        bind=_all_asked,
        gives=("tins", *_CLOCKS),
    )
    @strawberry.field
    async def operators_by_tin(
        self, info: Info, tins: list[Tin], as_of: AsOfInput | None = None
    ) -> list[OperatorType | None]:
        """Up to 1,000 at once, in the order asked, null where `operator` would be null."""
        _not_public(info.context, "operatorsByTin")
        paging.keys("tins", tins)
        clocks = info.context.clocks(as_of)
        info.context.looked("operatorsByTin", [tin.text for tin in tins])
        found = await _many(info.context, tins, clocks)
        return [OperatorType.of(found[t.text], clocks) if t.text in found else None for t in tins]

    @strawberry.field
    async def operator_by_certificate(
        self,
        info: Info,
        number: str,
        administration: AdministrationCode | None = None,
        as_of: AsOfInput | None = None,
    ) -> OperatorType | None:
        """Whose authorisation has this number, in whatever writing, or null.

        Where several operators that the asker may see have it, none of them is answered for: the
        error SEVERAL_HOLDERS names them. `administration`: the one that issued the number.
        """
        clocks = info.context.clocks(as_of)
        found = await _holders(info, "operatorByCertificate", number, administration, clocks)
        if len(found) > 1:
            tins = ", ".join(f"{row.tin} ({row.administration})" for row in found)
            raise Unanswered(
                "SEVERAL_HOLDERS",
                f"number: {len(found)} operators have the number {shown(number)}: {tins}; "
                "ask for one by its TIN, or name the administration that issued the number",
            )
        return OperatorType.of(found[0], clocks) if found else None

    @costs(120)
    @strawberry.field
    async def operators_by_certificate(
        self,
        info: Info,
        number: str,
        administration: AdministrationCode | None = None,
        as_of: AsOfInput | None = None,
    ) -> list[OperatorType]:
        """Every operator that the asker may see whose authorisation has this number, by TIN; ten
        at the most."""
        clocks = info.context.clocks(as_of)
        found = await _holders(info, "operatorsByCertificate", number, administration, clocks)
        return [OperatorType.of(row, clocks) for row in found]

    @costs(500)
    @strawberry.field
    async def operators(
        self,
        info: Info,
        filter: OperatorFilter | None = None,
        as_of: AsOfInput | None = None,
        first: int | None = 50,
        after: str | None = None,
        last: int | None = None,
        before: str | None = None,
    ) -> OperatorConnection:
        """The operators that the asker may see, in the order of their TINs."""
        context = info.context
        context.demand(Action.LIST_OPERATORS)
        clocks = context.clocks(as_of)
        asked = filter or OperatorFilter()
        wanted = asked.wanted
        _may_ask_where(info, filter)
        as_known_now(
            as_of,
            dueBefore=asked.due_before,
            overdue=asked.overdue,
            changedAfter=asked.changed_after,
            changedSince=asked.changed_since,
        )
        after_position = await changed_after(context, asked.changed_after, asked.changed_since)
        wanted = replace(wanted, changed_after=after_position)
        window = paging.Window.of("operators", first, after, last, before)
        async with context.views.connection() as connection:
            found = await lists.page(
                connection, context.asker.sight, context.now, clocks, wanted, window.span
            )
        rows, more = window.cut(found)
        context.looked("operators", [row.tin for row in rows])
        edges = [
            OperatorEdge(
                cursor=paging.cursor("operators", [row.tin]), node=OperatorType.of(row, clocks)
            )
            for row in rows
        ]
        return OperatorConnection(
            as_of=clocks,
            wanted=wanted,
            edges=edges,
            page_info=window.info(edges, more=more),
        )


async def _holders(
    info: Info, field: str, number: str, administration: AdministrationCode | None, as_of: AsOf
) -> list[OperatorRow]:
    _short("number", number)
    sight, now = info.context.asker.sight, info.context.now
    home = administration.text if administration else None
    async with info.context.views.connection() as connection:
        found = await reads.holders(connection, sight, now, as_of, number, home)
    if found:
        info.context.looked(field, [row.tin for row in found])
    return found


async def _many(context: Context, tins: Sequence[Tin], as_of: AsOf) -> dict[str, OperatorRow]:
    sight, now = context.asker.sight, context.now
    async with context.views.connection() as connection:
        return await reads.operators(connection, sight, now, as_of, tins)


async def standing_now(info: Info, tin: Tin) -> OperatorType | None:
    """An operator on both clocks of now; None where the asker may not see it. Many at once."""
    context, clocks = info.context, info.context.clocks(None)
    row = await load(context, _by_tin, context.asker.sight, context.now, clocks, key=tin)
    return OperatorType.of(row, clocks) if row else None


async def _by_tin(
    connection: AsyncConnection[Any],
    sight: VisibilityScope,
    now: datetime,
    as_of: AsOf,
    tins: list[Tin],
) -> dict[Tin, OperatorRow]:
    found = await reads.operators(connection, sight, now, as_of, tins)
    return {tin: found[tin.text] for tin in tins if tin.text in found}


async def one(context: Context, tin: Tin, as_of: AsOf) -> OperatorType | None:
    """An operator, or None: the same for unknown and for not visible."""
    found = await _many(context, [tin], as_of)
    return OperatorType.of(found[tin.text], as_of) if found else None


def _may_ask_where(info: Info, filter: OperatorFilter | None) -> None:
    """A list by where they are recognised is as many questions of recognition."""
    there = filter.recognised_in if filter else None
    if filter and there:
        homes = frozenset({filter.administration}) if filter.administration else frozenset()
        about = policy.Resource(homes, info.context.asker.tin, there)
        info.context.demand(Action.ASK_RECOGNITION, about)


def _public(context: Context) -> bool:
    return context.asker.role is policy.SubjectRole.PUBLIC


def _not_public(context: Context, field: str) -> None:
    """The public is told the standing of who consented to that, by its exact number, no more."""
    if _public(context):
        raise forbidden(f"{field}: the public is told an operator's standing alone; identify first")


def _short(name: str, text: str | None) -> None:
    if text is not None and len(text) > LONGEST:
        raise bad_input(f"{name}: found {len(text)} characters, wanted at most {LONGEST}")
