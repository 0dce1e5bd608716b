"""Requests of one plan that arrive together share one statement.

While a statement is under way, whoever comes waits; the next statement takes all that wait for
the same plan. Rows of different askers share a statement and nothing else: each is answered from
its own parameters, and one that fails fails alone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import psycopg
from psycopg import AsyncConnection, AsyncRawCursor

from api.planning.compiler import Plan

ROWS = 64  # that may share a statement
LANES = 2  # statements under way at once

Row = Sequence[Any]
_Waiting = list[tuple[Row, "asyncio.Future[str]"]]


class Coalescer:
    """One a process. `pool`: of connections whose statements may be prepared."""

    def __init__(self, pool: Any) -> None:
        self._pool = pool
        self._waiting: dict[Plan, _Waiting] = {}
        self._lanes: set[asyncio.Task[None]] = set()

    async def ask(self, plan: Plan, row: Row) -> str:
        """The JSON text for one row of parameters. Raises psycopg.Error."""
        future: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(plan, []).append((row, future))
        if len(self._lanes) < LANES:
            lane = asyncio.create_task(self._drain())
            self._lanes.add(lane)
            lane.add_done_callback(self._lanes.discard)
        return await future

    async def _drain(self) -> None:
        """Answers until nobody waits any more."""
        taken: _Waiting = []
        try:
            async with self._pool.connection() as connection:
                while self._waiting:
                    plan = next(iter(self._waiting))
                    waiting = self._waiting.pop(plan)
                    taken, rest = waiting[:ROWS], waiting[ROWS:]
                    if rest:
                        self._waiting[plan] = rest
                    await _answer(connection, plan, taken)
        except BaseException as error:
            # No connection: whoever is in line learns it now.
            for waiting in (taken, *self._waiting.values()):
                for _, future in waiting:
                    if not future.done():
                        future.set_exception(_told(error))
            self._waiting.clear()
            if not isinstance(error, Exception):
                raise


def _told(error: BaseException) -> BaseException:
    return error if isinstance(error, Exception) else psycopg.OperationalError("stopping")


async def _answer(connection: AsyncConnection[Any], plan: Plan, waiting: _Waiting) -> None:
    waiting = [(row, future) for row, future in waiting if not future.done()]
    if not waiting:
        return
    try:
        texts = await run(connection, plan, [row for row, _ in waiting])
    except psycopg.Error as error:
        if connection.broken or len(waiting) == 1:
            for _, future in waiting:
                if not future.done():
                    future.set_exception(error)
            if connection.broken:
                raise
            return
        for one in waiting:  # one bad row spoils a statement; it shall spoil its own alone
            await _answer(connection, plan, [one])
        return
    for (_, future), text in zip(waiting, texts, strict=True):
        if not future.done():
            future.set_result(text)


async def run(connection: AsyncConnection[Any], plan: Plan, rows: Sequence[Row]) -> list[str]:
    """One statement: the JSON text of each row, in order. Raises psycopg.Error."""
    columns = [list(column) for column in zip(*rows, strict=True)]
    async with AsyncRawCursor(connection) as cursor:
        await cursor.execute(plan.sql, columns, prepare=True)
        return [text for (text,) in await cursor.fetchall()]
