"""Rebuilds the read models as of a (valid time, transaction time) pair in a separate schema.

Each stream is projected only as far as it was known at the transaction time, so that an import
counts from the day on which its own authority knew it. The schema contains the usual tables, and
beside each a view of the rows that were valid at the instant of valid time.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

import psycopg
from psycopg.sql import SQL, Composed, Identifier, Literal

from projections.engine.fold import TableChanges, connect
from projections.engine.fold_workers import FoldRequest, FoldResult, FoldWorkers, fold_request
from projections.engine.projector import BATCH, PARALLEL_FROM, Progress
from projections.engine.rebuild import create_tables, digests, without_indexes
from projections.models.catalogue import READ_MODELS, TABLES
from projections.models.read_model import ReadModel, Table
from projections.models.tables import copy_csv
from projections.reads.bitemporal_sql import holds
from registry.ledger.connections import Session

#: Name prefixes of a complete schema and of one that is being built.
FINISHED_PREFIX, UNFINISHED_PREFIX = "replay_", "replaying_"
#: "REPL" in ASCII: the first key of the advisory locks that show that a replay is still running.
LOCK_CLASS = 0x5245504C
_ROLE = "aeo_projector"

#: The rows that a view shows where the declaration of the table says nothing else.
_VALID_INTERVAL = f"{holds('t', '{at}')} and t.recorded_to is null"


@dataclass(frozen=True)
class ReplayedTable:
    """`held`: the number of its rows that were valid at the instant; `digest`: of all its rows."""

    name: str
    rows: int
    held: int
    digest: str


def schema_of(at: datetime, known: datetime) -> str:
    """The name of the schema for these instants. Both in UTC."""
    return FINISHED_PREFIX + "_".join(map(_name_part, (at, known)))


def _name_part(instant: datetime) -> str:
    text = instant.replace(tzinfo=None).isoformat().lower()
    return "".join(letter for letter in text if letter.isalnum())


def replay(
    conninfo: str,
    at: datetime,
    known: datetime,
    models: Sequence[ReadModel] = READ_MODELS,
    progress: Progress | None = None,
) -> list[ReplayedTable]:
    """Builds these read models as they were believed at `known`, in the schema of that moment.

    Both instants in UTC. `conninfo`: of a role that may create schemas. Streams are folded in
    batches, so that memory does not grow with the register. After an error the schema is what it
    was before; the unfinished schema of a killed replay is dropped by the next replay. Raises
    FoldFailed, and the errors of an event that cannot be read.
    """
    schema = schema_of(at, known)
    unfinished = schema.replace(FINISHED_PREFIX, UNFINISHED_PREFIX, 1)
    with Session.connect(conninfo, autocommit=True) as connection:
        connection.execute("set synchronous_commit = off")
        connection.execute("set timezone = 'UTC'")
        _drop_abandoned(connection)
        # Held until the session ends, however it ends. Another replay of the same moment is waited
        # for.
        connection.execute("select pg_advisory_lock(%s, hashtext(%s))", [LOCK_CLASS, unfinished])
        try:
            create_tables(connection, unfinished)
            with without_indexes(connection, unfinished):
                _fill(conninfo, unfinished, known, models, progress)
            _drop_unrequested(connection, unfinished, models)
            for table in [table for model in models for table in _tables(model)]:
                connection.execute(_view(unfinished, table, at))
            summary = list(_summary(connection, unfinished, models))
            with connection.transaction():
                _drop(connection, schema)
                connection.execute(
                    SQL("alter schema {} rename to {}").format(
                        *map(Identifier, (unfinished, schema))
                    )
                )
            return summary
        except BaseException:
            _drop(connection, unfinished)
            raise


def drop(
    connection: psycopg.Connection[Any],
    at: datetime | None = None,
    known: datetime | None = None,
) -> list[str]:
    """Drops the schemas with these instants (UTC); None stands for any instant.

    Returns the names of the schemas that were dropped.
    """
    dropped = [] if at or known else _drop_abandoned(connection)
    start = f"{FINISHED_PREFIX}{_name_part(at)}_" if at else FINISHED_PREFIX
    end = f"_{_name_part(known)}" if known else ""
    found = [
        name
        for name in _schemas(connection, FINISHED_PREFIX)
        if name.startswith(start) and name.endswith(end)
    ]
    for name in found:
        _drop(connection, name)
    return dropped + found


def _drop_abandoned(connection: psycopg.Connection[Any]) -> list[str]:
    """Drops the unfinished schemas of killed replays. A running replay holds its lock, and its
    schema stays."""
    dropped = []
    for name in _schemas(connection, UNFINISHED_PREFIX):
        with connection.transaction():
            row = connection.execute(
                "select pg_try_advisory_xact_lock(%s, hashtext(%s))", [LOCK_CLASS, name]
            ).fetchone()
            if row and row[0]:
                _drop(connection, name)
                dropped.append(name)
    return dropped


def _schemas(connection: psycopg.Connection[Any], prefix: str) -> list[str]:
    rows = connection.execute(
        "select nspname::text from pg_namespace where starts_with(nspname, %s) order by 1", [prefix]
    )
    return [name for (name,) in rows.fetchall()]


def _drop(connection: psycopg.Connection[Any], schema: str) -> None:
    connection.execute(SQL("drop schema if exists {} cascade").format(Identifier(schema)))


def _fill(
    conninfo: str,
    schema: str,
    known: datetime,
    models: Sequence[ReadModel],
    progress: Progress | None,
) -> None:
    with connect(conninfo, _ROLE) as connection:
        row = connection.execute("select coalesce(max(position), 0) from ledger.event").fetchone()
        head = row[0] if row else 0
        names = [model.name for model in models]
        batches = [
            FoldRequest(after, min(after + BATCH, head), head, names, known)
            for after in range(0, head, BATCH)
        ]
        for asked, answer in _answers(conninfo, connection, batches, head):
            _add(connection, schema, answer.changes)
            if progress:
                progress(asked.until, answer.events)


def _answers(
    conninfo: str, connection: psycopg.Connection[Any], batches: Sequence[FoldRequest], head: int
) -> Iterator[tuple[FoldRequest, FoldResult]]:
    """The folded batches, in order; where there are many, other processes fold them."""
    if head < PARALLEL_FROM:
        yield from ((asked, fold_request(connection, asked)) for asked in batches)
        return
    waiting: deque[tuple[FoldRequest, Future[FoldResult]]] = deque()
    with FoldWorkers(conninfo, _ROLE) as folders:
        for asked in batches:
            waiting.append((asked, folders.submit_request(asked)))
            if len(waiting) >= folders.ahead:
                first, answer = waiting.popleft()
                yield first, answer.result()
        for first, answer in waiting:
            yield first, answer.result()


def _add(
    connection: psycopg.Connection[Any], schema: str, changes: Mapping[str, TableChanges]
) -> None:
    with connection.transaction(), connection.cursor() as cursor:
        for changes_of_model in changes.values():
            for table, rows in changes_of_model.copied_rows.items():
                copy_csv(cursor, schema, TABLES[table], rows)


def _tables(model: ReadModel) -> list[Table]:
    """The tables of a read model, in an order in which each view finds those that it reads."""
    return sorted(model.tables, key=lambda table: (bool(table.after), table.name))


def _drop_unrequested(
    connection: psycopg.Connection[Any], schema: str, models: Sequence[ReadModel]
) -> None:
    """Drops the tables of read models that were not requested: empty, they would look as if nothing
    had been known."""
    asked = {table.name for model in models for table in model.tables}
    every = {*TABLES, "tracking", "derivation", "mended"}
    for name in sorted(every - asked):
        connection.execute(SQL("drop table {}").format(Identifier(schema, name)))


def _view(schema: str, table: Table, at: datetime) -> Composed:
    valid = table.valid or _VALID_INTERVAL
    text = table.shown or f"select t.* from {{schema}}.{{table}} t where {valid}"
    selected = SQL(cast(Any, text)).format(
        at=Literal(at),
        day=Literal(at.date()),
        schema=Identifier(schema),
        table=Identifier(table.name),
    )
    return SQL("create view {} as {}").format(Identifier(schema, f"{table.name}_at"), selected)


def _summary(
    connection: psycopg.Connection[Any], schema: str, models: Sequence[ReadModel]
) -> Iterator[ReplayedTable]:
    for model in models:
        names = sorted(table.name for table in model.tables)
        for name, digest in digests(connection, schema, names).items():
            row = connection.execute(
                SQL("select (select count(*) from {}), (select count(*) from {})").format(
                    Identifier(schema, name), Identifier(schema, f"{name}_at")
                )
            ).fetchone()
            rows, held = row if row else (0, 0)
            yield ReplayedTable(name, rows, held, digest)
