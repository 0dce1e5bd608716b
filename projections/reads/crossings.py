"""Translates original names of crossings to the names in the clauses on recognition.

The rule is registry.domain.control_results.known_as. The SQL version
(ops/migrations/0162_crossings.sql) handles ASCII names only: letter case in other scripts depends
on the locale of the database.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec
from psycopg import AsyncConnection

from registry.domain.control_results import crossing_in_clauses

#: SQL: the original names that agreements have, as JSON text, and its decoder.
NAMES = """(select coalesce(json_agg(a.names), '[]')::text from views.agreement a
    where a.names <> '{}')"""
NAMES_OF = msgspec.json.Decoder(list[dict[str, dict[str, str]]])
_NAMES = f"""
select {NAMES},
    array(select distinct c from views.link l cross join unnest(l.crossings) c
        where l.kind = 'AEO_MUTUAL_RECOGNITION' and l.crossings <> '{{}}')"""


def in_sql(crossing: str) -> str:
    """SQL: the crossing of this expression as the clauses name it; NULL for NULL."""
    return f"case when {crossing} is not null then rule.crossing_known_as({crossing}) end"


async def names_of(connection: AsyncConnection[Any], crossings: Iterable[str]) -> dict[str, str]:
    """The crossings as the clauses name them, by the given name."""
    async with connection.cursor() as cursor:
        await cursor.execute(_NAMES.encode())
        row = await cursor.fetchone()
    assert row is not None  # one row, always
    names = NAMES_OF.decode(row[0])
    return {crossing: crossing_in_clauses(crossing, names, row[1]) for crossing in crossings}
