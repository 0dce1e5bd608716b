"""The divergences that a back-dated command would make: what was answered, or would have been, on
the days that it reaches back to, and what today's record would say of them then.

They are found by the same function as those of `/divergences`, on everything ever believed about
the operator and the law, with the command's facts as if they had become known now. Nothing is
recorded.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from api.access.policy import SubjectRole
from api.graphql.context import Context
from projections.history import answered
from projections.history.belief_history import (
    BelievedFact,
    OperatorBeliefs,
    OperatorPast,
    OwnFacts,
    TimeInterval,
)
from projections.history.belief_history_sql import law_history, past_of
from projections.history.divergences import Divergence, divergences
from registry.domain.values import AdministrationCode, Tin

T = TypeVar("T")

#: The position of what is not recorded: after everything that is.
UNRECORDED = 2**62
SHOWN = 5  # divergences that are shown; the number is of all
MOST_ANSWERS = 1_000  # given answers that are looked through for each territory


@dataclass(frozen=True)
class ArisingDivergence:
    """A divergence that would arise: what `territory` was answered from `since` until `until`
    (valid time, UTC, half open), by what was known then, and what it would be answered now."""

    tin: str
    territory: str
    since: datetime
    until: datetime
    before: str
    after: str


@dataclass(frozen=True)
class ArisingDivergences:
    """`found`: all that arise. `given`: how many answers that were really given to customs are
    among them, as far as the subject may read them; `more_given`: at least that many."""

    found: list[ArisingDivergence] = field(default_factory=list)
    given: int = 0
    more_given: bool = False

    @property
    def first(self) -> list[ArisingDivergence]:
        """The first of them, by day."""
        return self.found[:SHOWN]


async def arising_of_operator(
    context: Context, tin: Tin, after: OwnFacts, since: datetime, territories: Iterable[str]
) -> ArisingDivergences:
    """Those about one operator. `after`: its facts with the command; `since`: the first instant of
    valid time at which they differ."""
    window = since, context.now
    found: list[ArisingDivergence] = []
    given, more = 0, False
    async with context.whole.connection() as views:
        past = (await past_of(views, [tin.text])).get(tin.text)
        if past is None or window[0] >= window[1]:
            return ArisingDivergences()
        changed = _with_facts(past, after, context.now)
        for code in sorted(set(territories)):
            territory = AdministrationCode(code)
            law = (await law_history(views, territory)).beliefs_from(past.administration.text)
            arising = _arising(changed.beliefs(law, law), territory, window)
            found += [_shown(each, code) for each in arising]
            if arising:
                count, cut = await _given(context, territory, arising)
                given, more = given + count, more or cut
            await asyncio.sleep(0)  # lets other requests run between two territories
    found.sort(key=lambda each: (each.since, each.territory))
    return ArisingDivergences(found, given, more)


def _arising(
    beliefs: OperatorBeliefs, territory: AdministrationCode, window: TimeInterval
) -> list[Divergence]:
    """Those that the unrecorded facts make."""
    return [
        each
        for each in divergences(beliefs, territory, window)
        if each.event_position == UNRECORDED
    ]


def _shown(divergence: Divergence, territory: str) -> ArisingDivergence:
    return ArisingDivergence(
        divergence.tin.text,
        territory,
        divergence.at,
        divergence.until,
        divergence.answered.value,
        divergence.correct.value,
    )


async def _given(
    context: Context, territory: AdministrationCode, arising: Sequence[Divergence]
) -> tuple[int, bool]:
    """How many answers that were given to customs are among these divergences, and whether there
    can be more."""
    if context.subject.role is not SubjectRole.OFFICER:
        return 0, False
    window = arising[0].at, arising[-1].until
    members = sorted(context.subject.home)
    async with context.ledger.connection() as ledger:
        answers = await answered.given(
            ledger,
            context.subject.visibility,
            members,
            territory,
            window,
            (0, 0),
            MOST_ANSWERS,
            arising[0].tin.text,
        )
    wrong = [
        answer
        for answer in answers
        if any(
            each.at <= answer.law_at < each.until and answer.outcome == each.answered.value
            for each in arising
        )
    ]
    return len(wrong), len(answers) == MOST_ANSWERS


def _with_facts(past: OperatorPast, after: OwnFacts, now: datetime) -> OperatorPast:
    """What was believed, with these facts from now on."""
    return OperatorPast(
        past.tin,
        past.administration,
        past.registered,
        learned(past.periods, after.periods, now),
        learned(past.identifiers, after.identifiers, now),
        learned(past.consents, after.consents, now),
    )


def learned(
    believed: Sequence[BelievedFact[T]], facts: Sequence[T], now: datetime
) -> list[BelievedFact[T]]:
    """Everything believed so far and, from now on, exactly these facts."""
    found: list[BelievedFact[T]] = []
    rest: list[Any] = list(facts)
    for row in believed:
        if row.recorded_to is not None:
            found.append(row)
        elif row.fact in rest:
            rest.remove(row.fact)
            found.append(row)
        else:
            found.append(BelievedFact(row.fact, row.position, row.recorded_from, UNRECORDED, now))
    return found + [BelievedFact(fact, UNRECORDED, now) for fact in rest]
