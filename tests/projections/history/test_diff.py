"""Two moments compared: exactly those who are answered otherwise, whichever moment comes first."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import product
from string import ascii_uppercase
from typing import Any

import psycopg
import pytest

from projections.history import diff
from projections.history.diff import AnswerDifference, Moment, MomentDiff
from registry.domain.bitemporal import TimedEvent
from registry.domain.recognition import Outcome, Question, is_valid_at, recognise
from registry.domain.values import AdministrationCode, Status
from tests.projections.reads.test_rule import _KEPT, _facts, _write
from tests.worlds import Maker, World

WORLDS, PAIRS = 24, 14
LAST = Moment(datetime(2021, 3, 1, tzinfo=UTC), datetime(2030, 1, 1, tzinfo=UTC))


@pytest.fixture
def worlds(database: str) -> Any:
    codes = [a + b for a, b in product(ascii_uppercase, repeat=2)]
    made = [Maker(7_000 + n, codes[5 * n : 5 * n + 5]).make() for n in range(WORLDS)]
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("set timezone = 'UTC'")
        _write(connection, made)
        _KEPT.clear()
        yield made, connection


def test_it_is_who_the_rule_answers_otherwise(worlds: Any) -> None:
    made, connection = worlds
    luck = random.Random("two moments")
    found = 0
    for number in range(PAIRS):
        one, other = _moment(luck), _moment(luck)
        if number % 3 == 0:
            other = replace(other, at=one.at)
        if number % 3 == 1:
            other = replace(other, known=one.known)
        told = _all(connection, one, other)
        for world in made:
            for stream in world.operators:
                tin = str(stream[0].event.tin)
                heard = told.pop(tin, None)
                expected = _expected(world, stream, one, other)
                assert _plain(heard, world) == expected, (tin, one, other)
                if expected and heard:
                    assert heard.event_positions, (tin, one, other)
                    if one.at == other.at:
                        between = sorted((one.known, other.known))
                        assert _known(world, heard) & _between(world, between), (tin, one, other)
                    found += 1
        assert told == {}
    assert found > 200


def test_a_moment_is_not_otherwise_than_itself(worlds: Any) -> None:
    _, connection = worlds

    assert _all(connection, LAST, LAST) == {}


def test_the_other_way_round_it_is_the_same_the_other_way_round(worlds: Any) -> None:
    _, connection = worlds
    luck = random.Random("mirrored")
    one = _moment(luck)
    told, mirrored = _all(connection, one, LAST), _all(connection, LAST, one)

    assert told
    assert {tin: _turned(answer_difference) for tin, answer_difference in told.items()} == mirrored


def test_one_territory_or_one_operator_is_a_part_of_the_whole(worlds: Any) -> None:
    made, connection = worlds
    one = Moment(datetime(2020, 6, 1, tzinfo=UTC), datetime(2020, 7, 1, tzinfo=UTC))
    whole = _all(connection, one, LAST)
    blocs = {_bloc(world).text for world in made}
    answered = {
        (each_answer_difference.tin, answer.territory, answer.one, answer.other)
        for each_answer_difference in whole.values()
        for answer in each_answer_difference.answers
        if answer.territory not in blocs
    }
    seen = set()
    for territory in [place.text for world in made for place in world.territories]:
        for answer_difference in _all(connection, one, LAST, territory=territory).values():
            seen |= {
                (answer_difference.tin, a.territory, a.one, a.other)
                for a in answer_difference.answers
                if a.territory not in {answer_difference.administration, *blocs}
            }
    assert seen == answered
    for tin, answer_difference in list(whole.items())[:10]:
        assert _all(connection, one, LAST, tin=tin) == {tin: answer_difference}


def test_it_goes_on_where_it_was_left(worlds: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    _, connection = worlds
    one = Moment(datetime(2020, 6, 1, tzinfo=UTC), datetime(2020, 7, 1, tzinfo=UTC))
    whole = list(_all(connection, one, LAST))
    monkeypatch.setattr(diff, "CHUNK", 4)

    assert list(_all(connection, one, LAST)) == whole == sorted(whole)
    assert list(_all(connection, one, LAST, after=whole[6])) == whole[7:]


def _moment(luck: random.Random) -> Moment:
    start = datetime(2020, 1, 1, tzinfo=UTC)
    at, known = (start + timedelta(hours=luck.randint(0, 24 * 430)) for _ in range(2))
    return Moment(at, known)


def _all(
    connection: psycopg.Connection[Any], one: Moment, other: Moment, **said: Any
) -> dict[str, AnswerDifference]:
    with connection.transaction():
        connection.execute("set transaction isolation level repeatable read")
        return {
            difference.tin: difference
            for difference in MomentDiff(connection, one, other).differences(**said)
        }


Plain = tuple[str | None, str | None, dict[str, tuple[str, str]]]


def _plain(answer_difference: AnswerDifference | None, world: World) -> Plain | None:
    bloc = _bloc(world).text
    answers = (
        [a for a in answer_difference.answers if a.territory != bloc] if answer_difference else []
    )
    if answer_difference is None or (
        answer_difference.standing[0] == answer_difference.standing[1] and not answers
    ):
        return None
    return (*answer_difference.standing, {a.territory: (a.one, a.other) for a in answers})


def _expected(
    world: World, stream: list[TimedEvent[Any]], one: Moment, other: Moment
) -> Plain | None:
    facts = [_facts(world, stream, moment.known) for moment in (one, other)]
    stood: list[str | None] = []
    for known, moment in zip(facts, (one, other), strict=True):
        held = [p.status for p in known.periods if is_valid_at(p, moment.at)]
        best = min(held, key=list(Status).index, default=Status.NONE)
        stood.append(best.value if known.tin else None)
    answers: dict[str, tuple[str, str]] = {}
    for territory in world.territories:
        if territory in (_home(stream), _bloc(world)):
            continue
        said = [
            recognise(known, Question(territory, moment.at)).outcome
            for known, moment in zip(facts, (one, other), strict=True)
        ]
        unknown = None in stood and Outcome.RECOGNISED not in said
        if said[0] is not said[1] and not unknown:
            answers[territory.text] = (said[0].value, said[1].value)
    if stood[0] == stood[1] and not answers:
        return None
    return stood[0], stood[1], answers


def _bloc(world: World) -> AdministrationCode:
    """Its members answer for it; by itself it is answered only while it has none."""
    return world.territories[3]


def _home(stream: list[TimedEvent[Any]]) -> AdministrationCode:
    home: AdministrationCode = stream[0].event.administration
    return home


def _between(world: World, known: list[datetime]) -> set[int]:
    """The events of a world that became known between two instants."""
    return {event.position for event in _events(world) if known[0] < event.known_at <= known[1]}


def _known(world: World, answer_difference: AnswerDifference) -> set[int]:
    return answer_difference.event_positions & {event.position for event in _events(world)}


def _events(world: World) -> list[TimedEvent[Any]]:
    streams = (*world.operators, *world.agreements, *world.administrations, *world.programmes)
    return [event for stream in streams for event in stream]


def _turned(answer_difference: AnswerDifference) -> AnswerDifference:
    answers = [replace(a, one=a.other, other=a.one) for a in answer_difference.answers]
    return replace(
        answer_difference,
        standing=(answer_difference.standing[1], answer_difference.standing[0]),
        answers=answers,
    )
