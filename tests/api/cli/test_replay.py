"""Going back on the command line: a moment made again, and two moments compared."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest

from tests.api.cli.test_cli import Terminal

LATE = "CN0000000012"  # suspended with effect from the first of March, recorded on the tenth
MOMENT = ("--at", "2026-03-05", "--known-at", "2026-03-11", "--models", "agreements")
ANOTHER = ("--at", "2026-03-05", "--known-at", "2026-03-06", "--models", "programmes")
THEN = ("2026-03-05@2026-03-06T00:00:00Z", "2026-03-05@2026-03-11T00:00:00Z")


@pytest.fixture(scope="module")
def aeo(world: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Terminal]:
    yield Terminal(world, tmp_path_factory.mktemp("home"))


def differences(aeo: Terminal, *words: str) -> Any:
    return json.loads(aeo.run("diff", *words, "--json", code=1))


# ------------------------------------------------------------------------ diff


def test_what_was_known_later_is_told_with_the_event_that_made_the_difference(
    aeo: Terminal,
) -> None:
    told = differences(aeo, *THEN, "--in", "SG")

    [item] = [difference for difference in told["differences"] if difference["tin"] == LATE]
    assert item["standing"] == {"a": "VALID", "b": "SUSPENDED"}
    assert item["recognition"] == [{"in": "SG", "a": "RECOGNISED", "b": "NOT_RECOGNISED"}]
    [event] = [event for event in told["events"] if event["type"] == "operator.suspended"]
    assert item["because"] == [event["position"]]
    assert (event["effective"], event["knownAt"][:10]) == ("2026-03-01", "2026-03-10")


def test_every_territory_that_answers_otherwise_is_named(aeo: Terminal) -> None:
    [item] = differences(aeo, *THEN, "--operator", LATE)["differences"]

    places = {answer["in"] for answer in item["recognition"]}
    assert {"SG", "KR", "DE"} <= places
    assert "CN" not in places  # at home it is its standing


def test_a_person_reads_it_as_tables(aeo: Terminal) -> None:
    said = aeo.run("diff", *THEN, "--in", "SG", "--operator", LATE, code=1)

    assert "VALID -> SUSPENDED" in said
    assert "RECOGNISED -> NOT_RECOGNISED in SG" in said
    assert "operator suspended" in said


def test_a_moment_answers_as_itself(aeo: Terminal) -> None:
    assert aeo.run("diff", THEN[0], THEN[0]) == "both moments answer alike\n"
    assert json.loads(aeo.run("diff", "2026-03-05", "2026-03-05", "--json"))["differences"] == []


def test_long_lists_are_read_in_pages(aeo: Terminal) -> None:
    moments = ("2019-01-01", "2026-01-01")
    whole = differences(aeo, *moments)["differences"]
    assert len(whole) > 3
    first = differences(aeo, *moments, "--first", "2")
    rest = differences(aeo, *moments, "--after", first["next"])

    assert first["differences"] + rest["differences"] == whole
    assert rest["next"] is None


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("diff", "yesterday", "now"), "is not an instant"),
        (("diff", "2026-03-01T09:00", "now"), "has no zone"),
        (("diff", "now", "now@2999-01-01"), "is in the future"),
        (("diff", "now", "now", "--in", "QQ"), "is not a customs territory"),
        (("diff", "now", "now", "--operator", "1"), "is not a TIN"),
        (("diff", "now"), "B"),
        (("replay", "--at", "2026-03-01T09:00"), "has no zone"),
        (("replay", "--known-at", "2999-01-01"), "is in the future"),
        (("replay", "--at", "now", "--models", "weather"), "is none of administrations"),
        (("replay", "--at", "now", "--tin", LATE), "a moment has all its events"),
        (("replay", "--type", "operator.grant"), "there is operator.granted"),
    ],
)
def test_wrong_use_ends_with_2_and_a_sentence(
    aeo: Terminal, words: tuple[str, ...], said: str
) -> None:
    aeo.run(*words, code=2)

    assert said in aeo.complaint


# ---------------------------------------------------------------------- replay


def test_a_moment_is_made_again_in_a_schema_that_can_be_asked_and_removed(
    aeo: Terminal,
) -> None:
    moment = ("--at", "2026-03-05", "--known-at", "2026-03-06T00:00:00Z")
    told = aeo.json("replay", *moment, "--models", "operators")

    schema = told["schema"]
    with psycopg.connect(aeo.database) as connection:
        [(standing,)] = connection.execute(
            f"select standing from {schema}.operator_at where tin = %s", [LATE]
        ).fetchall()
    assert standing == "VALID"
    assert {table["name"] for table in told["tables"]} >= {"operator", "status_period"}
    assert told == aeo.json("replay", *moment, "--models", "operators")  # and again the same

    assert schema in aeo.run("replay", *moment, "--models", "operators")
    assert aeo.run("replay", *moment, "--drop") == f"{schema}\n"
    assert schema in aeo.run("replay", *moment, "--models", "operators")
    assert aeo.run("replay", "--at", "2026-03-06", "--drop") == "nothing to remove\n"
    assert aeo.run("replay", "--at", "2026-03-05", "--drop") == f"{schema}\n"  # known whenever
    assert aeo.run("replay", "--drop") == "nothing to remove\n"


def test_a_read_model_that_is_asked_for_twice_is_made_once(aeo: Terminal) -> None:
    once = aeo.json("replay", *MOMENT)

    assert aeo.json("replay", *MOMENT[:-1], "agreements,agreements") == once
    aeo.run("replay", "--drop")


@pytest.mark.parametrize("known", ["0001-01-01", "now"])
@pytest.mark.parametrize("at", ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z"])
def test_a_moment_may_lie_before_everything_or_behind_it(
    aeo: Terminal, at: str, known: str
) -> None:
    told = aeo.json("replay", "--at", at, "--known-at", known)
    held = {table["name"]: (table["rows"], table["held"]) for table in told["tables"]}

    assert all((rows == 0) == (known != "now") for rows, _ in (held["stage"], held["operator"]))
    assert aeo.json("diff", f"{at}@{known}", f"{at}@{known}")["differences"] == []
    # At the last instant every term that was said in advance is over.
    aeo.run("diff", f"{at}@{known}", "2026-11-01@now", "--in", "KR", code=1)
    aeo.run("replay", "--drop")


def test_of_now_it_has_the_digests_of_the_live_tables(aeo: Terminal) -> None:
    told = aeo.json("replay", "--at", "now")["tables"]
    live = aeo.json("rebuild", "--digests")["digests"]
    aeo.run("replay", "--drop")

    assert {item["name"]: item["digest"] for item in told} == live


@contextmanager
def nearly_done(aeo: Terminal) -> Iterator[subprocess.Popen[bytes]]:
    """A replay that has made its moment anew, and waits for a reader of the one made before."""
    schema = aeo.json("replay", *MOMENT)["schema"]
    with psycopg.connect(aeo.database) as reader:
        reader.execute(f"select from {schema}.agreement limit 1".encode())
        replay = aeo.start("replay", *MOMENT)
        while replay.poll() is None and not found(
            aeo, "select from pg_locks where not granted and locktype = 'relation'"
        ):
            time.sleep(0.05)
        yield replay


def schemas(aeo: Terminal) -> list[str]:
    rows = found(aeo, "select nspname::text from pg_namespace where nspname like 'replay%'")
    return sorted(name for (name,) in rows)


def found(aeo: Terminal, statement: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(aeo.database) as connection:
        return connection.execute(statement.encode()).fetchall()


def test_a_replay_that_is_told_to_end_leaves_what_was_there_before(aeo: Terminal) -> None:
    with nearly_done(aeo) as replay:
        replay.send_signal(signal.SIGTERM)
        assert replay.wait(60) == 128 + signal.SIGTERM

    assert schemas(aeo) == ["replay_20260305t000000_20260311t000000"]
    aeo.run("replay", "--drop")


def test_what_a_killed_replay_left_is_removed_by_the_next_but_not_what_a_living_one_makes(
    aeo: Terminal,
) -> None:
    with nearly_done(aeo) as living:
        aeo.run("replay", *ANOTHER)
        half = "replaying_20260305t000000_20260311t000000"
        assert half in schemas(aeo)
        living.kill()
        living.wait(60)
    while found(aeo, "select from pg_locks where locktype = 'advisory' and objsubid = 2"):
        time.sleep(0.05)
    assert half in schemas(aeo)

    aeo.run("replay", *MOMENT)

    assert schemas(aeo) == [
        "replay_20260305t000000_20260306t000000",
        "replay_20260305t000000_20260311t000000",
    ]
    aeo.run("replay", "--drop")
