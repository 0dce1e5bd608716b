"""Reads the epochs of the ledger: see registry/ledger/epochs.py."""

from __future__ import annotations

from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import class_row

from registry.ledger.epochs import COLUMNS, Epoch


async def epochs(connection: AsyncConnection[Any]) -> list[Epoch]:
    """All epochs, the current one first."""
    async with connection.cursor(row_factory=class_row(Epoch)) as cursor:
        await cursor.execute(
            f"select {COLUMNS} from proof.epoch order by number desc".encode(), prepare=True
        )
        return await cursor.fetchall()
