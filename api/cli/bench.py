"""The command that runs the benchmarks."""

from __future__ import annotations

import os
import sys
from enum import StrEnum
from typing import Annotated

import typer

from api.cli.terminal import USAGE, fail
from registry.paths import BENCHES, ROOT


class Bench(StrEnum):
    """The benchmarks."""

    READ = "read"
    APPEND = "append"
    REPLAY = "replay"
    GROWTH = "growth"
    FEEDS = "feeds"


def bench(
    what: Annotated[Bench, typer.Argument(help="What to measure.")],
    quick: Annotated[
        bool,
        typer.Option("--quick", help="Within ten minutes; the results are shown and not saved."),
    ] = False,
    smoke: Annotated[
        bool, typer.Option("--smoke", help="A smoke test: the register only, a moment each.")
    ] = False,
    operators: Annotated[
        int | None, typer.Option(min=1, help="The number of operators to load.")
    ] = None,
    only: Annotated[
        str | None,
        typer.Option(help="Only systems whose names contain one of these, separated by commas."),
    ] = None,
    keep: Annotated[
        bool, typer.Option("--keep", help="Save the results of a quick run, too.")
    ] = False,
) -> None:
    """Compare the register with other systems, in turns, on a database of its own.

    The other systems are installed once, in the folder AEO_BENCH_CACHE. A full run is saved to
    ops/bench/results.md, with a chart.
    """
    if not BENCHES.is_dir():
        fail(USAGE, "the benches are in the source tree only")
    words = [sys.executable, "-m", f"ops.bench.{what.value}"]
    flags = {"--quick": quick, "--smoke": smoke, "--keep": keep}
    words += [name for name, chosen in flags.items() if chosen]
    words += ["--operators", str(operators)] if operators else []
    words += ["--only", only] if only else []
    os.chdir(ROOT)
    # It replaces this process, so that Ctrl-C and SIGTERM reach the process with the servers.
    os.execv(sys.executable, words)
