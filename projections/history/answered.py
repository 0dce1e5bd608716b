"""Compares the answers that partners were really given, from the read log, with what is known
now."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.rows import class_row

from projections.history.belief_history import OperatorBeliefs, last_change, positions_of
from projections.history.belief_history_sql import law_history, operator_beliefs
from projections.reads.visibility import VisibilityScope
from registry.domain.bitemporal import ALWAYS, NEVER_AT
from registry.domain.recognition import Question, recognise
from registry.domain.values import AdministrationCode, Direction, HsCode, Outcome, Role

Connection = AsyncConnection[Any]


@dataclass(frozen=True)
class GivenAnswer:
    """One given answer. `number` and `place`: of the read-log entry, and of the operator in it.

    `law_at` and `known_at`: the instants asked about, at `asked_at`; all in UTC. `outcome`: as it
    was sent.
    """

    number: int
    place: int
    tin: str
    territory: str
    law_at: datetime
    known_at: datetime
    consignment: dict[str, str] | None
    asked_at: datetime
    asked_by: str
    purpose: str | None
    request: UUID
    outcome: str
    position: int | None


@dataclass(frozen=True)
class CorrectedGivenAnswer:
    """A given answer that would differ today. `event_position`: the position of the event since
    which that is known; None where no single event decides it."""

    given: GivenAnswer
    correct: Outcome
    event_position: int | None


_ANSWER = """l.number, t.place::int, t.tin, l.territory, coalesce(t.law_at, l.law_at) as law_at,
    l.known_at, coalesce(t.consignment, l.consignment) as consignment,
    l.at as asked_at, l.subject as asked_by, l.purpose, l.request, t.outcome, l.position"""
_EACH = """cross join lateral unnest(l.tins, l.outcomes, l.law_ats, l.consignments) with ordinality
    as t (tin, outcome, law_at, consignment, place)"""
#: An answer about what was known earlier was not corrected by what was learned later.
_READABLE = """l.known_at >= l.at and t.outcome is not null
    and (%(subject_role)s = 'auditor' or l.administration = %(own)s
        or (%(subject_role)s = 'officer'
            and case left(t.tin, 2) when 'XI' then 'GB' else left(t.tin, 2) end
                = any(%(members)s::text[])))"""
_GIVEN = f"""
select {_ANSWER}
from access.read_log l
{_EACH}
where l.territory = %(territory)s and (l.number, t.place) > (%(number)s, %(place)s)
    and coalesce(t.law_at, l.law_at) >= %(from)s and coalesce(t.law_at, l.law_at) < %(to)s
    and (%(tin)s::text is null or (l.tins @> array[%(tin)s::text] and t.tin = %(tin)s))
    and {_READABLE}
order by l.number, t.place
limit %(most)s"""
#: The newest entries of the read log that are examined, so that no query takes longer than these
#: many entries do.
WINDOW = 50_000
_NEWEST = f"""
select {_ANSWER}
from access.read_log l
{_EACH}
where l.territory is not null
    and l.number > (select coalesce(max(number), 0) from access.read_log) - %(window)s
    and {_READABLE}
order by l.number desc, t.place desc
limit %(most)s"""
#: The position of the last event of the law, and for each operator that of its own last one.
_LAST_CHANGES = """
select t.tin, greatest((select max(a.position) from views.administration a),
    (select max(p.position) from views.programme p),
    (select max(g.position) from views.agreement g),
    (select max(c.position) from views.change c where c.tin = t.tin))
