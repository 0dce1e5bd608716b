"""What may have moved in the set that a territory recognises, and the facts before and after.

Here a belief is told by its place in the sequence, not by its instant: an event at a position is
compared with everything recorded before that position.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise
from typing import Any, Generic, TypeVar

import msgspec
from psycopg import AsyncConnection

from projections.reads.clocks import POSITION
from projections.reads.recognition import CONSENT, CONSENT_LAW, IDENTIFIER, LINK, PERIOD, edges
from registry.clocks import NEVER_AT
from registry.links import Link
from registry.recognition import (
    Answer,
    ConsentLaw,
    Facts,
    Member,
    Question,
    Stretch,
    holds,
    recognise,
)
from registry.standing import Consented, Identified, Period
from registry.values import AdministrationCode, Outcome, Tin, decode_value

Connection = AsyncConnection[Any]
T = TypeVar("T")
Between = tuple[datetime, datetime]  # the end is outside


class Held(msgspec.Struct, Generic[T], frozen=True):
    """A fact, believed from the event at `position` on, until the one at `position_to`."""

    fact: T
    position: int
    position_to: int | None = None


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

    operators: list[tuple[int, str]]
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
        l.position, l.position_to
    from views.link l
    left join views.membership m on m.bloc = l.from_party and m.sense = 'CUSTOMS_TERRITORY'
    where l.kind = 'AEO_MUTUAL_RECOGNITION' and l.to_party in (select o.party from ours o)
)"""
_OWN = f"""
with {_HOMES}
select c.position, c.tin from views.change c
where c.position > %(after)s and c.position <= %(head)s
    and c.administration in (select w.home from way w)
order by c.position limit %(most)s"""
# Law that moves: a clause or a date, a membership on either side, a law that asks for consent.
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
)
select distinct place.position, moved.home
from moved cross join lateral (values (moved.position), (moved.position_to)) as place (position)
where place.position > %(after)s and place.position <= %(until)s
order by place.position, moved.home"""


async def moves(
    connection: Connection, territory: AdministrationCode, after: int, most: int
) -> Moves:
    """What moved after that position, in order: at most `most` operators' own events."""
    parameters: dict[str, Any] = {"territory": territory.text, "after": after, "most": most}
    async with connection.cursor() as cursor:
        await cursor.execute(f"select {POSITION}")
        row = await cursor.fetchone()
        parameters["head"] = head = row[0] if row else 0
        await cursor.execute(_OWN, parameters)
        own = await cursor.fetchall()
        parameters["until"] = until = own[-1][0] if len(own) == most else max(head, after)
        homes: dict[int, set[str]] = {}
        await cursor.execute(_LAW, parameters)
        for position, home in await cursor.fetchall():
            homes.setdefault(position, set()).add(home)
    return Moves(own, homes, until, head)


async def operators_of(connection: Connection, homes: Iterable[str], position: int) -> list[str]:
    """Every operator of these territories of whom anything was believed there, by TIN."""
    statement = """
    select o.tin from views.operator o
    where o.administration = any(%(homes)s::text[]) and exists (
        select from views.status_period p
        where p.tin = o.tin and p.position < %(position)s
            and (p.position_to is null or p.position_to > %(position)s))
    order by o.tin"""
    async with connection.cursor() as cursor:
        await cursor.execute(statement, {"homes": sorted(homes), "position": position})
        return [row[0] for row in await cursor.fetchall()]


# --------------------------------------------------------------------- facts


@dataclass(frozen=True, slots=True)
class Moved:
    """A fact that an event took back (`before`) or put in place. `says`: all but when it holds."""

    fact: Stretch
    before: bool
    says: tuple[Any, ...]


@dataclass
class Way:
    """Everything ever believed of the law from one home territory to another. The same for all its
    operators, so what is worked out for one of them is kept for the others."""

    links: list[Held[Link]]
    members: list[Held[Member]]
    consent_laws: list[Held[ConsentLaw]]
    _at: dict[int, Facts] = field(default_factory=dict)
    _moved: dict[int, list[Moved]] = field(default_factory=dict)
    _unlike: dict[int, list[Between]] = field(default_factory=dict)
    _edges: dict[int, set[datetime]] = field(default_factory=dict)

    def at(self, position: int) -> Facts:
        """What was believed of the law alone when everything up to this position was recorded."""
        if position not in self._at:
            self._at[position] = Facts(
                None,
                links=_then(self.links, position),
                members=_then(self.members, position),
                consent_laws=_then(self.consent_laws, position),
            )
        return self._at[position]

    def moved(self, position: int) -> list[Moved]:
        if position not in self._moved:
            rows = (self.links, self.members, self.consent_laws)
            self._moved[position] = [it for held in rows for it in _moved(held, position)]
        return self._moved[position]

    def unlike(self, position: int) -> list[Between]:
        if position not in self._unlike:
            self._unlike[position] = _unlike(self.moved(position))
        return self._unlike[position]

    def edges(self, position: int) -> set[datetime]:
        if position not in self._edges:
            self._edges[position] = edges(self.at(position - 1)) | edges(self.at(position))
        return self._edges[position]


