"""What the law makes of operators that hold alike: their verdicts, and how long it stays the same.

Recognition depends on the agreements, blocs, consent laws and lists of a day, and of an operator on
little: where it is at home, what kinds of authorisation it holds, whom it consents to. Its numbers
and dates are only repeated. So the verdicts of one operator, with its own words left out, are those
of every operator that holds alike, until an event changes the law or an instant passes on which the
law changes by itself.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
from psycopg import AsyncConnection, AsyncRawCursor

from projections.reads.clocks import AsOf
from registry.values import COUNTS_ABROAD

COUNTS = tuple(status.value for status in COUNTS_ABROAD)

#: Another one as soon as an event was told to a stream that makes law, or the read models were made
#: anew. By stream, since an event can take back another of its instant and leave no row of law; and
#: each read model's own, since one that stood still goes on where the others were long before. The
#: server's start is in it for a database that was put back: its positions may come to be again. And
#: how often rows were put right, since that moves no position.
LAW = """(select concat(extract(epoch from pg_postmaster_start_time()),
    '/', (select l.tableoid from views.link l limit 1),
    '/', (select m.number from views.mended m),
    '/', (select max(a.position) from views.administration a),
    '/', (select max(p.position) from views.programme p),
    '/', (select max(g.position) from views.agreement g)))"""

_EDGES = f"""
with law as (
    select valid_from, valid_to, recorded_from, recorded_to from views.link
    union all select valid_from, valid_to, recorded_from, recorded_to from views.membership
    union all select valid_from, valid_to, recorded_from, recorded_to from views.programme_rule
    union all
    -- A list is stale from the first instant after its time is up.
    select r.as_of + make_interval(hours => l.max_age_hours) + interval '1 microsecond', null,
        r.recorded_from, null
    from views.list_received r
    cross join (
        select distinct max_age_hours from views.link where max_age_hours is not null
    ) l
)
select {LAW},
    array(select valid_from from law union select valid_to from law
        where valid_to is not null order by 1),
    array(select recorded_from from law union select recorded_to from law
        where recorded_to is not null order by 1),
    exists (select from views.link where roles <> '{{}}'),
    array(select distinct identifier_scheme from views.link where identifier_scheme is not null),
    array(select distinct bloc from views.membership)
