"""Blocs and the members of their customs territories, as of now."""

from __future__ import annotations

from typing import Any

from psycopg import AsyncConnection

from projections.reads.bitemporal_sql import on_both

STATEMENT = f"""
select m.bloc, m.member from views.membership m
where m.sense = 'CUSTOMS_TERRITORY' and (m.bloc = %(code)s or m.member = %(code)s)
    and {on_both("m", "now()", "now()")}"""


async def members_and_blocs(
    connection: AsyncConnection[Any], code: str
) -> tuple[set[str], set[str]]:
    """The members of this bloc, and the blocs of this member. Either set may be empty."""
    async with connection.cursor() as cursor:
        await cursor.execute(STATEMENT, {"code": code})
        rows = await cursor.fetchall()
    return {m for bloc, m in rows if bloc == code}, {bloc for bloc, m in rows if m == code}
