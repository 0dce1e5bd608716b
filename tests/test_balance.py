"""What the suite costs stays within its budget, and the dearest files begin first."""

from __future__ import annotations

import json

from registry.paths import ROOT
from tests import balance


def test_no_file_costs_more_than_its_share_and_all_together_no_more_than_there_is() -> None:
    """Else make the file cheaper: ops/decisions/0238. It is the table that is looked at, which a
    measured run has written, so that a busy machine fails nobody."""
    cost = balance.seconds()

    assert {name for name in cost if not (ROOT / name).is_file()} == set(), (
        "python -m tests.balance FILE"
    )
    assert {name: each for name, each in cost.items() if each > balance.FILE} == {}
    assert sum(cost.values()) <= balance.WHOLE


def test_a_run_replaces_what_the_files_cost_that_it_ran() -> None:
    here, other = "tests/test_balance.py", "tests/test_house.py"
    lines = [json.dumps([f"{here}::test_{name}", 1.5, 0.25]) for name in "ab"]
    gone = json.dumps(["tests/test_nothing.py::test_a", 1.0, 1.0])

    table = balance.taken_over([*lines, gone])

    assert table[here] == 3.5
    assert table[other] == balance.seconds()[other]
    assert "tests/test_nothing.py" not in table