"""


class Held(msgspec.Struct, array_like=True, frozen=True):
    """How an operator is held, as far as the rule asks. In the order of its authorisations."""

    home: str
    programmes: tuple[str, ...]
    types: tuple[str, ...]
    statuses: tuple[str, ...]
    abroad: tuple[str, ...]
    roles: tuple[str, ...]
    schemes: tuple[str, ...]
    consents: tuple[str, ...]


#: The same as JSON text, of a row of views.operator that is settled at the instants asked about.
HELD = "'[' || to_json({it}.administration)::text || " + " || ".join(
    f"',' || array_to_json({{it}}.{column})::text"
    for column in (
        "held_programmes", "held_types", "held_statuses", "held_abroad", "held_roles", "schemes",
        "consents",
    )
) + " || ']'"  # fmt: skip


@dataclass(frozen=True)
class Law:
    """One state of the law. On each clock there are edges, between which it stays the same."""

    version: str
    _edges: Sequence[datetime]
    _recorded: Sequence[datetime]
    _roles: bool
    _schemes: frozenset[str]
    _blocs: frozenset[str]

    def stretch(self, as_of: AsOf) -> tuple[int, int]:
        """Equal for instants between which no answer can change."""
        return bisect_right(self._edges, as_of.at), bisect_right(self._recorded, as_of.known)

    def essence(self, it: Held, wanted: str | None) -> Held:
        """Equal for those whom this law cannot tell apart in a territory; None: in any.

        Of what is neither valid abroad nor may be, the rule asks no more than for its status, and
        whether its programme wants consent; of consents, whether they are to the territory or a
        bloc.
        """
        valid = [each in COUNTS for each in it.abroad]
        return msgspec.structs.replace(
            it,
            types=tuple(t if v else "" for t, v in zip(it.types, valid, strict=True)),
            roles=tuple(
                r if v and self._roles else "" for r, v in zip(it.roles, valid, strict=True)
            ),
            schemes=tuple(each for each in it.schemes if each in self._schemes),
            consents=tuple(
                each for each in it.consents
                if each != "*" and (wanted in (None, each) or each in self._blocs)
            ),
        )  # fmt: skip


class Verdict(msgspec.Struct, array_like=True):
    """Into one territory. A basis: its agreement, the place of the authorisation among those held,
    and since when the clause holds, as JSON has instants."""

    territory: str
    outcome: str
    legal: str
    operational: str
    reasons: list[str]
    bases: list[tuple[str, str, str]]


@dataclass(frozen=True)
class Asked:
    """`order`: the places of what is held, in the order of its numbers: in it bases are told.
    `wanted`: the territory; None: all to which the agreements lead."""

    held: Held
    order: tuple[int, ...]
    wanted: str | None
    as_of: AsOf


async def law(connection: AsyncConnection[Any]) -> Law:
    """As it is now."""
    async with AsyncRawCursor(connection) as cursor:
        row = await (await cursor.execute(_EDGES.encode(), prepare=True)).fetchone()
    assert row is not None
    version, edges, recorded, roles, schemes, blocs = row
    return Law(version, edges, recorded, roles, frozenset(schemes), frozenset(blocs))


_INSTANT = """to_char({} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')"""
#: The number of an authorisation is its place; and none began later than its clause.
_ARGUMENTS = """a.marks, a.programmes, a.types, a.statuses, a.abroad, a.roles,
    array_fill('0001-01-01T00:00Z'::timestamptz, array[cardinality(a.marks)]), a.schemes, a.schemes,
    a.consents, a.at, a.known"""
_VERDICT = f"""json_build_array(v.territory, v.outcome, v.legal, v.operational, v.reasons, (
    select coalesce(json_agg(
        json_build_array(b.agreement, b.authorisation, {_INSTANT.format("b.since")})), '[]')
    from unnest(v.bases) b))"""
_EVERYWHERE = f"""(select coalesce(json_agg({_VERDICT} order by v.territory collate "C"), '[]')
    from rule.everywhere('', a.home, {_ARGUMENTS}) v)"""
_THERE = f"""(select json_agg({_VERDICT})
    from (select a.wanted as territory, t.*
        from rule.there('', a.home, rule.parties(a.home, a.at, a.known), a.wanted,
            rule.parties(a.wanted, a.at, a.known), array(
                select r.programme from views.programme_rule r
                where r.rule = 'sharing_consent' and r.value = 'required'
                    and r.valid_from <= a.at and (r.valid_to is null or r.valid_to > a.at)
                    and r.recorded_from <= a.known
                    and (r.recorded_to is null or r.recorded_to > a.known)),
            {_ARGUMENTS}) t) v)"""


def _statement(verdicts: str) -> bytes:
    return f"""
select {LAW}, {verdicts}::text
from rows from (jsonb_to_recordset($1::jsonb) as (
    home text, programmes text[], types text[], statuses text[], abroad text[], roles text[],
    schemes text[], consents text[], marks text[], wanted text, at timestamptz, known timestamptz
)) with ordinality a order by a.ordinality""".encode()


#: Where a territory is asked for, and where all are.
_STATEMENTS = {True: _statement(_THERE), False: _statement(_EVERYWHERE)}

_verdicts = msgspec.json.Decoder(list[Verdict])


async def verdicts(
    connection: AsyncConnection[Any], law: Law, asked: Sequence[Asked]
) -> list[list[Verdict]] | None:
    """Of each that is asked, territories by code; None where the law is another one meanwhile."""
    found: list[list[Verdict]] = [[] for _ in asked]
    for one, statement in _STATEMENTS.items():
        some = [n for n, it in enumerate(asked) if (it.wanted is not None) == one]
        if not some:
            continue
        told = msgspec.json.encode([_record(asked[n]) for n in some]).decode()
        async with AsyncRawCursor(connection) as cursor:
            await cursor.execute(statement, [told], prepare=True)
            rows = await cursor.fetchall()
        if any(version != law.version for version, _ in rows):
            return None
        for n, (_, text) in zip(some, rows, strict=True):
            found[n] = _verdicts.decode(text)
    return found


def _record(it: Asked) -> Mapping[str, Any]:
    marks = [""] * len(it.held.programmes)
    for rank, place in enumerate(it.order):
        marks[place] = f"{rank:04}"
    return {
        **msgspec.structs.asdict(it.held),
        "marks": marks, "wanted": it.wanted, "at": it.as_of.at, "known": it.as_of.known,
    }  # fmt: skip
