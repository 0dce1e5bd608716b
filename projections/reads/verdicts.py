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
from typing import Any, NamedTuple

import msgspec
from psycopg import AsyncConnection, AsyncRawCursor

from projections.reads.bitemporal_sql import AsOf
from projections.reads.crossings import NAMES, NAMES_OF
from registry.domain.control_results import crossing_in_clauses
from registry.domain.recognition import crosses, plain_crossing
from registry.domain.values import COUNTS_ABROAD

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

_RECOGNISES = "kind = 'AEO_MUTUAL_RECOGNITION'"
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
    array(select distinct bloc from views.membership),
    exists (select from views.link where direction is not null and {_RECOGNISES}),
    array(select distinct h from views.link, unnest(hs) h where {_RECOGNISES}),
    array(select distinct c from views.link, unnest(crossings) c where {_RECOGNISES}),
    array(select distinct m from views.link, unnest(modes) m where {_RECOGNISES}),
    {NAMES}
"""


class HeldStatuses(msgspec.Struct, array_like=True, frozen=True):
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
HELD = (
    "'[' || to_json({it}.administration)::text || "
    + " || ".join(
        f"',' || array_to_json({{it}}.{column})::text"
        for column in (
            "held_programmes",
            "held_types",
            "held_statuses",
            "held_abroad",
            "held_roles",
            "schemes",
            "consents",
        )
    )
    + " || ']'"
)


class Consignment(NamedTuple):
    """What is asked of a consignment, as texts; None: it is not asked."""

    role: str | None = None
    direction: str | None = None
    hs: str | None = None
    crossing: str | None = None
    mode: str | None = None


#: Stands for whatever no clause names: goods, a crossing, a mode or a role.
_ELSE = "?"


@dataclass(frozen=True)
class LegalState:
    """One state of the law. On each clock there are edges, between which it stays the same."""

    version: str
    _edges: Sequence[datetime]
    _recorded: Sequence[datetime]
    _roles: bool
    _schemes: frozenset[str]
    _blocs: frozenset[str]
    _directions: bool = False
    _hs: frozenset[str] = frozenset()
    _crossings: frozenset[str] = frozenset()
    _modes: frozenset[str] = frozenset()
    #: Original names by language, then by name, of each agreement that has any.
    _names: Sequence[Mapping[str, Mapping[str, str]]] = ()

    def stretch(self, as_of: AsOf) -> tuple[int, int]:
        """Equal for instants between which no answer can change."""
        return bisect_right(self._edges, as_of.at), bisect_right(self._recorded, as_of.known)

    def consigned(self, consignment: Consignment) -> Consignment | None:
        """Equal for consignments that this law cannot tell apart; None: nothing of them matters.
        Of goods the longest code that covers them says which others do."""
        hs = crossing = mode = None
        if consignment.hs and self._hs:
            hs = next(
                (consignment.hs[:n] for n in (6, 4, 2) if consignment.hs[:n] in self._hs), _ELSE
            )
        if consignment.crossing and self._crossings:
            place = crossing_in_clauses(consignment.crossing, self._names, self._crossings)
            crossing = plain_crossing(place) if crosses(self._crossings, place) else _ELSE
        if consignment.mode and self._modes:
            mode = consignment.mode.lower() if consignment.mode.lower() in self._modes else _ELSE
        direction = consignment.direction if self._directions else None
        found = Consignment(consignment.role, direction, hs, crossing, mode)
        return found if any(found) else None

    def essence(
        self, held_statuses: HeldStatuses, wanted: str | None, consigned: Consignment | None = None
    ) -> tuple[HeldStatuses, Consignment | None]:
        """Equal for those whom this law cannot tell apart in a territory; None: in any. And what is
        asked of the consignment, as `consigned` has it.

        Of what is neither valid abroad nor may be, the rule asks no more than for its status, and
        whether its programme wants consent; of consents, whether they are to the territory or a
        bloc. Where no clause names roles, of an authorisation's roles no more than whether the role
        asked about is among them.
        """
        role = consigned.role if consigned else None
        held = self._held(held_statuses, wanted)
        if consigned is None or role is None or self._roles:
            return held, consigned
        against = tuple(
            _ELSE * bool(a in COUNTS and r and role not in r.split(","))
            for a, r in zip(held_statuses.abroad, held_statuses.roles, strict=True)
        )
        asked = consigned._replace(role=role if any(against) else None)
        return msgspec.structs.replace(held, roles=against), asked if any(asked) else None

    def _held(self, held_statuses: HeldStatuses, wanted: str | None) -> HeldStatuses:
        valid = [each in COUNTS for each in held_statuses.abroad]
        return msgspec.structs.replace(
            held_statuses,
            types=tuple(t if v else "" for t, v in zip(held_statuses.types, valid, strict=True)),
            roles=tuple(
                r if v and self._roles else ""
                for r, v in zip(held_statuses.roles, valid, strict=True)
            ),
            schemes=tuple(each for each in held_statuses.schemes if each in self._schemes),
            consents=tuple(
                each
                for each in held_statuses.consents
                if each != "*" and (wanted in (None, each) or each in self._blocs)
            ),
        )


class TerritoryVerdict(msgspec.Struct, array_like=True):
    """Into one territory. A basis: its agreement, the place of the authorisation among those held,
    and since when the clause holds, as JSON has instants."""

    territory: str
    outcome: str
    legal: str
    operational: str
    reasons: list[str]
    bases: list[tuple[str, str, str]]


_NOTHING = Consignment()


@dataclass(frozen=True)
class VerdictQuestion:
    """`order`: the places of what is held, in the order of its numbers: in it bases are told.
    `wanted`: the territory; None: all to which the agreements lead."""

    held: HeldStatuses
    order: tuple[int, ...]
    wanted: str | None
    as_of: AsOf
    consigned: Consignment | None = None


async def law(connection: AsyncConnection[Any]) -> LegalState:
    """As it is now."""
    async with AsyncRawCursor(connection) as cursor:
        row = await (await cursor.execute(_EDGES.encode(), prepare=True)).fetchone()
    assert row is not None
    version, edges, recorded, roles, schemes, blocs, directions, hs, crossings, modes, names = row
    return LegalState(
        version,
        edges,
        recorded,
        roles,
        frozenset(schemes),
        frozenset(blocs),
        directions,
        frozenset(hs),
        frozenset(crossings),
        frozenset(modes),
        NAMES_OF.decode(names),
    )


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
            {_ARGUMENTS}, a.role, a.direction, a.hs, a.crossing, a.mode) t) v)"""


