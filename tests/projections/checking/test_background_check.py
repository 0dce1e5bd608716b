"""What somebody with the database owner's hand has changed is found, recorded and mended."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from random import Random
from typing import Any

import psycopg
import pytest

from projections.checking.background_check import LEADER_LOCK, TABLES, BackgroundCheck
from projections.checking.check import check
from projections.checking.comparison import Comparison, Outdated
from projections.engine.projector import Projector
from projections.engine.rebuild import digests
from projections.models import catalogue
from registry.application.registry import Registry
from registry.domain import commands as c
from registry.domain.values import AdministrationCode, DisputeKind, Tin
from tests import warm_commands

#: What a column is changed to, by its type; in SQL, `c` is the column.
OTHERWISE = {
    "text": "coalesce({c}, '') || 'x'",
    "text[]": "{c} || 'x'::text",
    "boolean": "not {c}",
    "bigint": "coalesce({c}, 0) + 7000000",
    "integer": "coalesce({c}, 0) + 1000",
    "date": "coalesce({c}, date '2031-01-01') + 1",
    "timestamp with time zone": "coalesce({c}, timestamptz '2031-01-01Z') + interval '1 day'",
    "timestamp with time zone[]": "{c} || timestamptz '2031-01-01Z'",
    "uuid": "gen_random_uuid()",
    "jsonb": "jsonb_build_object('x', {c})",
}
#: Columns that a constraint keeps to some words: another of them.
ONE_OF = {
    ("membership", "sense"): "case sense when 'UNION' then 'CUSTOMS_TERRITORY' else 'UNION' end",
    ("programme_rule", "state"): "case state when 'UNKNOWN' then 'NONE' else 'UNKNOWN' end",
    ("link", "state"): "case state when 'LIVE' then 'SUSPENDED' else 'LIVE' end",
}


@pytest.fixture
def projected(database: str, a_world: Registry) -> Iterator[psycopg.Connection[Any]]:
    """The database owner's connection to read models that are as they should be, with something in
    each table."""
    key = {"kty": "OKP", "crv": "Ed25519", "x": "A" * 43}
    for command in (
        c.RegisterClient(client="kr-system", name_="Korea's", acts_for="partner:KR"),
        c.AddClientKey(client="kr-system", key=key),
    ):
        a_world.execute(command, "test")
    a_world.execute(
        c.ReceiveList(
            administration=AdministrationCode("KR"), as_of=datetime(2026, 1, 2, tzinfo=UTC)
        ),
        "test",
    )
    four_eyes = c.SetRule(
        programme="CN-AEO",
        rule="second_person",
        value="revoke_authorisation",
        effective=date(2026, 3, 1),
        source="an order",
    )
    a_world.execute(four_eyes, "test")
    revocation = c.RevokeAuthorisation(tin=Tin("CN1234567890"), reason="fraud")
    a_world.execute(revocation, "test", person="anna")
    dispute = c.OpenDispute(
        tin=Tin("CN1234567890"), kind=DisputeKind.NOT_US, statement="another company is meant"
    )
    a_world.execute(dispute, "test")
    Projector(database).catch_up()
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("set timezone = 'UTC'")
        yield connection


def found(connection: psycopg.Connection[Any]) -> list[tuple[Any, ...]]:
    return connection.execute(
        "select relation, noun, subject, what, mended_at is not null from checks.finding"
        " order by number"
    ).fetchall()


def test_every_table_of_the_read_models_is_walked() -> None:
    assert set(TABLES) == set(catalogue.TABLES)


def test_in_a_register_that_nobody_touched_nothing_is_found(
    database: str, projected: psycopg.Connection[Any]
) -> None:
    BackgroundCheck(database).whole()

    assert found(projected) == []
    [(whole, streams, phase)] = projected.execute(
        "select whole_at is not null, streams, phase from checks.walk"
    ).fetchall()
    [(begun,)] = projected.execute(
        "select count(distinct originator_id) from ledger.event"
    ).fetchall()
    assert (whole, streams, phase) == (True, begun, "")


def kinds(connection: psycopg.Connection[Any], table: str) -> dict[str, str]:
    return dict(
        connection.execute(
            "select attname, format_type(atttypid, atttypmod) from pg_attribute"
            f" where attrelid = 'views.{table}'::regclass and attnum > 0 and not attisdropped"
        ).fetchall()
    )


def key_of(table: str) -> str:
    return catalogue.TABLES[table].key


def spoil(connection: psycopg.Connection[Any], table: str) -> set[str]:
    """Each column is changed, in a row of its own where there are as many. Answers the columns that
    must be named: those that were changed in a row whose key is as it was."""
    positions = connection.execute(f"select tableoid, ctid from views.{table}").fetchall()
    assert positions, f"the world of the tests has no {table}"
    by_row: dict[Any, set[str]] = {}
    for number, column in enumerate(catalogue.TABLES[table].columns):
        place = positions[number % len(positions)]
        type_ = kinds(connection, table)[column]
        otherwise = ONE_OF.get((table, column)) or OTHERWISE[type_].format(c=f'"{column}"')
        by_row.setdefault(place, set()).add(f'"{column}" = {otherwise}')
    for (relation, row), changes in by_row.items():
        connection.execute(
            f"update views.{table} set {', '.join(sorted(changes))}"
            f" where tableoid = {relation} and ctid = '{row}'"
        )
    together = [item for item in by_row.values() if any(f'"{key_of(table)}"' in c for c in item)]
    return set(catalogue.TABLES[table].columns) - {
        c.split('"')[1] for item in together for c in item
    }


def test_each_column_of_each_table_that_is_changed_is_found_named_and_mended(
    database: str, projected: psycopg.Connection[Any]
) -> None:
    before = digests(projected)
    wanted = {(table, name) for table in catalogue.TABLES for name in spoil(projected, table)}
    assert all(digest != before[table] for table, digest in digests(projected).items())

    BackgroundCheck(database).whole()

    assert digests(projected) == before
    said = found(projected)
    assert all(mended for *_, mended in said), said
    named = {
        (relation.removeprefix("views."), name)
        for relation, _, _, what, _ in said
        if " in " in what
        for part in what.split("; ")
        if " in " in part
        for name in part.split(" in ")[1].split(", ")
    }
    assert named >= wanted and len(wanted) > 150, wanted - named
    assert [finding for finding in check(database) if not finding.good] == []


def test_a_row_that_is_gone_and_a_row_of_nobody_are_found_and_mended_in_every_table(
    database: str, projected: psycopg.Connection[Any]
) -> None:
    before = digests(projected)
    for number, table in enumerate(catalogue.TABLES):
        key, nobody = key_of(table), f"'ZZ-nobody-{number}'"
        projected.execute(f"create temporary table x as select * from views.{table} limit 1")
        if table == "claim":
            nobody = "gen_random_uuid()"
        projected.execute(f"update x set {key} = {nobody}")
        projected.execute(f"insert into views.{table} select * from x")
        projected.execute(
            f"delete from views.{table} where ctid in (select ctid from views.{table}"
            f" where {key}::text not like 'ZZ-%' limit 1) and {key}::text not like 'ZZ-%'"
        )
        projected.execute("drop table x")

    BackgroundCheck(database).whole()

    assert digests(projected) == before
    said = found(projected)
    assert all(mended for *_, mended in said), said
    for table in catalogue.TABLES:
        whats = [what for relation, _, _, what, _ in said if relation == f"views.{table}"]
        assert any("missing" in what for what in whats), table
        assert any("without an event" in what for what in whats), table


HARM = "update views.operator set standing = 'REVOKED' where tin = 'CN1234567890'"


def test_what_is_changed_is_found_by_chance_too_without_a_walk(
    database: str, projected: psycopg.Connection[Any]
) -> None:
    BackgroundCheck(database).whole()
    before = digests(projected)
    projected.execute(HARM)
    chance = BackgroundCheck(database, random=Random(1))
    with chance._connect() as connection:
        comparison = Comparison(connection)
        for _ in range(500):
            chance._sample(connection, comparison)
            if found(projected):
                break

    assert [item[0] for item in found(projected)] == ["views.operator"]
    assert digests(projected) == before


def test_a_walk_goes_on_where_it_was(database: str, projected: psycopg.Connection[Any]) -> None:
    projected.execute(
        "update checks.walk set began_at = now(), phase = 'particulars', place = 'CN'"
    )
    projected.execute(HARM)
    BackgroundCheck(database).whole()
    assert found(projected) == []  # the walk had been there before
    [(streams,)] = projected.execute("select streams from checks.walk").fetchall()
    assert streams == 0

    BackgroundCheck(database).whole()
    assert [item[0] for item in found(projected)] == ["views.operator"]


@pytest.mark.parametrize("place", ["checker.after_mend", "checker.before_place"])
def test_a_check_that_is_killed_leaves_nothing_half_done(
    database: str, projected: psycopg.Connection[Any], tmp_path: Path, place: str
) -> None:
    before = digests(projected)
    projected.execute("update views.operator set standing = 'REVOKED'")
    told = {**os.environ, "DATABASE_URL": database, "AEO_FAILPOINT": place}
    ended = warm_commands.run("checker", "--home", tmp_path, environment=told, seconds=120.0)
    assert ended.returncode == -signal.SIGKILL, ended.stderr
    [(phase, place_)] = projected.execute("select phase, place from checks.walk").fetchall()
    assert (phase, place_) in {("", ""), ("ledger", "0")}
    done = found(projected)
    assert done and all(mended for *_, mended in done)
    right = projected.execute("select count(*) from views.operator where standing <> 'REVOKED'")
    assert right.fetchall() == [(len({subject for _, _, subject, _, _ in done}),)]

    BackgroundCheck(database).whole()

    assert digests(projected) == before
    subjects = [subject for _, _, subject, _, _ in found(projected)]
    assert len(subjects) == len(set(subjects))


def test_of_several_one_checks(database: str, projected: psycopg.Connection[Any]) -> None:
    """Each instance has one, and the others wait for it to end."""
    projected.execute(HARM)
    projected.execute("select pg_advisory_lock(%s)", [LEADER_LOCK])
    stop = threading.Event()
    checks = [
        threading.Thread(target=BackgroundCheck(database, share=1.0).run, args=[stop])
        for _ in range(2)
    ]
    for each in checks:
        each.start()
    time.sleep(1.5)
    assert found(projected) == []
    projected.execute("select pg_advisory_unlock(%s)", [LEADER_LOCK])
    for _ in range(400):
        if found(projected):
            break
        time.sleep(0.1)
    stop.set()
    for each in checks:
        each.join(30)

    assert [item[0] for item in found(projected)] == ["views.operator"]


def test_a_place_beyond_the_ledger_is_put_back_and_what_was_left_out_is_made(
    database: str, projected: psycopg.Connection[Any], a_world: Registry
) -> None:
    projected.execute("update views.tracking set position = position + 5")
    a_world.execute(c.RegisterOperator(tin=Tin("KR7654321"), name_="Later"), "test")
    Projector(database).catch_up()
    there = "select name from views.operator where tin = 'KR7654321'"
    assert projected.execute(there).fetchall() == []

    BackgroundCheck(database).whole()

    assert projected.execute(there).fetchall() == [("Later",)]
    assert {item[0] for item in found(projected)} >= {"views.tracking", "views.operator"}
    assert all(mended for *_, mended in found(projected))
    assert [finding for finding in check(database) if not finding.good] == []


@pytest.mark.parametrize(
    ("harm", "relation"),
    [
        ("delete from ledger.event where position = 7", "ledger.event"),
        ("update ledger.event set decided_by = 'XX' where position = 9", "ledger.event"),
        (
            "update ledger.event set recorded_at = recorded_at - interval '1 hour',"
            " known_at = known_at - interval '1 hour' where position = 11",
            "ledger.event",
        ),
        ("update ledger.event set state = '{' where position = 12", "ledger.event"),
        ("update ledger.command set events = 3 where first_position = 9", "ledger.command"),
        ("delete from ledger.held_number", "ledger.held_number"),
        ("update ledger.held_number set value = value || 'X'", "ledger.held_number"),
    ],
)
def test_what_is_wrong_of_the_ledger_is_told_and_the_ledger_is_not_changed(
    database: str, projected: psycopg.Connection[Any], harm: str, relation: str
) -> None:
    projected.execute("alter table ledger.event disable trigger all")
    projected.execute("alter table ledger.command disable trigger all")
    projected.execute(harm)
    ledger = "select md5(string_agg(e::text, '' order by e::text)) from ledger.event e"
    before = projected.execute(ledger).fetchall()

    BackgroundCheck(database).whole()
    BackgroundCheck(database).whole()  # what is open is not found again

    told = [item for item in found(projected) if item[0] == relation]
    assert told and not any(mended for *_, mended in told)
    assert len({item[2] for item in told}) == len(told)
    assert projected.execute(ledger).fetchall() == before


def test_read_models_of_another_release_are_left_alone(
    database: str, projected: psycopg.Connection[Any]
) -> None:
    projected.execute("update views.derivation set version = version + 1")
    projected.execute(HARM)
    with pytest.raises(Outdated):
        BackgroundCheck(database).whole()
    assert found(projected) == []
    assert projected.execute(
        "select standing from views.operator where tin = 'CN1234567890'"
    ).fetchall() == [("REVOKED",)]
