"""The audit bundle says what the register says, and is checked without the register."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from zipfile import ZipFile

import psycopg
import pytest

from api.audit.bundle import NothingToExport, Scope, export
from ops import attacks
from ops.attacks import TRUSTING, verify
from projections.engine.projector import Projector
from projections.transparency.integrator import Integrator
from registry.application.registry import Registry
from registry.domain import commands as c
from registry.domain.values import Tin
from registry.ledger.database import environment
from tests.api.cli.test_cli import Terminal
from tests.audited import FRUIT, SCOPES, exported, policy, register

__all__ = ["policy", "register"]


@pytest.mark.parametrize("scope", SCOPES, ids=lambda value: f"{value.kind} {value.id}")
def test_an_honest_bundle_is_good_and_the_same_each_time(
    register: str, scope: Scope, tmp_path: Path, policy: str
) -> None:
    done = exported(register, scope, tmp_path / "a.zip")
    assert exported(register, scope, tmp_path / "b.zip") == done
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()
    assert (done.events == done.size) is (scope.kind == "all")
    assert verify("bundle", str(tmp_path / "a.zip"), "--policy", policy) == (0, [])
    assert verify("bundle", str(tmp_path / "a.zip")) == (0, [])  # by its own policy


def test_what_was_put_right_is_derived_like_the_rest(register: str, tmp_path: Path) -> None:
    exported(register, Scope(), tmp_path / "a.zip")
    with ZipFile(tmp_path / "a.zip") as bundle:
        lines = bundle.read("events.jsonl").splitlines()
        topics = {json.loads(line)["topic"] for line in lines}
        schemas = {name for name in bundle.namelist() if name.startswith("schema/")}
    assert "operator.corrected" in topics
    assert {f"schema/{topic}.json" for topic in topics} <= schemas


def test_a_part_holds_the_whole_history_of_what_it_is_about_and_nothing_else(
    register: str, tmp_path: Path
) -> None:
    exported(register, Scope("administration", "SG"), tmp_path / "a.zip")
    with ZipFile(tmp_path / "a.zip") as bundle:
        events = [json.loads(line) for line in bundle.read("events.jsonl").splitlines()]
        said = [json.loads(line) for line in bundle.read("expected-state.jsonl").splitlines()]
    nouns = {event["topic"].split(".")[0] for event in events}
    assert nouns == {"administration", "agreement", "operator", "programme"}
    assert all(item["operator"].startswith("SG") for item in said if "operator" in item)
    with psycopg.connect(register) as connection:
        [(agreements,)] = connection.execute(
            "select count(distinct agreement) from views.party where party = 'SG'"
        )
    assert sum("agreement" in item for item in said) == agreements


def test_a_bundle_goes_on_from_what_was_seen_before(
    register: str, tmp_path: Path, policy: str
) -> None:
    """An auditor of one operator sees nothing of the others, and yet that nothing was rewritten."""
    first, heads = tmp_path / "first.zip", str(tmp_path / "heads")
    asked = ("--policy", policy, "--remember", heads)
    one = Scope("operator", FRUIT)
    done = exported(register, one, first)
    assert verify("bundle", str(first), *asked)[0] == 0

    registry = Registry(environment(register))
    registry.execute(c.SuspendAuthorisation(tin=Tin(FRUIT), reason="fire"), "officer:1")
    registry.execute(c.LiftSuspension(tin=Tin(FRUIT)), "officer:1")
    registry.close()
    Projector(register).catch_up()
    moved = tmp_path / "moved.zip"
    exported(register, one, moved)  # the read models have moved on, and the signed tree has not
    assert verify("bundle", str(moved), *asked) == (0, [])

    size = Integrator(register).catch_up()
    with psycopg.connect(register) as connection:
        attacks.sign(connection, size - 1)
        attacks.sign(connection, size)
    later = tmp_path / "later.zip"
    exported(register, one, later)
    code, [sentence] = verify("bundle", str(later), *asked)
    assert (code, sentence.split(": ")[1]) == (4, f"ask for a bundle since {done.size}.")
    exported(register, one, later, since=done.size)
    assert verify("bundle", str(later), *asked) == (0, [])
    code, [sentence] = verify("bundle", str(first), *asked)
    assert code == 1
    assert sentence.startswith(f"positions {done.size + 1:,} to {size:,}: gone;")
    whole = tmp_path / "whole.zip"
    exported(register, Scope(), whole)
    assert verify("bundle", str(whole), *asked) == (0, [])


def test_what_cannot_be_exported_is_said(register: str, database: str, tmp_path: Path) -> None:
    out = tmp_path / "a.zip"
    for scope in (Scope("operator", "CN1"), Scope("administration", "XX"), Scope("agreement", "?")):
        with pytest.raises(NothingToExport, match="in the signed tree"):
            exported(register, scope, out)
    with pytest.raises(NothingToExport, match="no checkpoint of 7 leaves"):
        exported(register, Scope(), out, since=7)
    with pytest.raises(NothingToExport, match="no checkpoint was ever signed"):
        exported(database, Scope(), out)
    assert list(tmp_path.iterdir()) == []


def test_read_models_that_lag_are_waited_for(register: str, tmp_path: Path) -> None:
    with psycopg.connect(register) as connection:
        connection.execute("update views.tracking set position = 5")
        with pytest.raises(NothingToExport, match="the read models have come to position 5"):
            export(connection, Scope(), tmp_path / "a.zip", TRUSTING)
        connection.rollback()


def test_an_event_without_its_salt_can_be_proved_no_more(register: str, tmp_path: Path) -> None:
    with psycopg.connect(register) as connection:
        connection.execute("delete from proof.salt where leaf_index = 99")
        export(connection, Scope(), tmp_path / "a.zip", TRUSTING)
        connection.rollback()
    code, said = verify("bundle", str(tmp_path / "a.zip"))
    assert code == 4
    assert said == ["position 100: its salt is gone, and nobody can tell what was committed to."]


@pytest.fixture
def terminal(register: str, tmp_path: Path) -> Iterator[Terminal]:
    (tmp_path / "witnesses.txt").write_text(TRUSTING)
    yield Terminal(register, tmp_path)


def test_the_command_writes_what_it_is_asked_for(terminal: Terminal, tmp_path: Path) -> None:
    said = terminal.run("audit", "export", "--operator", FRUIT, "--out", "fruit.zip")
    assert "events, proved by the signed tree of" in said
    assert verify("bundle", str(tmp_path / "fruit.zip")) == (0, [])
    terminal.run("audit", "export", "--all", "--operator", FRUIT, "--out", "no.zip", code=2)
    terminal.run("audit", "export", "--out", "no.zip", code=2)
    terminal.run("audit", "export", "--operator", "fruit", "--out", "no.zip", code=2)
    terminal.run("audit", "export", "--operator", "CN1", "--out", "no.zip", code=1)
    assert "no operator CN1 in the signed tree" in terminal.complaint
    (tmp_path / "witnesses.txt").unlink()
    terminal.run("audit", "export", "--all", "--out", "no.zip", code=4)
    assert not (tmp_path / "no.zip").exists()
