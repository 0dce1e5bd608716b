"""There is one door to the decisions, and whoever appends events is known: no way leads around the
second person (four eyes)."""

from __future__ import annotations

import ast
from collections import defaultdict

from tests.paths import ROOT

PACKAGES = ("api", "projections", "registry")
#: Who hands events to the ledger, and why no decision of one person alone can be among them.
APPENDING = {
    "api/importing/unit_of_work.py": "files: each line was decided by Registry.decide_on",
    "api/peers/store.py": "a followed register's events, which its own rules allowed",
    "registry/application/bulk_import.py": "histories from before the rule; later ones are refused",
    "registry/application/execute.py": "one command, decided by Registry.decide_on",
    "registry/application/registry.py": "many commands, decided by Registry.decide_on",
    "registry/ledger/recorder.py": "the ledger itself",
}
APPENDS = {"append_encoded", "append_many", "encode_request", "insert_events"}
APPENDS |= {"insert_events_async"}


def uses() -> dict[str, set[str]]:
    """The names that each file loads or calls."""
    found = defaultdict(set)
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call):
                    name = getattr(node.func, "attr", getattr(node.func, "id", ""))
                    found[path.relative_to(ROOT).as_posix()].add(name)
                elif isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name):
                    found[path.relative_to(ROOT).as_posix()].add(f"{node.value.id}[]")
    return found


def test_decisions_are_reached_through_one_door() -> None:
    found = uses()
    assert [file for file, names in found.items() if "DECISIONS[]" in names] == [
        "registry/application/registry.py"
    ]
    assert [file for file, names in found.items() if "_dispatch" in names] == [
        "registry/application/registry.py"
    ]
    asked = {file for file, names in found.items() if "proposed_instead" in names}
    assert asked == {"registry/application/registry.py"}


def test_whoever_appends_events_is_known() -> None:
    assert {file for file, names in uses().items() if names & APPENDS} == set(APPENDING)
