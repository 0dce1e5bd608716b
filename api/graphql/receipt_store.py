"""Stores receipts before they are given out.

Receipts that are asked for at the same time, and those that come while the statement before runs,
are stored by one statement with one commit (group commit). The statements bypass psycopg's cursors
(api/graphql/pipelined_connection.py), on a database session of the store's own, because the pools
of the service cannot write.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import psycopg

from api.graphql.pipelined_connection import PipelinedConnection, cell
from registry.ledger.connections import AsyncSession
from registry.ledger.database import connection_parameters

#: The receipts of several requests: what those of one question share is sent once.
_INSERT = """
with requests as (
    select * from unnest($1::timestamptz[], $2::text[], $3::text[], $4::uuid[], $5::text[],
        $6::text[], $7::timestamptz[], $8::timestamptz[], $9::jsonb[], $10::uuid[], $11::text[])
        with ordinality as r (at, subject, administration, request, purpose, territory, law_at,
            known_at, consignment, batch, statement, number)),
batches as (
    insert into access.receipt_batch (id, jwt)
    select batch, statement from requests where statement is not null)
insert into access.receipt (id, at, subject, administration, request, purpose, tin, territory,
    law_at, known_at, consignment, outcome, position, jwt, batch)
select a.id, r.at, r.subject, r.administration, r.request, r.purpose, a.tin, r.territory, r.law_at,
    r.known_at, r.consignment, a.outcome, a.position, a.jwt, r.batch
from unnest($12::bigint[], $13::uuid[], $14::text[], $15::text[], $16::bigint[], $17::text[])
    with ordinality as a (number, id, tin, outcome, position, jwt, place)
join requests r on r.number = a.number
order by a.place
on conflict do nothing"""
#: Receipts that are each signed themselves, as nearly all are: one of them, and several.
_COLUMNS = """at, subject, administration, request, purpose, territory, law_at, known_at,
    consignment, id, tin, outcome, position, jwt"""
_INSERT_ONE = f"""
insert into access.receipt ({_COLUMNS})
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
on conflict do nothing"""
_INSERT_SINGLES = f"""
insert into access.receipt ({_COLUMNS})
select * from unnest($1::timestamptz[], $2::text[], $3::text[], $4::uuid[], $5::text[], $6::text[],
    $7::timestamptz[], $8::timestamptz[], $9::jsonb[], $10::uuid[], $11::text[], $12::text[],
    $13::bigint[], $14::text[])
on conflict do nothing"""


@dataclass(frozen=True)
class ReceiptRows:
    """What is stored of the receipts of one question of a request.

    `shared`: at, subject, administration, request, purpose, territory, law_at, known_at,
    consignment. `answers`: of each receipt its id, tin, outcome, position, jwt. `batch`: the id of
    the statement that is signed for many answers, and `statement` its text, with the first of its
    questions alone; None where the one receipt is signed itself.
    """

    shared: tuple[Any, ...]
    answers: Sequence[tuple[Any, ...]]
    batch: UUID | None
    statement: str | None


_Waiting = tuple[Sequence[ReceiptRows], "asyncio.Future[None]"]


class _Sessions:
    """Database sessions of the role that may insert receipts, as PipelinedConnection takes them."""

    def __init__(self, database: str) -> None:
        self._database = database

    async def getconn(self) -> AsyncSession[Any]:
        """A new session. Raises psycopg.OperationalError."""
        parameters = connection_parameters(
            self._database,
            {"role": "aeo_reader", "timezone": "UTC"},
            autocommit=True,
            application_name="aeo receipts",
        )
        return await AsyncSession.connect(**parameters)

    async def putconn(self, connection: AsyncSession[Any]) -> None:
        """Nothing: a session that was lost is closed already."""


class ReceiptStore:
    """The receipts of one process."""

    def __init__(self, database: str) -> None:
        self._connection = PipelinedConnection(_Sessions(database))
        self._connecting: asyncio.Task[None] | None = None
        self._waiting: list[_Waiting] = []
        #: Those of a statement that failed: each is stored by a statement of its own.
        self._alone: list[_Waiting] = []
        self._scheduled = False

    async def add(self, rows: Sequence[ReceiptRows]) -> None:
        """Stores the receipts of a request. They are durable when this returns.

        Raises psycopg.Error.
        """
        loop = asyncio.get_running_loop()
        stored: asyncio.Future[None] = loop.create_future()
        self._waiting.append((rows, stored))
        if not self._scheduled:  # Those of one turn of the event loop share the statement.
            self._scheduled = True
            loop.call_soon(self._wake)
        await stored

    async def close(self) -> None:
        """Fails what waits, and closes the session."""
        if self._connecting:
            self._connecting.cancel()
        self._fail(psycopg.OperationalError("stopping"))
        await self._connection.close()

    def _wake(self) -> None:
        self._scheduled = False
        if not (self._waiting or self._alone):
            return
        if self._connection.idle:
            batch = [self._alone.pop()] if self._alone else self._waiting
            if batch is self._waiting:
                self._waiting = []
            self._send(batch)
        elif not self._connection.open and self._connecting is None:
            self._connecting = asyncio.create_task(self._connect())

    async def _connect(self) -> None:
        try:
            await self._connection.connect()
        except psycopg.Error as error:
            self._fail(error)
        finally:
            self._connecting = None
        self._wake()

    def _fail(self, error: Exception) -> None:
        waiting, self._waiting, self._alone = [*self._alone, *self._waiting], [], []
        for _, stored in waiting:
            _settle(stored, error)

    def _send(self, batch: list[_Waiting]) -> None:
        def on_result(result: list[bytes] | Exception) -> None:
            lost = isinstance(result, psycopg.OperationalError)
            if isinstance(result, Exception) and len(batch) > 1 and not lost:
                self._alone += batch  # One of them failed the others.
            else:
                for _, stored in batch:
                    _settle(stored, result if isinstance(result, Exception) else None)
            self._wake()

        sql, parameters = _statement([each for rows, _ in batch for each in rows])
        self._connection.send(sql, parameters, on_result)


def _settle(stored: asyncio.Future[None], error: Exception | None) -> None:
    if stored.done():  # its request was cancelled
        return
    if error is None:
        stored.set_result(None)
    else:
        stored.set_exception(error)


def _statement(batch: Sequence[ReceiptRows]) -> tuple[str, Sequence[bytes | None]]:
    if any(rows.batch for rows in batch):
        shared = [(*rows.shared, rows.batch, rows.statement) for rows in batch]
        answers = [
            (number, *answer) for number, rows in enumerate(batch, 1) for answer in rows.answers
        ]
        return _INSERT, [*_arrays(shared), *_arrays(answers)]
    singles = [(*rows.shared, *answer) for rows in batch for answer in rows.answers]
    if len(singles) > 1:
        return _INSERT_SINGLES, _arrays(singles)
    [one] = singles
    return _INSERT_ONE, [None if value is None else str(value).encode() for value in one]


def _arrays(rows: Sequence[tuple[Any, ...]]) -> list[bytes]:
    """Each column as an array in PostgreSQL's text format."""
    columns = zip(*rows, strict=True)
    return [b"{" + b",".join([cell(value) for value in column]) + b"}" for column in columns]
