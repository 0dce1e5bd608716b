"""Reads the consultations of other administrations that no reply was recorded for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import class_row

_REQUESTED, _REPLIED = "operator.consultation_requested", "operator.consultation_replied"
_OPEN = f"""
select o.tin, r.state::jsonb ->> 'authorisation' as authorisation,
    r.state::jsonb ->> 'asked' as asked, r.state::jsonb ->> 'effective' as since,
    r.state::jsonb -> 'due' -> 0 ->> 'due' as due, r.state::jsonb -> 'due' -> 0 ->> 'rule' as rule,
    count(*) over () as total
from ledger.event r join views.operator o on o.id = r.originator_id
where r.topic = '{_REQUESTED}' and o.administration = any(%(own)s) and not exists (
    select from ledger.event a
    where a.topic = '{_REPLIED}' and a.originator_id = r.originator_id
        and a.originator_version > r.originator_version
        and a.state::jsonb ->> 'asked' = r.state::jsonb ->> 'asked'
        and a.state::jsonb ->> 'authorisation' = r.state::jsonb ->> 'authorisation')
order by due nulls last, r.position limit %(most)s"""


@dataclass(frozen=True)
class OpenConsultation:
    """A consultation without a reply. `asked`: the administration that was asked, `since` that
    civil day of the home administration; `due`: the last day on which the reply is in time, by
    `rule`, None where no rule of the programme set one; `total`: how many there are."""

    tin: str
    authorisation: str
    asked: str
    since: str
    due: str | None
    rule: str | None
    total: int


async def open_consultations(
    connection: AsyncConnection[Any], own: Sequence[str], most: int
) -> list[OpenConsultation]:
    """The consultations about operators of these administrations that wait for a reply: those
    that are due first come first, then those without a due day, the earliest first."""
    async with connection.cursor(row_factory=class_row(OpenConsultation)) as cursor:
        await cursor.execute(_OPEN, {"own": list(own), "most": most})
        return await cursor.fetchall()
