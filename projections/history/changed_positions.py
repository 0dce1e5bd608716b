"""Reads where something changed that the feed of a territory may tell: the positions after a given
one, and the operators and home territories that changed at each."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from projections.history.belief_history_sql import Connection
from projections.reads.bitemporal_sql import POSITION
from registry.domain.values import AdministrationCode

MOST_EVENTS = 500  # Most events of operators that one page examines.


@dataclass(frozen=True)
class ChangedPositions:
    """What changed after a position.

    `operators`: the operators with own events, by position. `homes`: the home territories whose law
    changed, by position. Everything up to `until` was examined.
    """

    operators: dict[int, set[str]]
    homes: dict[int, set[str]]
    until: int
    head: int


#: Every home territory from which an agreement ever led to the territory asked about.
_HOMES = """
ours as materialized (
    select %(territory)s::text as party
    union select m.bloc from views.membership m
    where m.member = %(territory)s and m.sense = 'CUSTOMS_TERRITORY'
),
way as materialized (
    select l.agreement, l.from_party, coalesce(m.member, l.from_party) as home,
        l.position, l.position_to, l.max_age_hours
    from views.link l
    left join views.membership m on m.bloc = l.from_party and m.sense = 'CUSTOMS_TERRITORY'
    where l.kind = 'AEO_MUTUAL_RECOGNITION' and l.to_party in (select o.party from ours o)
)"""
_OWN = f"""
with {_HOMES}
select c.position, c.tin from views.change c
where c.position > %(after)s and c.position <= %(head)s
    and c.administration in (select w.home from way w)
    and (%(only)s::text[] is null or c.tin = any(%(only)s))
order by c.position limit %(most)s"""
# Changes of the law: a clause or a date, a membership on either side, a law that requires consent,
# a list where a clause limits the age of lists.
_LAW = f"""
with {_HOMES},
moved as (
    select w.position, w.position_to, w.home from way w
    union all
    select m.position, m.position_to, w.home
    from views.membership m join way w
        on m.member = w.home or m.member = %(territory)s
    where m.sense = 'CUSTOMS_TERRITORY'
    union all
    select r.position, r.position_to, w.home
    from views.programme_rule r
    join views.programme p on p.code = r.programme
    join way w on w.home = p.administration or w.from_party = p.administration
    where r.rule = 'sharing_consent' or starts_with(r.rule, 'adequate.')
    union all
    select r.position, null, w.home
    from views.list_received r join way w on w.home = r.administration
    where w.max_age_hours is not null or exists (
        select from views.list_received c
        where c.administration = r.administration and c.cadence_hours is not null)
)
select distinct place.position, moved.home
from moved cross join lateral (values (moved.position), (moved.position_to)) as place (position)
where place.position > %(after)s and place.position <= %(until)s
order by place.position, moved.home"""


async def changes_after(
    connection: Connection,
    territory: AdministrationCode,
    after: int,
    only: Sequence[str] | None = None,
    most: int = MOST_EVENTS,
) -> ChangedPositions:
    """What changed after that position, in order, with at most `most` events of operators. `only`:
    the operators to examine, where not all are."""
    parameters: dict[str, Any] = {
        "territory": territory.text,
        "after": after,
        "only": list(only) if only else None,
        "most": most,
    }
    async with connection.cursor() as cursor:
        await cursor.execute(f"select {POSITION}")
        row = await cursor.fetchone()
        parameters["head"] = head = row[0] if row else 0
        await cursor.execute(_OWN, parameters)
        own = await cursor.fetchall()
        parameters["until"] = until = own[-1][0] if len(own) == most else max(head, after)
        operators: dict[int, set[str]] = {}
        for position, tin in own:
            operators.setdefault(position, set()).add(tin)
        homes: dict[int, set[str]] = {}
        await cursor.execute(_LAW, parameters)
        for position, home in await cursor.fetchall():
            homes.setdefault(position, set()).add(home)
    return ChangedPositions(operators, homes, until, head)


#: Where names, roles or numbers changed: by TIN for operators whose events are examined anyway, by
#: position for all others.
_PARTICULARS = f"""
with {_HOMES},
moved as (
    select t.tin, t.position as place from views.particulars t
    where t.position > %(after)s and t.position <= %(until)s
    union
    select t.tin, p.place from views.particulars t
    cross join lateral (values (t.position), (t.position_to)) as p (place)
    where t.tin = any(%(tins)s::text[])
    union
    select t.tin, p.place from views.identifier t
    cross join lateral (values (t.position), (t.position_to)) as p (place)
    where t.tin = any(%(tins)s::text[])
)
select m.place, m.tin from moved m join views.operator o on o.tin = m.tin
where m.place > %(after)s and m.place <= %(until)s
    and o.administration in (select w.home from way w)
    and (%(only)s::text[] is null or m.tin = any(%(only)s))
order by m.place limit %(most)s"""


async def with_particulars(
    connection: Connection,
    territory: AdministrationCode,
    after: int,
    changed: ChangedPositions,
    only: Sequence[str] | None = None,
    most: int = MOST_EVENTS,
) -> tuple[ChangedPositions, dict[int, set[str]]]:
    """Adds the positions at which only particulars of operators changed, at most `most` of them.

    Returns the changes up to where everything was examined, and the operators whose particulars
    changed, by position.
    """
    tins = {tin for changed_tins in changed.operators.values() for tin in changed_tins}
    parameters = {
        "territory": territory.text,
        "after": after,
        "until": changed.until,
        "tins": sorted(tins),
        "only": list(only) if only else None,
        "most": most,
    }
    async with connection.cursor() as cursor:
        await cursor.execute(_PARTICULARS, parameters)
        rows = await cursor.fetchall()
    until = rows[-1][0] if len(rows) == most else changed.until
    found: dict[int, set[str]] = {}
    for place, tin in rows:
        found.setdefault(place, set()).add(tin)
    operators = {place: tins for place, tins in changed.operators.items() if place <= until}
    homes = {place: homes for place, homes in changed.homes.items() if place <= until}
    return ChangedPositions(operators, homes, until, changed.head), found


async def operators_of(connection: Connection, homes: Iterable[str], position: int) -> list[str]:
    """Every operator of these territories about which anything was believed at that position, by
    TIN."""
    statement = """
    select o.tin from views.operator o
    where o.administration = any(%(homes)s::text[]) and exists (
        select from views.status_period p
        where p.tin = o.tin and p.position <= %(position)s
            and (p.position_to is null or p.position_to >= %(position)s))
    order by o.tin"""
    async with connection.cursor() as cursor:
        await cursor.execute(statement, {"homes": sorted(homes), "position": position})
        return [row[0] for row in await cursor.fetchall()]
