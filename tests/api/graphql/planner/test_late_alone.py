"""Of questions that share a statement, one that is slow is late alone."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict
from psycopg_pool import AsyncConnectionPool

from api.graphql.pipelined_connection import cell
from api.graphql.planner.batcher import Asked, RequestBatcher
from api.graphql.planner.compiler import Plan

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SECONDS = 2.0  # that a question may take
#: Each row sleeps for as long as it says.
SLEEPS = (
    "select coalesce((select 'slept ' || t.seconds from pg_sleep(t.seconds::float)), '')"
    " from unnest($1::text[]) as t (seconds) where $2::text is not null"
)


def plan() -> Plan:
    """Only its SQL is read by the request_batcher."""
    made: Any = object.__new__(Plan)
    object.__setattr__(made, "sql", SLEEPS)
    return made


@pytest.mark.parametrize("companions", [1, 5])
def test_one_slow_question_does_not_make_its_companions_late(
    database: str, companions: int
) -> None:
    async def ask() -> list[Any]:
        settings = {"options": f"-c statement_timeout={int(SECONDS * 1000)}", "autocommit": True}
        pool: Any = AsyncConnectionPool(
            kwargs=conninfo_to_dict(database) | settings, min_size=2, max_size=2, open=False
        )
        async with pool:
            request_batcher = RequestBatcher(pool, SECONDS)
            shared = plan()
            seconds = ["60", *["0"] * companions]
            asked = [
                request_batcher.ask(shared, Asked([cell(second)], "auditor|||", NOW))
                for second in seconds
            ]
            try:
                async with asyncio.timeout(10):
                    return await asyncio.gather(*asked, return_exceptions=True)
            finally:
                await request_batcher.close()

    slow, *others = asyncio.run(ask())

    assert isinstance(slow, psycopg.errors.QueryCanceled)
    assert others == [b"slept 0"] * companions
