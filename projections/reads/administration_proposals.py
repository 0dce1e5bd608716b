"""Reads the proposals of administrations: decisions about programmes, agreements and the
administration itself that wait, or waited, for a second person.

They are few, so they are read from the events themselves, in the streams of the administrations.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.rows import class_row

from registry.domain.administrations import Administration
from registry.domain.decisions import civil_day_of
from registry.domain.values import AdministrationCode

_SELECT = """select a.code as administration, p.proposal, p.input, p.proposer, p.last_day,
    p.position, p.recorded_at as proposed_at, k.recorded_at as closed_at,
    coalesce(k.state ->> 'confirmer', k.state ->> 'rejecter', k.state ->> 'proposer') as closer,
    k.state ->> 'reason' as reason, a.time_zone,
    coalesce(upper(split_part(k.topic, '_', 2)), 'OPEN') as recorded
from (select e.originator_id, e.position, e.recorded_at, s.state ->> 'administration' as code,
        (s.state ->> 'proposal')::uuid as proposal, s.state -> 'command' as input,
        s.state ->> 'proposer' as proposer, s.state ->> 'expires' as last_day
    from ledger.event e cross join lateral (select e.state::jsonb as state) s
    where e.originator_id = any(%(streams)s) and e.topic = 'administration.decision_proposed') p
join views.administration a on a.code = p.code
left join lateral (select c.topic, c.recorded_at, c.state::jsonb as state from ledger.event c
    where c.originator_id = p.originator_id and c.position > p.position
        and c.topic like 'administration.proposal%%'
        and c.state::jsonb ->> 'proposal' = p.proposal::text limit 1) k on true"""


@dataclass(frozen=True)
class AdministrationProposalRow:
    """A proposal. `input`: the proposed command as data; `recorded`: what became of it by an
    event, or OPEN; `last_day`: in ISO 8601, in the administration's zone."""

    administration: str
    proposal: UUID
    input: dict[str, Any]
    recorded: str
    proposer: str
    last_day: str | None
    time_zone: str
    closer: str | None
    reason: str | None
    proposed_at: datetime
    closed_at: datetime | None
    position: int

    @property
    def expires(self) -> date | None:
        """The last civil day on which it can be confirmed; None: no limit."""
        return date.fromisoformat(self.last_day) if self.last_day else None

    def state(self, now: datetime) -> str:
        """What became of it, as of an instant."""
        last = self.expires
        is_over = last is not None and civil_day_of(now, self.time_zone) > last
        return "LAPSED" if self.recorded == "OPEN" and is_over else self.recorded


#: More than so many open ones are not looked at: an administration's officers confirm them.
MOST_OPEN = 100
_IS_OPEN = "k.topic is null and (p.last_day is null or p.last_day >= %(before)s)"


async def open_proposals_of_administrations(
    connection: AsyncConnection[Any], administrations: Sequence[str] | None, now: datetime
) -> list[AdministrationProposalRow]:
    """Returns the proposals of these administrations (None: all) that can be confirmed at an
    instant, those that end first first; 100 at most."""
    # No zone is a whole day behind UTC. Days in ISO 8601 are in order as texts.
    before = (now.date() - timedelta(days=1)).isoformat()
    parameters = {"streams": await _streams(connection, administrations), "before": before}
    order = f" order by p.last_day nulls last, p.position limit {MOST_OPEN}"
    async with connection.cursor(row_factory=class_row(AdministrationProposalRow)) as cursor:
        await cursor.execute(f"{_SELECT} where {_IS_OPEN}{order}".encode(), parameters)
        return [row for row in await cursor.fetchall() if row.state(now) == "OPEN"]


async def proposals_of_administrations(
    connection: AsyncConnection[Any],
    administrations: Sequence[str] | None,
    before: int | None,
    most: int,
) -> list[AdministrationProposalRow]:
    """Returns the proposals of these administrations (None: all) that were recorded before a
    position (None: all), the latest first, whatever became of them."""
    streams = await _streams(connection, administrations)
    async with connection.cursor(row_factory=class_row(AdministrationProposalRow)) as cursor:
        await cursor.execute(
            f"{_SELECT} where %(before)s::bigint is null or p.position < %(before)s"
            " order by p.position desc limit %(most)s",
            {
                "streams": streams,
                "before": before,
                "most": most,
            },
        )
        return await cursor.fetchall()


async def _streams(
    connection: AsyncConnection[Any], administrations: Sequence[str] | None
) -> list[UUID]:
    """The streams of those of these administrations (None: all) that are registered."""
    async with connection.cursor() as codes:
        await codes.execute("select code from views.administration")
        known = {code for (code,) in await codes.fetchall()}
    wanted = known if administrations is None else known & set(administrations)
    return [Administration.create_id(AdministrationCode(each)) for each in sorted(wanted)]
