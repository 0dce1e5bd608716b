"""Of an erased person nothing is left anywhere, and everything is still proved."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import make_conninfo
from psycopg.sql import SQL, Identifier

from api.audit.bundle import Scope, export
from api.log.signing_keys import WITNESSES
from ops.attacks import verify
from projections.engine.projector import Projector
from projections.engine.rebuild import digests, rebuild
from projections.transparency.integrator import Integrator
from tests.api.client import ACME, Client, small_world
from tests.api.graphql.types.test_erasure import erased, named, seen
from tests.keeping_log import asked, is_signed


def test_twenty_persons_are_nowhere_in_clear_and_after_their_erasure_nowhere_at_all(
    server: str,
    blank_register: str,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """Tables, a dump, the write-ahead log, the server's files, the home folder, what was logged."""
    name, home = "register_of_persons", tmp_path / "home"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {blank_register} STRATEGY file_copy")
        database = make_conninfo(server, dbname=name)
        try:
            _planted_and_erased(database, home, tmp_path, capfd)
        finally:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


def _planted_and_erased(
    database: str, home: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    small_world(database)
    with Client(database, home) as counter:
        persons = [named(counter) for _ in range(20)]
        markers = [mark for each_person in persons for mark in each_person.markers]
        assert all(
            seen(counter, each_person)["particulars"] == each_person.who for each_person in persons
        )
        logged = "".join(capfd.readouterr())

        assert found_in(places(database, home), markers) == set()
        assert not [mark for mark in markers if mark.decode() in logged]
        pseudonyms = [each_person.id.encode() for each_person in persons]
        for searched in (shown(database), on_disk(database)):  # it does find what is there
            assert found_in(searched, pseudonyms) == set(pseudonyms)

        head = is_signed(database, home, Integrator(database).catch_up())
        for person in persons:
            assert erased(counter, person)["__typename"] == "Recorded"
        assert [seen(counter, each_person)["particulars"] for each_person in persons] == [None] * 20
        logged = "".join(capfd.readouterr())

        assert found_in(places(database, home), markers) == set()
        assert not [mark for mark in markers if mark.decode() in logged]
        assert list((home / "persons").iterdir()) == []
        assert (
            asked(database, "select count(*) from person.particulars where sealed is not null")[0][
                0
            ]
            == 0
        )

    _still_proves_everything(database, home, tmp_path, head.size)


def _still_proves_everything(database: str, home: Path, tmp_path: Path, before: int) -> None:
    size = Integrator(database).catch_up()
    assert size == before + 20
    is_signed(database, home, size)
    for scope in (Scope(), Scope("operator", ACME)):
        assert _bundle(database, home, tmp_path, scope, before) == (0, [])
    with psycopg.connect(database, autocommit=True) as connection:
        Projector(database).catch_up()
        live = digests(connection, "views")
        rebuild(database)
        assert digests(connection, "views") == live
    # No erasure is an excuse for the administrator: without its salt a naming proves nothing.
    with psycopg.connect(database) as connection:
        connection.execute(
            "delete from proof.salt where leaf_index = (select min(leaf_index) from proof.leaf"
            " join ledger.event using (position) where topic = 'operator.contact_named')"
        )
    code, findings = _bundle(database, home, tmp_path, Scope(), before)
    assert code != 0 and "its salt is gone" in findings[0]


def _bundle(
    database: str, home: Path, folder: Path, scope: Scope, since: int
) -> tuple[int, list[str]]:
    """What the verifier finds in an export, with the policy of whoever runs the register."""
    policy, file = home / WITNESSES, folder / "bundle.zip"
    with psycopg.connect(database) as connection:
        export(connection, scope, file, policy.read_text(), since=since)
    return verify("bundle", str(file), "--policy", str(policy))


def places(database: str, home: Path) -> Iterator[bytes]:
    """Every byte that the register keeps: as SQL shows it, as a dump has it, as it is on disk."""
    yield from shown(database)
    dump = shutil.which("pg_dump")
    if dump:
        yield subprocess.run([dump, "--inserts", database], capture_output=True).stdout
    yield from on_disk(database)
    yield from (file.read_bytes() for file in home.rglob("*") if file.is_file())


def shown(database: str) -> Iterator[bytes]:
    """Each table in whole, as a plain dump writes it."""
    with psycopg.connect(database, autocommit=True) as connection:
        tables = connection.execute(
            "select schemaname, tablename from pg_tables"
            " where schemaname not in ('pg_catalog', 'information_schema')"
        ).fetchall()
        assert ("person", "particulars") in tables and ("ledger", "event") in tables
        for table in tables:
            copy = SQL("copy (select * from {}) to stdout").format(Identifier(*table))
            with connection.cursor().copy(copy) as rows:
                yield b"".join(bytes(row) for row in rows)


def on_disk(database: str) -> Iterator[bytes]:
    """The write-ahead log, the server's own log, and the database's files."""
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("checkpoint")
        connection.execute("select pg_switch_wal()")
        [[data, oid]] = connection.execute(
            "select current_setting('data_directory'), oid::text from pg_database"
            " where datname = current_database()"
        ).fetchall()
    # All of the write-ahead log in one piece, or what a page's end cuts in two would be missed.
    yield b"".join(file.read_bytes() for file in sorted(Path(data, "pg_wal").glob("0*")))
    for folder, names in ((Path(data, "base", oid), "*"), (Path(data).parent, "*.log")):
        for file in folder.glob(names):
            yield file.read_bytes()


def found_in(places: Iterator[bytes], markers: list[bytes]) -> set[bytes]:
    """Those that some place holds: as they are, or in the hexadecimal that SQL shows bytes in."""
    found: set[bytes] = set()
    for place in places:
        found |= {marker for marker in markers if marker in place or marker.hex().encode() in place}
    return found
