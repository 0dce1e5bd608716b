"""The audit bundle says what the register says, and is checked without the register."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import psycopg
import pytest

from api.audit.bundle import Exported, NothingToExport, Scope, export
from api.audit.zip import Archive
from api.demo.load import load_operators
from ops import attacks
from ops.attacks import TRUSTING, WATCHED, verify
from projections.engine.derivation import VERSION
from projections.engine.projector import Projector
from projections.transparency.integrator import Integrator
from registry.application.registry import Registry
from registry.domain import commands as c
from registry.domain.time_zones import RELEASE, written
from registry.domain.values import Tin
from registry.ledger.database import environment
from tests import bundled, rules_1
from tests.api.cli.test_cli import Terminal
from tests.bundled import Files

FRUIT = "CN1234567890"
SCOPES = (
    Scope(),
    Scope("administration", "CN"),
    Scope("administration", "EU"),
    Scope("operator", FRUIT),
    Scope("agreement", "CN-SG-AEO"),
)


@pytest.fixture(scope="module")
def register(world: str) -> str:
    """The real record and some operators, one of whom was put right; signed half-way, and now."""
    half = Integrator(world).catch_up()
    with psycopg.connect(world) as connection:
        attacks.sign(connection, half // 2)
        attacks.sign(connection, half)
    load_operators(world, 140)
    Projector(world).catch_up()
    size = Integrator(world).catch_up()
    with psycopg.connect(world) as connection:
        attacks.sign(connection, size)
    return world


@pytest.fixture
def policy(tmp_path: Path) -> str:
    file = tmp_path / "policy.txt"
    file.write_text(WATCHED)
    return str(file)


def exported(register: str, scope: Scope, out: Path, **more: Any) -> Exported:
    with psycopg.connect(register) as connection:
        return export(connection, scope, out, TRUSTING, **more)


# ------------------------------------------------------------------------------- what is honest


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


# ----------------------------------------------------------------------- what is forged by hand


def _first_leaf(files: Files) -> None:
    files["leaves"] = [bytes(32) + b"".join(files["leaves"])[32:]]


def _cut_leaves(files: Files) -> None:
    files["leaves"] = [b"".join(files["leaves"])[:-32]]


def _changed(name: str, change: Callable[[dict[str, Any]], Any], at: int = 0) -> Any:
    def forge(files: Files) -> None:
        item = json.loads(files[name][at])
        change(item)
        files[name][at] = bundled.line(item)

    return forge


def _set(name: str, **values: Any) -> Any:
    return _changed(name, lambda entry: entry.update(values))


def _longer_periods(entry: dict[str, Any]) -> None:
    entry["periods" if "periods" in entry else "sides"].append([None] * 15 + [7, None])


def _renamed(entry: dict[str, Any]) -> None:
    """What is said of somebody, said of another."""
    entry["operator" if "operator" in entry else "agreement"] = "KR1234567"


def _swap(files: Files) -> None:
    events = files["events.jsonl"]
    events[0], events[-1] = events[-1], events[0]


FORGERIES: dict[str, tuple[Callable[[Files], Any], tuple[int, ...]]] = {
    "an event less": (lambda f: f["events.jsonl"].pop(3), (4, 1)),
    "the last event less": (lambda f: f["events.jsonl"].pop(), (4, 1)),
    "an event twice": (lambda f: f["events.jsonl"].insert(0, f["events.jsonl"][0]), (1,)),
    "streams out of order": (_swap, (1, 2)),
    "another day": (_set("events.jsonl", recorded=1), (1,)),
    "another place": (_set("events.jsonl", position=1), (1,)),
    "another leaf": (_set("events.jsonl", index=0), (1,)),
    "a leaf beyond": (_set("events.jsonl", index=10**9), (1,)),
    "no leaf": (_set("events.jsonl", index=None), (1,)),
    "other words": (_set("events.jsonl", says="all is well"), (1,)),
    "no JSON": (_set("events.jsonl", state="all is well"), (1,)),
    "no number": (_set("events.jsonl", version="1"), (2,)),
    "a field more": (_set("events.jsonl", note=""), (2,)),
    "no event": (lambda f: f["events.jsonl"].insert(0, b"[]\n"), (2,)),
    "no line": (lambda f: f["events.jsonl"].insert(0, b"\n"), (2,)),
    "no UTF-8": (lambda f: f["events.jsonl"].insert(0, b"\xff\n"), (2,)),
    "a deep event": (lambda f: f["events.jsonl"].insert(0, b"[" * 200_000), (2,)),
    "another leaf hash": (_first_leaf, (1,)),
    "a leaf hash less": (_cut_leaves, (1, 4)),
    "a reading of another": (_changed("expected-state.jsonl", _renamed), (1,)),
    "another reading": (_changed("expected-state.jsonl", _longer_periods), (1,)),
    "a reading less": (lambda f: f["expected-state.jsonl"].pop(0), (1,)),
    "a reading of nobody": (
        _set("expected-state.jsonl", stream="00000000-0000-0000-0000-000000000000"),
        (1,),
    ),
    "a reading of no name": (
        lambda f: f["expected-state.jsonl"].append(
            b'{"stream":"\\ud800","operator":"X","position":1,"periods":[]}\n'
        ),
        (1, 2),
    ),
    "a reading and more": (_set("expected-state.jsonl", note="all is well"), (1,)),
    "a reading said twice": (
        lambda f: f["expected-state.jsonl"].__setitem__(
            0, f["expected-state.jsonl"][0].replace(b"{", b'{"position":7,', 1)
        ),
        (2,),
    ),
    "an event said twice": (
        lambda f: f["events.jsonl"].__setitem__(
            0, f["events.jsonl"][0].replace(b"{", b'{"says":"all is well",', 1)
        ),
        (2,),
    ),
    "a tree without end": (_set("manifest.json", size=10**30), (1,)),
    "readings out of order": (lambda f: f["expected-state.jsonl"].reverse(), (1, 2)),
    "no reading": (lambda f: f["expected-state.jsonl"].insert(0, b"7\n"), (2,)),
    "a hash more": (lambda f: f["proof"].append(b"A" * 43 + b"=\n"), (2,)),
    "a hash of history less": (lambda f: f["consistency"].pop(), (1,)),
    "another history": (lambda f: f["consistency"].reverse(), (1,)),
    "no signature": (lambda f: f["checkpoint"].pop(), (0, 1, 2)),
    "a larger tree": (lambda f: f["checkpoint"].__setitem__(1, b"9999999\n"), (1,)),
    "a key of nobody": (lambda f: f["policy.txt"].pop(0), (0, 1)),
    "no policy": (lambda f: f["policy.txt"].clear(), (2,)),
    "a form less": (lambda f: f.pop("schema/agreement.proposed.json"), (4,)),
    "an earlier place": (_set("manifest.json", position=0), (1,)),
    "another scope": (_set("manifest.json", scope={"kind": "operator", "id": "CN1"}), (1, 4)),
    "no scope": (_set("manifest.json", scope={"kind": 1}), (2,)),
    "no leaves": (lambda f: f.pop("leaves"), (2,)),
    "no events": (lambda f: f.pop("events.jsonl"), (2,)),
}


@pytest.fixture(scope="module")
def bundles(register: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Files]:
    folder = tmp_path_factory.mktemp("bundles")
    found = {"rules 1": bundled.read(rules_1.BUNDLE)}  # of an earlier release
    for scope in (Scope(), Scope("administration", "CN")):
        exported(register, scope, folder / "a.zip")
        found[scope.kind] = bundled.read(folder / "a.zip")
    return found


@pytest.mark.parametrize("kind", ["all", "administration", "rules 1"])
@pytest.mark.parametrize("what", FORGERIES)
def test_a_bundle_forged_by_hand_is_seen_through(
    bundles: dict[str, Files], what: str, kind: str, tmp_path: Path
) -> None:
    """By someone who also writes the manifest anew: every digest in it is right."""
    files = {name: list(lines) for name, lines in bundles[kind].items()}
    forge, codes = FORGERIES[what]
    forge(files)
    code, said = verify("bundle", str(_written(files, tmp_path)))
    assert code in codes, said
    assert (code == 0) is (not said)


def _written(files: Files, tmp_path: Path) -> Path:
    return bundled.write(files, tmp_path / "b.zip")


def test_who_has_two_streams_has_two_histories_and_is_found(register: str, tmp_path: Path) -> None:
    """By someone with the log's own key, whose read models and tree are as his ledger is."""
    other = "ffffffff-0000-4000-8000-000000000000"
    with psycopg.connect(register) as connection:
        for table in attacks.GUARDED:
            connection.execute(f"alter table {table} disable trigger user")
        connection.execute("alter table views.operator disable trigger user")
        [(at, stream)] = connection.execute(
            "select position, originator_id from ledger.event where topic = 'operator.registered'"
            " and state::jsonb ->> 'tin' = %s",
            [FRUIT],
        )
        connection.execute(
            "update ledger.event set originator_id = %s where originator_id = %s", [other, stream]
        )
        connection.execute("update views.operator set id = %s where id = %s", [other, stream])
        attacks.log_anew(connection)
        export(connection, Scope(), tmp_path / "a.zip", TRUSTING)
        connection.rollback()
    code, said = verify("bundle", str(tmp_path / "a.zip"))
    assert code == 1
    assert said == [f"position {at:,}: it begins a stream of another name than its own."]


