"""What partners were really answered: from the log of looks, and what is said of it today."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.rows import class_row

from projections.history import change_facts
from projections.history.belief_history import BelievedFact, Past
from projections.reads.visibility import VisibilityScope
from registry.domain.recognition import Question, recognise
from registry.domain.values import AdministrationCode, Direction, HsCode, Outcome, Role

Connection = AsyncConnection[Any]


@dataclass(frozen=True)
class Given:
    """One answer that was given. `number`, `place`: of the look, and of the operator in it.

    `law_at` and `known_at` were asked about, at `asked_at`; all in UTC. `outcome`: as it was told.
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
class Corrected:
    """A given answer that would be another today. `because`: the position of the event since which
    it is known so; None where no single event says it."""

    given: Given
    correct: Outcome
    because: int | None


#: Whoever asked for what was known earlier was not misled by what was learned later.
_GIVEN = """
select l.number, t.place::int, t.tin, l.territory, coalesce(t.law_at, l.law_at) as law_at,
    l.known_at, coalesce(t.consignment, l.consignment) as consignment,
    l.at as asked_at, l.subject as asked_by, l.purpose, l.request, t.outcome, l.position
from access.read_log l
cross join lateral unnest(l.tins, l.outcomes, l.law_ats, l.consignments) with ordinality
    as t (tin, outcome, law_at, consignment, place)
where l.territory = %(territory)s and (l.number, t.place) > (%(number)s, %(place)s)
    and coalesce(t.law_at, l.law_at) >= %(from)s and coalesce(t.law_at, l.law_at) < %(to)s
    and l.known_at >= l.at
    and t.outcome is not null
    and (%(tin)s::text is null or (l.tins @> array[%(tin)s::text] and t.tin = %(tin)s))
    and (%(asker)s = 'auditor' or l.administration = %(own)s
        or (%(asker)s = 'officer' and case left(t.tin, 2) when 'XI' then 'GB' else left(t.tin, 2)
            end = any(%(members)s::text[])))
order by l.number, t.place
limit %(most)s"""


async def given(
    ledger: Connection,
    sight: VisibilityScope,
    members: Sequence[str],
    territory: AdministrationCode,
    window: tuple[datetime, datetime],
    after: tuple[int, int],
    most: int,
    tin: str | None = None,
) -> list[Given]:
    """Answers about a territory that the asker may hear of, for the law of [from, to), in the order
    in which they were given: `most` at most, after that number and place.

    An auditor hears of all; a customs of its own questions, and, at home, of everybody's about
    its own operators. `members`: the administrations whose operators are the asker's own. `tin`:
    only those about this operator.
    """
    parameters = {
        "territory": territory.text,
        "from": window[0],
        "to": window[1],
        "number": after[0],
        "place": after[1],
        "asker": sight.role,
        "own": sight.administration,
        "members": list(members),
        "most": most,
        "tin": tin,
    }
    async with ledger.cursor(row_factory=class_row(Given)) as cursor:
        await cursor.execute(_GIVEN, parameters)
        return await cursor.fetchall()


async def corrected(
    views: Connection, territory: AdministrationCode, answers: Sequence[Given], head: int
) -> list[Corrected]:
    """Those of these answers that would be others by what is known at that position.

    That an operator was unknown or hidden counts only where it is recognised now: of who was not
    there, or not to be seen, nobody was told wrong.
    """
    law = await change_facts.law(views, territory)
    pasts = await change_facts.pasts(views, law, law, sorted({each.tin for each in answers}))
    found = [
        _corrected(past, territory, each, head) for each in answers if (past := pasts.get(each.tin))
    ]
    return [each for each in found if each]


def _corrected(
    past: Past, territory: AdministrationCode, given: Given, head: int
) -> Corrected | None:
    asked = _question(territory, given)
    correct = recognise(past.at(head), asked).outcome
    answered = Outcome(given.outcome)
    if correct is answered:
        return None
    if answered is Outcome.UNKNOWN and correct is not Outcome.RECOGNISED:
        return None
    return Corrected(given, correct, _because(past, asked, given, correct, head))


def _because(past: Past, asked: Question, given: Given, correct: Outcome, head: int) -> int | None:
    """The last event after the answer, since which what is said of that instant is what it is."""
    way = past.way
    facts: list[BelievedFact[Any]] = [
        *past.periods,
        *past.identifiers,
        *past.consents,
        *way.links,
        *way.members,
        *way.consent_laws,
    ]
    places = {place for each in facts for place in (each.position, each.position_to) if place}
    places |= {each.position for each in way.lists}
    for place in sorted(places, reverse=True):
        if (given.position or 0) < place <= head and (
            recognise(past.at(place - 1), asked).outcome is not correct
        ):
            return place
    return None


def _question(territory: AdministrationCode, given: Given) -> Question:
    said = given.consignment or {}
    return Question(
        territory,
        given.law_at,
        Role(said["role"]) if "role" in said else None,
        Direction(said["direction"]) if "direction" in said else None,
        HsCode(said["hs"]) if "hs" in said else None,
        said.get("crossing"),
        said.get("mode"),
    )
