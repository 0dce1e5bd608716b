"""How fast the read models are made from events, and how soon a commit can be seen.

    python -m ops.bench.replay [--quick] [--operators 100000]

Ours makes every read model of the register. The library's runner keeps one row a stream. The limit
reads the ledger out in its order and writes the finished rows in again, both by COPY and without an
index, and works out nothing in between.
"""

from __future__ import annotations

import argparse
import http.client
import json
import multiprocessing
import time
from bisect import bisect_left
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from itertools import count
from statistics import quantiles
from time import monotonic, perf_counter
from typing import Any
from uuid import uuid4

import psycopg
from eventsourcing.application import Application
from eventsourcing.domain import Aggregate, event
from eventsourcing.persistence import Tracking
from eventsourcing.postgres import PostgresTrackingRecorder
from eventsourcing.projection import Projection, ProjectionRunner
from psycopg.sql import SQL, Identifier

from api.access.tokens import issue
from ops.bench import common, installing, results, servers
from ops.bench.common import Measure, Section, Unfit
from ops.bench.servers import PEERS, World
from ops.bench.stores import variables
from projections.engine.projector import Projector
from projections.engine.rebuild import create_tables, rebuild
from projections.models.catalogue import TABLES
from registry.application.registry import Registry
from registry.domain import commands as c
from registry.domain.values import Role, Tin
from registry.ledger.database import environment

LIMIT, STOCK, REBUILD = "COPY out + in (limit)", "eventsourcing, ProjectionRunner", "ours, rebuild"
FOLLOW, EMMETT = "ours, follower from zero", "emmett, its consumer"
PACE = 500  # events a second while it is watched how soon they are seen
SAMPLE = 25  # one command in so many is looked for over GraphQL
STREAM = 10  # events of a stream of the library's


def events_of(url: str) -> int:
    with psycopg.connect(url) as connection:
        row = connection.execute("select max(position) from ledger.event").fetchone()
    assert row is not None
    return int(row[0])


# -------------------------------------------------------------------- the limit


def limit(url: str, events: int) -> dict[str, float]:
    """Both ways, timed; what it writes is thrown away again."""
    with psycopg.connect(url, autocommit=True) as connection:
        kept: dict[str, list[bytes]] = {}
        for table in TABLES:
            with connection.cursor().copy(_out(table)) as rows:
                kept[table] = [bytes(row) for row in rows]
        began = perf_counter()
        with connection.cursor().copy(
            "copy (select * from ledger.event order by position) to stdout (format binary)"
        ) as out:
            for _ in out:
                pass
        took = perf_counter() - began
        connection.execute("create schema copied")
        for table, rows_kept in kept.items():
            name = Identifier("copied", table)
            connection.execute(
                SQL("create table {} (like views.{})").format(name, Identifier(table))
            )
            began = perf_counter()
            every = SQL(", ").join(map(Identifier, TABLES[table].columns))
            statement = SQL("copy {} ({}) from stdin (format binary)").format(name, every)
            with connection.cursor().copy(statement) as into:
                for each in rows_kept:
                    into.write(each)
            took += perf_counter() - began
        connection.execute("drop schema copied cascade")
    return {"rate": events / took}


def _out(table: str) -> Any:
    every = SQL(", ").join(map(Identifier, TABLES[table].columns))
    return SQL("copy (select {} from views.{}) to stdout (format binary)").format(
        every, Identifier(table)
    )


# --------------------------------------------------------------------- ours


def rebuilt(url: str, events: int) -> dict[str, float]:
    began = perf_counter()
    rebuild(url)
    return {"rate": events / (perf_counter() - began)}


def followed(url: str, events: int) -> dict[str, float]:
    with psycopg.connect(url, autocommit=True) as connection:
        create_tables(connection, "views_bench")
        began = perf_counter()
        Projector(url, schema="views_bench").catch_up()
        took = perf_counter() - began
        connection.execute("drop schema views_bench cascade")
    return {"rate": events / took}


# ---------------------------------------------------------------- the library's


