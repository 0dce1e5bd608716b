"""What a golden copy costs, and an edge that is filled from it.

    python -m ops.bench.copies [--operators 20000] [--times 1] [--answers 20000] [--home FOLDER]
        [--real-time]

Makes the golden copy of Singapore from a register of synthetic operators, in a process of its own,
and fills an edge from it, which is then asked. `--times`: each operator that Singapore sees is put
into the read models that many times under other TINs, because to record a million histories takes
an hour: 20000 and 187 give a copy of a million. `--home`: a register that was filled there before
is used again, and one that is filled stays. `--real-time`: at real-time priority. Peers of the same
run: COPY of PostgreSQL of the same rows through zstd, and DuckDB writing the same tables from the
finished copy.

The process that makes the copy imports what production imports: neither numpy, which pyarrow takes
where it is installed, nor what the bench needs otherwise.

Seconds of the processor stand beside the wall clock, because a busy machine stretches the latter
alone. The targets: a million operators copied in under 60 s with 150 MB, an edge filled from it in
under 60 s, and its answers within 5 ms at p99.
"""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import os
import shutil
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from subprocess import PIPE, Popen, run
from time import perf_counter, process_time, thread_time

import msgspec
import psycopg
from psycopg import sql

from api.edge.graphql import EdgeGraphQL
from api.edge.store import EdgeState, EdgeStore
from api.golden_copy.deltas import tin_of
from api.golden_copy.files import LAW, OPERATORS, lines_in
from api.golden_copy.making import reading
from api.golden_copy.manifest import CopyMoment
from ops.bench import common
from ops.bench.one_copy import SINGAPORE, Used
from ops.bench.usage import peak_memory
from projections.history.golden_copy_reads import copy_source, lines

FILLED = "filled"  # a file in the home of a register that is complete
TABLES = ("operator", "particulars", "status_period", "identifier", "consent")
#: What of another operator is other: everything else is the same.
OTHER = {
    "tin": "left(tin, 2) || lpad(k::text, 3, '0') || substr(tin, 3)",
    "number": "number || '/' || k",
    "name": "name || ' ' || k",
    "value": "value || k",
    "id": "gen_random_uuid()",
}
ASK = """query ($tin: TIN!) { recognition(tin: $tin, in: "SG") {
  outcome legal operational reasons { code message } bases { authorisation } position } }"""


def copy(url: str, home: Path) -> None:
    """Makes the copy and prints what that took."""
    shutil.rmtree(home / "copy", ignore_errors=True)
    command = [sys.executable, "-m", "ops.bench.one_copy", url, str(home)]
    done = run(command, cwd=common.ROOT, check=True, stdout=PIPE)
    used = msgspec.json.decode(done.stdout, type=Used)
    _say(
        "golden copy, three formats",
        used.records,
        used.wall,
        used.process,
        used.database,
        used.memory,
    )


