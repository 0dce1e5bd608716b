"""Compares the rows of a read model with the rows derived from the events, and repairs them.

Only the ledger is authoritative. PostgreSQL compares the rows in the types of their columns, at the
position of the read model in the same snapshot. So the projector may run meanwhile without causing
false differences.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, cast
from uuid import UUID

import psycopg
from psycopg.sql import SQL, Composed, Identifier

from projections.engine.derivation import outdated
from projections.engine.fold import group_by_stream, read_streams, to_timed_event
from projections.engine.projector import SWAP_LOCK
from projections.models.catalogue import NOUNS, key_of, rows_of, tables_of
from projections.models.read_model import Rows, Table
from projections.models.tables import delete_rows, to_json

#: Number of rows of one subject up to which each row is paired with the most similar one.
MAX_PAIRED_ROWS = 40


class Outdated(Exception):
    """The read models were derived by another release of the register, so this one cannot check
    them."""


class RepairFailed(Exception):
    """The rows still differ after the repair, or cannot be derived."""


class CheckedSubject(NamedTuple):
    """The subject of a stream: an operator by its TIN, an agreement by its id, and so on."""

    noun: str
    key: str
    stream: UUID | None  # None: no stream can have this key


@dataclass(frozen=True)
class Difference:
    """One difference between a read model and the events.

    `relation`: the table with its schema; `position`: the position at which it was compared; `what`
    names columns and repeats no value; `noun` is empty if the ledger itself is wrong.
    """

    relation: str
    noun: str
    key: str
    what: str
    position: int


@dataclass(frozen=True)
class Derived:
    """The keys and all rows of some streams of one kind. `broken`: by stream id, the streams whose
    rows cannot be derived, with their first position and the reason."""

    keys: list[str]
    rows: Rows
    broken: dict[str, tuple[int, str]]


def derive(
    connection: psycopg.Connection[Any], noun: str, ids: Sequence[UUID], until: int
) -> Derived:
    """Derives the rows of these streams from their events up to a position."""
    derived = Derived([], {}, {})
    for stream_events in group_by_stream(read_streams(connection, ids, 0, until)).values():
        try:
            events = [
                (to_timed_event(ledger_event), ledger_event.recorded_at)
                for ledger_event in stream_events
            ]
            key = key_of(noun, events[0][0].event)
            expected = rows_of(noun, events)
        # any error: the event is no longer what it was when it was recorded
        except Exception as error:
            why = f"its events cannot be read: {type(error).__name__}: {error}"
            derived.broken[str(stream_events[0].stream)] = stream_events[0].position, why
            continue
        derived.keys.append(key)
        for table, rows in expected.items():
            derived.rows.setdefault(table, []).extend(rows)
    return derived


class Comparison:
    """Compares and repairs on one connection, which it does not own. Statements are composed once
    for each table. Not thread-safe."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection = connection
        self._statements: dict[str, Composed] = {}

    def positions(self) -> dict[str, int]:
        """Returns the position of each projection in this snapshot. Raises Outdated."""
        if why := outdated(self._connection):
            raise Outdated(why)
        rows = self._connection.execute("select projection, position from views.tracking")
        return dict(rows.fetchall())

    def of_streams(
        self, ids: Mapping[str, Sequence[UUID]]
    ) -> tuple[list[Difference], dict[str, list[str]]]:
        """Compares these streams, by noun, in one snapshot. Returns the differences, and the keys
        of the streams that were derived. Raises Outdated."""
        found: list[Difference] = []
        keys: dict[str, list[str]] = {}
        positions = self.positions()
        for noun, some in ids.items():
            position = positions.get(NOUNS[noun].name, 0)
            derived = derive(self._connection, noun, some, position)
            keys[noun] = derived.keys
            found += self.of_rows(noun, derived, position)
        return found, keys

    def of_rows(self, noun: str, derived: Derived, position: int) -> list[Difference]:
        """Returns the differences between stored and derived rows of these keys."""
        found = [
            Difference("ledger.event", "", stream, why, begins)
            for stream, (begins, why) in derived.broken.items()
        ]
        if not derived.keys:
            return found
        for table in tables_of(noun):
            rows = self._connection.execute(
                self._statement(table),
                [to_json(derived.rows.get(table.name, ())), derived.keys],
                prepare=True,
            ).fetchall()
            expected: dict[str, list[list[str | None]]] = {}
            stored: dict[str, list[list[str | None]]] = {}
            for side, key, values in rows:
                (expected if side == "made" else stored).setdefault(key, []).append(values)
            found += [
                Difference(
                    f"views.{table.name}",
                    noun,
                    key,
                    describe_difference(table.columns, expected.get(key, []), stored.get(key, [])),
                    position,
                )
                for key in sorted({*expected, *stored})
            ]
        return found

    def repair(self, subject: CheckedSubject) -> list[Difference]:
        """Repairs a subject from its stream in one transaction, while neither the projector nor a
        rebuild can write.

        Returns the differences that were repaired; empty if there are none any more. Raises
        RepairFailed, Outdated and psycopg.Error, and then changes nothing.
        """
        connection = self._connection
        with connection.transaction():
            connection.execute("set local lock_timeout = '5s'")
            connection.execute("select pg_advisory_xact_lock_shared(%s)", [SWAP_LOCK])
            row = connection.execute(
                "select position from views.tracking where projection = %s for update",
                [NOUNS[subject.noun].name],
            ).fetchone()
            self.positions()
            position = row[0] if row else 0
            derived = derive(
                connection,
                subject.noun,
                [subject.stream] if subject.stream else [],
                position,
            )
            if derived.broken:
                raise RepairFailed("; ".join(why for _, why in derived.broken.values()))
            if subject.stream and not derived.keys and _has_events(connection, subject.stream):
                return []  # the projection has not reached the first event of the stream
            whole = Derived([subject.key], derived.rows, {})
            wrong = self.of_rows(subject.noun, whole, position)
            if wrong:
                self._write(subject, derived.rows)
                if still := self.of_rows(subject.noun, whole, position):
                    raise RepairFailed(
                        "after the repair it still differs: "
                        + "; ".join(f"{each.relation}: {each.what}" for each in still)
                    )
                connection.execute("update views.mended set number = number + 1")
            return wrong

    def _write(self, subject: CheckedSubject, rows: Rows) -> None:
        with self._connection.cursor() as cursor:
            for table in tables_of(subject.noun):
                delete_rows(cursor, "views", table, [subject.key])
                every = SQL(", ").join(map(Identifier, table.columns))
                cursor.execute(
                    SQL("insert into {} ({}) {}").format(
                        Identifier("views", table.name), every, _select_from_json(table)
                    ),
                    [to_json(rows.get(table.name, ()))],
                )

    def _statement(self, table: Table) -> Composed:
        if table.name not in self._statements:
            every = SQL(", ").join(map(Identifier, table.columns))
            texts = SQL(", ").join(
                SQL("d.{}::text").format(Identifier(name)) for name in table.columns
            )
            [kind] = [column.type for column in table.typed_columns if column.name == table.key]
            self._statements[table.name] = SQL(
                "with made as ({expected}), kept as ("
                "select {every} from {table} where {key} = any(%s::{kind}[]))"
                " select d.origin_of_row, d.{key}::text, array[{texts}] from ("
                # EXCEPT ALL: in a table without a primary key, a duplicate row is a difference.
                "select 'made' as origin_of_row, m.* from"
                " (select * from made except all select * from kept) m"
                " union all select 'kept', k.* from"
                " (select * from kept except all select * from made) k) d"
            ).format(
                expected=_select_from_json(table),
                every=every,
                table=Identifier("views", table.name),
                key=Identifier(table.key),
                texts=texts,
                kind=SQL(cast(Any, kind)),
            )
        return self._statements[table.name]


