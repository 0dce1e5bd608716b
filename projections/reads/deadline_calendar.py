"""SELECTs of the calendar of statutory deadlines: those of many operators by the day on which they
are due.

A deadline is a civil day of the operator's home administration. It is missed where that day has
ended there and nothing answered it; a missed deadline changes no status by itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import Enum
from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import class_row

Connection = AsyncConnection[Any]


class DeadlineState(Enum):
    """How a deadline stands at an instant."""

    MISSED = "missed"
    DUE = "due"
    LATE = "late"  # answered after its day
    MET = "met"  # answered in time


@dataclass(frozen=True)
class DeadlineSelection:
    """Which deadlines to read: due from `first` to `last`, both included. Empty `states` and None
    are no condition. `own`: only operators of these administrations; `itself`: only of that one
    operator. `now`: the instant at which it is judged how they stand."""

    first: date
    last: date
    now: datetime
    own: tuple[str, ...] | None = None
    itself: str | None = None
    administration: str | None = None
    kind: str | None = None
    states: tuple[DeadlineState, ...] = ()

    @property
    def parameters(self) -> dict[str, Any]:
        """The SQL parameters of the statements of this module."""
        return {
            "first": self.first,
            "last": self.last,
            "now": self.now,
            "own": None if self.own is None else list(self.own),
            "itself": self.itself,
            "of": self.administration,
            "kind": self.kind,
            "states": [state.value for state in self.states] or None,
        }


@dataclass(frozen=True)
class CalendarDeadline:
    """A deadline in the calendar. `state`: a value of DeadlineState; `met_on`: None while nothing
    has answered it."""

    tin: str
    name: str
    administration: str
    authorisation: str
    what: str
    due: date
    rule: str
    met_on: date | None
    ordinal: int
    state: str

    @property
    def key(self) -> tuple[date, str, int]:
        """Its place in the order of the calendar."""
        return self.due, self.tin, self.ordinal


@dataclass(frozen=True)
class DeadlineCount:
    """How many deadlines of a day stand so."""

    due: date
    state: str
    count: int


_ANSWERED = "(d.met_at is not null and d.met_at <= %(now)s)"
_SELECTED = f"""
select d.tin, o.name, o.administration, d.authorisation, d.what, d.due, d.rule, d.ordinal,
    case when {_ANSWERED} then d.met_on end as met_on,
    case when {_ANSWERED} then case when d.met_on > d.due then 'late' else 'met' end
        when d.over_at <= %(now)s then 'missed' else 'due' end as state
from views.deadline d join views.operator o on o.tin = d.tin
where not d.dropped and d.due between %(first)s and %(last)s
    and (%(own)s::text[] is null or o.administration = any(%(own)s))
    and (%(itself)s::text is null or d.tin = %(itself)s)
    and (%(of)s::text is null or o.administration = %(of)s)
    and (%(kind)s::text is null or d.what = %(kind)s)"""
_WITH_STATE = f"""
from ({_SELECTED}) d where (%(states)s::text[] is null or d.state = any(%(states)s))"""


async def counts(connection: Connection, wanted: DeadlineSelection) -> list[DeadlineCount]:
    """How many deadlines are due on each day, by how they stand, in the order of the days."""
    statement = f"""select d.due, d.state, count(*) as count {_WITH_STATE}
    group by d.due, d.state order by d.due, d.state"""
    async with connection.cursor(row_factory=class_row(DeadlineCount)) as cursor:
        await cursor.execute(statement.encode(), wanted.parameters)
        return await cursor.fetchall()


async def page(
    connection: Connection,
    wanted: DeadlineSelection,
    after: tuple[date, str, int] | None,
    most: int,
) -> Sequence[CalendarDeadline]:
    """At most `most` deadlines in the order of their days, after that place."""
    statement = f"""select d.* {_WITH_STATE}
        and (cast(%(after)s as date) is null
            or (d.due, d.tin, d.ordinal) > (%(after)s, %(tin)s, %(place)s))
    order by d.due, d.tin, d.ordinal limit %(most)s"""
    day, tin, place = after or (None, None, None)
    parameters = wanted.parameters | {"after": day, "tin": tin, "place": place, "most": most}
    async with connection.cursor(row_factory=class_row(CalendarDeadline)) as cursor:
        await cursor.execute(statement.encode(), parameters)
        return await cursor.fetchall()
