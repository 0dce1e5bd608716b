"""Reads the clauses on control results between two territories, in both directions and of every
day."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
from psycopg import AsyncConnection

from projections.reads.bitemporal_sql import POSITION, believed
from projections.reads.recognition import LINK, json_list
from registry.domain.agreements.links import Link
from registry.domain.recognition import Member
from registry.domain.values import AdministrationCode, decode_value


@dataclass(frozen=True)
class Clauses:
    """The clauses of agreements on control results, with the memberships in blocs that they need.
    `position`: that of the read model."""

    links: Sequence[Link]
    members: Sequence[Member]
    #: The original names in each agreement on control results, by language, then by name.
    names: Sequence[Mapping[str, Mapping[str, str]]]
    position: int


_PAIR = "(%(one)s::text, %(other)s::text)"
_TOGETHER = (
    f"select b.bloc from views.membership b where b.member in {_PAIR}"
    f" and b.sense = 'CUSTOMS_TERRITORY' and {believed('b')}"
)
CLAUSES = f"""
select {POSITION},
    {
    json_list(
        f"select {LINK} from views.link t where t.kind = 'CONTROL_RESULTS' and {believed('t')}"
        f" and (t.from_party in {_PAIR} or t.from_party in ({_TOGETHER}))"
        f" and (t.to_party in {_PAIR} or t.to_party in ({_TOGETHER}))"
        " order by t.agreement, t.ordinal, t.valid_from"
    )
},
    {
    json_list(
        "select m.bloc, m.member, m.valid_from, m.valid_to from views.membership m"
        f" where m.member in {_PAIR} and m.sense = 'CUSTOMS_TERRITORY' and {believed('m')}"
        " order by m.bloc, m.member, m.valid_from"
    )
},
    (select coalesce(json_agg(a.names order by a.id), '[]')::text from views.agreement a
     where a.kind = 'CONTROL_RESULTS' and a.names <> '{{}}')
"""

_links = msgspec.json.Decoder(list[Link], dec_hook=decode_value)
_members = msgspec.json.Decoder(list[Member], dec_hook=decode_value)
_names = msgspec.json.Decoder(list[dict[str, dict[str, str]]])


async def clauses(
    connection: AsyncConnection[Any],
    one: AdministrationCode,
    other: AdministrationCode,
    known: datetime,
) -> Clauses:
    """The clauses as known at `known`. The rule decides which of them apply."""
    parameters = {"one": one.text, "other": other.text, "known": known}
    async with connection.cursor() as cursor:
        await cursor.execute(CLAUSES, parameters)
        row = await cursor.fetchone()
    assert row is not None  # This SELECT always returns one row.
    return Clauses(_links.decode(row[1]), _members.decode(row[2]), _names.decode(row[3]), row[0])
