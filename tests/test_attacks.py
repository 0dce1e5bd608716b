"""Whoever rules the database cannot change the past and have it believed."""

from __future__ import annotations

import json
from collections.abc import Iterator

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from ops import attacks
from ops.attacks import ATTACKS, EARLIER, NAMELESS, Auditor
from registry.application.registry import Registry
from registry.domain import commands
from registry.ledger.database import environment
from registry.paths import WORLD
from tests import rules_1

#: Every programme, and enough agreements to be in the way of the attacker.
FILES = {"01-administrations": None, "02-programmes": None, "03-agreements": 20}


@pytest.fixture(scope="module", params=[2, 1], ids=lambda rules: f"rules {rules}")
def auditor(
    server: str,
    blank_register: str,
    tmp_path_factory: pytest.TempPathFactory,
    request: pytest.FixtureRequest,
) -> Iterator[tuple[Auditor, list[int]]]:
    """Who has once seen the honest register, and the positions that are attacked afterwards.

    Under rules 1 the register holds what an earlier release recorded, and its bundles are as that
    release exported them.
    """
    name = "attacked_register"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {blank_register} STRATEGY file_copy")
        database = make_conninfo(server, dbname=name)
        if request.param == 1:
            rules_1.record(database)
            places = attacks.watched(database)
            folder = tmp_path_factory.mktemp("auditor")
            yield Auditor(folder, database, rules_1.as_exported_then), places[::5]
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
            return
        registry = Registry(environment(database))
        for file, lines in FILES.items():
            text = (WORLD / f"{file}.jsonl").read_text(encoding="utf-8")
            for line in text.splitlines()[:lines]:
                registry.execute(commands.read(json.loads(line)), "test")
        registry.close()
        places = attacks.prepare(database, 15)
        assert len(set(places)) == 20
        yield Auditor(tmp_path_factory.mktemp("auditor"), database), places
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.mark.parametrize("name", dict.fromkeys(name for name, _, _, _ in ATTACKS))
def test_an_attack_is_found_wherever_it_is_made(
    auditor: tuple[Auditor, list[int]], name: str
) -> None:
    """And its position named, wherever more than a root is there to be compared."""
    who, places = auditor
    attack = next(item for other, item, _, _ in ATTACKS if other == name)
    codes = {brought: codes for other, _, brought, codes in ATTACKS if other == name}
    for at in places:
        for brought, code, said in who.attack(attack, at, list(codes)):
            found = attacks.Found(name, at, brought, code, said)
            assert code in codes[brought], found
            if code == 0:
                assert said == [], found
            elif (name, brought) not in NAMELESS:
                assert found.names_it, found


def test_what_was_attacked_was_honest_before_and_after(
    auditor: tuple[Auditor, list[int]],
) -> None:
    who, _ = auditor
    [(brought, code, said)] = who.attack(lambda connection, at: None, 1, [EARLIER])
    assert (brought, code, said) == (EARLIER, 0, [])
