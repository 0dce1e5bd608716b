"""How fast the ledger takes events: our recorder beside other event stores, all durable.

    python -m ops.bench.append [--quick] [--only ours,emmett]

One event a command, each acknowledged after its commit is on disk. Ours hands out positions
without gaps, keeps a row a command, and one command in twenty is one that must be refused;
refusals do not count. Then whole commands over GraphQL, 64 clients, beside the stock stack.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from itertools import count
from uuid import uuid4

import psycopg

from api.access.tokens import issue
from api.demo.load import load_world
from ops.bench import common, installing, results, servers, stores, traffic
from ops.bench.common import Measure, Section, Unfit
from ops.bench.questions import write_bodies
from ops.bench.servers import World
from ops.bench.stores import LIMIT, STORES, TASKS, THREADS, Place, variables
from projections.engine.projector import Projector
from registry.ledger.database import migrate

WRITERS = (1, 8, 32, 128)
DRAWN = 32
CLIENTS = 64


# ---------------------------------------------------------- commands over GraphQL

OURS_ASKED = (
    "mutation R($input: RegisterOperatorInput!) { registerOperator(input: $input)"
    " { ... on Recorded { version } ... on Refused { code } } }"
)
STOCK_ASKED = (
    "mutation R($input: RegisterOperatorInput!) { registerOperator(input: $input) { version } }"
)
MOST = 12_000  # commands a second that a file of bodies suffices for


def over_graphql(place: Place, stack: ExitStack, wanted: list[str], rounds: int) -> Section:
    title = f"commands over GraphQL, {CLIENTS} clients"
    section = Section(title, "commands/s", "strawberry, stock")
    url = place.database("served")
    migrate(url)
    load_world(url)
    Projector(url).catch_up()
    token = issue("officer:CN", place.folder)
    world = World(place.folder, url, token, [], place.seconds, place.seconds, CLIENTS)
    contenders: dict[str, Measure] = {}
    numbers = count(1)
    try:
        ours = servers.ours(world, stack)
        contenders["ours"] = partial(_commands, world, ours, OURS_ASKED, numbers)
        if "strawberry, stock" in wanted:
            stock = servers.python_peer(
                world,
                stack,
                "stock",
                PEER_COMMANDS="1",
                PERSISTENCE_MODULE="eventsourcing.postgres",
                **variables(place.database("stock_served"), 40),
            )
            contenders["strawberry, stock"] = partial(_commands, world, stock, STOCK_ASKED, numbers)
    except (Unfit, installing.NotInstalled) as why:
        section.unfit["strawberry, stock" if contenders else "ours"] = str(why)
    if "strawberry, stock" not in contenders:
        section.base = "ours"
    return common.take_turns(section, contenders, rounds)


def _commands(
    world: World, server: servers.Server, query: str, numbers: count[int]
) -> dict[str, float]:
    """Every command is a new one: a new id, a new operator."""

    def made() -> dict[str, object]:
        number = next(numbers)
        command = {"commandId": str(uuid4()), "tin": f"CN8{number:09d}", "name": f"Bench {number}"}
        return {"input": command | {"roles": ["IMPORTER"]}}

    answer = server.ask(query, made())
    if not answer.get("data") or "version" not in answer["data"]["registerOperator"]:
        raise Unfit(f"refused: {answer}")
    bodies = write_bodies(
        world.folder / f"commands-{server.port}.txt", query, made, int(MOST * world.seconds)
    )
    headers = {"Content-Type": "application/json", **server.headers}
    return traffic.run(
        traffic.Load(server.port, "/graphql", bodies, headers, CLIENTS, world.seconds, once=True)
    )


# ------------------------------------------------------------------ the whole of it


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    results.add_options(options)
    asked = results.parse(options, operators=0, seconds=2.0, rounds=5)
    wanted = results.wanted(asked, [*STORES, "strawberry, stock"], [TASKS, THREADS])
    with common.ending() as stack:
        folder = stack.enter_context(common.home())
        url = stack.enter_context(common.server(folder))
        place = Place(folder, url, asked.seconds)
        ready: dict[str, Callable[[int], Measure]] = {}
        unfit: dict[str, str] = {}
        for name in (store for store in STORES if store in wanted):
            try:
                ready[name] = STORES[name](place, stack)
            except (Unfit, installing.NotInstalled, psycopg.Error) as why:
                unfit[name] = " ".join(str(why).split())[:160]
        sections = []
        for writers in WRITERS[1:2] if asked.smoke else WRITERS:
            title = f"{writers} writer{'s' if writers > 1 else ''}, one event a commit"
            base = LIMIT if LIMIT in ready else TASKS
            section = Section(title, "events/s", base, drawn=writers == DRAWN)
            section.unfit |= unfit
            contenders = {name: store(writers) for name, store in ready.items()}
            sections.append(common.take_turns(section, contenders, asked.rounds))
            common.show(section)
        title = "imports, 500 histories of 10 events a commit"
        section = Section(title, "events/s", "", drawn=False)
        recorder = stores.ours(place, stack, "bulk")
        bulk = partial(stores.bulk, recorder, asked.seconds)
        common.take_turns(section, {"ours": bulk}, asked.rounds)
        common.show(section)
        sections.append(section)
        section = over_graphql(place, stack, wanted, asked.rounds)
        common.show(section)
        results.keep("append", [*sections, section], asked, url)


if __name__ == "__main__":
    main()
