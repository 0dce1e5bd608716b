"""Reads proposals: decisions that wait, or waited, for a second person."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.rows import class_row

#: The state OPEN of the table does not say that the last day is over.
_SELECT = """select p.tin, p.proposal, p.programme, p.command, e.state::jsonb -> 'command' as input,
    case when p.state = 'OPEN' and p.lapses <= %(now)s then 'LAPSED' else p.state end as state,
    p.proposer, p.expires, p.closer, p.reason, p.recorded_from as proposed_at,
    p.recorded_to as closed_at, p.position
from views.proposal p join ledger.event e using (position)"""


@dataclass(frozen=True)
class ProposalRow:
    """A proposal. `input`: the proposed command as data; `state` as of an instant."""

    tin: str
    proposal: UUID
    programme: str
    command: str
    input: dict[str, Any]
    state: str
    proposer: str
    expires: date | None
    closer: str | None
    reason: str | None
    proposed_at: datetime
    closed_at: datetime | None
    position: int


async def proposals_of(
    connection: AsyncConnection[Any], tin: str, now: datetime, most: int
) -> list[ProposalRow]:
    """Returns the proposals of an operator, the latest first, whatever became of them."""
    async with connection.cursor(row_factory=class_row(ProposalRow)) as cursor:
        await cursor.execute(
            f"{_SELECT} where p.tin = %(tin)s order by p.position desc limit %(most)s",
            {"tin": tin, "now": now, "most": most},
        )
        return await cursor.fetchall()


async def open_proposals(
    connection: AsyncConnection[Any],
    administrations: Sequence[str] | None,
    now: datetime,
    after: int,
    most: int,
) -> list[ProposalRow]:
    """Returns the open proposals of these administrations (None: all) that were recorded after a
    position, the earliest first."""
    async with connection.cursor(row_factory=class_row(ProposalRow)) as cursor:
        await cursor.execute(
            f"{_SELECT} where p.state = 'OPEN' and (p.lapses is null or p.lapses > %(now)s)"
            " and (%(whose)s::text[] is null or p.administration = any(%(whose)s))"
            " and p.position > %(after)s order by p.position limit %(most)s",
            {
                "whose": None if administrations is None else list(administrations),
                "now": now,
                "after": after,
                "most": most,
            },
        )
        return await cursor.fetchall()
