"""How fast the ledger takes events: our recorder beside the library's own, on a durable server.

    python -m ops.bench.append [--seconds 1] [--rounds 3] [--base-url CONNINFO]

Without a server it starts one of its own (fsync on) in a temporary folder. The two recorders take
turns, round by round, so that a noisy machine troubles both; the table shows medians.
"""

from __future__ import annotations

import argparse
import asyncio
import shutil
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from hashlib import sha256
from pathlib import Path
from statistics import median
from time import monotonic
from uuid import uuid4

import psycopg
from eventsourcing.persistence import StoredEvent
from eventsourcing.postgres import PostgresApplicationRecorder, PostgresFactory
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from rich.console import Console
from rich.table import Table

from api import postgres
from registry.database import environment, migrate
from registry.ledger import Command, Metadata
from registry.recorder import LedgerFactory, LedgerRecorder

STATE = (
    b'{"effective":"2026-01-05","decided":"2026-01-02","decided_by":"CN",'
    b'"legal_ground":"Order 237","source":"synthetic","authorisation":"CN-AEO/1",'
    b'"number":"AEOCN1234567890","type":"AEO","roles":["IMPORTER","EXPORTER"],"valid_until":"2029-01-05","due":[]}'
)
HISTORY = 10  # events of one operator
BULK = 500  # operators of one call

Measure = Callable[[float], float]  # seconds -> events a second


def event(version: int = 1) -> StoredEvent:
    return StoredEvent(uuid4(), version, "operator.granted", STATE)


def history() -> list[StoredEvent]:
    stream = uuid4()
    return [StoredEvent(stream, n + 1, "operator.granted", STATE) for n in range(HISTORY)]


def threads(recorder: PostgresApplicationRecorder, callers: int, seconds: float) -> float:
    end = monotonic() + seconds

    def call(_: int) -> int:
        done = 0
        while monotonic() < end:
            recorder.insert_events([event()])
            done += 1
        return done

    begun = monotonic()
    with ThreadPoolExecutor(callers) as pool:
        done = sum(pool.map(call, range(callers)))
    return done / (monotonic() - begun)


def tasks(recorder: LedgerRecorder, callers: int, seconds: float) -> float:
    async def all_of_them() -> int:
        end = monotonic() + seconds

        async def call() -> int:
            done = 0
            while monotonic() < end:
                await recorder.insert_events_async([event()])
                done += 1
            return done

        return sum(await asyncio.gather(*(call() for _ in range(callers))))

    begun = monotonic()
    return asyncio.run(all_of_them()) / (monotonic() - begun)


def histories(recorder: PostgresApplicationRecorder, seconds: float) -> float:
    """One caller, one operator's history a call."""
    begun, done = monotonic(), 0
    while monotonic() < begun + seconds:
        recorder.insert_events(history())
        done += HISTORY
    return done / (monotonic() - begun)


def bulk(recorder: LedgerRecorder, seconds: float) -> float:
    begun, done = monotonic(), 0
    metadata = [Metadata(decided_by="CN", legal_ground="Order 237")]
    while monotonic() < begun + seconds:
        batch = [
            (Command(id, sha256(id.bytes).digest(), "loader", metadata), history())
            for id in (uuid4() for _ in range(BULK))
        ]
        outcomes = recorder.append_many(batch)
        assert all(isinstance(outcome, list) for outcome in outcomes)
        done += BULK * HISTORY
    return done / (monotonic() - begun)


def stock_recorder(conninfo: str, leave: ExitStack) -> PostgresApplicationRecorder:
    given = conninfo_to_dict(conninfo)
    names = {"DBNAME": "dbname", "HOST": "host", "PORT": "port", "USER": "user"}
    variables = {f"POSTGRES_{name}": str(given.get(key) or "") for name, key in names.items()}
    factory = leave.enter_context(
        PostgresFactory(
            variables
            | {"POSTGRES_PASSWORD": str(given.get("password") or ""), "POSTGRES_MAX_OVERFLOW": "60"}
        )
    )
    recorder = factory.application_recorder()
    assert isinstance(recorder, PostgresApplicationRecorder)
    return recorder


def measures(conninfo: str, leave: ExitStack) -> dict[str, dict[str, Measure]]:
    factory = LedgerFactory(environment(conninfo))
    leave.callback(factory.close)
    ours, stock = factory.application_recorder(), stock_recorder(conninfo, leave)
    table: dict[str, dict[str, Measure]] = {}
    for callers in (1, 8, 32, 128):
        name = f"{callers} caller{'s' if callers > 1 else ''}, 1 event"
        table[name] = {
            "threads": partial(threads, ours, callers),
            "tasks": partial(tasks, ours, callers),
        }
        if callers <= 32:  # beyond, it only waits for connections
            table[name]["stock"] = partial(threads, stock, callers)
    table[f"1 caller, {HISTORY} events"] = {
        "threads": partial(histories, ours),
        "stock": partial(histories, stock),
    }
    table[f"append_many, {BULK} x {HISTORY} events"] = {"threads": partial(bulk, ours)}
    return table


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    options.add_argument("--seconds", type=float, default=1.0, help="of one measurement")
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--base-url", help="a server whose role may create databases")
    chosen = options.parse_args()
    with ExitStack() as leave:
        server = chosen.base_url
        if server is None:
            home = Path(tempfile.mkdtemp(prefix="aeo-bench-"))
            home.chmod(0o711)
            leave.callback(shutil.rmtree, home)
            server = leave.enter_context(postgres.database(home))
        name = f"bench_{uuid4().hex[:8]}"
        administrator = leave.enter_context(psycopg.connect(server, autocommit=True))
        administrator.execute(f"create database {name}".encode())
        leave.callback(administrator.execute, f"drop database {name} with (force)".encode())
        conninfo = make_conninfo(server, dbname=name)
        migrate(conninfo)
        table = measures(conninfo, leave)
        seen: dict[tuple[str, str], list[float]] = {}
        for _ in range(chosen.rounds):
            for row, columns in table.items():
                for column, measure in columns.items():
                    seen.setdefault((row, column), []).append(measure(chosen.seconds))
        version = administrator.execute("show server_version").fetchone()
    show(table, {key: median(values) for key, values in seen.items()}, version)


def show(
    table: dict[str, dict[str, Measure]],
    medians: dict[tuple[str, str], float],
    version: tuple[str] | None,
) -> None:
    shown = Table(title=f"events a second, median (PostgreSQL {(version or '?')[0]}, fsync on)")
    shown.add_column("")
    for heading in ("ours, threads", "ours, tasks", "library's", "ours / library's"):
        shown.add_column(heading, justify="right")
    for row in table:
        ours, tasked, stock = (medians.get((row, it)) for it in ("threads", "tasks", "stock"))
        ratio = f"{max(ours or 0, tasked or 0) / stock:.1f}" if stock else ""
        shown.add_row(row, *(f"{n:,.0f}" if n else "" for n in (ours, tasked, stock)), ratio)
    Console().print(shown)


if __name__ == "__main__":
    main()
