"""Checks that a database session belongs to one client and has the requested role and settings.

Behind a connection pooler in transaction mode the session changes between statements. Prepared
statements of the same name then belong to other clients, and so do the role, the read-only mode and
the timeouts. No statement fails, but the results are wrong. So every user of a database checks its
session first and refuses a shared one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any
from uuid import uuid4

import psycopg
from psycopg import AsyncConnection
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import tuple_row

from registry.ledger.database import with_settings

CURE = "a pooler between this program and the database must be in session mode"


class WrongSession(psycopg.OperationalError):
    """The database provided another session than the requested one."""


async def verify(connection: AsyncConnection[Any], wanted: Mapping[str, str]) -> None:
    """Compares the settings of the session with those that were requested. `wanted`: settings by
    name, as PostgreSQL shows them, times in milliseconds; `role` is the user that statements run
    as. Raises WrongSession."""
    names = list(wanted)
    shown = ", ".join(
        "current_user" if name == "role" else f"current_setting('{name}')" for name in names
    )
    async with connection.cursor(row_factory=tuple_row) as cursor:
        await cursor.execute(f"select {shown}".encode())
        row = await cursor.fetchone()
    assert row is not None
    for name, found in zip(names, row, strict=True):
        if name.endswith("_timeout"):
            found = str(milliseconds(found))
        if found != wanted[name]:
            raise WrongSession(f"{name}: found {found!r}, wanted {wanted[name]!r}; {CURE}")


async def require_own_session(
    conninfo: str, role: str | None = "aeo_reader", seconds: float = 10.0
) -> None:
    """Refuses a pooler in transaction mode. It opens two connections and uses the first again while
    the second is in a transaction: behind such a pooler another server process answers, or none.

    `role`: the role that the session is to have; None means that of the login. `seconds`: how long
    to wait for the answer.

    Raises WrongSession, and psycopg.OperationalError if the database cannot be reached.
    """
    settings = {"default_transaction_read_only": "on", "statement_timeout": "7000"}
    settings |= {"role": role} if role else {}
    parameters = with_settings(conninfo_to_dict(conninfo, connect_timeout="5"), **settings)
    mark = uuid4().hex
    first = await AsyncConnection.connect(**parameters, autocommit=True)
    async with first:
        await verify(first, settings)
        await first.execute("select set_config('aeo.session', %s, false)", [mark])
        begun = await _process(first)
        second = await AsyncConnection.connect(**parameters, autocommit=True)
        async with second, second.transaction():
            await second.execute("select 1")
            try:
                async with asyncio.timeout(seconds):
                    again = await _process(first)
            except TimeoutError:
                again = ("none within the time limit", "")
    if again != begun:
        raise WrongSession(
            f"session: found server process {again[0]} on a connection that had {begun[0]}; {CURE}"
        )


async def _process(connection: AsyncConnection[Any]) -> tuple[Any, ...]:
    """Returns the id of the server process behind a connection, and the marker that was stored in
    its session."""
    async with connection.cursor(row_factory=tuple_row) as cursor:
        await cursor.execute("select pg_backend_pid(), current_setting('aeo.session', true)")
        found = await cursor.fetchone()
    assert found is not None
    return found


def milliseconds(shown: str) -> int:
    """Converts a time as PostgreSQL shows it (2s, 1500ms, 1min, 0) to milliseconds."""
    for unit, factor in (("ms", 1), ("min", 60_000), ("s", 1_000), ("h", 3_600_000)):
        number = shown.removesuffix(unit)
        if number != shown and number.isdecimal():
            return int(number) * factor
    return int(shown)
