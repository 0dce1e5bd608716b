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

import psycopg
from psycopg import AsyncConnection
from psycopg.rows import tuple_row

from registry.ledger.connections import ADVICE, AsyncSession, WrongSession, without_settings

#: How often two connections are compared; a single comparison can be hidden by other clients of the
#: pooler.
ROUNDS = 3


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
            raise WrongSession(f"{name}: found {found!r}, wanted {wanted[name]!r}; {ADVICE}")


async def require_own_session(
    conninfo: str, role: str | None = "aeo_reader", seconds: float = 5.0
) -> None:
    """Refuses a pooler in transaction or statement mode, and a session without the requested
    settings.

    It opens two connections and uses the first again while the second is in a transaction. Behind
    such a pooler another server process answers, or none, or the same one answers both. No setting
    is made before this is known, because a shared session would pass it on to its next client.

    `role`: the role that the session is to have; None means that of the login. `seconds`: timeout
    of each reply. Raises WrongSession, and psycopg.OperationalError if the database cannot be
    reached.
    """
    await _require_unshared(conninfo, seconds)
    settings = {"default_transaction_read_only": "on", "statement_timeout": "7000"}
    settings |= {"role": role} if role else {}
    options = " ".join(f"-c {name}={value}" for name, value in settings.items())
    connection = await AsyncSession.connect(
        conninfo, options=options, connect_timeout=5, autocommit=True
    )
    async with connection:
        await verify(connection, settings)


async def _require_unshared(conninfo: str, seconds: float) -> None:
    parameters = {**without_settings(conninfo), "connect_timeout": 5}
    first = await AsyncConnection.connect(**parameters, autocommit=True)
    async with first:
        process = await _process(first, seconds)
        second = await AsyncConnection.connect(**parameters, autocommit=True)
        async with second:
            for _ in range(ROUNDS):
                try:
                    async with second.transaction():
                        other = await _process(second, seconds)
                        again = await _process(first, seconds)
                except psycopg.Error as error:
                    if "statement pooling" not in str(error):
                        raise
                    raise WrongSession(f"session: no transaction may begin; {ADVICE}") from error
                if again != process:
                    raise WrongSession(
                        f"session: found server process {again} on a connection that had {process};"
                        f" {ADVICE}"
                    )
                if other == process:
                    raise WrongSession(
                        f"session: found server process {other} on two connections; {ADVICE}"
                    )


async def _process(connection: AsyncConnection[Any], seconds: float) -> str:
    """Returns the id of the server process behind a connection. Raises WrongSession if there is no
    reply in time."""
    try:
        async with asyncio.timeout(seconds), connection.cursor(row_factory=tuple_row) as cursor:
            await cursor.execute("select pg_backend_pid()")
            found = await cursor.fetchone()
    except TimeoutError:
        raise WrongSession(
            f"session: a connection got no answer within {seconds:.0f} s; {ADVICE}, with as many"
            " sessions as there are connections (default_pool_size)"
        ) from None
    assert found is not None
    return str(found[0])


def milliseconds(shown: str) -> int:
    """Converts a time as PostgreSQL shows it (2s, 1500ms, 1min, 0) to milliseconds."""
    for unit, factor in (("ms", 1), ("min", 60_000), ("s", 1_000), ("h", 3_600_000)):
        number = shown.removesuffix(unit)
        if number != shown and number.isdecimal():
            return int(number) * factor
    return int(shown)
