"""Leader election: one process at a time holds a PostgreSQL advisory lock; the others wait for
it."""

from __future__ import annotations

import threading
from typing import Any

import psycopg
import structlog

from registry.ledger.database import is_lost
from registry.ledger.locks import holder

_log = structlog.get_logger()


def log_database_failure(log: Any, who: str, error: BaseException) -> None:
    """Logs why a background process starts again: the connection was lost (a warning; it is
    retried), or a statement failed and an administrator must act, for example because of a full
    disk or a missing privilege (an error)."""
    lost = is_lost(error) or is_lost(error.__cause__)
    tell = log.warning if lost else log.error
    tell(f"{who}.database_lost" if lost else f"{who}.cannot_write", error=str(error).strip())


def acquire_leadership(
    connection: psycopg.Connection[Any], lock: int, stop: threading.Event, who: str
) -> None:
    """Waits for the advisory lock `lock`, or until `stop` is set. The lock is released with the
    connection, so a waiting process takes over when the leader ends.

    `who`: the name of this process in the log. One line says that it waits, another that it leads.
    """
    waited = False
    while not stop.is_set():
        row = connection.execute("select pg_try_advisory_lock(%s)", [lock]).fetchone()
        if row and row[0]:
            if waited:
                _log.info(f"{who}.leads", why="the previous leader has ended")
            return
        if not waited:
            waited = True
            _log.warning(
                f"{who}.waits",
                why=f"another {who} leads in this database ({holder(connection, lock)});"
                " this one waits until it has ended",
            )
        stop.wait(0.5)
