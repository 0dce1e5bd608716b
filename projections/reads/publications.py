"""Reads what others published: claims, compared with the register's own counts, documents, and
their targets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import class_row

from projections.reads import agreements
from projections.reads.administrations import BLOC
from projections.reads.agreements import PartnerRow
from projections.reads.bitemporal_sql import AsOf, believed, on_both
from projections.reads.spans import TextRange
from registry.domain.decisions import start_of_day
from registry.domain.texts import folded
from registry.domain.values import AdministrationCode, Dates

Connection = AsyncConnection[Any]

_BY_THEN = ("SIGNED", "PILOT", "IN_FORCE", "SUSPENDED")
RECOGNITION = "AEO_MUTUAL_RECOGNITION"
#: By the measure of a claim about partners: what is counted, and in which stages of an agreement.
PARTNER_MEASURES: dict[str, tuple[str, Sequence[str]]] = {
    "aeo_partner_territories_signed": ("territories", _BY_THEN),
    "aeo_partner_territories_implemented": ("territories", ("IN_FORCE",)),
    "aeo_partner_economies_signed": ("economies", _BY_THEN),
    "aeo_partner_economies_implemented": ("economies", ("IN_FORCE",)),
}


def last_instant(day: date, zone: str) -> datetime:
    """The last instant (UTC) of a civil day in a time zone: what was so on that day was so by
    then."""
    return start_of_day(day + timedelta(days=1), zone) - timedelta(microseconds=1)


# ------------------------------------------------------------------- claims


@dataclass(frozen=True)
class ClaimRow:
    """A claim. `precision`: how exactly the source dates it: day, month or year."""

    subject: str
    time_zone: str
    measure: str
    value: int
    as_of: date
    precision: str | None
    text: str | None
    source: str


async def claims(
    connection: Connection, known: datetime, subject: str | None, measure: str | None
) -> list[ClaimRow]:
    """Claims by subject, measure and day; on one day by the claimed value and the claimant."""
    statement = """
    select c.subject, coalesce(a.time_zone, 'UTC') as time_zone, c.measure, c.value, c.as_of,
        c.precision, c.text, c.source
    from views.claim c left join views.administration a on a.code = c.subject
    where c.recorded_from <= %(known)s
        and (%(subject)s::text is null or c.subject = %(subject)s)
        and (%(measure)s::text is null or c.measure = %(measure)s)
    order by c.subject, c.measure, c.as_of, c.value, c.source"""
    parameters = {"known": known, "subject": subject, "measure": measure}
    async with connection.cursor(row_factory=class_row(ClaimRow)) as cursor:
        await cursor.execute(statement, parameters)
        return await cursor.fetchall()


@dataclass(frozen=True)
class Counted:
    """The register's own count: the parties in it, and those that may have been in it by then.

    `of`: what was counted: territories, economies, documents or partners. `parties`: each with the
    number of territories that it stands for, 0 where it is no bloc. `perhaps`: each with the
    interval in which it signed.
    """

    number: int
    of: str
    parties: tuple[tuple[str, int], ...]
    perhaps: tuple[tuple[str, Dates], ...]


async def count(connection: Connection, claim: ClaimRow, known: datetime) -> Counted | None:
    """The register's own count for a claim's question and day; None where the register counts
    nothing of the kind."""
    as_of = AsOf(last_instant(claim.as_of, claim.time_zone), known)
    signed = claim.measure.endswith("_signed")
    if claim.measure in ("cooperation_documents", "cooperation_partners"):
        return await _cooperation(connection, as_of, claim)
    if claim.measure not in PARTNER_MEASURES:
        return None
    what, statuses = PARTNER_MEASURES[claim.measure]
    rows = await agreements.partners(connection, as_of, claim.subject, RECOGNITION, statuses)
    parties = _economies(rows)
    found = await _uncertain(
        connection, as_of, claim.subject, "SIGNED" if signed else "IMPLEMENTED"
    )
    counted = {party for row in rows for party in (row.territory, *row.blocs)}
    perhaps = tuple((party, dates) for party, dates in found if party not in counted)
    return Counted(len(parties) if what == "economies" else len(rows), what, parties, perhaps)


def _economies(rows: Sequence[PartnerRow]) -> tuple[tuple[str, int], ...]:
    """A bloc counts once, however many territories it stands for."""
    alone = {row.territory: 0 for row in rows if not row.blocs}
    blocs = {bloc: sum(bloc in r.blocs for r in rows) for row in rows for bloc in row.blocs}
    return tuple(sorted((alone | blocs).items()))


async def _cooperation(connection: Connection, as_of: AsOf, claim: ClaimRow) -> Counted:
    """Documents of every kind on record as signed by then, or the parties they were signed with."""
    wanted = agreements.AgreementSelection(between=(claim.subject,), statuses=_BY_THEN)
    if claim.measure == "cooperation_documents":
        number = await agreements.count(connection, as_of, wanted)
        return Counted(number, "documents", (), ())
    statement = f"""with {BLOC}
    select distinct coalesce(b.member, p.party) as territory
    from views.party p
    left join bloc b on b.bloc = p.party
    join views.agreement g on g.id = p.agreement and g.registered <= %(known)s
    where {on_both("p")} and p.party <> %(subject)s and exists (
            select from views.party q
            where q.agreement = p.agreement and q.party = %(subject)s and {on_both("q")})
        and exists (
            select from views.stage s
            where s.agreement = p.agreement and s.status = any(%(statuses)s::text[])
                and {on_both("s")})
    order by territory"""
    parameters = {"subject": claim.subject, "statuses": list(_BY_THEN)}
    async with connection.cursor() as cursor:
        await cursor.execute(statement, as_of.parameters | parameters)
        found = tuple((str(row[0]), 0) for row in await cursor.fetchall())
    return Counted(len(found), "partners", found, ())


async def _uncertain(
    connection: Connection, as_of: AsOf, subject: str, what: str
) -> list[tuple[str, Dates]]:
    """The parties for which no source says whether the step was taken by then or later."""
    statement = f"""
    select p.party, min(d.earliest), max(d.latest)
    from views.dated d
    join views.agreement g on g.id = d.agreement and g.kind = %(kind)s
    join views.party p on p.agreement = d.agreement and p.party <> %(subject)s and {on_both("p")}
    where d.what = %(what)s and {believed("d")} and exists (
        select from views.party q
        where q.agreement = d.agreement and q.party = %(subject)s and {on_both("q")})
    group by p.party, d.agreement
    having min(d.from_at) <= %(at)s and max(d.by_at) > %(at)s
    order by p.party, min(d.earliest), max(d.latest)"""
    parameters = {"subject": subject, "what": what, "kind": RECOGNITION}
    async with connection.cursor() as cursor:
        await cursor.execute(statement, as_of.parameters | parameters)
        return [(party, Dates(first, last)) for party, first, last in await cursor.fetchall()]


# ---------------------------------------------------------------- documents


@dataclass(frozen=True)
class DocumentRow:
    """A document as it reads by its amendments."""

    id: str
    title: str
    dated: date | None
    parties: list[str]
    measures: list[str]
    agreements: list[str]
    text: str | None
    confidence: str | None
    source: str
    titles: dict[str, str]
    language: str | None
    measure_names: dict[str, dict[str, str]]
    quotation: str | None
    note: str | None


_DOCUMENT = """
select d.id, d.title, d.dated, d.parties, d.measures, d.agreements, d.text, d.confidence,
    d.source, d.titles, d.language, d.measure_names, d.quotation, d.note
