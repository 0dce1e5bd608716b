"""Retries a read once after a dead connection. A write is never retried.

A pool learns that a connection is dead only when it is used, so after a restart of the database one
read for each connection would fail.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

import psycopg
import structlog
from psycopg_pool import PoolTimeout, TooManyRequests

from api.graphql.deadlines import within
from api.graphql.positions import Connection, ConnectionPool
from registry.ledger.database import is_lost

T = TypeVar("T")

log = structlog.get_logger("retry")

CHECK_SECONDS = 5.0  # Seconds.


def was_dead(error: BaseException | None) -> bool:
    """True where the connection failed, not the statement. A pool without a free connection is no
    failure."""
    return is_lost(error) and not isinstance(error, PoolTimeout | TooManyRequests)


async def replace_dead_connections(*pools: ConnectionPool) -> None:
    """Tests the idle connections of these pools and replaces the dead ones.

    Raises TimeoutError where the database does not answer. The pool takes a cancellation for a dead
    connection and tests the next one, so its check runs in a task that is not awaited directly.
    """
    for pool in pools:
        await within(CHECK_SECONDS, pool.check())


async def read(pool: ConnectionPool, reading: Callable[[Connection], Awaitable[T]]) -> T:
    """The result of `reading`, which may be called a second time. Raises psycopg.Error and
    PoolTimeout."""
    try:
        async with pool.connection() as connection:
            return await reading(connection)
    except psycopg.OperationalError as error:
        if not was_dead(error):
            raise
        log.info("asked once more", why=str(error))
    await replace_dead_connections(pool)
    async with pool.connection() as connection:
        return await reading(connection)
