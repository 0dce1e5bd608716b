"""Reads agreements at the as-of instants: status, parties, sides, dates with their uncertainty,
scope clauses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, TypeVar, cast

from psycopg import AsyncConnection
from psycopg.rows import class_row, scalar_row

from projections.reads.administrations import BLOC
from projections.reads.bitemporal_sql import POSITION, AsOf, believed, on_both
from projections.reads.spans import TextRange
from registry.domain.texts import folded

Connection = AsyncConnection[Any]
T = TypeVar("T")


@dataclass(frozen=True)
class AgreementRow:
    """An agreement. `status`: the furthest step that was certainly taken by that instant."""

    id: str
    kind: str
    pillars: list[str]
    title: str
    legal_basis: str | None
    confidence: str | None
    details: dict[str, str]
    source: str | None
    status: str
    position: int
    titles: dict[str, str]
    names: dict[str, dict[str, str]]


_STATUS = (
    "coalesce((select s.status from views.stage s"
    f" where s.agreement = g.id and {on_both('s')} limit 1), 'PROPOSED')"
)
_AGREEMENT = f"""
select g.id, g.kind, g.pillars, g.title, g.legal_basis, g.confidence, g.details, g.source,
    {_STATUS} as status, {POSITION} as position, g.titles, g.names
from views.agreement g where g.registered <= %(known)s"""


async def agreements(
    connection: Connection, as_of: AsOf, ids: Sequence[str]
) -> dict[str, AgreementRow]:
    """The agreements known by then, by id."""
    statement = f"{_AGREEMENT} and g.id = any(%(ids)s::text[])"
    async with connection.cursor(row_factory=class_row(AgreementRow)) as cursor:
        await cursor.execute(statement, as_of.parameters | {"ids": list(ids)})
        return {row.id: row for row in await cursor.fetchall()}


# -------------------------------------------------------------------- lists


@dataclass(frozen=True)
class AgreementSelection:
    """The conditions of a list of agreements. `between`: all of these are parties to it."""

    between: tuple[str, ...] = ()
    kind: str | None = None
    statuses: tuple[str, ...] | None = None
    pillar: str | None = None
    contains: str | None = None

    @property
    def parameters(self) -> dict[str, Any]:
        """The parameters of the SQL conditions."""
        return {
            "between": list(self.between),
            "kind": self.kind,
            "statuses": list(self.statuses or ()),
            "pillar": self.pillar,
            "contains": folded(self.contains or "").split(),
        }


def _party(code: str) -> str:
    """SQL: the territory, or a bloc that it belonged to on that day, was a party on that day."""
    return f"""exists (select from views.party p where p.agreement = g.id and {on_both("p")}
        and (p.party = {code} or p.party in (select b.bloc from bloc b where b.member = {code})))"""


_ASKED = {
    "between": f"""not exists (select from unnest(%(between)s::text[]) as one (code)
        where not {_party("one.code")})""",
    "kind": "g.kind = %(kind)s",
    "statuses": f"{_STATUS} = any(%(statuses)s::text[])",
    "pillar": "%(pillar)s = any(g.pillars)",
    # Every word must occur in the agreement's text. It is not a LIKE pattern, so % means itself.
    "contains": """not exists (select from unnest(%(contains)s::text[]) as word (part)
        where position(word.part in g.words) = 0)""",
}


async def page(
    connection: Connection, as_of: AsOf, wanted: AgreementSelection, span: TextRange
) -> Sequence[AgreementRow]:
    """A part of the list, in the order of ids."""
    statement = f"with {BLOC} {_AGREEMENT}{_where(wanted)}{span.sql('g.id')}"
    parameters = as_of.parameters | wanted.parameters | span.parameters
    async with connection.cursor(row_factory=class_row(AgreementRow)) as cursor:
        await cursor.execute(statement, parameters)
        return span.in_order(await cursor.fetchall())


async def count(connection: Connection, as_of: AsOf, wanted: AgreementSelection) -> int:
    """Returns the number of agreements that meet the conditions."""
    statement = (
        f"with {BLOC} select count(*) from views.agreement g"
        f" where g.registered <= %(known)s{_where(wanted)}"
    )
    async with connection.cursor(row_factory=scalar_row) as cursor:
        await cursor.execute(statement, as_of.parameters | wanted.parameters)
        return cast(int, await cursor.fetchone())


def _where(wanted: AgreementSelection) -> str:
    asked = [sql for name, sql in _ASKED.items() if getattr(wanted, name) not in (None, ())]
    return "".join(f" and {sql}" for sql in asked)


# ----------------------------------------------- what belongs to an agreement


async def parties(connection: Connection, as_of: AsOf, ids: Sequence[str]) -> dict[str, list[str]]:
    """The parties on that day, sorted."""
    statement = f"""select p.agreement, p.party from views.party p
    where p.agreement = any(%(ids)s::text[]) and {on_both("p")} order by p.agreement, p.party"""
    found: dict[str, list[str]] = {id: [] for id in ids}
    async with connection.cursor() as cursor:
        await cursor.execute(statement, as_of.parameters | {"ids": list(ids)})
        for agreement, party in await cursor.fetchall():
            found[agreement].append(party)
    return found


@dataclass(frozen=True)
class SideRow:
    """A party's side. `implemented_from`: only where the day is certain. `earliest` and `latest`:
    the interval in which it lies; `is_over`: that interval has passed at the as-of instant."""

    agreement: str
    party: str
    implemented_from: date | None
    suspended: bool
    earliest: date | None
    latest: date | None
    is_over: bool


async def sides(
    connection: Connection, as_of: AsOf, ids: Sequence[str]
) -> dict[str, list[SideRow]]:
    """Returns the sides of each agreement as of two instants."""
    statement = f"""
    select s.agreement, s.party, s.implemented_from, s.suspended, d.earliest, d.latest, d.is_over
    from views.side s
    cross join lateral (
        select min(d.earliest) as earliest, max(d.latest) as latest,
            coalesce(max(d.by_at) <= %(at)s, false) as is_over
        from views.dated d
        where d.agreement = s.agreement and d.what = 'IMPLEMENTED' and d.side = s.party
            and {believed("d")} and d.term = (
                select min(e.term) from views.dated e
                where e.agreement = s.agreement and e.what = 'IMPLEMENTED' and e.side = s.party
                    and {believed("e")} and (e.over_at is null or e.over_at > %(at)s))
    ) d
    where s.agreement = any(%(ids)s::text[]) and {on_both("s")} and exists (
        select from views.party p
        where p.agreement = s.agreement and p.party = s.party and {on_both("p")})
    order by s.agreement, s.party"""
    async with connection.cursor(row_factory=class_row(SideRow)) as cursor:
        await cursor.execute(statement, as_of.parameters | {"ids": list(ids)})
        return _by_agreement(ids, await cursor.fetchall())


@dataclass(frozen=True)
class DateRow:
    """The day of a step, or the interval it lies in.

    `latest` is 9999-12-31 where the step may never have been taken. Conflicting sources give
    several rows. `term`: of a side's implementation, from 1.
    """

    agreement: str
    what: str
    side: str | None
    term: int | None
    earliest: date
    latest: date
    source: str | None
    assumed: bool
    note: str | None


async def dates(
    connection: Connection, as_of: AsOf, ids: Sequence[str]
) -> dict[str, list[DateRow]]:
    """All dates known by then, before or after the valid time asked about."""
    statement = f"""
    select d.agreement, d.what, d.side, d.term, d.earliest, d.latest, d.source, d.assumed, d.note
    from views.dated d where d.agreement = any(%(ids)s::text[]) and {believed("d")}
    order by d.agreement, d.earliest, d.latest, d.what, d.side nulls first, d.source, d.note"""
    async with connection.cursor(row_factory=class_row(DateRow)) as cursor:
        await cursor.execute(statement, as_of.parameters | {"ids": list(ids)})
        return _by_agreement(ids, await cursor.fetchall())


@dataclass(frozen=True)
class ScopeRow:
    """A scope clause.

    Its days are civil days of the recognising side, each as the interval in which it lies; None
    where it has no beginning, or no end, of its own. `state` is that at the as-of instants.
    """

    agreement: str
    ordinal: int
    from_party: str
    to_party: str
    programmes: list[str]
    types: list[str]
    roles: list[str]
    direction: str | None
    hs: list[str]
    crossings: list[str]
    modes: list[str]
    identifier_scheme: str | None
    declaration_box: str | None
    benefits: list[str]
    consent_required: bool
    max_age_hours: int | None
    state: str
    assumed: bool
    begins_earliest: date | None
    begins_latest: date | None
    ends_earliest: date | None
    ends_latest: date | None


async def scopes(
    connection: Connection, as_of: AsOf, ids: Sequence[str]
) -> dict[str, list[ScopeRow]]:
    """The clauses in force on that day, in the order in which they were recorded."""
    statement = f"""
    select l.agreement, l.ordinal, l.from_party, l.to_party, l.programmes, l.types, l.roles,
        l.direction, l.hs, l.crossings, l.modes, l.identifier_scheme, l.declaration_box,
        l.benefits, l.consent_required, l.max_age_hours, l.state, l.assumed,
        l.begins_earliest, l.begins_latest, l.ends_earliest, l.ends_latest
    from views.link l
    where l.agreement = any(%(ids)s::text[]) and l.ordinal > 0 and {on_both("l")}
    order by l.agreement, l.ordinal"""
    async with connection.cursor(row_factory=class_row(ScopeRow)) as cursor:
        await cursor.execute(statement, as_of.parameters | {"ids": list(ids)})
        return _by_agreement(ids, await cursor.fetchall())


def _by_agreement(ids: Sequence[str], rows: Sequence[T]) -> dict[str, list[T]]:
    found: dict[str, list[T]] = {id: [] for id in ids}
    for row in rows:
        found[cast(Any, row).agreement].append(row)
    return found


# ----------------------------------------------------------------- partners


@dataclass(frozen=True)
class PartnerRow:
    """A territory on the other side. `recognises`: the territory asked about recognises its
    AEOs."""

    territory: str
    agreements: list[str]
    recognises: bool
    recognised_by: bool
    blocs: list[str]


def _live(home: str, importer: str) -> str:
    """SQL: a live clause with something in its scope, by which `importer` recognises `home`."""
    return f"""exists (select from views.link l
        where l.kind = %(kind)s and l.state = 'LIVE' and l.types <> '{{}}' and {on_both("l")}
            and l.from_party in {home} and l.to_party in {importer})"""


_OURS = "(select o.party from ours o)"
_THEIRS = "(select t.territory union select b.bloc from bloc b where b.member = t.territory)"

PARTNERS = f"""
with {BLOC},
ours as materialized (
    select %(of)s::text as party union select b.bloc from bloc b where b.member = %(of)s
),
sat as materialized (
    select p.agreement, p.party from views.party p join views.agreement g on g.id = p.agreement
    where g.kind = %(kind)s and g.registered <= %(known)s and {on_both("p")}
        and {_STATUS} = any(%(statuses)s::text[])
),
there as (
    select s.agreement, coalesce(b.member, s.party) as territory, b.bloc
    from sat s left join bloc b on b.bloc = s.party
    where s.agreement in (select mine.agreement from sat mine where mine.party in {_OURS})
        and s.party not in {_OURS}
),
territories as (
    select t.territory, array_agg(distinct t.agreement order by t.agreement) as agreements,
        coalesce(array_agg(distinct t.bloc order by t.bloc) filter (where t.bloc is not null),
            '{{}}') as blocs
    from there t where t.territory <> %(of)s group by t.territory
)
select t.territory, t.agreements, t.blocs,
    {_live(_THEIRS, _OURS)} as recognises, {_live(_OURS, _THEIRS)} as recognised_by
from territories t order by t.territory"""


async def partners(
    connection: Connection, as_of: AsOf, of: str, kind: str, statuses: Sequence[str]
) -> list[PartnerRow]:
    """Every territory with which an agreement of that kind and status was on record, sorted.

    A bloc stands for its members of that day. The agreements of the asked territory's own bloc
    count too.
    """
    parameters = {"of": of, "kind": kind, "statuses": list(statuses)}
    async with connection.cursor(row_factory=class_row(PartnerRow)) as cursor:
        await cursor.execute(PARTNERS, as_of.parameters | parameters)
        return await cursor.fetchall()
