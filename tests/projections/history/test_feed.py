"""The feed can be folded: who keeps every course it tells has the right answer, now and later.

The oracle is the question itself: what the same subject is answered at the same instant, by the
facts and the visibility that SQL brings, for now and for every later instant of law.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from itertools import pairwise, product
from string import ascii_uppercase
from typing import Any

import psycopg
import pytest
from msgspec.structs import replace

from projections.history import belief_history_sql as reads
from projections.history.belief_history import OperatorBeliefs
from projections.history.feed import HIDDEN, Change, FeedStep, FeedVerdict, change
from projections.reads import recognition
from projections.reads.visibility import VisibilityScope
from registry.domain import commands as c
from registry.domain.agreements import decisions as deciding
from registry.domain.agreements.events import Agreement
from registry.domain.bitemporal import TimedEvent
from registry.domain.decisions import Decision
from registry.domain.operators import particulars_decisions
from registry.domain.operators.events import Operator
from registry.domain.recognition import Question, recognise
from registry.domain.values import AdministrationCode, Outcome, Tin
from tests.folding import Fold
from tests.projections.reads.test_rule import _write
from tests.worlds import START, Maker, World

#: In the last two worlds the law asks for consent of an authorisation that is not disclosed.
SEEDS = (*range(28), 216, 222)
CODES = [a + b for a, b in product(ascii_uppercase, repeat=2)]
Connection = psycopg.AsyncConnection[Any]


class Histories(Maker):
    """Worlds in which records are corrected, firms merged, and parties withdraw and come back."""

    def _live(
        self, item: Any, steps: list[Callable[[Decision], None]], zone: str
    ) -> list[TimedEvent[Any]]:
        more: list[Callable[[Decision], None]] = []
        if isinstance(item, Operator):
            more += [lambda by: self._correct(item, by)] * self.random.randint(0, 2)
            if self.random.random() < 0.2:
                other = c.MergeInto(tin=item.tin, successor=Tin(f"{item.administration}9"))
                more.append(lambda by: particulars_decisions.merge_into(item, other, by))
        if isinstance(item, Agreement):
            member, zone_of_it = self.random.choice(sorted(item.parties.items()))
            out, back = self._day(), self._day()
            leave = c.WithdrawFromAgreement(agreement=item.agreement, member=member, earliest=out)
            join = c.AccedeToAgreement(agreement=item.agreement, member=member, earliest=back)
            if self.random.random() < 0.3:
                more.append(lambda by: deciding.withdraw_member(item, leave, by))
                more.append(lambda by: deciding.accede(item, join, by, zone_of_it))
        for step in more:
            steps.insert(self.random.randint(min(4, len(steps)), len(steps)), step)
        return super()._live(item, steps, zone)

    def _clause(self, id: str, from_: AdministrationCode, to: AdministrationCode) -> c.SetScope:
        """Most clauses cover everybody, so that most of what happens moves an answer."""
        made = super()._clause(id, from_, to)
        if self.random.random() < 0.3:
            return made
        day = START + timedelta(days=self.random.randint(0, 60))
        return replace(made, types=("*",), programmes=(), roles=(), earliest=day, latest=day)

    def _dates(self) -> tuple[date, date]:
        """Most steps are dated early, to the day, so that there is time to be recognised in."""
        early = START + timedelta(days=self.random.randint(0, 60))
        return (early, early) if self.random.random() < 0.7 else super()._dates()

    def _correct(self, operator: Operator, by: Decision) -> None:
        version = self.random.randint(2, max(2, operator.version))
        what = self.random.choice(({"void": "true"}, {"effective": self._day().isoformat()}))
        order = c.CorrectRecord(tin=operator.tin, position=1, what=what, why="made up")
        particulars_decisions.correct(operator, order, by, version)


def one_sequence(world: World) -> list[datetime]:
    """Gives the events of all streams one sequence, in the order in which they were known, and
    answers when each was recorded: the first is at position 1."""
    streams = [
        stream
        for noun in (world.administrations, world.programmes, world.agreements, world.operators)
        for stream in noun
    ]
    order = sorted(
        (
            (each_timed_event.known_at, number, n)
            for number, stream in enumerate(streams)
            for n, each_timed_event in enumerate(stream)
        ),
    )
    for position, (at, number, n) in enumerate(order, start=1):
        timed_event = streams[number][n]
        streams[number][n] = TimedEvent(timed_event.event, position, at)
    return [at for at, _, _ in order]


def steps(recorded: list[datetime]) -> Iterator[FeedStep]:
    """Every place in the sequence: an answer may become another at any of them."""
    for n, at in enumerate(recorded):
        yield FeedStep(n + 1, n, recorded[max(n - 1, 0)], at)


@pytest.fixture
def worlds(database: str) -> tuple[str, list[tuple[World, list[datetime]]]]:
    made = [Histories(seed, CODES[5 * n : 5 * n + 5]).make() for n, seed in enumerate(SEEDS)]
    recorded = [one_sequence(world) for world in made]
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("set timezone = 'UTC'")
        _write(connection, made)
    return database, list(zip(made, recorded, strict=True))


def test_the_fold_of_the_feed_is_the_answer_now_and_on_every_later_day(
    worlds: tuple[str, list[tuple[World, list[datetime]]]],
) -> None:
    seen: Counter[str] = Counter()

    async def compare() -> None:
        async with await psycopg.AsyncConnection.connect(
            worlds[0], autocommit=True, options="-c timezone=UTC"
        ) as connection:
            for world, recorded in worlds[1]:
                for n, territory in enumerate(world.territories):
                    law = await reads.law_history(connection, territory)
                    if not law.links:
                        continue
                    for role in ("partner", ("officer", "auditor")[n % 2]):
                        scope = VisibilityScope(role, None if role == "auditor" else territory.text)
                        await _compare(connection, world, recorded, law, scope, seen)

    asyncio.run(compare())
    assert seen["answers"] > 5_000, seen
    assert seen["recognised"] > 60, seen
    assert seen["told"] > 200, seen
    assert seen["hidden"] > 5, seen
    assert seen["ends known in advance"] > 50, seen
    assert seen["by time"] > 10, seen


async def _compare(
    connection: Connection,
    world: World,
    recorded: list[datetime],
    law: reads.LawHistory,
    scope: VisibilityScope,
    seen: Counter[str],
) -> None:
    territory = law.territory
    tins = [str(stream[0].event.tin) for stream in world.operators]
    pasts = await reads.operator_beliefs(connection, law, tins)
    fold = Fold()
    for step in steps(recorded):
        for past in pasts.values():
            if told := change(past, territory, step, scope):
                fold.keep(_row(told))
                seen["told"] += 1
                seen["hidden"] += told.hidden_from is not None
                seen["by time"] += told.hidden_from is not None and told.hidden_from < step.at
                seen["ends known in advance"] += len(told.course()) > 1
        last = step.position == len(recorded)
        same_instant = not last and recorded[step.position] == step.at
        if last or (step.position % 11 == 0 and not same_instant):
            # The row of an operator has all the programmes that it ever was in, of today alone.
            there = [
                tin
                for tin in tins
                if _programmes(pasts[tin], step.position) == _programmes(pasts[tin], len(recorded))
            ]
            await _agree(connection, fold, there, pasts, territory, scope, step.at, seen)
    for days in (30, 400):
        # Nothing else is recorded: what passed by time alone is told with whatever comes next.
        step = FeedStep(len(recorded), len(recorded), recorded[-1], recorded[-1] + timedelta(days))
        later = fold.copy()
        for past in pasts.values():
            if told := change(past, territory, step, scope):
                later.keep(_row(told))
                seen["by time"] += 1
        await _agree(connection, later, tins, pasts, territory, scope, step.at, seen)


async def _agree(
    connection: Connection,
    fold: Fold,
    tins: list[str],
    pasts: dict[str, OperatorBeliefs],
    territory: AdministrationCode,
    scope: VisibilityScope,
    now: datetime,
    seen: Counter[str],
) -> None:
    known = await recognition.facts(
        connection, scope, now, [Tin(tin) for tin in tins], territory, now
    )
    for tin in tins:
        if scope.role != "partner" and at_home(pasts[tin], territory):
            continue  # its own operators are no part of the feed
        facts = known.of(Tin(tin))
        for at in sorted({now} | {edge for edge in recognition.edges(facts) if edge > now}):
            answer = recognise(facts, Question(territory, at))
            right = FeedVerdict(answer.outcome, answer.reasons)
            said = fold.at(tin, at)
            place = tin, territory, scope, f"at {at}, now {now}"
            if said is None and _not_heard_of(right, scope):
                continue
            assert (said or _plain(HIDDEN)) == _plain(right), place
            seen["answers"] += 1
            seen["recognised"] += right.outcome.value == "RECOGNISED"


def _programmes(past: OperatorBeliefs, position: int) -> set[str]:
    return {period.programme for period in past.at(position).periods}


def at_home(past: OperatorBeliefs, territory: AdministrationCode) -> bool:
    blocs = {held.fact.bloc for held in past.law.members}
    return past.administration == territory or territory in blocs


def _not_heard_of(right: FeedVerdict, scope: VisibilityScope) -> bool:
    """An auditor, who sees everybody, hears of those alone whose answer became another one."""
    return scope.role == "auditor" and right.outcome is Outcome.NOT_RECOGNISED


def _plain(verdict: FeedVerdict) -> tuple[str, list[str]]:
    return verdict.outcome.value, [reason.value for reason in verdict.reasons]


def _row(told: Change) -> dict[str, Any]:
    """A change of the feed as a row, with the field names of `Change` in the GraphQL schema."""
    course = told.course()
    assert course[0].from_ == told.effective_from
    assert (course[0].verdict.outcome, course[-1].to) == (told.now, None)
    assert all(one.to == other.from_ for one, other in pairwise(course))
    return {
        "tin": told.tin.text,
        "effectiveFrom": told.effective_from.isoformat(),
        "course": [
            {
                "from": each.from_.isoformat(),
                "to": each.to and each.to.isoformat(),
                "outcome": each.verdict.outcome.value,
                "reasons": [{"code": reason.value} for reason in each.verdict.reasons],
            }
            for each in course
        ],
    }