from views.document d"""


async def documents(
    connection: Connection,
    known: datetime,
    party: str | None,
    contains: str | None,
    span: TextRange,
) -> Sequence[DocumentRow]:
    """A part of the list, in the order of ids. Every word of `contains` occurs somewhere in the
    document's text."""
    statement = f"""{_DOCUMENT}
    where d.recorded_from <= %(known)s and (%(party)s::text is null or %(party)s = any(d.parties))
        and not exists (
            select from unnest(%(words)s::text[]) as word (part)
            where position(word.part in d.words) = 0)
    {span.sql("d.id")}"""
    asked = {"known": known, "party": party, "words": folded(contains or "").split()}
    async with connection.cursor(row_factory=class_row(DocumentRow)) as cursor:
        await cursor.execute(statement, asked | span.parameters)
        return span.in_order(await cursor.fetchall())


async def by_id(
    connection: Connection, known: datetime, ids: Sequence[str]
) -> dict[str, DocumentRow]:
    """Those of these documents that were on record by then."""
    statement = f"{_DOCUMENT} where d.recorded_from <= %(known)s and d.id = any(%(ids)s::text[])"
    async with connection.cursor(row_factory=class_row(DocumentRow)) as cursor:
        await cursor.execute(statement, {"known": known, "ids": list(ids)})
        return {row.id: row for row in await cursor.fetchall()}


