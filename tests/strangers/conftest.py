"""A log as static files, for programs that other people wrote."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from api.log.signing_keys import open_signing_keys
from projections.reads import log as reads
from registry.transparency import merkle
from registry.transparency.signed_notes import VerifierKey
from tests.keeping_log import copied, heads, is_signed, logged
from tests.paths import STRANGERS

DEBIAN = Path("/usr/share/gocode")  # where its packages of Go sources are


@dataclass(frozen=True)
class Static:
    """`folder` is what /log serves; `older` is a checkpoint from before it grew."""

    folder: Path
    older: Path
    size: int
    keys: tuple[VerifierKey, ...]
    database: str
    home: Path


@pytest.fixture(scope="module")
def grown(
    server: str, blank_register: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Static]:
    """Two heads of a log with more than one full tile."""
    place = tmp_path_factory.mktemp("log")
    home, folder, older = place / "home", place / "log", place / "older"
    with copied(server, make_conninfo(server, dbname=blank_register)) as database:
        before = logged(database, 0, 150)
        is_signed(database, home, before)
        older.write_text(heads(database)[before])
        size = logged(database, 150, 420)
        is_signed(database, home, size)
        asyncio.run(_written(database, folder, size))
        yield Static(folder, older, size, open_signing_keys(home).keys, database, home)


@pytest.fixture
def static(grown: Static, tmp_path: Path) -> Static:
    """A copy of the files, for a test to spoil."""
    folder, older = tmp_path / "log", tmp_path / "older"
    shutil.copytree(grown.folder, folder)
    shutil.copy(grown.older, older)
    return replace(grown, folder=folder, older=older)


async def _written(database: str, folder: Path, size: int) -> None:
    async with await psycopg.AsyncConnection.connect(database) as connection:
        found = await reads.head(connection)
        assert found is not None and found.size == size
        _put(folder / "checkpoint", found.note.encode())
        for level in range(3):
            index = 0
            while width := merkle.width_of(level, index, size):
                path = merkle.tile_path(level, index, width)
                _put(folder / "tile" / path, await reads.tile(connection, level, index, width))
                if level == 0:
                    bundle = b"".join(
                        len(data).to_bytes(2, "big") + data
                        for data in await reads.entries(connection, index, width)
                    )
                    _put(folder / "tile" / path.replace("0/", "entries/", 1), bundle)
                index += 1


def _put(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


@pytest.fixture(scope="session")
def go(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The stranger's check, built by Go from Debian's packages; nothing is fetched."""
    compiler = shutil.which("go")
    if compiler is None or not (DEBIAN / "src" / "golang.org" / "x" / "mod" / "sumdb").exists():
        why = "no Go here (Debian: apt-get install golang-go golang-golang-x-mod-dev)"
        if os.environ.get("CI"):
            pytest.fail(why)  # CI installs it
        pytest.skip(why)
    folder = tmp_path_factory.mktemp("go")
    offline = {"GO111MODULE": "off", "GOPATH": str(DEBIAN), "GOCACHE": str(folder / "cache")}
    subprocess.run(
        [compiler, "build", "-o", folder / "check", STRANGERS / "check.go"],
        check=True,
        env=os.environ | offline,
    )
    return folder / "check"


@pytest.fixture(scope="session")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the programs of aics-tlog and aics-witness, in an environment of their own."""
    found = next(filter(_is_young, _pythons()), None)
    if found is None:
        pytest.skip("aics-tlog and aics-witness need Python 3.12 or newer, and none is here")
    home = tmp_path_factory.mktemp("python")
    uv = shutil.which("uv")
    made = str(home / "bin" / "python")
    make = [uv, "venv", "--clear", "--python", found] if uv else [found, "-m", "venv", "--clear"]
    install = [uv, "pip", "install", "--python", made] if uv else [made, "-m", "pip", "install"]
    for command in ([*make, str(home)], [*install, "-r", str(STRANGERS / "requirements.txt")]):
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            pytest.skip(f"no strangers from PyPI: {done.stderr.strip().splitlines()[-1:]}")
    return home / "bin"


def _pythons() -> Iterator[str]:
    yield sys.executable
    yield from filter(None, map(shutil.which, ("python3.13", "python3.12")))
    versions = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"), "versions")
    yield from map(str, sorted(versions.glob("3.1[2-9]*/bin/python")))


def _is_young(python: str) -> bool:
    question = "import sys; sys.exit(sys.version_info < (3, 12))"
    return subprocess.run([python, "-c", question], capture_output=True).returncode == 0
