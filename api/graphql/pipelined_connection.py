"""A database connection that runs one statement after another on libpq, without tasks or copies.

psycopg opens the connection and translates errors. Statements bypass its cursors: text arrays go
in, one text per row comes out, and the event loop calls back when the result is there.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Sequence
from hashlib import sha256
from time import monotonic
from typing import Any

import psycopg
from psycopg import AsyncConnection
from psycopg.errors import error_from_result
from psycopg.pq import ExecStatus

OnResult = Callable[[list[bytes] | Exception], None]

PREPARED_STATEMENTS = 100  # Prepared statements kept on a connection (LRU).


class PipelinedConnection:
    """One connection for consecutive statements.

    `pool` gives the connection, and takes it back when it is broken. `idle`: a statement can be
    sent now. `began`: when the last statement was sent, in seconds of time.monotonic.
    """

    def __init__(self, pool: Any) -> None:
        self._pool = pool
        self._connection: AsyncConnection[Any] | None = None
        self._prepared: OrderedDict[str, bytes] = OrderedDict()
        self._results: list[Any] = []
        self._next: Callable[[list[Any]], None] | None = None
        self._on_result: OnResult | None = None
        self._write_blocked = False
        self.began = 0.0

    @property
    def open(self) -> bool:
        """True while there is a connection to the database."""
        return self._connection is not None

    @property
    def idle(self) -> bool:
        """True while the connection is open and waits for no result."""
        return self._connection is not None and self._on_result is None

    async def connect(self) -> None:
        """Takes a connection from the pool and watches its socket.

        Raises psycopg.Error. The connection counts as open only once its socket is watched:
        otherwise one that broke in the pool would be taken for an open one, and no statement on it
        would ever end.
        """
        connection = await self._pool.getconn()
        try:
            pg = connection.pgconn
            socket = pg.socket  # libpq forgets the socket when the server closes it.
            asyncio.get_running_loop().add_reader(socket, self._readable)
        except (psycopg.Error, OSError, ValueError) as error:
            await self._give_back(connection)
            raise psycopg.OperationalError(f"the connection broke in the pool: {error}") from error
        self._connection, self._pg, self._socket = connection, pg, socket
        self._write_blocked = False
        self._prepared.clear()

    async def close(self) -> None:
        """Closes the connection. A running statement fails with OperationalError."""
        connection = self._connection
        if connection is not None:
            self._lose(psycopg.OperationalError("stopping"))
            await connection.close()
            await self._pool.putconn(connection)

    def send(self, sql: str, columns: Sequence[bytes | None], on_result: OnResult) -> None:
        """Starts a statement. Only while idle. `columns`: its parameters, in text format.

        `on_result` receives the text of each row, or the error.
        """
        self._on_result, self.began = on_result, monotonic()
        try:
            name = self._prepared.get(sql)
            if name is not None:
                self._prepared.move_to_end(sql)
                self._execute(name, columns)
                return
            if len(self._prepared) >= PREPARED_STATEMENTS:
                _, oldest = self._prepared.popitem(last=False)
                self._pg.send_query(b"deallocate " + oldest)
                self._begin(lambda results: self._prepare(sql, columns))
                return
            self._prepare(sql, columns)
        except psycopg.Error as error:
            self._broken(error)

    async def cancel(self) -> None:
        """Asks the server to cancel the running statement; `on_result` receives the error."""
        connection = self._connection
        if connection is not None and self._on_result is not None:
            await connection.cancel_safe(timeout=1.0)

    def _prepare(self, sql: str, columns: Sequence[bytes | None]) -> None:
        # Named by its hash: two connections that share a server session (through a pooler) never
        # use one name for two statements.
        name = b"plan_" + sha256(sql.encode()).hexdigest()[:32].encode()

        def prepared(results: list[Any]) -> None:
            if results[-1].status != ExecStatus.COMMAND_OK:
                self._deliver(error_from_result(results[-1]))
                return
            self._prepared[sql] = name
            self._execute(name, columns)

        self._pg.send_prepare(name, sql.encode())
        self._begin(prepared)

    def _execute(self, name: bytes, columns: Sequence[bytes | None]) -> None:
        self._pg.send_query_prepared(name, columns)
        self._begin(self._finish)

    def _finish(self, results: list[Any]) -> None:
        result = results[-1]
        if result.status not in (ExecStatus.TUPLES_OK, ExecStatus.COMMAND_OK):
            self._deliver(error_from_result(result))
            return
        self._deliver([result.get_value(n, 0) for n in range(result.ntuples)])

    def _begin(self, then: Callable[[list[Any]], None]) -> None:
        self._results, self._next = [], then
        self._flush()

    def _flush(self) -> None:
        """Sends what the socket takes now; the event loop sends the rest when the socket is
        writable."""
        try:
            blocked = self._pg.flush() == 1
        except psycopg.Error as error:
            self._broken(error)
            return
        if blocked != self._write_blocked:
            self._write_blocked = blocked
            loop = asyncio.get_running_loop()
            if blocked:
                loop.add_writer(self._socket, self._flush)
            else:
                loop.remove_writer(self._socket)

    def _readable(self) -> None:
        pg = self._pg
        try:
            pg.consume_input()
            while self._next is not None and not pg.is_busy():
                result = pg.get_result()
                if result is None:
                    results, then, self._next = self._results, self._next, None
                    then(results)
                else:
                    self._results.append(result)
        except psycopg.Error as error:
            self._broken(error)

    def _deliver(self, result: list[bytes] | Exception) -> None:
        on_result, self._on_result = self._on_result, None
        if on_result is not None:
            on_result(result)

    def _broken(self, error: psycopg.Error) -> None:
        connection = self._connection
        if connection is None:
            return
        self._lose(error)
        task = asyncio.get_running_loop().create_task(self._give_back(connection))
        # A reference is kept, or the task could be garbage-collected before it ends.
        self._returning = task

    def _lose(self, error: psycopg.Error) -> None:
        assert self._connection is not None
        loop = asyncio.get_running_loop()
        loop.remove_reader(self._socket)
        loop.remove_writer(self._socket)
        self._connection, self._next = None, None
        self._deliver(error)

    async def _give_back(self, connection: AsyncConnection[Any]) -> None:
        await connection.close()
        await self._pool.putconn(connection)


def cell(value: Any) -> bytes:
    """An element of an array in PostgreSQL's text format. Raises ValueError for a NUL character,
    which PostgreSQL's text type cannot hold."""
    if value is None:
        return b"NULL"
    text = str(value)
    if text.isalnum():  # A TIN or a code needs no escaping.
        return b'"' + text.encode() + b'"'
    if "\0" in text:
        raise ValueError("PostgreSQL's texts hold no NUL")
    return b'"' + text.replace("\\", "\\\\").replace('"', '\\"').encode() + b'"'
