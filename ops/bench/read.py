"""How fast the register answers, beside everything that might have been used in its place.

    python -m ops.bench.read [--quick] [--operators 10000] [--only ours,PostGraphile]

All servers are up together, on the same PostgreSQL with the same rows, and take turns. Ours runs
as `aeo serve` does, access control on, for an officer who asks about the operators of its own
administration; the others let anyone read anything. Their answers are held against ours first.
"""

from __future__ import annotations

import argparse
import json
import random
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import psycopg

from api.access.tokens import issue
from ops.bench import common, installing, pgbench, results, servers, traffic
from ops.bench.common import Section, Unfit
from ops.bench.questions import KINDS, Kind, essence, write_bodies
from ops.bench.servers import Server, World, node_peer, ours, python_peer

HERE = Path(__file__).parent
OURS, STOCK_PATH = "ours", "ours, planner off"
POSTGRAPHILE, MERCURIUS = "PostGraphile 5", "mercurius + JIT"
STRAWBERRY, CACHED = "strawberry, stock", "strawberry + its caches"
HAND, COALESCED = "by hand, a statement each", "by hand, coalesced (limit)"
DATABASE = "pgbench (database limit)"
#: With whom the others are compared, by question: the faster peer there.
BASES = {"simple": MERCURIUS}
TERRITORIES = ("KR", "SG", "NZ", "AU", "JP", "CH", "US", "GB")
CHECKED = 5  # answers that are held against ours, of each question


MAKERS: dict[str, Callable[[World, ExitStack], Server]] = {
    OURS: ours,
    # A thousand operators take it longer than the two seconds that a question may take.
    STOCK_PATH: lambda world, stack: ours(world, stack, AEO_PLANNER="off", AEO_DEADLINE="20"),
    POSTGRAPHILE: lambda world, stack: node_peer(world, stack, "postgraphile.mjs"),
    MERCURIUS: lambda world, stack: node_peer(world, stack, "mercurius.mjs"),
    STRAWBERRY: lambda world, stack: python_peer(world, stack, "stock"),
    CACHED: lambda world, stack: python_peer(world, stack, "stock", PEER_CACHES="1"),
    HAND: lambda world, stack: python_peer(world, stack, "hand"),
    COALESCED: lambda world, stack: python_peer(world, stack, "hand", PEER_COALESCE="1"),
}


# -------------------------------------------------------------------- measuring


def measure(world: World, name: str, server: Server, kind: Kind) -> dict[str, float]:
    if kind.name not in server.checked:
        server.checked.add(kind.name)
        _hold_equal(world, server, kind)
        bodies = _bodies(world, name, server, kind)
        if world.warm and not kind.many:
            _load(world, server, kind, bodies, world.warm)
    bodies = world.folder / f"{_word(name)}-{kind.name}.txt"
    before, database = common.processor_seconds(server.pids), servers.database_seconds(world.url)
    # A slow one may take seconds for a thousand keys, and must come to an end.
    seconds = 2 * world.seconds if kind.many else world.seconds
    took = _load(world, server, kind, bodies, seconds)
    requests = took["rate"] * seconds
    used = common.processor_seconds(server.pids) - before
    database = servers.database_seconds(world.url) - database
    took |= {"server_us": used / requests * 1e6, "database_us": database / requests * 1e6}
    if kind.many:
        took["rate"] *= min(kind.many, len(world.tins))
    return took


def _load(
    world: World, server: Server, kind: Kind, bodies: Path, seconds: float
) -> dict[str, float]:
    headers = {"Content-Type": "application/json", **server.headers}
    connections = 4 if kind.many else world.connections
    return traffic.run(traffic.Load(server.port, "/graphql", bodies, headers, connections, seconds))


def _bodies(world: World, name: str, server: Server, kind: Kind) -> Path:
    chance = random.Random(7)
    return write_bodies(
        world.folder / f"{_word(name)}-{kind.name}.txt",
        server.asked(kind),
        lambda: kind.variables(world.tins, TERRITORIES, chance),
        20 if kind.many else 5_000,
    )


