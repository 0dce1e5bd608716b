"""Any moment can be made again from the events: what was believed, and what held that day."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest

from projections.engine.projector import Projector
from projections.engine.rebuild import digests
from projections.history import replay_at
from projections.history.replay_at import drop, replay, schema_of
from projections.models.catalogue import BY_NAME, TABLES
from registry.application.registry import Registry

AT = datetime(2026, 3, 5, tzinfo=UTC)
BEFORE, AFTER = datetime(2026, 3, 6, tzinfo=UTC), datetime(2026, 3, 11, tzinfo=UTC)
LATE = "CN0000000012"  # suspended with effect from the first, recorded on the tenth
#: A certificate number is believed, and holds on every day of law; a proposal or a dispute is of no
#: day of law.
ONE_CLOCK = ("certificate", "proposal", "dispute")
TWO_CLOCKS = [
    name
    for name, table in TABLES.items()
    if "recorded_to" in table.columns and name not in ONE_CLOCK
]


#: A belief of then had not ended yet.
ENDS = ("recorded_to", "position_to")


@pytest.fixture
def connection(database: str, a_world: Registry) -> Any:
    Projector(database).catch_up()
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("set timezone = 'UTC'")
        yield connection


def test_of_now_it_is_what_the_live_tables_are(
    database: str, connection: psycopg.Connection[Any]
) -> None:
    now = datetime.now(UTC)
    told = replay(database, now, now)

    assert {table.name: table.digest for table in told} == digests(connection)
    assert sum(table.rows for table in told) > 1_000
    assert all(0 <= table.held <= table.rows for table in told)


def test_folded_by_other_processes_it_is_the_same(
    database: str, connection: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = replay(database, AT, AFTER)
    monkeypatch.setattr(replay_at, "PARALLEL_FROM", 1)
    monkeypatch.setattr(replay_at, "BATCH", 97)

    assert replay(database, AT, AFTER) == alone


def test_of_then_it_holds_what_the_live_tables_remember_of_then(
    database: str, connection: psycopg.Connection[Any]
) -> None:
    for known in (BEFORE, AFTER):
        replay(database, AT, known)
        schema = schema_of(AT, known)
        for table in TWO_CLOCKS:
            then = [name for name in TABLES[table].columns if name not in ENDS]
            fields = ", ".join(f'"{name}"' for name in then)
            remembered = f"""select {fields} from views.{table} where recorded_from <= '{known}'
                and (recorded_to is null or recorded_to > '{known}')"""
            made = f"select {fields} from {schema}.{table} where recorded_to is null"
            assert _all(connection, made) == _all(connection, remembered), (table, known)
            held = f"""{remembered} and {"from_at" if table == "dated" else "valid_from"} <= '{AT}'
                {"" if table == "dated" else f"and (valid_to is null or valid_to > '{AT}')"}"""
            shown = f"select {fields} from {schema}.{table}_at"
            assert _all(connection, shown) == _all(connection, held), (table, known)


def test_a_late_suspension_is_in_one_belief_and_not_in_the_other(
    database: str, connection: psycopg.Connection[Any]
) -> None:
    stood = []
    for known in (BEFORE, AFTER):
        replay(database, AT, known, [BY_NAME["operators"]])
        [(standing,)] = connection.execute(
            f"select standing from {schema_of(AT, known)}.operator_at where tin = %s", [LATE]
        ).fetchall()
        stood.append(standing)

    assert stood == ["VALID", "SUSPENDED"]


def test_what_was_not_asked_for_is_not_there_and_what_is_dropped_is_gone(
    database: str, connection: psycopg.Connection[Any]
) -> None:
    told = replay(database, AT, AFTER, [BY_NAME["agreements"]])
    schema = schema_of(AT, AFTER)

    assert schema == "replay_20260305t000000_20260311t000000"
    assert {table.name for table in told} == {
        "agreement",
        "party",
        "stage",
        "side",
        "dated",
        "link",
    }
    tables = _all(
        connection,
        f"select table_name from information_schema.tables"
        f" where table_schema = '{schema}' and table_type = 'BASE TABLE'",
    )
    assert tables == sorted((table.name,) for table in told)

    assert drop(connection, AT, BEFORE) == []
    assert drop(connection) == [schema]
    assert drop(connection) == []


def test_a_replay_that_is_cut_short_leaves_nothing(
    database: str, connection: psycopg.Connection[Any]
) -> None:
    def stop(position: int, events: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        replay(database, AT, AFTER, progress=stop)

    assert drop(connection) == []


def _all(connection: psycopg.Connection[Any], statement: str) -> list[tuple[Any, ...]]:
    return sorted(connection.execute(statement.encode()).fetchall(), key=repr)
