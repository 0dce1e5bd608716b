"""Reads administrations, the members of blocs, and how many operators each administration has."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import class_row

from projections.reads.bitemporal_sql import AsOf, believed, on_both
from projections.reads.visibility import VisibilityScope, at_home, certified

Connection = AsyncConnection[Any]

#: SQL, a common table expression: the bloc of each territory at the as-of instants.
BLOC = f"""bloc as materialized (
    select m.bloc, m.member from views.membership m
    where m.sense = 'CUSTOMS_TERRITORY' and {on_both("m")}
)"""


@dataclass(frozen=True)
class AdministrationRow:
    """A row of views.administration: code, name, IANA time zone, and whether it is a bloc."""

    code: str
    name: str
    time_zone: str
    bloc: bool
    source: str | None


_ADMINISTRATION = "select a.code, a.name, a.time_zone, a.bloc, a.source from views.administration a"


async def administrations(
    connection: Connection, codes: Sequence[str]
) -> dict[str, AdministrationRow]:
    """Administrations by code, whenever they were registered: the meaning of a code does not depend
    on the as-of instants."""
    statement = f"{_ADMINISTRATION} where a.code = any(%(codes)s::text[])"
    async with connection.cursor(row_factory=class_row(AdministrationRow)) as cursor:
        await cursor.execute(statement, {"codes": list(codes)})
        return {row.code: row for row in await cursor.fetchall()}


async def known(connection: Connection, at: datetime) -> list[AdministrationRow]:
    """All administrations that the register knew by that instant, in the order of their codes."""
    statement = f"{_ADMINISTRATION} where a.recorded_from <= %(known)s order by a.code"
    async with connection.cursor(row_factory=class_row(AdministrationRow)) as cursor:
        await cursor.execute(statement, {"known": at})
        return await cursor.fetchall()


@dataclass(frozen=True)
class MemberRow:
    """An interval of membership. `ground`: the law by which it began and ended."""

    bloc: str
    member: str
    sense: str
    valid_from: datetime
    valid_to: datetime | None
    ground: str | None


async def members(
    connection: Connection, as_of: AsOf, blocs: Sequence[str]
) -> dict[str, list[str]]:
    """The members of each bloc's customs territory at the as-of instants, sorted."""
    statement = f"""with {BLOC}
    select b.bloc, b.member from bloc b where b.bloc = any(%(blocs)s::text[])
    order by b.bloc, b.member"""
    found: dict[str, list[str]] = {bloc: [] for bloc in blocs}
    async with connection.cursor() as cursor:
        await cursor.execute(statement, as_of.parameters | {"blocs": list(blocs)})
        for bloc, member in await cursor.fetchall():
            found[bloc].append(member)
    return found


async def memberships(
    connection: Connection, instant: datetime, blocs: Sequence[str]
) -> dict[str, list[MemberRow]]:
    """Every interval of membership, in both senses, as the register knew it by then."""
    statement = f"""
    select m.bloc, m.member, m.sense, m.valid_from, m.valid_to, m.ground from views.membership m
    where m.bloc = any(%(blocs)s::text[]) and {believed("m")}
    order by m.bloc, m.member, m.sense, m.valid_from"""
    found: dict[str, list[MemberRow]] = {bloc: [] for bloc in blocs}
    async with connection.cursor(row_factory=class_row(MemberRow)) as cursor:
        await cursor.execute(statement, {"blocs": list(blocs), "known": instant})
        for row in await cursor.fetchall():
            found[row.bloc].append(row)
    return found


async def operator_counts(
    connection: Connection, scope: VisibilityScope, as_of: AsOf, codes: Sequence[str]
) -> dict[str, int]:
    """How many operators each administration had registered by then; for a bloc, its members' of
    that day too.

    Subjects outside the home administration get the number of certified operators.
    """
    statement = f"""with {BLOC},
    home as (
        select asked.code, asked.code as territory from unnest(%(codes)s::text[]) as asked (code)
        union
        select b.bloc, b.member from bloc b where b.bloc = any(%(codes)s::text[])
    )
    select h.code, count(o.tin)
    from home h
    left join views.operator o on o.administration = h.territory and o.registered <= %(known)s
        and ({at_home("o")} or {certified("o", "%(known)s")})
    group by h.code"""
    async with connection.cursor() as cursor:
        await cursor.execute(
            statement, scope.parameters(as_of.known) | as_of.parameters | {"codes": list(codes)}
        )
        return dict(await cursor.fetchall())
