"""The read log: which subject read the data of which operators, and what it was answered.

Entries are written in batches beside the answers, so that no answer waits for them, and none is
lost silently.
"""

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

from api.access.partner_readings import EVERY, PartnerReadings, ReadingWay
from api.access.policy import Subject
from api.observability.background import watched
from registry.ledger.connections import AsyncSession
from registry.ledger.database import connection_parameters

CAPACITY = 10_000  # entries that may wait for the database
BATCH = 500  # entries in one statement
PAUSE = 0.2  # seconds over which entries are collected into a batch
PATIENCE = 2.0  # seconds before the next attempt after the database failed

UNKEPT = Counter("aeo_reads_not_in_table", "Looks written to the service's log, not to the table")
log = structlog.get_logger("read log")


class LoggedQuestion(NamedTuple):
    """A recognition question as the read log stores it.

    `law_at`: valid time, `known_at`: transaction time, both UTC. `consignment`: the consignment's
    details as JSON text. `each`: for a batch of questions, the instant (RFC 3339) and the
    consignment of each, in place of one for all.
    """

    territory: str
    law_at: datetime | None
    known_at: datetime
    consignment: str | None = None
    each: Sequence[tuple[str, str | None]] | None = None


#: The fields of a consignment that a question may give.
CONSIGNMENT_FIELDS = ("role", "direction", "hs", "crossing", "mode")


def consignment(given: Mapping[str, str | None]) -> str | None:
    """Returns the consignment's details as JSON text; None where none are given."""
    found = {name: text for name in CONSIGNMENT_FIELDS if (text := given.get(name)) is not None}
    return msgspec.json.encode(found).decode() if found else None


class ReadLogEntry(NamedTuple):
    """One read-log entry: one subject read data of some operators. `at`: the instant of the
    request, UTC.

    A recognition question is stored with its parameters and with the outcome for each operator:
    `outcomes`, None where the subject did not select it. `position`: the read models showed
    everything up to it, at least. `law_ats`, `consignments`: for a batch of questions, the valid
    time and the consignment of each operator, as PostgreSQL array texts. `agent`: who acted for the
    subject, a client or a person, as an opaque id.
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
    agent: str | None = None


def array_text(texts: Sequence[str | None]) -> str:
    """Returns the text of a PostgreSQL array."""
    if not texts:
        return "{}"
    joined = '","'.join(["\0" if text is None else text for text in texts])
    if "\\" in joined or joined.count('"') != 2 * (len(texts) - 1):
        joined = '","'.join(
            "\0" if text is None else text.replace("\\", "\\\\").replace('"', '\\"')
            for text in texts
        )
    return f'{{"{joined}"}}'.replace('"\0"', "NULL")


def words_text(texts: Sequence[str | None]) -> str:
    """Returns the text of a PostgreSQL array whose elements need no quotes, which is faster to
    write and parse."""
    if "NULL" in texts:  # a TIN of Niue (NU) can be NULL
        return array_text(texts)
    return f"{{{','.join([text or 'NULL' for text in texts])}}}"


def stored(entry: ReadLogEntry) -> ReadLogEntry:
    """Returns the entry as it is written: TINs and outcomes become one text each, because
    converting a thousand parameters is slow."""
    outcomes: Any = entry.outcomes and array_text(entry.outcomes)
    tins: Any = array_text(entry.tins)
    return entry._replace(tins=tins, outcomes=outcomes)


INSERT = (
    f"insert into access.read_log ({', '.join(ReadLogEntry._fields)})"
    f" values ({', '.join(['%s'] * len(ReadLogEntry._fields))})"
)


class ReadLog:
    """Writes entries in batches to `access.read_log`, in a task of its own.

    Entries that the table cannot take (the database is away for long, the process ends, a text that
    it cannot store) are written to the service's log instead, whole, at level error.
    """

    def __init__(self, conninfo: str) -> None:
        self._conninfo = conninfo
        self._waiting: deque[ReadLogEntry] = deque()
        self._wake_up = asyncio.Event()
        self._closing = False
        self._task: asyncio.Task[None] | None = None
        self._readings = PartnerReadings()

    def start(self) -> None:
        """Starts the task that writes the waiting entries. Must be called in the event loop."""
        self._task = watched("read log", self._run())

    @property
    def alive(self) -> bool:
        """Whether the background task still writes."""
        return self._task is not None and not self._task.done()

    def keep(self, entry: ReadLogEntry) -> None:
        """Queues an entry. Never waits."""
        if len(self._waiting) >= CAPACITY:
            self._write_to_service_log(entry)
        else:
            self._waiting.append(entry)
        self._wake_up.set()

    def reached(self, subject: Subject, way: ReadingWay, position: int) -> None:
        """Notes how far a partner has read this register. Never waits."""
        self._readings.note(subject, way, position)
        self._wake_up.set()

    async def close(self) -> None:
        """Writes the queued entries. Those that cannot be written go to the service's log."""
        self._closing = True
        self._wake_up.set()
        if self._task:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._task, 2 * PATIENCE)
        while self._waiting:
            self._write_to_service_log(self._waiting.popleft())

    async def _run(self) -> None:
        while not (self._closing and not (self._waiting or self._readings.waiting)):
            with suppress(TimeoutError):
                await asyncio.wait_for(
                    self._wake_up.wait(), EVERY if self._readings.waiting else None
                )
            if not self._closing:
                await asyncio.sleep(PAUSE)
            self._wake_up.clear()
            if not (self._waiting or self._readings.due or self._closing):
                continue
            try:
                await self._write()
            except Exception as error:
                if isinstance(error, psycopg.Error):
                    log.warning("the read log cannot be written", why=str(error))
                else:  # a fault of ours must not end the writing
                    log.exception("the read log cannot be written")
                if self._closing:
                    return
                self._wake_up.set()
                await asyncio.sleep(PATIENCE)

    async def _write(self) -> None:
        parameters = connection_parameters(
            self._conninfo, {"role": "aeo_reader"}, connect_timeout=2
        )
        connection = await AsyncSession.connect(**parameters)
        size = BATCH
        async with connection:
            while self._waiting:
                batch = [self._waiting[n] for n in range(min(size, len(self._waiting)))]
                try:
                    async with connection.cursor() as cursor:
                        await cursor.executemany(INSERT, [stored(entry) for entry in batch])
                    await connection.commit()
                    size = min(size * 2, BATCH)
                except (psycopg.DataError, psycopg.IntegrityError):
                    # Repeating does not help: halve the batch until the bad entry is alone.
                    await connection.rollback()
                    if len(batch) > 1:
                        size = len(batch) // 2
                        continue
                    self._write_to_service_log(batch[0])
                for _ in batch:
                    self._waiting.popleft()
            if self._readings.due or (self._closing and self._readings.waiting):
                await self._readings.write(connection)

    @staticmethod
    def _write_to_service_log(entry: ReadLogEntry) -> None:
        UNKEPT.inc()
        log.error("look not in the table", **{k: str(v) for k, v in entry._asdict().items()})
