"""Makes golden copies from the register: of the last signed position, of an earlier one, or of a
day."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from psycopg import AsyncConnection, IsolationLevel

from api.golden_copy.files import write_copy
from api.golden_copy.manifest import CopyMoment, Manifest
from projections.history.golden_copy_reads import CopySource, NoSuchPosition, copy_source, lines
from projections.reads.bitemporal_sql import POSITION
from registry.domain.values import AdministrationCode
from registry.ledger.connections import AsyncSession
from registry.ledger.epochs import CURRENT
from registry.transparency.signed_notes import Signer

Progress = Callable[[int], None]

#: The position of the last event that a signed checkpoint covers and the read models show.
_LAST = f"""
select max(l.position) from proof.leaf l
where l.leaf_index = (select max(size) - 1 from proof.checkpoint c
    where c.size <= (select count(*) from proof.leaf s where s.position <= {POSITION}))"""
#: The first checkpoint that covers a position, without the lines of witnesses, which come later.
_CHECKPOINT = """
select c.note from proof.checkpoint c
where c.size > (select max(l.leaf_index) from proof.leaf l where l.position <= %s)
    and (select max(l.position) from proof.leaf l) >= %s
order by c.size limit 1"""


@dataclass(frozen=True)
class CopyOrder:
    """Which copy is wanted: of a position or, without it, of the last event recorded by `at` (UTC)
    or, without both, of the last event that a signed checkpoint covers."""

    partner: AdministrationCode
    position: int | None = None
    at: datetime | None = None
    xml: bool = False


async def make_copy(
    url: str,
    order: CopyOrder,
    folder: Callable[[CopyMoment], Path],
    signer: Signer,
    progress: Progress | None = None,
) -> tuple[Path, Manifest]:
    """Makes a golden copy. `folder`: where, by what it shows.

    Raises NoSuchPosition, FileExistsError, psycopg.Error.
    """
    async with await reading(url) as connection:
        source, moment, checkpoint = await prepared(connection, order)
        where = folder(moment)
        made = _lines(connection, source, progress)
        manifest = await write_copy(
            where,
            order.partner.text,
            moment,
            made,
            source.copied_law,
            checkpoint,
            signer,
            xml=order.xml,
        )
    return where, manifest


async def reading(url: str) -> AsyncConnection[Any]:
    """A connection that reads one state of the register, whatever is recorded meanwhile."""
    connection = await AsyncSession.connect(url, options="-c timezone=UTC -c role=aeo_auditor")
    await connection.set_isolation_level(IsolationLevel.REPEATABLE_READ)
    await connection.set_read_only(True)
    return connection


async def prepared(
    connection: AsyncConnection[Any], order: CopyOrder
) -> tuple[CopySource, CopyMoment, str]:
    """What a copy is made from, what it shows, and the checkpoint that covers it. Raises
    NoSuchPosition."""
    position = order.position
    if position is None and order.at is None:
        position = await _one(connection, _LAST)
        if position is None:
            raise NoSuchPosition("no checkpoint was ever signed: ./aeo up signs one every second")
    source = await copy_source(connection, order.partner, position, order.at)
    shown = source.moment
    checkpoint = await _one(connection, _CHECKPOINT, [shown.position, shown.position])
    if checkpoint is None:
        raise NoSuchPosition(f"no signed checkpoint covers position {shown.position:,} yet")
    epoch = await _one(connection, f"select {CURRENT}")
    return source, CopyMoment(epoch, shown.position, shown.at, source.recorded), checkpoint


async def _one(connection: AsyncConnection[Any], statement: str, values: Any = None) -> Any:
    async with connection.cursor() as cursor:
        await cursor.execute(statement.encode(), values)
        row = await cursor.fetchone()
    return row[0] if row else None


async def _lines(
    connection: AsyncConnection[Any], source: CopySource, progress: Progress | None
) -> AsyncIterator[list[bytes]]:
    count = 0
    async for some in lines(connection, source):
        count += len(some)
        if progress:
            progress(count)
        yield some
