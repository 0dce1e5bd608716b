"""What the processes of a register know of each other's use of quotas: rows of `access.quota_use`.

A task of each process adds what its clients used, every tenth of a second in which there was
something, by one statement that returns what all have used. So a client that is answered by n
processes can exceed its quota by what the others admit in a tenth of a second. It is the same on
one machine and on several, which share the database and nothing else.

Where the rows cannot be written, each process goes on with what it counted itself: a client then
has at most its quota in each process. That is logged, and counted in the metrics.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from time import monotonic
from typing import Any

import psycopg
import structlog
from prometheus_client import Counter as Metric
from prometheus_client import Gauge

from api.access.quotas import WINDOW, Quota, QuotaRows, Quotas, Use
from api.observability import counters
from api.observability.background import watched
from registry.ledger.connections import AsyncSession
from registry.ledger.database import connection_parameters

PATIENCE = 3.0  # seconds for one exchange with the database
PAUSE = 0.1  # seconds over which use is collected
AGAIN = 1.0  # seconds before the next attempt after the database failed
FRESH = 2.0  # seconds after which the quotas are read again, used or not
SWEEP = 60.0  # seconds between two deletions of the use of past minutes

ADMITTED = Metric("aeo_quota_requests", "Requests admitted, by the group of the client", ["group"])
WORK = Metric("aeo_quota_work", "Microseconds of work counted, by group of the client", ["group"])
FAILED = Metric("aeo_quota_failures", "Failed attempts to make the use of quotas known")
ALONE = Gauge(
    "aeo_quota_alone",
    "Processes that count the use of quotas by themselves, as the database fails",
    multiprocess_mode="livesum",
)
log = structlog.get_logger("quotas")

_ADD = (
    "insert into access.quota_use as used (account, minute, requests, work)"
    " select * from unnest(%s::text[], %s::bigint[], %s::bigint[], %s::bigint[])"
    " on conflict (account, minute) do update set requests = used.requests + excluded.requests,"
    " work = used.work + excluded.work returning account, minute, requests, work"
)
_SWEEP = "delete from access.quota_use where minute < %s"
_ROWS = "select kind, name, requests, work from access.quota"


class QuotaCounter:
    """Shares the use of `quotas` with the other processes. One a process."""

    def __init__(self, conninfo: str, quotas: Quotas) -> None:
        self.quotas, self._conninfo = quotas, conninfo
        self._connection: psycopg.AsyncConnection[Any] | None = None
        self._wake_up = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._read_at, self._swept_at = -FRESH, monotonic()
        #: Whether this process counts by itself, as the database fails.
        self.alone = False
        quotas.used = self._wake_up.set

    async def start(self) -> None:
        """Reads the quotas and starts the task. Must be called in the event loop."""
        with suppress(psycopg.Error, TimeoutError):
            async with asyncio.timeout(PATIENCE):
                await self._read_rows(await self._connected())
        self._task = watched("quotas", self._run())

    @property
    def alive(self) -> bool:
        """Whether the background task still works."""
        return self._task is not None and not self._task.done()

    async def close(self) -> None:
        """Ends the task. What it did not make known yet is made known, if that is possible."""
        if self._task:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self.settle()
        if self._connection is not None:
            await self._connection.close()

    async def settle(self) -> None:
        """Makes the use known now, and learns that of the others."""
        uses = self.quotas.unsettled()
        try:
            async with asyncio.timeout(PATIENCE):
                await self._exchange(await self._connected(), uses)
        except (psycopg.Error, TimeoutError) as error:
            self.quotas.give_back(uses)
            await self._failed(error)
        else:
            if self.alone:
                self.alone = False
                ALONE.set(0)
                log.info("quotas are counted together again")
            for account, _, requests, work in uses:
                counters.count(ADMITTED.labels(account.group), requests)
                counters.count(WORK.labels(account.group), work)

    async def _run(self) -> None:
        while True:
            # A process that answers nobody reads the quotas all the same: its next request is
            # counted by those that are in force then.
            with suppress(TimeoutError):
                async with asyncio.timeout(FRESH):
                    await self._wake_up.wait()
            await asyncio.sleep(AGAIN if self.alone else PAUSE)
            self._wake_up.clear()
            await self.settle()

    async def _exchange(self, connection: psycopg.AsyncConnection[Any], uses: list[Use]) -> None:
        if monotonic() - self._read_at >= FRESH:
            await self._read_rows(connection)
        if uses:
            await self._add(connection, uses)
        if monotonic() - self._swept_at > SWEEP:
            self._swept_at = monotonic()
            self.quotas.forget()
            last = int(self.quotas.clock()) // WINDOW - 1
            await connection.execute(_SWEEP, [last])

    async def _add(self, connection: psycopg.AsyncConnection[Any], uses: list[Use]) -> None:
        sums: dict[tuple[str, int], list[int]] = {}
        for account, minute, requests, work in uses:
            total = sums.setdefault((account.name, minute), [0, 0])
            total[0] += requests
            total[1] += work
        keys = sorted(sums)  # in one order, so that two processes do not wait for each other
        parameters = [
            [name for name, _ in keys],
            [minute for _, minute in keys],
            [sums[key][0] for key in keys],
            [sums[key][1] for key in keys],
        ]
        cursor = await connection.execute(_ADD, parameters)
        for row in await cursor.fetchall():
            self.quotas.learn(*row)

    async def _read_rows(self, connection: psycopg.AsyncConnection[Any]) -> None:
        cursor = await connection.execute(_ROWS)
        rows: QuotaRows = {
            (kind, name): Quota(requests, work)
            for kind, name, requests, work in await cursor.fetchall()
        }
        self._read_at = monotonic()
        self.quotas.adopt(rows)

    async def _failed(self, error: Exception) -> None:
        counters.count(FAILED)
        if not self.alone:
            self.alone = True
            ALONE.set(1)
            log.warning(
                "quotas are counted by this process alone", why=str(error) or type(error).__name__
            )
        self._wake_up.set()
        if self._connection is not None:
            with suppress(psycopg.Error):
                await self._connection.close()
            self._connection = None

    async def _connected(self) -> psycopg.AsyncConnection[Any]:
        if self._connection is None or self._connection.closed:
            wanted = {
                "role": "aeo_reader",
                "statement_timeout": "2000",
                "synchronous_commit": "off",
            }
            parameters = connection_parameters(
                self._conninfo, wanted, connect_timeout=2, autocommit=True
            )
            self._connection = await AsyncSession.connect(**parameters)
        return self._connection
