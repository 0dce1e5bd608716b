"""What takes too long is cut short, and what is counted in one go is counted as one by one."""

from __future__ import annotations

import asyncio
from random import Random

import pytest
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest

from api.graphql.deadlines import CHECK_INTERVAL, RequestDeadlines, left_when_cancelled
from api.observability import counters


def test_a_question_that_takes_too_long_is_cut_short_and_no_other() -> None:
    deadlines = RequestDeadlines()

    async def question(seconds: float | None, takes: float) -> str:
        task = deadlines.begin(seconds)
        try:
            await asyncio.sleep(takes)
        except asyncio.CancelledError:
            if not deadlines.was_late(task):
                raise
            return "late"
        finally:
            deadlines.end(task)
        await asyncio.sleep(0)  # it goes on as if nothing had been
        return "answered"

    async def all_of_them() -> list[str]:
        asked = (
            (0.01, 30),
            (30, 3 * CHECK_INTERVAL),
            (None, 3 * CHECK_INTERVAL),
            (0.05, 30),
            (30, 0),
        )
        return await asyncio.gather(*(question(*item) for item in asked))

    assert asyncio.run(all_of_them()) == ["late", "answered", "answered", "late", "answered"]


def test_who_is_late_does_not_wait_for_what_takes_long_to_stop() -> None:
    """psycopg tries for seconds to cancel a statement on a server that has fallen silent."""

    async def stubborn() -> str:
        try:
            await asyncio.sleep(30)
        except asyncio.CancelledError:
            await asyncio.sleep(30)
            raise
        return "answered"

    async def question() -> str:
        deadlines = RequestDeadlines()
        task = deadlines.begin(0.05)
        try:
            return await left_when_cancelled(stubborn())
        except asyncio.CancelledError:
            return "late" if deadlines.was_late(task) else "cancelled"
        finally:
            deadlines.end(task)

    async def at_most(seconds: float) -> str:
        async with asyncio.timeout(seconds):
            return await question()

    assert asyncio.run(at_most(10)) == "late"


@pytest.mark.parametrize("late", [False, True])
def test_whoever_goes_away_is_not_held_for_being_late(late: bool) -> None:
    deadlines = RequestDeadlines()

    async def question() -> None:
        task = deadlines.begin(0 if late else 30)
        try:
            await asyncio.sleep(30)
        except asyncio.CancelledError:
            if not deadlines.was_late(task):
                raise
        finally:
            deadlines.end(task)

    async def gone() -> None:
        asked = asyncio.create_task(question())
        await asyncio.sleep(0)
        if late:
            deadlines._check()  # in the very moment in which its subject goes
        asked.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asked

    asyncio.run(gone())


def test_what_is_gathered_adds_up_to_what_was_told_one_by_one() -> None:
    chance = Random(1)
    bounds = (0.005, 0.01, 0.1, 1.0)
    amounts = [*bounds, 0.0, 2.0, *(chance.random() ** 4 for _ in range(500))]
    told: list[bytes] = []
    for gathered in (False, True):
        registry = CollectorRegistry()
        seconds = Histogram("seconds", "of each", registry=registry, buckets=bounds)
        answers = Counter("answers", "so many", ["status"], registry=registry)

        async def tell(seconds: Histogram, answers: Counter, gathered: bool) -> None:
            for amount in amounts:
                if gathered:
                    counters.count(answers.labels(200))
                    counters.observe(seconds, amount)
                else:
                    answers.labels(200).inc()
                    seconds.observe(amount)
            if gathered:
                await asyncio.sleep(2 * counters.PAUSE)

        asyncio.run(tell(seconds, answers, gathered))
        lines = generate_latest(registry).splitlines()
        told.append(
            b"\n".join(line for line in lines if b"_created" not in line and b"_sum" not in line)
        )
    assert told[0] == told[1] and b'answers_total{status="200"} 506.0' in told[0]
