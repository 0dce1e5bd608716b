"""The event stores that are compared, and ours, each with a way to write an event a commit."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from itertools import count
from pathlib import Path
from random import choice, random
from time import monotonic
from uuid import uuid4

import psycopg
import uvloop
from eventsourcing.dcb.api import DCBAppendCondition, DCBEvent, DCBQuery, DCBQueryItem
from eventsourcing.dcb.persistence import DCBRecorder
from eventsourcing.dcb.postgres_tt import PostgresTTDCBFactory
from eventsourcing.persistence import StoredEvent
from eventsourcing.postgres import PostgresApplicationRecorder, PostgresFactory
from eventsourcing.utils import Environment
from psycopg.conninfo import conninfo_to_dict

from ops.bench import common, installing, pgbench, servers
from ops.bench.common import Measure, Unfit
from ops.bench.servers import PEERS
from registry.ledger.database import environment, migrate
from registry.ledger.factory import LedgerFactory
from registry.ledger.recorder import LedgerRecorder
from registry.ledger.types import AppendRequest, Metadata, StreamMoved

STATE = (
    '{"effective":"2026-01-05","decided":"2026-01-02","decided_by":"CN",'
    '"legal_ground":"Order 237","source":"synthetic","authorisation":"CN-AEO/1",'
    '"number":"AEOCN1234567890","type":"AEO","roles":["IMPORTER","EXPORTER"],'
    '"valid_until":"2029-01-05","due":[]}'
)
WRITTEN, DIGEST = STATE.encode(), sha256(b"a request").digest()
REFUSED = 20  # one command in so many is for a version that is there already
HISTORY, BULK = 10, 500  # events of one operator, operators of one call
LIMIT, TASKS, THREADS = "pgbench, a row a commit (limit)", "ours, tasks", "ours, threads"


@dataclass
class Place:
    """Where a run writes: a folder, and a database for each event store."""

    folder: Path
    url: str
    seconds: float

    def database(self, name: str) -> str:
        return common.new_database(self.url, name)


Store = Callable[[Place, ExitStack], Callable[[int], Measure]]  # -> by number of writers


def event(version: int = 1) -> StoredEvent:
    return StoredEvent(uuid4(), version, "operator.granted", WRITTEN)


# ------------------------------------------------------------------- ours


def ours_by_threads(place: Place, stack: ExitStack) -> Callable[[int], Measure]:
    recorder = ours(place, stack, "threads")
    return lambda writers: partial(_threads, partial(_ours_once, recorder), writers, place.seconds)


def ours_by_tasks(place: Place, stack: ExitStack) -> Callable[[int], Measure]:
    recorder = ours(place, stack, "tasks")
    return lambda writers: (
        lambda: {
            "rate": uvloop.run(_tasks(recorder, writers, place.seconds))  # the service's own loop
        }
    )


def ours(place: Place, stack: ExitStack, name: str) -> LedgerRecorder:
    url = place.database(f"ours_{name}")
    migrate(url)
    factory = LedgerFactory(environment(url))
    stack.callback(factory.close)
    recorder = factory.application_recorder()
    recorder.append_many([(AppendRequest.anonymous(), [taken]) for taken in TAKEN])
    return recorder


#: Streams that somebody else was faster on. Many: two writers rarely meet on the same one.
TAKEN = [event() for _ in range(500)]


def _command() -> AppendRequest:
    """As it comes from outside: with its id, and its digest made where it was read."""
    return AppendRequest(uuid4(), DIGEST, "officer:CN")


def _wanted() -> StoredEvent:
    return choice(TAKEN) if random() < 1 / REFUSED else event()


def _ours_once(recorder: LedgerRecorder, number: int) -> int:
    try:
        recorder.insert_events([_wanted()], command=_command())
    except StreamMoved:
        return 0
    return 1


async def _tasks(recorder: LedgerRecorder, writers: int, seconds: float) -> float:
    until = monotonic() + seconds

    async def write() -> int:
        done = 0
        while monotonic() < until:
            try:
                await recorder.insert_events_async([_wanted()], command=_command())
            except StreamMoved:
                continue
            done += 1
        return done

    began = monotonic()
    done = await asyncio.gather(*(write() for _ in range(writers)))
    return sum(done) / (monotonic() - began)


def _threads(once: Callable[[int], int], writers: int, seconds: float) -> dict[str, float]:
    until = monotonic() + seconds

    def write(_: int) -> int:
        done = 0
        for number in count():
            if monotonic() >= until:
                break
            done += once(number)
        return done

    began = monotonic()
    with ThreadPoolExecutor(writers) as pool:
        done = sum(pool.map(write, range(writers)))
    return {"rate": done / (monotonic() - began)}


def bulk(recorder: LedgerRecorder, seconds: float) -> dict[str, float]:
    """Whole histories, as an import brings them."""
    began, done = monotonic(), 0
    metadata = [Metadata(decided_by="CN", legal_ground="Order 237")]
    while monotonic() < began + seconds:
        batch = []
        for _ in range(BULK):
            id = uuid4()
            events = [
                StoredEvent(id, n + 1, "operator.granted", STATE.encode()) for n in range(HISTORY)
            ]
            batch.append((AppendRequest(id, sha256(id.bytes).digest(), "loader", metadata), events))
        assert all(isinstance(outcome, list) for outcome in recorder.append_many(batch))
        done += BULK * HISTORY
    return {"rate": done / (monotonic() - began)}


# ------------------------------------------------------------------ the peers


def stock_recorder(place: Place, stack: ExitStack) -> Callable[[int], Measure]:
    factory = stack.enter_context(PostgresFactory(variables(place.database("stock"), 40)))
    recorder = factory.application_recorder()
    assert isinstance(recorder, PostgresApplicationRecorder)

    def once(number: int) -> int:
        recorder.insert_events([event()])
        return 1

    return lambda writers: _up_to(32, writers, partial(_threads, once, writers, place.seconds))


def dcb_recorder(place: Place, stack: ExitStack) -> Callable[[int], Measure]:
    given = Environment("bench", variables(place.database("dcb"), 40))
    recorder: DCBRecorder = PostgresTTDCBFactory(given).dcb_recorder()

    def once(number: int) -> int:
        stream = f"operator:{uuid4()}"
        condition = DCBAppendCondition(DCBQuery([DCBQueryItem(tags=[stream])]))
        recorder.append([DCBEvent("operator.granted", STATE.encode(), [stream])], condition)
        return 1

    return lambda writers: _up_to(32, writers, partial(_threads, once, writers, place.seconds))


def emmett(place: Place, stack: ExitStack) -> Callable[[int], Measure]:
    node, modules = installing.node()
    given = {
        "PEER_MODULES": str(modules),
        "PEER_DATABASE": servers.address(place.database("emmett")),
        "PEER_STATE": STATE,
    }
    return lambda writers: (
        lambda: common.told(
            [node, str(PEERS / "emmett.mjs"), str(writers), str(place.seconds)], given
        )
    )


def message_db(place: Place, stack: ExitStack) -> Callable[[int], Measure]:
    """Its published SQL, driven by pgbench: no client language is in the way."""
    _, modules = installing.node()
    sources = modules / "node_modules" / "@eventide" / "message-db" / "database"
    url = place.database("message_db")
    order = [sources / "roles" / "message-store.sql", sources / "schema" / "message-store.sql"]
    order += [sources / "tables" / "messages.sql"]
    for script in ("install-functions.sh", "install-indexes.sh"):
        order += [
            sources / line.split("$base/")[1].strip()
            for line in (sources / script).read_text().splitlines()
            if "run_psql_file $base/" in line
        ]
    with psycopg.connect(
        url, autocommit=True, options="-c search_path=message_store"
    ) as connection:
        for file in order:
            connection.execute(file.read_bytes())
        connection.execute("alter database message_db set search_path = message_store, public")
    script = place.folder / "message-db.pgbench"
    script.write_text(
        "select write_message(gen_random_uuid()::text, 'operator-' || gen_random_uuid(),"
        f" 'operator.granted', '{STATE}'::jsonb, null, -1);\n"
    )
    return lambda writers: lambda: {"rate": pgbench.run(url, script, place.seconds, writers)}


def umadb(place: Place, stack: ExitStack) -> Callable[[int], Measure]:
    python = installing.python()
    port = common.free_port()
    server = [str(Path(python).parent / "umadb"), "--listen", f"127.0.0.1:{port}"]
    log = place.folder / "umadb.log"
    stack.enter_context(
        common.process([*server, "--db-path", str(place.folder / "uma.db")], {}, log)
    )
    common.listening(port, log)
    client = [python, str(PEERS / "uma.py"), f"http://127.0.0.1:{port}"]
    return lambda writers: (
        lambda: common.told([*client, str(writers), str(place.seconds), STATE], {})
    )


def one_row(place: Place, stack: ExitStack, rows: int = 1) -> Callable[[int], Measure]:
    """The library's table with its two unique indexes, and nothing else: what the disk allows."""
    url = place.database(f"rows_{rows}")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("create schema bench")
        connection.execute(
            "create table bench.stored (originator_id uuid, version bigint, topic text, state text,"
            " position bigserial unique, primary key (originator_id, version))"
        )
    script = place.folder / f"rows-{rows}.pgbench"
    script.write_text(
        "insert into bench.stored (originator_id, version, topic, state) select gen_random_uuid(),"
        f" 1, 'operator.granted', '{STATE}' from generate_series(1, {rows});\n"
    )
    return lambda writers: lambda: {"rate": pgbench.run(url, script, place.seconds, writers) * rows}


STORES: dict[str, Store] = {
    TASKS: ours_by_tasks,
    THREADS: ours_by_threads,
    LIMIT: one_row,
    "pgbench, 100 rows a commit (limit)": partial(one_row, rows=100),
    "eventsourcing, its recorder": stock_recorder,
    "eventsourcing, its DCB recorder": dcb_recorder,
    "emmett-postgresql": emmett,
    "message-db by pgbench": message_db,
    "umadb": umadb,
}


def _up_to(most: int, writers: int, measure: Measure) -> Measure:
    def refuse() -> dict[str, float]:
        raise Unfit(f"beyond {most} writers it only waits for connections")

    return measure if writers <= most else refuse


def variables(url: str, connections: int) -> dict[str, str]:
    given = conninfo_to_dict(url)
    names = {"DBNAME": "dbname", "HOST": "host", "PORT": "port", "USER": "user"}
    told = {f"POSTGRES_{name}": str(given.get(key) or "") for name, key in names.items()}
    return told | {
        "POSTGRES_PASSWORD": str(given.get("password") or ""),
        "POSTGRES_MAX_OVERFLOW": str(connections),
    }
