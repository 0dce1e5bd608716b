"""Reads the register's sequence of events by position: a page of all of it, or of some streams."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from registry.domain.administrations import Administration
from registry.domain.agreements.events import Agreement
from registry.domain.programmes import Programme
from registry.domain.values import AdministrationCode

_EPOCH, _MICROSECOND = datetime(1970, 1, 1, tzinfo=UTC), timedelta(microseconds=1)

#: Positions that one page examines. A page that finds little ends there with a cursor, so that no
#: query takes longer than this many events do.
WINDOW = 250_000

#: The same where a condition is in the state of each event, which has to be parsed for it.
PARSED_WINDOW = WINDOW // 5

#: The events of proposals, as patterns of `like`: what an administration proposes, and has not
#: decided, is for its own officers and for auditors. Not for the operator itself, either.
OF_PROPOSALS = """'{operator.decision_proposed,operator.proposal_%%,
    administration.decision_proposed,administration.proposal_%%}'::text[]"""
#: The columns of an event. Whoever may not read the proposals in a stream is shown versions that do
#: not count them (decision 0242): a gap would say that there was one. Of another administration's
#: operator no version is shown: it is 0.
COLUMNS = f"""e.position, e.originator_id as stream, e.topic as type, e.state, e.recorded_at,
    e.known_at, e.decided_by, e.legal_ground, e.originator_version - case
        when %(everything)s or e.topic not like all ('{{operator.%%,administration.%%}}')
            or e.originator_id = any(%(own_streams)s) or exists (select from views.operator o
                where o.id = e.originator_id and o.administration = any(%(own)s)) then 0
        when e.topic like 'operator.%%' and e.originator_id is distinct from %(itself)s
            then e.originator_version
        else (select count(*) from ledger.event h where h.originator_id = e.originator_id
            and h.originator_version < e.originator_version and h.topic like any ({OF_PROPOSALS}))
    end as version"""

#: The law is public. The events of operators and of clients are for those named in `own` and
#: `itself`; those of proposals are not for the operator itself.
ALLOWED = f"""(e.topic not like all ('{{operator.%%,client.%%}}')
        and (e.topic not like all ({OF_PROPOSALS}) or e.originator_id = any(%(own_streams)s))
    or (e.originator_id = %(itself)s and not e.topic like any ({OF_PROPOSALS}))
    or exists (select from views.operator o
        where o.id = e.originator_id and o.administration = any(%(own)s))
    or exists (select from views.client c
        where c.id = e.originator_id and c.administration = any(%(own)s)))"""

#: The streams of an administration: its own, its programmes', its agreements' and its operators'.
OF_ADMINISTRATION = """(e.originator_id = any(%(of_streams)s) or exists (
    select from views.operator o where o.id = e.originator_id and o.administration = %(of)s))"""


@dataclass(frozen=True)
class EventRow:
    """An event as stored. `state` is its JSON text; instants are in UTC."""

    position: int
    stream: UUID
    version: int
    type: str
    state: str
    recorded_at: datetime
    known_at: datetime
    decided_by: str | None
    legal_ground: str | None

    @property
    def key(self) -> str:
        """Its position, and its recorded instant in microseconds since 1970. A ledger that was
        restored from a backup may have another event at that position."""
        return f"{self.position}.{(self.recorded_at - _EPOCH) // _MICROSECOND}"


@dataclass(frozen=True)
class Readable:
    """Whose operators' events the subject may read: all, those of some administrations, or its
    own."""

    everything: bool = False
    own: tuple[str, ...] = ()
    itself: UUID | None = None

    @property
    def parameters(self) -> dict[str, Any]:
        """The parameters of ALLOWED and COLUMNS. Who reads everything reads all proposals."""
        own = [Administration.create_id(AdministrationCode(code)) for code in self.own]
        return {
            "everything": self.everything,
            "own": list(self.own),
            "own_streams": own,
            "itself": self.itself,
        }


