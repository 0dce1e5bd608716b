"""Who looked at whose data: kept beside the answers, never in their way, never lost in silence."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
import psycopg
import structlog
from prometheus_client import Counter

from registry.ledger.database import with_settings

CAPACITY = 10_000  # looks that may wait for the database
BATCH = 500
PAUSE = 0.2  # seconds over which looks are gathered
PATIENCE = 2.0  # seconds before a database that failed is tried again

UNKEPT = Counter("aeo_reads_not_in_table", "Looks written to the service's log, not to the table")
log = structlog.get_logger("readlog")


class LoggedQuestion(NamedTuple):
    """A question of recognition: where, and on both clocks, in UTC. `consignment`: what was said
    of it, as a JSON text. `each`: of a batch of questions the instant (RFC 3339) and the
    consignment of each, in place of one for all."""

    territory: str
    law_at: datetime | None
    known_at: datetime
    consignment: str | None = None
    each: Sequence[tuple[str, str | None]] | None = None


#: What a question may say of a consignment.
SAID = ("role", "direction", "hs", "crossing", "mode")


def consignment(said: Mapping[str, str | None]) -> str | None:
    """What is said of a consignment, as a JSON text; None where nothing is."""
    found = {name: text for name in SAID if (text := said.get(name)) is not None}
    return msgspec.json.encode(found).decode() if found else None


class Look(NamedTuple):
    """One look at operators' data. `at` is the instant of the request, in UTC.

    Of a question of recognition also what was asked, and of each operator what was answered:
    `outcomes`, None where the asker did not want to know it. `position`: the read models showed
    everything up to it, at least. `law_ats`, `consignments`: of each operator, where it was asked
    about in a batch of questions: arrays as PostgreSQL has them in text.
    """

    at: datetime
    subject: str
    role: str
    administration: str | None
    purpose: str | None
    operation: str
    tins: list[str]
    request: UUID
    territory: str | None = None
    law_at: datetime | None = None
    known_at: datetime | None = None
    consignment: str | None = None
    outcomes: list[str | None] | None = None
    position: int | None = None
    law_ats: str | None = None
    consignments: str | None = None


def array_text(texts: Sequence[str | None]) -> str:
    """The text of an array in PostgreSQL."""
    if not texts:
        return "{}"
    said = '","'.join(["\0" if text is None else text for text in texts])
    if "\\" in said or said.count('"') != 2 * (len(texts) - 1):
        said = '","'.join(
            "\0" if text is None else text.replace("\\", "\\\\").replace('"', '\\"')
            for text in texts
        )
    return f'{{"{said}"}}'.replace('"\0"', "NULL")


def _row(look: Look) -> Look:
    """As it is written: a thousand TINs are one text, and not a thousand parameters to convert."""
    outcomes: Any = look.outcomes and array_text(look.outcomes)
    tins: Any = array_text(look.tins)
    return look._replace(tins=tins, outcomes=outcomes)


INSERT = (
    f"insert into access.read_log ({', '.join(Look._fields)})"
    f" values ({', '.join(['%s'] * len(Look._fields))})"
)


class ReadLog:
    """Writes looks in batches to `access.read_log`, in a task of its own.

    What the table cannot take (the database is away for long, the process ends, a text that it
    does not hold) goes to the service's log, whole, at level error: there it is not lost either.
    """

    def __init__(self, conninfo: str) -> None:
        self._conninfo = conninfo
        self._waiting: deque[Look] = deque()
        self._some = asyncio.Event()
        self._closing = False
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._run())

    def keep(self, look: Look) -> None:
        """Never waits."""
        if len(self._waiting) >= CAPACITY:
            self._say(look)
        else:
            self._waiting.append(look)
        self._some.set()

    async def close(self) -> None:
        """Writes what is left. What cannot be written now is said in the log."""
        self._closing = True
        self._some.set()
        if self._task:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._task, 2 * PATIENCE)
        while self._waiting:
            self._say(self._waiting.popleft())

    async def _run(self) -> None:
        while not (self._closing and not self._waiting):
            await self._some.wait()
            if not self._closing:
                await asyncio.sleep(PAUSE)
            self._some.clear()
            try:
                await self._write()
            except psycopg.Error as error:
                log.warning("the read log cannot be written", why=str(error))
                if self._closing:
                    return
                self._some.set()
                await asyncio.sleep(PATIENCE)

    async def _write(self) -> None:
        parameters = with_settings(
            psycopg.conninfo.conninfo_to_dict(self._conninfo), role="aeo_reader"
        )
        connection = await psycopg.AsyncConnection.connect(**parameters, connect_timeout=2)
        size = BATCH
        async with connection:
            while self._waiting:
                batch = [self._waiting[n] for n in range(min(size, len(self._waiting)))]
                try:
                    async with connection.cursor() as cursor:
                        await cursor.executemany(INSERT, [_row(look) for look in batch])
                    await connection.commit()
                    size = min(size * 2, BATCH)
                except (psycopg.DataError, psycopg.IntegrityError):
                    # No patience will make the table take it; it shall keep no other out.
                    await connection.rollback()
                    if len(batch) > 1:
                        size = len(batch) // 2
                        continue
                    self._say(batch[0])
                for _ in batch:
                    self._waiting.popleft()

    @staticmethod
    def _say(look: Look) -> None:
        UNKEPT.inc()
        log.error("look not in the table", **{k: str(v) for k, v in look._asdict().items()})
