"""Connections and processes of the service: lost and found again, and never more than may be."""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import signal
import sys
import time
from contextlib import suppress
from datetime import UTC, datetime
from itertools import product
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg_pool import AsyncConnectionPool, PoolClosed

from api.access.tokens import issue
from api.graphql import pipelined_connection as lane
from api.graphql.planner.batcher import Asked, RequestBatcher
from api.graphql.planner.compiler import Plan
from api.observability.counters import PAUSE
from tests.api.client import AUDITOR, Client
from tests.api.region import FRUIT, region
from tests.api.served import served

__all__ = ["region"]

ASKED = f'{{ operator(tin: "{FRUIT}") {{ tin }} }}'


def _end_readers(database: str) -> int:
    with psycopg.connect(database, autocommit=True) as connection:
        [(ended,)] = connection.execute(
            "select count(pg_terminate_backend(pid)) from pg_stat_activity"
            " where query like 'select coalesce(%' and datname = current_database()"
        ).fetchall()
    return int(ended)


def test_after_a_connection_is_lost_the_next_question_finds_another(region: Client) -> None:
    before = region.ask(ASKED, AUDITOR)
    assert _end_readers(region.database) >= 1

    answers = [region.post(ASKED, AUDITOR) for _ in range(5)]

    assert [answer.json()["data"] for answer in answers] == [before] * 5


def test_who_asked_on_a_connection_that_is_lost_is_answered_by_another(region: Client) -> None:
    async def lost() -> Any:
        with psycopg.connect(region.database) as connection:
            connection.execute("lock table views.operator in access exclusive mode")
            shown = {"Authorization": f"Bearer {issue(AUDITOR, region.home)}"}
            question = asyncio.create_task(
                region.http.post("/graphql", json={"query": ASKED}, headers=shown)
            )
            await asyncio.sleep(0.3)
            assert await asyncio.to_thread(_end_readers, region.database) >= 1
            connection.rollback()  # the second time nothing stands in its way
            return await question

    answer = region._runner.run(lost())

    assert answer.status_code == 200
    assert answer.json()["data"] == {"operator": {"tin": FRUIT}}
    assert region.ask(ASKED, AUDITOR) == {"operator": {"tin": FRUIT}}


def test_no_more_statements_stay_prepared_than_are_kept(
    region: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lane, "PREPARED_STATEMENTS", 3)
    for turn in range(2):
        for n in range(8):
            again = " ".join(f"a{number}: tin" for number in range(n + 1))
            told = region.ask(f'{{ operator(tin: "{FRUIT}") {{ {again} }} }}', AUDITOR)
            assert told["operator"][f"a{n}"] == FRUIT, turn

    planner = region.service.executor._planner
    assert planner is not None
    assert all(len(lane._prepared) <= 3 for lane in planner._batcher._connections)


def test_a_text_that_postgresql_cannot_hold_is_refused_and_spoils_no_other_question(
    region: Client,
) -> None:
    query = (
        "query ($c: ConsignmentInput) {"
        f' recognition(tin: "{FRUIT}", in: "KR", consignment: $c) {{ outcome }} }}'
    )
    before = region.ask(query, AUDITOR, c={"crossing": "Nowhere"})

    [error] = region.post(query, AUDITOR, c={"crossing": "No\0where"}).json()["errors"]

    assert (error["extensions"]["code"], "NUL" in error["message"]) == ("BAD_INPUT", True)
    assert region.ask(query, AUDITOR, c={"crossing": "Nowhere"}) == before


def test_whoever_asks_in_the_moment_of_a_failure_is_told_of_it_too() -> None:
    async def turns_until_told(request_batcher: RequestBatcher, turns: int) -> type:
        for _ in range(turns):
            await asyncio.sleep(0)
        with pytest.raises(psycopg.OperationalError) as told:
            await request_batcher.ask(_plan("select 1"), _of_auditor(b"{1}"))
        return told.type

    async def ask() -> None:
        for second, third in product(range(6), repeat=2):
            request_batcher = RequestBatcher(AsyncConnectionPool("", open=False))  # it gives none
            asked = (turns_until_told(request_batcher, number) for number in (0, second, third))
            async with asyncio.timeout(10):
                assert set(await asyncio.gather(*asked)) == {PoolClosed}

    asyncio.run(ask())


def test_nothing_is_begun_any_more_when_it_closes(region: Client) -> None:
    async def close() -> tuple[list[bool], set[type]]:
        async with AsyncConnectionPool(region.database, min_size=2, open=False) as pool:
            request_batcher = RequestBatcher(pool)
            slow = "select pg_sleep(5)::text || '{}' from unnest($1::text[]) where $2::text > ''"
            asked = [
                asyncio.create_task(request_batcher.ask(_plan(slow.format(n)), _of_auditor(b"1")))
                for n in range(3)
            ]
            while not all(lane.open and not lane.idle for lane in request_batcher._connections):
                await asyncio.sleep(0.01)
            await request_batcher.close()
            told = await asyncio.gather(*asked, return_exceptions=True)
            await asyncio.sleep(0.2)
            return [lane.open for lane in request_batcher._connections], set(map(type, told))

    assert asyncio.run(close()) == ([False, False], {psycopg.OperationalError})


def _of_auditor(cell: bytes) -> Asked:
    return Asked([cell], "auditor|||", datetime.now(UTC))


def _plan(sql: str) -> Plan:
    return Plan(sql, (), (), own_statement=False, wording=None, has_cached_verdicts=False)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a port has one process")
def test_processes_share_a_port_add_up_what_they_count_and_end_together(
    region: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AEO_WORKERS", "2")
    with served(region.database, region.home, "--workers", "2") as address:
        port = int(address.rpartition(":")[2])
        both = _processes(port)
        time.sleep(2 * PAUSE)  # one process is asked, and the other adds up by itself
        before = _counted(port)  # whoever waits for readiness asks a question, too
        for _ in range(60):
            _asked(port)

        time.sleep(2 * PAUSE)
        assert _counted(port) == before + 60
        for process in both:
            if "--with-parent" in _command(process):
                os.kill(process, signal.SIGKILL)
        _gone(both)


def _processes(port: int) -> list[int]:
    """Once both take connections."""
    for _ in range(400):
        listening = Path("/proc/net/tcp").read_text()
        if listening.count(f" 0100007F:{port:04X} 00000000:0000 0A") == 2:
            numbers = (int(path.name) for path in Path("/proc").glob("[0-9]*"))
            return [
                number
                for number in numbers
                if "\0serve\0" in (_command(number) + "\0") and str(port) in _command(number)
            ]
        time.sleep(0.05)
    raise AssertionError("there are no two processes at the port")


def _command(process: int) -> str:
    """Nothing of one that has ended."""
    with suppress(OSError):
        return Path(f"/proc/{process}/cmdline").read_text()
    return ""


def _gone(processes: list[int]) -> None:
    for _ in range(400):
        left = [process for process in processes if _command(process)]
        if not left:
            return
        time.sleep(0.05)
    raise AssertionError(f"still there: {left}")


def _asked(port: int) -> None:
    asking = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    body = json.dumps({"query": f'{{ operator(tin: "{FRUIT}") {{ tin }} }}'})
    asking.request("POST", "/graphql", body, {"content-type": "application/json"})
    assert asking.getresponse().status == 200
    asking.close()


def _counted(port: int) -> float:
    asking = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    asking.request("GET", "/metrics")
    lines = asking.getresponse().read().decode().splitlines()
    asking.close()
    [told] = [line for line in lines if line.startswith("aeo_planned_total")]
    return float(told.split()[-1])
