"""Pools of connections to the database for the processes that answer, or tell what has changed."""

from __future__ import annotations

import select
from functools import partial
from typing import Any

import psycopg
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from api.graphql.context import Pool
from api.settings import Settings
from registry.ledger.connections import AsyncSession
from registry.ledger.database import connection_parameters
from registry.ledger.sessions import verify

WAITING = 200  # requests that may wait for a pooled connection; further ones are refused (BUSY)


async def alive(connection: AsyncConnection[Any]) -> None:
    """Checks a connection that the pool hands out.

    It asks the operating system for the state of the socket and sends nothing to the server, so
    that a request does not wait for one more round trip. Raises psycopg.OperationalError when the
    connection is closed.
    """
    poll = select.poll()
    if not connection.closed:
        poll.register(connection.pgconn.socket, select.POLLIN | select.POLLHUP | select.POLLERR)
    # The server sends nothing on an idle connection until it closes the connection.
    if connection.closed or poll.poll(0):
        await connection.close()  # otherwise the pool would keep it as a good one
        raise psycopg.OperationalError("the database ended the connection")


def pool(settings: Settings, role: str, size: int, name: str | None = None) -> Pool:
    """Returns a connection pool of one read-only database role. The pool is not open yet."""
    wanted = {
        "role": role,
        "default_transaction_read_only": "on",
        "statement_timeout": str(int(settings.deadline * 1000)),
        "plan_cache_mode": "force_generic_plan",
        "TimeZone": "UTC",
    }
    return AsyncConnectionPool(
        kwargs=_parameters(settings, role),
        connection_class=AsyncSession[tuple[Any, ...]],
        min_size=min(2, size),
        max_size=size,
        timeout=settings.deadline,
        max_waiting=WAITING,
        max_lifetime=3600,
        check=alive,
        configure=partial(verify, wanted=wanted),
        open=False,
        name=name or role,
    )


def _parameters(settings: Settings, role: str) -> dict[str, Any]:
    wanted = {
        "role": role,
        "timezone": "UTC",
        "default_transaction_read_only": "on",
        "statement_timeout": f"{int(settings.deadline * 1000)}",
        # The statements are short and similar: planning each anew and JIT compilation cost more
        # than they save.
        "plan_cache_mode": "force_generic_plan",
        "jit": "off",
        # The read models are in memory: a random page costs little more than the next one.
        "random_page_cost": "1.1",
    }
    return connection_parameters(settings.database, wanted, autocommit=True)
