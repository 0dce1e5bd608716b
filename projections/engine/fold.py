"""The fold: computes the row changes of the read models from events, serialised for COPY.

This module writes nothing. The fold reads the ledger and never the read models, so it may run
anywhere: in the projector itself or ahead of it in a fold worker.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import repeat
from operator import attrgetter, contains
from typing import Any
from uuid import UUID

import msgspec
import psycopg
from psycopg.rows import args_row, tuple_row
from psycopg.sql import SQL, Identifier

from projections.models.read_model import ReadModel, Rows
from projections.models.tables import to_csv, to_json
from registry.domain.aggregates import AGGREGATES
from registry.domain.bitemporal import TimedEvent
from registry.ledger.connections import Session
from registry.ledger.mapper import EventMapper

_MAPPER = EventMapper(AGGREGATES)
_SELECT = (
    "select originator_id, originator_version, topic, state, position, known_at, recorded_at"
    " from ledger.event"
)

#: Number of events up to which rows are upserted as one JSON text for each table, instead of by
#: COPY.
SMALL_BATCH = 200

#: Condition on transaction time; null means no limit.
_KNOWN = "known_at <= coalesce(%s::timestamptz, 'infinity')"


class LedgerEvent(msgspec.Struct, frozen=True, gc=False):
    """An event as stored in the ledger, with the columns that the read models need. Instants are in
    UTC."""

    stream: UUID
    version: int
    topic: str
    state: str
    position: int
    known_at: datetime
    recorded_at: datetime

    @property
    def noun(self) -> str:
        """The kind of aggregate: the part of the topic before the first dot."""
        return self.topic.partition(".")[0]


@dataclass
class TableChanges:
    """The changes of the tables of one read model: keys are deleted first, then rows are copied and
    upserted."""

    deleted: dict[str, list[str]] = field(default_factory=dict)  # table -> keys
    # table -> rows, in the CSV that COPY reads
    copied_rows: dict[str, bytes] = field(default_factory=dict)
    # table -> rows, in the JSON that `upsert` reads
    upserted: dict[str, str] = field(default_factory=dict)


#: Events by the integer of their stream id, because hashing a UUID calls Python code.
EventsByStream = dict[int, list[LedgerEvent]]


def connect(conninfo: str, role: str) -> psycopg.Connection[Any]:
    """Opens a connection whose role may read the ledger and write the read models only. Commits do
    not wait for the disk: a batch lost in a server crash is projected again."""
    connection = Session.connect(
        conninfo,
        autocommit=True,
        row_factory=tuple_row,
        options="-c jit=off -c synchronous_commit=off -c timezone=UTC",
        application_name="aeo-follower",
    )
    connection.execute(SQL("set role {}").format(Identifier(role)))
    return connection


def read_between(
    connection: psycopg.Connection[Any], after: int, until: int, known: datetime | None = None
) -> list[LedgerEvent]:
    """Returns the events at the positions (after, until], in order; with `known`, only those known
    by that instant (transaction time)."""
    return _read(
        connection,
        f"where position > %s and position <= %s and {_KNOWN} order by position",
        [after, until, known],
    )


def read_after(
    connection: psycopg.Connection[Any], after: int, until: int | None, limit: int
) -> list[LedgerEvent]:
    """Returns the next events after a position: at most `limit`, and none after `until`."""
    return _read(
        connection,
        "where position > %s and position <= coalesce(%s, 9223372036854775807)"
        " order by position limit %s",
        [after, until, limit],
    )


def read_streams(
    connection: psycopg.Connection[Any],
    ids: Sequence[UUID],
    after: int,
    until: int,
    known: datetime | None = None,
) -> list[LedgerEvent]:
    """Returns the events of these streams at the positions (after, until], stream by stream; with
    `known`, only those known by that instant."""
    return _read(
        connection,
        # `position + 0` keeps PostgreSQL from using the index on positions: the streams are more
        # selective.
        f"where originator_id = any(%s) and position + 0 > %s and position + 0 <= %s and {_KNOWN}"
        " order by originator_id, originator_version",
        [list(ids), after, until, known],
    )


def _read(
    connection: psycopg.Connection[Any], where: str, given: Sequence[object]
) -> list[LedgerEvent]:
    with connection.cursor(row_factory=args_row(LedgerEvent)) as cursor:
        # The binary format is cheaper than text for both sides.
        return cursor.execute(f"{_SELECT} {where}", given, prepare=True, binary=True).fetchall()


def events_of(projection: ReadModel, events: Sequence[LedgerEvent]) -> list[LedgerEvent]:
    """Returns the events that belong to a read model."""
    topics = {event.topic for event in events}
    mine = {topic for topic in topics if topic.partition(".")[0] in projection.nouns}
    return [event for event in events if event.topic in mine]


def fold(
    connection: psycopg.Connection[Any], projection: ReadModel, events: Sequence[LedgerEvent]
) -> TableChanges:
    """Computes the changes that new events of a read model cause. For a stream that existed
    before and can be extended, these are the rows that change; for any other stream, all of its
    rows."""
    if not events:
        return TableChanges()
    new = group_by_stream(events)
    continued = [
        stream_events[0].stream for stream_events in new.values() if stream_events[0].version > 1
    ]
    before = events[0].position - 1
    earlier = group_by_stream(read_streams(connection, continued, 0, before)) if continued else {}
    return fold_streams(projection, new, earlier, small=len(events) <= SMALL_BATCH)


def fold_streams(
    projection: ReadModel, new: EventsByStream, earlier: EventsByStream, *, small: bool = False
) -> TableChanges:
    """Computes the changes from whole streams. `earlier`: the earlier events of the streams that
    existed before. `small`: too few rows for COPY, which costs a round trip for each table."""
    plain: Rows = {}
    irregular: Rows = {}
    moved: Rows = {}
    deleted: dict[str, set[str]] = {}
    for id, stream_events in new.items():
        aggregate = projection.by_noun[stream_events[0].noun]
        new_events = events = [to_timed_event(ledger_event) for ledger_event in stream_events]
        before = [to_timed_event(ledger_event) for ledger_event in earlier.get(id, ())]
        if before:
            events = before + new_events
        extension = aggregate.extension if before else None
        if extension and extension.only_extends(before[-1], new_events):
            made, whole = extension.rows(events, before[-1].position), False
        else:
            made, whole = aggregate.rows(events), True
        if before and whole:
            for table in made:
                deleted.setdefault(table, set()).add(aggregate.key(events[0].event))
        if aggregate.event_rows:
            recorded = [ledger_event.recorded_at for ledger_event in stream_events]
            moments = list(zip(new_events, recorded, strict=True))
            made |= aggregate.event_rows(events[0].event, moments)
        into = irregular
        if aggregate.extension and (small or not whole):
            into = moved
        elif (
            aggregate.same_characters
            and not _escapes(stream_events)
            and not _escapes(earlier.get(id, ()))
        ):
            into = plain  # without a backslash in the events there is none in the rows
        for table, rows in made.items():
            if rows:
                into.setdefault(table, []).extend(rows)
    return TableChanges(
        {table: sorted(keys) for table, keys in deleted.items()},
        {
            table: to_csv(plain.get(table, ()), irregular.get(table, ()))
            for table in plain | irregular
        },
        {table: to_json(rows) for table, rows in moved.items()},
    )


def _escapes(stream_events: Sequence[LedgerEvent]) -> bool:
    """Whether the state of an event contains a backslash, which means a character that JSON
    escapes."""
    return any(map(contains, map(_STATE, stream_events), repeat("\\")))


_STATE = attrgetter("state")


def to_timed_event(ledger_event: LedgerEvent) -> TimedEvent[Any]:
    """Deserialises an event, with its position and its transaction time."""
    event = _MAPPER.event(
        ledger_event.topic,
        ledger_event.state,
        ledger_event.stream,
        ledger_event.version,
        ledger_event.recorded_at,
    )
    return TimedEvent(event, ledger_event.position, ledger_event.known_at)


def group_by_stream(events: Iterable[LedgerEvent]) -> EventsByStream:
    """Groups events by stream, in the order in which they are given."""
    found: EventsByStream = {}
    for event in events:
        number = event.stream.int
        if number in found:
            found[number].append(event)
        else:
            found[number] = [event]
    return found
