"""How the register's background work stands: who leads, how far each has come, what stopped; and
letting go on what did.

Read from the database alone, so it is the same from every machine, and says what is there also
where no service runs.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg
from psycopg.rows import class_row
from psycopg.sql import SQL, Identifier

from projections.checking.findings import Checked, checked
from registry.ledger.connections import Session
from registry.ledger.epochs import Epoch, current


@dataclass(frozen=True)
class Worker:
    """A background process of which one leads. `pid`: of its server process; None: nobody leads."""

    name: str
    lock: int
    pid: int | None = None
    since: datetime | None = None


@dataclass(frozen=True)
class ProjectionPosition:
    """How far a projection is. `stopped_at`: the event in front of which it stands, since when."""

    projection: str
    position: int
    stopped_at: int | None
    why: str | None
    since: datetime | None


@dataclass(frozen=True)
class BackgroundStatus:
    """`recorded`: the last position of the ledger; `logged` and `signed`: leaves of the log;
    `epoch`: the ledger's; `checked`: how the background check stands."""

    recorded: int
    logged: int
    signed: int
    places: tuple[ProjectionPosition, ...]
    workers: tuple[Worker, ...]
    epoch: Epoch
    checked: Checked

    @property
    def stopped(self) -> tuple[ProjectionPosition, ...]:
        return tuple(place for place in self.places if place.stopped_at is not None)

    @property
    def missing(self) -> tuple[Worker, ...]:
        """Those that nobody does."""
        return tuple(worker for worker in self.workers if worker.pid is None)


def status(connection: psycopg.Connection[Any], locks: dict[str, int]) -> BackgroundStatus:
    """`locks`: the number of the advisory lock by which each background process leads."""
    with connection.cursor(row_factory=class_row(ProjectionPosition)) as cursor:
        places = cursor.execute(
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
        recorded, logged, signed, tuple(places), workers, current(connection), checked(connection)
    )


def _worker(connection: psycopg.Connection[Any], name: str, lock: int) -> Worker:
    """PostgreSQL shows the number of an advisory lock as its upper and its lower 32 bits."""
    row = connection.execute(
        "select a.pid, a.backend_start from pg_locks l join pg_stat_activity a using (pid)"
        " where l.locktype = 'advisory' and l.granted and l.database ="
        " (select oid from pg_database where datname = current_database())"
        " and l.classid = %s::bigint::oid and l.objid = %s::bigint::oid and l.objsubid = 1",
        [lock >> 32, lock & 0xFFFFFFFF],
    ).fetchone()
    return Worker(name, lock, *(row or ()))


def resume(conninfo: str, projection: str, schema: str = "views") -> None:
    """Let a projection that stands still try its event again, once the cause was mended."""
    statement = SQL("update {} set stopped_at = null, why = null where projection = %s")
    with Session.connect(conninfo, autocommit=True) as connection:
        connection.execute(statement.format(Identifier(schema, "tracking")), [projection])
