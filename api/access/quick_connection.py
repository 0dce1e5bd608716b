"""The connection of what a page looks up or notes in schema `access` beside its question: sessions,
drafts of forms, marks of what was seen."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import psycopg

from registry.ledger.connections import AsyncSession
from registry.ledger.database import connection_parameters


@asynccontextmanager
async def quick_connection(conninfo: str) -> AsyncIterator[psycopg.AsyncConnection[Any]]:
    """Opens a connection of its own as `aeo_reader`, outside the pool of the answers, and closes it
    at the end. Each statement is a transaction. It waits two seconds to connect, and two for each
    statement, and then raises psycopg.OperationalError: a page does not wait for a note."""
    wanted = {"role": "aeo_reader", "statement_timeout": "2000"}
    parameters = connection_parameters(conninfo, wanted, connect_timeout=2, autocommit=True)
    async with await AsyncSession.connect(**parameters) as connection:
        yield connection
