"""One process at a time: whoever holds a lock of the database leads, and the others wait."""

from __future__ import annotations

import threading
from typing import Any

import psycopg


def lead(connection: psycopg.Connection[Any], lock: int, stop: threading.Event) -> None:
    """Wait until no other leads, or until told to stop: whoever leads may die at any time, and
    then we go on. The lock is given back with the connection."""
    while not stop.is_set():
        row = connection.execute("select pg_try_advisory_lock(%s)", [lock]).fetchone()
        if row and row[0]:
            return
        stop.wait(0.5)
