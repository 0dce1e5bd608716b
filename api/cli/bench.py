"""The command that measures: the register beside what might have been used in its place."""

from __future__ import annotations

import os
import sys
from enum import StrEnum
from typing import Annotated

import typer

from api.cli.terminal import USAGE, fail
from registry.paths import BENCHES, ROOT


class Bench(StrEnum):
    """What can be measured."""

    READ = "read"
    APPEND = "append"
    REPLAY = "replay"
    GROWTH = "growth"


def bench(
    what: Annotated[Bench, typer.Argument(help="What to measure.")],
    quick: Annotated[
        bool, typer.Option("--quick", help="Within ten minutes; shown, not written down.")
    ] = False,
    smoke: Annotated[
        bool, typer.Option("--smoke", help="Ours alone, a moment each: does it run at all?")
    ] = False,
    operators: Annotated[int | None, typer.Option(min=1, help="How many to load.")] = None,
    only: Annotated[
        str | None, typer.Option(help="Contenders whose names hold one of these, by commas.")
    ] = None,
    keep: Annotated[bool, typer.Option("--keep", help="Write a quick run down, too.")] = False,
) -> None:
    """Measure the register beside its peers, in turns, on a database of the run's own.

    Peers are installed once, beside the project: AEO_BENCH_CACHE says where. A full run is
    written to ops/bench/results.md, and drawn.
    """
    if not BENCHES.is_dir():
        fail(USAGE, "the benches are in the source tree only")
    words = [sys.executable, "-m", f"ops.bench.{what.value}"]
    flags = {"--quick": quick, "--smoke": smoke, "--keep": keep}
    words += [name for name, said in flags.items() if said]
    words += ["--operators", str(operators)] if operators else []
    words += ["--only", only] if only else []
    os.chdir(ROOT)
    # It takes our place, so that Ctrl-C and SIGTERM reach who has servers to stop.
    os.execv(sys.executable, words)