@dataclass(frozen=True)
class EventSelection:
    """Which events to read. `after` and `before` exclude their position; the interval of recorded
    instants is half open, that of effective days includes both. `backwards`: the last events of the
    selection, and not the first."""

    streams: tuple[UUID, ...] | None = None
    types: tuple[str, ...] | None = None
    administration: AdministrationCode | None = None
    decided_by: AdministrationCode | None = None
    recorded_from: datetime | None = None
    recorded_to: datetime | None = None
    effective_from: date | None = None
    effective_to: date | None = None
    after: int = 0
    before: int | None = None
    backwards: bool = False

    @property
    def window(self) -> int:
        """The number of positions that one page examines."""
        parsed = self.effective_from is not None or self.effective_to is not None
        return PARSED_WINDOW if parsed else WINDOW


@dataclass(frozen=True)
class EventPage:
    """A page of events. Those of the positions `first` to `last` were examined, both included;
    `more`: something may follow in the direction of reading."""

    rows: list[EventRow]
    first: int
    last: int
    more: bool


async def place_before(
    connection: AsyncConnection[Any], instant: datetime | None
) -> tuple[int, int]:
    """The last position of the register, and the last one recorded before that instant; 0 where
    there is none."""
    async with connection.cursor() as cursor:
        await cursor.execute(
            "select coalesce(max(position), 0), coalesce(ledger.position_before(%(instant)s), 0)"
            " from ledger.event",
            {"instant": instant},
        )
        found = await cursor.fetchone()
    assert found is not None
    return int(found[0]), int(found[1])


async def page(
    connection: AsyncConnection[Any], wanted: EventSelection, readable: Readable, size: int
) -> EventPage:
    """At most `size` events, in the order of their positions.

    With named streams the page is full where possible. Otherwise it examines a limited number of
    positions, and may hold fewer events although more follow.
    """
    async with connection.cursor() as cursor:
        await cursor.execute(
            "select coalesce(max(position), 0),"
            " coalesce(ledger.position_before(%(from)s), 0),"
            " coalesce(ledger.position_before(%(to)s), max(position), 0) from ledger.event",
            {"from": wanted.recorded_from, "to": wanted.recorded_to},
        )
        found = await cursor.fetchone()
    assert found is not None
    head, first, last = found
    after, last = max(wanted.after, first), min(last, head)
    if wanted.before is not None:
        last = min(last, wanted.before - 1)
    begin, end = after, max(last, after)
    if wanted.streams is None:
        begin = max(begin, end - wanted.window) if wanted.backwards else begin
        end = end if wanted.backwards else min(end, begin + wanted.window)
    parameters: dict[str, Any] = {
        "after": begin,
        "window": end,
        "size": size + 1,
        "streams": list(wanted.streams or ()),
    } | readable.parameters
    conditions = ["e.position > %(after)s", "e.position <= %(window)s"]
    if not readable.everything:
        conditions.append(ALLOWED)
    conditions += _conditions(wanted, parameters)
    if wanted.administration is not None:
        conditions.append(OF_ADMINISTRATION)
        parameters["of"] = wanted.administration.text
        parameters["of_streams"] = await _streams_of(connection, wanted.administration)
    # Named streams are read by key first; scanning the sequence for them could take long.
    source, chosen = "ledger.event", ""
    if wanted.streams is not None:
        source = "chosen"
        chosen = (
            "with chosen as materialized ("
            "select * from ledger.event where originator_id = any(%(streams)s)) "
        )
    statement = (
        f"{chosen}select {COLUMNS} from {source} e where {' and '.join(conditions)}"
        f" order by e.position{' desc' * wanted.backwards} limit %(size)s"
    )
    async with connection.cursor(row_factory=class_row(EventRow)) as events:
        await events.execute(statement, parameters)
        rows = await events.fetchall()
    full, rows = len(rows) > size, rows[:size]
    if wanted.backwards:
        rows.reverse()
        return EventPage(rows, rows[0].position if full else begin + 1, end, full or begin > after)
    return EventPage(rows, after + 1, rows[-1].position if full else end, full or end < last)


