"""The population that never was: made by the real commands, the same for everybody."""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Iterator

import psycopg
import pytest

from api.demo import load
from api.demo.load import load_operators
from api.demo.population import Population
from projections.checking.check import check
from projections.engine.projector import Projector
from registry.application.registry import Registry
from registry.domain.operators.events import Operator
from registry.ledger.database import environment
from registry.paths import WORLD

MANY = 400


@pytest.fixture(scope="module")
def registry(world: str) -> Iterator[Registry]:
    new_registry = Registry(environment(world))
    yield new_registry
    new_registry.close()


@pytest.fixture(scope="module")
def population(registry: Registry) -> Population:
    return Population(registry)


def told(population: Population, number: int) -> list[str]:
    life = population.life(number)
    events = life.operator.pending_events
    return [
        f"{type(e).__name__} {e.effective} {known}"  # type: ignore[attr-defined]
        for e, known in zip(events, life.known, strict=True)
    ]


def recorded(database: str) -> list[tuple[str, str, str]]:
    """All that the generator recorded, without what depends on where it was recorded."""
    with psycopg.connect(database) as connection:
        rows = connection.execute(
            "select topic, (state::jsonb - 'corrects')::text, known_at::text from ledger.event"
            " where actor = 'generator' order by 1, 2, 3"
        )
        return [(topic, state, known) for topic, state, known in rows]


def test_a_number_always_lives_the_same_life(registry: Registry, population: Population) -> None:
    again = Population(registry)

    assert [told(again, n) for n in (3, 77)] == [told(population, n) for n in (3, 77)]
    assert told(Population(registry, seed=2), 3) != told(population, 3)


def test_every_life_says_that_it_is_made_up(population: Population) -> None:
    for number in range(50):
        first = population.life(number).operator.pending_events[0]
        assert isinstance(first, Operator.Registered)
        assert first.source == "synthetic"
        assert first.name.startswith("Synthetic ")


def test_no_synthetic_tin_is_that_of_a_fixed_operator(population: Population) -> None:
    lines = (WORLD / "09-operators.jsonl").read_text(encoding="utf-8").splitlines()
    fixed = {json.loads(line)["tin"] for line in lines}
    tins = [population.beginning(number)[0].text for number in range(20_000)]

    assert len(set(tins)) == len(tins)
    assert fixed.isdisjoint(tins)


def test_each_programme_has_its_share(population: Population) -> None:
    with (WORLD / "operator-counts.csv").open(newline="", encoding="utf-8") as file:
        sizes = {row["programme"]: int(row["operators"]) for row in csv.DictReader(file)}
    found = Counter(population.place(n).programme.programme for n in range(10_000))

    for programme, size in sizes.items():
        assert abs(found[programme] - 10_000 * size / sum(sizes.values())) <= 3


def test_lives_are_of_every_kind_and_keep_their_order(population: Population) -> None:
    topics: Counter[str] = Counter()
    for number in range(MANY):
        life = population.life(number)
        topics.update(type(event).__name__ for event in life.operator.pending_events)
        assert life.known == sorted(life.known)
        assert life.refused == []
    assert 8 <= topics.total() / MANY <= 12
    for kind in ("Granted", "Renewed", "Suspended", "SuspensionLifted", "Revoked", "Surrendered"):
        assert topics[kind]


def test_loading_is_the_same_in_any_batches_and_goes_on_where_it_was_cut_short(
    server: str, loaded_register: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_once = _loaded(server, loaded_register, "at_once")
    cut_short = _loaded(server, loaded_register, "cut_short")

    load_operators(at_once, MANY)
    monkeypatch.setattr(load, "BATCH", 64)
    for wanted in (70, 71, MANY):
        load_operators(cut_short, wanted)

    assert recorded(cut_short) == recorded(at_once)
    assert load_operators(at_once, MANY) == 0
    assert load_operators(at_once, 10) == 0


def test_what_the_register_makes_of_them_stands_every_check(
    server: str, loaded_register: str
) -> None:
    database = _loaded(server, loaded_register, "checked")
    load_operators(database, MANY)
    Projector(database).catch_up()

    assert [finding for finding in check(database) if not finding.good] == []
    with psycopg.connect(database) as connection:
        [(corrected, back_dated)] = connection.execute(
            "select count(*) filter (where topic = 'operator.corrected'), count(*) filter"
            " (where (state::json ->> 'effective')::date < known_at::date - 10)"
            " from ledger.event where actor = 'generator'"
        )
    assert corrected and back_dated


def _loaded(server: str, template: str, name: str) -> str:
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy")
    return psycopg.conninfo.make_conninfo(server, dbname=name)
