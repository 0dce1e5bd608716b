"""In-process caches for the command side: an LRU cache of aggregates, a queue for each stream, and
a cache of reference data.

The caches are never authoritative. A decision on a cached aggregate is optimistic: the ledger
compares the expected version (optimistic concurrency), and a refusal is never returned to the
caller from cached state alone.
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

CAPACITY = 4_096  # aggregates; one with a long history takes about 10 kB
#: Maximum age, in seconds, of cached reference data (the time zone of an administration, the rules
#: of a programme).
REFERENCE_AGE = 1.0

T = TypeVar("T", bound=BaseAggregate[UUID])
Get = Callable[[type[Any], UUID, type[Refusal], str], Any]


class NotCached(Exception):
    """Raised when the data is not in the cache, so that the ledger has to be read."""


class AggregateCache:
    """LRU cache of the aggregates that were recorded last, by stream id. Thread-safe.

    A cached aggregate has one owner at a time. `take` removes it from the cache and gives it to the
    caller; the caller returns it by `put` only after its events were committed, and otherwise drops
    it. So an aggregate is never copied. Both fields are guarded by `_lock`.
    """

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._capacity = capacity
        self._aggregates: OrderedDict[UUID, BaseAggregate[UUID]] = OrderedDict()
        self._lock = Lock()

    def take(self, stream: UUID) -> BaseAggregate[UUID] | None:
        """Removes an aggregate from the cache and returns it; None if it is not cached. The
        caller then owns it."""
        with self._lock:
            return self._aggregates.pop(stream, None)

    def put(self, aggregate: BaseAggregate[UUID]) -> None:
        """Stores a committed aggregate, unless a newer version is cached. Evicts the least
        recently used one if the cache is full."""
        with self._lock:
            cached = self._aggregates.pop(aggregate.id, aggregate)
            self._aggregates[aggregate.id] = max(cached, aggregate, key=lambda entry: entry.version)
            if len(self._aggregates) > self._capacity:
                self._aggregates.popitem(last=False)

    def __len__(self) -> int:
        return len(self._aggregates)


class StreamQueue:
    """Serialises the asyncio tasks that change the same stream, in the order of their arrival.

    Without it, concurrent commands on one stream would cause version conflicts for each other, and
    each would have to decide again. For one event loop only; not thread-safe.
    """

    def __init__(self) -> None:
        self._last: dict[UUID, asyncio.Future[None]] = {}

    def on(self, stream: UUID) -> Turn:
        """Returns the context manager by which a task waits for its turn on a stream."""
        return Turn(self._last, stream)


class Turn:
    """Asynchronous context manager for one task in the queue of a stream. Entering waits until the
    task before it has finished.

    `_last` is owned by the StreamQueue: the future of the last waiting task, by stream id.
    """

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
            except BaseException:  # cancelled while waiting: release the task after this one
                self._finish()
                raise

    async def __aexit__(self, *_: object) -> None:
        self._finish()

    def _finish(self) -> None:
        self._done.set_result(None)
        if self._last[self._stream] is self._done:
            del self._last[self._stream]


# ------------------------------------------------------- reference data


@dataclass
class _CachedReference:
    aggregate: BaseAggregate[UUID]
    read_at: float = field(default_factory=time.monotonic)
    refreshing: bool = False


class ReferenceCache:
    """Cache of the administrations and programmes that commands refer to.

    `get` reads an aggregate from the ledger, or raises the refusal that it is given. Several
    threads may use the cache; the worst that can happen is that two of them read the same
    aggregate.
    """

    def __init__(self, get: Get) -> None:
        self._get = get
        self._references: dict[UUID, _CachedReference] = {}

    def discard(self, stream: UUID) -> None:
        """Removes an entry, because its stream has changed."""
        self._references.pop(stream, None)

    def no_older_than(self, age: float = REFERENCE_AGE) -> ReferenceData:
        """Returns reference data that is at most `age` seconds old. What is missing or older is
        read from the ledger."""
        return ReferenceData(self, time.monotonic() - age, may_read=True)

    def from_cache(self) -> ReferenceData:
        """Returns reference data from the cache only; reading it raises NotCached instead of using
        the ledger.

        When an entry is about to expire, one caller gets NotCached and refreshes it, while the
        others still use the cached entry. Without this, every caller would read the ledger when the
        entry expires, once a second.
        """
        return ReferenceData(self, time.monotonic() - REFERENCE_AGE, may_read=False)

    def find(
        self, data: ReferenceData, kind: type[T], id: UUID, unknown: type[Refusal], name: str
    ) -> T:
        """Returns an aggregate as the view `data` requires. Raises `unknown`, and NotCached if
        the view may not read the ledger."""
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
    """A view of the ReferenceCache that returns no data read before `not_before` (seconds of the
    monotonic clock)."""

    references: ReferenceCache
    not_before: float
    may_read: bool

    def administration(self, code: AdministrationCode) -> Administration:
        """Returns an administration. Raises UnknownAdministration, NotCached."""
        id, name = Administration.create_id(code), f"administration {code}"
        return self.references.find(self, Administration, id, UnknownAdministration, name)

    def programme(self, code: str) -> Programme:
        """Returns a programme. Raises UnknownProgramme, NotCached."""
        id, name = Programme.create_id(code), f"programme {code}"
        return self.references.find(self, Programme, id, UnknownProgramme, name)
