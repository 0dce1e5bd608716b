"""What a register publishes to its peers: whole events of its own operators, each with what opens
its leaf in the log.

A peer gets an event only whole, because its leaf commits to every column. It gets the events of an
operator that it may see today, and of one that it could see until a consent was withdrawn, up to
that withdrawal. Particulars of persons are in no event.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection

from projections.reads.peer_law import ADMINISTRATION_EVENTS, CODES, law_stream
from projections.reads.visibility import VISIBILITY_CTES, VISIBLE_NOW, VisibilityScope

WINDOW = 20_000  # positions that one answer looks at
MOST = 1_000  # events, or streams, in one answer

_COLUMNS = """e.position, l.leaf_index, s.salt, e.originator_id, e.originator_version, e.topic,
    e.state, e.recorded_at, e.known_at, e.command_id, e.actor, e.decided_by, e.legal_ground"""
_FROM = """
from ledger.event e
join views.operator o on o.id = e.originator_id and o.administration = any(%(homes)s)
join proof.leaf l on l.position = e.position
join proof.salt s on s.leaf_index = l.leaf_index"""
#: The consents and withdrawals that name the subject's territory or a bloc that it belongs to, and
#: the general ones, if the subject was found adequate by then.
_OF_PARTNER = """w.originator_id = e.originator_id and (
    w.state::json ->> 'partner' in (select c.party from covering c)
    or w.state::json ->> 'general' = 'true' and exists (
        select from views.programme_rule a join covering c on a.rule = 'adequate.' || c.party
        where a.programme = any(o.programmes) and a.value = 'adequate' and a.recorded_to is null
            and a.valid_from <= w.recorded_at
    )
)"""
_UNTIL_WITHDRAWN = f"""exists (
    select from ledger.event w
    where w.topic = 'operator.consent_withdrawn' and w.position >= e.position and {_OF_PARTNER}
) and exists (
    select from ledger.event w where w.topic = 'operator.consent_given' and {_OF_PARTNER}
)"""
_SHOWN = f"({VISIBLE_NOW} or ({_UNTIL_WITHDRAWN}))"

#: How far everything is: signed, and in the read models by which it is decided who may see it.
_REACH = """
select least(
        (select coalesce(max(size), 0) from proof.checkpoint),
        (select coalesce(max(l.leaf_index) + 1, 0) from proof.leaf l
            where l.position <= (select coalesce(min(t.position), 0) from views.tracking t))
    ) as size,
    (select p.id from proof.epoch p order by p.number desc limit 1) as epoch"""
_LAST = "select coalesce(max(position), 0) from proof.leaf where leaf_index < %s"
_AS_OF = (
    "select coalesce((select min(recorded_at) from ledger.event where position > %s),"
    " clock_timestamp())"
)

EVENTS = f"""
with {VISIBILITY_CTES}
select {_COLUMNS} {_FROM}
where e.position > %(after)s and e.position <= %(until)s and {_SHOWN}
order by e.position limit %(most)s"""
STREAM = f"""
with {VISIBILITY_CTES}
select {_COLUMNS} {_FROM}
where e.originator_id = %(stream)s and e.originator_version > %(version)s
    and e.position <= %(until)s and {_SHOWN}
order by e.originator_version limit %(most)s"""
LAW = f"""
select {_COLUMNS}
from ledger.event e
join proof.leaf l on l.position = e.position
join proof.salt s on s.leaf_index = l.leaf_index
where e.originator_id = any(%(streams)s) and e.position > %(after)s and e.position <= %(until)s
    and (split_part(e.topic, '.', 1) <> 'administration' or e.topic in {ADMINISTRATION_EVENTS})
