"""What a golden copy costs, and an edge that is filled from it.

    python -m ops.bench.copies [--operators 20000] [--times 1] [--answers 20000]

Makes the golden copy of Singapore from a register of synthetic operators, in a process of its own,
and fills an edge from it, which is then asked. `--times`: each operator that Singapore sees is put
into the read models that many times under other TINs, because to record a million histories takes
an hour: 20000 and 187 give a copy of a million. Peers of the same run: COPY of PostgreSQL of the
same rows through zstd, and DuckDB writing the same tables from the finished copy.

Seconds of the processor stand beside the wall clock, because a busy machine stretches the latter
alone. The targets: a million operators copied in under 60 s with 150 MB, an edge filled from it in
under 60 s, and its answers within 5 ms at p99.
"""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import resource
import shutil
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from subprocess import PIPE, Popen
from time import perf_counter, process_time, thread_time

import psycopg
from psycopg import sql

from api.edge.graphql import EdgeGraphQL
from api.edge.store import EdgeState, EdgeStore
from api.golden_copy.deltas import tin_of
from api.golden_copy.files import LAW, OPERATORS, lines_in, write_copy
from api.golden_copy.making import reading
from api.golden_copy.manifest import CopyMoment
from api.golden_copy.signing import open_signer
from ops.bench import common
from projections.history.golden_copy_reads import copy_source, lines
from registry.domain.values import AdministrationCode

SINGAPORE = AdministrationCode("SG")
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


async def copied(url: str, home: Path) -> tuple[int, float]:
    """Makes the copy; returns its records, and the seconds of the processor in the database."""
    async with await reading(url) as connection:
        source = await copy_source(connection, SINGAPORE)
        moment = CopyMoment("bench", source.moment.position, source.moment.at, source.recorded)
        manifest = await write_copy(
            home / "copy",
            SINGAPORE.text,
            moment,
            lines(connection, source),
            source.copied_law,
            None,
            open_signer(home),
        )
        used = common.processor_seconds([connection.info.backend_pid])
    return manifest.files[OPERATORS].rows or 0, used


def copy(url: str, home: Path) -> None:
    """Makes the copy and prints what that took. Of the memory some 35 MB are the bench's own
    imports, and numpy, which pyarrow imports where it is installed."""
    wall, cpu = perf_counter(), process_time()
    records, database = asyncio.run(copied(url, home))
    wall, cpu = perf_counter() - wall, process_time() - cpu
    held = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    _say("golden copy, three formats", records, wall, cpu, database, held)


def fill(home: Path, answers: int) -> None:
    """Fills an edge and asks it, and prints what that took."""
    store = EdgeStore(home / "edge" / "edge.sqlite")
    now, folder = datetime.now(UTC), home / "copy"
    wall, cpu = perf_counter(), process_time()
    state = EdgeState(SINGAPORE.text, CopyMoment("bench", 1, now, now), None, 0)
    records = store.replace(state, (folder / LAW).read_bytes(), lines_in(folder / OPERATORS))
    store.checkpoint()
    held = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    _say("edge filled", records, perf_counter() - wall, process_time() - cpu, 0.0, held)
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
    asked = parser.parse_args()
    with common.home() as home, common.server(home) as url:
        common.register(url, asked.operators)
        if asked.times > 1:
            multiplied(url, asked.times)
        apart(copy, url, home)
        apart(fill, home, asked.answers)
        peers(url, home)
        shutil.rmtree(home / "copy")


if __name__ == "__main__":
    main()
