"""Reads operators as of two instants: SELECTs restricted to what the subject may see."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, cast
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.rows import class_row, scalar_row

from projections.models.operator_snapshot import particulars_of
from projections.reads.bitemporal_sql import POSITION, AsOf, believed, on_both
from projections.reads.events import COLUMNS, EventRow, Readable
from projections.reads.visibility import (
    VISIBILITY_CTES,
    VISIBLE,
    VISIBLE_NOW,
    VisibilityScope,
    disclosed,
)
from registry.domain.consent import TO_ALL_ADEQUATE
from registry.domain.disclosure import (
    CERTIFIED,
    DisclosedInterval,
    disclosed_flags,
    disclosed_intervals,
)
from registry.domain.identifiers import normal_form
from registry.domain.values import Status, Tin

Connection = AsyncConnection[Any]

#: SQL: the statuses, best first.
_RANK = "array[" + ", ".join(f"'{status.value}'" for status in Status) + "]"


def _best(column: str) -> str:
    """SQL: the best standing among the operator's authorisations at the as-of instants."""
    return (
        f"coalesce((select p.{column} from views.status_period p"
        f" where p.tin = o.tin and {on_both('p')} and {disclosed('p')}"
        f" order by array_position({_RANK}, p.{column}) limit 1), 'NONE')"
    )


STANDING, _STANDING_ABROAD = _best("status"), _best("abroad")
#: The particulars at the instant of valid time; for an instant before the first ones, the first
#: ones.
NAMED = (
    f"(select {particulars_of('n')}, n.folded from views.particulars n"
    f" where n.tin = o.tin and {believed('n')}"
    " order by greatest(n.valid_from, %(at)s), n.valid_from desc limit 1)"
)


@dataclass(frozen=True)
class OperatorRow:
    """An operator. `source` is "synthetic" for generated operators."""

    tin: str
    id: UUID
    administration: str
    time_zone: str
    source: str | None
    name: str
    local_name: str | None
    address: str | None
    roles: list[str]
    successor: str | None
    standing: str
    standing_abroad: str
    position: int


OPERATOR = f"""
select o.tin, o.id, o.administration, o.time_zone, o.source, {particulars_of("n")},
    {STANDING} as standing, {_STANDING_ABROAD} as standing_abroad, {POSITION} as position
from views.operator o
cross join lateral {NAMED} n
where o.registered <= %(known)s and {VISIBLE}"""


#: SQL: takes the decision of row-level security on an operator that does not exist, so that the
#: time does not tell it from one that is hidden (decision 0265).
_NOTHING_OF = "select access.nothing_of(%s) is null"
_NOTHING_AT = "select access.nothing_at(%s) is null"


async def operators(
    connection: Connection, scope: VisibilityScope, now: datetime, as_of: AsOf, tins: Sequence[Tin]
) -> dict[str, OperatorRow]:
    """Those of these operators that are known and visible, by TIN."""
    statement = f"with {VISIBILITY_CTES} {OPERATOR} and o.tin = any(%(tins)s::text[])"
    asked = statement_parameters(scope, now, as_of) | {"tins": [tin.text for tin in tins]}
    async with connection.cursor(row_factory=class_row(OperatorRow)) as cursor:
        await cursor.execute(statement, asked)
        found = {row.tin: row for row in await cursor.fetchall()}
        missing = [tin.text for tin in tins if tin.text not in found]
        if len(missing) == 1:
            await cursor.execute(_NOTHING_OF, missing)
    return found


async def visible(
    connection: Connection, scope: VisibilityScope, now: datetime, tins: Sequence[str]
) -> set[str]:
    """Those of these TINs that the subject may see now."""
    statement = (
        f"with {VISIBILITY_CTES} select o.tin from views.operator o"
        f" where o.tin = any(%(tins)s::text[]) and {VISIBLE_NOW}"
    )
    async with connection.cursor(row_factory=scalar_row) as cursor:
        await cursor.execute(statement, scope.parameters(now) | {"tins": list(tins)})
        return set(await cursor.fetchall())


@dataclass(frozen=True)
class EndedConsent:
    """The end of an operator's consent to a territory: the operator `tin`, the instant `valid_to`
    (UTC) from which the consent counts no more, and the `position` of the event that ended it."""

    tin: str
    valid_to: datetime
    position: int


async def ended_consents(
    connection: Connection, territory: str, tins: Sequence[str], now: datetime
) -> list[EndedConsent]:
    """The consents of these operators to a territory, to its blocs and to all adequate partners,
    that ended by now."""
    statement = """
    select c.tin, c.valid_to, c.position from views.consent c
    where c.tin = any(%(tins)s::text[]) and c.recorded_to is null and c.valid_to <= %(now)s
      and (c.partner = %(all)s or c.partner = any(rule.parties(%(territory)s, %(now)s, %(now)s)))"""
    given = {"tins": list(tins), "now": now, "territory": territory, "all": TO_ALL_ADEQUATE}
    async with connection.cursor(row_factory=class_row(EndedConsent)) as cursor:
        await cursor.execute(statement, given)
        return await cursor.fetchall()


