"""A door to the database that can be stalled (nothing passes), stopped (nobody is let in), or lead
to another server."""

from __future__ import annotations

import asyncio
import socket
import threading
from contextlib import suppress
from itertools import cycle
from types import TracebackType
from typing import Self

from psycopg.conninfo import conninfo_to_dict, make_conninfo

BLOCK = 65_536


class Gate:
    """Listens on a free port of this machine and passes everything on to a PostgreSQL server."""

    def __init__(self, conninfo: str) -> None:
        self._to = conninfo_to_dict(conninfo)
        self._turns = cycle([self._to])
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._open = asyncio.Event()
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]

    @property
    def conninfo(self) -> str:
        return make_conninfo(
            "", **self._to | {"host": "127.0.0.1", "port": str(self.port), "sslmode": "disable"}
        )

    def __enter__(self) -> Self:
        self._thread.start()
        self.open()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def open(self) -> None:
        self._run(self._opened())

    def lead_to(self, *conninfos: str) -> None:
        """New connections go to these servers, in turn. The database is named by who connects."""
        self._turns = cycle([conninfo_to_dict(conninfo) for conninfo in conninfos])

    def stall(self) -> None:
        """Connections stand, new ones are taken, and nothing passes in either direction."""
        self._run(self._stalled())

    def stop(self) -> None:
        """Connections are cut, and new ones are refused."""
        self._run(self._stopped())

    def _run(self, work: object) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(10)  # type: ignore[arg-type]

    async def _opened(self) -> None:
        self._open.set()
        if self._server is None:
            self._server = await asyncio.start_server(self._pass, "127.0.0.1", self.port)

    async def _stalled(self) -> None:
        self._open.clear()

    async def _stopped(self) -> None:
        if self._server:
            self._server.close()
            self._server = None
        for writer in list(self._writers):
            writer.transport.abort()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            await self._open.wait()
            to = next(self._turns)
            host, port = str(to["host"]), int(to.get("port") or 5432)
            if host.startswith("/"):
                there = await asyncio.open_unix_connection(f"{host}/.s.PGSQL.{port}")
            else:
                there = await asyncio.open_connection(host, port)
            self._writers.add(there[1])
            await asyncio.wait(
                [
                    asyncio.ensure_future(self._copy(reader, there[1])),
                    asyncio.ensure_future(self._copy(there[0], writer)),
                ],
                return_when=asyncio.FIRST_COMPLETED,
            )
            there[1].transport.abort()
            self._writers.discard(there[1])
        finally:
            writer.transport.abort()
            self._writers.discard(writer)

    async def _copy(self, source: asyncio.StreamReader, to: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while block := await source.read(BLOCK):
                await self._open.wait()
                to.write(block)
                await to.drain()
