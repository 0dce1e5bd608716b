"""Requests of one plan that arrive together share one statement.

While a statement is under way, whoever comes waits; the next statement takes all that wait for
the same plan. Where one takes long, others are begun beside it. Rows of different askers share a
statement and nothing else: each is answered from its own parameters, and one that fails fails
alone.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from time import monotonic
from typing import Any

import psycopg
from psycopg import AsyncConnection, AsyncRawCursor

from api.graphql.planner.compiler import Plan
from api.graphql.planner.connection import PipelinedConnection

ROWS = 64  # that may share a statement
LANES = 2  # statements under way at once
#: Seconds for which a statement under way is waited for before another is begun beside it: most
#: take a millisecond, and those who wait for one share the next.
SOON = 0.003

#: Each parameter as an element of a text array: see `cell`.
Row = Sequence[bytes]
_Waiting = list[tuple[Row, "asyncio.Future[bytes]"]]


class Coalescer:
    """One a process. `pool`: of connections that it keeps, one a lane. `seconds`: how long a
    question may take; a statement of several that takes half of it is ended, and each is asked
    alone in the other half, so that one slow question is late alone."""

    def __init__(self, pool: Any, seconds: float = 2.0) -> None:
        self._seconds = seconds
        self._lanes = [PipelinedConnection(pool) for _ in range(LANES)]
        self._waiting: dict[Plan, _Waiting] = {}
        #: Those of a statement that failed; each is asked again by itself.
        self._alone: deque[tuple[Plan, _Waiting]] = deque()
        self._connecting: set[asyncio.Task[None]] = set()
        self._ending: set[asyncio.Task[None]] = set()
        self._woken = False
        self._later: asyncio.TimerHandle | None = None

    async def ask(self, plan: Plan, row: Row) -> bytes:
        """The JSON text for one row of parameters. Raises psycopg.Error."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[bytes] = loop.create_future()
        self._waiting.setdefault(plan, []).append((row, future))
        if not self._woken:  # whoever else is read in this turn of the loop comes along
            self._woken = True
            loop.call_soon(self._wake)
        return await future

    async def close(self) -> None:
        for task in (*self._connecting, *self._ending):
            task.cancel()
        if self._later:
            self._later.cancel()
        # First whoever waits: else what a lane leaves undone would begin the next on another.
        self._fail(psycopg.OperationalError("stopping"))
        for lane in self._lanes:
            await lane.close()

    def _wake(self) -> None:
        self._woken = False
        for lane in self._lanes:
            if not (self._waiting or self._alone):
                return
            if lane.idle:
                self._start(lane)
            elif lane.open:
                left = lane.began + SOON - monotonic()
                if left > 0:
                    self._later = self._later or asyncio.get_running_loop().call_later(
                        left, self._look_again
                    )
                    return
            elif not self._connecting:
                task = asyncio.create_task(self._connect(lane))
                self._connecting.add(task)
                task.add_done_callback(self._connecting.discard)

    def _look_again(self) -> None:
        self._later = None
        self._wake()

    async def _connect(self, lane: PipelinedConnection) -> None:
        try:
            await lane.connect()
        except psycopg.Error as error:
            self._connecting.clear()  # now: who asks before this task is gone begins another
            if not any(lane.open for lane in self._lanes):
                self._fail(error)  # whoever is in line learns it now
            return
        self._connecting.clear()
        self._wake()

    def _fail(self, error: Exception) -> None:
        for waiting in (*self._waiting.values(), *(item for _, item in self._alone)):
            _tell(waiting, error)
        self._waiting.clear()
        self._alone.clear()

    def _start(self, lane: PipelinedConnection) -> None:
        """Takes on what waits, if somebody still does."""
        while self._alone or self._waiting:
            if self._alone:
                plan, waiting = self._alone.popleft()
            else:
                plan = next(iter(self._waiting))
                waiting = self._waiting.pop(plan)
            taken = [item for item in waiting if not item[1].done()]
            if len(taken) > ROWS:
                self._waiting[plan] = taken[ROWS:]
                taken = taken[:ROWS]
            if taken:
                self._send(lane, plan, taken)
                return

    def _end_late(self, lane: PipelinedConnection) -> None:
        task = asyncio.create_task(lane.cancel())
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)

    def _send(self, lane: PipelinedConnection, plan: Plan, taken: _Waiting) -> None:
        loop = asyncio.get_running_loop()
        shared = len(taken) > 1
        late = loop.call_later(self._seconds / 2, self._end_late, lane) if shared else None

        def told(what: list[bytes] | Exception) -> None:
            if late:
                late.cancel()
            if isinstance(what, list):
                for (_, future), text in zip(taken, what, strict=True):
                    if not future.done():
                        future.set_result(text)
            elif not shared or (
                isinstance(what, psycopg.OperationalError)
                and not isinstance(what, psycopg.errors.QueryCanceled)
            ):
                _tell(taken, what)
            else:  # one question failed or was slow: ask each in its own statement
                self._alone.extend((plan, [one]) for one in taken)
            self._wake()

        lane.send(plan.sql, columns([row for row, _ in taken]), told)


def _tell(waiting: _Waiting, error: Exception) -> None:
    for _, future in waiting:
        if not future.done():
            future.set_exception(error)


def cell(value: Any) -> bytes:
    """An element of an array in PostgreSQL's text form. Raises ValueError for what is no text."""
    if value is None:
        return b"NULL"
    text = str(value)
    if text.isalnum():  # a TIN, a code
        return b'"' + text.encode() + b'"'
    if "\0" in text:
        raise ValueError("PostgreSQL's texts hold no NUL")
    return b'"' + text.replace("\\", "\\\\").replace('"', '\\"').encode() + b'"'


def columns(rows: Sequence[Row]) -> list[bytes]:
    """The rows as arrays, one a parameter of the statement."""
    return [b"{" + b",".join(column) + b"}" for column in zip(*rows, strict=True)]


async def run(
    connection: AsyncConnection[Any], plan: Plan, row: Row, *, prepare: bool = True
) -> bytes:
    """One row in a statement of its own: its JSON text. `prepare`: the connection keeps the
    statement for the next time. Raises psycopg.Error."""
    given = [column.decode() for column in columns([row])]
    async with AsyncRawCursor(connection) as cursor:
        await cursor.execute(plan.sql, given, prepare=prepare)
        assert cursor.pgresult is not None
        text = cursor.pgresult.get_value(0, 0)
        assert text is not None
        return text