def _hold_equal(world: World, server: Server, kind: Kind) -> None:
    """Raises Unfit where an answer says something else than ours."""
    chance = random.Random(11)
    for number in range(CHECKED):
        given = kind.variables(world.tins, TERRITORIES, chance)
        kept = world.folder / f"answer-{kind.name}-{number}.json"
        told = essence(server.ask(server.asked(kind), given))
        if server.headers:
            if isinstance(told, list) and told and "message" in told[0]:
                raise Unfit(f"refused: {told[0]['message']}")
            kept.write_text(json.dumps(told))
        elif kept.exists() and json.loads(kept.read_text()) != json.loads(json.dumps(told)):
            raise Unfit(f"its answer differs: {_difference(json.loads(kept.read_text()), told)}")


def _difference(ours: Any, theirs: Any) -> str:
    """The first place where two answers part."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        for key in sorted(ours.keys() | theirs.keys()):
            if ours.get(key) != json.loads(json.dumps(theirs.get(key))):
                return f"{key} {_difference(ours.get(key), theirs.get(key))}"
    if isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        for own, other in zip(ours, theirs, strict=True):
            if own != json.loads(json.dumps(other)):
                return _difference(own, other)
    return f"{theirs!r}, ours {ours!r}"


def _word(name: str) -> str:
    return "".join(each if each.isalnum() else "-" for each in name)


def limit(world: World, kind: Kind) -> dict[str, float]:
    """The statement of the hand-written server, on eight connections."""
    script = world.folder / f"{kind.name}.pgbench"
    statement = " ".join(kind.alone.split())
    script.write_text(f"\\set n random(1, {len(world.tins)})\n{statement};\n")
    return {"rate": pgbench.run(world.url, script, world.seconds)}


# ------------------------------------------------------------------ the whole of it


def prepare(folder: Path, url: str, asked: argparse.Namespace) -> World:
    common.register(url, asked.operators)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute((HERE / "peers" / "views.sql").read_bytes())
        [(home,)] = connection.execute(
            "select administration from views.operator group by 1 order by count(*) desc limit 1"
        ).fetchall()
        tins = [
            tin
            for (tin,) in connection.execute(
                "select tin from views.operator where administration = %s order by tin", [home]
            )
        ]
        connection.execute("create table peer.key (n int primary key, key text, pair text)")
        with connection.cursor().copy("copy peer.key from stdin") as out:
            for number, tin in enumerate(tins, 1):
                out.write_row((number, tin, f"{tin} {TERRITORIES[number % len(TERRITORIES)]}"))
        connection.execute("analyze peer.key")
    return World(
        folder,
        url,
        issue(f"officer:{home}", folder),
        tins,
        asked.seconds,
        asked.warm,
        asked.connections,
    )


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    results.add_options(options)
    options.add_argument("--connections", type=int, default=32)
    options.add_argument("--kinds", help="of these questions only: simple,rich,...")
    asked = results.parse(options, operators=10_000, seconds=3.0, rounds=5)
    asked.warm = 0.0 if asked.smoke else asked.seconds / 2
    asked.kinds = asked.kinds or ("simple,recognition" if asked.smoke else "")
    chosen = [kind for kind in KINDS if not asked.kinds or kind.name in asked.kinds.split(",")]
    wanted = results.wanted(asked, [*MAKERS, DATABASE], without_peers=[OURS])
    with common.ending() as stack:
        folder = stack.enter_context(common.home())
        url = stack.enter_context(common.server(folder))
        world = prepare(folder, url, asked)
        running: dict[str, Server] = {}
        unfit: dict[str, str] = {}
        for name in (maker for maker in MAKERS if maker in wanted):
            try:
                running[name] = MAKERS[name](world, stack)
            except (Unfit, installing.NotInstalled) as why:
                unfit[name] = str(why)
                common.console.print(f"{name}: {why}")
        sections = []
        for kind in chosen:
            base = BASES.get(kind.name, POSTGRAPHILE)
            unit = "rows/s" if kind.many else "requests/s"
            section = Section(kind.title, unit, base if base in running else OURS)
            section.unfit |= unfit
            contenders: dict[str, common.Measure] = {
                name: _measure(world, name, server, kind) for name, server in running.items()
            }
            if DATABASE in wanted and not kind.many:
                contenders[DATABASE] = lambda kind=kind: limit(world, kind)
            common.take_turns(section, contenders, asked.rounds)
            common.show(section)
            sections.append(section)
        results.keep("read", sections, asked, url)


def _measure(world: World, name: str, server: Server, kind: Kind) -> common.Measure:
    return lambda: measure(world, name, server, kind)


if __name__ == "__main__":
    main()
