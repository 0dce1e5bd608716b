"""How far the read models are, whether they can be believed, and those who wait until they show
what they just recorded."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path
from time import monotonic
from typing import Any

import psycopg
import structlog
from psycopg import AsyncConnection

from api.graphql.positions import STATE, State
from api.graphql.seen_positions import SeenEpoch, SeenPositions
from api.observability.background import watched
from projections.checking.findings import CHANNEL as FINDINGS
from projections.engine.projector import CHANNEL
from registry.ledger.connections import AsyncSession
from registry.ledger.database import connection_parameters
from registry.ledger.epochs import BEGIN
from registry.ledger.epochs import CHANNEL as EPOCHS

log = structlog.get_logger("sight")

PATIENCE = 2.0  # seconds; a follower that is further behind than this is not waited for
PAUSE = 0.5  # seconds between two attempts to reach the database
KEEP = 5.0  # seconds between two writings of how far the ledger was seen
BEGINNING = 5.0  # seconds that a start waits for the first look

#: The epoch and how far the read models are, and the last position of the ledger.
_LOOK = f"select {STATE}, (select coalesce(max(position), 0) from ledger.event)"
#: A row that was found wrong and could not be put right; the one that was found first.
_UNMENDED = (
    "select min(relation), count(*) from checks.finding where mended_at is null and noun <> ''"
)
_COMMAND = "select command_id::text from ledger.event where position = %s"


class ReadModelPosition:
    """Listens to whoever writes the read models. One a process.

    Who reads after writing waits for the very moment, and nothing is asked in between. While the
    database cannot be reached, nothing is known to be new and those who wait are told so. On every
    new connection it is looked whether the ledger is still the one that was seen
    (api/graphql/seen_positions.py); where it is not, another epoch of it is begun.
    """

    def __init__(self, conninfo: str, home: Path) -> None:
        self._conninfo = conninfo
        self._waiting: list[tuple[int, asyncio.Future[None]]] = []
        self._task: asyncio.Task[None] | None = None
        self._looked = asyncio.Event()
        self._memory = SeenPositions(home)
        self._kept = self._began = 0.0
        self.position = 0
        #: The ledger's; empty before the database was first looked at.
        self.epoch = ""
        #: Why the read models cannot be believed, in words; None where they can.
        self.unmended: str | None = None

    async def start(self) -> None:
        """Looks at the database, and goes on without where it does not answer in a while."""
        self._task = watched("sight", self._run())
        with suppress(TimeoutError):
            await asyncio.wait_for(self._looked.wait(), BEGINNING)

    @property
    def alive(self) -> bool:
        """Whether the background task still watches."""
        return self._task is not None and not self._task.done()

    async def close(self) -> None:
        if self._task:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
            self._memory.keep(self.epoch)

    async def reached(self, position: int, seconds: float = PATIENCE) -> bool:
        """Do the read models show everything up to this position? Waits for it, so long at most.

        As far as this process knows: a database that went back, or another one behind the same
        address, is found by who answers (api/graphql/positions.py).
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

    def doubt(self, found: int) -> None:
        """An answer came from read models that are at `found`. Where this process has seen more,
        it looks again, on a new connection: the old one may be to a server that nobody else uses
        any more."""
        if found < self.position and monotonic() - self._began > PAUSE and self._task:
            self._task.cancel()
            self._task = watched("sight", self._run())

    async def _run(self) -> None:
        while True:
            self._began = monotonic()
            try:
                await self._listen()
            except psycopg.Error as error:
                log.warning("cannot see how far the read models are", why=str(error))
            except Exception:  # a fault of ours must not end the watching
                log.exception("cannot see how far the read models are")
            await asyncio.sleep(PAUSE)

    async def _listen(self) -> None:
        parameters = connection_parameters(
            self._conninfo,
            {"role": "aeo_auditor", "default_transaction_read_only": "on"},
            autocommit=True,
            connect_timeout=5,
        )
        connection = await AsyncSession.connect(**parameters)
        async with connection:
            while await _only_reads(connection):  # a copy takes no LISTEN
                await self._look(connection)
                await self._believe(connection)
                await asyncio.sleep(PAUSE)
            await connection.execute(f"listen {CHANNEL}")
            await connection.execute(f"listen {EPOCHS}")
            await connection.execute(f"listen {FINDINGS}")
            await self._look(connection)
            await self._believe(connection)
            while True:
                notices = connection.notifies(timeout=KEEP, stop_after=1)
                told = [notice async for notice in notices]
                for notice in told:
                    if notice.channel == CHANNEL:
                        self._moved(int(notice.payload))
                if any(notice.channel == EPOCHS for notice in told):
                    await self._look(connection)
                if not told or any(notice.channel == FINDINGS for notice in told):
                    await self._believe(connection)
                if self.position and monotonic() - self._kept > KEEP:
                    await self._keep(connection)

    async def _look(self, connection: AsyncConnection[Any]) -> None:
        """Which ledger is it, and how far. It may be further back than the last that was seen."""
        remembered = self._memory.all()  # first: another process may see more meanwhile
        row = await (await connection.execute(_LOOK.encode())).fetchone()
        assert row is not None
        state, head = State.read(row[0]), int(row[1])
        seen = remembered.get(state.epoch, SeenEpoch())
        wrong = seen.why_not(head, await _command(connection, seen.of) if seen.of else None)
        epoch = state.epoch
        if wrong and not await _only_reads(connection):  # a copy is behind, and says so
            epoch = await _begin_epoch(connection, epoch, wrong)
        self.position, self.epoch = state.position, epoch
        self._looked.set()
        self._moved(state.position)

    async def _believe(self, connection: AsyncConnection[Any]) -> None:
        """Is there a row that the background check found wrong and could not put right?"""
        row = await (await connection.execute(_UNMENDED)).fetchone()
        relation, count = row or (None, 0)
        why = f"{count:,} subjects in {relation} and elsewhere" if count > 1 else f"in {relation}"
        found = f"rows were found that are not what the events say ({why})" if count else None
        if found != self.unmended:
            self.unmended = found
            log.error("no question is answered", why=found) if found else log.info("answers again")

    async def _keep(self, connection: AsyncConnection[Any]) -> None:
        self._kept, position = monotonic(), self.position
        command = await _command(connection, position)
        self._memory.keep(self.epoch, position, command or "")

    def _moved(self, position: int) -> None:
        self.position = max(self.position, position)
        if self.epoch:
            self._memory.saw(self.epoch, self.position)
        for wanted, waiter in self._waiting:
            if wanted <= self.position and not waiter.done():
                waiter.set_result(None)


async def _begin_epoch(connection: AsyncConnection[Any], known: str, why: str) -> str:
    """Answers the epoch that then is: another process may have been faster. On this very session,
    for another connection may lead to another server. Where none can be begun, it is logged, and
    the epoch stays."""
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
    """Is the database a copy that follows another one?"""
    row = await (await connection.execute("select pg_is_in_recovery()")).fetchone()
    return bool(row and row[0])


async def _command(connection: AsyncConnection[Any], position: int) -> str | None:
    """The id of the command that recorded the event there."""
    row = await (await connection.execute(_COMMAND, [position])).fetchone()
    return str(row[0]) if row else None
