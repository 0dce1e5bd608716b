"""Batches concurrent requests of one plan into one SQL statement.

While a statement runs, new requests wait in a queue per plan; the next statement takes all that
wait for the same plan and the same subject: the statement states for whom it reads, and row-level
security lets it see no more (projections/reads/row_security.py). Where a statement takes long,
another is started on a second connection. If a statement fails, each of its requests is repeated
in a statement of its own, so one bad request does not fail the others.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from datetime import datetime
from time import monotonic
from typing import Any, NamedTuple

import psycopg
from psycopg import AsyncConnection, AsyncRawCursor

from api.graphql.pipelined_connection import PipelinedConnection
from api.graphql.planner.compiler import Plan

ROWS = 64  # Most requests in one statement.
CONNECTIONS = 2  # Connections, and so the most statements that run at the same time.
#: Seconds after which a running statement no longer holds back the next one. Most statements take a
#: millisecond, and the requests that wait for one share the next.
WAIT_BEFORE_NEXT = 0.003

#: The parameters of one request, each as an element of a text array: see
#: `pipelined_connection.cell`.
Row = Sequence[bytes]
_Reader = tuple[str, datetime]


class Asked(NamedTuple):
    """One request of a plan. `subject`: as VisibilityScope.stated; `now`: the instant of the
    request."""

    row: Row
    subject: str
    now: datetime

    @property
    def reader(self) -> _Reader:
        """Requests of one reader share a statement. Of one minute, because what a subject may see
        depends on the instant."""
        return self.subject, self.now.replace(second=0, microsecond=0)


_Waiting = list[tuple[Asked, "asyncio.Future[bytes]"]]


class RequestBatcher:
    """Batches the requests of one process.

    `pool` gives one connection for each of CONNECTIONS; they are kept. `seconds` is the deadline of
    a request. A statement for several requests that has run for half of it is cancelled, and each
    request is repeated alone in the other half, so that one slow request delays only itself.
    """

    def __init__(self, pool: Any, seconds: float = 2.0) -> None:
        self._seconds = seconds
        self._connections = [PipelinedConnection(pool) for _ in range(CONNECTIONS)]
        self._queues: dict[tuple[Plan, _Reader], _Waiting] = {}
        #: Requests of a statement that failed; each is repeated in a statement of its own.
        self._retried_alone: deque[tuple[Plan, _Waiting]] = deque()
        self._connecting: set[asyncio.Task[None]] = set()
        self._cancelling: set[asyncio.Task[None]] = set()
        self._scheduled = False
        self._timer: asyncio.TimerHandle | None = None

    async def ask(self, plan: Plan, asked: Asked) -> bytes:
        """The JSON text for one request. Raises psycopg.Error."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[bytes] = loop.create_future()
        self._queues.setdefault((plan, asked.reader), []).append((asked, future))
        # Requests that arrive in the same turn of the event loop share the statement.
        if not self._scheduled:
            self._scheduled = True
            loop.call_soon(self._wake)
        return await future

    async def close(self) -> None:
        """Fails the waiting requests and closes the connections."""
        for task in (*self._connecting, *self._cancelling):
            task.cancel()
        if self._timer:
            self._timer.cancel()
        # Waiting requests fail first; otherwise the end of one connection would start them on
        # another.
        self._fail(psycopg.OperationalError("stopping"))
        for connection in self._connections:
            await connection.close()

    def _wake(self) -> None:
        self._scheduled = False
        for connection in self._connections:
            if not (self._queues or self._retried_alone):
                return
            if connection.idle:
                self._start(connection)
            elif connection.open:
                left = connection.began + WAIT_BEFORE_NEXT - monotonic()
                if left > 0:
                    self._timer = self._timer or asyncio.get_running_loop().call_later(
                        left, self._on_timer
                    )
                    return
            elif not self._connecting:
                task = asyncio.create_task(self._connect(connection))
                self._connecting.add(task)
                task.add_done_callback(self._connecting.discard)

    def _on_timer(self) -> None:
        self._timer = None
        self._wake()

    async def _connect(self, connection: PipelinedConnection) -> None:
        try:
            await connection.connect()
        except psycopg.Error as error:
            # Cleared at once: a request before this task has ended starts another connection
            # attempt.
            self._connecting.clear()
            if not any(connection.open for connection in self._connections):
                self._fail(error)  # No connection is open, so the waiting requests fail now.
            return
        self._connecting.clear()
        self._wake()

    def _fail(self, error: Exception) -> None:
        for waiting in (*self._queues.values(), *(item for _, item in self._retried_alone)):
            _fail_all(waiting, error)
        self._queues.clear()
        self._retried_alone.clear()

    def _start(self, connection: PipelinedConnection) -> None:
        """Sends the next batch on an idle connection; requests that were cancelled are left out."""
        while self._retried_alone or self._queues:
            if self._retried_alone:
                plan, waiting = self._retried_alone.popleft()
            else:
                key = next(iter(self._queues))
                plan, _ = key
                waiting = self._queues.pop(key)
            batch = [item for item in waiting if not item[1].done()]
            if len(batch) > ROWS:
                self._queues[plan, batch[0][0].reader] = batch[ROWS:]
                batch = batch[:ROWS]
            if batch:
                self._send(connection, plan, batch)
                return

    def _cancel_statement(self, connection: PipelinedConnection) -> None:
        task = asyncio.create_task(connection.cancel())
        self._cancelling.add(task)
        task.add_done_callback(self._cancelling.discard)

    def _send(self, connection: PipelinedConnection, plan: Plan, batch: _Waiting) -> None:
        loop = asyncio.get_running_loop()
        shared = len(batch) > 1
        late = (
            loop.call_later(self._seconds / 2, self._cancel_statement, connection)
            if shared
            else None
        )

        def on_result(result: list[bytes] | Exception) -> None:
            if late:
                late.cancel()
            if isinstance(result, list):
                for (_, future), text in zip(batch, result, strict=True):
                    if not future.done():
                        future.set_result(text)
            elif not shared or (
                isinstance(result, psycopg.OperationalError)
                and not isinstance(result, psycopg.errors.QueryCanceled)
            ):
                _fail_all(batch, result)
            else:  # One request failed or was slow, so each is repeated alone.
                self._retried_alone.extend((plan, [one]) for one in batch)
            self._wake()

        connection.send(plan.sql, parameters([asked for asked, _ in batch]), on_result)


def _fail_all(waiting: _Waiting, error: Exception) -> None:
    for _, future in waiting:
        if not future.done():
            future.set_exception(error)


def parameters(batch: Sequence[Asked]) -> list[bytes]:
    """The parameters of the statement: the rows as arrays, one for each column, and the subject,
    which is the same of all; at the latest of their instants."""
    rows = zip(*(asked.row for asked in batch), strict=True)
    columns = [b"{" + b",".join(column) + b"}" for column in rows]
    now = max(asked.now for asked in batch).isoformat()
    return [*columns, f"{batch[0].subject}{now}".encode()]


async def run(
    connection: AsyncConnection[Any], plan: Plan, asked: Asked, *, prepare: bool = True
) -> bytes:
    """Runs one request in a statement of its own and returns its JSON text.

    `prepare`: the connection keeps the prepared statement. Raises psycopg.Error.
    """
    given = [parameter.decode() for parameter in parameters([asked])]
    async with AsyncRawCursor(connection) as cursor:
        await cursor.execute(plan.sql, given, prepare=prepare)
        assert cursor.pgresult is not None
        text = cursor.pgresult.get_value(0, 0)
        assert text is not None
        return text
