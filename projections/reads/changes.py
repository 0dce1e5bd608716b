"""The feed of a territory: where something moved, and the facts before and after.

An answer may become another at the position of an event, and, because the asker may see an
operator or may not, when an instant passes: that is told at the first event recorded after it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import msgspec
from psycopg import AsyncConnection

from projections.feed import Change, Held, Listed, Past, Step, Way, change
from projections.reads.clocks import POSITION
from projections.reads.recognition import CONSENT, CONSENT_LAW, IDENTIFIER, LINK, PERIOD
from projections.reads.visibility import Sight
from registry.links import Link
from registry.recognition import ConsentLaw, Member
from registry.standing import Consented, Identified, Period
from registry.values import AdministrationCode, Tin, decode_value

Connection = AsyncConnection[Any]

MOST = 500  # operators' own events that one page looks at
CHUNK = 500  # operators whose past is read at once
_INSTANT = timedelta(microseconds=1)


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
        "territory": territory.text, "after": after, "only": list(only) if only else None,
        "most": most,
    }  # fmt: skip
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


async def operators_of(
    connection: Connection, homes: Iterable[str], position: int
) -> list[str]:
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

_periods = msgspec.json.Decoder(list[Held[Period]], dec_hook=decode_value)
_identifiers = msgspec.json.Decoder(list[Held[Identified]], dec_hook=decode_value)
_consents = msgspec.json.Decoder(list[Held[Consented]], dec_hook=decode_value)
_links = msgspec.json.Decoder(list[Held[Link]], dec_hook=decode_value)
_members = msgspec.json.Decoder(list[Held[Member]], dec_hook=decode_value)
_consent_laws = msgspec.json.Decoder(list[Held[ConsentLaw]], dec_hook=decode_value)
_lists = msgspec.json.Decoder(list[Listed])


@dataclass
class Law:
    """Everything ever believed of the law into one territory."""

    territory: AdministrationCode
    links: list[Held[Link]]
    members: list[Held[Member]]
    consent_laws: list[Held[ConsentLaw]]
    lists: list[Listed]
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
        facts = [each.fact for held in (self.links, self.members, self.consent_laws)
                 for each in held]  # fmt: skip
        found = {edge for each in facts for edge in (each.valid_from, each.valid_to) if edge}
        return {edge for edge in found if after < edge <= until}


async def law(connection: Connection, territory: AdministrationCode) -> Law:
    async with connection.cursor() as cursor:
        await cursor.execute(LAW, {"territory": territory.text})
        row = await cursor.fetchone()
    assert row is not None  # one row, always
    return Law(
        territory, _links.decode(row[0]), _members.decode(row[1]), _consent_laws.decode(row[2]),
        _lists.decode(row[3]),
    )  # fmt: skip


async def pasts(
    connection: Connection, into: Law, sight: Law, tins: Sequence[str]
) -> dict[str, Past]:
    """Of each of these operators all that was ever believed of it and that territory. `sight`: the
    law into the asker's own territory."""
    async with connection.cursor() as cursor:
        await cursor.execute(PAST, {"tins": list(tins)})
        return {
            tin: Past(
                Tin(tin), AdministrationCode(home), _periods.decode(periods),
                _identifiers.decode(identifiers), _consents.decode(consents),
                into.way(home), sight.way(home),
            )
            for tin, home, periods, identifiers, consents in await cursor.fetchall()
        }  # fmt: skip


# ---------------------------------------------------------------------- time


async def _recorded(ledger: Connection, positions: Collection[int]) -> dict[int, datetime]:
    """When the events at these positions were recorded, in UTC."""
    statement = "select position, recorded_at from ledger.event where position = any(%s)"
    async with ledger.cursor() as cursor:
        await cursor.execute(statement, [sorted(positions)])
        return dict(await cursor.fetchall())


async def _first_after(ledger: Connection, instants: Iterable[datetime]) -> dict[datetime, int]:
    """The position of the first event recorded at each of these instants or later."""
    statement = "select i, ledger.position_before(i) + 1 from unnest(%s::timestamptz[]) i"
    async with ledger.cursor() as cursor:
        await cursor.execute(statement, [sorted(instants)])
        return dict(await cursor.fetchall())


#: Consents that begin or end after they were told, in a stretch of time.
_CONSENTS = """
select c.tin, c.edge from (
    select c.tin, c.valid_from as edge from views.consent c
    where c.valid_from > c.recorded_from
        and c.valid_from > %(after)s and c.valid_from <= %(until)s
    union
    select c.tin, c.valid_to from views.consent c
    where c.valid_to > c.recorded_from and c.valid_to > %(after)s and c.valid_to <= %(until)s
) c join views.operator o on o.tin = c.tin
where o.administration = any(%(homes)s::text[])
    and (%(only)s::text[] is null or c.tin = any(%(only)s))"""


@dataclass
class _Passing:
    """Where the asker may see operators, or may not any more, because time passed."""

    operators: dict[int, set[str]] = field(default_factory=dict)
    homes: dict[int, set[str]] = field(default_factory=dict)


