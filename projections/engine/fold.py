"""From a stretch of the ledger to what it writes into the read models, ready for COPY.

Nothing here writes. A stretch is folded from the ledger alone, never from the tables, so that it
may be folded anywhere: by the follower itself, or ahead of it in another process.
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

from projections.models import operators
from projections.models.catalogue import Projection, key_of
from projections.models.tables import Rows, to_csv, to_json
from registry.domain.aggregates import AGGREGATES
from registry.domain.bitemporal import TimedEvent
from registry.ledger.connections import Session
from registry.ledger.mapper import EventMapper

_MAPPER = EventMapper(AGGREGATES)
_SELECT = (
    "select originator_id, originator_version, topic, state, position, known_at, recorded_at"
    " from ledger.event"
)

#: Events, up to which their rows are given to PostgreSQL as one text a table.
SMALL_BATCH = 200

#: Nothing given: whenever.
_KNOWN = "known_at <= coalesce(%s::timestamptz, 'infinity')"


class LedgerEvent(msgspec.Struct, frozen=True, gc=False):
    """An event as it stands in the ledger, with what the read models need of its columns."""

    stream: UUID
    version: int
    topic: str
    state: str
    position: int
    known_at: datetime
    recorded_at: datetime

    @property
    def noun(self) -> str:
        return self.topic.partition(".")[0]


@dataclass
class TableChanges:
    """What a stretch writes into the tables of one projection: first forget, then add and mend."""

    deleted: dict[str, list[str]] = field(default_factory=dict)  # table -> keys
    copied_rows: dict[str, bytes] = field(default_factory=dict)  # table -> rows, as COPY reads them
    upserted: dict[str, str] = field(default_factory=dict)  # table -> rows, as `mend` reads them


#: Events by the number of their stream: a UUID itself takes a call of Python to be looked up.
EventsByStream = dict[int, list[LedgerEvent]]


def connect(conninfo: str, role: str) -> psycopg.Connection[Any]:
    """As who may read the ledger and write the read models, and no more. A batch that a crash of
    the server takes back is made again, so no commit waits for the disk."""
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
    """The events at the positions (after, until], in their order; of them those known by then."""
    return _read(
        connection,
        f"where position > %s and position <= %s and {_KNOWN} order by position",
        [after, until, known],
    )


def read_after(
    connection: psycopg.Connection[Any], after: int, until: int | None, limit: int
) -> list[LedgerEvent]:
    """The next events after a position, `limit` at most and none beyond `until`."""
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
    """What these streams hold at the positions (after, until], stream by stream, as known then."""
    return _read(
        connection,
        # Found by the streams alone: a plan for any range of positions would go through all of it.
        f"where originator_id = any(%s) and position + 0 > %s and position + 0 <= %s and {_KNOWN}"
        " order by originator_id, originator_version",
        [list(ids), after, until, known],
    )


def _read(
    connection: psycopg.Connection[Any], where: str, given: Sequence[object]
) -> list[LedgerEvent]:
    with connection.cursor(row_factory=args_row(LedgerEvent)) as cursor:
        # In binary form: for both sides it is less to read than text.
        return cursor.execute(f"{_SELECT} {where}", given, prepare=True, binary=True).fetchall()


def events_of(projection: Projection, events: Sequence[LedgerEvent]) -> list[LedgerEvent]:
    """Those of a projection among these events."""
    topics = {event.topic for event in events}
    mine = {topic for topic in topics if topic.partition(".")[0] in projection.nouns}
    return [event for event in events if event.topic in mine]


def fold(
    connection: psycopg.Connection[Any], projection: Projection, events: Sequence[LedgerEvent]
) -> TableChanges:
    """What these new events of a projection change: of an operator's stream that had begun before
    the rows that they move, of any other stream all of them."""
    if not events:
        return TableChanges()
    new = group_by_stream(events)
    begun = [told[0].stream for told in new.values() if told[0].version > 1]
    before = events[0].position - 1
    past = group_by_stream(read_streams(connection, begun, 0, before)) if begun else {}
    return fold_streams(projection, new, past, small=len(events) <= SMALL_BATCH)


def fold_streams(
    projection: Projection, new: EventsByStream, past: EventsByStream, *, small: bool = False
) -> TableChanges:
    """`past`: what those streams that have begun before held until then. `few`: too few rows for
    COPY, which takes a conversation of its own for each table."""
    plain: Rows = {}
    irregular: Rows = {}
    moved: Rows = {}
    deleted: dict[str, set[str]] = {}
    for id, told in new.items():
        noun = told[0].noun
        fresh = events = [to_timed_event(ledger_event) for ledger_event in told]
        before = [to_timed_event(ledger_event) for ledger_event in past.get(id, ())]
        if before:
            events = before + fresh
        if noun != operators.NOUN:
            made, whole = projection.rows[noun](events), True
        else:
            whole = not before or not operators.only_extends(before[-1], fresh)
            made = operators.rows(events, -1 if whole else before[-1].position)
        if before and whole:
            for table in made:
                deleted.setdefault(table, set()).add(key_of(noun, events[0].event))
        if noun == operators.NOUN:
            moments = zip(fresh, (ledger_event.recorded_at for ledger_event in told), strict=True)
            made |= operators.changes(events[0].event, list(moments))
        into = irregular  # the words that a document is searched by stand a line each
        if noun == operators.NOUN and (small or not whole):
            into = moved
        elif noun == operators.NOUN and not _escapes(told) and not _escapes(past.get(id, ())):
            into = plain  # no sign is in the rows that was not in the events
        for table, rows in made.items():
            if rows:
                into.setdefault(table, []).extend(rows)
    return TableChanges(
        {table: sorted(keys) for table, keys in deleted.items()},
        {
            table: to_csv(plain.get(table, ()), irregular.get(table, ()))
            for table in plain | irregular
        },
        {table: to_json(table, rows) for table, rows in moved.items()},
    )


def _escapes(told: Sequence[LedgerEvent]) -> bool:
    """Whether their texts hold a sign that JSON has no single byte for."""
    return any(map(contains, map(_STATE, told), repeat("\\")))


_STATE = attrgetter("state")


def to_timed_event(ledger_event: LedgerEvent) -> TimedEvent[Any]:
    event = _MAPPER.event(
        ledger_event.topic,
        ledger_event.state,
        ledger_event.stream,
        ledger_event.version,
        ledger_event.recorded_at,
    )
    return TimedEvent(event, ledger_event.position, ledger_event.known_at)


def group_by_stream(events: Iterable[LedgerEvent]) -> EventsByStream:
    found: EventsByStream = {}
    for event in events:
        number = event.stream.int
        if number in found:
            found[number].append(event)
        else:
            found[number] = [event]
    return found
