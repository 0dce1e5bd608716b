"""Recognition results for operators that hold the same, and the legal state they depend on.

Recognition depends on the agreements, blocs, consent laws and lists in force at an instant, and on
few facts about an operator: its home administration, the kinds and statuses of its authorisations,
and its consents. Its numbers and dates are only repeated in the answer. So the results for one
operator, without its own numbers and dates, are the results for every operator that holds the same,
until an event changes the legal state or an instant passes at which the legal state changes by
itself.
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
from registry.domain.consent import TO_ALL_ADEQUATE, TO_THE_PUBLIC
from registry.domain.control_results import crossing_in_clauses
from registry.domain.recognition import crosses, plain_crossing
from registry.domain.values import COUNTS_ABROAD

VALID_ABROAD = tuple(status.value for status in COUNTS_ABROAD)

#: SQL: the version of the legal state. It changes when an event is projected to an administration,
#: a programme or an agreement, when the read models are rebuilt, when rows are repaired, and when
#: the database server restarts. It holds the position of each read model separately: an event can
#: undo another of the same instant without leaving a row, and a read model that stopped continues
#: from where the others were long before. The start of the server is part of it because a restored
#: database repeats positions; the number of repairs, because a repair moves no position.
LEGAL_STATE_VERSION = """(select concat(extract(epoch from pg_postmaster_start_time()),
    '/', (select l.tableoid from views.link l limit 1),
    '/', (select m.number from views.mended m),
    '/', (select max(a.position) from views.administration a),
    '/', (select max(p.position) from views.programme p),
    '/', (select max(g.position) from views.agreement g)))"""

_RECOGNISES = "kind = 'AEO_MUTUAL_RECOGNITION'"
_LEGAL_STATE = f"""
with law as (
    select valid_from, valid_to, recorded_from, recorded_to from views.link
    union all select valid_from, valid_to, recorded_from, recorded_to from views.membership
    union all select valid_from, valid_to, recorded_from, recorded_to from views.programme_rule
    union all
    -- A list is stale from the first instant after its maximum age.
    select r.as_of + make_interval(hours => l.max_age_hours) + interval '1 microsecond', null,
        r.recorded_from, null
    from views.list_received r
    cross join lateral (
        select distinct max_age_hours from views.link where max_age_hours is not null
        union
        select r.cadence_hours where r.cadence_hours is not null
    ) l
)
select {LEGAL_STATE_VERSION},
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
    """What an operator holds, as far as the recognition rule needs it. The tuples are in the order
    of its authorisations; `abroad` are the statuses as shown abroad."""

    home: str
    programmes: tuple[str, ...]
    types: tuple[str, ...]
    statuses: tuple[str, ...]
    abroad: tuple[str, ...]
    roles: tuple[str, ...]
    schemes: tuple[str, ...]
    consents: tuple[str, ...]


#: SQL: a HeldStatuses as JSON text, from a row of views.operator that is current at the as-of
#: instants.
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
    """What is asked about a consignment, as texts; None where it is not asked."""

    role: str | None = None
    direction: str | None = None
    hs: str | None = None
    crossing: str | None = None
    mode: str | None = None


#: Stands for any goods, crossing, mode or role that no clause names.
_OTHER = "?"


@dataclass(frozen=True)
class LegalState:
    """One legal state. On each time axis it has edges, between which it does not change.

    `_valid_edges` are instants of valid time, `_recorded_edges` of transaction time, both in UTC
    and sorted. The other fields are the values that the clauses name.
    """

    version: str
    _valid_edges: Sequence[datetime]
    _recorded_edges: Sequence[datetime]
    _roles: bool
    _schemes: frozenset[str]
    _blocs: frozenset[str]
    _directions: bool = False
    _hs: frozenset[str] = frozenset()
    _crossings: frozenset[str] = frozenset()
    _modes: frozenset[str] = frozenset()
    #: Original names of crossings by language, then by name, of each agreement that has any.
    _names: Sequence[Mapping[str, Mapping[str, str]]] = ()

    def interval(self, as_of: AsOf) -> tuple[int, int]:
        """The numbers of the intervals between edges that contain the instants. Instants with equal
        numbers have equal answers."""
        return bisect_right(self._valid_edges, as_of.at), bisect_right(
            self._recorded_edges, as_of.known
        )

    def consigned(self, consignment: Consignment) -> Consignment | None:
        """Reduces a consignment to what this legal state can tell apart; None where nothing of it
        matters.

        For goods, the longest HS code in a clause that covers them stands for them.
        """
        hs = crossing = mode = None
        if consignment.hs and self._hs:
            hs = next(
                (consignment.hs[:n] for n in (6, 4, 2) if consignment.hs[:n] in self._hs), _OTHER
            )
        if consignment.crossing and self._crossings:
            place = crossing_in_clauses(consignment.crossing, self._names, self._crossings)
            crossing = plain_crossing(place) if crosses(self._crossings, place) else _OTHER
        if consignment.mode and self._modes:
            mode = consignment.mode.lower() if consignment.mode.lower() in self._modes else _OTHER
        direction = consignment.direction if self._directions else None
        found = Consignment(consignment.role, direction, hs, crossing, mode)
        return found if any(found) else None

    def reduced(
        self, held_statuses: HeldStatuses, wanted: str | None, consigned: Consignment | None = None
    ) -> tuple[HeldStatuses, Consignment | None]:
        """Reduces what an operator holds, and the consignment, to what this legal state can tell
        apart.

        `wanted`: the territory, or None for all; `consigned`: as LegalState.consigned returns it.
        For an authorisation that is not and may not be valid abroad, the rule needs only its status
        and whether its programme requires consent; of consents, only those to the territory or to a
        bloc. Where no clause names roles, it needs only whether the role asked about is among an
        authorisation's roles.
        """
        role = consigned.role if consigned else None
        held = self._held(held_statuses, wanted)
        if consigned is None or role is None or self._roles:
            return held, consigned
        role_excluded = tuple(
            _OTHER * bool(a in VALID_ABROAD and r and role not in r.split(","))
            for a, r in zip(held_statuses.abroad, held_statuses.roles, strict=True)
        )
        reduced = consigned._replace(role=role if any(role_excluded) else None)
        return msgspec.structs.replace(held, roles=role_excluded), reduced if any(reduced) else None

    def _held(self, held_statuses: HeldStatuses, wanted: str | None) -> HeldStatuses:
        valid = [code in VALID_ABROAD for code in held_statuses.abroad]
        return msgspec.structs.replace(
            held_statuses,
            types=tuple(t if v else "" for t, v in zip(held_statuses.types, valid, strict=True)),
            roles=tuple(
                r if v and self._roles else ""
                for r, v in zip(held_statuses.roles, valid, strict=True)
            ),
            schemes=tuple(code for code in held_statuses.schemes if code in self._schemes),
            consents=tuple(
                code
                for code in held_statuses.consents
                if code == TO_ALL_ADEQUATE
                or (code != TO_THE_PUBLIC and (wanted in (None, code) or code in self._blocs))
            ),
        )


