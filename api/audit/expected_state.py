"""The expected state of an audit bundle: the read models' rows of each operator and agreement, by
stream.

An auditor derives the same rows from the events and compares. A stream that has events after the
signed tree has newer rows, so only its position is given.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from functools import lru_cache
from heapq import merge
from itertools import groupby
from typing import Any

import msgspec
import psycopg

from projections.models.catalogue import TABLES
from registry.domain.agreements.events import Agreement

Connection = psycopg.Connection[Any]


def _shown(table: str, alias: str) -> str:
    """Returns the columns of a row in the bundle: all but the key of the stream."""
    declared = TABLES[table]
    return ", ".join(f"{alias}.{name}" for name in declared.columns if name != declared.key)


def expected_state(
    connection: Connection, streams: list[str] | None, position: int
) -> Iterator[bytes]:
    """Yields one JSON line per stream, in the order of the stream ids.

    `streams`: only these; None: all. `position`: the last event that the rows may depend on.
    """
    both = merge(
        _operators(connection, streams, position),
        _agreements(connection, streams, position),
        key=lambda entry: entry["stream"],
    )
    encode = msgspec.json.Encoder().encode
    for line in both:
        yield encode(line) + b"\n"


def _operators(
    connection: Connection, streams: list[str] | None, position: int
) -> Iterator[dict[str, Any]]:
    with connection.cursor(name="audit_periods") as cursor:
        cursor.itersize = 5_000
        cursor.execute(
            f"select o.id::text, o.tin, o.position, {_shown('status_period', 'p')}"
            " from views.operator o"
            " left join views.status_period p using (tin)"
            " where %(streams)s::uuid[] is null or o.id = any(%(streams)s)"
            ' order by o.id, p.authorisation collate "C", p.valid_from, p.recorded_from,'
            " p.position",
            {"streams": streams},
        )
        for (stream, tin, last), rows in groupby(cursor, key=lambda row: row[:3]):
            entry = {"stream": stream, "operator": tin, "position": last}
            if last <= position:
                # The left join gives an operator without authorisations one row of nulls.
                entry["periods"] = [_plain(row[3:]) for row in rows if row[3] is not None]
            yield entry


def _agreements(
    connection: Connection, streams: list[str] | None, position: int
) -> list[dict[str, Any]]:
    """Returns the lines of all agreements at once: there are hundreds."""
    found = []
    agreements = connection.execute("select id, position from views.agreement").fetchall()
    stages = _by_agreement(connection, "stage", "valid_from, recorded_from, position")
    sides = _by_agreement(
        connection, "side", 'party collate "C", valid_from, recorded_from, position'
    )
    for id, last in agreements:
        stream = str(Agreement.create_id(id))
        if streams is None or stream in streams:
            entry = {"stream": stream, "agreement": id, "position": last}
            if last <= position:
                entry |= {"stages": stages.get(id, []), "sides": sides.get(id, [])}
            found.append(entry)
    return sorted(found, key=lambda line: str(line["stream"]))


def _by_agreement(connection: Connection, table: str, order: str) -> dict[str, list[list[Any]]]:
    rows = connection.execute(
        f"select agreement, {_shown(table, 't')} from views.{table} t"
        f' order by agreement collate "C", {order}'
    )
    return {id: [_plain(row[1:]) for row in own] for id, own in groupby(rows, lambda row: row[0])}


def _plain(row: tuple[Any, ...]) -> list[Any]:
    return [_text(value) if isinstance(value, date) else value for value in row]


@lru_cache(maxsize=16_384)
def _text(day: date) -> str:
    """Returns a day in ISO 8601, or an instant in RFC 3339, UTC."""
    written = day.isoformat()
    return written.replace("+00:00", "Z") if isinstance(day, datetime) else written