order by e.position limit %(most)s"""
STREAMS = f"""
with {VISIBILITY_CTES}
select o.id, (
    select max(e.originator_version) from ledger.event e
    where e.originator_id = o.id and e.position <= %(until)s
) as version
from views.operator o
where o.administration = any(%(homes)s) and o.id > %(after)s and {VISIBLE_NOW}
order by o.id limit %(most)s"""


@dataclass(frozen=True)
class PeerReach:
    """How far a register publishes: the size of its signed log, the last position in it, its epoch,
    and the instant as of which nothing is missing."""

    size: int
    position: int
    epoch: str
    as_of: datetime


@dataclass(frozen=True)
class PublishedEvent:
    """An event as the ledger has it, with its leaf's index and salt. Instants are in UTC."""

    position: int
    leaf_index: int
    salt: bytes
    stream: UUID
    version: int
    topic: str
    state: str
    recorded_at: datetime
    known_at: datetime
    command_id: UUID
    actor: str
    decided_by: str | None
    legal_ground: str | None


async def reach(connection: AsyncConnection[Any]) -> PeerReach:
    """Returns how far everything is that is published."""
    size, epoch = await _one(connection, _REACH)
    (position,) = await _one(connection, _LAST, size)
    (as_of,) = await _one(connection, _AS_OF, position)
    return PeerReach(size, position, epoch, as_of)


async def published(
    connection: AsyncConnection[Any],
    scope: VisibilityScope,
    own: Sequence[str],
    after: int,
    until: int,
    now: datetime,
) -> tuple[list[PublishedEvent], int]:
    """Returns the events of own operators after a position, and the position up to which everything
    was looked at. `now`: the instant of the request."""
    end = min(until, after + WINDOW)
    parameters = {"homes": list(own), "after": after, "until": end, "most": MOST}
    found = await _events(connection, EVENTS, scope, now, parameters)
    return found, found[-1].position if len(found) == MOST else max(after, end)


async def of_stream(
    connection: AsyncConnection[Any],
    scope: VisibilityScope,
    own: Sequence[str],
    stream: UUID,
    version: int,
    until: int,
    now: datetime,
) -> list[PublishedEvent]:
    """Returns the events of one operator after a version."""
    parameters = {"stream": stream, "version": version, "until": until, "most": MOST}
    return await _events(connection, STREAM, scope, now, {"homes": list(own), **parameters})


async def law(
    connection: AsyncConnection[Any],
    own: Sequence[str],
    after: int,
    until: int,
    level: int,
    stream: UUID | None = None,
) -> tuple[list[PublishedEvent], int]:
    """Returns two things: the events after a position that change the law of the register's own
    administrations, and the last position that was searched. The events are public. `level`: see
    LAW_LEVEL."""
    cursor = await connection.execute(CODES, {"homes": list(own), "level": level})
    ids = {law_stream(kind, code) for kind, code in await cursor.fetchall()}
    wanted = ids & {stream} if stream else ids
    parameters = {"streams": list(wanted), "after": after, "until": until, "most": MOST}
    found = await connection.execute(LAW.encode(), parameters, binary=True)
    events = [PublishedEvent(*row) for row in await found.fetchall()]
    return events, events[-1].position if len(events) == MOST else max(after, until)


async def streams(
    connection: AsyncConnection[Any],
    scope: VisibilityScope,
    own: Sequence[str],
    after: UUID,
    until: int,
    now: datetime,
) -> list[tuple[UUID, int]]:
    """Returns the streams of the own operators that the subject may see today, after that one, each
    with its last version."""
    parameters = {"homes": list(own), "after": after, "until": until, "most": MOST}
    cursor = await connection.execute(STREAMS, scope.parameters(now) | parameters)
    return [(stream, version) for stream, version in await cursor.fetchall() if version]


async def _events(
    connection: AsyncConnection[Any],
    statement: str,
    scope: VisibilityScope,
    now: datetime,
    parameters: dict[str, Any],
) -> list[PublishedEvent]:
    parameters_of_all = scope.parameters(now) | {"known": now} | parameters
    cursor = await connection.execute(statement.encode(), parameters_of_all, binary=True)
    return [PublishedEvent(*row) for row in await cursor.fetchall()]


async def _one(connection: AsyncConnection[Any], statement: str, *values: Any) -> tuple[Any, ...]:
    cursor = await connection.execute(statement.encode(), values, binary=True)
    row = await cursor.fetchone()
    assert row is not None  # each of these statements has one row
    return tuple(row)
