"""The demonstration of partners, run as a person runs it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from registry.paths import ROOT


def test_two_registers_and_an_edge_show_what_is_promised_and_leave_nothing(
    tmp_path: Path,
) -> None:
    # Seconds of a busy machine: how fast it is on a free one is measured, not tested.
    done = subprocess.run(
        [sys.executable, "-m", "api", "demo", "partners", "--within", "120"],
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    for words in (
        "NOT_RECOGNISED is the answer in KR",
        "NOT_RECOGNISED is the answer in the edge in SG",
        "a signed webhook arrives in SG",
        "myDivergences names it",
        "KR has caught up",
        "officers of CN may",
    ):
        assert words in done.stdout
    assert list(tmp_path.glob("aeo-demo-*")) == []
    commands = [path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline")]
    assert [each for each in commands if str(tmp_path).encode() in each] == []
