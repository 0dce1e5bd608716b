"""The position that an answer must not be older than, and the connections on which that is checked.

`Aeo-Min-Position: N`, or `EPOCH:N`, asks for an answer from read models that show everything up to
position N, of that epoch of the ledger (registry/ledger/epochs.py). Planned questions read both in
the statement that answers. Other questions read them first on every connection that they use: a
session is on one server, whose read models never go back while the session lasts, so that
everything that is read on it afterwards is at least as new.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol

from psycopg import AsyncConnection

from api.graphql.errors import Unanswered, bad_input
from api.graphql.scalars import parse_position
from registry.ledger.epochs import COMMON, CURRENT

HEADER = "aeo-min-position"

#: An expression: the epoch of the ledger and how far the read models are, "3f2a9c01be77:1024". A
#: projection that stands still is told of by /readyz; nobody's own write waits for its cure.
STATE = (
    f"(select {CURRENT} || ':' || coalesce(min(position), 0) from views.tracking"
    " where stopped_at is null)"
)
_EPOCH = re.compile(r"[0-9a-f]{12}", re.ASCII)

Connection = AsyncConnection[tuple[Any, ...]]


class NotThere(Exception):
    """The database that answers is not where the asker wants it to be."""


class Behind(NotThere):
    """Its read models show less. `found`: the position up to which they show everything."""

    def __init__(self, found: int) -> None:
        super().__init__(f"the read models are at {found}")
        self.found = found


class OtherEpoch(NotThere):
    """Its ledger is in another epoch, `current`."""

    def __init__(self, asked: str, current: str) -> None:
        super().__init__(f"asked for epoch {asked}, and the ledger is in {current}")
        self.asked, self.current = asked, current


def parse_epoch(text: str) -> str:
    """Raises ValueError."""
    if not _EPOCH.fullmatch(text):
        raise ValueError(f"{text[:40]!r} is not an epoch: 12 hexadecimal digits in small letters")
    return text


@dataclass(frozen=True, slots=True)
class State:
    """Of a database: the epoch of its ledger, and how far its read models are."""

    epoch: str
    position: int

    @classmethod
    def read(cls, text: str) -> State:
        """What STATE has found."""
        epoch, _, position = text.partition(":")
        return cls(epoch, int(position))


@dataclass(slots=True)
class MinPosition:
    """What an answer must not be older than. `epoch`: None where the asker named none; then the
    position alone is compared. `checked`: a database of this request was found new enough; a
    question that reads nothing checks none."""

    position: int
    epoch: str | None = None
    checked: bool = field(default=False, compare=False)

    @classmethod
    def parse(cls, text: str) -> MinPosition:
        """`N` or `EPOCH:N`. Raises ValueError."""
        epoch, colon, number = text.rpartition(":")
        position = parse_position(int(number) if number.isdecimal() else number)
        return cls(position, parse_epoch(epoch) if colon else None)

    def check(self, text: str) -> None:
        """`text`: what STATE has found. Raises OtherEpoch and Behind."""
        state = State.read(text)
        if self.epoch is not None and self.epoch != state.epoch:
            raise OtherEpoch(self.epoch, state.epoch)
        if state.position < self.position:
            raise Behind(state.position)
        self.checked = True


class Readers(Protocol):
    """A pool of connections, as whoever reads uses it."""

    def connection(self) -> AbstractAsyncContextManager[Connection]: ...

    async def check(self) -> None:
        """Tries the idle connections, and replaces the dead ones."""


class CheckedReaders:
    """The connections of a pool, each looked at when it is handed out: raises NotThere for one to a
    database that is older than `least`, or in another epoch."""

    def __init__(self, readers: Readers, least: MinPosition) -> None:
        self._readers, self._least = readers, least

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        async with self._readers.connection() as connection:
            self._least.check(await state(connection))
            yield connection

    async def check(self) -> None:
        await self._readers.check()


async def state(connection: Connection) -> str:
    """What STATE finds on this connection."""
    row = await (await connection.execute(f"select {STATE}".encode())).fetchone()
    assert row is not None
    return str(row[0])


@asynccontextmanager
async def of_epoch(readers: Readers, epoch: str | None) -> AsyncIterator[Connection]:
    """A connection to a ledger that is in this epoch; to any where it is None.

    Raises Unanswered: EPOCH for another one, BAD_INPUT for what is none.
    """
    if epoch is None:
        async with readers.connection() as connection:
            yield connection
        return
    try:
        least = MinPosition(0, parse_epoch(epoch))
    except ValueError as error:
        raise bad_input(f"epoch: {error}") from None
    async with AsyncExitStack() as stack:
        try:
            connection = await stack.enter_async_context(
                CheckedReaders(readers, least).connection()
            )
        except OtherEpoch as error:
            raise Unanswered("EPOCH", await other_epoch(readers, error)) from None
        yield connection


async def other_epoch(readers: Readers, error: OtherEpoch) -> str:
    """What was found, what was wanted, and what the asker still has of it: in words."""
    async with readers.connection() as connection:
        row = await (await connection.execute(COMMON.encode(), [error.asked])).fetchone()
    about = f"found a position of epoch {error.asked}, and this ledger is in epoch {error.current}"
    if row is None:
        return f"{about}; it knows nothing of the other: begin again from position 0"
    return (
        f"{about}, which has the same events up to position {row[0]} and others, or none, after it:"
        " the ledger was restored from a copy. What was read or recorded after that position has to"
        " be read, or sent with the same command ids, again"
    )
