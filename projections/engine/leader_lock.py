"""One process at a time: whoever holds a lock of the database leads, and the others wait."""

from __future__ import annotations

import threading
from typing import Any

import psycopg
import structlog

from registry.ledger.database import is_lost

_log = structlog.get_logger()


def log_database_failure(log: Any, who: str, error: BaseException) -> None:
    """Logs why a background process begins anew: the database was lost and is waited for, or a
    statement failed, which somebody must mend (a full disk, a missing right)."""
    lost = is_lost(error) or is_lost(error.__cause__)
    tell = log.warning if lost else log.error
    tell(f"{who}.database_lost" if lost else f"{who}.cannot_write", error=str(error).strip())


def acquire_leadership(
    connection: psycopg.Connection[Any], lock: int, stop: threading.Event, who: str
) -> None:
    """Wait until no other leads, or until told to stop: whoever leads may die at any time, and
    then we go on. The lock is given back with the connection. `who`: the command that this is; that
    it waits is said in one line of the log, and that it leads from then on in another."""
    waited = False
    while not stop.is_set():
        row = connection.execute("select pg_try_advisory_lock(%s)", [lock]).fetchone()
        if row and row[0]:
            if waited:
                _log.info(f"{who}.leads", why="the one that led has ended")
            return
        if not waited:
            waited = True
            _log.warning(
                f"{who}.waits",
                why=f"another {who} leads in this database ({_leader(connection, lock)});"
                " this one waits until it has ended",
            )
        stop.wait(0.5)


def _leader(connection: psycopg.Connection[Any], lock: int) -> str:
    """PostgreSQL shows the number of an advisory lock as its upper and its lower 32 bits."""
    row = connection.execute(
        "select pid from pg_locks where locktype = 'advisory' and granted and database ="
        " (select oid from pg_database where datname = current_database())"
        " and classid = %s::bigint::oid and objid = %s::bigint::oid and objsubid = 1",
        [lock >> 32, lock & 0xFFFFFFFF],
    ).fetchone()
    return f"server process {row[0]}" if row else "it has just ended"
