"""The last signed head of the log, as this process knows it: every answer over HTTP names it.

Whoever compares what two askers were told finds a log that shows each of them another history.
"""

from __future__ import annotations

import asyncio
from base64 import b64encode
from contextlib import suppress
from pathlib import Path
from typing import Any

import psycopg
import structlog
from psycopg_pool import AsyncConnectionPool, PoolTimeout, TooManyRequests

from api.log.signing_keys import WITNESSES
from projections.reads.log import head
from registry.transparency.witness_policy import BadPolicy, Policy, read_policy

log = structlog.get_logger("heads")

POLL = 1.0  # seconds: the signer signs no oftener


class CurrentCheckpoint:
    """One a process. Nobody who asks waits for it: it is as new as the last look, a second ago."""

    def __init__(self, views: AsyncConnectionPool[Any], home: Path) -> None:
        self._views, self._home = views, home
        self._task: asyncio.Task[None] | None = None
        #: The value of the header `Aeo-Log-Head`; None before the first head.
        self.line: bytes | None = None

    async def start(self) -> None:
        await self._look()
        self._task = asyncio.create_task(self._run())

    async def close(self) -> None:
        if self._task:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    def policy(self) -> Policy | None:
        """The log's keys and the witnesses that its signer asks, from the file in the home.

        None where the signer has another home, on another machine.
        """
        written = self.policy_text()
        try:
            return read_policy(written) if written is not None else None
        except BadPolicy as error:  # the signer says so, too, and stands still
            log.warning("no policy", why=str(error))
            return None

    def policy_text(self) -> bytes | None:
        try:
            return (self._home / WITNESSES).read_bytes()
        except OSError:
            return None

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(POLL)
            await self._look()

    async def _look(self) -> None:
        try:
            async with self._views.connection() as connection:
                found = await head(connection)
        except (psycopg.Error, PoolTimeout, TooManyRequests) as error:
            log.warning("cannot see the head of the log", why=str(error))
            return
        if found:
            self.line = b"%d %s" % (found.size, b64encode(found.root))
