"""One process at a time: whoever holds a lock of the database leads, and the others wait."""

from __future__ import annotations

import threading
from typing import Any

import psycopg

from registry.database import is_lost


def say_database_failed(log: Any, who: str, error: BaseException) -> None:
    """Logs why a background process begins anew: the database was lost and is waited for, or a
    statement failed, which somebody must mend (a full disk, a missing right)."""
    lost = is_lost(error) or is_lost(error.__cause__)
    tell = log.warning if lost else log.error
    tell(f"{who}.database_lost" if lost else f"{who}.cannot_write", error=str(error).strip())


def lead(connection: psycopg.Connection[Any], lock: int, stop: threading.Event) -> None:
    """Wait until no other leads, or until told to stop: whoever leads may die at any time, and
    then we go on. The lock is given back with the connection."""
    while not stop.is_set():
        row = connection.execute("select pg_try_advisory_lock(%s)", [lock]).fetchone()
        if row and row[0]:
            return
        stop.wait(0.5)
