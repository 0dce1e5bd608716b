"""Writes rows into the read models: deletes by key, COPY, and upsert."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import Enum
from functools import lru_cache
from typing import Any

import msgspec
from psycopg import Cursor
from psycopg.sql import SQL, Identifier

#: The columns of each table, in the order of the values in a row. BELIEF stands for the columns of
#: transaction time.
COLUMNS: dict[str, str] = {
    "administration": "code name time_zone bloc source recorded_from position",
    "membership": "bloc member sense ground valid_from valid_to BELIEF",
    "list_received": "administration as_of recorded_from position",
    "programme": (
        "code administration name local_name launched operators_described confidence source"
        " recorded_from position words"
    ),
    "programme_type": "programme types valid_from valid_to BELIEF",
    "programme_rule": (
        "programme rule value unit state begins ends valid_from valid_to source BELIEF"
    ),
    "operator": (
        "tin id administration time_zone source registered name local_name address roles successor"
        " standing programmes types position settled settled_until end_to_record held"
        " held_programmes held_types held_statuses held_abroad held_roles held_from schemes"
        " identifiers consents latest"
    ),
    "particulars": "tin name local_name address roles successor folded valid_from valid_to BELIEF",
    "identifier": (
        "tin scheme value issuer verified_by normal from_day to_day shared valid_from valid_to"
        " BELIEF"
    ),
    "certificate": "tin authorisation number normal shared BELIEF",
    "consent": "tin partner valid_from valid_to BELIEF",
    "status_period": (
        "tin authorisation number programme type status abroad roles effective_from valid_until"
        " flags ground valid_from valid_to BELIEF"
    ),
    "deadline": "tin authorisation what due over_at rule met_on met_at dropped ordinal",
    "change": "tin administration effective_from recorded_at known_at position",
    "agreement": (
        "id kind pillars title legal_basis confidence details source words registered proposed"
        " position titles names"
    ),
    "party": "agreement party valid_from valid_to BELIEF",
    "stage": "agreement status valid_from valid_to BELIEF",
    "side": "agreement party implemented_from suspended valid_from valid_to BELIEF",
    "dated": (
        "agreement what side term earliest latest source assumed note from_at by_at over_at BELIEF"
    ),
    "link": (
        "from_party to_party agreement kind ordinal state assumed programmes types roles direction"
        " hs crossings modes identifier_scheme declaration_box benefits consent_required"
        " max_age_hours valid_from valid_to hindered_by begins_earliest begins_latest"
        " ends_earliest ends_latest BELIEF"
    ),
    "claim": "id subject measure value as_of precision text source recorded_from position",
    "document": (
        "id title dated parties measures agreements text confidence source words recorded_from"
        " position titles language measure_names quotation note"
    ),
    "target": (
        "document target owner text deadline relation condition states willing source"
        " recorded_from position quotation note"
    ),
}
_TRANSACTION_TIME = "recorded_from recorded_to position position_to"

Rows = dict[str, list[tuple[Any, ...]]]


def columns(table: str) -> list[str]:
    """Returns the column names of a table, in the order of the values in a row."""
    return COLUMNS[table].replace("BELIEF", _TRANSACTION_TIME).split()


def delete_rows(
    cursor: Cursor[Any], schema: str, table: str, key: str, values: Sequence[str]
) -> None:
    """Deletes the rows of these keys, before they are written again."""
    cursor.execute(_delete_statement(schema, table, key), [list(values)])


def copy(cursor: Cursor[Any], schema: str, table: str, rows: Iterable[tuple[Any, ...]]) -> None:
    """Serialises rows and writes them by COPY."""
    copy_csv(cursor, schema, table, to_csv(rows))


def copy_csv(cursor: Cursor[Any], schema: str, table: str, rows: bytes) -> None:
    """Writes rows by COPY that were serialised by `to_csv`, perhaps in another process."""
    with cursor.copy(_copy_statement(schema, table)) as into:
        into.write(rows)


def upsert(cursor: Cursor[Any], schema: str, table: str, rows: str) -> None:
    """Inserts or updates rows that were serialised by `to_json`."""
    cursor.execute(_upsert_statement(schema, table), [rows], prepare=True)


def to_json(table: str, rows: Iterable[tuple[Any, ...]]) -> str:
    """Serialises rows for `upsert`: a JSON array of objects."""
    names = columns(table)
    return _json_array([dict(zip(names, row, strict=True)) for row in rows]).decode()


@lru_cache(maxsize=256)
def _delete_statement(schema: str, table: str, key: str) -> bytes:
    statement = SQL("delete from {} where {} = any(%s)")
    return statement.format(Identifier(schema, table), Identifier(key)).as_bytes()


@lru_cache(maxsize=256)
def _copy_statement(schema: str, table: str) -> bytes:
    every = SQL(", ").join(map(Identifier, columns(table)))
    statement = SQL("copy {} ({}) from stdin (format csv, null 'null', quote '\"', escape '\\')")
    return statement.format(Identifier(schema, table), every).as_bytes()


@lru_cache(maxsize=256)
def _upsert_statement(schema: str, table: str) -> bytes:
    names = columns(table)
    every = SQL(", ").join(map(Identifier, names))
    statement = SQL(
        "insert into {0} ({1}) select {1} from json_populate_recordset(null::{0}, %s::json)"
        " on conflict on constraint {2} do update set {3}"
    )
    anew = SQL(", ").join(SQL("{0} = excluded.{0}").format(Identifier(name)) for name in names)
    key = Identifier(f"{table}_pkey")
    return statement.format(Identifier(schema, table), every, key, anew).as_bytes()


def to_csv(rows: Iterable[tuple[Any, ...]], irregular: Iterable[tuple[Any, ...]] = ()) -> bytes:
    """Serialises rows for COPY: CSV with one line for each row and texts in quotes.

    A JSON array has the same form except for its brackets and for control characters, and the JSON
    encoder is ten times as fast. `irregular`: rows that may hold a character which JSON writes as
    an escape sequence; these are serialised value by value.
    """
    text = _json_lines(list(rows))
    # A line of JSON contains no bare line feed, so these are the ends of the lines.
    plain = text[1:-2].replace(b"]\n[", b"\n") + b"\n" if text else b""
    return plain + "".join([",".join(map(_csv_value, row)) + "\n" for row in irregular]).encode()


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
