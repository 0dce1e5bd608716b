"""Reads programmes: their types and rules of a day, and how many operators hold them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import class_row

from projections.reads.bitemporal_sql import AsOf, believed, on_both
from registry.domain.texts import folded

Connection = AsyncConnection[Any]


@dataclass(frozen=True)
class ProgrammeRow:
    """A programme. `types` are those in force at the as-of instants; the other texts are quoted
    from the source."""

    code: str
    administration: str
    name: str
    local_name: str | None
    types: list[str]
    launched: str | None
    operators_described: str | None
    confidence: str | None
    source: str | None


_PROGRAMME = f"""
select p.code, p.administration, p.name, p.local_name, p.launched, p.operators_described,
    p.confidence, p.source,
    coalesce((select t.types from views.programme_type t
        where t.programme = p.code and {on_both("t")} limit 1), '{{}}') as types
from views.programme p"""


async def programmes(
    connection: Connection, as_of: AsOf, codes: Sequence[str]
) -> dict[str, ProgrammeRow]:
    """Programmes by code, whenever they were registered."""
    statement = f"{_PROGRAMME} where p.code = any(%(codes)s::text[])"
    async with connection.cursor(row_factory=class_row(ProgrammeRow)) as cursor:
        await cursor.execute(statement, as_of.parameters | {"codes": list(codes)})
        return {row.code: row for row in await cursor.fetchall()}


async def known(connection: Connection, as_of: AsOf, code: str) -> ProgrammeRow | None:
    """One programme, where the register knew it by then."""
    statement = f"{_PROGRAMME} where p.code = %(code)s and p.recorded_from <= %(known)s"
    async with connection.cursor(row_factory=class_row(ProgrammeRow)) as cursor:
        await cursor.execute(statement, as_of.parameters | {"code": code})
        return await cursor.fetchone()


async def containing(connection: Connection, as_of: AsOf, words: str) -> list[ProgrammeRow]:
    """Programmes by code that were known by then and contain every word in the code, the names, the
    source, or the sources of their rules of any day."""
    statement = f"""{_PROGRAMME} where p.recorded_from <= %(known)s and not exists (
        select from unnest(%(words)s::text[]) as word (part)
        where strpos(p.words collate "C", word.part) = 0)
    order by p.code"""
    async with connection.cursor(row_factory=class_row(ProgrammeRow)) as cursor:
        await cursor.execute(statement, as_of.parameters | {"words": folded(words).split()})
        return await cursor.fetchall()


async def of_administrations(
    connection: Connection, as_of: AsOf, administrations: Sequence[str]
) -> dict[str, list[ProgrammeRow]]:
    """The programmes of each administration, as known by then, in the order of their codes."""
    statement = f"""{_PROGRAMME}
    where p.administration = any(%(administrations)s::text[]) and p.recorded_from <= %(known)s
    order by p.administration, p.code"""
    found: dict[str, list[ProgrammeRow]] = {code: [] for code in administrations}
    async with connection.cursor(row_factory=class_row(ProgrammeRow)) as cursor:
        asked = as_of.parameters | {"administrations": list(administrations)}
        await cursor.execute(statement, asked)
        for row in await cursor.fetchall():
            found[row.administration].append(row)
    return found


@dataclass(frozen=True)
class RuleRow:
    """A rule as dated data.

    `begins` and `ends` (exclusive) are civil days of its authority. `state` is VALUE, NONE or
    UNKNOWN; for the last two, `value` is the same word in lower case.
    """

    programme: str
    rule: str
    state: str
    value: str
    unit: str | None
    begins: date | None
    ends: date | None
    source: str
    in_force: bool


async def rules(
    connection: Connection, as_of: AsOf, codes: Sequence[str]
) -> dict[str, list[RuleRow]]:
    """Every rule known by then, also those not yet or no longer in force on that day."""
    statement = f"""
    select r.programme, r.rule, r.state, r.value, r.unit, r.begins, r.ends, r.source,
        {on_both("r")} as in_force
    from views.programme_rule r where r.programme = any(%(codes)s::text[]) and {believed("r")}
    order by r.programme, r.rule, r.valid_from, r.position"""
    found: dict[str, list[RuleRow]] = {code: [] for code in codes}
    async with connection.cursor(row_factory=class_row(RuleRow)) as cursor:
        await cursor.execute(statement, as_of.parameters | {"codes": list(codes)})
        for row in await cursor.fetchall():
            found[row.programme].append(row)
    return found


async def operator_counts(
    connection: Connection, as_of: AsOf, codes: Sequence[str]
) -> dict[str, int]:
    """How many operators held a valid authorisation of each programme at the as-of instants."""
    statement = f"""
    select p.programme, count(distinct p.tin) from views.status_period p
    where p.programme = any(%(codes)s::text[]) and p.status = 'VALID' and {on_both("p")}
    group by p.programme"""
    async with connection.cursor() as cursor:
        await cursor.execute(statement, as_of.parameters | {"codes": list(codes)})
        return dict.fromkeys(codes, 0) | dict(await cursor.fetchall())
