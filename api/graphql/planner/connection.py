"""A connection that carries one statement after another, with no task and no copy in between.

psycopg makes the connection and knows what went wrong; statements go past its cursors, straight to
libpq: text arrays in, one text a row out, and the event loop calls when they are there.
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

Told = Callable[[list[bytes] | Exception], None]

KEPT = 100  # prepared statements; the one used longest ago goes first


class PipelinedConnection:
    """`pool`: where its connection comes from, and goes back to when it is broken.

    `idle`: it can take a statement at once. `began`: when it took the last one (time.monotonic).
    """

    def __init__(self, pool: Any) -> None:
        self._pool = pool
        self._connection: AsyncConnection[Any] | None = None
        self._prepared: OrderedDict[str, bytes] = OrderedDict()
        self._results: list[Any] = []
        self._next: Callable[[list[Any]], None] | None = None
        self._told: Told | None = None
        self._full = False
        self.began = 0.0

    @property
    def open(self) -> bool:
        return self._connection is not None

    @property
    def idle(self) -> bool:
        return self._connection is not None and self._told is None

    async def connect(self) -> None:
        """Raises psycopg.Error. The lane is open only once its socket is looked at: a connection
        that broke in the pool would else be taken for an open one, and no statement would end."""
        connection = await self._pool.getconn()
        try:
            pg = connection.pgconn
            socket = pg.socket  # libpq forgets it when the other end hangs up
            asyncio.get_running_loop().add_reader(socket, self._readable)
        except (psycopg.Error, OSError, ValueError) as error:
            await self._give_back(connection)
            raise psycopg.OperationalError(f"the connection broke in the pool: {error}") from error
        self._connection, self._pg, self._socket = connection, pg, socket
        self._full = False
        self._prepared.clear()

    async def close(self) -> None:
        """What is under way is told so."""
        connection = self._connection
        if connection is not None:
            self._lose(psycopg.OperationalError("stopping"))
            await connection.close()
            await self._pool.putconn(connection)

    def send(self, sql: str, columns: Sequence[bytes], told: Told) -> None:
        """`told` gets the text of each row, or what went wrong. Only while idle."""
        self._told, self.began = told, monotonic()
        try:
            name = self._prepared.get(sql)
            if name is not None:
                self._prepared.move_to_end(sql)
                self._execute(name, columns)
                return
            if len(self._prepared) >= KEPT:
                _, oldest = self._prepared.popitem(last=False)
                self._pg.send_query(b"deallocate " + oldest)
                self._begin(lambda results: self._prepare(sql, columns))
                return
            self._prepare(sql, columns)
        except psycopg.Error as error:
            self._broken(error)

    async def cancel(self) -> None:
        """Asks the server to end the statement that is under way; who waits is told so by it."""
        connection = self._connection
        if connection is not None and self._told is not None:
            await connection.cancel_safe(timeout=1.0)

    def _prepare(self, sql: str, columns: Sequence[bytes]) -> None:
        # By its hash: two connections that share a session never mean two statements by one name.
        name = b"plan_" + sha256(sql.encode()).hexdigest()[:32].encode()

        def made(results: list[Any]) -> None:
            if results[-1].status != ExecStatus.COMMAND_OK:
                self._tell(error_from_result(results[-1]))
                return
            self._prepared[sql] = name
            self._execute(name, columns)

        self._pg.send_prepare(name, sql.encode())
        self._begin(made)

    def _execute(self, name: bytes, columns: Sequence[bytes]) -> None:
        self._pg.send_query_prepared(name, columns)
        self._begin(self._finish)

    def _finish(self, results: list[Any]) -> None:
        result = results[-1]
        if result.status != ExecStatus.TUPLES_OK:
            self._tell(error_from_result(result))
            return
        self._tell([result.get_value(n, 0) for n in range(result.ntuples)])

    def _begin(self, then: Callable[[list[Any]], None]) -> None:
        self._results, self._next = [], then
        self._flush()

    def _flush(self) -> None:
        """What the socket does not take now it takes when it can."""
        try:
            full = self._pg.flush() == 1
        except psycopg.Error as error:
            self._broken(error)
            return
        if full != self._full:
            self._full = full
            loop = asyncio.get_running_loop()
            if full:
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

    def _tell(self, what: list[bytes] | Exception) -> None:
        told, self._told = self._told, None
        if told is not None:
            told(what)

    def _broken(self, error: psycopg.Error) -> None:
        connection = self._connection
        if connection is None:
            return
        self._lose(error)
        task = asyncio.get_running_loop().create_task(self._give_back(connection))
        self._giving = task  # kept, or it could be collected before it is done

    def _lose(self, error: psycopg.Error) -> None:
        assert self._connection is not None
        loop = asyncio.get_running_loop()
        loop.remove_reader(self._socket)
        loop.remove_writer(self._socket)
        self._connection, self._next = None, None
        self._tell(error)

    async def _give_back(self, connection: AsyncConnection[Any]) -> None:
        await connection.close()
        await self._pool.putconn(connection)
