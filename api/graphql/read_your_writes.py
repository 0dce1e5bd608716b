"""Follows the position of the read models, for clients that read what they just wrote.

It also follows whether the background check found rows that differ from the events.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from time import monotonic
from typing import Any

import psycopg
import structlog
from psycopg import AsyncConnection

from api.access.sessions import CHANNEL as SESSIONS
from api.graphql.positions import STATE, State
from api.graphql.seen_positions import SeenEpoch, SeenPositions
from api.observability.background import watched
from projections.checking.findings import CHANNEL as FINDINGS
from projections.engine.read_your_writes import CHANNEL
from projections.reads.log import SIGNED
from registry.ledger.connections import AsyncSession
from registry.ledger.database import connection_parameters
from registry.ledger.epochs import BEGIN
from registry.ledger.epochs import CHANNEL as EPOCHS

log = structlog.get_logger("read model position")

MOST_WAIT = 2.0  # Seconds; a projector that is further behind is not waited for.
RETRY_PAUSE = 0.5  # Seconds between two attempts to connect to the database.
SAVE_INTERVAL = 5.0  # Seconds between two writes of the position seen to the home folder.
START_WAIT = 5.0  # Seconds that a start waits for the first read.

#: The epoch and the position of the read models, and the last position of the ledger.
_STATE_AND_HEAD = f"select {STATE}, (select coalesce(max(position), 0) from ledger.event)"
#: Rows that were found wrong and could not be repaired; the first relation, and how many.
_UNREPAIRED = (
    "select min(relation), count(*) from checks.finding where mended_at is null and noun <> ''"
)
_COMMAND = "select command_id::text from ledger.event where position = %s"


class ReadModelPosition:
    """The position of the read models, as one process knows it from notifications (LISTEN).

    A client that reads after writing waits for the notification, without polling. While the
    database cannot be reached, the position does not advance and waiting clients are told so. Each
    new connection checks that the ledger is the one seen before (api/graphql/seen_positions.py); if
    it is not, a new epoch is started.
    """

    def __init__(self, conninfo: str, home: Path) -> None:
        self._conninfo = conninfo
        self._waiting: list[tuple[int, asyncio.Future[None]]] = []
        self._news: asyncio.Future[None] | None = None
        self._task: asyncio.Task[None] | None = None
        self._first_read = asyncio.Event()
        self._seen_positions = SeenPositions(home)
        self._saved_at = self._began_at = 0.0
        self.position = 0
        #: The epoch of the ledger; empty before the first read.
        self.epoch = ""
        #: Called when sessions were ended, by whichever process.
        self.sessions_ended: Callable[[], object] = lambda: None
        #: Why the read models cannot be trusted; None where they can.
        self.unmended: str | None = None

    async def start(self) -> None:
        """Connects to the database; goes on without it after START_WAIT seconds."""
        self._task = watched("read model position", self._run())
        with suppress(TimeoutError):
            await asyncio.wait_for(self._first_read.wait(), START_WAIT)

    @property
    def alive(self) -> bool:
        """Whether the background task still watches."""
        return self._task is not None and not self._task.done()

    async def close(self) -> None:
        """Ends the task, and saves the position reached for the next start."""
        if self._task:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
            self._seen_positions.keep(self.epoch)

    async def reached(self, position: int, seconds: float = MOST_WAIT) -> bool:
        """True once the read models show everything up to this position; waits for `seconds` at
        most.

        It holds as far as this process knows: a database that went back, or another one behind the
        same address, is found by the query itself (api/graphql/positions.py).
        """
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

    def news(self) -> asyncio.Future[None]:
        """A future that is done when the read models move or the log is signed. It is shared: wait
        for it with `asyncio.wait`, which does not cancel it."""
        if self._news is None or self._news.done():
            self._news = asyncio.get_running_loop().create_future()
        return self._news

    @property
    def awaited(self) -> bool:
        """Whether somebody waits for news."""
        return self._news is not None and not self._news.done()

    def doubt(self, found: int) -> None:
        """Reconnects after an answer from read models at `found`, behind what this process has
        seen: its connection may lead to a server that is no longer in use."""
        if found < self.position and monotonic() - self._began_at > RETRY_PAUSE and self._task:
            self._task.cancel()
            self._task = watched("read model position", self._run())

    async def _run(self) -> None:
        while True:
            self._began_at = monotonic()
            try:
                await self._listen()
            except psycopg.Error as error:
                log.warning("cannot see how far the read models are", why=str(error))
            except Exception:  # An internal error must not end this task.
                log.exception("cannot see how far the read models are")
            await asyncio.sleep(RETRY_PAUSE)

    async def _listen(self) -> None:
        parameters = connection_parameters(
            self._conninfo,
            {"role": "aeo_auditor", "default_transaction_read_only": "on"},
            autocommit=True,
            connect_timeout=5,
        )
        connection = await AsyncSession.connect(**parameters)
        async with connection:
            while await _only_reads(connection):  # A replica does not accept LISTEN.
                await self._read_state(connection)
                await self._read_findings(connection)
                await asyncio.sleep(RETRY_PAUSE)
            await connection.execute(f"listen {CHANNEL}")
            await connection.execute(f"listen {EPOCHS}")
            await connection.execute(f"listen {FINDINGS}")
            await connection.execute(f"listen {SIGNED}")
            await connection.execute(f"listen {SESSIONS}")
            await self._read_state(connection)
            await self._read_findings(connection)
            while True:
                notices = connection.notifies(timeout=SAVE_INTERVAL, stop_after=1)
                received = [notice async for notice in notices]
                for notice in received:
                    if notice.channel == CHANNEL:
                        self._advance(int(notice.payload))
                if received and self._news is not None and self.awaited:
                    self._news.set_result(None)
                if any(notice.channel == SESSIONS for notice in received):
                    self.sessions_ended()
                if any(notice.channel == EPOCHS for notice in received):
                    await self._read_state(connection)
                if not received or any(notice.channel == FINDINGS for notice in received):
                    await self._read_findings(connection)
                if self.position and monotonic() - self._saved_at > SAVE_INTERVAL:
                    await self._save(connection)

    async def _read_state(self, connection: AsyncConnection[Any]) -> None:
        """Reads the epoch and the positions. The ledger may be further back than what was seen
        before."""
        # Read first: another process may see more meanwhile.
        remembered = self._seen_positions.all()
        row = await (await connection.execute(_STATE_AND_HEAD.encode())).fetchone()
        assert row is not None
        state, head = State.read(row[0]), int(row[1])
        seen = remembered.get(state.epoch, SeenEpoch())
        mismatch = seen.why_not(head, await _command(connection, seen.of) if seen.of else None)
        epoch = state.epoch
        # A replica may be behind; it reports that itself.
        if mismatch and not await _only_reads(connection):
            epoch = await _begin_epoch(connection, epoch, mismatch)
        self.position, self.epoch = state.position, epoch
        self._first_read.set()
        self._advance(state.position)

    async def _read_findings(self, connection: AsyncConnection[Any]) -> None:
        """Reads whether the background check found a row that it could not repair."""
        row = await (await connection.execute(_UNREPAIRED)).fetchone()
        relation, count = row or (None, 0)
        why = f"{count:,} subjects in {relation} and elsewhere" if count > 1 else f"in {relation}"
        found = f"rows were found that are not what the events say ({why})" if count else None
        if found != self.unmended:
            self.unmended = found
            log.error("no question is answered", why=found) if found else log.info("answers again")

    async def _save(self, connection: AsyncConnection[Any]) -> None:
        self._saved_at, position = monotonic(), self.position
        command = await _command(connection, position)
        self._seen_positions.keep(self.epoch, position, command or "")

    def _advance(self, position: int) -> None:
        self.position = max(self.position, position)
        if self.epoch:
            self._seen_positions.saw(self.epoch, self.position)
        for wanted, waiter in self._waiting:
            if wanted <= self.position and not waiter.done():
                waiter.set_result(None)


async def _begin_epoch(connection: AsyncConnection[Any], known: str, why: str) -> str:
    """Starts a new epoch and returns the one in effect: another process may have been faster.

    It uses this very session, because another connection may lead to another server. Where no epoch
    can be started, that is logged and the epoch stays.
    """
    try:
        async with connection.transaction():
            await connection.execute("set transaction read write")
            await connection.execute("set local role aeo_writer")
            row = await (await connection.execute(BEGIN.encode(), [known, why])).fetchone()
    except psycopg.Error as error:
        log.error("the ledger went back, and no epoch can be begun", why=why, error=str(error))
        return known
    assert row is not None
    log.error("the ledger went back", epoch_before=known, epoch=row[1], why=why)
    return str(row[1])


async def _only_reads(connection: AsyncConnection[Any]) -> bool:
    """True where the database is a replica."""
    row = await (await connection.execute("select pg_is_in_recovery()")).fetchone()
    return bool(row and row[0])


async def _command(connection: AsyncConnection[Any], position: int) -> str | None:
    """The id of the command that recorded the event there."""
    row = await (await connection.execute(_COMMAND, [position])).fetchone()
    return str(row[0]) if row else None
