"""The current checkpoint of the log, as the HTTP header `Aeo-Log-Head` reports it in every answer.

Clients that compare the checkpoints they were shown can detect a log that shows different
histories.
"""

from __future__ import annotations

import asyncio
from base64 import b64encode
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

import psycopg
import structlog
from psycopg_pool import AsyncConnectionPool, PoolTimeout, TooManyRequests

from api.log.signing_keys import WITNESSES
from api.observability.background import watched
from projections.reads.log import head
from registry.transparency.witness_policy import BadPolicy, Policy, read_policy

log = structlog.get_logger("head of the log")

POLL = 1.0  # seconds: the signer does not sign more often


class CurrentCheckpoint:
    """Caches the last signed checkpoint; it is at most about a second old. One a process."""

    def __init__(self, views: AsyncConnectionPool[Any], home: Path) -> None:
        self._views, self._home = views, home
        self._task: asyncio.Task[None] | None = None
        #: The value of the header `Aeo-Log-Head`; None before the first checkpoint.
        self.line: bytes | None = None
        #: The signed note, with the lines of its witnesses; None before the first checkpoint.
        self.note: str | None = None
        #: The number of events under the last checkpoint, and when it was signed (UTC); None before
        #: the first.
        self.signed: tuple[int, datetime] | None = None

    async def start(self) -> None:
        """Reads the checkpoint once and starts the task that reads it again."""
        await self._refresh()
        self._task = watched("head of the log", self._run())

    @property
    def alive(self) -> bool:
        """Whether the background task still looks."""
        return self._task is not None and not self._task.done()

    async def close(self) -> None:
        """Ends the task."""
        if self._task:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    def policy(self) -> Policy | None:
        """Returns the log's keys and witnesses from the policy file in the home.

        None where the signer uses another home, or the file is invalid.
        """
        written = self.policy_text()
        try:
            return read_policy(written) if written is not None else None
        except BadPolicy as error:  # the signer reports it as well, and stops
            log.warning("no policy", why=str(error))
            return None

    def policy_text(self) -> bytes | None:
        """Returns the witness policy as its file says it; None where there is no such file."""
        try:
            return (self._home / WITNESSES).read_bytes()
        except OSError:
            return None

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(POLL)
            await self._refresh()

    async def _refresh(self) -> None:
        try:
            async with self._views.connection() as connection:
                found = await head(connection)
        except (psycopg.Error, PoolTimeout, TooManyRequests) as error:
            log.warning("cannot see the head of the log", why=str(error))
            return
        except Exception:  # a fault of ours must not end the looking
            log.exception("cannot see the head of the log")
            return
        if found:
            self.line = b"%d %s" % (found.size, b64encode(found.root))
            self.note = found.note
            self.signed = (found.size, found.signed_at)
