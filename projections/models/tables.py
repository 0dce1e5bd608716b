"""Writes rows into the read models: deletes by key, COPY, and upsert."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import Enum
from functools import lru_cache
from typing import Any

import msgspec
from msgspec.structs import asdict, astuple
from psycopg import Cursor
from psycopg.sql import SQL, Identifier

from projections.models.read_model import Table, TableRow

#: The schema of the read models, and its tables with row-level security: those with operators'
#: data (ops/migrations/0355_row_level_security.sql).
VIEWS = "views"
GUARDED = frozenset(
    (
        "operator",
        "certificate",
        "change",
        "consent",
        "deadline",
        "dispute",
        "identifier",
        "particulars",
        "proposal",
        "status_period",
    )
)


def delete_rows(cursor: Cursor[Any], schema: str, table: Table, keys: Sequence[str]) -> None:
    """Deletes the rows of these keys, before they are written again."""
    cursor.execute(_delete_statement(schema, table), [list(keys)])


def copy(cursor: Cursor[Any], schema: str, table: Table, rows: Iterable[TableRow]) -> None:
    """Serialises rows and writes them by COPY."""
    copy_csv(cursor, schema, table, to_csv(rows))


def copy_csv(cursor: Cursor[Any], schema: str, table: Table, rows: bytes) -> None:
    """Writes rows by COPY that were serialised by `to_csv`, perhaps in another process.

    PostgreSQL refuses COPY into a table with row-level security to everybody but its owner. There
    the rows go through a temporary table, which takes a few microseconds a row more; the tables
    that a rebuild fills have it only once they are swapped in.
    """
    if schema != VIEWS or table.name not in GUARDED:
        _copy(cursor, (schema, table.name), table, rows)
        return
    create, insert, empty = _staging_statements(schema, table)
    cursor.execute(create)
    _copy(cursor, (f"staged_{table.name}",), table, rows)
    cursor.execute(insert)
    cursor.execute(empty)


def _copy(cursor: Cursor[Any], name: tuple[str, ...], table: Table, rows: bytes) -> None:
    with cursor.copy(_copy_statement(name, table)) as into:
        into.write(rows)


def upsert(cursor: Cursor[Any], schema: str, table: Table, rows: str) -> None:
    """Inserts or updates rows that were serialised by `to_json`."""
    cursor.execute(_upsert_statement(schema, table), [rows], prepare=True)


def to_json(rows: Iterable[TableRow]) -> str:
    """Serialises rows for `upsert`: a JSON array of objects."""
    return _json_array([asdict(row) for row in rows]).decode()


@lru_cache(maxsize=256)
def _delete_statement(schema: str, table: Table) -> bytes:
    statement = SQL("delete from {} where {} = any(%s)")
    return statement.format(Identifier(schema, table.name), Identifier(table.key)).as_bytes()


@lru_cache(maxsize=256)
def _copy_statement(name: tuple[str, ...], table: Table) -> bytes:
    every = SQL(", ").join(map(Identifier, table.columns))
    statement = SQL("copy {} ({}) from stdin (format csv, null 'null', quote '\"', escape '\\')")
    return statement.format(Identifier(*name), every).as_bytes()


@lru_cache(maxsize=256)
def _staging_statements(schema: str, table: Table) -> tuple[bytes, bytes, bytes]:
    """Creates the temporary table of this session, moves its rows on, and empties it."""
    every = SQL(", ").join(map(Identifier, table.columns))
    into, staged = Identifier(schema, table.name), Identifier(f"staged_{table.name}")
    statements = (
        SQL("create temporary table if not exists {1} (like {0})"),
        SQL("insert into {0} ({2}) select {2} from {1}"),
        SQL("truncate {1}"),
    )
    create, insert, empty = (s.format(into, staged, every).as_bytes() for s in statements)
    return create, insert, empty


@lru_cache(maxsize=256)
def _upsert_statement(schema: str, table: Table) -> bytes:
    every = SQL(", ").join(map(Identifier, table.columns))
    statement = SQL(
        "insert into {0} ({1}) select {1} from json_populate_recordset(null::{0}, %s::json)"
        " on conflict on constraint {2} do update set {3}"
    )
    anew = SQL(", ").join(
        SQL("{0} = excluded.{0}").format(Identifier(name)) for name in table.columns
    )
    key = Identifier(f"{table.name}_pkey")
    return statement.format(Identifier(schema, table.name), every, key, anew).as_bytes()


def to_csv(rows: Iterable[TableRow], irregular: Iterable[TableRow] = ()) -> bytes:
    """Serialises rows for COPY: CSV with one line for each row and texts in quotes.

    A JSON array has the same form except for its brackets and for control characters, and the JSON
    encoder is ten times as fast. `irregular`: rows that may hold a character which JSON writes as
    an escape sequence; these are serialised value by value.
    """
    text = _json_lines(list(rows))
    # A line of JSON contains no bare line feed, so these are the ends of the lines.
    plain = text[1:-2].replace(b"]\n[", b"\n") + b"\n" if text else b""
    lines = [",".join(map(_csv_value, astuple(row))) + "\n" for row in irregular]
    return plain + "".join(lines).encode()


_JSON = msgspec.json.Encoder(enc_hook=str)
_json_lines, _json_array = _JSON.encode_lines, _JSON.encode


def _csv_value(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, Enum):
        value = value.value
    return '"' + str(value).replace("\\", "\\\\").replace('"', '\\"') + '"'


@lru_cache(maxsize=16_384)
def array(words: tuple[Any, ...]) -> str:
    """Returns an array of text as PostgreSQL reads it. Cached, because most rows share a few
    values."""
    return uncached_array(words)


def uncached_array(words: Iterable[Any]) -> str:
    """Like `array`, for values that no other row shares."""
    each = list(map(str, words))
    if not each:
        return "{}"
    # One pass over all values. PostgreSQL text contains no NUL, so NUL can separate the values
    # meanwhile.
    text = "\0".join(each)
    if "\\" in text:
        text = text.replace("\\", "\\\\")
    if '"' in text:
        text = text.replace('"', '\\"')
    return '{"' + text.replace("\0", '","') + '"}'


def optional(word: object | None) -> str | None:
    """Returns a value as text, and None as None."""
    return None if word is None else str(word)