async def of_stream(
    connection: Connection, scope: VisibilityScope, now: datetime, stream: UUID
) -> str | None:
    """The operator of this stream, if the subject may see it now."""
    statement = f"""
    with {VISIBILITY_CTES}
    select o.tin from views.operator o where o.id = %(stream)s and {VISIBLE_NOW}"""
    async with connection.cursor(row_factory=scalar_row) as cursor:
        await cursor.execute(statement, scope.parameters(now) | {"stream": stream})
        return cast("str | None", await cursor.fetchone())


async def holders(
    connection: Connection,
    scope: VisibilityScope,
    now: datetime,
    as_of: AsOf,
    number: str,
    administration: str | None = None,
) -> list[OperatorRow]:
    """The visible operators with a certificate of this number, in any spelling, sorted by TIN; ten
    at most.

    Two administrations may use the same number, and one may have given a number twice.
    """
    statement = f"""with {VISIBILITY_CTES} {OPERATOR} and o.tin in (
        select c.tin from views.certificate c where c.normal = %(number)s and {believed("c")})
    and (%(administration)s::text is null or o.administration = %(administration)s)
    order by o.tin limit 10"""
    asked = {"number": normal_form(number), "administration": administration}
    async with connection.cursor(row_factory=class_row(OperatorRow)) as cursor:
        await cursor.execute(statement, statement_parameters(scope, now, as_of) | asked)
        found = await cursor.fetchall()
        if not found:
            await cursor.execute(_NOTHING_AT, [number])
    return found


# No visibility condition here: the operator was already read with one.


@dataclass(frozen=True)
class AuthorisationRow:
    """An authorisation. `since`: the start of the interval of valid time in which its status has
    been the same."""

    tin: str
    authorisation: str
    number: str | None
    programme: str
    type: str
    status: str
    abroad: str
    roles: list[str]
    since: datetime
    effective_from: date | None
    valid_until: date | None
    flags: list[str]


async def authorisations(
    connection: Connection, as_of: AsOf, tins: Sequence[str]
) -> dict[str, list[AuthorisationRow]]:
    """Every authorisation on record at the as-of instants, best standing first."""
    statement = f"""
    select p.tin, p.authorisation, p.number, p.programme, p.type, p.status, p.abroad, p.roles,
        p.effective_from, p.valid_until, p.flags,
        (select min(q.valid_from) from views.status_period q
            where q.tin = p.tin and q.authorisation = p.authorisation and q.status = p.status
                and q.valid_from <= p.valid_from and {believed("q")} and not exists (
                    select from views.status_period r
                    where r.tin = p.tin and r.authorisation = p.authorisation
                        and r.status <> p.status and {believed("r")}
                        and r.valid_from > q.valid_from and r.valid_from < p.valid_from)
        ) as since
    from views.status_period p
    where p.tin = any(%(tins)s::text[]) and {on_both("p")}
    order by p.tin, array_position({_RANK}, p.status), p.authorisation"""
    async with connection.cursor(row_factory=class_row(AuthorisationRow)) as cursor:
        await cursor.execute(statement, as_of.parameters | {"tins": list(tins)})
        return _by_tin(tins, await cursor.fetchall())


@dataclass(frozen=True)
class DeadlineRow:
    """A deadline. `met_on`: the day on which it was met. Days are civil days of the home
    administration. `due` is None, and `rule` the name of the rule, where the rule that may have set
    it is unknown."""

    tin: str
    authorisation: str
    what: str
    due: date | None
    rule: str
    met_on: date | None
    ordinal: int


async def deadlines(connection: Connection, tins: Sequence[str]) -> dict[str, list[DeadlineRow]]:
    """The deadlines that rules set, by the last event, without those that became void."""
    statement = """
    select d.tin, d.authorisation, d.what, d.due, d.rule, d.met_on, d.ordinal from views.deadline d
    where d.tin = any(%(tins)s::text[]) and not d.dropped
    order by d.tin, d.due, d.ordinal"""
    async with connection.cursor(row_factory=class_row(DeadlineRow)) as cursor:
        await cursor.execute(statement, {"tins": list(tins)})
        return _by_tin(tins, await cursor.fetchall())


@dataclass(frozen=True)
class IdentifierRow:
    """An identifier. Its days are civil days of the home administration."""

    tin: str
    scheme: str
    value: str
    issuer: str | None
    verified_by: str | None
    valid_from: date | None
    valid_to: date | None


async def identifiers(
    connection: Connection, as_of: AsOf, tins: Sequence[str]
) -> dict[str, list[IdentifierRow]]:
    """Returns the identifiers of each operator as of two instants."""
    statement = f"""
    select i.tin, i.scheme, i.value, i.issuer, i.verified_by,
        i.from_day as valid_from, i.to_day as valid_to
    from views.identifier i
    where i.tin = any(%(tins)s::text[]) and {on_both("i")}
    order by i.tin, i.scheme, i.value, i.valid_from"""
    async with connection.cursor(row_factory=class_row(IdentifierRow)) as cursor:
        await cursor.execute(statement, as_of.parameters | {"tins": list(tins)})
        return _by_tin(tins, await cursor.fetchall())


