"""Reads disputes: what somebody says is wrong about an operator, and what became of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.rows import class_row

_SELECT = """select t.tin, t.dispute, t.opened_by, t.in_its_name, t.kind, t.statement, t.event,
    t.receipt, t.territory, t.answer_due, t.state = 'OPEN' and t.answered_at is null
        and coalesce(t.overdue_from <= %(now)s, false) as overdue,
    t.answer, t.answered_at, t.state, t.reason, t.recorded_from as opened_at,
    t.recorded_to as closed_at, t.position
from views.dispute t"""


@dataclass(frozen=True)
class DisputeRow:
    """A dispute. `opened_by`: None for the operator itself, or its home customs in its name
    (`in_its_name`); `event`: the position of the event that is meant; `overdue`: whether its day
    is over, as of an instant, and nobody answered."""

    tin: str
    dispute: UUID
    opened_by: str | None
    in_its_name: bool
    kind: str
    statement: str
    event: int | None
    receipt: UUID | None
    territory: str | None
    answer_due: date | None
    overdue: bool
    answer: str | None
    answered_at: datetime | None
    state: str
    reason: str | None
    opened_at: datetime
    closed_at: datetime | None
    position: int


@dataclass(frozen=True)
class DisputeReader:
    """Whose disputes are read: all of them, those about operators of some administrations or about
    one operator, and those that an administration opened."""

    everything: bool = False
    homes: Sequence[str] = ()
    tin: str | None = None
    opened_by: str | None = None

    @property
    def parameters(self) -> dict[str, Any]:
        """The parameters of ALLOWED."""
        return {
            "everything": self.everything,
            "homes": list(self.homes),
            "itself": self.tin,
            "opener": self.opened_by,
        }


ALLOWED = (
    "(%(everything)s or t.administration = any(%(homes)s::text[]) or t.tin = %(itself)s::text"
    " or t.opened_by = %(opener)s::text)"
)


async def disputes_of(
    connection: AsyncConnection[Any], tin: str, reader: DisputeReader, now: datetime, most: int
) -> list[DisputeRow]:
    """Returns the disputes about an operator that the reader may see, the latest first."""
    async with connection.cursor(row_factory=class_row(DisputeRow)) as cursor:
        await cursor.execute(
            f"{_SELECT} where t.tin = %(tin)s and {ALLOWED}"
            " order by t.position desc limit %(most)s",
            {"tin": tin, "now": now, "most": most} | reader.parameters,
        )
        return await cursor.fetchall()


async def open_disputes(
    connection: AsyncConnection[Any],
    reader: DisputeReader,
    now: datetime,
    after: int,
    most: int,
) -> list[DisputeRow]:
    """Returns the open disputes that the reader may see, opened after a position, the earliest
    first."""
    async with connection.cursor(row_factory=class_row(DisputeRow)) as cursor:
        await cursor.execute(
            f"{_SELECT} where t.state = 'OPEN' and {ALLOWED} and t.position > %(after)s"
            " order by t.position limit %(most)s",
            {"now": now, "after": after, "most": most} | reader.parameters,
        )
        return await cursor.fetchall()


async def is_opener(
    connection: AsyncConnection[Any], tin: str, administration: str, dispute: UUID | None = None
) -> bool:
    """Whether this administration opened this dispute; without one, any about this operator."""
    cursor = await connection.execute(
        "select from views.dispute t where t.tin = %(tin)s and t.opened_by = %(opener)s"
        " and (%(dispute)s::uuid is null or t.dispute = %(dispute)s) limit 1",
        {"tin": tin, "opener": administration, "dispute": dispute},
    )
    return cursor.rowcount == 1
