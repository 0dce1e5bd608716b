"""How far the read models are, and those who wait until they show what they just recorded."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

import psycopg
import structlog
from psycopg import AsyncConnection
from psycopg.conninfo import conninfo_to_dict

from projections.follower import CHANNEL
from registry.database import with_settings

log = structlog.get_logger("sight")

HEADER = "aeo-min-position"
PATIENCE = 2.0  # seconds; a follower that is further behind than this is not waited for
PAUSE = 0.5  # seconds between two attempts to reach the database

#: A projection that stands still is told of by /readyz; nobody's own write waits for its cure.
REACHED = "select coalesce(min(position), 0) from views.tracking where stopped_at is null"


class Sight:
    """Listens to whoever writes the read models. One a process.

    Who reads after writing waits for the very moment, and nothing is asked in between. While the
    database cannot be reached, nothing is known to be new and those who wait are told so.
    """

    def __init__(self, conninfo: str) -> None:
        self._parameters: dict[str, Any] = with_settings(
            conninfo_to_dict(conninfo), role="aeo_reader"
        )
        self._waiting: list[tuple[int, asyncio.Future[None]]] = []
        self._task: asyncio.Task[None] | None = None
        self.position = 0

    def start(self) -> None:
        self._task = asyncio.create_task(self._run())

    async def close(self) -> None:
        if self._task:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def reached(self, position: int, seconds: float = PATIENCE) -> bool:
        """Do the read models show everything up to this position? Waits for it, so long at most."""
        if position <= self.position:
            return True
        waiter = position, asyncio.get_running_loop().create_future()
        self._waiting.append(waiter)
        try:
            async with asyncio.timeout(seconds):
                await waiter[1]
        except TimeoutError:
            return False
        finally:
            self._waiting.remove(waiter)
        return True

    async def _run(self) -> None:
        while True:
            try:
                await self._listen()
            except psycopg.Error as error:
                log.warning("cannot see how far the read models are", why=str(error))
            await asyncio.sleep(PAUSE)

    async def _listen(self) -> None:
        connection = await AsyncConnection.connect(
            **self._parameters, autocommit=True, connect_timeout=5
        )
        async with connection:
            await connection.execute(f"listen {CHANNEL}")
            row = await (await connection.execute(REACHED)).fetchone()
            self._moved(int(row[0]) if row else 0)
            async for notice in connection.notifies():
                self._moved(int(notice.payload))

    def _moved(self, position: int) -> None:
        self.position = max(self.position, position)
        for wanted, waiter in self._waiting:
            if wanted <= self.position and not waiter.done():
                waiter.set_result(None)
