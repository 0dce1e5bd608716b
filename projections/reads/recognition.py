"""Reads the facts of the recognition rule in one statement, and how long a result stays the
same."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import msgspec
from psycopg import AsyncConnection, AsyncRawCursor
from psycopg.rows import dict_row

from projections.reads.bitemporal_sql import POSITION, believed
from projections.reads.visibility import (
    VISIBILITY_CTES,
    VISIBLE,
    VisibilityScope,
    reading_at_home,
    with_both,
    withdrawn,
)
from registry.domain.agreements.links import Link
from registry.domain.bitemporal import ALWAYS, NEVER_AT
from registry.domain.consent import (
    GENERAL,
    OF_ADEQUACY,
    TO_ALL_ADEQUATE,
    Consented,
    ConsentLaw,
)
from registry.domain.operators.timeline import Identified, Period
from registry.domain.recognition import (
    Member,
    Question,
    RecognitionFacts,
    RecognitionResult,
    ValidInterval,
    age_limit,
    is_valid_at,
    recognise,
)
from registry.domain.values import AdministrationCode, Tin, decode_value


def json_list(sql: str) -> str:
    """SQL: the rows of a SELECT as one JSON text, whose keys are the fields of a dataclass."""
    return f"(select coalesce(json_agg(x), '[]')::text from ({sql}) x)"


#: SQL: the columns of each fact, from a row `t`, named as the fields of its class.
PERIOD = (
    "t.authorisation, t.programme, t.type, t.status, t.abroad, t.valid_from, t.valid_to,"
    " t.number, t.roles, t.effective_from, t.valid_until, t.flags"
)
IDENTIFIER = "t.scheme, t.value, t.issuer, t.verified_by, t.valid_from, t.valid_to"
CONSENT = (
    f"nullif(t.partner, '{TO_ALL_ADEQUATE}') as partner, t.valid_from, t.valid_to,"
    f" t.partner = '{TO_ALL_ADEQUATE}' as general"
)
CONSENT_LAW = (
    f"t.programme, t.valid_from, t.valid_to, t.value = '{GENERAL}' as general,"
    f" case when t.rule <> 'sharing_consent' then substr(t.rule, {len(OF_ADEQUACY) + 1}) end"
    " as adequate"
)
#: SQL: the row `t` of views.programme_rule belongs to a law of consent.
IS_CONSENT_LAW = "rule.is_consent_law(t.rule, t.value)"
LINK = (
    "t.agreement, t.kind, t.ordinal, t.state, t.assumed, t.valid_from, t.valid_to, t.hindered_by,"
    " json_build_object('from', t.from_party, 'to', t.to_party, 'types', t.types,"
    " 'programmes', t.programmes, 'roles', t.roles, 'direction', t.direction, 'hs', t.hs,"
    " 'crossings', t.crossings, 'modes', t.modes, 'identifier_scheme', t.identifier_scheme,"
    " 'declaration_box', t.declaration_box, 'benefits', t.benefits,"
    " 'consent_required', t.consent_required, 'max_age_hours', t.max_age_hours) as clause"
)

_PERIODS = json_list(
    f"select {PERIOD} from views.status_period t where t.tin = s.tin and {believed('t')}"
    " order by t.authorisation, t.valid_from"
)
_IDENTIFIERS = json_list(
    f"select {IDENTIFIER} from views.identifier t where t.tin = s.tin and {believed('t')}"
    " order by t.scheme, t.value, t.valid_from"
)
_CONSENTS = json_list(
    f"select {CONSENT} from views.consent t"
    f" where t.tin = s.tin and t.partner <> '*' and {believed('t')}"
    " order by t.partner, t.valid_from"
)
# Without a territory: every territory that the agreements of the home territory lead to.
_LINKS = json_list(
    f"select {LINK} from views.link t"
    f" where t.kind = 'AEO_MUTUAL_RECOGNITION' and {believed('t')}"
    " and t.from_party = any(array(select h.administration union all select b.bloc from bloc b"
    " where b.member = h.administration))"
    " and (%(territory)s::text is null or t.to_party = %(territory)s or exists (select from bloc b"
    " where b.bloc = t.to_party and b.member = %(territory)s))"
    " order by t.agreement, t.ordinal, t.valid_from"
)
_MEMBERS = json_list(
    "select b.bloc, b.member, b.valid_from, b.valid_to from bloc b"
    " where %(territory)s::text is null or b.member in (h.administration, %(territory)s)"
    " order by b.bloc, b.member, b.valid_from"
)
_CONSENT_LAWS = json_list(
    f"select {CONSENT_LAW} from views.programme_rule t"
    f" where {IS_CONSENT_LAW} and {believed('t')}"
    " order by t.programme, t.valid_from"
)

FACTS = f"""
with {VISIBILITY_CTES},
bloc as materialized (
    select m.bloc, m.member, m.valid_from, m.valid_to from views.membership m
    where m.sense = 'CUSTOMS_TERRITORY' and {believed("m")}
),
seen as materialized (
    select o.tin, o.administration,
        row_number() over (partition by o.administration order by o.tin) as nth
    from views.operator o
    where o.tin = any(%(tins)s::text[]) and o.registered <= %(known)s and {VISIBLE}
),
law as materialized (
    select h.administration, {_LINKS} as links, {_MEMBERS} as members,
        d.as_of as list_as_of, d.cadence_hours as list_cadence
    from (select distinct s.administration from seen s) h
    left join lateral (
        select r.as_of, r.cadence_hours from views.list_received r
        where r.administration = h.administration and r.recorded_from <= %(known)s
        order by r.position desc limit 1
    ) d on true
)
select {POSITION} as position, s.tin, s.administration,
    {_PERIODS} as periods, {_IDENTIFIERS} as identifiers, {_CONSENTS} as consents,
    law.links, law.members, law.list_as_of, law.list_cadence,
    case when law.administration is not null then {_CONSENT_LAWS} end as consent_laws
