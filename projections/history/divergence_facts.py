"""Reads the facts of divergences: the operators to examine, and everything ever believed about
them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
from psycopg import AsyncConnection

from projections.history.divergences import (
    Believed,
    BelievedLaw,
    DivergenceHistory,
    ListFreshness,
    TimeInterval,
)
from projections.reads.recognition import CONSENT, CONSENT_LAW, IDENTIFIER, LINK, PERIOD
from projections.reads.visibility import VISIBILITY_CTES, VISIBLE_NOW, VisibilityScope
from registry.domain.agreements.timeline import Link
from registry.domain.operators.timeline import Consented, Identified, Period
from registry.domain.recognition import ConsentLaw, Member
from registry.domain.values import AdministrationCode, Tin, decode_value

Connection = AsyncConnection[Any]


@dataclass(frozen=True)
class LawBeliefsByHome:
    """Everything ever believed about the law towards one territory, and the home territories it
    concerns."""

    territory: AdministrationCode
    links: list[Believed[Link]]
    members: list[Believed[Member]]
    consents: list[Believed[ConsentLaw]]
    lists: list[ListFreshness]
    programmes: dict[str, str]  # The administration of each programme.
    homes: list[str]

    def beliefs_from(self, home: str) -> BelievedLaw:
        members_here = [
            m for m in self.members if m.fact.member.text in (home, self.territory.text)
        ]
        parties = {home, *(m.fact.bloc.text for m in members_here)}
        return BelievedLaw(
            [link for link in self.links if link.fact.clause.from_.text in parties],
            members_here,
            [law for law in self.consents if self.programmes.get(law.fact.programme) in parties],
            [list_ for list_ in self.lists if list_.administration == home],
        )


def _facts_with_beliefs(columns: str, table: str, where: str) -> str:
    """SQL: rows of a table as one JSON text, each fact with its positions and belief instants."""
    return (
        "(select coalesce(json_agg(json_build_object('fact', row_to_json(f), 'position',"
        " t.position, 'position_to', t.position_to, 'recorded_from', t.recorded_from,"
        " 'recorded_to', t.recorded_to)), '[]')::text"
        f" from {table} t cross join lateral (select {columns}) f where {where})"
    )


_LINKS = _facts_with_beliefs(
    LINK,
    "views.link",
    "t.kind = 'AEO_MUTUAL_RECOGNITION' and (t.to_party = %(territory)s or exists (select"
    " from views.membership m where m.bloc = t.to_party and m.member = %(territory)s"
    " and m.sense = 'CUSTOMS_TERRITORY'))",
)
_MEMBERS = _facts_with_beliefs(
    "t.bloc, t.member, t.valid_from, t.valid_to",
    "views.membership",
    "t.sense = 'CUSTOMS_TERRITORY'",
)
_LAWS = _facts_with_beliefs(
    CONSENT_LAW, "views.programme_rule", "t.rule = 'sharing_consent' and t.value = 'required'"
)
LAW = f"""
select {_LINKS}, {_MEMBERS}, {_LAWS},
    (select coalesce(json_agg(r), '[]')::text from views.list_received r),
    (select coalesce(json_object_agg(p.code, p.administration), '{{}}')::text
        from views.programme p)"""

#: SQL: the operators to examine: those with an event that became known after it took effect, and
#: those whose law did. An event known from one day on changes nothing for any later day.
CANDIDATES = f"""
with {VISIBILITY_CTES},
late as (
    select c.tin from (
        select distinct c.tin from views.change c
        where c.administration = any(%(homes)s::text[]) and c.tin >= %(after)s
            and c.known_at > %(from)s and c.effective_from < least(c.known_at, %(to)s)
        order by c.tin
    ) c
    -- An optimisation fence: visibility is evaluated only for these, and only as many as needed.
    cross join lateral (
        select from views.operator o where o.tin = c.tin and {VISIBLE_NOW} offset 0
    ) o
    order by c.tin limit %(most)s
),
under_late_law as (
    select o.tin from views.operator o
    where o.administration = any(%(unlike)s::text[]) and o.tin >= %(after)s and {VISIBLE_NOW}
    order by o.tin limit %(most)s
)
select tin from late union select tin from under_late_law order by tin limit %(most)s"""

PAST = f"""
select o.tin, o.administration, o.registered,
    {_facts_with_beliefs(PERIOD, "views.status_period", "t.tin = o.tin")},
    {_facts_with_beliefs(IDENTIFIER, "views.identifier", "t.tin = o.tin")},
    {_facts_with_beliefs(CONSENT, "views.consent", "t.tin = o.tin and t.partner <> '*'")}