# ------------------------------------------------------------------ targets


@dataclass(frozen=True)
class TargetRow:
    """A target of a document. `time_zone`: that of its owner, in which the deadline is a civil
    day."""

    document: str
    target: str
    owner: str | None
    time_zone: str
    text: str
    deadline: date | None
    relation: str | None
    condition: str | None
    states: list[str]
    willing: dict[str, str]
    source: str
    quotation: str | None
    note: str | None


async def targets(connection: Connection, known: datetime, owner: str | None) -> list[TargetRow]:
    """The targets that were on record by then, by document and name."""
    statement = """
    select t.document, t.target, t.owner, coalesce(a.time_zone, 'UTC') as time_zone, t.text,
        t.deadline, t.relation, t.condition, t.states, t.willing, t.source,
        t.quotation, t.note
    from views.target t left join views.administration a on a.code = t.owner
    where t.recorded_from <= %(known)s and (%(owner)s::text is null or t.owner = %(owner)s)
    order by t.document, t.target"""
    async with connection.cursor(row_factory=class_row(TargetRow)) as cursor:
        await cursor.execute(statement, {"known": known, "owner": owner})
        return await cursor.fetchall()


@dataclass(frozen=True)
class SignatureRow:
    """When an agreement was signed."""

    agreement: str
    dates: Dates


async def signatures(
    connection: Connection, as_of: AsOf, target: TargetRow
) -> dict[AdministrationCode, list[SignatureRow]]:
    """For each target state, when each agreement of its relation with the owner was signed.

    What a bloc signed counts for its members on the day in `as_of`. Where sources of one agreement
    conflict, the shortest interval that contains them all is returned.
    """
    statement = f"""with {BLOC}
    select state.code, g.id, min(d.earliest), max(d.latest)
    from unnest(%(states)s::text[]) as state (code)
    join views.party p on {on_both("p")} and (p.party = state.code
        or p.party in (select b.bloc from bloc b where b.member = state.code))
    join views.agreement g on g.id = p.agreement and g.kind = %(relation)s
    join views.dated d on d.agreement = g.id and d.what = 'SIGNED' and {believed("d")}
    where exists (
        select from views.party q
        where q.agreement = g.id and q.party <> p.party and {on_both("q")} and (q.party = %(owner)s
            or q.party in (select b.bloc from bloc b where b.member = %(owner)s)))
    group by state.code, g.id
    order by state.code, g.id"""
    asked = {"states": target.states, "relation": target.relation, "owner": target.owner}
    found: dict[AdministrationCode, list[SignatureRow]] = {}
    async with connection.cursor() as cursor:
        await cursor.execute(statement, as_of.parameters | asked)
        for code, agreement, earliest, latest in await cursor.fetchall():
            row = SignatureRow(agreement, Dates(earliest, latest))
            found.setdefault(AdministrationCode(code), []).append(row)
    return found
