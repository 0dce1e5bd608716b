"""Crossings by their original names, as the clauses on recognition name them.

The rule is registry.domain.control_results.known_as. The SQL (ops/migrations/0162_crossings.sql) is
it for names in ASCII alone: letter case in other scripts would depend on the locale of the
database.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec
from psycopg import AsyncConnection

from registry.domain.control_results import crossing_in_clauses

#: SQL: the original names that agreements have, as JSON text, and who reads it.
NAMES = """(select coalesce(json_agg(a.names), '[]')::text from views.agreement a
    where a.names <> '{}')"""
NAMES_OF = msgspec.json.Decoder(list[dict[str, dict[str, str]]])
_NAMES = f"""
select {NAMES},
    array(select distinct c from views.link l cross join unnest(l.crossings) c
        where l.kind = 'AEO_MUTUAL_RECOGNITION' and l.crossings <> '{{}}')"""


def in_sql(crossing: str) -> str:
    """SQL: the crossing of this expression as the clauses name it; null of null."""
    return f"case when {crossing} is not null then rule.crossing_known_as({crossing}) end"


async def names_of(connection: AsyncConnection[Any], asked: Iterable[str]) -> dict[str, str]:
    """The crossings as the clauses name them, by what was asked."""
    async with connection.cursor() as cursor:
        await cursor.execute(_NAMES.encode())
        row = await cursor.fetchone()
    assert row is not None  # one row, always
    names = NAMES_OF.decode(row[0])
    return {each: crossing_in_clauses(each, names, row[1]) for each in asked}
