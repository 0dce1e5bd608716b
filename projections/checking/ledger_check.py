"""Checks a range of positions of the ledger, and the ledger's table of held numbers. Reads only.

The checks are those that `check` makes on the whole ledger, for a range of positions and some
operators.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import psycopg

from projections.checking.comparison import Difference
from projections.engine.rederive import HELD_NUMBERS, unique_schemes

EVENT, COMMAND, HELD_NUMBER = "ledger.event", "ledger.command", "ledger.held_number"
HEAD = "views.tracking"

#: For the positions after %(after)s up to %(until)s: a subject, and what is wrong with it.
_STATEMENTS: dict[str, str] = {
    EVENT: """
select 'position ' || p, 'there is no event at it' from generate_series(%(after)s + 1, %(until)s) p
where not exists (select from ledger.event e where e.position = p)
union all
select 'position ' || e.position, 'it was recorded before the one that it follows' from (
    select position, recorded_at, lag(recorded_at) over (order by position) as before
    from ledger.event where position >= %(after)s and position <= %(until)s) e
where e.recorded_at < e.before
union all
select 'position ' || e.position, 'it was known later than it was recorded, or before the event'
    || ' that it follows in its stream, or that one is missing'
from ledger.event e
left join ledger.event b on b.originator_id = e.originator_id
    and b.originator_version = e.originator_version - 1
where e.position > %(after)s and e.position <= %(until)s
    and (e.known_at > e.recorded_at or b.known_at > e.known_at
        or (b.position is null and e.originator_version > 1))""",
    COMMAND: """
select 'command ' || c.command_id, 'some of the events that it recorded are missing'
from (select distinct command_id from ledger.event
    where position > %(after)s and position <= %(until)s) e
join ledger.command c on c.command_id = e.command_id
where c.events <> (select count(*) from ledger.event x where x.command_id = c.command_id
    and x.position >= c.first_position and x.position < c.first_position + c.events)""",
}

_COLUMNS = """
select 'position ' || position from ledger.event
where position > %(after)s and position <= %(until)s
    and (decided_by is distinct from state::jsonb ->> 'decided_by'
        or legal_ground is distinct from state::jsonb ->> 'legal_ground')"""
_COLUMNS_DIFFER = "its columns differ from its event"
_READ = """
select position, state, decided_by, legal_ground from ledger.event
where position > %(after)s and position <= %(until)s order by position"""

#: Held numbers, derived and stored, of operators without newer events.
_HELD = f"""
with derived as (select * from ({HELD_NUMBERS}) h where h.holder = any(%(tins)s)), kept as (
    select scheme, issuer, value, holder, home, from_day, to_day, shared
    from ledger.held_number where holder = any(%(tins)s)
), differ as (
    (select * from derived except all select * from kept)
    union all (select * from kept except all select * from derived)
)
select distinct d.holder, 'whose the ' || d.scheme || ' is, is stored differently from its events'
from differ d left join views.operator o on o.tin = d.holder
where not exists (
    select from ledger.event e where e.originator_id = o.id and e.position > o.position)
order by 1"""


def check_events(connection: psycopg.Connection[Any], after: int, until: int) -> list[Difference]:
    """Checks the events at the positions (after, until], within a transaction. The subjects of the
    differences are positions and commands."""
    given = {"after": after, "until": until}
    found = [
        Difference(relation, "", subject, what, until)
        for relation, statement in _STATEMENTS.items()
        for subject, what in connection.execute(statement.encode(), given).fetchall()
    ]
    try:
        with connection.transaction():
            wrong = [subject for (subject,) in connection.execute(_COLUMNS.encode(), given)]
    except psycopg.DataError:  # an event is no longer valid JSON; the slow way finds which one
        wrong = [
            f"position {position}"
            for position, state, *columns in connection.execute(_READ.encode(), given)
            if _column_fields(state) != columns
        ]
    return found + [Difference(EVENT, "", subject, _COLUMNS_DIFFER, until) for subject in wrong]


def _column_fields(state: str) -> list[str | None] | None:
    """Returns the fields of an event that are also stored in columns; None if the event cannot be
    read."""
    try:
        event = msgspec.json.decode(state, type=_ColumnFields)
    except msgspec.MsgspecError:
        return None
    return [event.decided_by, event.legal_ground]


class _ColumnFields(msgspec.Struct):
    decided_by: str | None = None
    legal_ground: str | None = None


def check_held_numbers(
    connection: psycopg.Connection[Any], tins: Sequence[str], position: int
) -> list[Difference]:
    """Compares the stored held numbers of these operators with the derived ones. The ledger uses
    them to refuse a second holder of a number."""
    if not tins:
        return []
    rows = connection.execute(
        _HELD.encode(), {"tins": list(tins), "unique": unique_schemes()}
    ).fetchall()
    return [Difference(HELD_NUMBER, "", tin, what, position) for tin, what in rows]
