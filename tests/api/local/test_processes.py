"""The child processes of `up` and `serve`: how they end."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from api.local import processes
from api.local.processes import ChildProcess, stop_all


def test_children_that_do_not_answer_are_killed_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that is held by SIGSTOP takes no SIGTERM; each would use up the whole bound."""
    given: list[float] = []
    stop = ChildProcess.stop

    def noted(child: ChildProcess, seconds: float) -> None:
        given.append(seconds)
        stop(child, seconds)

    monkeypatch.setattr(processes, "STOP", 0.5)
    monkeypatch.setattr(ChildProcess, "stop", noted)
    children = [ChildProcess("follow", tmp_path, name=f"follow-{n}") for n in range(3)]
    for child in children:
        os.kill(child.helper.process.pid, signal.SIGSTOP)
        os.waitpid(child.helper.process.pid, os.WUNTRACED)  # it is held

    stop_all(children)

    assert [child.helper.process.returncode for child in children] == [-signal.SIGKILL] * 3
    # The first had what there is; the bound of all was over when the others' turn came.
    assert 0 < given[0] <= 0.5 and given[1] <= 0 and given[2] <= 0