class TerritoryVerdict(msgspec.Struct, array_like=True):
    """The result for one territory.

    Each basis is the code of an agreement, the rank of the authorisation among those held, and
    since when the clause has applied, as an RFC 3339 text in UTC.
    """

    territory: str
    outcome: str
    legal: str
    operational: str
    reasons: list[str]
    bases: list[tuple[str, str, str]]


_NOTHING = Consignment()


@dataclass(frozen=True)
class VerdictQuestion:
    """A recognition question about what is held.

    `order`: the indices of the authorisations, sorted by number: bases are listed in that order.
    `wanted`: the territory, or None for all to which the agreements lead.
    """

    held: HeldStatuses
    order: tuple[int, ...]
    wanted: str | None
    as_of: AsOf
    consigned: Consignment | None = None


async def legal_state(connection: AsyncConnection[Any]) -> LegalState:
    """As it is now."""
    async with AsyncRawCursor(connection) as cursor:
        row = await (await cursor.execute(_LEGAL_STATE.encode(), prepare=True)).fetchone()
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
#: The rank of an authorisation stands for its number, and none began later than its clause.
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
                select c.law from rule.consent_laws(a.at, a.known) c),
            {_ARGUMENTS}, a.role, a.direction, a.hs, a.crossing, a.mode) t) v)"""


def _statement(verdicts: str) -> bytes:
    return f"""
select {LEGAL_STATE_VERSION}, {verdicts}::text
from rows from (jsonb_to_recordset($1::jsonb) as (
    home text, programmes text[], types text[], statuses text[], abroad text[], roles text[],
    schemes text[], consents text[], marks text[], wanted text, at timestamptz, known timestamptz,
    role text, direction text, hs text, crossing text, mode text
)) with ordinality a order by a.ordinality""".encode()


#: The statements with a territory, and for all territories.
_STATEMENTS = {True: _statement(_THERE), False: _statement(_EVERYWHERE)}

_decode_verdicts = msgspec.json.Decoder(list[TerritoryVerdict])


async def verdicts(
    connection: AsyncConnection[Any], legal_state: LegalState, questions: Sequence[VerdictQuestion]
) -> list[list[TerritoryVerdict]] | None:
    """The results for each question, sorted by the code of the territory; None where the legal
    state is no longer the given one."""
    found: list[list[TerritoryVerdict]] = [[] for _ in questions]
    for with_territory, statement in _STATEMENTS.items():
        indices = [
            n
            for n, verdict_question in enumerate(questions)
            if (verdict_question.wanted is not None) == with_territory
        ]
        if not indices:
            continue
        encoded = msgspec.json.encode([_record(questions[n]) for n in indices]).decode()
        async with AsyncRawCursor(connection) as cursor:
            await cursor.execute(statement, [encoded], prepare=True)
            rows = await cursor.fetchall()
        if any(version != legal_state.version for version, _ in rows):
            return None
        for n, (_, text) in zip(indices, rows, strict=True):
            found[n] = _decode_verdicts.decode(text)
    return found


def _record(verdict_question: VerdictQuestion) -> Mapping[str, Any]:
    rank_texts = [""] * len(verdict_question.held.programmes)
    for rank, place in enumerate(verdict_question.order):
        rank_texts[place] = f"{rank:04}"
    return {
        **msgspec.structs.asdict(verdict_question.held),
        **(verdict_question.consigned or _NOTHING)._asdict(),
        "marks": rank_texts,
        "wanted": verdict_question.wanted,
        "at": verdict_question.as_of.at,
        "known": verdict_question.as_of.known,
    }
