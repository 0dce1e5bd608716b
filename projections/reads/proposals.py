"""Reads proposals: decisions that wait, or waited, for a second person."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.rows import class_row

_SELECT = """select p.tin, p.proposal, p.programme, e.state::jsonb -> 'command' as input,
    p.state as recorded, p.lapses,
    p.proposer, p.expires, p.closer, p.reason, p.recorded_from as proposed_at,
    p.recorded_to as closed_at, p.position
from views.proposal p join ledger.event e using (position)"""


@dataclass(frozen=True)
class ProposalRow:
    """A proposal. `input`: the proposed command as data; `recorded`: what became of it by an event,
    or OPEN; `lapses`: the instant at which its last day is over."""

    tin: str
    proposal: UUID
    programme: str
    input: dict[str, Any]
    recorded: str
    lapses: datetime | None
    proposer: str
    expires: date | None
    closer: str | None
    reason: str | None
    proposed_at: datetime
    closed_at: datetime | None
    position: int

    def state(self, now: datetime) -> str:
        """What became of it, as of an instant."""
        is_over = self.lapses is not None and self.lapses <= now
        return "LAPSED" if self.recorded == "OPEN" and is_over else self.recorded


async def proposals_of(connection: AsyncConnection[Any], tin: str, most: int) -> list[ProposalRow]:
    """Returns the proposals of an operator, the latest first, whatever became of them."""
    async with connection.cursor(row_factory=class_row(ProposalRow)) as cursor:
        await cursor.execute(
            f"{_SELECT} where p.tin = %(tin)s order by p.position desc limit %(most)s",
            {"tin": tin, "most": most},
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
