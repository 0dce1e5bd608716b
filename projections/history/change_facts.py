"""The facts of the feed of a territory: where something moved, and all that was ever believed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec
from psycopg import AsyncConnection

from projections.history.belief_history import BelievedFact, ListReceipt, Past, Way
from projections.reads.bitemporal_sql import POSITION
from projections.reads.recognition import CONSENT, CONSENT_LAW, IDENTIFIER, LINK, PERIOD
from registry.domain.agreements.timeline import Link
from registry.domain.operators.timeline import Consented, Identified, Period
from registry.domain.recognition import ConsentLaw, Member
from registry.domain.values import AdministrationCode, Tin, decode_value

Connection = AsyncConnection[Any]

MOST = 500  # operators' own events that one page looks at


def _held(columns: str, table: str, where: str, order: str) -> str:
    """SQL: rows of a table as one JSON text, each fact with its places."""
    return (
        "(select coalesce(json_agg(json_build_object('fact', row_to_json(f), 'position',"
        f" t.position, 'position_to', t.position_to) order by {order}), '[]')::text"
        f" from {table} t cross join lateral (select {columns}) f where {where})"
    )


# --------------------------------------------------------------------- moves


@dataclass(frozen=True)
class Moves:
    """What moved after a position. `operators`: whose own events, by place; `homes`: the home
    territories whose law moved, by place. Everything up to `until` was looked at."""

    operators: dict[int, set[str]]
    homes: dict[int, set[str]]
    until: int
    head: int


#: Every home territory that an agreement ever led from into the territory asked about.
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
# Law that moves: a clause or a date, a membership on either side, a law that asks for consent, a
# list where a clause sets a limit to its age.
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
    where r.rule = 'sharing_consent'
    union all
    select r.position, null, w.home
    from views.list_received r join way w on w.home = r.administration
    where w.max_age_hours is not null
)
select distinct place.position, moved.home
from moved cross join lateral (values (moved.position), (moved.position_to)) as place (position)
where place.position > %(after)s and place.position <= %(until)s
order by place.position, moved.home"""


async def moves(
    connection: Connection,
    territory: AdministrationCode,
    after: int,
    only: Sequence[str] | None = None,
    most: int = MOST,
) -> Moves:
    """What moved after that position, in order: at most `most` operators' own events. `only`:
    the operators that are looked at, where not all are."""
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
    return Moves(operators, homes, until, head)


#: Where names, roles or numbers of operators moved: of those whose own events are looked at anyway,
#: by TIN, and of all others, by position.
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
    moved: Moves,
    only: Sequence[str] | None = None,
    most: int = MOST,
) -> tuple[Moves, dict[int, set[str]]]:
    """Also where only the particulars of operators moved, `most` of them: the moves up to where all
    was looked at, and by place the operators whose particulars moved."""
    tins = {tin for each in moved.operators.values() for tin in each}
    parameters = {
        "territory": territory.text,
        "after": after,
        "until": moved.until,
        "tins": sorted(tins),
        "only": list(only) if only else None,
        "most": most,
    }
    async with connection.cursor() as cursor:
        await cursor.execute(_PARTICULARS, parameters)
        rows = await cursor.fetchall()
    until = rows[-1][0] if len(rows) == most else moved.until
    found: dict[int, set[str]] = {}
    for place, tin in rows:
        found.setdefault(place, set()).add(tin)
    operators = {place: tins for place, tins in moved.operators.items() if place <= until}
    homes = {place: homes for place, homes in moved.homes.items() if place <= until}
    return Moves(operators, homes, until, moved.head), found


async def operators_of(connection: Connection, homes: Iterable[str], position: int) -> list[str]:
    """Every operator of these territories of whom anything was believed there, by TIN."""
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


# --------------------------------------------------------------------- facts


