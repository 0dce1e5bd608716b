"""Writing whole rows into the read models: forget what was there, copy in what is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import date
from functools import lru_cache
from typing import Any

from psycopg import Cursor
from psycopg.sql import SQL, Composed, Identifier

#: The columns of each table, in the order in which the projections give them.
COLUMNS: dict[str, str] = {
    "administration": "code name time_zone bloc source recorded_from position",
    "membership": "bloc member sense ground valid_from valid_to BELIEF",
    "list_received": "administration as_of recorded_from position",
    "programme": (
        "code administration name local_name launched operators_described confidence source"
        " recorded_from position"
    ),
    "programme_type": "programme types valid_from valid_to BELIEF",
    "programme_rule": "programme rule value unit begins ends valid_from valid_to source BELIEF",
    "operator": (
        "tin id administration time_zone source registered name local_name address roles successor"
        " standing programmes types position settled held held_programmes held_types held_statuses"
        " held_abroad held_roles held_from schemes identifiers consents latest"
    ),
    "particulars": "tin name local_name address roles successor valid_from valid_to BELIEF",
    "identifier": "tin scheme value issuer verified_by valid_from valid_to BELIEF",
    "consent": "tin partner valid_from valid_to BELIEF",
    "status_period": (
        "tin authorisation number programme type status abroad roles effective_from valid_until"
        " flags ground valid_from valid_to BELIEF"
    ),
    "deadline": "tin authorisation what due rule met_on dropped ordinal position",
    "change": "tin administration effective_from recorded_at known_at position",
    "agreement": (
        "id kind pillars title legal_basis confidence details source words registered proposed"
        " position"
    ),
    "party": "agreement party valid_from valid_to BELIEF",
    "stage": "agreement status valid_from valid_to BELIEF",
    "side": "agreement party implemented_from suspended valid_from valid_to BELIEF",
    "dated": "agreement what side earliest latest source assumed note from_at by_at BELIEF",
    "link": (
        "from_party to_party agreement kind ordinal state assumed programmes types roles direction"
        " hs crossings modes identifier_scheme declaration_box benefits consent_required"
        " max_age_hours valid_from valid_to BELIEF"
    ),
    "claim": "id subject measure value as_of precision text source recorded_from position",
    "document": (
        "id title dated parties measures agreements text confidence source words recorded_from"
        " position"
    ),
    "target": (
        "document target owner text deadline relation condition states willing source"
        " recorded_from position"
    ),
}
_BELIEF = "recorded_from recorded_to position position_to"

Rows = dict[str, list[tuple[Any, ...]]]


def columns(table: str) -> list[str]:
    return COLUMNS[table].replace("BELIEF", _BELIEF).split()


def forget(cursor: Cursor[Any], schema: str, table: str, key: str, values: Sequence[str]) -> None:
    """Delete the rows of these keys; they are about to be written anew."""
    cursor.execute(_deletion(schema, table, key), [list(values)])


def copy(cursor: Cursor[Any], schema: str, table: str, rows: Iterable[tuple[Any, ...]]) -> None:
    add(cursor, schema, table, copied(rows))


def add(cursor: Cursor[Any], schema: str, table: str, rows: bytes) -> None:
    """Rows that were worded by `copied`, perhaps in another process."""
    with cursor.copy(_copying(schema, table)) as into:
        into.write(rows)


@lru_cache(maxsize=256)
def _deletion(schema: str, table: str, key: str) -> Composed:
    statement = SQL("delete from {} where {} = any(%s)")
    return statement.format(Identifier(schema, table), Identifier(key))


@lru_cache(maxsize=256)
def _copying(schema: str, table: str) -> Composed:
    every = SQL(", ").join(map(Identifier, columns(table)))
    return SQL("copy {} ({}) from stdin").format(Identifier(schema, table), every)


def copied(rows: Iterable[tuple[Any, ...]]) -> bytes:
    """Rows as COPY reads them: a line each, tabs between the words."""
    return "".join(["\t".join(map(worded, row)) + "\n" for row in rows]).encode()


class _Words(dict[Any, str]):
    """How each value is worded, made once: a stream says each of its instants many times, and
    statuses, roles and midnights are everybody's."""

    def __missing__(self, value: Any) -> str:
        if isinstance(value, date):  # most often an instant that was not heard of before
            word = str(value)
        elif isinstance(value, int):
            word = str(int(value))  # a boolean too: 1 and True are one key, and COPY reads both
        elif value is None:
            word = "\\N"
        else:
            word = _escaped(str(value))
        if len(word) > 200:
            return word  # a text of one operator's own, which nobody says again
        if len(self) >= 100_000:
            self.clear()
        self[value] = word
        return word


_WORDS = _Words()
#: A value as COPY reads it.
worded: Callable[[Any], str] = _WORDS.__getitem__


def _escaped(text: str) -> str:
    for sign, said in _SIGNS:
        if sign in text:  # seldom, and to look costs a fraction of replacing nothing
            text = text.replace(sign, said)
    return text


#: What COPY takes for something else. The backslash first: the others are told by one.
_SIGNS = (("\\", "\\\\"), ("\t", "\\t"), ("\n", "\\n"), ("\r", "\\r"))


@lru_cache(maxsize=16_384)
def array(words: tuple[Any, ...]) -> str:
    """An array of text as PostgreSQL reads it. Made once for each: most rows share a few."""
    return own_array(words)


def own_array(words: Iterable[Any]) -> str:
    """The same of words that no other row has."""
    each = list(map(str, words))
    if not each:
        return "{}"
    # One pass over all of them: no text in PostgreSQL has a NUL, so that parts them meanwhile.
    text = "\0".join(each)
    if "\\" in text:
        text = text.replace("\\", "\\\\")
    if '"' in text:
        text = text.replace('"', '\\"')
    return '{"' + text.replace("\0", '","') + '"}'


def optional(word: object | None) -> str | None:
    return None if word is None else str(word)
