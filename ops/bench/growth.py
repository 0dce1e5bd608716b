"""What becomes of a question, a rebuild and the memory as the register grows tenfold, and again.

    python -m ops.bench.growth [--quick] [--operators 10000] [--largest 1000000]

The same database grows, so each size is the one before it and more. Questions come one at a time:
their p50 is what it takes to answer, not to wait.
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from time import perf_counter

import psycopg

from api.access.tokens import issue
from ops.bench import common, results, servers, traffic
from ops.bench.common import Section
from ops.bench.questions import KINDS, Kind, write_bodies
from ops.bench.read import TERRITORIES
from ops.bench.replay import events_of
from ops.bench.servers import World

ASKED = ("simple", "rich", "recognition")
KEYS = 5_000  # TINs that are asked about, drawn from all


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    results.add_options(options)
    options.add_argument("--largest", type=int, help="grow up to so many operators")
    asked = results.parse(options, operators=10_000, seconds=5.0, rounds=3, quick=3_000)
    grown = 1 if asked.smoke else 10 if asked.quick else 100
    largest = asked.largest or asked.operators * grown
    with common.ending() as stack:
        folder = stack.enter_context(common.home())
        url = stack.enter_context(common.server(folder))
        questions = {
            kind: Section(f"{kind.title}, one at a time", "requests/s", "", drawn=False)
            for kind in KINDS
            if kind.name in (ASKED[:1] if asked.smoke else ASKED)
        }
        rebuilds = Section("rebuild of every read model", "events/s", "", drawn=False)
        exports = Section("the ledger as JSON lines", "events/s", "", drawn=False)
        size, first = asked.operators, ""
        while size <= largest:
            name = f"{size:,} operators"
            first = first or name
            common.register(url, size)
            world = _world(folder, url, asked.seconds)
            with ExitStack() as serving:
                server = servers.ours(world, serving)
                for kind, section in questions.items():
                    section.base = first
                    bodies = _bodies(world, kind)
                    load = traffic.Load(
                        server.port,
                        "/graphql",
                        bodies,
                        {"Content-Type": "application/json", **server.headers},
                        1,
                        asked.seconds,
                    )
                    if not asked.smoke:
                        traffic.run(load)
                    taken = [traffic.run(load) for _ in range(asked.rounds)]
                    held = max(common.memory(pid) for pid in servers.family(server.pids[0]))
                    section.measured[name] = [entry | {"memory": held} for entry in taken]
            events = events_of(url)
            for section, command in ((rebuilds, "rebuild"), (exports, "replay")):
                section.base = first
                section.measured[name] = [_run(world, command, events)]
            size *= 10
        for section in (*questions.values(), rebuilds, exports):
            common.show(section)
        results.keep("growth", [*questions.values(), rebuilds, exports], asked, url)


def _world(folder: Path, url: str, seconds: float) -> World:
    with psycopg.connect(url) as connection:
        rows = connection.execute(
            "select tin from views.operator order by hashtext(tin) limit %s", [KEYS]
        ).fetchall()
    return World(folder, url, issue("auditor:*", folder), [tin for (tin,) in rows], seconds, 0, 1)


def _bodies(world: World, kind: Kind) -> Path:
    chance = random.Random(3)
    return write_bodies(
        world.folder / f"{kind.name}.txt",
        kind.ours,
        lambda: kind.variables(world.tins, TERRITORIES, chance),
        KEYS,
    )


def _run(world: World, command: str, events: int) -> dict[str, float]:
    """One command of ours in a process of its own: how fast, and the most memory that it held."""
    began = perf_counter()
    started = subprocess.Popen(
        [sys.executable, "-m", "api", command, "--home", str(world.folder)],
        cwd=common.ROOT,
        env={**os.environ, "DATABASE_URL": world.url},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    held = 0
    try:
        # What the kernel says at the end would count the process that began it, too.
        while started.poll() is None:
            held = max(held, common.memory(started.pid))
            time.sleep(0.1)
    finally:
        started.kill()
        started.wait()
    if started.returncode:
        raise common.Unfit(f"aeo {command} ended with {started.returncode}")
    return {"rate": events / (perf_counter() - began), "memory": held}


if __name__ == "__main__":
    main()