@dataclass(frozen=True)
class PeriodRow:
    """A status in an interval of valid time and of transaction time. `position`: of the event from
    which on it was known."""

    tin: str
    authorisation: str
    number: str | None
    status: str
    abroad: str
    flags: list[str]
    ground: str | None
    valid_from: datetime
    valid_to: datetime | None
    recorded_from: datetime
    recorded_to: datetime | None
    position: int


async def periods(
    connection: Connection, known: datetime, first: int, tins: Sequence[str]
) -> dict[str, list[PeriodRow]]:
    """All periods ever known by `known`, newest valid time first; at most `first` for each
    operator."""
    statement = """
    select p.tin, p.authorisation, p.number, p.status, p.abroad, p.flags, p.ground, p.valid_from,
        p.valid_to, p.recorded_from, p.position,
        case when p.recorded_to <= %(known)s then p.recorded_to end as recorded_to
    from unnest(%(tins)s::text[]) as asked (tin)
    cross join lateral (
        select * from views.status_period p
        where p.tin = asked.tin and p.recorded_from <= %(known)s
        order by p.valid_from desc, p.recorded_from desc, p.authorisation collate "C",
            p.position desc
        limit %(first)s
    ) p
    order by p.tin, p.valid_from desc, p.recorded_from desc, p.authorisation collate "C",
        p.position desc"""
    async with connection.cursor(row_factory=class_row(PeriodRow)) as cursor:
        await cursor.execute(statement, {"tins": list(tins), "known": known, "first": first})
        return _by_tin(tins, await cursor.fetchall())


async def disclosed_periods(
    connection: Connection, known: datetime, first: int, tins: Sequence[str]
) -> dict[str, list[PeriodRow]]:
    """The periods as shown outside the home administration: certified statuses without grounds,
    without edges at which nothing disclosed changes (registry.domain.disclosure)."""
    statement = """
    select p.tin, p.authorisation, p.number, p.status, p.abroad, p.flags,
        jsonb_build_array(p.programme, p.type, p.roles, p.effective_from, p.valid_until)::text,
        p.valid_from, p.valid_to, p.recorded_from, p.recorded_to
    from views.status_period p
    where p.tin = any(%(tins)s::text[]) and p.recorded_from <= %(known)s"""
    by_tin: dict[str, list[DisclosedInterval[tuple[Any, ...]]]] = {tin: [] for tin in tins}
    async with connection.cursor() as cursor:
        await cursor.execute(statement, {"tins": list(tins), "known": known})
        for row in await cursor.fetchall():
            tin, authorisation, number, status, abroad, flags, more, *clocks = row
            if Status(status) in CERTIFIED:
                parts = tuple(disclosed_flags(flags))
                says = (authorisation, number, status, abroad, parts, more)
                by_tin[tin].append(DisclosedInterval(says, *clocks))
    return {
        tin: [
            PeriodRow(
                tin,
                disclosed_interval.fact[0],
                disclosed_interval.fact[1],
                disclosed_interval.fact[2],
                disclosed_interval.fact[3],
                list(disclosed_interval.fact[4]),
                None,
                disclosed_interval.valid_from,
                disclosed_interval.valid_to,
                disclosed_interval.recorded_from,
                disclosed_interval.recorded_to,
                0,
            )
            for disclosed_interval in _newest_first(disclosed_intervals(intervals, known))[:first]
        ]
        for tin, intervals in by_tin.items()
    }


def _newest_first(
    intervals: list[DisclosedInterval[tuple[Any, ...]]],
) -> list[DisclosedInterval[tuple[Any, ...]]]:
    found = sorted(intervals, key=lambda disclosed_interval: str(disclosed_interval.fact[0]))
    return sorted(
        found,
        key=lambda disclosed_interval: (
            disclosed_interval.valid_from,
            disclosed_interval.recorded_from,
        ),
        reverse=True,
    )


async def events_at(
    connection: Connection, readable: Readable, positions: Sequence[int]
) -> dict[int, EventRow]:
    """The events at these positions, with the versions that the subject is shown."""
    statement = (
        f"select {COLUMNS} from ledger.event e where e.position = any(%(positions)s::int8[])"
    )
    async with connection.cursor(row_factory=class_row(EventRow)) as cursor:
        await cursor.execute(statement, {"positions": list(positions)} | readable.parameters)
        return {row.position: row for row in await cursor.fetchall()}


def _by_tin(tins: Sequence[str], rows: Sequence[Any]) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {tin: [] for tin in tins}
    for row in rows:
        found[row.tin].append(row)
    return found


def statement_parameters(scope: VisibilityScope, now: datetime, as_of: AsOf) -> dict[str, Any]:
    """The parameters of every statement about operators."""
    return scope.parameters(now) | as_of.parameters
