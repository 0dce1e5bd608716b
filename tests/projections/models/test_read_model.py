"""Each table of the read models is what its declaration says."""

from __future__ import annotations

import psycopg
import pytest

from projections.models.catalogue import READ_MODELS, TABLES
from projections.models.read_model import Column, Table

#: The tables in the schema of the read models that hold no rows of streams.
BOOKS = {"tracking", "derivation", "mended"}
_COLUMNS = """
select c.relname, a.attname, format_type(a.atttypid, a.atttypmod), not a.attnotnull
from pg_attribute a join pg_class c on c.oid = a.attrelid
where c.relnamespace = 'views'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
    and a.attnum > 0 and not a.attisdropped"""


def test_the_migrations_make_every_column_as_it_is_declared(database: str) -> None:
    """Names, types and whether a value may be missing, whatever the order."""
    there: dict[str, set[Column]] = {}
    with psycopg.connect(database) as connection:
        for table, *column in connection.execute(_COLUMNS).fetchall():
            if table not in BOOKS:
                there.setdefault(table, set()).add(Column(*column))

    assert there == {name: set(table.typed_columns) for name, table in TABLES.items()}


def test_each_table_is_declared_once() -> None:
    names = [table.name for model in READ_MODELS for table in model.tables]

    assert len(names) == len(set(names)) == len(TABLES)


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_a_declaration_names_columns_that_its_rows_have(table: Table) -> None:
    assert {table.key, *table.fact} <= set(table.columns)
    assert set(table.after) <= set(TABLES)
    two_clocks = {"valid_from", "valid_to", "recorded_from", "recorded_to"}
    if table.fact or not (table.valid or table.shown):
        assert two_clocks <= set(table.columns)


def test_rows_that_are_upserted_have_a_primary_key(database: str) -> None:
    with psycopg.connect(database) as connection:
        keyed = connection.execute(
            "select conrelid::regclass::text from pg_constraint"
            " where contype = 'p' and connamespace = 'views'::regnamespace"
        ).fetchall()
    aggregates = [aggregate for model in READ_MODELS for aggregate in model.aggregates]
    upserted = {t.name for a in aggregates if a.extension for t in a.tables}

    assert upserted and {(f"views.{name}",) for name in upserted} <= set(keyed)