async def _passing(
    views: Connection,
    ledger: Connection,
    sight: Sight,
    laws: Law,
    between: tuple[datetime, datetime],
    only: Sequence[str] | None,
    place: int | None = None,
) -> _Passing:
    """What passes in (after, until], at the places of the first events recorded since, or, where a
    place is given, there."""
    found = _Passing()
    if sight.role == "auditor":
        return found
    after, until = between
    homes = laws.homes()
    consents: list[tuple[str, datetime]] = []
    async with views.cursor() as cursor:
        await cursor.execute(
            _CONSENTS,
            {"after": after, "until": until, "homes": sorted(homes),
             "only": list(only) if only else None},
        )  # fmt: skip
        consents = await cursor.fetchall()
    edges = laws.edges(after, until)
    places: dict[datetime, int] = {}
    if place is None:
        places = await _first_after(ledger, edges | {edge for _, edge in consents})
    for tin, edge in consents:
        found.operators.setdefault(places.get(edge, place or 0), set()).add(tin)
    asker = AdministrationCode(sight.administration or "")
    for edge in edges:
        position = places.get(edge, place or 0)
        before = position - 1 if place is None else position
        for home in homes:
            code, way = AdministrationCode(home), laws.way(home)
            if way.opened(code, asker, before, edge) != way.opened(
                code, asker, before, edge - _INSTANT
            ):
                found.homes.setdefault(position, set()).add(home)
    return found


# --------------------------------------------------------------------- pages


@dataclass(frozen=True)
class Page:
    """Changes in the order of their positions. `next`: the position up to which all was looked at;
    `head`: the one up to which the read models are projected."""

    changes: list[Change]
    next: int
    head: int


async def page(
    views: Connection,
    ledger: Connection,
    sight: Sight,
    territory: AdministrationCode,
    after: int,
    size: int,
    now: datetime,
    only: Sequence[str] | None = None,
) -> Page:
    """What the asker is told of a territory's answers since a position.

    At least `size` changes, where there are so many: a page never splits what one event changed.
    `now`: the instant of the request, in UTC. `only`: the operators that are looked at, by TIN.
    """
    moved = await moves(views, territory, after, only)
    if moved.until <= after:
        return Page([], max(after, moved.until), moved.head)
    into = await law(views, territory)
    own = sight.administration
    seeing = into if own in (None, territory.text) else await law(views, AdministrationCode(own))
    ends = await _recorded(ledger, {max(after, 1), moved.until})
    between = ends[max(after, 1)], ends[moved.until]
    passing = await _passing(views, ledger, sight, seeing, between, only)
    places = {*moved.operators, *moved.homes, *passing.operators, *passing.homes}
    clocks = await _recorded(ledger, {place - n for place in places for n in (0, 1)})
    feed = _Feed(views, into, seeing, sight, only)
    for place in sorted(places):
        at = clocks[place]
        step = Step(place, place - 1, clocks.get(place - 1, at), at)
        homes = moved.homes.get(place, set()) | passing.homes.get(place, set())
        tins = moved.operators.get(place, set()) | passing.operators.get(place, set())
        await feed.tell(step, tins, homes)
        if len(feed.found) >= size:
            return Page(feed.found, place, moved.head)
    if moved.until == moved.head:
        # What passed since the last event is told with it; later, with the event that follows.
        last = ends[moved.until]
        passing = await _passing(views, ledger, sight, seeing, (last, now), only, moved.head)
        step = Step(moved.head, moved.head, last, now)
        place = moved.head
        await feed.tell(step, passing.operators.get(place, ()), passing.homes.get(place, ()))
    return Page(feed.found, moved.until, moved.head)


@dataclass
class _Feed:
    """A page in the making, with the pasts that were read for it."""

    views: Connection
    into: Law
    seeing: Law
    sight: Sight
    only: Sequence[str] | None
    found: list[Change] = field(default_factory=list)
    known: dict[str, Past] = field(default_factory=dict)
    whole: bool = False

    def home(self, tin: str) -> str:
        return self.known[tin].administration.text

    async def chosen(self) -> set[str]:
        """Those of the operators that are looked at alone who are in the register."""
        missing = sorted(set(self.only or ()) - self.known.keys())
        if missing and not self.whole:
            self.known |= await pasts(self.views, self.into, self.seeing, missing)
            self.whole = True
        return set(self.only or ()) & self.known.keys()

    async def tell(self, step: Step, tins: Collection[str], homes: Collection[str]) -> None:
        wanted = set(tins)
        if homes and self.only is None:
            wanted.update(await operators_of(self.views, homes, step.position))
        elif homes:
            wanted.update(tin for tin in await self.chosen() if self.home(tin) in homes)
        missing = sorted(wanted - self.known.keys())
        for start in range(0, len(missing), CHUNK):
            self.known |= await pasts(
                self.views, self.into, self.seeing, missing[start : start + CHUNK]
            )
        for number, tin in enumerate(sorted(wanted)):
            told = change(self.known[tin], self.into.territory, step, self.sight)
            if told:
                self.found.append(told)
            if number % 50 == 49:
                await asyncio.sleep(0)  # thousands of them must not keep others waiting
