"""Reads the records of a golden copy at a position, in the order of TINs and in constant memory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import msgspec
from psycopg import AsyncConnection

from projections.history.belief_history import LawBeliefs
from projections.history.belief_history_sql import LawHistory, law_history
from projections.history.copy_courses import HomeCourses
from projections.history.copy_rows import Row, facts_in, open_rows
from projections.history.copy_shapes import CopyShapes
from projections.history.golden_copy import (
    CopiedLaw,
    CopyInstant,
    CopyRecord,
    WithdrawnOperator,
    copied,
    copied_law,
    encode,
)
from projections.history.visibility_history import is_visible
from projections.reads.bitemporal_sql import POSITION
from projections.reads.visibility import VisibilityScope
from registry.domain.consent import TO_ALL_ADEQUATE
from registry.domain.recognition import RecognitionFacts
from registry.domain.values import AdministrationCode, Tin

Connection = AsyncConnection[Any]

AT_ONCE = 250  # operators that one round trip brings


class NoSuchPosition(LookupError):
    """The position is not in the register, or the read models do not show it yet."""


@dataclass(frozen=True)
class CopySource:
    """What the records of one copy are made from: the partner's law, and the copy's instants."""

    territory: AdministrationCode
    moment: CopyInstant
    law: LawHistory
    zones: dict[str, str]
    recorded: datetime  # of the event at the position, in UTC

    def as_of(self, moment: CopyInstant) -> CopySource:
        """The same for another position or instant."""
        return replace(self, moment=moment)

    @property
    def copied_law(self) -> CopiedLaw:
        """The law towards the partner, as a file of the copy has it."""
        everything = LawBeliefs(
            self.law.links,
            self.law.members,
            self.law.consent_laws,
            self.law.lists,
            frozenset(self.law.programmes),
        )
        homes = self.law.homes()
        shown = copied_law(everything, self.territory.text, self.moment.position, self.zones)
        return msgspec.structs.replace(
            shown,
            lists={home: at for home, at in shown.lists.items() if home in homes},
            cadences={home: n for home, n in shown.cadences.items() if home in homes},
        )

    @property
    def consent_to(self) -> list[str]:
        """The scopes of consents that concern the partner: itself, its blocs, all adequate."""
        blocs = {m.fact.bloc.text for m in self.law.members if m.fact.member == self.territory}
        return sorted({self.territory.text, *blocs, TO_ALL_ADEQUATE})


async def copy_source(
    connection: Connection,
    territory: AdministrationCode,
    position: int | None = None,
    at: datetime | None = None,
) -> CopySource:
    """Reads what a copy of a position needs.

    `position`: by default the last one recorded by `at`, or, without `at`, the last one that the
    read models show. `at`: the instant of valid time, UTC; by default when the event at the
    position was recorded. Raises NoSuchPosition.
    """
    async with connection.cursor() as cursor:
        await cursor.execute(f"select {POSITION}")
        [[head]] = await cursor.fetchall()
        if at is not None and at > datetime.now(UTC):
            raise NoSuchPosition(f"at: found {at}, wanted an instant that has passed")
        if position is None:
            position = head
            if at is not None:
                await cursor.execute("select ledger.position_before(%s)", [at])
                [[position]] = await cursor.fetchall()
        if not 0 < position <= head:
            raise NoSuchPosition(
                f"position: found {position:,}, wanted one from 1 to {head:,}, up to which the read"
                " models show the register"
            )
        await cursor.execute("select recorded_at from ledger.event where position = %s", [position])
        [[recorded]] = await cursor.fetchall()
        await cursor.execute("select code, time_zone from views.administration")
        zones = dict(await cursor.fetchall())
    law = await law_history(connection, territory)
    codes = {territory.text, *law.homes(), *(m.fact.bloc.text for m in law.members)}
    moment = CopyInstant(position, max(at or recorded, recorded))
    return CopySource(
        territory, moment, law, {code: zones[code] for code in codes & zones.keys()}, recorded
    )


async def records(
    connection: Connection, source: CopySource, tins: Sequence[str] | None = None
) -> AsyncIterator[CopyRecord]:
    """The records of a copy in the order of TINs. `tins`: of these operators only.

    `connection`: in a transaction. Raises ControlCharacter.
    """
    courses: dict[str, HomeCourses] = {}
    async for rows in _batches(connection, source, tins):
        for row in rows:
            found = record(source, row, courses)
            if found is not None:
                yield found


async def lines(
    connection: Connection, source: CopySource, tins: Sequence[str] | None = None
) -> AsyncIterator[list[bytes]]:
    """The same records as lines of JSON without their ends, many at a time."""
    courses: dict[str, HomeCourses] = {}

    def line(row: Row) -> bytes | None:
        found = record(source, row, courses)
        return None if found is None else encode(found)

    def law(home: str) -> RecognitionFacts:
        return source.law.beliefs_from(home).at(source.moment.position)

    shapes = CopyShapes(source.moment.at, law, line)
    async for rows in _batches(connection, source, tins):
        made = [shapes.line(row) if row[-1] is None else line(row) for row in rows]
        yield [found for found in made if found is not None]


async def _batches(
    connection: Connection, source: CopySource, tins: Sequence[str] | None
) -> AsyncIterator[list[Row]]:
    """The rows of the operators of the homes, in the order of TINs."""
    parameters = {
        "position": source.moment.position,
        "homes": sorted(source.law.homes()),
        "consent_to": source.consent_to,
        "lawful": sorted({law.fact.programme for law in source.law.consent_laws}),
        "territory": source.territory.text,
        "at": source.moment.at,
        "reached": await _reached(connection, source),
    }
    async with connection.cursor(name="golden_copy") as cursor:
        await open_rows(connection, cursor, parameters, tins)
        # The database reads the next rows while this process works on those before: they are asked
        # for before a batch is given out, because no task runs while that is used.
        coming = asyncio.ensure_future(cursor.fetchmany(AT_ONCE))
        try:
            while rows := await coming:
                coming = asyncio.ensure_future(cursor.fetchmany(AT_ONCE))
                await asyncio.sleep(0)
                yield rows
        finally:
            coming.cancel()


async def _reached(connection: Connection, source: CopySource) -> list[str]:
    """The scopes of consents that reach the partner at the copy's instant."""
    at = source.moment.at
    asked = "select rule.parties(%s, %s, %s)"
    async with connection.cursor() as cursor:
        await cursor.execute(asked, [source.territory.text, at, at])
        [[parties]] = await cursor.fetchall()
    return [*parties, TO_ALL_ADEQUATE]