from unnest(%(tins)s::text[]) t (tin)"""


#: Those of some operators about which anybody was ever answered for a territory.
_ASKED_ABOUT = """
select t.tin from unnest(%(tins)s::text[]) t (tin)
where exists (
    select from access.read_log l
    where l.tins @> array[t.tin] and l.territory = %(territory)s and l.outcomes is not null
)"""


#: Those of some operators about which anybody was ever answered, for any territory.
_EVER_ASKED_ABOUT = """
select t.tin from unnest(%(tins)s::text[]) t (tin)
where exists (
    select from access.read_log l where l.tins @> array[t.tin] and l.outcomes is not null
)"""


async def ever_asked_about(ledger: Connection, tins: Iterable[str]) -> set[str]:
    """Those of these operators about which a recognition question was ever answered: only an answer
    about one of them can have become different."""
    async with ledger.cursor() as cursor:
        await cursor.execute(_EVER_ASKED_ABOUT, {"tins": sorted(tins)})
        return {row[0] for row in await cursor.fetchall()}


async def given(
    ledger: Connection,
    scope: VisibilityScope,
    members: Sequence[str],
    territory: AdministrationCode,
    window: tuple[datetime, datetime],
    after: tuple[int, int],
    most: int,
    tin: str | None = None,
) -> list[GivenAnswer]:
    """Answers about a territory that the subject may read, with valid time in [from, to), in the
    order in which they were given: at most `most`, after that number and place.

    An auditor reads all; an administration those to its own queries and, as the home
    administration, all about its own operators. `members`: the administrations whose operators are
    the subject's own. `tin`: only those about this operator.
    """
    parameters = {
        "territory": territory.text,
        "from": window[0],
        "to": window[1],
        "number": after[0],
        "place": after[1],
        "subject_role": scope.role,
        "own": scope.administration,
        "members": list(members),
        "most": most,
        "tin": tin,
    }
    async with ledger.cursor(row_factory=class_row(GivenAnswer)) as cursor:
        await cursor.execute(_GIVEN, parameters)
        return await cursor.fetchall()


async def newest(
    ledger: Connection, scope: VisibilityScope, members: Sequence[str], most: int
) -> list[GivenAnswer]:
    """The newest answers that the subject may read, about any territory, the latest first: at most
    `most`, of the last `WINDOW` entries of the read log. `members`: as in `given`."""
    parameters = {
        "window": WINDOW,
        "subject_role": scope.role,
        "own": scope.administration,
        "members": list(members),
        "most": most,
    }
    async with ledger.cursor(row_factory=class_row(GivenAnswer)) as cursor:
        await cursor.execute(_NEWEST, parameters)
        return await cursor.fetchall()


async def perhaps_corrected(views: Connection, answers: Sequence[GivenAnswer]) -> list[GivenAnswer]:
    """Those of these answers after which an event of the operator or of the law was recorded: no
    other can be different now. An answer whose position is not on record is one of them."""
    tins = sorted({answer.tin for answer in answers})
    cursor = await views.execute(_LAST_CHANGES, {"tins": tins})
    changed = dict(await cursor.fetchall())
    return [
        answer
        for answer in answers
        if answer.position is None or (changed[answer.tin] or 0) > answer.position
    ]


async def corrected(
    views: Connection, territory: AdministrationCode, answers: Sequence[GivenAnswer], head: int
) -> list[CorrectedGivenAnswer]:
    """Those of these answers that would differ by what is known at that position.

    That an operator was unknown or hidden counts only where it is recognised now: nobody was given
    a wrong answer about an operator that was not registered, or not visible.
    """
    law = await law_history(views, territory)
    tins = sorted({answer.tin for answer in answers})
    beliefs_by_tin = await operator_beliefs(views, law, tins)
    found = [
        _corrected(beliefs, territory, answer, head)
        for answer in answers
        if (beliefs := beliefs_by_tin.get(answer.tin))
    ]
    return [answer for answer in found if answer]


async def corrected_by(
    views: Connection,
    ledger: Connection,
    scope: VisibilityScope,
    territory: AdministrationCode,
    tins: Sequence[str],
    positions: Collection[int],
    most: int = 1_000,
) -> list[CorrectedGivenAnswer]:
    """The answers that a subject's administration was given about these operators and that the
    events at these positions made different; among the first `most` answers about each operator."""
    scope_of_holder = replace(scope, own=())
    async with ledger.cursor() as cursor:
        await cursor.execute(_ASKED_ABOUT, {"territory": territory.text, "tins": list(tins)})
        asked_about = [row[0] for row in await cursor.fetchall()]
    answers: list[GivenAnswer] = []
    for tin in asked_about:
        window = ALWAYS, NEVER_AT
        answers += await given(ledger, scope_of_holder, (), territory, window, (0, 0), most, tin)
    if not answers:
        return []
    found = await corrected(views, territory, answers, max(positions))
    return [answer for answer in found if answer.event_position in positions]


def _corrected(
    beliefs: OperatorBeliefs, territory: AdministrationCode, given: GivenAnswer, head: int
) -> CorrectedGivenAnswer | None:
    asked = _question(territory, given)
    correct = recognise(beliefs.at(head), asked).outcome
    answered = Outcome(given.outcome)
    if correct is answered:
        return None
    if answered is Outcome.UNKNOWN and correct is not Outcome.RECOGNISED:
        return None
    return CorrectedGivenAnswer(
        given, correct, _deciding_event(beliefs, asked, given, correct, head)
    )


def _deciding_event(
    beliefs: OperatorBeliefs, asked: Question, given: GivenAnswer, correct: Outcome, head: int
) -> int | None:
    """The last event after the answer since which the result for that instant has been the present
    one."""
    answered = given.position or 0
    places = {*positions_of(beliefs.own_facts), *beliefs.law.positions}
    later = [place for place in places if answered < place <= head]
    return last_change(beliefs.at, asked, correct, [answered, *later])


def _question(territory: AdministrationCode, given: GivenAnswer) -> Question:
    consignment = given.consignment or {}
    return Question(
        territory,
        given.law_at,
        Role(consignment["role"]) if "role" in consignment else None,
        Direction(consignment["direction"]) if "direction" in consignment else None,
        HsCode(consignment["hs"]) if "hs" in consignment else None,
        consignment.get("crossing"),
        consignment.get("mode"),
    )