def _select_from_json(table: Table) -> Composed:
    """Returns a SELECT of rows given as JSON, in the types of the table's columns. Each value goes
    through its text form, as with COPY."""
    cast_columns = SQL(", ").join(
        SQL("m.{}::{}").format(Identifier(column.name), SQL(cast(Any, column.type)))
        for column in table.typed_columns
    )
    texts = SQL(", ").join(SQL("{} text").format(Identifier(name)) for name in table.columns)
    return SQL("select {} from json_to_recordset(%s::json) m ({})").format(cast_columns, texts)


def _has_events(connection: psycopg.Connection[Any], stream: UUID) -> bool:
    row = connection.execute(
        "select exists (select from ledger.event where originator_id = %s)", [stream]
    ).fetchone()
    return bool(row and row[0])


def describe_difference(
    names: Sequence[str],
    expected: Sequence[Sequence[str | None]],
    stored: Sequence[Sequence[str | None]],
) -> str:
    """Describes how the stored rows of a subject differ from the derived ones."""
    missing, left = list(expected), list(stored)
    differing: set[str] = set()
    both = min(len(missing), len(left))
    for _ in range(both):
        row = missing.pop()
        nearest = left
        if len(left) <= MAX_PAIRED_ROWS:
            nearest = [min(left, key=lambda other: len(_different_columns(names, row, other)))]
        differing |= _different_columns(names, row, nearest[0])
        left.remove(nearest[0])
    parts = []
    if both:
        parts.append(f"{_rows(both, 'differs', 'differ')} in {_listed(names, differing)}")
    if missing:
        parts.append(f"{_rows(len(missing), 'is', 'are')} missing")
    if left:
        parts.append(f"{_rows(len(left), 'is', 'are')} without an event")
    return "; ".join(parts)


def _different_columns(
    names: Sequence[str], one: Sequence[str | None], other: Sequence[str | None]
) -> set[str]:
    return {name for name, a, b in zip(names, one, other, strict=True) if a != b}


def _listed(names: Sequence[str], some: Iterable[str]) -> str:
    return ", ".join(name for name in names if name in set(some))


def _rows(count: int, one: str, many: str) -> str:
    return f"1 row {one}" if count == 1 else f"{count} rows {many}"
