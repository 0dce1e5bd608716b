"""pgbench: what PostgreSQL does by itself, with no server and no language before it."""

from __future__ import annotations

import os
import shutil
import subprocess
from math import ceil
from pathlib import Path

from ops.bench.common import Unfit

SETTINGS = "-c jit=off -c plan_cache_mode=force_generic_plan"


def run(url: str, script: Path, seconds: float, clients: int = 8) -> float:
    """Transactions a second of a script, its statements prepared. Raises Unfit."""
    seconds += clients / 64  # it connects them one after the other
    done = subprocess.run(
        [
            _program(),
            "-n",
            "-M",
            "prepared",
            "-c",
            str(clients),
            "-j",
            "1",
            "-T",
            str(max(1, ceil(seconds))),
            "-f",
            str(script),
            url,
        ],
        capture_output=True,
        text=True,
        timeout=seconds + 60,
        env={**os.environ, "PGOPTIONS": SETTINGS},
    )
    told = [line for line in done.stdout.splitlines() if line.startswith("tps = ")]
    if done.returncode or not told:
        raise Unfit(f"pgbench: {done.stderr.strip()[-200:]}")
    return float(told[0].split()[2])


def _program() -> str:
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin/pgbench"))
    found = shutil.which("pgbench") or next((str(path) for path in debian), None)
    if found is None:
        raise Unfit("pgbench is not on this machine")
    return found
