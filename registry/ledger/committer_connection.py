"""The connection of a group committer: outside the pool, with a timeout for every wait."""

from __future__ import annotations

from typing import Any

import psycopg
from eventsourcing.postgres import (
    PostgresDatastore,
)

from registry.ledger.connections import Session
from registry.ledger.database import with_settings

#: TCP settings by which a host that disappeared is noticed within about ten seconds.
KEEPALIVE = {
    "connect_timeout": 5,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,  # milliseconds
}


def committer_connection(datastore: PostgresDatastore) -> psycopg.Connection[Any]:
    """Opens the connection of a group committer, outside the pool, with a timeout for every
    wait."""
    pool = datastore.pool
    given: dict[str, Any] = dict(pool.kwargs)  # type: ignore[arg-type]
    del given["row_factory"]
    if pool.get_password_func:  # passwords that expire are read again for each connection
        given["password"] = pool.get_password_func()
    given = with_settings(
        {**KEEPALIVE, **given},
        # Set explicitly, because the append is refused under any other isolation level.
        default_transaction_isolation="read committed",
        lock_timeout="3s",
        statement_timeout="15s",
        timezone="UTC",
    )
    return Session.connect(**given, autocommit=True)
