"""Reads everything ever believed about operators and about the law towards a territory."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any

import msgspec
from psycopg import AsyncConnection

from projections.history.belief_history import (
    BelievedFact,
    LawBeliefs,
    ListReceipt,
    OperatorBeliefs,
    OperatorPast,
    valid_time_edges,
)
from projections.reads.recognition import (
    CONSENT,
    CONSENT_LAW,
    IDENTIFIER,
    IS_CONSENT_LAW,
    LINK,
    PERIOD,
)
from registry.domain.agreements.links import Link
from registry.domain.consent import Consented, ConsentLaw
from registry.domain.operators.timeline import Identified, Period
from registry.domain.recognition import Member
from registry.domain.values import AdministrationCode, Tin, decode_value

Connection = AsyncConnection[Any]


@dataclass(frozen=True)
class LawHistory:
    """Everything ever believed about the law towards one territory. `programmes`: the
    administration of each programme."""

    territory: AdministrationCode
    links: list[BelievedFact[Link]]
    members: list[BelievedFact[Member]]
    consent_laws: list[BelievedFact[ConsentLaw]]
    lists: list[ListReceipt]
    programmes: dict[str, str]
    _beliefs: dict[str, LawBeliefs] = field(default_factory=dict)

    def beliefs_from(self, home: str) -> LawBeliefs:
        """Everything ever believed about the law from one home territory."""
        if home not in self._beliefs:
            members_here = [
                m for m in self.members if m.fact.member.text in (home, self.territory.text)
            ]
            parties = {home, *(m.fact.bloc.text for m in members_here)}
            self._beliefs[home] = LawBeliefs(
                [link for link in self.links if link.fact.clause.from_.text in parties],
                members_here,
                self.consent_laws,
                [row for row in self.lists if row.administration == home],
                frozenset(code for code, party in self.programmes.items() if party in parties),
            )
        return self._beliefs[home]

    def homes(self, others: Iterable[str] = ()) -> set[str]:
        """The territories from which an agreement ever led, and `others`; a bloc with its
        members."""
        parties = {*others, *(link.fact.clause.from_.text for link in self.links)}
        return parties | {m.fact.member.text for m in self.members if m.fact.bloc.text in parties}

    def edges(self, after: datetime, until: datetime) -> set[datetime]:
        """The instants in (after, until] at which the law changes because time passes."""
        facts: list[BelievedFact[Any]] = [*self.links, *self.members, *self.consent_laws]
        found = valid_time_edges(row.fact for row in facts)
        return {edge for edge in found if after < edge <= until}


@dataclass(frozen=True)
class WholeLaw:
    """Everything ever believed about the law towards every territory."""

    links: list[BelievedFact[Link]]
    members: list[BelievedFact[Member]]
    consent_laws: list[BelievedFact[ConsentLaw]]
    lists: list[ListReceipt]
    programmes: dict[str, str]

    @cached_property
    def territories(self) -> frozenset[AdministrationCode]:
        """The territories that an agreement ever led from or to; a bloc with its members."""
        parties = {
            party for row in self.links for party in (row.fact.clause.from_, row.fact.clause.to)
        }
        return frozenset(code for party in parties for code in self.territories_of(party))

    def territories_of(self, party: AdministrationCode) -> frozenset[AdministrationCode]:
        """The territories for which a party ever stood: the members of a bloc, or itself."""
        members = {row.fact.member for row in self.members if row.fact.bloc == party}
        return frozenset(members or {party})

    def towards(self, territory: AdministrationCode) -> LawHistory:
        """The law towards one territory."""
        blocs = {row.fact.bloc for row in self.members if row.fact.member == territory}
        parties = {territory, *blocs}
        links = [row for row in self.links if row.fact.clause.to in parties]
        return LawHistory(
            territory, links, self.members, self.consent_laws, self.lists, self.programmes
        )


def _believed(columns: str, table: str, where: str, order: str) -> str:
    """SQL: rows of a table as one JSON text, each fact with the positions and the instants between
    which it was believed."""
    return (
        "(select coalesce(json_agg(json_build_object('fact', row_to_json(f), 'position',"
        " t.position, 'position_to', t.position_to, 'recorded_from', t.recorded_from,"
        f" 'recorded_to', t.recorded_to) order by {order}), '[]')::text"
        f" from {table} t cross join lateral (select {columns}) f where {where})"
    )


_LINK_ORDER = "t.agreement, t.ordinal, t.position"
_LINKS = _believed(
    LINK,
    "views.link",
    "t.kind = 'AEO_MUTUAL_RECOGNITION' and (t.to_party = %(territory)s or exists (select"
    " from views.membership m where m.bloc = t.to_party and m.member = %(territory)s"
    " and m.sense = 'CUSTOMS_TERRITORY'))",
    _LINK_ORDER,
)
_ALL_LINKS = _believed(LINK, "views.link", "t.kind = 'AEO_MUTUAL_RECOGNITION'", _LINK_ORDER)
_MEMBERS = _believed(
    "t.bloc, t.member, t.valid_from, t.valid_to",
    "views.membership",
    "t.sense = 'CUSTOMS_TERRITORY'",
    "t.bloc, t.member, t.position",
)
_CONSENT_LAWS = _believed(
    CONSENT_LAW,
    "views.programme_rule",
    IS_CONSENT_LAW,
    "t.programme, t.position",
)
_REST = f"""{_MEMBERS}, {_CONSENT_LAWS},
    (select coalesce(json_agg(r), '[]')::text from views.list_received r),
    (select coalesce(json_object_agg(p.code, p.administration), '{{}}')::text
        from views.programme p)"""
LAW = f"select {_LINKS}, {_REST}"
WHOLE_LAW = f"select {_ALL_LINKS}, {_REST}"

_OWN = "t.tin = o.tin"
_PERIODS = _believed(PERIOD, "views.status_period", _OWN, "t.position, t.valid_from")
_IDENTIFIERS = _believed(IDENTIFIER, "views.identifier", _OWN, "t.position, t.value")
_CONSENTS = _believed(CONSENT, "views.consent", f"{_OWN} and t.partner <> '*'", "t.position")
OPERATORS = f"""
select o.tin, o.administration, o.registered, {_PERIODS}, {_IDENTIFIERS}, {_CONSENTS}
from views.operator o where o.tin = any(%(tins)s::text[])
order by o.tin"""

_links = msgspec.json.Decoder(list[BelievedFact[Link]], dec_hook=decode_value)
_members = msgspec.json.Decoder(list[BelievedFact[Member]], dec_hook=decode_value)
_consent_laws = msgspec.json.Decoder(list[BelievedFact[ConsentLaw]], dec_hook=decode_value)
_lists = msgspec.json.Decoder(list[ListReceipt])
_programmes = msgspec.json.Decoder(dict[str, str])
_periods = msgspec.json.Decoder(list[BelievedFact[Period]], dec_hook=decode_value)
_identifiers = msgspec.json.Decoder(list[BelievedFact[Identified]], dec_hook=decode_value)
_consents = msgspec.json.Decoder(list[BelievedFact[Consented]], dec_hook=decode_value)


async def law_history(connection: Connection, territory: AdministrationCode) -> LawHistory:
    """Everything ever believed about the law towards a territory."""
    async with connection.cursor() as cursor:
        await cursor.execute(LAW, {"territory": territory.text})
        row = await cursor.fetchone()
    assert row is not None  # This SELECT always returns one row.
    return LawHistory(
        territory,
        _links.decode(row[0]),
        _members.decode(row[1]),
        _consent_laws.decode(row[2]),
        _lists.decode(row[3]),
        _programmes.decode(row[4]),
    )


async def whole_law(connection: Connection) -> WholeLaw:
    """Everything ever believed about the law towards every territory."""
    async with connection.cursor() as cursor:
        await cursor.execute(WHOLE_LAW)
        row = await cursor.fetchone()
    assert row is not None  # This SELECT always returns one row.
    return WholeLaw(
        _links.decode(row[0]),
        _members.decode(row[1]),
        _consent_laws.decode(row[2]),
        _lists.decode(row[3]),
        _programmes.decode(row[4]),
    )


async def past_of(connection: Connection, tins: Iterable[str]) -> dict[str, OperatorPast]:
    """Everything ever believed about each of these operators, by TIN, sorted."""
    async with connection.cursor() as cursor:
        await cursor.execute(OPERATORS, {"tins": list(tins)}, prepare=True)
        rows = await cursor.fetchall()
    return {
        tin: OperatorPast(
            Tin(tin),
            AdministrationCode(home),
            registered,
            _periods.decode(periods),
            _identifiers.decode(identifiers),
            _consents.decode(consents),
        )
        for tin, home, registered, periods, identifiers, consents in rows
    }


async def operator_beliefs(
    connection: Connection,
    law: LawHistory,
    tins: Sequence[str],
    subject_law: LawHistory | None = None,
) -> dict[str, OperatorBeliefs]:
    """Everything ever believed about each of these operators and the law towards that territory, by
    TIN, sorted. `subject_law`: the law towards the subject's own territory, where that is another
    one."""
    own = subject_law or law
    return {
        tin: past.beliefs(
            law.beliefs_from(past.administration.text), own.beliefs_from(past.administration.text)
        )
        for tin, past in (await past_of(connection, tins)).items()
    }
