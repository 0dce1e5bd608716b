"""The GraphQL queries of operators: by TIN, by number of the authorisation, and as a filtered
list."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import strawberry

from api.access import policy
from api.access.policy import Action
from api.graphql import paging, sql_fields
from api.graphql.as_of import AsOfInput
from api.graphql.context import Context, Info
from api.graphql.costs import costs
from api.graphql.errors import Unanswered
from api.graphql.types.operator_filters import (
    OperatorFilter,
    as_known_now,
    changed_after,
    check_length,
)
from api.graphql.types.operator_orders import (
    DescendingArgument,
    OrderArgument,
    list_of,
    may_order,
    span_of,
)
from api.graphql.types.operators import OperatorType, not_public, operator_by_tin, read_operators
from projections.reads import operator_lists as lists
from projections.reads import operators as reads
from projections.reads import planner_selects as places
from projections.reads.bitemporal_sql import AsOf
from projections.reads.operator_order import OperatorOrder, OrderedSpan, page_in_order
from projections.reads.operators import OperatorRow
from projections.reads.visibility import VISIBILITY_CTES
from registry.domain.sentences import Sentence
from registry.domain.texts import shown
from registry.domain.values import AdministrationCode, Tin

# The parameters of planned fields (api.graphql.planner). Each function makes the same access checks
# as the resolver of its field.


def _asked(context: Context, tin: Tin, as_of: AsOfInput | None = None) -> dict[str, Any]:
    return {"tin": tin.text, **context.clocks(as_of).parameters}


def _all_asked(context: Context, tins: list[Tin], as_of: AsOfInput | None = None) -> dict[str, Any]:
    not_public(context, "operatorsByTin")
    paging.keys("tins", tins)
    return {"tins": [tin.text for tin in tins], **context.clocks(as_of).parameters}


_CLOCKS = ("at", "known", "belief")


@strawberry.type
class OperatorEdge:
    """An operator and its cursor in the list."""

    cursor: str
    node: OperatorType


@strawberry.type
class OperatorConnection:
    """A page of operators, in the order of their TINs."""

    as_of: strawberry.Private[AsOf]
    wanted: strawberry.Private[lists.OperatorConditions]
    edges: list[OperatorEdge]
    page_info: paging.PageInfo

    @costs(1_000)
    @strawberry.field
    async def total_count(self, info: Info) -> int | None:
        """The number of entries of the whole list that the subject may see. It is counted only if
        it is selected."""
        visibility, now = info.context.subject.visibility, info.context.now
        async with info.context.views.connection() as connection:
            return await lists.count(connection, visibility, now, self.as_of, self.wanted)


@strawberry.type
class OperatorQuery:
    """The queries for operators: by TIN, by number, and as lists."""

    @costs(60)
    @sql_fields.rows(
        places.OPERATOR,
        ctes=VISIBILITY_CTES,
        key="tin",
        absent="access.nothing_of",
        logged="tin",
        bind=_asked,
        gives=("tin", *_CLOCKS),
    )
    @strawberry.field
    async def operator(
        self, info: Info, tin: Tin, as_of: AsOfInput | None = None
    ) -> OperatorType | None:
        """One operator by its TIN. Null where the operator is unknown or may not be shown to you;
        the two cases have the same answer."""
        clocks = info.context.clocks(as_of)
        info.context.looked("operator", [tin.text])
        return await operator_by_tin(info.context, tin, clocks)

    @costs(60)
    @sql_fields.rows(
        places.OPERATOR,
        ctes=VISIBILITY_CTES,
        keys="tins",
        absent="access.nothing_of",
        logged="tins",
        bind=_all_asked,
        gives=("tins", *_CLOCKS),
    )
    @strawberry.field
    async def operators_by_tin(
        self, info: Info, tins: list[Tin], as_of: AsOfInput | None = None
    ) -> list[OperatorType | None]:
        """Up to 1,000 operators by their TINs, in the order of `tins`. An entry is null where
        `operator` would return null. The public may not ask: error FORBIDDEN."""
        not_public(info.context, "operatorsByTin")
        paging.keys("tins", tins)
        clocks = info.context.clocks(as_of)
        info.context.looked("operatorsByTin", [tin.text for tin in tins])
        found = await read_operators(info.context, tins, clocks)
        return [OperatorType.of(found[t.text], clocks) if t.text in found else None for t in tins]

    @strawberry.field
    async def operator_by_certificate(
        self,
        info: Info,
        number: str,
        administration: AdministrationCode | None = None,
        as_of: AsOfInput | None = None,
    ) -> OperatorType | None:
        """The operator whose authorisation has this number, or null. Letter case, blanks and
        separators in the number make no difference.

        Where several operators that the subject may see have the number, the error SEVERAL_HOLDERS
        names them; then also give `administration`, which issued the number.
        """
        clocks = info.context.clocks(as_of)
        found = await _holders(info, "operatorByCertificate", number, administration, clocks)
        if len(found) > 1:
            tins = ", ".join(f"{row.tin} ({row.administration})" for row in found)
            raise Unanswered(
                "SEVERAL_HOLDERS",
                Sentence(
                    "number: %(number)s operators have the number %(certificate)s: %(tins)s; ask "
                    "for one by its TIN, or name the administration that issued the number",
                    number=len(found),
                    certificate=shown(number),
                    tins=tins,
                ),
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
        """The operators that the subject may see whose authorisation has this number, ordered by
        TIN, at most ten."""
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
        order: OrderArgument = OperatorOrder.TIN,
        descending: DescendingArgument = False,
    ) -> OperatorConnection:
        """The operators that the subject may see and that meet the filter, ordered by TIN unless
        `order` says otherwise. The public may not list operators: error FORBIDDEN."""
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
        if order is not OperatorOrder.TIN or descending:
            may_order(context, asked, as_of, last, before)
            place = span_of(order, descending, first, after)
            async with context.views.connection() as connection:
                ordered = await page_in_order(
                    connection, context.subject.visibility, context.now, clocks, wanted, place
                )
            return _in_order(context, clocks, wanted, ordered, place, after)
        window = paging.Window.of("operators", first, after, last, before)
        async with context.views.connection() as connection:
            found = await lists.page(
                connection, context.subject.visibility, context.now, clocks, wanted, window.span
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


def _in_order(
    context: Context,
    clocks: AsOf,
    wanted: lists.OperatorConditions,
    found: list[tuple[str, OperatorRow]],
    place: OrderedSpan,
    after: str | None,
) -> OperatorConnection:
    """The page of a list in another order. `found` has one more than the page, if there are."""
    page = found[: place.size - 1]
    context.looked("operators", [row.tin for _, row in page])
    edges = [
        OperatorEdge(
            cursor=paging.cursor(list_of(place), [key, row.tin]), node=OperatorType.of(row, clocks)
        )
        for key, row in page
    ]
    return OperatorConnection(
        as_of=clocks,
        wanted=wanted,
        edges=edges,
        page_info=paging.PageInfo.of(edges, more=len(found) > len(page), after=after),
    )


async def _holders(
    info: Info, field: str, number: str, administration: AdministrationCode | None, as_of: AsOf
) -> list[OperatorRow]:
    check_length("number", number)
    visibility, now = info.context.subject.visibility, info.context.now
    home = administration.text if administration else None
    async with info.context.views.connection() as connection:
        found = await reads.holders(connection, visibility, now, as_of, number, home)
    if found:
        info.context.looked(field, [row.tin for row in found])
    return found


def _may_ask_where(info: Info, filter: OperatorFilter | None) -> None:
    """Checks that the subject may ask for recognition, where the filter has `recognisedIn`: such a
    list answers one recognition question for each operator. Raises Unanswered (FORBIDDEN)."""
    there = filter.recognised_in if filter else None
    if filter and there:
        homes = frozenset({filter.administration}) if filter.administration else frozenset()
        about = policy.Resource(homes, info.context.subject.tin, there)
        info.context.demand(Action.ASK_RECOGNITION, about)
