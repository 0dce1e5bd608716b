"""The checkpoints of the projector: the position that each read model has reached, in
`views.tracking`, and where one is stopped."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, LiteralString

import psycopg
from psycopg.sql import SQL, Identifier

from projections.models.catalogue import READ_MODELS
from projections.models.read_model import ReadModel

#: The position of each projection, and the event in front of which it is stopped; None: it runs.
Checkpoints = dict[str, tuple[int, int | None]]


def checkpoints(connection: psycopg.Connection[Any], schema: str) -> Checkpoints:
    """The checkpoints of all projections into this schema, also of those that have none yet."""
    rows = connection.execute(
        _tracking("select projection, position, stopped_at from {}", schema)
    ).fetchall()
    found = {name: (position, stopped) for name, position, stopped in rows}
    return {p.name: found.get(p.name, (0, None)) for p in READ_MODELS}


def all_at(position: int) -> Checkpoints:
    """The checkpoints where every projection has reached this position."""
    return {p.name: (position, None) for p in READ_MODELS}


def advance_positions(
    cursor: psycopg.Cursor[Any], schema: str, names: Sequence[str], reached: int, last: int
) -> None:
    """Moves these projections from `reached` to `last`. The row count of the statement tells how
    many were at `reached`."""
    cursor.execute(
        _tracking(
            "insert into {0} (projection, position) select unnest(%s::text[]), %s"
            " on conflict (projection) do update set position = excluded.position,"
            " stopped_at = null, why = null, updated_at = clock_timestamp()"
            " where {0}.position = %s",
            schema,
        ),
        [list(names), last, reached],
    )


def stop_projection(
    connection: psycopg.Connection[Any], schema: str, projection: ReadModel, at: int, why: str
) -> None:
    """Stops a projection in front of this event, until `resume` is called."""
    connection.execute(
        _tracking(
            "insert into {0} (projection, position, stopped_at, why) values (%s, %s, %s, %s)"
            " on conflict (projection) do update set position = excluded.position,"
            " stopped_at = excluded.stopped_at, why = excluded.why,"
            " updated_at = clock_timestamp() where {0}.position <= excluded.position",
            schema,
        ),
        [projection.name, at - 1, at, why],
    )


@lru_cache
def _tracking(statement: LiteralString, schema: str) -> bytes:
    """Returns a statement on the tracking table of one schema. Cached, because composing it takes
    longer than PostgreSQL needs to run it."""
    return SQL(statement).format(Identifier(schema, "tracking")).as_bytes()
