"""The rows of a read model beside what the events of their streams make of them; and put right.

Nothing is taken for right but the ledger. Rows are compared by PostgreSQL itself, in the types of
their columns, at the position at which the read model stands in the very snapshot that is compared,
so that nothing is found wrong because the follower is at work meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
import psycopg
from psycopg.sql import SQL, Composed, Identifier

from projections.engine.derivation import outdated
from projections.engine.fold import group_by_stream, read_streams, to_timed_event
from projections.engine.projector import SWAP_LOCK
from projections.models.catalogue import NOUNS, key_of, rows_of, tables_of
from projections.models.tables import COLUMNS, Rows, columns, delete_rows

#: Rows of one subject up to which each is paired with the one that is most like it.
PAIRED = 40


class Outdated(Exception):
    """The read models are of another release of the register, and are not for this one to judge."""


class NotMended(Exception):
    """What was written is not what is there afterwards."""


class CheckedSubject(NamedTuple):
    """What a stream is about: an operator by its TIN, an agreement by its name, ..."""

    noun: str
    key: str
    stream: UUID | None  # None: no stream can have this key


@dataclass(frozen=True)
class Difference:
    """`relation`: the table, with its schema; `position`: at which it was compared. `what` names
    columns and repeats no value. `noun`: empty where it is the ledger itself."""

    relation: str
    noun: str
    key: str
    what: str
    position: int


@dataclass(frozen=True)
class Derived:
    """What streams of one kind make: their keys, and all their rows. `broken`: by id, those that
    no rows can be made of: the position at which they begin, and why."""

    keys: list[str]
    rows: Rows
    broken: dict[str, tuple[int, str]]


def derive(
    connection: psycopg.Connection[Any], noun: str, ids: Sequence[UUID], until: int
) -> Derived:
    """The rows of these streams, from their events up to a position."""
    derived = Derived([], {}, {})
    for told in group_by_stream(read_streams(connection, ids, 0, until)).values():
        try:
            events = [
                (to_timed_event(ledger_event), ledger_event.recorded_at) for ledger_event in told
            ]
            key = key_of(noun, events[0][0].event)
            made = rows_of(noun, events)
        except Exception as error:  # whatever it is: an event is not what it was when it was read
            why = f"its events cannot be read: {type(error).__name__}: {error}"
            derived.broken[str(told[0].stream)] = told[0].position, why
            continue
        derived.keys.append(key)
        for table, rows in made.items():
            derived.rows.setdefault(table, []).extend(rows)
    return derived


class Comparison:
    """Compares by one connection. Its statements are worded once for each table."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection = connection
        self._statements: dict[str, Composed] = {}

    def places(self) -> dict[str, int]:
        """How far each projection is, in this snapshot. Raises Outdated."""
        if why := outdated(self._connection):
            raise Outdated(why)
        rows = self._connection.execute("select projection, position from views.tracking")
        return dict(rows.fetchall())

    def of_streams(
        self, ids: Mapping[str, Sequence[UUID]]
    ) -> tuple[list[Difference], dict[str, list[str]]]:
        """What differs of these streams, by their nouns, in one snapshot; and the keys of those
        that were derived. Raises Outdated."""
        found: list[Difference] = []
        keys: dict[str, list[str]] = {}
        places = self.places()
        for noun, some in ids.items():
            position = places.get(NOUNS[noun].name, 0)
            derived = derive(self._connection, noun, some, position)
            keys[noun] = derived.keys
            found += self.of_rows(noun, derived, position)
        return found, keys

    def of_rows(self, noun: str, derived: Derived, position: int) -> list[Difference]:
        """What is kept of these keys and is not what was derived, or the other way round."""
        found = [
            Difference("ledger.event", "", stream, why, begins)
            for stream, (begins, why) in derived.broken.items()
        ]
        if not derived.keys:
            return found
        for table in tables_of(noun):
            rows = self._connection.execute(
                self._statement(table), [_json(table, derived.rows), derived.keys], prepare=True
            ).fetchall()
            made: dict[str, list[list[str | None]]] = {}
            kept: dict[str, list[list[str | None]]] = {}
            for side, key, values in rows:
                (made if side == "made" else kept).setdefault(key, []).append(values)
            names = columns(table)
            found += [
                Difference(
                    f"views.{table}",
                    noun,
                    key,
                    in_words(names, made.get(key, []), kept.get(key, [])),
                    position,
                )
                for key in sorted({*made, *kept})
            ]
        return found

    def mend(self, checked_subject: CheckedSubject) -> list[Difference]:
        """What is wrong of a subject, put right from its stream in one transaction, while neither
        the follower nor a rebuild can write.

        Answers with what was wrong; nothing where, so looked at, nothing is. Raises NotMended,
        Outdated and psycopg.Error; then all is as it was.
        """
        connection = self._connection
        with connection.transaction():
            connection.execute("set local lock_timeout = '5s'")
            connection.execute("select pg_advisory_xact_lock_shared(%s)", [SWAP_LOCK])
            row = connection.execute(
                "select position from views.tracking where projection = %s for update",
                [NOUNS[checked_subject.noun].name],
            ).fetchone()
            self.places()
            position = row[0] if row else 0
            derived = derive(
                connection,
                checked_subject.noun,
                [checked_subject.stream] if checked_subject.stream else [],
                position,
            )
            if derived.broken:
                raise NotMended("; ".join(why for _, why in derived.broken.values()))
            if (
                checked_subject.stream
                and not derived.keys
                and _begun(connection, checked_subject.stream)
            ):
                return []  # the read model has not come to its first event
            whole = Derived([checked_subject.key], derived.rows, {})
            wrong = self.of_rows(checked_subject.noun, whole, position)
            if wrong:
                self._write(checked_subject, derived.rows)
                if still := self.of_rows(checked_subject.noun, whole, position):
                    raise NotMended(
                        "written anew, it is still otherwise: "
                        + "; ".join(f"{each.relation}: {each.what}" for each in still)
                    )
                connection.execute("update views.mended set number = number + 1")
            return wrong

    def _write(self, checked_subject: CheckedSubject, rows: Rows) -> None:
        with self._connection.cursor() as cursor:
            for table, key in tables_of(checked_subject.noun).items():
                delete_rows(cursor, "views", table, key, [checked_subject.key])
                every = SQL(", ").join(map(Identifier, columns(table)))
                cursor.execute(
                    SQL("insert into {} ({}) {}").format(
                        Identifier("views", table), every, self._made(table)
                    ),
                    [_json(table, rows)],
                )

    @cached_property
    def _types(self) -> dict[str, dict[str, str]]:
        rows = self._connection.execute(
            "select c.relname, a.attname, format_type(a.atttypid, a.atttypmod)"
            " from pg_attribute a join pg_class c on c.oid = a.attrelid"
            " where c.relnamespace = 'views'::regnamespace and c.relname = any(%s)"
            " and a.attnum > 0 and not a.attisdropped",
            [list(COLUMNS)],
        ).fetchall()
        found: dict[str, dict[str, str]] = {}
        for table, column, kind in rows:
            found.setdefault(table, {})[column] = kind
        return found

    def _made(self, table: str) -> Composed:
        """Rows that are given as JSON, in the types of the table's columns: each goes through its
        text, as COPY writes it."""
        names = columns(table)
        kinds = self._types[table]
        cast = SQL(", ").join(
            SQL("m.{}::{}").format(Identifier(name), SQL(kinds[name])) for name in names
        )
        texts = SQL(", ").join(SQL("{} text").format(Identifier(name)) for name in names)
        return SQL("select {} from json_to_recordset(%s::json) m ({})").format(cast, texts)

    def _statement(self, table: str) -> Composed:
        if table not in self._statements:
            every = SQL(", ").join(map(Identifier, columns(table)))
            texts = SQL(", ").join(
                SQL("d.{}::text").format(Identifier(name)) for name in columns(table)
            )
            [key] = [keys[table] for noun in NOUNS if table in (keys := tables_of(noun))]
            self._statements[table] = SQL(
                "with made as ({made}), kept as ("
                "select {every} from {table} where {key} = any(%s::{kind}[]))"
                " select d.origin_of_row, d.{key}::text, array[{texts}] from ("
                # All: of a table without a key the same row twice is one too many.
                "select 'made' as origin_of_row, m.* from"
                " (select * from made except all select * from kept) m"
                " union all select 'kept', k.* from"
                " (select * from kept except all select * from made) k) d"
            ).format(
                made=self._made(table),
                every=every,
                table=Identifier("views", table),
                key=Identifier(key),
                texts=texts,
                kind=SQL(self._types[table][key]),
            )
        return self._statements[table]


