"""How fast synthetic operators are decided, appended and projected, and how much memory that takes.

    python -m ops.bench.load [--operators 10000] [--rounds 3]

Each round has a database of its own on a durable server (fsync on) and, after the world is loaded,
three stages, each a process of its own: deciding alone; deciding and appending; projecting what
was appended. The table shows medians, and the most memory that a process held.
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import shutil
import sys
import tempfile
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from statistics import median
from time import monotonic

import psycopg
from psycopg.conninfo import make_conninfo
from rich.console import Console
from rich.table import Table

from api.demo.load import load_operators, load_world
from api.demo.population import Population
from api.local import postgres
from projections.engine.projector import Projector
from registry.application.registry import Registry
from registry.ledger.database import environment, migrate

Measured = tuple[float, int]  # events a second, megabytes at the most
Stage = Callable[[str, int], int]


def decide(database: str, operators: int) -> int:
    registry = Registry(environment(database))
    population = Population(registry)
    events = sum(len(population.life(number).known) for number in range(operators))
    registry.close()
    return events


def append(database: str, operators: int) -> int:
    return load_operators(database, operators)


def project(database: str, operators: int) -> int:
    events = 0

    def count(position: int, more: int) -> None:
        nonlocal events
        events += more

    Projector(database).catch_up(count)
    return events


STAGES: dict[str, Stage] = {
    "decided": decide,
    "decided and appended": append,
    "projected": project,
}


def measured(stage: str, database: str, operators: int) -> Measured:
    began = monotonic()
    events = STAGES[stage](database, operators)
    rate = events / (monotonic() - began)
    unit = 1024 if sys.platform == "linux" else 1024 * 1024
    return rate, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // unit


def apart(stage: str, database: str, operators: int) -> Measured:
    """In a new process, so that its memory is its own."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as process:
        return process.submit(measured, stage, database, operators).result()


def round_of(server: str, number: int, operators: int) -> dict[str, Measured]:
    name = f"bench_{number}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    database = make_conninfo(server, dbname=name)
    migrate(database)
    load_world(database)
    Projector(database).catch_up()
    return {stage: apart(stage, database, operators) for stage in STAGES}


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    options.add_argument("--operators", type=int, default=10_000)
    options.add_argument("--rounds", type=int, default=3)
    asked = options.parse_args()
    home = Path(tempfile.mkdtemp(prefix="aeo-bench-"))
    home.chmod(0o711)  # as root the server is run by another user, who must get through
    try:
        with postgres.database(home) as server:
            rounds = [round_of(server, n, asked.operators) for n in range(asked.rounds)]
    finally:
        shutil.rmtree(home)
    table = Table("events", "a second, median", "each round", "memory, MB")
    for stage in STAGES:
        rates = [round_[stage][0] for round_ in rounds]
        table.add_row(
            stage,
            f"{median(rates):,.0f}",
            ", ".join(f"{rate:,.0f}" for rate in rates),
            str(max(round_[stage][1] for round_ in rounds)),
        )
    Console().print(table)


if __name__ == "__main__":
    main()
