"""Status of the background processes: which process leads, how far each has come, and what has
stopped; and resuming a stopped projection.

It is read from the database alone, so it is the same on every machine, and available when no
service runs.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg
from psycopg.rows import class_row
from psycopg.sql import SQL, Identifier

from projections.checking.findings import CheckStatus, checked
from registry.ledger.connections import Session
from registry.ledger.epochs import Epoch, current


@dataclass(frozen=True)
class Worker:
    """A background process with a leader. `pid`: of the leader's server process; None if there is
    no leader."""

    name: str
    lock: int
    pid: int | None = None
    since: datetime | None = None


@dataclass(frozen=True)
class ProjectionPosition:
    """Position of a projection. `stopped_at`: the position of the event that stopped it; `since`:
    when (UTC)."""

    projection: str
    position: int
    stopped_at: int | None
    why: str | None
    since: datetime | None


@dataclass(frozen=True)
class BackgroundStatus:
    """Status of all background processes. `recorded`: the last position of the ledger; `logged` and
    `signed`: number of leaves of the transparency log; `epoch`: the current epoch of the ledger;
    `checked`: the background check."""

    recorded: int
    logged: int
    signed: int
    positions: tuple[ProjectionPosition, ...]
    workers: tuple[Worker, ...]
    epoch: Epoch
    checked: CheckStatus

    @property
    def stopped(self) -> tuple[ProjectionPosition, ...]:
        """Returns the projections that stopped in front of an event."""
        return tuple(place for place in self.positions if place.stopped_at is not None)

    @property
    def missing(self) -> tuple[Worker, ...]:
        """Returns the processes without a leader."""
        return tuple(worker for worker in self.workers if worker.pid is None)


def status(connection: psycopg.Connection[Any], locks: dict[str, int]) -> BackgroundStatus:
    """Reads the status. `locks`: the key of each process's advisory lock, by name."""
    with connection.cursor(row_factory=class_row(ProjectionPosition)) as cursor:
        positions = cursor.execute(
            "select projection, position, stopped_at, why,"
            " case when stopped_at is not null then updated_at end as since"
            " from views.tracking order by projection"
        ).fetchall()
    row = connection.execute(
        "select (select coalesce(max(position), 0) from ledger.event),"
        " (select coalesce(max(size), 0) from proof.state),"
        " (select coalesce(max(size), 0) from proof.checkpoint)"
    ).fetchone()
    assert row is not None
    recorded, logged, signed = row
    workers = tuple(_worker(connection, name, lock) for name, lock in locks.items())
    return BackgroundStatus(
        recorded,
        logged,
        signed,
        tuple(positions),
        workers,
        current(connection),
        checked(connection),
    )


def _worker(connection: psycopg.Connection[Any], name: str, lock: int) -> Worker:
    """Finds the leader of a process. PostgreSQL shows the key of an advisory lock as its upper and
    lower 32 bits."""
    row = connection.execute(
        "select a.pid, a.backend_start from pg_locks l join pg_stat_activity a using (pid)"
        " where l.locktype = 'advisory' and l.granted and l.database ="
        " (select oid from pg_database where datname = current_database())"
        " and l.classid = %s::bigint::oid and l.objid = %s::bigint::oid and l.objsubid = 1",
        [lock >> 32, lock & 0xFFFFFFFF],
    ).fetchone()
    return Worker(name, lock, *(row or ()))


def resume(conninfo: str, projection: str, schema: str = "views") -> None:
    """Lets a stopped projection try its event again, after the cause was removed."""
    statement = SQL("update {} set stopped_at = null, why = null where projection = %s")
    with Session.connect(conninfo, autocommit=True) as connection:
        connection.execute(statement.format(Identifier(schema, "tracking")), [projection])
