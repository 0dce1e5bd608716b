"""What may be used once only: proofs of possession and client assertions that were seen.

They are rows of `access.seen_once`, so that a proof which one process has accepted is refused by
every other one, too. A row is written only for a proof whose signature is valid, and goes when it
could not be used any more, so the table is as large as the accepted requests of a minute.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import UTC, datetime
from time import monotonic
from typing import Any

import psycopg

from registry.ledger.connections import AsyncSession
from registry.ledger.database import connection_parameters

SWEEP = 60.0  # seconds between two deletions of rows that can go

_USE = (
    "insert into access.seen_once (digest, until) select * from unnest(%s::bytea[],"
    " %s::timestamptz[]) on conflict (digest) do nothing returning digest"
)
_SWEEP = "delete from access.seen_once where until < clock_timestamp()"


class Replays:
    """Remembers what was used. Requests that come together share one statement. One a process."""

    def __init__(self, conninfo: str) -> None:
        self._conninfo = conninfo
        self._connection: psycopg.AsyncConnection[Any] | None = None
        self._waiting: dict[bytes, tuple[datetime, asyncio.Future[bool]]] = {}
        self._writing: asyncio.Task[None] | None = None
        self._swept_at = 0.0

    async def first_use(self, digest: bytes, until: float) -> bool:
        """Records a use and returns whether it is the first. `until`: when the row may go, in
        seconds since 1970.

        Raises psycopg.OperationalError where that cannot be recorded: the request is then neither
        accepted nor refused.
        """
        if digest in self._waiting:
            return False
        used: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        # A minute more, because the clocks of the service and of the database may differ.
        self._waiting[digest] = datetime.fromtimestamp(until + 60, UTC), used
        if self._writing is None:
            self._writing = asyncio.ensure_future(self._write())
        return await used

    async def close(self) -> None:
        """Closes the connection."""
        if self._writing:
            await asyncio.wait([self._writing], timeout=2)
        if self._connection is not None:
            await self._connection.close()

    async def _write(self) -> None:
        try:
            while self._waiting:
                batch, self._waiting = self._waiting, {}
                try:
                    first = await self._record(batch)
                except Exception as error:
                    await self._disconnect()
                    fault = error
                    if not isinstance(error, psycopg.OperationalError):
                        fault = psycopg.OperationalError(str(error))
                    for _, used in batch.values():
                        if not used.done():
                            used.set_exception(fault)
                    continue
                for digest, (_, used) in batch.items():
                    if not used.done():
                        used.set_result(digest in first)
        finally:
            self._writing = None

    async def _record(self, batch: dict[bytes, tuple[datetime, Any]]) -> set[bytes]:
        if self._connection is None or self._connection.closed:
            wanted = {
                "role": "aeo_reader",
                "statement_timeout": "2000",
                "synchronous_commit": "off",  # a crash may forget the last half second
            }
            parameters = connection_parameters(
                self._conninfo, wanted, connect_timeout=2, autocommit=True
            )
            self._connection = await AsyncSession.connect(**parameters)
        until = [until for until, _ in batch.values()]
        async with self._connection.cursor() as cursor:
            await cursor.execute(_USE, [list(batch), until])
            first = {bytes(row[0]) for row in await cursor.fetchall()}
            if monotonic() - self._swept_at > SWEEP:
                await cursor.execute(_SWEEP)
                self._swept_at = monotonic()
        return first

    async def _disconnect(self) -> None:
        if self._connection is not None:
            with suppress(psycopg.Error):
                await self._connection.close()
            self._connection = None