def _begun(connection: psycopg.Connection[Any], stream: UUID) -> bool:
    row = connection.execute(
        "select exists (select from ledger.event where originator_id = %s)", [stream]
    ).fetchone()
    return bool(row and row[0])


def _json(table: str, rows: Rows) -> str:
    names = columns(table)
    told = [dict(zip(names, row, strict=True)) for row in rows.get(table, ())]
    return msgspec.json.encode(told, enc_hook=str).decode()


def in_words(
    names: Sequence[str],
    made: Sequence[Sequence[str | None]],
    kept: Sequence[Sequence[str | None]],
) -> str:
    """How the rows that are kept of a subject differ from those that its events make."""
    missing, left = list(made), list(kept)
    differing: set[str] = set()
    both = min(len(missing), len(left))
    for _ in range(both):
        row = missing.pop()
        nearest = left
        if len(left) <= PAIRED:
            nearest = [min(left, key=lambda other: len(_unlike(names, row, other)))]
        differing |= _unlike(names, row, nearest[0])
        left.remove(nearest[0])
    said = []
    if both:
        said.append(f"{_rows(both, 'differs', 'differ')} in {_listed(names, differing)}")
    if missing:
        said.append(f"{_rows(len(missing), 'is', 'are')} missing")
    if left:
        said.append(f"{_rows(len(left), 'is', 'are')} there that no event made")
    return "; ".join(said)


def _unlike(
    names: Sequence[str], one: Sequence[str | None], other: Sequence[str | None]
) -> set[str]:
    return {name for name, a, b in zip(names, one, other, strict=True) if a != b}


def _listed(names: Sequence[str], some: Iterable[str]) -> str:
    return ", ".join(name for name in names if name in set(some))


def _rows(count: int, one: str, many: str) -> str:
    return f"1 row {one}" if count == 1 else f"{count} rows {many}"
