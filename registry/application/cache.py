"""What was decided upon lately, kept so that the next decision need not read its stream again.

Nothing here is an authority. Whatever is decided on it is recorded only if the ledger finds the
stream where it was left, and nobody is refused on its word.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Lock
from typing import Any, TypeVar, cast
from uuid import UUID

from eventsourcing.domain import BaseAggregate

from registry.domain.administrations import Administration
from registry.domain.errors import Refusal, UnknownAdministration, UnknownProgramme
from registry.domain.programmes import Programme
from registry.domain.values import AdministrationCode

CAPACITY = 4_096  # aggregates; one of a long life takes about ten kilobytes
#: How long what an administration's zone or a programme's rules are is taken on trust, in seconds.
REFERENCE_AGE = 1.0

T = TypeVar("T", bound=BaseAggregate[UUID])
Get = Callable[[type[Any], UUID, type[Refusal], str], Any]


class NotCached(Exception):
    """The ledger would have to be read first."""


class AggregateCache:
    """The last ones that were recorded, by their streams. For any number of threads.

    Each is in one hand at a time: it is taken out to be decided upon, and comes back only when
    what was decided is on disk. Whoever fails drops it, and so it is never copied.
    """

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._capacity = capacity
        self._aggregates: OrderedDict[UUID, BaseAggregate[UUID]] = OrderedDict()
        self._lock = Lock()

    def take(self, stream: UUID) -> BaseAggregate[UUID] | None:
        with self._lock:
            return self._aggregates.pop(stream, None)

    def put(self, aggregate: BaseAggregate[UUID]) -> None:
        with self._lock:
            cached = self._aggregates.pop(aggregate.id, aggregate)
            self._aggregates[aggregate.id] = max(
                cached, aggregate, key=lambda base_aggregate: base_aggregate.version
            )
            if len(self._aggregates) > self._capacity:
                self._aggregates.popitem(last=False)

    def __len__(self) -> int:
        return len(self._aggregates)


class StreamQueue:
    """Tasks that change one stream go one after the other: they would only overtake each other,
    and each would have to decide again. For one event loop."""

    def __init__(self) -> None:
        self._last: dict[UUID, asyncio.Future[None]] = {}

    def on(self, stream: UUID) -> Turn:
        return Turn(self._last, stream)


class Turn:
    """One of them: entered when the one before it is over."""

    __slots__ = ("_done", "_last", "_stream")

    def __init__(self, last: dict[UUID, asyncio.Future[None]], stream: UUID) -> None:
        self._last, self._stream = last, stream

    async def __aenter__(self) -> None:
        previous = self._last.get(self._stream)
        self._done = asyncio.get_running_loop().create_future()
        self._last[self._stream] = self._done
        if previous is not None:
            try:
                await asyncio.wait([previous])
            except BaseException:  # cancelled while it waited: whoever comes after it does not
                self._finish()
                raise

    async def __aexit__(self, *_: object) -> None:
        self._finish()

    def _finish(self) -> None:
        self._done.set_result(None)
        if self._last[self._stream] is self._done:
            del self._last[self._stream]


# ------------------------------------------------------- what commands refer to


@dataclass
class _CachedReference:
    aggregate: BaseAggregate[UUID]
    read_at: float = field(default_factory=time.monotonic)
    refreshing: bool = False


class ReferenceCache:
    """Administrations and programmes, which commands about other things refer to.

    `get` reads one from the ledger, or raises the refusal that it is given.
    """

    def __init__(self, get: Get) -> None:
        self._get = get
        self._references: dict[UUID, _CachedReference] = {}

    def discard(self, stream: UUID) -> None:
        self._references.pop(stream, None)

    def no_older_than(self, age: float = REFERENCE_AGE) -> ReferenceData:
        """As they were at most `age` seconds ago; read where they are not at hand."""
        return ReferenceData(self, time.monotonic() - age, may_read=True)

    def from_cache(self) -> ReferenceData:
        """The same without reading: raises NotAtHand.

        Of those that ask while one grows old, one is sent to read it anew and the others go on;
        else, once a second, everybody would go and read.
        """
        return ReferenceData(self, time.monotonic() - REFERENCE_AGE, may_read=False)

    def find(
        self, data: ReferenceData, kind: type[T], id: UUID, unknown: type[Refusal], name: str
    ) -> T:
        cached = self._references.get(id)
        if not data.may_read:
            if cached is None or cached.read_at < data.not_before:
                raise NotCached
            if cached.read_at < data.not_before + REFERENCE_AGE / 2 and not cached.refreshing:
                cached.refreshing = True
                raise NotCached
        elif cached is None or cached.read_at < data.not_before:
            cached = self._references[id] = _CachedReference(self._get(kind, id, unknown, name))
        return cast(T, cached.aggregate)


@dataclass(frozen=True)
class ReferenceData:
    """What is referred to, no older than `not_before` (seconds of the monotonic clock)."""

    references: ReferenceCache
    not_before: float
    may_read: bool

    def administration(self, code: AdministrationCode) -> Administration:
        """Raises UnknownAdministration, NotAtHand."""
        id, name = Administration.create_id(code), f"administration {code}"
        return self.references.find(self, Administration, id, UnknownAdministration, name)

    def programme(self, code: str) -> Programme:
        """Raises UnknownProgramme, NotAtHand."""
        id, name = Programme.create_id(code), f"programme {code}"
        return self.references.find(self, Programme, id, UnknownProgramme, name)
