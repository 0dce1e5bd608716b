"""The wheel: `pip install .` gives the command `aeo` with everything that the program reads."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest

from registry import __version__
from registry.paths import ROOT


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this checkout, unpacked: what an installation lays beside the libraries."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    [wheel] = folder.glob("*.whl")
    with ZipFile(wheel) as archive:
        archive.extractall(folder / "installed")
    return folder / "installed"


def inside(installed: Path, program: str, *words: str) -> subprocess.CompletedProcess[str]:
    """A program that finds our packages in the unpacked wheel alone."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AEO_")}
    return subprocess.run(
        [sys.executable, "-c", program, *words],
        cwd=installed.parent,
        env=environment | {"PYTHONPATH": str(installed)},
        capture_output=True,
        text=True,
    )


def test_every_path_that_the_program_knows_is_in_the_wheel(installed: Path) -> None:
    """But for the benches, which are run in a checkout alone."""
    program = (
        "from pathlib import Path; from registry import paths;"
        "print(*[name for name, value in vars(paths).items() if isinstance(value, Path)"
        " and name != 'BENCHES' and not value.exists()])"
    )
    found = inside(installed, program)

    assert (found.stdout.split(), found.stderr) == ([], "")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--version"], f"aeo {__version__}"),
        (["completion", "bash"], "complete -o default -F _aeo_completion aeo"),
        (["export-schema"], "type Query {"),
        (["bench", "read"], ""),
    ],
)
def test_the_command_of_the_wheel_runs(installed: Path, words: list[str], said: str) -> None:
    found = inside(installed, "from api.cli import main; main()", *words)

    assert said in found.stdout
    assert (found.returncode == 0) == (words != ["bench", "read"]), found.stderr


def test_the_wheel_names_the_command(installed: Path) -> None:
    [entry] = installed.glob("*.dist-info/entry_points.txt")

    assert "aeo = api.cli:main" in entry.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("typed", "offered"), [("aeo re", "rebuild"), ("aeo rebuild --d", "--digests")]
)
def test_a_shell_is_told_what_may_follow(typed: str, offered: str) -> None:
    environment = os.environ | {
        "_AEO_COMPLETE": "complete_bash",
        "COMP_WORDS": typed,
        "COMP_CWORD": str(len(typed.split()) - 1),
    }
    found = subprocess.run(
        [sys.executable, "-m", "api"], cwd=ROOT, env=environment, capture_output=True, text=True
    )

    assert offered in found.stdout.split()
