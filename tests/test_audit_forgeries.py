"""A forged or damaged audit bundle is seen through by the verifier."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import psycopg
import pytest

from api.audit.bundle import Scope, export
from api.audit.zip import Archive
from ops import attacks
from ops.attacks import TRUSTING, verify
from tests import bundled, rules_1
from tests.audited import FRUIT, exported, register
from tests.bundled import Files

__all__ = ["register"]


def _first_leaf(files: Files) -> None:
    files["leaves"] = [bytes(32) + b"".join(files["leaves"])[32:]]


def _cut_leaves(files: Files) -> None:
    files["leaves"] = [b"".join(files["leaves"])[:-32]]


def entry_changed(name: str, change: Callable[[dict[str, Any]], Any], at: int = 0) -> Any:
    def forge(files: Files) -> None:
        item = json.loads(files[name][at])
        change(item)
        files[name][at] = bundled.line(item)

    return forge


def values_set(name: str, **values: Any) -> Any:
    return entry_changed(name, lambda entry: entry.update(values))


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
    "another day": (values_set("events.jsonl", recorded=1), (1,)),
    "another place": (values_set("events.jsonl", position=1), (1,)),
    "another leaf": (values_set("events.jsonl", index=0), (1,)),
    "a leaf beyond": (values_set("events.jsonl", index=10**9), (1,)),
    "no leaf": (values_set("events.jsonl", index=None), (1,)),
    "other words": (values_set("events.jsonl", says="all is well"), (1,)),
    "no JSON": (values_set("events.jsonl", state="all is well"), (1,)),
    "no number": (values_set("events.jsonl", version="1"), (2,)),
    "a field more": (values_set("events.jsonl", note=""), (2,)),
    "no event": (lambda f: f["events.jsonl"].insert(0, b"[]\n"), (2,)),
    "no line": (lambda f: f["events.jsonl"].insert(0, b"\n"), (2,)),
    "no UTF-8": (lambda f: f["events.jsonl"].insert(0, b"\xff\n"), (2,)),
    "a deep event": (lambda f: f["events.jsonl"].insert(0, b"[" * 200_000), (2,)),
    "another leaf hash": (_first_leaf, (1,)),
    "a leaf hash less": (_cut_leaves, (1, 4)),
    "a reading of another": (entry_changed("expected-state.jsonl", _renamed), (1,)),
    "another reading": (entry_changed("expected-state.jsonl", _longer_periods), (1,)),
    "a reading less": (lambda f: f["expected-state.jsonl"].pop(0), (1,)),
    "a reading of nobody": (
        values_set("expected-state.jsonl", stream="00000000-0000-0000-0000-000000000000"),
        (1,),
    ),
    "a reading of no name": (
        lambda f: f["expected-state.jsonl"].append(
            b'{"stream":"\\ud800","operator":"X","position":1,"periods":[]}\n'
        ),
        (1, 2),
    ),
    "a reading and more": (values_set("expected-state.jsonl", note="all is well"), (1,)),
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
    "a tree without end": (values_set("manifest.json", size=10**30), (1,)),
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
    "an earlier place": (values_set("manifest.json", position=0), (1,)),
    "another scope": (values_set("manifest.json", scope={"kind": "operator", "id": "CN1"}), (1, 4)),
    "no scope": (values_set("manifest.json", scope={"kind": 1}), (2,)),
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
    code, said = verify("bundle", str(bundle_written(files, tmp_path)))
    assert code in codes, said
    assert (code == 0) is (not said)


def bundle_written(files: Files, tmp_path: Path) -> Path:
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