class Counted(Aggregate):
    """A stream as plain as the library's manual has one."""

    @event("Begun")
    def __init__(self, name: str) -> None:
        self.name, self.moved = name, 0

    @event("Moved")
    def move(self, status: str, ground: str) -> None:
        self.moved += 1


class Rows(PostgresTrackingRecorder):
    """One row a stream, written together with the place in the sequence."""

    def __init__(self, datastore: Any, **settings: Any) -> None:
        super().__init__(datastore, **settings)
        self.sql_create_statements.append(
            SQL("create table if not exists public.row (id uuid primary key, version bigint)")
        )

    def put(self, id: Any, version: int, tracking: Tracking) -> None:
        with self.datastore.transaction(commit=True) as cursor:
            self._insert_tracking(cursor, tracking)
            cursor.execute(
                "insert into public.row values (%s, %s)"
                " on conflict (id) do update set version = excluded.version",
                (id, version),
            )


class Shown(Projection[Rows]):
    """Called by the library's runner for each event."""

    name = "shown"

    def process_event(self, domain_event: Any, tracking: Tracking) -> None:
        self.view.put(domain_event.originator_id, domain_event.originator_version, tracking)


def stock(url: str, seconds: float) -> dict[str, float]:
    """New events first, then the runner shows as many of them as it can in the time."""
    name = f"runner_{uuid4().hex[:8]}"
    given = {
        **variables(common.new_database(url, name), 10),
        "PERSISTENCE_MODULE": "eventsourcing.postgres",
    }
    app: Application[Any] = Application(given)
    wanted = int(2_500 * seconds / STREAM)
    for first in range(0, wanted, 50):
        streams = []
        for number in range(first, min(first + 50, wanted)):
            stream = Counted(f"Synthetic {number}")
            for _ in range(STREAM - 1):
                stream.move("VALID", "Order 237")
            streams.append(stream)
        app.save(*streams)
    app.close()
    with ProjectionRunner(
        application_class=Application, projection_class=Shown, view_class=Rows, env=given
    ) as runner:
        began = perf_counter()
        until = began + seconds
        before = _shown(runner)
        while perf_counter() < until and _shown(runner) < wanted * STREAM:
            time.sleep(0.02)
        rate = (_shown(runner) - before) / (perf_counter() - began)
    return {"rate": rate}


def _shown(runner: Any) -> int:
    return runner.view.max_tracking_id(runner.app_name) or 0


def emmett(url: str, seconds: float) -> dict[str, float]:
    """Its consumer with a projection of its own document store, as its manual has it."""
    node, modules = installing.node()
    given = {
        "PEER_MODULES": str(modules),
        "PEER_DATABASE": servers.address(common.new_database(url, f"emmett_{uuid4().hex[:8]}")),
    }
    return common.told([node, str(PEERS / "consumer.mjs"), str(seconds)], given)


# ------------------------------------------------------------ from commit to sight


class Watch:
    """Notes when the follower says that it has shown a position. In a process of its own: among
    the threads that write it would wait for its turn, and tell that as the follower's time."""

    def __init__(self, url: str) -> None:
        context = multiprocessing.get_context("spawn")
        self._told, there = context.Pipe()
        self._process = context.Process(target=_watch, args=(url, there), daemon=True)
        self._process.start()
        self._told.recv()  # it listens
        self.seen: list[tuple[int, float]] = []

    def end(self) -> None:
        self._told.send(None)
        self.seen = self._told.recv()
        self._process.join()

    def when(self, position: int) -> float | None:
        """By the clock that all processes share, in seconds."""
        place = bisect_left(self.seen, (position, 0.0))
        return self.seen[place][1] if place < len(self.seen) else None


def _watch(url: str, told: Any) -> None:
    seen: list[tuple[int, float]] = []
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("listen views_moved")
        told.send(None)
        while not told.poll():
            for notify in connection.notifies(timeout=0.2, stop_after=1):
                seen.append((int(notify.payload), monotonic()))
    told.send(seen)