from views.operator o where o.tin = any(%(tins)s::text[])
order by o.tin"""

_links = msgspec.json.Decoder(list[Believed[Link]], dec_hook=decode_value)
_members = msgspec.json.Decoder(list[Believed[Member]], dec_hook=decode_value)
_laws = msgspec.json.Decoder(list[Believed[ConsentLaw]], dec_hook=decode_value)
_lists = msgspec.json.Decoder(list[ListFreshness])
_programmes = msgspec.json.Decoder(dict[str, str])
_periods = msgspec.json.Decoder(list[Believed[Period]], dec_hook=decode_value)
_identifiers = msgspec.json.Decoder(list[Believed[Identified]], dec_hook=decode_value)
_consents = msgspec.json.Decoder(list[Believed[Consented]], dec_hook=decode_value)


async def laws(connection: Connection, territory: AdministrationCode) -> LawBeliefsByHome:
    async with connection.cursor() as cursor:
        await cursor.execute(LAW, {"territory": territory.text})
        row = await cursor.fetchone()
    assert row is not None  # This SELECT always returns one row.
    links, members = _links.decode(row[0]), _members.decode(row[1])
    own_parties = {territory.text}
    own_parties |= {m.fact.bloc.text for m in members if m.fact.member == territory}
    parties = own_parties | {link.fact.clause.from_.text for link in links}
    homes = parties | {m.fact.member.text for m in members if m.fact.bloc.text in parties}
    return LawBeliefsByHome(
        territory,
        links,
        members,
        _laws.decode(row[2]),
        _lists.decode(row[3]),
        _programmes.decode(row[4]),
        sorted(homes),
    )


async def candidates(
    connection: Connection,
    scope: VisibilityScope,
    now: datetime,
    laws: LawBeliefsByHome,
    window: TimeInterval,
    after: str,
    most: int,
) -> list[str]:
    """Operators whose results may diverge in these days, from `after` on, included; sorted, at most
    `most`, only those visible to the subject now."""
    homes_with_differences = [
        home for home in laws.homes if laws.beliefs_from(home).differing_intervals(window)
    ]
    parameters = scope.parameters(now) | {
        "homes": laws.homes,
        "unlike": homes_with_differences,
        "from": window[0],
        "to": window[1],
        "after": after,
        "most": most,
    }
    async with connection.cursor() as cursor:
        await cursor.execute(CANDIDATES, parameters)
        return [row[0] for row in await cursor.fetchall()]


async def histories(
    connection: Connection, laws: LawBeliefsByHome, tins: Sequence[str]
) -> list[DivergenceHistory]:
    """Everything ever believed about these operators and that territory, sorted by TIN."""
    ways: dict[str, BelievedLaw] = {}
    async with connection.cursor() as cursor:
        await cursor.execute(PAST, {"tins": list(tins)})
        found: list[DivergenceHistory] = []
        for tin, home, registered, periods, identifiers, consents in await cursor.fetchall():
            if home not in ways:
                ways[home] = laws.beliefs_from(home)
            history = DivergenceHistory(
                Tin(tin),
                AdministrationCode(home),
                registered,
                _periods.decode(periods),
                _identifiers.decode(identifiers),
                _consents.decode(consents),
                ways[home],
            )
            found.append(history)
    return found
