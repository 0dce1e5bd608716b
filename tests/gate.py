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
        self._listening: socket.socket | None = None
        self._passing: dict[asyncio.Task[None], socket.socket] = {}
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
        if self._listening is None:
            self._listening = socket.create_server(("127.0.0.1", self.port))
            self._listening.setblocking(False)
            self._loop.add_reader(self._listening, self._accept, self._listening)

    async def _stalled(self) -> None:
        self._open.clear()

    async def _stopped(self) -> None:
        """Leaves no socket open. What a loop that is closed still held would be reported at a later
        collection of garbage, and blamed on the test that runs then."""
        if self._listening:
            self._loop.remove_reader(self._listening)
            self._listening.close()
            self._listening = None
        passing = dict(self._passing)
        for task in passing:
            task.cancel()
        await asyncio.gather(*passing, return_exceptions=True)
        for here in passing.values():  # a task that was cancelled before it began has not closed it
            here.close()

    def _accept(self, listening: socket.socket) -> None:
        with suppress(OSError):  # it has gone meanwhile
            here, _ = listening.accept()
            here.setblocking(False)
            task = self._loop.create_task(self._pass(here))
            self._passing[task] = here
            task.add_done_callback(self._passing.pop)

    async def _pass(self, here: socket.socket) -> None:
        with here:
            await self._open.wait()
            to = next(self._turns)
            host, port = str(to["host"]), int(to.get("port") or 5432)
            local = host.startswith("/")
            with socket.socket(socket.AF_UNIX if local else socket.AF_INET) as there:
                there.setblocking(False)
                where = f"{host}/.s.PGSQL.{port}" if local else (host, port)
                with suppress(OSError):  # refused: who came is sent away
                    await self._loop.sock_connect(there, where)
                    await self._copied(here, there)

    async def _copied(self, here: socket.socket, there: socket.socket) -> None:
        """Passes everything on in both directions, until one of the two ends."""
        both = [self._loop.create_task(self._copy(*way)) for way in ((here, there), (there, here))]
        try:
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in both:
                task.cancel()
            await asyncio.gather(*both, return_exceptions=True)

    async def _copy(self, source: socket.socket, to: socket.socket) -> None:
        with suppress(OSError):
            while block := await self._loop.sock_recv(source, BLOCK):
                await self._open.wait()
                await self._loop.sock_sendall(to, block)