PAST = f"""
select o.tin, o.administration,
    {_held(PERIOD, "views.status_period", "t.tin = o.tin", "t.position, t.valid_from")},
    {_held(IDENTIFIER, "views.identifier", "t.tin = o.tin", "t.position, t.value")},
    {_held(CONSENT, "views.consent", "t.tin = o.tin and t.partner <> '*'", "t.position")}
from views.operator o where o.tin = any(%(tins)s::text[])
order by o.tin"""
LAW = f"""
with {_HOMES}
select {
    _held(
        LINK,
        "views.link",
        "t.kind = 'AEO_MUTUAL_RECOGNITION' and t.to_party in (select o.party from ours o)",
        "t.agreement, t.ordinal, t.position",
    )
},
{
    _held(
        "t.bloc, t.member, t.valid_from, t.valid_to",
        "views.membership",
        "t.sense = 'CUSTOMS_TERRITORY'",
        "t.bloc, t.member, t.position",
    )
},
{
    _held(
        CONSENT_LAW,
        "views.programme_rule",
        "t.rule = 'sharing_consent' and t.value = 'required'",
        "t.programme, t.position",
    )
},
    (select coalesce(json_agg(r), '[]')::text from views.list_received r)"""

_periods = msgspec.json.Decoder(list[BelievedFact[Period]], dec_hook=decode_value)
_identifiers = msgspec.json.Decoder(list[BelievedFact[Identified]], dec_hook=decode_value)
_consents = msgspec.json.Decoder(list[BelievedFact[Consented]], dec_hook=decode_value)
_links = msgspec.json.Decoder(list[BelievedFact[Link]], dec_hook=decode_value)
_members = msgspec.json.Decoder(list[BelievedFact[Member]], dec_hook=decode_value)
_consent_laws = msgspec.json.Decoder(list[BelievedFact[ConsentLaw]], dec_hook=decode_value)
_lists = msgspec.json.Decoder(list[ListReceipt])


@dataclass
class LawHistory:
    """Everything ever believed of the law into one territory."""

    territory: AdministrationCode
    links: list[BelievedFact[Link]]
    members: list[BelievedFact[Member]]
    consent_laws: list[BelievedFact[ConsentLaw]]
    lists: list[ListReceipt]
    _ways: dict[str, Way] = field(default_factory=dict)

    def way(self, home: str) -> Way:
        if home not in self._ways:
            near = [m for m in self.members if m.fact.member.text in (home, self.territory.text)]
            parties = {home, *(m.fact.bloc.text for m in near)}
            out = [link for link in self.links if link.fact.clause.from_.text in parties]
            lists = [each for each in self.lists if each.administration == home]
            self._ways[home] = Way(out, near, self.consent_laws, lists)
        return self._ways[home]

    def homes(self) -> set[str]:
        """The territories that an agreement ever led from, a bloc with its members."""
        parties = {link.fact.clause.from_.text for link in self.links}
        return parties | {m.fact.member.text for m in self.members if m.fact.bloc.text in parties}

    def edges(self, after: datetime, until: datetime) -> set[datetime]:
        """The instants in (after, until] at which the law becomes another because time passes."""
        facts = [
            each.fact for held in (self.links, self.members, self.consent_laws) for each in held
        ]
        found = {edge for each in facts for edge in (each.valid_from, each.valid_to) if edge}
        return {edge for edge in found if after < edge <= until}


async def law(connection: Connection, territory: AdministrationCode) -> LawHistory:
    async with connection.cursor() as cursor:
        await cursor.execute(LAW, {"territory": territory.text})
        row = await cursor.fetchone()
    assert row is not None  # one row, always
    return LawHistory(
        territory,
        _links.decode(row[0]),
        _members.decode(row[1]),
        _consent_laws.decode(row[2]),
        _lists.decode(row[3]),
    )


async def pasts(
    connection: Connection, into: LawHistory, sight: LawHistory, tins: Sequence[str]
) -> dict[str, Past]:
    """Of each of these operators all that was ever believed of it and that territory. `sight`: the
    law into the asker's own territory."""
    async with connection.cursor() as cursor:
        await cursor.execute(PAST, {"tins": list(tins)})
        return {
            tin: Past(
                Tin(tin),
                AdministrationCode(home),
                _periods.decode(periods),
                _identifiers.decode(identifiers),
                _consents.decode(consents),
                into.way(home),
                sight.way(home),
            )
            for tin, home, periods, identifiers, consents in await cursor.fetchall()
        }
