"""What access control costs a question over HTTP: our service with it, and without it, in turns.

    python -m ops.bench.access [--operators 5000] [--rounds 7] [--seconds 2] [--real-time] [--smoke]

Both services are up together on the same PostgreSQL with the same rows, one process each, and are
asked the single questions of the read bench for an officer who asks about the operators of its own
administration. The second one is `ops.bench.open_service`: who asks is not looked up, nothing is
counted in a quota, no statement restricts its rows, and its role in the database is under no
row-level security. Printed are microseconds of the processor a request, of the service and of the
database, medians of the rounds, and the ratio within each round. The target: less than a tenth.
"""

from __future__ import annotations

import argparse
import sys
from contextlib import ExitStack
from pathlib import Path
from random import Random
from statistics import median
from subprocess import PIPE

import psycopg

from api.access.tokens import issue
from ops.bench import common, row_security, servers, traffic
from ops.bench.questions import KINDS, Kind, write_bodies

CONNECTIONS = 32
TERRITORIES = ("KR", "SG", "NZ", "AU", "JP", "CH", "US", "GB")
WITH, WITHOUT = "with access control", "without"


def main() -> None:
    """Runs the bench."""
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    options.add_argument("--operators", type=int, default=5_000)
    options.add_argument("--rounds", type=int, default=7)
    options.add_argument("--seconds", type=float, default=2.0)
    options.add_argument("--real-time", action="store_true", help="at real-time priority (Linux)")
    options.add_argument("--smoke", action="store_true", help="a moment each")
    asked = options.parse_args()
    operators = 20 if asked.smoke else asked.operators
    rounds, seconds = (1, 0.5) if asked.smoke else (asked.rounds, asked.seconds)
    if asked.real_time:
        common.console.print(common.real_time())
    with common.ending() as stack:
        folder = stack.enter_context(common.home())
        url = stack.enter_context(common.server(folder))
        common.register(url, operators)
        home, tins = row_security.most(url)
        token = issue(f"officer:{home}", folder)
        world = servers.World(folder, url, token, tins, seconds, 0.5, CONNECTIONS)
        running = {
            WITH: _service(world, stack, "api", "serve"),
            WITHOUT: _service(world, stack, "ops.bench.open_service", f"officer:{home}"),
        }
        for kind in KINDS:
            if not kind.many:
                _compare(world, running, kind, rounds)


def _service(world: servers.World, stack: ExitStack, *module: str) -> servers.Server:
    """A service with one process. `module`: with its first argument."""
    with psycopg.connect(world.url) as connection:
        connection.execute(servers.UNHINDERED)
    port = common.free_port()
    log = world.folder / f"{port}.log"
    command = [sys.executable, "-m", *module, "--with-parent", "--demo", "--workers", "1"]
    command += ["--home", str(world.folder), "--port", str(port)]
    started = stack.enter_context(common.process(command, {}, log, stdin=PIPE))
    assert started.stdin is not None
    started.stdin.write(f"{world.url}\n".encode())
    started.stdin.flush()
    common.answering(started, f"http://127.0.0.1:{port}/graphql", log)
    headers = {"Authorization": f"Bearer {world.token}"}
    return servers.Server(port, lambda kind: kind.ours, headers, servers.family(started.pid))


def _compare(
    world: servers.World, running: dict[str, servers.Server], kind: Kind, rounds: int
) -> None:
    chance = Random(7)
    bodies = write_bodies(
        Path(world.folder, f"{kind.name}.txt"),
        kind.ours,
        lambda: kind.variables(world.tins, TERRITORIES, chance),
        5_000,
    )
    given = kind.variables(world.tins, TERRITORIES, chance)
    answers = [server.ask(kind.ours, given) for server in running.values()]
    assert answers[0] == answers[1] and "errors" not in answers[0], answers
    took: dict[str, list[tuple[float, float]]] = {name: [] for name in running}
    for number in range(rounds + 1):
        for name, server in running.items():
            found = _measure(world, server, bodies)
            if number:  # the first round prepares statements and plans
                took[name].append(found)
    for name, found_all in took.items():
        service, database = (median(each[n] for each in found_all) for n in (0, 1))
        common.console.print(
            f"{kind.name:<12} {name:<20} {service:8.0f} + {database:5.0f} µs of the processor"
        )
    pairs = zip(took[WITH], took[WITHOUT], strict=True)
    ratios = sorted(sum(own) / sum(other) - 1 for own, other in pairs)
    common.console.print(
        f"{kind.name:<12} access control costs {median(ratios):+.1%} of the answer without it"
        f" ({ratios[0]:+.1%} to {ratios[-1]:+.1%})"
    )


def _measure(world: servers.World, server: servers.Server, bodies: Path) -> tuple[float, float]:
    """Microseconds of the processor a request: of the service, and of the database."""
    before, database = common.processor_seconds(server.pids), servers.database_seconds(world.url)
    headers = {"Content-Type": "application/json", **server.headers}
    load = traffic.Load(server.port, "/graphql", bodies, headers, CONNECTIONS, world.seconds)
    requests = traffic.run(load)["rate"] * world.seconds
    used = common.processor_seconds(server.pids) - before
    database = servers.database_seconds(world.url) - database
    return used / requests * 1e6, database / requests * 1e6


if __name__ == "__main__":
    main()
