"""A read-only snapshot of the database, in which a comparison sees one state."""

from __future__ import annotations

from typing import Any

import psycopg


class Snapshot:
    """A read-only transaction with snapshot isolation (repeatable read). Owned by one thread."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection = connection
        self._transaction = connection.transaction()

    def __enter__(self) -> None:
        self._transaction.__enter__()
        self._connection.execute("set transaction isolation level repeatable read, read only")

    def __exit__(self, *how: Any) -> Any:
        return self._transaction.__exit__(*how)
