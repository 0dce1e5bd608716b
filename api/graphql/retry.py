"""A read that met a dead connection is asked once more, on another one. A write never is.

A pool learns that a connection is dead from whoever uses it, so after a restart of the database
one reader for each of them would be told that it cannot be reached.
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

log = structlog.get_logger("again")

CHECKING = 5.0  # seconds


def was_dead(error: BaseException | None) -> bool:
    """Whether the connection failed, and not the statement; a pool without one is no failure."""
    return is_lost(error) and not isinstance(error, PoolTimeout | TooManyRequests)


async def renewed(*pools: ConnectionPool) -> None:
    """The idle connections of these pools are tried, and the dead ones replaced.

    Raises TimeoutError where the database does not answer. The pool takes a cancellation for a
    dead connection and goes on to the next, so nobody waits for it directly.
    """
    for pool in pools:
        await within(CHECKING, pool.check())


async def read(pool: ConnectionPool, reading: Callable[[Connection], Awaitable[T]]) -> T:
    """What `reading` reads; it may be called a second time. Raises psycopg.Error, PoolTimeout."""
    try:
        async with pool.connection() as connection:
            return await reading(connection)
    except psycopg.OperationalError as error:
        if not was_dead(error):
            raise
        log.info("asked once more", why=str(error))
    await renewed(pool)
    async with pool.connection() as connection:
        return await reading(connection)
