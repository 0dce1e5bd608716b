"""An audit bundle names the time zones and the rules of derivation by which it is judged."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest

from api.audit.bundle import Scope
from ops import attacks
from ops.attacks import verify
from projections.engine.derivation import VERSION
from registry.domain.time_zones import RELEASE, written
from tests import bundled, rules_1
from tests.audited import FRUIT, exported, register
from tests.bundled import Files
from tests.test_audit_forgeries import bundle_written, bundles, entry_changed, values_set

__all__ = ["bundles", "register"]


def test_a_bundle_names_its_time_zones_and_the_verifier_those_by_which_it_judges(
    register: str, tmp_path: Path
) -> None:
    exported(register, Scope("operator", FRUIT), tmp_path / "a.zip")
    with ZipFile(tmp_path / "a.zip") as bundle:
        assert json.loads(bundle.read("manifest.json"))["time_zones"] == RELEASE
    done = subprocess.run(
        [sys.executable, attacks.VERIFIER, "bundle", tmp_path / "a.zip"],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout
    assert f"time zones: {RELEASE}, of Python's tzdata, as the bundle's\n" in done.stdout


def test_a_bundle_brings_the_zones_that_its_streams_use(register: str, tmp_path: Path) -> None:
    for scope, wanted in (
        (Scope(), {"Asia/Shanghai", "Africa/Casablanca", "America/Lima"}),
        (Scope("agreement", "CN-SG-AEO"), {"Asia/Shanghai", "Asia/Singapore"}),
        (Scope("operator", FRUIT), {"Asia/Shanghai"}),
    ):
        exported(register, scope, tmp_path / "a.zip")
        files = bundled.read(tmp_path / "a.zip")
        brought = {name[6:]: b"".join(files[name]) for name in files if name.startswith("zones/")}
        assert brought.keys() >= wanted
        assert scope.kind == "all" or brought.keys() == wanted
        assert all(written(name) == text for name, text in brought.items())


def _moved(rows: list[Any], hours: int) -> None:
    """The days of one authorisation begin at other instants than they should."""
    for at in (-6, -5):
        if rows[0][at] is not None:
            then = datetime.fromisoformat(rows[0][at].replace("Z", "+00:00"))
            rows[0][at] = (then + timedelta(hours=hours)).isoformat().replace("+00:00", "Z")


@pytest.mark.parametrize(
    ("release", "hours", "verdict"),
    [
        (RELEASE, 1, 1),  # by the same zones there is no excuse
        ("2019a", 1, 4),
        (None, 1, 4),  # a bundle of before named none
        ("2019a", 80, 1),  # no zone moves a day so far
        ("2019a", 0, 0),
        (None, 0, 0),
    ],
)
def test_what_another_release_of_time_zones_may_explain_is_not_called_forged(
    bundles: dict[str, Files], tmp_path: Path, release: str | None, hours: int, verdict: int
) -> None:
    """In a bundle of before, which brings no zones."""
    files = {
        name: list(lines)
        for name, lines in bundles["administration"].items()
        if not name.startswith("zones/")
    }
    of_periods = next(
        n for n, data in enumerate(files["expected-state.jsonl"]) if b'"VALID"' in data
    )
    entry_changed(
        "expected-state.jsonl", lambda entry: _moved(entry["periods"], hours), of_periods
    )(files)
    if release is None:
        entry_changed("manifest.json", lambda entry: entry.pop("time_zones"))(files)
    else:
        values_set("manifest.json", time_zones=release)(files)
    code, said = verify("bundle", str(bundle_written(files, tmp_path)))
    assert code == verdict, said
    assert verdict != 4 or "Python's tzdata" in " ".join(said)


def test_the_verifier_derives_by_the_rules_of_the_register() -> None:
    assert attacks.verifier().NOW.number == VERSION


def test_the_bundle_of_an_earlier_release_is_good_by_the_rules_of_that_release(
    bundles: dict[str, Files], tmp_path: Path
) -> None:
    assert verify("bundle", str(rules_1.BUNDLE)) == (0, [])
    said_newer = {name: list(lines) for name, lines in bundles["rules 1"].items()}
    values_set("manifest.json", rules=2)(said_newer)
    code, said = verify("bundle", str(bundle_written(said_newer, tmp_path)))
    assert code == 1
    assert len(said) > 3
    assert all("the read models of operator" in text for text in said)  # of ends said in advance


def test_the_ledger_of_an_earlier_release_is_derived_anew_and_is_good_by_the_rules_of_now(
    database: str, tmp_path: Path
) -> None:
    rules_1.record(database)
    attacks.watched(database)
    exported(database, Scope(), tmp_path / "a.zip")
    assert verify("bundle", str(tmp_path / "a.zip")) == (0, [])
    now = bundled.read(tmp_path / "a.zip")["expected-state.jsonl"]
    then = bundled.read(rules_1.BUNDLE)["expected-state.jsonl"]
    assert 3 < sum(one != other for one, other in zip(now, then, strict=True)) < len(now)


@pytest.mark.parametrize("rules", [None, 1])
def test_a_bundle_of_now_cannot_be_told_to_be_one_of_before(
    bundles: dict[str, Files], tmp_path: Path, rules: int | None
) -> None:
    """Its events have forms, and topics, that no earlier release could read."""
    files = {name: list(lines) for name, lines in bundles["administration"].items()}
    entry_changed("manifest.json", lambda entry: entry.pop("rules"))(files)
    if rules is not None:
        values_set("manifest.json", rules=rules)(files)
    code, said = verify("bundle", str(bundle_written(files, tmp_path)))
    assert code == 1
    assert "no release of rules 1, which the bundle names, could read it" in said[0]


def test_a_register_does_not_go_back_to_earlier_rules(
    bundles: dict[str, Files], tmp_path: Path
) -> None:
    files = {name: list(lines) for name, lines in bundles["rules 1"].items()}
    values_set("manifest.json", rules=2)(files)
    newer = bundle_written(files, tmp_path)
    code, said = verify("bundle", str(rules_1.BUNDLE), "--earlier", str(newer))
    assert code == 1
    assert said == [
        "The read models of the earlier bundle were derived by rules 2, and now by rules 1."
    ]
    assert verify("bundle", str(rules_1.BUNDLE), "--earlier", str(rules_1.BUNDLE)) == (0, [])


@pytest.mark.parametrize(
    ("kind", "rules", "hours", "verdict"),
    [
        ("administration", VERSION, 80, 1),
        ("administration", VERSION + 1, 80, 4),
        ("administration", VERSION + 1, 0, 0),
        ("rules 1", 1, 80, 1),
        ("rules 1", 1, 0, 0),
    ],
)
def test_what_rules_that_are_not_known_may_explain_is_not_called_forged(
    bundles: dict[str, Files], tmp_path: Path, kind: str, rules: int, hours: int, verdict: int
) -> None:
    files = {name: list(lines) for name, lines in bundles[kind].items()}
    of_periods = next(
        n for n, data in enumerate(files["expected-state.jsonl"]) if b'"VALID"' in data
    )
    entry_changed(
        "expected-state.jsonl", lambda entry: _moved(entry["periods"], hours), of_periods
    )(files)
    values_set("manifest.json", rules=rules)(files)
    code, said = verify("bundle", str(bundle_written(files, tmp_path)))
    assert code == verdict, said
    assert verdict != 4 or f"derived by rules {rules}; known here" in " ".join(said)
