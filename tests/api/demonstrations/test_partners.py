"""The demonstration of partners, run as a person runs it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

from registry.paths import ROOT
from tests.keeping_log import eventually


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
    assert running(tmp_path) == []


def test_ctrl_c_ends_every_process_of_it_and_removes_its_folder(tmp_path: Path) -> None:
    process = begun(tmp_path, subprocess.DEVNULL)
    eventually(lambda: len(list(tmp_path.glob("aeo-demo-*/*/home/pg*/data/postmaster.pid"))) == 2)

    process.send_signal(signal.SIGINT)

    assert process.wait(120) == 130
    assert running(tmp_path) == [] and list(tmp_path.iterdir()) == []


def test_a_step_that_fails_says_why_how_long_it_took_and_where_the_logs_are(
    tmp_path: Path,
) -> None:
    process = begun(tmp_path, subprocess.PIPE, AEO_PG_BIN=str(tmp_path / "nothing"))

    said, complaint = (text.decode() for text in process.communicate(timeout=120))

    assert process.returncode == 1 and "two instances start" in complaint
    assert "is not ready" in said and "PostgreSQL" in said, said
    assert " 0.00 s" not in said.partition("Steps")[2]
    [folder] = re.findall(r"logs of all processes are in (\S+)", said)
    assert len(list(Path(folder).rglob("demo.log"))) == 2
    assert running(tmp_path) == [] and list(tmp_path.glob("aeo-demo-*")) == []


def begun(folder: Path, output: int, **variables: str) -> subprocess.Popen[bytes]:
    """The demonstration, whose folders are made in this one."""
    return subprocess.Popen(
        [sys.executable, "-m", "api", "demo", "partners"],
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(folder), **variables},
        stdout=output,
        stderr=output,
    )


def running(folder: Path) -> list[bytes]:
    """The commands of the processes that have a file or a folder of this one."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):  # it ended meanwhile
            found.append(path.read_bytes())
    return [each for each in found if str(folder).encode() in each]