def fill(home: Path, answers: int) -> None:
    """Fills an edge and asks it, and prints what that took."""
    store = EdgeStore(home / "edge" / "edge.sqlite")
    now, folder = datetime.now(UTC), home / "copy"
    wall, cpu = perf_counter(), process_time()
    state = EdgeState(SINGAPORE.text, CopyMoment("bench", 1, now, now), None, 0)
    records = store.replace(state, (folder / LAW).read_bytes(), lines_in(folder / OPERATORS))
    store.checkpoint()
    _say("edge filled", records, perf_counter() - wall, process_time() - cpu, 0.0, peak_memory())
    random = Random(1)
    every = max(1, records // 5_000)
    tins = [tin_of(line) for n, line in enumerate(lines_in(folder / OPERATORS)) if n % every == 0]
    edge, walls, cpus = EdgeGraphQL(store), [], []
    for number in range(answers + 100):
        began, used = perf_counter(), thread_time()
        found = edge.execute(ASK, {"tin": random.choice(tins)}, "bench")
        used, took = thread_time() - used, perf_counter() - began
        assert "errors" not in found, found
        if number >= 100:  # the first ones prepare
            walls.append(took)
            cpus.append(used)
        if number % 1_000 == 0:
            store.checkpoint()  # as the task that follows does
    for name, found_ in (("wall clock", walls), ("processor", cpus)):
        middle, late = sorted(found_)[len(found_) // 2], sorted(found_)[len(found_) * 99 // 100]
        print(f"edge, an answer, {name:12} p50 {middle * 1e3:6.2f} ms, p99 {late * 1e3:6.2f} ms")


def peers(url: str, home: Path) -> None:
    """The same rows by COPY through zstd, and the same tables by DuckDB."""
    with psycopg.connect(url) as connection:
        pid = connection.info.backend_pid
        before, wall = common.processor_seconds([pid]), perf_counter()
        rows = 0
        for table in TABLES[1:]:
            out = (home / f"{table}.copy.zst").open("wb")
            packing = Popen(["zstd", "-q", "-3", "-c"], stdin=PIPE, stdout=out)
            assert packing.stdin is not None
            statement = sql.SQL(
                "copy (select * from views.{} where position_to is null) to stdout csv"
            )
            with connection.cursor().copy(statement.format(sql.Identifier(table))) as stream:
                for data in stream:
                    packing.stdin.write(data)
            packing.stdin.close()
            packing.wait()
        [(rows,)] = connection.execute("select count(*) from views.operator").fetchall()
        used = common.processor_seconds([pid]) - before
        _say("COPY of the rows, zstd", rows, perf_counter() - wall, 0.0, used, 0)
    import duckdb

    with duckdb.connect() as connection_:
        connection_.execute("set threads = 1")
        wall, cpu = perf_counter(), process_time()
        found = connection_.execute(
            f"copy (select * from read_json('{home}/copy/{OPERATORS}', format='newline_delimited'))"
            f" to '{home}/peer.parquet' (format parquet, compression zstd)"
        ).fetchall()
        _say(
            "DuckDB, lines to Parquet",
            found[0][0],
            perf_counter() - wall,
            process_time() - cpu,
            0,
            0,
        )


def _say(what: str, rows: int, wall: float, cpu: float, database: float, held: int) -> None:
    each = 1e6 * (cpu + database) / max(rows, 1)
    print(
        f"{what:28} {rows:9,} operators: {wall:7.1f} s, processor {cpu:6.1f} s + database"
        f" {database:6.1f} s ({each:5.1f} us each){f', {held} MB' if held else ''}",
        flush=True,
    )


def multiplied(url: str, times: int) -> None:
    """Puts each operator that Singapore sees into the read models under other TINs, too."""

    async def seen() -> list[str]:
        async with await reading(url) as connection:
            source = await copy_source(connection, SINGAPORE)
            return [tin_of(line) async for some in lines(connection, source) for line in some]

    tins = [tin for tin in asyncio.run(seen()) if len(tin) <= 14]
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("set session_replication_role = replica")
        connection.execute("create temp table seen as select unnest(%s::text[]) as tin", [tins])
        for table in TABLES:
            columns = [
                name
                for (name,) in connection.execute(
                    "select attname from pg_attribute where attrelid = %s::regclass and attnum > 0"
                    " and not attisdropped order by attnum",
                    [f"views.{table}"],
                )
            ]
            values = ", ".join(OTHER.get(name, f'"{name}"') for name in columns)
            names = ", ".join(f'"{name}"' for name in columns)
            others = f"generate_series(2, %s) k, views.{table} t"
            connection.execute(
                f"insert into views.{table} ({names}) select {values} from {others}"
                f" where t.tin in (select s.tin from seen s)".encode(),
                [times],
            )
        connection.execute("vacuum analyze")


def real_time(url: str) -> str:
    """Real-time priority for this process, the database, and what they start from now on."""
    with psycopg.connect(url) as connection:
        [(text,)] = connection.execute("select pg_read_file('postmaster.pid')").fetchall()
    said = common.real_time()
    os.sched_setscheduler(int(text.split()[0]), os.sched_getscheduler(0), os.sched_getparam(0))
    return said


def apart(stage: Callable[..., None], *given: object) -> None:
    """In a new process, so that its memory is its own."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as process:
        process.submit(stage, *given).result()


def main() -> None:
    """Runs the bench."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--operators", type=int, default=20_000)
    parser.add_argument("--times", type=int, default=1)
    parser.add_argument("--answers", type=int, default=20_000)
    parser.add_argument("--home", type=Path)
    parser.add_argument("--real-time", action="store_true")
    asked = parser.parse_args()
    with common.home() as temporary, common.server(asked.home or temporary) as url:
        home = asked.home or temporary
        if not (home / FILLED).exists():
            common.register(url, asked.operators)
            if asked.times > 1:
                multiplied(url, asked.times)
            (home / FILLED).touch()
        if asked.real_time:
            print(real_time(url))
        copy(url, home)
        apart(fill, home, asked.answers)
        peers(url, home)


if __name__ == "__main__":
    main()
