"""Reads the steps of the register's own count of partners: the days on which it changed.

A partner is counted as in `publications.count`, at the end of a civil day in the time zone of the
territory, so that a step line of these days and a published count of a day can be compared. The
agreements of one territory are few: their intervals are read once, and counted for each day here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, NamedTuple

from psycopg import AsyncConnection

from projections.reads.bitemporal_sql import believed
from projections.reads.publications import PARTNER_MEASURES, RECOGNITION, last_instant
from registry.domain.bitemporal import ALWAYS, NEVER_AT
from registry.domain.decisions import civil_day_of


@dataclass(frozen=True)
class CountStep:
    """A civil day on which the count changed, and the count from that day on."""

    day: date
    count: int


class HeldInterval(NamedTuple):
    """What holds in valid time: that an agreement has a party or a status, or a bloc a member."""

    what: str
    of: str
    value: str
    valid_from: datetime
    valid_to: datetime

    def holds(self, at: datetime) -> bool:
        """Whether it holds at an instant."""
        return self.valid_from <= at < self.valid_to


_INTERVALS = f"""
with own as materialized (
    select distinct g.id from views.agreement g join views.party p on p.agreement = g.id
    where g.kind = %(kind)s and g.registered <= %(known)s and (p.party = %(of)s
        or p.party in (select m.bloc from views.membership m where m.member = %(of)s))
)
select 'stage', s.agreement, s.status, s.valid_from, s.valid_to
from own join views.stage s on s.agreement = own.id where {believed("s")}
union all
select 'party', p.agreement, p.party, p.valid_from, p.valid_to
from own join views.party p on p.agreement = own.id where {believed("p")}
union all
select 'member', m.bloc, m.member, m.valid_from, m.valid_to
from views.membership m where m.sense = 'CUSTOMS_TERRITORY' and {believed("m")}"""
_ZONE = "select coalesce(max(time_zone), 'UTC') from views.administration where code = %(of)s"


async def count_steps(
    connection: AsyncConnection[Any], subject: str, measure: str, known: datetime
) -> Sequence[CountStep]:
    """The steps of the register's own count of a measure, as known at `known`, by day; empty for a
    measure that is no count of partners."""
    if measure not in PARTNER_MEASURES:
        return ()
    what, statuses = PARTNER_MEASURES[measure]
    parameters = {"of": subject, "kind": RECOGNITION, "known": known}
    cursor = await connection.execute(_INTERVALS, parameters)
    found = [
        HeldInterval(what, of, value, start or ALWAYS, end or NEVER_AT)
        for what, of, value, start, end in await cursor.fetchall()
    ]
    cursor = await connection.execute(_ZONE, parameters)
    [zone] = await cursor.fetchone() or ["UTC"]
    count = _economies if what == "economies" else _territories
    return list(_steps(found, subject, frozenset(statuses), (zone, known), count))


Partners = set[tuple[str, str | None]]


def _territories(partners: Partners) -> int:
    return len({territory for territory, _ in partners})


def _economies(partners: Partners) -> int:
    """A bloc counts once, however many territories it stands for."""
    within = {territory for territory, bloc in partners if bloc}
    return len(
        {bloc or territory for territory, bloc in partners if bloc or territory not in within}
    )


def _steps(
    found: Sequence[HeldInterval],
    subject: str,
    statuses: frozenset[str],
    until: tuple[str, datetime],
    count: Callable[[Partners], int],
) -> Iterable[CountStep]:
    zone, known = until
    edges = {edge for each in found for edge in (each.valid_from, each.valid_to)}
    days = sorted({civil_day_of(edge, zone) for edge in edges if ALWAYS < edge <= known})
    before = 0
    for day in days:
        at = last_instant(day, zone)
        number = count(_partners([each for each in found if each.holds(at)], subject, statuses))
        if number != before:
            yield CountStep(day, number)
        before = number


def _partners(found: Sequence[HeldInterval], subject: str, statuses: frozenset[str]) -> Partners:
    """The territories on the other side at one instant, each with the bloc that stands for it; as
    `agreements.partners` finds them."""
    members: dict[str, list[str]] = {}
    parties: dict[str, set[str]] = {}
    for each in found:
        if each.what == "member":
            members.setdefault(each.of, []).append(each.value)
        elif each.what == "party":
            parties.setdefault(each.of, set()).add(each.value)
    ours = {subject, *(bloc for bloc, those in members.items() if subject in those)}
    partners: Partners = set()
    for stage in found:
        if stage.what == "stage" and stage.value in statuses:
            sides = parties.get(stage.of, set())
            for party in sides - ours if sides & ours else ():
                there = members.get(party)
                partners |= {(each, party) for each in there} if there else {(party, None)}
    return {each for each in partners if each[0] != subject}
