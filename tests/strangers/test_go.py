"""Go's own libraries, which check every module that anybody builds, accept the log as it is."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.strangers.conftest import Static


def check(go: Path, static: Static, *older: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [go, static.folder, str(static.keys[0]), *older], capture_output=True, text=True
    )


def test_every_leaf_and_the_growth_are_proved_to_a_stranger(go: Path, static: Static) -> None:
    done = check(go, static, static.older)
    assert (done.returncode, done.stderr) == (0, "")
    assert f"{static.size} leaves, each proved" in done.stdout
    assert "older checkpoint are its beginning" in done.stdout


@pytest.mark.parametrize(
    ("name", "at"),
    [
        ("checkpoint", 5),
        ("checkpoint", 60),
        ("tile/0/000", 77),
        ("tile/entries/000", 9000),
        ("tile/1/000.p/{full}", 3),
        ("older", 30),
    ],
)
def test_a_stranger_refuses_every_changed_bit(go: Path, static: Static, name: str, at: int) -> None:
    name = name.format(full=static.size // 256)
    changed = static.older if name == "older" else static.folder / name
    content = bytearray(changed.read_bytes())
    content[at] ^= 1
    changed.write_bytes(content)
    assert check(go, static, static.older).returncode == 1
