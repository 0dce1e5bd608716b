"""Advisory locks that are waited for with a message and a time limit."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import psycopg

AGAIN = 0.2  # seconds between two attempts
LONG = 3600.0  # seconds for which work is waited for that replays the whole ledger


def silent(line: str) -> None:
    """For a caller that does not want to know."""


def take(
    connection: psycopg.Connection[Any],
    lock: int,
    what: str,
    say: Callable[[str], None],
    seconds: float,
) -> None:
    """Acquires an advisory lock, which is released at the end of the session.

    `what`: the work that the lock guards, for the message. `say` is called once, with one line that
    names the server process which holds the lock. `seconds`: the time limit. Raises TimeoutError
    with a message.
    """
    until = time.monotonic() + seconds
    reported = False
    while not _try(connection, lock):
        if time.monotonic() > until:
            raise TimeoutError(
                f"another {what} has not ended within {seconds:.0f} s: {holder(connection, lock)}"
            )
        if not reported:
            reported = True
            say(
                f"another {what} is under way ({holder(connection, lock)});"
                f" waiting for its end, {seconds:.0f} s at most"
            )
        time.sleep(AGAIN)


def holder(connection: psycopg.Connection[Any], lock: int) -> str:
    """Describes the holder of an advisory lock. PostgreSQL shows the two halves of the 64-bit
    key."""
    row = connection.execute(
        "select l.pid, a.application_name, a.client_addr::text,"
        " to_char(a.backend_start at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS')"
        " from pg_locks l left join pg_stat_activity a using (pid)"
        " where l.locktype = 'advisory' and l.granted and l.objsubid = 1 and l.database ="
        " (select oid from pg_database where datname = current_database())"
        " and l.classid = %s::bigint::oid and l.objid = %s::bigint::oid",
        [lock >> 32, lock & 0xFFFFFFFF],
    ).fetchone()
    if row is None:
        return "it has just ended"
    pid, name, address, began = row
    of = [f"{name!r}" if name else "", f"from {address}" if address else "", f"since {began} UTC"]
    return " ".join([f"server process {pid}", *filter(None, of)])


def _try(connection: psycopg.Connection[Any], lock: int) -> bool:
    row = connection.execute("select pg_try_advisory_lock(%s)", [lock]).fetchone()
    return bool(row and row[0])
