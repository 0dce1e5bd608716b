"""Reads the events without a signature of an administration that has a signing key.

What an administration with a key decides is signed with it. Only an import of what its own register
recorded before the key is taken without a signature; it is shown as unsigned. What an operator does
for itself, and the record of an end by law, is signed by nobody.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import class_row

from registry.domain.administrations import Administration
from registry.domain.operators.events import OWN_ACTS, Operator
from registry.domain.values import AdministrationCode

#: The last positions that are examined, so that no query takes longer than these many events do.
WINDOW = 250_000
#: The events that no administration decides.
NOT_DECIDED = tuple(
    kind.TOPIC
    for kind in (
        *OWN_ACTS,
        Operator.SuspensionEnded,
        Operator.DecisionProposed,
        Operator.ProposalWithdrawn,
    )
)
_KEYED = """
select e.originator_id, min(e.position) from ledger.event e
where e.originator_id = any(%(streams)s) and e.topic = 'administration.key_added'
group by e.originator_id"""
_UNSIGNED = """
select o.tin, e.position, e.topic as type, e.state::jsonb ->> 'effective' as effective,
    count(*) over () as total
from ledger.event e join views.operator o on o.id = e.originator_id
where e.position > greatest(%(since)s, (select max(position) from ledger.event) - %(window)s)
    and e.topic like 'operator.%%' and e.topic <> all(%(others)s)
    and not (e.topic = 'operator.expired' and coalesce(e.state::jsonb ->> 'by_law', '') = 'true')
    and o.administration = %(own)s
    and not exists (select from ledger.signature s where s.command_id = e.command_id)
order by e.position desc limit %(most)s"""
#: A checkpoint covers the leaves before its size.
_UNCOVERED = """
select o.tin, e.position, e.topic as type, e.state::jsonb ->> 'effective' as effective,
    count(*) over () as total
from ledger.event e join views.operator o on o.id = e.originator_id
where e.position > greatest((select max(position) from ledger.event) - %(window)s, (
        select l.position from proof.leaf l
        where l.leaf_index = (select max(c.size) from proof.checkpoint c) - 1))
    and e.topic like 'operator.%%' and o.administration = any(%(own)s)
order by e.position desc limit %(most)s"""


@dataclass(frozen=True)
class UnsignedRecord:
    """A record without a signature of its administration, or of the log. `effective`: its civil day
    of the home administration; `total`: how many there are among the positions that were
    examined."""

    tin: str
    position: int
    type: str
    effective: str
    total: int


async def keyed_since(connection: AsyncConnection[Any], own: Sequence[str]) -> dict[str, int]:
    """The positions at which administrations named their first key; those without one are left
    out."""
    streams = {Administration.create_id(AdministrationCode(code)): code for code in own}
    cursor = await connection.execute(_KEYED, {"streams": list(streams)})
    return {streams[stream]: position for stream, position in await cursor.fetchall()}


async def unsigned_records(
    connection: AsyncConnection[Any], code: str, since: int, most: int
) -> list[UnsignedRecord]:
    """The unsigned records about operators of an administration, recorded after a position, the
    latest first."""
    async with connection.cursor(row_factory=class_row(UnsignedRecord)) as cursor:
        await cursor.execute(
            _UNSIGNED,
            {
                "own": code,
                "since": since,
                "window": WINDOW,
                "others": list(NOT_DECIDED),
                "most": most,
            },
        )
        return await cursor.fetchall()


async def uncovered_records(
    connection: AsyncConnection[Any], own: Sequence[str], most: int
) -> list[UnsignedRecord]:
    """The records about operators of these administrations that no signed checkpoint of the log
    covers yet, the latest first."""
    async with connection.cursor(row_factory=class_row(UnsignedRecord)) as cursor:
        parameters = {"own": list(own), "window": WINDOW, "most": most}
        await cursor.execute(_UNCOVERED, parameters)
        return await cursor.fetchall()
