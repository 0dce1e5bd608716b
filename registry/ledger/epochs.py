"""Epochs of a ledger: identify the history that a position belongs to.

After a restore, or a failover to a replica that lagged behind, the ledger assigns positions again
that it had assigned before, to other events. Each such history is an epoch with an id of its own.
Positions are comparable within one epoch. `after_position` is the last position that an epoch has
in common with the epoch before it.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

import psycopg
from psycopg.rows import class_row

from registry.ledger.connections import Session
from registry.ledger.database import connection_parameters

#: Notification channel; the payload is the id of the new epoch.
CHANNEL = "epoch_begun"

#: SQL expression: the id of the current epoch.
CURRENT = "(select id from proof.epoch order by number desc limit 1)"
#: The last position that an epoch has in common with the current one: one row if the epoch is
#: known.
COMMON = """
select (select min(later.after_position) from proof.epoch later where later.number > e.number)
from proof.epoch e where e.id = %s"""


@dataclass(frozen=True)
class Epoch:
    """One epoch of the ledger. `after_position`: the last event shared with the epoch before.
    Instants are in UTC."""

    number: int
    id: str
    after_position: int
    begun_at: datetime
    why: str


#: SQL: the columns of an epoch.
COLUMNS = ", ".join(field.name for field in fields(Epoch))
BEGIN = f"select {COLUMNS} from proof.begin_epoch(%s, %s)"


def current(connection: psycopg.Connection[Any]) -> Epoch:
    """Returns the current epoch of the database."""
    with connection.cursor(row_factory=class_row(Epoch)) as cursor:
        found = cursor.execute(
            f"select {COLUMNS} from proof.epoch order by number desc limit 1"
        ).fetchone()
    assert found is not None, "the migration that makes the table begins the first epoch"
    return found


def begin(conninfo: str, known: str, why: str) -> Epoch:
    """Begins a new epoch after the last event, unless `known` is no longer the current epoch.
    Returns the epoch that is then current.

    `conninfo`: of a login that may become `aeo_writer`. Raises psycopg.Error, also if the database
    is read-only.
    """
    parameters = connection_parameters(conninfo, {"role": "aeo_writer"}, autocommit=True)
    with (
        Session.connect(**parameters) as connection,
        connection.cursor(row_factory=class_row(Epoch)) as cursor,
    ):
        found = cursor.execute(BEGIN.encode(), [known, why]).fetchone()
    assert found is not None
    return found
