"""The data of a register that has operators of its own alone."""

from __future__ import annotations

import psycopg

from api.demo.dataset import is_loaded
from api.demo.load import load_world


def test_a_register_of_korea_has_the_whole_law_and_operators_of_korea_alone(database: str) -> None:
    korea = frozenset({"KR"})
    assert not is_loaded(database, 0, korea)

    assert load_world(database, own=korea) == []

    assert is_loaded(database, 0, korea) and not is_loaded(database, 0)
    with psycopg.connect(database) as connection:
        homes = connection.execute(
            "select distinct state::json ->> 'administration' from ledger.event"
            " where topic = 'operator.registered'"
        ).fetchall()
        [(agreements,)] = connection.execute(
            "select count(*) from ledger.event where topic = 'agreement.proposed'"
        )
        before = connection.execute("select max(position) from ledger.event").fetchone()
        load_world(database, own=korea)
        assert connection.execute("select max(position) from ledger.event").fetchone() == before
    assert homes == [("KR",)]
    assert agreements > 180
