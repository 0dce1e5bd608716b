"""The minimum position that a client requires of an answer, and the connections that check it.

The header `Aeo-Min-Position: N`, or `EPOCH:N`, requires read models that show everything up to
position N, of that epoch of the ledger (registry/ledger/epochs.py). A planned query reads both in
the statement that answers. Every other query checks each connection that it uses first: a session
stays on one server, whose read models never go back during the session, so everything read
afterwards is at least as new.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

import psycopg
from psycopg import AsyncConnection

from api.graphql.errors import Unanswered, bad_input
from api.graphql.scalars import parse_position
from projections.reads.row_security import SERVICE, begin
from projections.reads.visibility import VisibilityScope
from registry.domain.bitemporal import ALWAYS
from registry.domain.sentences import Sentence
from registry.ledger.epochs import COMMON, CURRENT

HEADER = "aeo-min-position"

#: SQL: the epoch of the ledger and the position of the read models, "3f2a9c01be77:1024". A
#: projector that has stopped is left out: /readyz reports it, and a client does not wait for its
#: repair.
STATE = (
    f"(select {CURRENT} || ':' || coalesce(min(position), 0) from views.tracking"
    " where stopped_at is null)"
)
_EPOCH = re.compile(r"[0-9a-f]{12}", re.ASCII)

Connection = AsyncConnection[tuple[Any, ...]]


class NotThere(Exception):
    """The database that answers has not reached the position, or is in another epoch."""


class Behind(NotThere):
    """The read models show less. `found`: the position up to which they show everything."""

    def __init__(self, found: int) -> None:
        super().__init__(f"the read models are at {found}")
        self.found = found


class OtherEpoch(NotThere):
    """The ledger is in another epoch, `current`."""

    def __init__(self, asked: str, current: str) -> None:
        super().__init__(f"asked for epoch {asked}, and the ledger is in {current}")
        self.asked, self.current = asked, current


def parse_epoch(text: str) -> str:
    """An epoch: 12 lower-case hexadecimal digits. Raises ValueError."""
    if not _EPOCH.fullmatch(text):
        raise ValueError(
            Sentence(
                "%(found)s is not an epoch: 12 hexadecimal digits in small letters",
                found=repr(text[:40]),
            )
        )
    return text


@dataclass(frozen=True, slots=True)
class State:
    """The epoch of a database's ledger, and the position of its read models."""

    epoch: str
    position: int

    @classmethod
    def read(cls, text: str) -> State:
        """Parses the result of STATE."""
        epoch, _, position = text.partition(":")
        return cls(epoch, int(position))


@dataclass(slots=True)
class MinPosition:
    """What an answer must not be older than. Without an `epoch`, only the position is compared.

    `checked`: a database of this request was found new enough; a query that reads nothing checks
    none.
    """

    position: int
    epoch: str | None = None
    checked: bool = field(default=False, compare=False)

    @classmethod
    def parse(cls, text: str) -> MinPosition:
        """Parses `N` or `EPOCH:N`. Raises ValueError."""
        epoch, colon, number = text.rpartition(":")
        position = parse_position(int(number) if number.isdecimal() else number)
        return cls(position, parse_epoch(epoch) if colon else None)

    def check(self, text: str) -> None:
        """`text`: the result of STATE. Raises OtherEpoch and Behind."""
        state = State.read(text)
        if self.epoch is not None and self.epoch != state.epoch:
            raise OtherEpoch(self.epoch, state.epoch)
        if state.position < self.position:
            raise Behind(state.position)
        self.checked = True


class ConnectionPool(Protocol):
    """A pool of connections, as far as readers use it."""

    def connection(self) -> AbstractAsyncContextManager[Connection]:
        """Returns a context manager that lends a connection."""

    async def check(self) -> None:
        """Tests the idle connections, and replaces the dead ones."""


class SubjectPool:
    """A pool whose connections read the operators' data of one subject.

    Each connection is lent in a transaction that states the subject (projections/reads/
    row_security.py). `now`: the instant of the request.
    """

    def __init__(self, pool: ConnectionPool, scope: VisibilityScope, now: datetime) -> None:
        self._pool, self._scope, self._now = pool, scope, now

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """Lends a connection in a transaction that only reads. Raises psycopg.Error."""
        async with self._pool.connection() as connection:
            await connection.execute(begin(self._scope, self._now))
            try:
                yield connection
            except BaseException:
                with suppress(psycopg.Error):
                    await connection.rollback()
                raise
            await connection.commit()

    async def check(self) -> None:
        """Checks the idle connections of the pool."""
        await self._pool.check()


def whole(pool: ConnectionPool) -> SubjectPool:
    """The same pool; its connections see every operator."""
    return SubjectPool(pool, SERVICE, ALWAYS)


class CheckedPool:
    """A pool whose connections are checked when they are taken.

    Raises NotThere for a connection to a database that is older than `least`, or in another epoch.
    """

    def __init__(self, pool: ConnectionPool, least: MinPosition) -> None:
        self._pool, self._least = pool, least

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """Lends a connection that shows at least the required position. Raises what
        `MinPosition.check` raises."""
        async with self._pool.connection() as connection:
            self._least.check(await state(connection))
            yield connection

    async def check(self) -> None:
        """Checks the idle connections of the pool."""
        await self._pool.check()


async def state(connection: Connection) -> str:
    """The result of STATE on this connection."""
    row = await (await connection.execute(f"select {STATE}".encode())).fetchone()
    assert row is not None
    return str(row[0])


@asynccontextmanager
async def of_epoch(pool: ConnectionPool, epoch: str | None) -> AsyncIterator[Connection]:
    """A connection to a ledger in this epoch, or in any epoch where it is None.

    Raises Unanswered: EPOCH for another epoch, BAD_INPUT for an invalid one.
    """
    if epoch is None:
        async with pool.connection() as connection:
            yield connection
        return
    try:
        least = MinPosition(0, parse_epoch(epoch))
    except ValueError as error:
        raise bad_input("epoch: %(error)s", error=error) from None
    async with AsyncExitStack() as stack:
        try:
            connection = await stack.enter_async_context(CheckedPool(pool, least).connection())
        except OtherEpoch as error:
            raise Unanswered("EPOCH", await other_epoch(pool, error)) from None
        yield connection


async def other_epoch(pool: ConnectionPool, error: OtherEpoch) -> str:
    """The message for a position of another epoch: what was found, and up to where both are the
    same."""
    async with pool.connection() as connection:
        row = await (await connection.execute(COMMON.encode(), [error.asked])).fetchone()
    if row is None:
        return Sentence(
            "found a position of epoch %(found)s, and this ledger is in epoch %(current)s; it knows"
            " nothing of the other: begin again from position 0",
            found=error.asked,
            current=error.current,
        )
    return Sentence(
        "found a position of epoch %(found)s, and this ledger is in epoch %(current)s, which has"
        " the same events up to position %(position)s and others, or none, after it: the ledger was"
        " restored from a copy. What was read or recorded after that position has to be read, or"
        " sent with the same command ids, again",
        found=error.asked,
        current=error.current,
        position=row[0],
    )