def _statement(verdicts: str) -> bytes:
    return f"""
select {LAW}, {verdicts}::text
from rows from (jsonb_to_recordset($1::jsonb) as (
    home text, programmes text[], types text[], statuses text[], abroad text[], roles text[],
    schemes text[], consents text[], marks text[], wanted text, at timestamptz, known timestamptz,
    role text, direction text, hs text, crossing text, mode text
)) with ordinality a order by a.ordinality""".encode()


#: Where a territory is asked for, and where all are.
_STATEMENTS = {True: _statement(_THERE), False: _statement(_EVERYWHERE)}

_verdicts = msgspec.json.Decoder(list[TerritoryVerdict])


async def verdicts(
    connection: AsyncConnection[Any], law: LegalState, asked: Sequence[VerdictQuestion]
) -> list[list[TerritoryVerdict]] | None:
    """Of each that is asked, territories by code; None where the law is another one meanwhile."""
    found: list[list[TerritoryVerdict]] = [[] for _ in asked]
    for one, statement in _STATEMENTS.items():
        some = [
            n
            for n, verdict_question in enumerate(asked)
            if (verdict_question.wanted is not None) == one
        ]
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


def _record(verdict_question: VerdictQuestion) -> Mapping[str, Any]:
    marks = [""] * len(verdict_question.held.programmes)
    for rank, place in enumerate(verdict_question.order):
        marks[place] = f"{rank:04}"
    return {
        **msgspec.structs.asdict(verdict_question.held),
        **(verdict_question.consigned or _NOTHING)._asdict(),
        "marks": marks,
        "wanted": verdict_question.wanted,
        "at": verdict_question.as_of.at,
        "known": verdict_question.as_of.known,
    }
