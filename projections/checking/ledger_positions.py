"""Positions of the ledger for the background check: the last one, and the streams between two."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import psycopg

from projections.checking import ledger_check
from projections.checking.comparison import (
    Difference,
)
from projections.models.catalogue import NOUNS


def last_position(connection: psycopg.Connection[Any]) -> int:
    """Returns the last position of the ledger; 0 if it is empty."""
    row = connection.execute("select coalesce(max(position), 0) from ledger.event").fetchone()
    return row[0] if row else 0


def streams_between(
    connection: psycopg.Connection[Any], after: int, until: int, *, from_first: bool
) -> dict[str, list[UUID]]:
    """Returns the streams with events at the positions (after, until], by noun. `from_first`: only
    streams that begin there."""
    rows = connection.execute(
        "select distinct originator_id, split_part(topic, '.', 1) from ledger.event"
        " where position > %s and position <= %s and (originator_version = 1 or not %s)",
        [after, until, from_first],
    ).fetchall()
    found: dict[str, list[UUID]] = {}
    for id, noun in rows:
        if noun in NOUNS:
            found.setdefault(noun, []).append(id)
    return found


def positions_beyond_end(connection: psycopg.Connection[Any], head: int) -> list[Difference]:
    """Returns a difference for each read model whose position is beyond the end of the ledger."""
    rows = connection.execute(
        "select projection, position from views.tracking where position > %s", [head]
    )
    return [
        Difference(
            ledger_check.HEAD,
            "",
            name,
            f"its position is {position}, and the last position of the ledger is {head}",
            head,
        )
        for name, position in rows
    ]
