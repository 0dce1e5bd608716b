"""What subscribers of the change feed have in common: batches of changes, and the groups that share
them.

A group has a short list of batches. What is computed from a batch for one subscriber, such as its
answers, is computed once for all who ask for the same (`StreamedBatch.once`).
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine, Hashable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from itertools import pairwise
from typing import Any

from graphql import GraphQLError

from projections.history.feed import Change
from projections.reads.visibility import VisibilityScope
from registry.domain.values import AdministrationCode

HELD = 2_000  # changes that a group holds for its subscribers


@dataclass(frozen=True)
class StreamKey:
    """What subscribers have in common who are told the same changes."""

    scope: VisibilityScope
    territory: AdministrationCode
    details: bool
    epoch: str

    @property
    def subject_territory(self) -> AdministrationCode:
        """The territory whose agreements decide what the subject may see."""
        own = self.scope.administration
        return AdministrationCode(own) if own else self.territory


@dataclass(slots=True)
class StreamedChange:
    """A change as it is told. `next`: the position to resume after, once it is told."""

    change: Change
    next: int
    epoch: str


@dataclass(eq=False)
class StreamedBatch:
    """Changes that are told together, in the order of the feed.

    `shared`: what was computed from them, by what those have in common for whom it was.
    """

    changes: list[StreamedChange]
    shared: dict[Hashable, asyncio.Future[Any]] = field(default_factory=dict)

    @cached_property
    def tins(self) -> list[str]:
        """The TINs of their operators, sorted."""
        return sorted({streamed.change.tin.text for streamed in self.changes})

    def at_once(self, key: Hashable, make: Callable[[], Any]) -> Any:
        """As `once`, for what is made without waiting."""
        found = self.shared.get(key)
        if found is None:
            found = self.shared[key] = asyncio.get_running_loop().create_future()
            found.set_result(make())
        return found.result()

    async def once(self, key: Hashable, make: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
        """What `make` computes; it is called once for all who give an equal key."""
        found = self.shared.get(key)
        if found is None:
            found = self.shared[key] = asyncio.ensure_future(make())
        return found.result() if found.done() else await asyncio.shield(found)


def streamed_changes(changes: Sequence[Change], epoch: str) -> list[StreamedChange]:
    """The changes of a page. After the last change of an event its position is complete; before,
    a subscriber that resumes must be told the whole event again."""
    found = [StreamedChange(change, change.position, epoch) for change in changes]
    for streamed, following in pairwise(found):
        if following.change.position == streamed.change.position:
            streamed.next = streamed.change.position - 1
    return found


@dataclass(slots=True)
class GroupEntry:
    """The changes up to the position `next`, and up to the instant `at` by time alone."""

    next: int
    at: datetime
    batch: StreamedBatch

    def following(self, position: int, at: datetime) -> StreamedBatch | None:
        """The changes that follow a position; of those that came by time alone, the ones after an
        instant. None where none do."""
        changes = self.batch.changes
        if position >= self.next:
            return self.batch if at < self.at and position == self.next else None
        if changes[0].change.position > position:
            return self.batch
        left = [streamed for streamed in changes if streamed.change.position > position]
        return StreamedBatch(left) if left else None


class SubscriberGroup:
    """Subscribers who are told the same changes."""

    def __init__(self, key: StreamKey, position: int, at: datetime) -> None:
        self.key, self.position, self.at = key, position, at
        self.subscribers = 0
        self.entries: deque[GroupEntry] = deque()
        self.first = self._held = 0  # the number of the first entry; changes in all of them
        self.moved = asyncio.Event()
        self.error: GraphQLError | None = None
        self.reading: asyncio.Task[None] | None = None
        self._dropped = position, at

    def add(self, next: int, at: datetime, changes: Sequence[Change]) -> None:
        """Adds what changed up to a position, and wakes the subscribers."""
        self.position, self.at = max(self.position, next), at
        if not changes:
            return
        batch = StreamedBatch(streamed_changes(changes, self.key.epoch))
        self.entries.append(GroupEntry(next, at, batch))
        self._held += len(changes)
        while self._held > HELD and len(self.entries) > 1:
            gone = self.entries.popleft()
            self.first += 1
            self._held -= len(gone.batch.changes)
            self._dropped = gone.next, gone.at
        self.wake()

    def end(self, error: GraphQLError) -> None:
        """Ends the subscriptions of the group with an error."""
        self.error = error
        self.wake()

    def wake(self) -> None:
        """Wakes the subscribers that wait for what follows."""
        self.moved.set()
        self.moved = asyncio.Event()

    def place(self, position: int, at: datetime) -> int | None:
        """The number of the first entry that follows a position and instant. None: the group no
        longer holds what follows."""
        if (position, at) < self._dropped:
            return None
        number = self.first
        for entry in self.entries:
            if (entry.next, entry.at) > (position, at):
                break
            number += 1
        return number

    def entry(self, number: int) -> GroupEntry | None:
        """The entry of this number; None where it is still to come."""
        place = number - self.first
        return self.entries[place] if place < len(self.entries) else None