def record(source: CopySource, row: Row, courses: dict[str, HomeCourses]) -> CopyRecord | None:
    """The record of an operator, from its row; None where it is not in the copy. Raises
    ControlCharacter."""
    (tin, home, origin), until = row[:3], row[-1]
    moment, territory = source.moment, source.territory
    administration = AdministrationCode(home)
    law = source.law.beliefs_from(home)
    held = facts_in(row, moment.at)
    facts = replace(
        law_then := law.at(moment.position),
        tin=Tin(tin),
        administration=administration,
        periods=held.periods,
        identifiers=held.identifiers,
        consents=held.consents,
    )
    scope = VisibilityScope("partner", territory.text)
    if not is_visible(administration, law, facts, scope, moment.position, moment.at, lambda: True):
        return None if until is None else WithdrawnOperator(until, tin, home)
    of_home = courses.get(home)
    if of_home is None:
        courses.clear()  # the operators of a home come together
        of_home = courses[home] = HomeCourses(law_then, territory)
    stretches = of_home.of(facts)
    return copied(facts, territory, held.named, origin, moment.at, stretches)


# --------------------------------------------------------------------- changes


#: Operators whose record may differ: those with an event in between, those of which the row shows
#: later events, those whose state changes because time passes, and those of a home whose law moved.
_MOVED = """
with touched as (
    select o.tin, o.administration from views.operator o
    where o.id in (select e.originator_id from ledger.event e
        where e.position > %(after)s and e.position <= %(position)s)
    union
    select o.tin, o.administration from views.operator o where o.position > %(position)s
    union
    select o.tin, o.administration from views.operator o where o.settled > %(since)s
    union
    select o.tin, o.administration from views.operator o where o.settled_until <= %(at)s
    union
    select o.tin, o.administration from views.operator o
    where o.administration = any(%(changed)s::text[])
)
select s.tin from touched s where s.administration = any(%(homes)s::text[])
order by s.tin collate "C" limit %(most)s"""


async def moved(
    connection: Connection, earlier: CopyInstant, source: CopySource, most: int
) -> list[str] | None:
    """The operators whose records may differ between an earlier copy and this one; None where they
    are more than `most`."""
    parameters = {
        "homes": sorted(source.law.homes()),
        "after": earlier.position,
        "since": earlier.at,
        "position": source.moment.position,
        "at": source.moment.at,
        "most": most + 1,
        "changed": [home for home in source.law.homes() if _law_moved(source, home, earlier)],
    }
    async with connection.cursor() as cursor:
        await cursor.execute(_MOVED, parameters)
        found = [row[0] for row in await cursor.fetchall()]
    return found if len(found) <= most else None


def _law_moved(source: CopySource, home: str, earlier: CopyInstant) -> bool:
    law, later = source.law.beliefs_from(home), source.moment
    if law.at(earlier.position) != law.at(later.position):
        return True
    return any(earlier.at < edge <= later.at for edge in law.edges(later.position))
