"""A statement belongs to the read models by what it says, whatever its file is called."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest

from projections.engine.rebuild import create_tables
from projections.engine.view_definitions import (
    definition,
    in_schema,
    of_views,
    securing,
    statements,
)
from tests.registry.ledger.test_baseline import definition as definition_of


def test_the_tables_of_a_rebuild_are_those_of_the_register(database: str) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        create_tables(connection, "views_next")
        connection.execute(securing("views_next").encode())  # as a rebuild does before it swaps
        rebuilt = definition_of(database, "--schema=views_next")
        connection.execute("drop schema views_next cascade")

    made = definition_of(database, "--schema=views")
    assert made == sorted(line.replace("views_next", "views") for line in rebuilt)


@pytest.mark.parametrize(
    "statement",
    [
        "create table views.a (n int)",
        "alter table views.a add column m int",
        "create index a_n on views.a (n)",
        "drop index if exists views.a_n",
        "grant select on views.a to aeo_reader",
        "grant select on all tables in schema views to aeo_reader",
        "insert into views.a default values",
        "do $$ begin execute 'create table views.a_0 partition of views.a'; end $$",
        "create function views.f() returns int language sql as $$ select 1 $$",
    ],
)
def test_what_makes_or_changes_a_read_model_is_of_the_rebuild(statement: str) -> None:
    text = f"-- Of something else, too.\nselect 1;\n{statement};\ncreate table access.b (n int);"

    assert list(of_views(text)) == [(statement, False)]


@pytest.mark.parametrize(
    "statement",
    [
        "create table access.b (n int) -- as views.a",
        "create function rule.f() returns int language sql as $$ select n from views.a; $$",
        "create or replace function rule.g() returns setof views.a language sql as 'select 1'",
        "create view access.seen as select * from views.a",
        "insert into checks.finding values ('views.a')",
        "set local role aeo_owner",
    ],
)
def test_what_only_reads_or_names_a_read_model_is_not(statement: str) -> None:
    assert list(of_views(f"{statement};")) == []


def test_names_are_looked_up_where_the_file_says() -> None:
    text = """
set local role aeo_owner;
set local search_path = views;
create table a (n int);
grant usage on sequence access.s to aeo_reader;
set local search_path to ledger;
create table b (n int);
reset role;
"""
    assert list(of_views(text)) == [("create table a (n int)", True)]


def test_a_semicolon_in_a_body_a_literal_or_a_comment_ends_no_statement() -> None:
    text = "select ';'; -- one; comment\ndo $a$ begin; $$;$$ end $a$;\n/* ; */ select \";\""

    assert list(statements(text)) == [
        "select ';'",
        "-- one; comment\ndo $a$ begin; $$;$$ end $a$",
        '/* ; */ select ";"',
    ]


def test_a_migration_after_the_baseline_is_of_the_rebuild_under_any_name(tmp_path: Path) -> None:
    (tmp_path / "sql").mkdir()
    folder = tmp_path / "migrations"
    folder.mkdir()
    (folder / "0001_now.list").write_text("through 0002\nas aeo_owner\na.sql\n")
    (tmp_path / "sql" / "a.sql").write_text("create table views.a (n int, m int);")
    (folder / "0002_contained.sql").write_text("alter table views.a add column m int;")
    (folder / "0003_more.sql").write_text("alter table views.a add column l int; select 1;")

    assert [statement for statement, _ in definition(folder)] == [
        "create table views.a (n int, m int)",
        "alter table views.a add column l int",
    ]
    assert "alter table next.a add column l int" in in_schema("next", folder)
