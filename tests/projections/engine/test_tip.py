"""At the tip only what moved is written, and it comes to the same as writing everything anew."""

from __future__ import annotations

import random
from itertools import product
from string import ascii_uppercase

import psycopg
import pytest
from msgspec.structs import replace

from api.demo.load import load_operators
from projections.engine import projector as following
from projections.engine.projector import Projector
from projections.engine.rebuild import digests, rebuild
from projections.models import operators
from projections.models.read_model import Rows, TableRow
from registry.application.registry import Registry
from registry.domain import commands
from registry.domain.texts import folded
from registry.domain.values import Tin
from registry.ledger.database import environment
from tests.worlds import Maker

SIZES = (1, 1, 2, 3, 5, 40, 250)  # of a batch, in events; 250 is more than few


def _digests(database: str) -> dict[str, str]:
    with psycopg.connect(database, autocommit=True) as connection:
        return digests(connection)


def _follow_in_steps(database: str, monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    dice = random.Random(seed)
    with psycopg.connect(database) as connection:
        row = connection.execute("select max(position) from ledger.event").fetchone()
    reached = 0
    while row and reached < row[0]:
        monkeypatch.setattr(following, "BATCH", dice.choice(SIZES))
        reached = Projector(database).catch_up(until=reached + dice.choice(SIZES))


def test_whole_lives_told_in_steps_of_any_size_leave_the_same_tables(
    world: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    load_operators(world, 90)
    _follow_in_steps(world, monkeypatch, seed=7)
    monkeypatch.undo()

    as_followed = _digests(world)
    rebuild(world)

    assert _digests(world) == as_followed


def test_after_any_event_what_moved_written_over_what_was_is_the_whole() -> None:
    """Every fourth event is known at the very instant of the one before it."""
    codes = [a + b for a, b in product(ascii_uppercase, repeat=2)]
    went_on = began_anew = 0
    for number in range(60):
        world = Maker(4_000 + number, codes[5 * number : 5 * number + 5]).make()
        for told in world.operators:
            stream = told[:1]
            for n, timed_event in enumerate(told[1:]):
                stream.append(
                    replace(timed_event, known_at=stream[-1].known_at)
                    if n % 4 == 3
                    else timed_event
                )
            for cut in range(1, len(stream)):
                if not operators.only_extends(stream[cut - 1], stream[cut:]):
                    began_anew += 1
                    continue
                went_on += 1
                since = stream[cut - 1].position
                patched = _by_key(operators.rows(stream[:cut]))
                patched |= _by_key(operators.rows(stream, since))
                assert patched == _by_key(operators.rows(stream))
    assert went_on > 500
    assert began_anew > 10


def _by_key(rows: Rows) -> dict[tuple[object, ...], TableRow]:
    """By what tells a row from another: the primary keys of the tables."""
    found: dict[tuple[object, ...], TableRow] = {}
    for table, made in rows.items():
        for row in made:
            key = [getattr(row, name) for name in _KEYS[table].split()]
            assert (table, *key) not in found
            found[table, *key] = row
    return found


_BELIEF = "valid_from recorded_from position"
_KEYS = {
    "operator": "tin",
    "particulars": f"tin {_BELIEF}",
    "identifier": f"tin scheme value {_BELIEF}",
    "certificate": "tin authorisation normal recorded_from position",
    "consent": f"tin partner {_BELIEF}",
    "status_period": f"tin authorisation {_BELIEF}",
    "deadline": "tin ordinal",
}


@pytest.mark.parametrize(
    "name",
    [
        'Rot "Weiss" GmbH',
        "Back\\slash\\nor what looks like one",
        "Två, tre {fyra} 'fem', null",
        "first line\nsecond line\ttab",
        "\\N",
        "null",
        "\x7f\u2028 東京",
    ],
)
def test_what_a_name_holds_comes_through_as_it_was_said(database: str, name: str) -> None:
    """Each way into the tables has signs of its own, and a firm may be called by any."""
    register = Registry(environment(database))
    try:
        for step in (
            {
                "command": "register_administration",
                "administration": "CN",
                "name": "GACC",
                "time_zone": "Asia/Shanghai",
            },
            {"command": "register_operator", "tin": "CN7700000001", "name": "A firm"},
        ):
            register.execute(commands.read(step), "officer:CN")
            Projector(database).catch_up()
        # Not by the door, which refuses some of it: older ledgers hold what it let in.
        step = commands.AmendParticulars(tin=Tin("CN7700000001"), address=name)
        register.execute(step, "officer:CN")
        Projector(database).catch_up()
    finally:
        register.close()

    assert _address(database) == name  # as one text a table, at the tip
    rebuild(database)
    assert _address(database) == name  # as COPY has it


def test_the_words_that_a_document_is_searched_by_stand_a_line_each(world: str) -> None:
    for again in (False, True):
        if again:
            rebuild(world)
        with psycopg.connect(world) as connection:
            rows = connection.execute("select id, title, words from views.document").fetchall()
        assert len(rows) > 10
        for id, title, words in rows:
            assert words.startswith(f"{folded(id)}\n{folded(title)}\n")
            assert "\\n" not in words


def _address(database: str) -> str:
    with psycopg.connect(database) as connection:
        found = connection.execute("select address from views.operator").fetchall()
    [[address]] = found
    assert isinstance(address, str)
    return address