def sight(world: World, stack: ExitStack, section: Section) -> None:
    """Commands at a steady pace; each is timed from its acknowledgement until it is shown."""
    server = servers.ours(world, stack)
    servers.follow(world, stack)
    watch = Watch(world.url)
    registry = Registry(environment(world.url))
    stack.callback(registry.close)
    time.sleep(1.0)
    done: list[tuple[int, float]] = []
    looked: list[float] = []
    numbers = count(1)

    def record(due: float, number: int) -> None:
        time.sleep(max(0.0, due - monotonic()))
        tin = f"CN7{number:09d}"
        receipt = registry.execute(
            c.RegisterOperator(
                command_id=uuid4(), tin=Tin(tin), name_=f"Bench {number}", roles=(Role.IMPORTER,)
            ),
            "bench",
        )
        at = monotonic()
        done.append((receipt.positions[-1], at))
        if number % SAMPLE == 0:
            _look(server, tin, receipt.positions[-1])
            looked.append((monotonic() - at) * 1000)

    began = monotonic()
    with ThreadPoolExecutor(32) as pool:
        for number in range(int(PACE * world.seconds)):
            pool.submit(record, began + number / PACE, next(numbers)).add_done_callback(_raise)
    took = monotonic() - began
    time.sleep(0.5)
    watch.end()
    shown = [(at, watch.when(position)) for position, at in done]
    waited = [max(0.0, (seen - at) * 1000) for at, seen in shown if seen is not None]
    if len(waited) < len(done):
        raise Unfit(f"{len(done) - len(waited)} of {len(done)} events were never shown")
    rate = len(done) / took
    section.measured["the follower says so"] = [_times(waited, rate)]
    section.measured["own write over GraphQL, waited for"] = [_times(looked, rate / SAMPLE)]


def _look(server: servers.Server, tin: str, position: int) -> None:
    """Asks for what was just recorded, to be answered once it is there."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    body = json.dumps(
        {"query": "query Q($tin: TIN!) { operator(tin: $tin) { tin } }", "variables": {"tin": tin}}
    )
    own = {"Content-Type": "application/json", "Aeo-Min-Position": str(position)}
    connection.request("POST", "/graphql", body, own | server.headers)
    if not json.load(connection.getresponse())["data"]["operator"]:
        raise Unfit(f"{tin} was not seen")


def _raise(future: Any) -> None:
    if error := future.exception():
        common.console.print(f"a command failed: {error}")


def _times(waited: list[float], rate: float) -> dict[str, float]:
    cuts = quantiles(waited, n=100) if len(waited) > 1 else [0.0] * 99
    return {"rate": rate, "p50": cuts[49], "p99": cuts[98]}


# ------------------------------------------------------------------ the whole of it


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    results.add_options(options)
    asked = results.parse(options, operators=100_000, seconds=10.0, rounds=3)
    wanted = results.wanted(
        asked, [LIMIT, REBUILD, FOLLOW, STOCK, EMMETT, "sight"], [LIMIT, REBUILD, "sight"]
    )
    with common.ending() as stack:
        folder = stack.enter_context(common.home())
        url = stack.enter_context(common.server(folder))
        own = common.new_database(url, "replayed")
        common.register(own, asked.operators)
        events = events_of(own)
        contenders: dict[str, Measure] = {
            LIMIT: partial(limit, own, events),
            REBUILD: partial(rebuilt, own, events),
            FOLLOW: partial(followed, own, events),
            STOCK: partial(stock, url, asked.seconds),
            EMMETT: partial(emmett, url, asked.seconds),
        }
        chosen = {name: contender for name, contender in contenders.items() if name in wanted}
        base = LIMIT if LIMIT in chosen else REBUILD
        section = Section(f"replay of {events:,} events", "events/s", base)
        common.show(common.take_turns(section, chosen, asked.rounds))
        seen = Section(f"from commit to sight at {PACE} commands/s", "commands/s", "", drawn=False)
        if "sight" in wanted:
            token = issue("officer:CN", folder)
            try:
                sight(World(folder, own, token, [], asked.seconds, 0, 1), stack, seen)
            except Unfit as why:
                seen.unfit["ours"] = str(why)
            common.show(seen)
        results.keep("replay", [section, seen], asked, url)


if __name__ == "__main__":
    main()