from (values (true)) as always_one_row
left join seen s on true
left join law on law.administration = s.administration and s.nth = 1
order by s.administration, s.nth
"""

_WITHDRAWN = f"select t.tin, {withdrawn('t.tin')} as ended from unnest(%(tins)s::text[]) t(tin)"


@dataclass(frozen=True)
class _Numbered:
    """A statement with numbered parameters: psycopg would parse the long text for every query.
    `names`: of the parameters, in their order."""

    sql: str
    names: list[str]

    @classmethod
    def of(cls, sql: str) -> _Numbered:
        names = list(dict.fromkeys(re.findall(r"%\((\w+)\)s", sql)))
        numbered = re.sub(r"%\((\w+)\)s", lambda match: f"${names.index(match[1]) + 1}", sql)
        return cls(numbered, names)

    def values(self, parameters: Mapping[str, Any]) -> list[Any]:
        return [parameters[name] for name in self.names]


_ALL, _AT_HOME = _Numbered.of(FACTS), _Numbered.of(reading_at_home(with_both(FACTS)) or FACTS)
_ENDED = _Numbered.of(_WITHDRAWN)

_periods = msgspec.json.Decoder(list[Period], dec_hook=decode_value)
_identifiers = msgspec.json.Decoder(list[Identified], dec_hook=decode_value)
_consents = msgspec.json.Decoder(list[Consented], dec_hook=decode_value)
_links = msgspec.json.Decoder(list[Link], dec_hook=decode_value)
_members = msgspec.json.Decoder(list[Member], dec_hook=decode_value)
_consent_laws = msgspec.json.Decoder(list[ConsentLaw], dec_hook=decode_value)


@dataclass(frozen=True)
class KnownOperators:
    """The facts of each operator that the subject may see, and the position of the read models."""

    position: int
    facts: dict[Tin, RecognitionFacts]
    withdrawn: dict[Tin, datetime] = field(default_factory=dict)

    def of(self, tin: Tin) -> RecognitionFacts:
        """The facts of one operator. A hidden operator has the same empty facts as an unknown
        one, but for the instant of a withdrawal that ended its recognition."""
        return self.facts.get(tin) or RecognitionFacts(None, withdrawn=self.withdrawn.get(tin))


async def facts(
    connection: AsyncConnection[Any],
    scope: VisibilityScope,
    now: datetime,
    tins: Sequence[Tin],
    territory: AdministrationCode | None,
    known: datetime,
) -> KnownOperators:
    """The facts as known at `known` about these operators and the law towards one territory, or,
    where `territory` is None, towards every territory that their agreements lead to.

    `now`: the instant of the request. Both instants in UTC.
    """
    parameters = scope.parameters(now) | {
        "tins": [tin.text for tin in tins],
        "territory": territory.text if territory else None,
        "known": known,
    }
    found: dict[Tin, RecognitionFacts] = {}
    position = 0
    law = RecognitionFacts(None)
    statement = _AT_HOME if scope.is_at_home(parameters["tins"]) else _ALL
    ended: dict[Tin, datetime] = {}
    async with AsyncRawCursor(connection, row_factory=dict_row) as cursor:
        given = statement.values(parameters)
        async for row in await cursor.execute(statement.sql, given, prepare=True):
            position = row["position"]
            if row["tin"] is None:
                continue
            if row["links"] is not None:  # The first row of each home territory has its law.
                law = RecognitionFacts(
                    None,
                    links=_links.decode(row["links"]),
                    members=_members.decode(row["members"]),
                    consent_laws=_consent_laws.decode(row["consent_laws"]),
                    list_as_of=row["list_as_of"],
                    list_cadence=row["list_cadence"],
                )
            tin = Tin(row["tin"])
            found[tin] = replace(
                law,
                tin=tin,
                administration=AdministrationCode(row["administration"]),
                periods=_periods.decode(row["periods"]),
                identifiers=_identifiers.decode(row["identifiers"]),
                consents=_consents.decode(row["consents"]),
            )
        # Only the answer about an operator that is hidden, or is none, can differ by it.
        hidden = [tin.text for tin in tins if tin not in found]
        if hidden and scope.role in ("partner", "officer"):
            given = _ENDED.values(parameters | {"tins": hidden})
            await cursor.execute(_ENDED.sql, given, prepare=True)
            rows = await cursor.fetchall()
            ended = {Tin(row["tin"]): row["ended"] for row in rows if row["ended"]}
    return KnownOperators(position, found, ended)


def territories(facts: RecognitionFacts, at: datetime) -> list[AdministrationCode]:
    """The territories that the agreements in force at `at` lead to, sorted; a bloc stands for its
    members at that instant."""
    found: set[AdministrationCode] = set()
    for link in facts.links:
        if not is_valid_at(link, at) or not _stands_for(link.clause.from_, facts, at):
            continue
        found.add(link.clause.to)
    blocs = {m.bloc for m in facts.members}
    members = {m.member for m in facts.members if m.bloc in found and is_valid_at(m, at)}
    return sorted((found - blocs) | members)


def _stands_for(party: AdministrationCode, facts: RecognitionFacts, at: datetime) -> bool:
    home = facts.administration
    return party == home or any(
        m.bloc == party and m.member == home and is_valid_at(m, at) for m in facts.members
    )


def into(facts: RecognitionFacts, territory: AdministrationCode) -> RecognitionFacts:
    """The facts that matter for one territory, from facts that were read for all of them."""
    blocs = {m.bloc for m in facts.members if m.member == territory} | {territory}
    territories_of_interest = (territory, facts.administration)
    return replace(
        facts,
        links=[link for link in facts.links if link.clause.to in blocs],
        members=[m for m in facts.members if m.member in territories_of_interest],
    )


def unchanged_interval(
    facts: RecognitionFacts, asked: Question
) -> tuple[datetime, datetime | None]:
    """The interval of valid time around `asked.at` in which the outcome and its reasons stay the
    same.

    Half open, in UTC. ALWAYS as the start and None as the end mean no limit. The rule is evaluated
    at each edge of the facts, outwards from the instant; it cannot change anywhere else.
    """

    def at_instant(at: datetime) -> tuple[Any, ...]:
        return verdict(recognise(facts, replace(asked, at=at)))

    return unchanged_around(sorted(edges(facts)), asked.at, at_instant)


def unchanged_around(
    cuts: Sequence[datetime], at: datetime, verdict_at: Callable[[datetime], tuple[Any, ...]]
) -> tuple[datetime, datetime | None]:
    """The interval around an instant in which the verdict stays the same. `cuts`: the only instants
    at which it can change, in order."""
    wanted = verdict_at(at)
    place = bisect_right(cuts, at)
    start = ALWAYS
    for n in range(place - 1, -1, -1):
        if verdict_at(cuts[n - 1] if n else ALWAYS) != wanted:
            start = cuts[n]
            break
    end = next((cut for cut in cuts[place:] if verdict_at(cut) != wanted), None)
    return start, end


def verdict(answer: RecognitionResult) -> tuple[Any, ...]:
    """What a receipt's interval is about: an answer without its bases."""
    return (answer.outcome, answer.legal, answer.operational, answer.reasons)


def edges(facts: RecognitionFacts) -> set[datetime]:
    """Every instant of valid time at which a result from these facts could change."""
    intervals: list[ValidInterval] = [
        *facts.periods,
        *facts.identifiers,
        *facts.consents,
        *facts.links,
        *facts.members,
        *facts.consent_laws,
    ]
    found = {
        edge
        for unchanged_interval in intervals
        for edge in (unchanged_interval.valid_from, unchanged_interval.valid_to)
        if edge
    }
    if facts.list_as_of is not None:
        agreed = {link.clause.max_age_hours for link in facts.links}
        for limit in {age_limit(hours, facts.list_cadence) for hours in agreed} - {None}:
            # A list is stale from the first instant after its maximum age.
            age = timedelta(hours=limit or 0, microseconds=1)
            found.add(facts.list_as_of + age)
    return {edge for edge in found if ALWAYS < edge < NEVER_AT}
