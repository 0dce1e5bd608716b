"""What was answered on its day and is answered otherwise now: each such day, and no other."""

from __future__ import annotations

import asyncio
from bisect import bisect_right
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import product
from string import ascii_uppercase
from typing import Any

import psycopg

from projections.history.belief_history import TimeInterval
from projections.history.belief_history_sql import law_history, operator_beliefs
from projections.history.divergence_candidates import candidates
from projections.history.divergences import Divergence, divergences
from projections.models import operators
from projections.models.catalogue import TABLES
from projections.models.tables import copy
from projections.reads.visibility import VisibilityScope
from registry.domain.bitemporal import TimedEvent
from registry.domain.recognition import Outcome, Question, RecognitionFacts, recognise
from registry.domain.values import AdministrationCode
from tests.projections.reads.test_rule import _KEPT, _facts, _write
from tests.worlds import Maker, World

WORLDS = 36
NOW = datetime(2030, 1, 1, tzinfo=UTC)
WINDOW = datetime(2019, 12, 20, tzinfo=UTC), datetime(2021, 4, 1, tzinfo=UTC)
INSIDE = datetime(2020, 5, 3, 7, 30, tzinfo=UTC), datetime(2020, 9, 1, tzinfo=UTC)
STEP = timedelta(hours=83)  # so that every hour of the day has its turn


def test_they_are_the_days_on_which_the_rule_is_answered_otherwise_now(database: str) -> None:
    codes = [a + b for a, b in product(ascii_uppercase, repeat=2)]
    worlds = [Maker(5_000 + n, codes[5 * n : 5 * n + 5]).make() for n in range(WORLDS)]
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("set timezone = 'UTC'")
        _write(connection, worlds)
        _write_changes(connection, worlds)
    days = found = late_law = 0
    with _asking(database) as ask:
        told_of = {place: ask(place, WINDOW) for world in worlds for place in world.territories}
    for world in worlds:
        past = _Anew(world)
        for territory in world.territories:
            told = told_of[territory]
            for stream in world.operators:
                own = told.pop(stream[0].event.tin.text, [])
                for at in past.days(WINDOW):
                    expected = past.divergence(stream, territory, at)
                    [*heard] = [
                        (each_divergence.answered, each_divergence.correct)
                        for each_divergence in own
                        if each_divergence.at <= at < each_divergence.until
                    ]
                    assert heard == ([expected] if expected else []), (
                        stream[0].event.tin,
                        territory,
                        at,
                    )
                    days += 1
                for divergence in own:
                    since = past.known_for_good(stream, territory, divergence)
                    assert divergence.event_position in past.places(since), (divergence, since)
                    found += 1
                    late_law += divergence.event_position not in {e.position for e in stream}
            assert told == {}  # nobody else's answers are in question
    assert days > 50_000
    assert found > 100
    assert late_law > 10


def test_a_smaller_window_shows_the_same_days_of_it(database: str) -> None:
    codes = [a + b for a, b in product(ascii_uppercase, repeat=2)]
    worlds = [Maker(6_000 + n, codes[5 * n : 5 * n + 5]).make() for n in range(WORLDS)]
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("set timezone = 'UTC'")
        _write(connection, worlds)
        _write_changes(connection, worlds)
    cut = 0
    with _asking(database) as ask:
        answered = [
            (ask(place, WINDOW), ask(place, INSIDE))
            for world in worlds
            for place in world.territories
        ]
    for whole, inside in answered:
        expected = {
            tin: [
                (
                    max(divergence.at, INSIDE[0]),
                    min(divergence.until, INSIDE[1]),
                    divergence.event_position,
                )
                for divergence in told
                if divergence.at < INSIDE[1] and divergence.until > INSIDE[0]
            ]
            for tin, told in whole.items()
        }
        shown = {
            tin: [
                (divergence.at, divergence.until, divergence.event_position) for divergence in told
            ]
            for tin, told in inside.items()
        }
        assert shown == {tin: told for tin, told in expected.items() if told}
        cut += len(shown)
    assert cut > 20


class _Anew:
    """Everything by the events alone: no read model is asked."""

    def __init__(self, world: World) -> None:
        # The links are kept by the ids of streams, and another test's streams may have borne them.
        _KEPT.clear()
        self.world = world
        streams = (*world.operators, *world.agreements, *world.administrations, *world.programmes)
        self.events = [known for stream in streams for known in stream]
        self.known = sorted({event.known_at for event in self.events})
        self._kept: dict[tuple[int, int], RecognitionFacts] = {}

    def days(self, window: TimeInterval) -> list[datetime]:
        steps = (window[1] - window[0]) // STEP
        return [window[0] + n * STEP for n in range(steps)]

    def facts(self, stream: list[TimedEvent[Any]], known: datetime) -> RecognitionFacts:
        key = id(stream), bisect_right(self.known, known)
        if key not in self._kept:
            self._kept[key] = _facts(self.world, stream, known)
        return self._kept[key]

    def divergence(
        self, stream: list[TimedEvent[Any]], territory: AdministrationCode, at: datetime
    ) -> tuple[Outcome, Outcome] | None:
        asked = Question(territory, at)
        then = self.facts(stream, at)
        answered = recognise(then, asked).outcome
        correct = recognise(self.facts(stream, NOW), asked).outcome
        if answered is correct or (then.tin is None and correct is not Outcome.RECOGNISED):
            return None
        return answered, correct

    def known_for_good(
        self, stream: list[TimedEvent[Any]], territory: AdministrationCode, divergence: Divergence
    ) -> datetime:
        """The instant since which the answer about that day has been what it is now."""
        asked = Question(territory, divergence.at)
        since = NOW
        for known in reversed([known for known in self.known if known > divergence.at]):
            if recognise(self.facts(stream, known), asked).outcome is not divergence.correct:
                break
            since = known
        return since

    def places(self, known: datetime) -> set[int]:
        return {event.position for event in self.events if event.known_at == known}


def _write_changes(connection: psycopg.Connection[Any], worlds: list[World]) -> None:
    rows = [
        row
        for world in worlds
        for told in world.operators
        for row in operators.changes(
            told[0].event, [(timed_event, timed_event.known_at) for timed_event in told]
        )["change"]
    ]
    with connection.cursor() as cursor:
        copy(cursor, "views", TABLES["change"], rows)


@contextmanager
def _asking(
    database: str,
) -> Iterator[Callable[[AdministrationCode, TimeInterval], dict[str, list[Divergence]]]]:
    """Asks over one connection: another would read the catalogue and plan each time anew, which
    takes most of the database's time."""
    with asyncio.Runner() as runner:
        connecting = psycopg.AsyncConnection.connect(
            database, autocommit=True, options="-c timezone=UTC"
        )
        connection = runner.run(connecting)
        try:
            yield lambda territory, window: runner.run(_divergences(connection, territory, window))
        finally:
            runner.run(connection.close())


async def _divergences(
    connection: psycopg.AsyncConnection[Any], territory: AdministrationCode, window: TimeInterval
) -> dict[str, list[Divergence]]:
    law = await law_history(connection, territory)
    tins = await candidates(connection, VisibilityScope("auditor"), NOW, law, window, "", 1_000)
    found = {
        tin: divergences(beliefs, territory, window)
        for tin, beliefs in (await operator_beliefs(connection, law, tins)).items()
    }
    return {tin: told for tin, told in found.items() if told}
