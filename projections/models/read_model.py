"""Declares a read model: its tables with the types of their columns, and how events become rows.

Each module of a noun in projections/models declares its read model once, beside the functions that
compute the rows. The projector, rebuild, checks, replay and audit read this declaration; a test
compares it with the tables that the migrations create.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import Enum
from functools import cached_property
from types import NoneType
from typing import Annotated, Any, NamedTuple, get_args, get_origin, get_type_hints
from uuid import UUID

import msgspec

from registry.domain.bitemporal import TimedEvent

#: Column types that Python has no type of its own for. The value is text as PostgreSQL reads it.
TextArray = Annotated[str, "text[]"]
InstantArray = Annotated[str, "timestamp with time zone[]"]
Json = Annotated[str, "jsonb"]
#: A position in the ledger, or a count that may be as large.
BigInt = Annotated[int, "bigint"]

_TYPES = {
    bool: "boolean",
    int: "integer",
    date: "date",
    datetime: "timestamp with time zone",
    UUID: "uuid",
}


class TableRow(msgspec.Struct, array_like=True, gc=False):
    """The base of the rows of all tables. The fields are the columns, in the order of COPY.

    A struct is as cheap to make as a tuple, if its values are given by position: tables with
    many rows are written so, others by name.
    """


class Column(NamedTuple):
    """A column of a table. `type`: as PostgreSQL's format_type names it."""

    name: str
    type: str
    nullable: bool


@dataclass(frozen=True)
class Table:
    """Declares a table of a read model.

    `key`: the column with the key of the stream; rows are found and deleted by it.
    `fact`: the columns that identify one fact in a table with valid and transaction time; no two
    rows of one fact overlap in both. `append_only`: rows are added for each event and never
    deleted.

    What a replay shows as of an instant of valid time: the rows `t` for which `valid` holds, or
    the whole SELECT `shown`; without either, the rows that are believed and whose interval from
    `valid_from` to `valid_to` holds the instant. Both are SQL with the placeholders {at} (the
    instant), {day} (its UTC day) and {schema}. `after`: the tables whose views `valid` or `shown`
    reads; the views of these are created first.
    """

    name: str
    row: type[TableRow]
    key: str
    fact: tuple[str, ...] = ()
    append_only: bool = False
    valid: str | None = None
    shown: str | None = None
    after: tuple[str, ...] = ()

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """The names of the columns, in the order of the values in a row."""
        return self.row.__struct_fields__

    @cached_property
    def typed_columns(self) -> tuple[Column, ...]:
        """The columns with their types in PostgreSQL."""
        hints = get_type_hints(self.row, include_extras=True)
        return tuple(_column(name, hints[name]) for name in self.columns)


def _column(name: str, hint: Any) -> Column:
    alternatives = [kind for kind in get_args(hint) if kind is not NoneType]
    nullable = NoneType in get_args(hint)
    kind = alternatives[0] if nullable else hint
    if get_origin(kind) is Annotated:
        return Column(name, kind.__metadata__[0], nullable)
    return Column(name, "text" if issubclass(kind, str | Enum) else _TYPES[kind], nullable)


Rows = dict[str, list[TableRow]]  # by the name of the table
Events = Sequence[TimedEvent[Any]]  # of one stream, in order
#: Events with their recording instants.
RecordedEvents = Sequence[tuple[TimedEvent[Any], datetime]]


@dataclass(frozen=True)
class Extension:
    """How the rows of a long stream are extended instead of derived again as a whole.

    `only_extends`: whether the new events, after this last one, delete no existing row. `rows`: the
    rows that the events after a position add or change, from the whole stream.
    """

    only_extends: Callable[[TimedEvent[Any], Events], bool]
    rows: Callable[[Events, int], Rows]


@dataclass(frozen=True)
class AggregateRows:
    """How the events of one kind of aggregate become rows of a read model.

    `tables`: first the table with one row for each stream. `rows`: all rows of a stream, a pure
    function of its events. `key_field`: the field of the first event that holds the key of the
    rows; None: the key is the id of the stream.

    `extension`: if there is one, rows are upserted by the primary key wherever that is cheaper.
    `event_rows`: the rows of append-only tables, from the first event of the stream and the events
    to add. `same_characters`: a character that JSON escapes is in a row only if it is in an event.
    """

    noun: str
    key_field: str | None
    tables: tuple[Table, ...]
    rows: Callable[[Events], Rows]
    extension: Extension | None = None
    event_rows: Callable[[Any, RecordedEvents], Rows] | None = None
    same_characters: bool = False

    def key(self, first: Any) -> str:
        """Returns the key of the rows of a stream. `first`: the first event of the stream."""
        return str(getattr(first, self.key_field or "originator_id"))


@dataclass(frozen=True)
class ReadModel:
    """Declares a read model: a set of tables that one position of the projector covers."""

    name: str
    aggregates: tuple[AggregateRows, ...]

    @cached_property
    def nouns(self) -> tuple[str, ...]:
        """The kinds of aggregate whose events it reads."""
        return tuple(aggregate.noun for aggregate in self.aggregates)

    @cached_property
    def by_noun(self) -> dict[str, AggregateRows]:
        """How the events of each kind of aggregate become rows."""
        return {aggregate.noun: aggregate for aggregate in self.aggregates}

    @cached_property
    def tables(self) -> tuple[Table, ...]:
        """All tables of the read model."""
        return tuple(table for aggregate in self.aggregates for table in aggregate.tables)