def _conditions(wanted: EventSelection, parameters: dict[str, Any]) -> list[str]:
    """The conditions on the columns of an event; their values are added to `parameters`."""
    effective = "e.state::jsonb ->> 'effective' collate \"C\""
    code = wanted.decided_by
    given: tuple[tuple[str, str, Any], ...] = (
        ("types", "e.topic = any(%(types)s)", wanted.types and list(wanted.types)),
        ("decided_by", "e.decided_by = %(decided_by)s", code and code.text),
        ("from_day", f"{effective} >= %(from_day)s", _iso(wanted.effective_from)),
        ("to_day", f"{effective} <= %(to_day)s", _iso(wanted.effective_to)),
    )
    found = [each for each in given if each[2] is not None]
    parameters |= {name: value for name, _, value in found}
    return [condition for _, condition, _ in found]


def _iso(day: date | None) -> str | None:
    return day.isoformat() if day else None


#: By the type of the first event of a stream: the type of the object in GraphQL, and the field of
#: the event with its key.
FIRST_EVENTS = {
    "operator.registered": ("Operator", "tin"),
    "agreement.proposed": ("Agreement", "agreement"),
    "administration.registered": ("Administration", "administration"),
    "programme.registered": ("Programme", "programme"),
    "document.published": ("Document", "document"),
}


async def objects(
    connection: AsyncConnection[Any], streams: Sequence[UUID]
) -> dict[UUID, tuple[str, str]]:
    """The object of each stream, as its type in GraphQL and its key. A stream of another type has
    none."""
    async with connection.cursor() as cursor:
        await cursor.execute(
            "select e.originator_id, e.topic, e.state::jsonb ->> (%(fields)s::jsonb ->> e.topic)"
            " from ledger.event e where e.originator_id = any(%(streams)s)"
            " and e.originator_version = 1 and e.topic = any(%(topics)s)",
            {
                "streams": list(streams),
                "topics": list(FIRST_EVENTS),
                "fields": Jsonb({topic: field for topic, (_, field) in FIRST_EVENTS.items()}),
            },
        )
        rows = await cursor.fetchall()
    return {stream: (FIRST_EVENTS[topic][0], key) for stream, topic, key in rows}


async def between(
    connection: AsyncConnection[Any], first: int, last: int, readable: Readable
) -> list[EventRow]:
    """The events from one position to another, both included, which are the subject's own. What it
    may read decides on their versions alone."""
    async with connection.cursor(row_factory=class_row(EventRow)) as events:
        await events.execute(
            f"select {COLUMNS} from ledger.event e where e.position between %(first)s and %(last)s"
            " order by e.position",
            {"first": first, "last": last} | readable.parameters,
        )
        return await events.fetchall()


async def one(
    connection: AsyncConnection[Any], position: int, readable: Readable
) -> EventRow | None:
    """The event at this position, where the subject may read it."""
    statement = f"select {COLUMNS} from ledger.event e where e.position = %(position)s"
    parameters = {"position": position} | readable.parameters
    if not readable.everything:
        statement += f" and {ALLOWED}"
    async with connection.cursor(row_factory=class_row(EventRow)) as events:
        await events.execute(statement, parameters)
        return await events.fetchone()


async def some(
    connection: AsyncConnection[Any], positions: Sequence[int], readable: Readable
) -> list[EventRow]:
    """The events at these positions, sorted."""
    async with connection.cursor(row_factory=class_row(EventRow)) as events:
        await events.execute(
            f"select {COLUMNS} from ledger.event e where e.position = any(%(positions)s)"
            " order by e.position",
            {"positions": list(positions)} | readable.parameters,
        )
        return await events.fetchall()


async def _streams_of(connection: AsyncConnection[Any], code: AdministrationCode) -> list[UUID]:
    async with connection.cursor() as cursor:
        await cursor.execute(
            "select 'programme', p.code from views.programme p where p.administration = %(of)s"
            " union select 'agreement', q.agreement from views.party q where q.party = %(of)s",
            {"of": code.text},
        )
        ids = {"programme": Programme.create_id, "agreement": Agreement.create_id}
        named = [ids[noun](name) for noun, name in await cursor.fetchall()]
    return [Administration.create_id(code), *named]