def test_a_bundle_that_was_damaged_on_its_way_is_malformed(register: str, tmp_path: Path) -> None:
    exported(register, Scope("agreement", "CN-SG-AEO"), tmp_path / "a.zip")
    written = (tmp_path / "a.zip").read_bytes()
    for end in range(0, len(written), len(written) // 40):
        (tmp_path / "b.zip").write_bytes(written[:end])
        assert verify("bundle", str(tmp_path / "b.zip"))[0] == 2
    for at in range(0, len(written), len(written) // 60):
        (tmp_path / "b.zip").write_bytes(
            written[:at] + bytes([written[at] ^ 0x55]) + written[at + 1 :]
        )
        assert verify("bundle", str(tmp_path / "b.zip"))[0] in (0, 2), at  # 0: a date in the zip
    with ZipFile(tmp_path / "a.zip") as bundle:
        files = {name: bundle.read(name) for name in bundle.namelist()}
    for name in files:
        with ZipFile(tmp_path / "b.zip", "w") as into:
            for other, text in files.items():
                Archive(into).add(other, [text + b" " if other == name else text])
        assert verify("bundle", str(tmp_path / "b.zip"))[0] == 2, name


# ------------------------------------------------------------------------------ the command line


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


# ----------------------------------------------------------------- one source of time zones


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
    _changed("expected-state.jsonl", lambda entry: _moved(entry["periods"], hours), of_periods)(
        files
    )
    if release is None:
        _changed("manifest.json", lambda entry: entry.pop("time_zones"))(files)
    else:
        _set("manifest.json", time_zones=release)(files)
    code, said = verify("bundle", str(_written(files, tmp_path)))
    assert code == verdict, said
    assert verdict != 4 or "Python's tzdata" in " ".join(said)


# --------------------------------------------------------------------- rules of derivation


def test_the_verifier_derives_by_the_rules_of_the_register() -> None:
    assert attacks.verifier().NOW.number == VERSION


def test_the_bundle_of_an_earlier_release_is_good_by_the_rules_of_that_release(
    bundles: dict[str, Files], tmp_path: Path
) -> None:
    assert verify("bundle", str(rules_1.BUNDLE)) == (0, [])
    said_newer = {name: list(lines) for name, lines in bundles["rules 1"].items()}
    _set("manifest.json", rules=2)(said_newer)
    code, said = verify("bundle", str(_written(said_newer, tmp_path)))
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
    _changed("manifest.json", lambda entry: entry.pop("rules"))(files)
    if rules is not None:
        _set("manifest.json", rules=rules)(files)
    code, said = verify("bundle", str(_written(files, tmp_path)))
    assert code == 1
    assert "no release of rules 1, which the bundle names, could read it" in said[0]


def test_a_register_does_not_go_back_to_earlier_rules(
    bundles: dict[str, Files], tmp_path: Path
) -> None:
    files = {name: list(lines) for name, lines in bundles["rules 1"].items()}
    _set("manifest.json", rules=2)(files)
    newer = _written(files, tmp_path)
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
    _changed("expected-state.jsonl", lambda entry: _moved(entry["periods"], hours), of_periods)(
        files
    )
    _set("manifest.json", rules=rules)(files)
    code, said = verify("bundle", str(_written(files, tmp_path)))
    assert code == verdict, said
    assert verdict != 4 or f"derived by rules {rules}; known here" in " ".join(said)
