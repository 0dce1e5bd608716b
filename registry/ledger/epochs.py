"""The epochs of a ledger: which of its histories a position belongs to.

After a restore, or a failover to a copy that was behind, the ledger gives positions anew that it
had given before, to other events. Each such history has an id of its own, an epoch. A position is
comparable within one epoch; `after_position` says up to where an epoch has the events of the one
before it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg
from psycopg.rows import class_row

from registry.ledger.connections import Session
from registry.ledger.database import connection_parameters

#: Its payload is the id of the epoch that was begun.
CHANNEL = "epoch_begun"

COLUMNS = "number, id, after_position, begun_at, why"
BEGIN = f"select {COLUMNS} from proof.begin_epoch(%s, %s)"
#: An expression: the id of the epoch that a database is in.
CURRENT = "(select id from proof.epoch order by number desc limit 1)"
#: The last position that an epoch has in common with the one that now is: one row if it is known.
COMMON = """
select (select min(later.after_position) from proof.epoch later where later.number > e.number)
from proof.epoch e where e.id = %s"""


@dataclass(frozen=True)
class Epoch:
    """`after_position`: the last event that it has in common with the epoch before. Instants are
    in UTC."""

    number: int
    id: str
    after_position: int
    begun_at: datetime
    why: str


def current(connection: psycopg.Connection[Any]) -> Epoch:
    """The epoch that the database is in."""
    with connection.cursor(row_factory=class_row(Epoch)) as cursor:
        found = cursor.execute(
            f"select {COLUMNS} from proof.epoch order by number desc limit 1"
        ).fetchone()
    assert found is not None, "the migration that makes the table begins the first epoch"
    return found


def begin(conninfo: str, known: str, why: str) -> Epoch:
    """Begins another epoch behind the last event, unless `known` is not the current one any more.

    `conninfo`: of a login that may become `aeo_writer`. Answers the epoch that then is. Raises
    psycopg.Error, also where the database only reads.
    """
    parameters = connection_parameters(conninfo, {"role": "aeo_writer"}, autocommit=True)
    with (
        Session.connect(**parameters) as connection,
        connection.cursor(row_factory=class_row(Epoch)) as cursor,
    ):
        found = cursor.execute(BEGIN.encode(), [known, why]).fetchone()
    assert found is not None
    return found