@dataclass
class Past:
    """Everything ever believed of an operator and of its way into one territory."""

    tin: Tin
    administration: AdministrationCode
    periods: list[Held[Period]]
    identifiers: list[Held[Identified]]
    consents: list[Held[Consented]]
    way: Way

    def at(self, position: int) -> Facts:
        """What was believed when everything up to this position was recorded.

        Whether a list was fresh is no question of what was recorded: it is left out.
        """
        own = Facts(
            self.tin,
            self.administration,
            _then(self.periods, position),
            _then(self.identifiers, position),
            _then(self.consents, position),
        )
        return _under(self.way.at(position), own)

    def moved(self, position: int) -> list[Moved]:
        own = (self.periods, self.identifiers, self.consents)
        return [it for held in own for it in _moved(held, position)]


def _under(law: Facts, own: Facts) -> Facts:
    return Facts(
        own.tin, own.administration, own.periods, own.identifiers, own.consents,
        law.links, law.members, law.consent_laws,
    )  # fmt: skip


def _then(held: list[Held[T]], position: int) -> list[T]:
    return [
        it.fact
        for it in held
        if it.position <= position and (it.position_to is None or it.position_to > position)
    ]


def _moved(held: Sequence[Held[Any]], position: int) -> list[Moved]:
    return [
        Moved(it.fact, it.position != position, _says(it.fact))
        for it in held
        if position in (it.position, it.position_to) and it.position != it.position_to
    ]


def _own_edges(facts: Facts) -> set[datetime]:
    own: tuple[Sequence[Stretch], ...] = (facts.periods, facts.identifiers, facts.consents)
    return {edge for held in own for it in held for edge in (it.valid_from, it.valid_to) if edge}


def _unlike(moved: list[Moved]) -> list[Between]:
    """Where what holds says something else before and after; elsewhere every answer stays."""
    marks = {it.fact.valid_from for it in moved} | {it.fact.valid_to or NEVER_AT for it in moved}
    found: list[Between] = []
    for mark, end in pairwise(sorted(marks)):
        there = [it for it in moved if holds(it.fact, mark)]
        if {it.says for it in there if it.before} == {it.says for it in there if not it.before}:
            continue
        if found and found[-1][1] == mark:
            found[-1] = (found[-1][0], end)
        else:
            found.append((mark, end))
    return found


def _says(fact: Any) -> tuple[Any, ...]:
    names = getattr(fact, "__struct_fields__", None) or tuple(fact.__dataclass_fields__)
    said = (getattr(fact, name) for name in names if name not in ("valid_from", "valid_to"))
    return (type(fact), *said)


@dataclass(frozen=True)
class Change:
    """From `effective_from` on (in law, UTC) the answer is another than was believed before."""

    position: int
    tin: Tin
    was: Outcome
    now: Answer
    effective_from: datetime
    facts: Facts


def differences(past: Past, territory: AdministrationCode, position: int) -> list[Change]:
    """Where the event at this position makes an operator enter or leave the recognised set.

    One entry for each stretch of law, in order. What was never recognised and is not now is no
    change of the set, so that nobody hears here of an operator that it may not see.
    """
    own, way = past.moved(position), past.way
    stretches = _unlike(own + way.moved(position)) if own else way.unlike(position)
    if not stretches:
        return []
    after = past.at(position)
    before = past.at(position - 1) if own else _under(way.at(position - 1), after)
    cuts = way.edges(position) | _own_edges(after) | (_own_edges(before) if own else set())
    found: list[Change] = []
    for first, end in stretches:
        pair: tuple[Outcome, Outcome] | None = None
        for cut in sorted({first} | {edge for edge in cuts if first < edge < end}):
            asked = Question(territory, cut)
            was, now = recognise(before, asked).outcome, recognise(after, asked)
            answers = (was, now.outcome)
            if answers != pair and was is not now.outcome and Outcome.RECOGNISED in answers:
                found.append(Change(position, past.tin, was, now, cut, after))
            pair = answers
    return found


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
}"""

_periods = msgspec.json.Decoder(list[Held[Period]], dec_hook=decode_value)
_identifiers = msgspec.json.Decoder(list[Held[Identified]], dec_hook=decode_value)
_consents = msgspec.json.Decoder(list[Held[Consented]], dec_hook=decode_value)
_links = msgspec.json.Decoder(list[Held[Link]], dec_hook=decode_value)
_members = msgspec.json.Decoder(list[Held[Member]], dec_hook=decode_value)
_consent_laws = msgspec.json.Decoder(list[Held[ConsentLaw]], dec_hook=decode_value)


async def pasts(
    connection: Connection, territory: AdministrationCode, tins: Sequence[str]
) -> dict[str, Past]:
    """Of each of these operators all that was ever believed of it and that territory."""
    async with connection.cursor() as cursor:
        await cursor.execute(LAW, {"territory": territory.text})
        law = await cursor.fetchone()
        assert law is not None  # one row, always
        links, members = _links.decode(law[0]), _members.decode(law[1])
        consent_laws = _consent_laws.decode(law[2])
        await cursor.execute(PAST, {"tins": list(tins)})
        found: dict[str, Past] = {}
        ways: dict[str, Way] = {}
        for tin, home, periods, identifiers, consents in await cursor.fetchall():
            if home not in ways:
                near = [m for m in members if m.fact.member.text in (home, territory.text)]
                parties = {home, *(m.fact.bloc.text for m in near)}
                out = [link for link in links if link.fact.clause.from_.text in parties]
                ways[home] = Way(out, near, consent_laws)
            found[tin] = Past(
                Tin(tin), AdministrationCode(home), _periods.decode(periods),
                _identifiers.decode(identifiers), _consents.decode(consents), ways[home],
            )  # fmt: skip
    return found
