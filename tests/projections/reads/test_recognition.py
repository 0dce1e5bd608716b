"""The facts that the counter selects make the rule answer as all the facts of the world do."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from itertools import product
from string import ascii_uppercase
from typing import Any

import psycopg
import pytest

from projections.reads import recognition as reads
from projections.reads.visibility import VisibilityScope
from registry.domain.bitemporal import ALWAYS
from registry.domain.recognition import Question, RecognitionFacts, RecognitionResult, recognise
from registry.domain.values import Outcome
from tests.projections.reads import test_rule as rule
from tests.worlds import Maker, World

WORLDS = 25
MOMENT = timedelta(microseconds=1)
AUDITOR = VisibilityScope("auditor")
NOW = datetime(2030, 1, 1, tzinfo=UTC)


@pytest.fixture
def worlds(database: str) -> list[World]:
    codes = [a + b for a, b in product(ascii_uppercase, repeat=2)]
    made = [Maker(7_000 + n, codes[5 * n : 5 * n + 5]).make() for n in range(WORLDS)]
    with psycopg.connect(database, autocommit=True) as connection:
        rule._write(connection, made)
    return made


async def connected(database: str) -> psycopg.AsyncConnection[Any]:
    return await psycopg.AsyncConnection.connect(
        database, autocommit=True, options="-c timezone=UTC"
    )


def verdict(facts: RecognitionFacts, asked: Question) -> tuple[Any, ...]:
    recognition_result: RecognitionResult = recognise(facts, asked)
    return (
        recognition_result.outcome,
        recognition_result.legal,
        recognition_result.operational,
        recognition_result.reasons,
    )


def test_what_is_selected_is_what_the_rule_needs(database: str, worlds: list[World]) -> None:
    asked = [q for n, world in enumerate(worlds) for q in rule._questions(world, 1, n)[:12]]
    outcomes = set()

    async def ask() -> None:
        async with await connected(database) as connection:
            for world, stream, question, known in asked:
                tin, territory = stream[0].event.tin, question.territory
                here = await reads.facts(connection, AUDITOR, NOW, [tin], territory, known)
                wide = await reads.facts(connection, AUDITOR, NOW, [tin], None, known)
                wanted = recognise(rule._facts(world, stream, known), question)
                assert recognise(here.of(tin), question) == wanted
                # Read for every territory at once, and cut to this one, they answer the same.
                assert recognise(reads.into(wide.of(tin), territory), question) == wanted
                outcomes.add(wanted.outcome)

    asyncio.run(ask())
    assert outcomes == set(Outcome)


def test_an_answer_holds_over_its_whole_stretch_and_no_longer(
    database: str, worlds: list[World]
) -> None:
    asked = [q for n, world in enumerate(worlds) for q in rule._questions(world, 2, n)[:10]]
    bounded = 0
    for world, stream, question, known in asked:
        facts = rule._facts(world, stream, known)
        wanted = verdict(facts, question)
        start, end = reads.unchanged_interval(facts, question)
        assert start <= question.at and (end is None or question.at < end)

        def then(at: datetime, facts: RecognitionFacts = facts, asked: Question = question) -> Any:
            return verdict(facts, Question(**vars(asked) | {"at": at}))

        inside = {cut for cut in reads.edges(facts) if start <= cut and (not end or cut < end)}
        assert all(then(at) == wanted for at in inside | {start})
        if start > ALWAYS:
            assert then(start - MOMENT) != wanted
        if end is not None:
            assert then(end - MOMENT) == wanted != then(end)
            bounded += 1
    assert bounded > len(asked) // 10
