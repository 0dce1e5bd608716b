"""Migrations are applied once, in order, and never rewritten."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from registry.ledger.database import (
    MIGRATION_LOCK,
    MigrationRefused,
    migrate,
    require_schema,
    with_settings,
)


@pytest.fixture
def empty(server: str) -> Iterator[str]:
    """The conninfo of a database that no migration has seen."""
    name = f"empty_{uuid4().hex}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"create database {name}".encode())
        yield make_conninfo(server, dbname=name)
        connection.execute(f"drop database {name} with (force)".encode())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "0001_a.sql").write_text("create table a (n integer); insert into a values (1);")
    (tmp_path / "0003_b.sql").write_text("create table b ()")
    return tmp_path


def test_what_is_missing_is_applied_in_order_and_once(empty: str, folder: Path) -> None:
    assert migrate(empty, folder) == ["0001_a.sql", "0003_b.sql"]
    assert migrate(empty, folder) == []

    (folder / "0004_c.sql").write_text("insert into a values (2)")

    assert migrate(empty, folder) == ["0004_c.sql"]


def test_two_who_migrate_at_once_do_it_once(empty: str, folder: Path) -> None:
    with ThreadPoolExecutor(4) as pool:
        applied = list(pool.map(lambda _: migrate(empty, folder), range(4)))

    assert sorted(applied, key=len) == [[], [], [], ["0001_a.sql", "0003_b.sql"]]


def test_another_migration_is_waited_for_aloud_and_not_for_ever(empty: str, folder: Path) -> None:
    said: list[str] = []
    with psycopg.connect(empty, application_name="left over", autocommit=True) as other:
        other.execute("select pg_advisory_lock(%s)", [MIGRATION_LOCK])
        with pytest.raises(TimeoutError, match="another migration has not ended within 1 s"):
            migrate(empty, folder, say=said.append, seconds=1.0)
        pid = other.info.backend_pid

    [line] = said
    assert f"server process {pid} 'left over'" in line
    assert migrate(empty, folder, say=said.append) == ["0001_a.sql", "0003_b.sql"]


def test_a_file_that_fails_leaves_nothing_of_itself(empty: str, folder: Path) -> None:
    (folder / "0003_b.sql").write_text("create table b (); select 1 / 0;")

    with pytest.raises(psycopg.errors.DivisionByZero):
        migrate(empty, folder)

    (folder / "0003_b.sql").write_text("create table b ()")
    assert migrate(empty, folder) == ["0003_b.sql"]


def test_a_file_that_was_changed_after_it_was_applied_is_refused(empty: str, folder: Path) -> None:
    migrate(empty, folder)
    (folder / "0001_a.sql").write_text("create table a (n bigint)")

    with pytest.raises(MigrationRefused, match=r"0001_a\.sql .* has changed since"):
        migrate(empty, folder)


def test_a_file_that_is_gone_after_it_was_applied_is_refused(empty: str, folder: Path) -> None:
    migrate(empty, folder)
    (folder / "0001_a.sql").unlink()

    with pytest.raises(MigrationRefused, match=r"0001_a\.sql .* is gone from disk"):
        migrate(empty, folder)


def test_a_file_that_comes_too_late_is_refused(empty: str, folder: Path) -> None:
    migrate(empty, folder)
    (folder / "0002_late.sql").write_text("select 1")

    with pytest.raises(MigrationRefused, match=r"0002_late\.sql .* 0003_b\.sql is already applied"):
        migrate(empty, folder)


@pytest.mark.parametrize("name", ["0003_again.sql", "4_short.sql"])
def test_a_number_is_four_digits_and_used_once(empty: str, folder: Path, name: str) -> None:
    (folder / name).write_text("select 1")

    with pytest.raises(MigrationRefused):
        migrate(empty, folder)


def test_settings_hold_from_the_first_statement_on(empty: str) -> None:
    given = {"conninfo": empty, "options": "-c work_mem=2MB"}

    with psycopg.connect(
        **with_settings(given, default_transaction_isolation="read committed", timezone="UTC")
    ) as connection:
        shown = [
            connection.execute(f"show {name}".encode()).fetchone()
            for name in ("work_mem", "default_transaction_isolation", "timezone")
        ]

    assert shown == [("2MB",), ("read committed",), ("UTC",)]


def test_a_program_begins_on_a_database_of_its_own_release(database: str) -> None:
    require_schema(database)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (
            "update public.migration set number = 210 where number = 299",
            "earlier release (it lacks 0001_roles.sql and ",
        ),
        ("delete from public.migration", "has no register: ./aeo migrate"),
        (
            "insert into public.migration values (9000, '9000_later.sql', 'x')",
            "later release (it has 9000_later.sql)",
        ),
        ("drop table public.migration", "has no register: ./aeo migrate"),
    ],
)
def test_a_program_says_that_a_database_is_of_another_release(
    database: str, change: str, sentence: str
) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(change.encode())

    with pytest.raises(MigrationRefused) as refused:
        require_schema(database)

    assert sentence in str(refused.value)


def test_whoever_may_log_in_learns_which_release_it_is(database: str) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("create role visitor login")
    try:
        require_schema(make_conninfo(database, user="visitor"))
        with psycopg.connect(database, autocommit=True) as connection:
            connection.execute("revoke select on public.migration from public")
        with pytest.raises(MigrationRefused, match="its owner runs"):
            require_schema(make_conninfo(database, user="visitor"))
    finally:
        with psycopg.connect(database, autocommit=True) as connection:
            connection.execute("drop role visitor")
