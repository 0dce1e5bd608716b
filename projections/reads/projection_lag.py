"""How far the read models are behind the ledger: events that are recorded and not shown yet."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import tuple_row

from projections.reads.bitemporal_sql import POSITION

Connection = AsyncConnection[Any]

#: The oldest event that the read models do not show, where it is older than so many seconds.
_OLDEST = f"""
select o.recorded_at from (
    select e.recorded_at from ledger.event e where e.position > {POSITION}
    order by e.position limit 1) o
where o.recorded_at < clock_timestamp() - make_interval(secs => %s)"""
_OF_OPERATOR = f"""
select exists (select from ledger.event e where e.position > {POSITION}
    and e.originator_id = (select o.id from views.operator o where o.tin = %s))"""


async def unshown_since(connection: Connection, seconds: float) -> datetime | None:
    """Returns the instant (UTC) since which recorded events are not shown by the read models, where
    that is more than so many seconds ago; None where they are up to date. `connection`: one that
    reads the ledger."""
    async with connection.cursor(row_factory=tuple_row) as cursor:
        row = await (await cursor.execute(_OLDEST.encode(), [seconds])).fetchone()
    return row[0] if row else None


async def is_unshown(connection: Connection, tin: str) -> bool:
    """Returns whether something is recorded about an operator that the read models do not show.
    `connection`: one that reads the ledger, and every operator."""
    async with connection.cursor(row_factory=tuple_row) as cursor:
        row = await (await cursor.execute(_OF_OPERATOR.encode(), [tin])).fetchone()
    return bool(row and row[0])
