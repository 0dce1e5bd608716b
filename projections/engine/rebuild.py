"""Rebuilds the read models in new tables and swaps them in, in one transaction."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import structlog
from psycopg.sql import SQL, Identifier

from projections.engine.derivation import record_derivation
from projections.engine.fold_workers import FoldFailed
from projections.engine.projector import SWAP_LOCK, Progress, Projector
from projections.engine.view_definitions import in_schema, securing
from projections.models.catalogue import TABLES
from registry.ledger import locks
from registry.ledger.connections import Session

log = structlog.get_logger()

NEW_SCHEMA = "views_next"
#: Key of the advisory lock that allows one rebuild at a time: "AEON" in ASCII. Two rebuilds would
#: mix their rows.
REBUILD_LOCK = 0x41454F4E


def rebuild(
    conninfo: str,
    progress: Progress | None = None,
    say: Callable[[str], None] = locks.silent,
) -> int:
    """Replays all events into new tables and swaps them in. Returns the position reached.

    Readers and the active projector continue meanwhile; they wait only for the short swap. Another
    rebuild waits until this one has ended, an hour at most; `say` is told so. `conninfo`: of a role
    that may create schemas. An interrupted rebuild leaves the old tables unchanged; its own tables
    are dropped by the next rebuild. Raises TimeoutError when another rebuild has not ended.
    """
    with Session.connect(conninfo, autocommit=True) as connection:
        connection.execute("set synchronous_commit = off")
        locks.take(connection, REBUILD_LOCK, "rebuild", say, locks.LONG)
        create_tables(connection, NEW_SCHEMA)
        record_derivation(connection, NEW_SCHEMA)
        projector = Projector(conninfo, schema=NEW_SCHEMA)
        try:
            with without_indexes(connection, NEW_SCHEMA):
                projector.bulk_fill(progress)
        except FoldFailed as why:
            # An event cannot be read: the projector alone stops in front of it.
            log.warning("rebuild.alone", error=str(why))
            create_tables(connection, NEW_SCHEMA)
            record_derivation(connection, NEW_SCHEMA)
        projector.catch_up(progress)
        connection.execute("set synchronous_commit = on")
        with connection.transaction():
            connection.execute("select pg_advisory_xact_lock(%s)", [SWAP_LOCK])
            reached = _catch_up_in_swap(connection, projector)
            connection.execute(securing(NEW_SCHEMA).encode())
            connection.execute("alter schema views rename to views_old")
            connection.execute(f"alter schema {NEW_SCHEMA} rename to views")
            connection.execute("drop schema views_old cascade")
    return reached


@contextmanager
def without_indexes(connection: psycopg.Connection[Any], schema: str) -> Iterator[None]:
    """Drops the indexes of tables that are being filled and have no readers, and creates them
    afterwards, which takes half the time of maintaining them. The index of the tracking table
    stays."""
    keys = connection.execute(
        "select conrelid::regclass::text, conname, pg_get_constraintdef(oid) from pg_constraint"
        " where connamespace = %s::regnamespace and contype = 'p' and conparentid = 0"
        " and conrelid <> (%s || '.tracking')::regclass order by 1",
        [schema, schema],
    ).fetchall()
    for table, name, _ in keys:
        connection.execute(f'alter table {table} drop constraint "{name}"')
    indexes = connection.execute(
        "select i.indexrelid::regclass::text, pg_get_indexdef(i.indexrelid)"
        " from pg_index i join pg_class c on c.oid = i.indexrelid"
        " where c.relnamespace = %s::regnamespace and not c.relispartition"
        " and i.indrelid <> (%s || '.tracking')::regclass order by 1",
        [schema, schema],
    ).fetchall()
    for name, _ in indexes:
        connection.execute(f"drop index {name}")
    yield
    connection.execute("set maintenance_work_mem = '64MB'")
    for table, name, definition in keys:
        connection.execute(f'alter table {table} add constraint "{name}" {definition}')
    for _, definition in indexes:
        # PostgreSQL describes the index of a partitioned table as if its partitions had none.
        connection.execute(definition.replace(" ON ONLY ", " ON ", 1))


def create_tables(connection: psycopg.Connection[Any], schema: str) -> None:
    """Creates empty tables of the read models in a schema of their own, from the statements of the
    baseline and the migrations (projections/engine/view_definitions.py)."""
    with connection.transaction():
        connection.execute(SQL("drop schema if exists {} cascade").format(Identifier(schema)))
        connection.execute(in_schema(schema).encode())


def _catch_up_in_swap(connection: psycopg.Connection[Any], projector: Projector) -> int:
    """Projects what was recorded since, within the transaction of the swap, while no other process
    can write."""
    connection.execute("set local timezone = 'UTC'")
    return projector.catch_up_in(connection)


def digests(
    connection: psycopg.Connection[Any], schema: str = "views", tables: Iterable[str] = TABLES
) -> dict[str, str]:
    """Returns the SHA-256 of the sorted rows of each table. Equal read models have equal
    digests."""
    found: dict[str, str] = {}
    connection.execute("set timezone = 'UTC'")
    for table in tables:
        every = SQL(", ").join(map(Identifier, TABLES[table].columns))
        digest = hashlib.sha256()
        statement = SQL(
            "copy (select line from (select t::text as line from (select {} from {}) t) lines"
            ' order by line collate "C") to stdout'
        )
        with (
            connection.cursor() as cursor,
            cursor.copy(statement.format(every, Identifier(schema, table))) as rows,
        ):
            for row in rows:
                digest.update(row)
        found[table] = digest.hexdigest()
    return found
