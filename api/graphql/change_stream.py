"""The change feed as a stream, for the subscribers of one process.

One task waits for the notification of the projector and reads what it brought, once for all
(projections/history/feed_tail.py). Subscribers with the same rights and the same territory are one
group: what changed for them is computed once, and stands in a short list. A subscriber has no queue
of its own but a position: where it is slower than the list is long, it reads the feed again from
its position, so it never loses a change and takes no more memory than any other.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, nullcontext, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from time import monotonic

import psycopg
import structlog
from graphql import GraphQLError
from prometheus_client import Counter as Metric
from prometheus_client import Gauge
from psycopg_pool import PoolTimeout, TooManyRequests

from api.graphql.errors import RequestDeclined, Unanswered
from api.graphql.positions import (
    CheckedPool,
    ConnectionPool,
    MinPosition,
    OtherEpoch,
    other_epoch,
    whole,
)
from api.graphql.read_your_writes import ReadModelPosition
from api.graphql.streamed_batches import (
    StreamedBatch,
    StreamKey,
    SubscriberGroup,
    streamed_changes,
)
from api.observability import counters
from projections.history import feed_pages
from projections.history.feed import EARLIEST
from projections.history.feed_tail import EpochChanged, FeedTail, TailStep, changes_of

log = structlog.get_logger("change stream")

PAGE = 100  # changes in a page that a subscriber reads to catch up
TICK = 1.0  # seconds after which the clock is looked at, where nothing was recorded
COLLECT = 0.04  # seconds between two steps: what is recorded meanwhile is read together
RETRY = 0.5  # seconds after which a step is tried again that met a database failure
IDLE = 0.2  # seconds after a notification that brought nothing
SHARED = 0.5  # seconds for which a page is shared that a subscriber read to catch up
OF_ALL = 5_000  # subscribers of one process
#: Microseconds: the assumed cost of a page that a subscriber reads to catch up.
CATCH_UP = 50_000

SUBSCRIBERS = Gauge(
    "aeo_subscribers",
    "Subscriptions to changes that are open",
    multiprocess_mode="livesum",
)
TOLD = Metric("aeo_changes_told", "Changes that were told to subscribers")
REREAD = Metric(
    "aeo_subscriber_pages", "Pages of the feed that subscribers read to catch up, or as slow ones"
)

#: Failures after which a read is tried again.
NOT_NOW = (psycopg.Error, PoolTimeout, TooManyRequests, TimeoutError, RequestDeclined)

Turn = Callable[[str], AbstractAsyncContextManager[None]]


@dataclass(frozen=True, slots=True)
class _SharedPage:
    """A page of the feed, up to the position `next`, that was read at an instant (UTC)."""

    next: int
    head: int
    at: datetime
    batch: StreamedBatch


class ChangeStream:
    """All subscribers of one process.

    `turn`: a place in the queue for expensive queries, for the pages that a subscriber reads to
    catch up. `of_one`: the subscriptions that one subject may have in this process. `collect`:
    seconds between two steps.
    """

    def __init__(
        self,
        views: ConnectionPool,
        ledger: ConnectionPool,
        read_model_position: ReadModelPosition,
        turn: Turn = lambda who: nullcontext(),
        of_one: int = 100,
        collect: float = COLLECT,
    ) -> None:
        self._views, self._ledger, self._turn = whole(views), ledger, turn
        self._read_model_position = read_model_position
        self._of_one, self._collect = of_one, collect
        self._subjects: Counter[str] = Counter()
        self._groups: dict[StreamKey, SubscriberGroup] = {}
        self._tail = FeedTail()
        self._epoch = ""
        self._starting = asyncio.Lock()
        self._shared_pages: dict[tuple[StreamKey, int], asyncio.Future[_SharedPage]] = {}
        self._task: asyncio.Task[None] | None = None

    async def close(self) -> None:
        """Ends every subscription: its subscriber goes on with another process."""
        tasks = [group.reading for group in self._groups.values()] + [self._task]
        self._end_all(Unanswered("UNAVAILABLE", "The service is stopping. Subscribe again."))
        for task in filter(None, tasks):
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    @property
    def open(self) -> int:
        """The subscribers that are told what changes from now on."""
        return sum(group.subscribers for group in self._groups.values())

    # ------------------------------------------------------------- subscribers

    async def follow(
        self, key: StreamKey, subject: str, after: int | None
    ) -> AsyncGenerator[StreamedBatch, None]:
        """The changes after a position, as they become known; None: from now on.

        Raises Unanswered: the subject has too many subscriptions, the ledger is in another epoch,
        or the service stops.
        """
        self._admit(subject)
        group: SubscriberGroup | None = None
        try:
            group = await self._join(key)
            async for batch in self._followed(group, subject, after):
                counters.count(TOLD, len(batch.changes))
                yield batch
        finally:
            self._subjects[subject] -= 1
            if not self._subjects[subject]:
                del self._subjects[subject]
            SUBSCRIBERS.set(self._subjects.total())
            if group:
                self._leave(group)

    def _admit(self, subject: str) -> None:
        if self._subjects[subject] >= self._of_one or self._subjects.total() >= OF_ALL:
            whose = f"of {subject} " if self._subjects[subject] >= self._of_one else ""
            raise Unanswered(
                "TOO_MANY_SUBSCRIPTIONS",
                f"{self._subjects[subject] if whose else OF_ALL} subscriptions {whose}are open "
                "already, and no more are accepted. End one, or follow several territories in "
                "one process of yours.",
            )
        self._subjects[subject] += 1
        SUBSCRIBERS.set(self._subjects.total())

    async def _join(self, key: StreamKey) -> SubscriberGroup:
        async with self._starting:
            if self._epoch != key.epoch or not self._groups:
                await self._begin(key.epoch)
            group = self._groups.get(key)
            if group is None:
                group = SubscriberGroup(key, self._tail.position, self._tail.at)
                self._groups[key] = group
            group.subscribers += 1
            if self._task is None or self._task.done():
                self._task = asyncio.create_task(self._run(), name="change stream")
            return group

    def _leave(self, group: SubscriberGroup) -> None:
        group.subscribers -= 1
        if not group.subscribers and self._groups.get(group.key) is group:
            del self._groups[group.key]
            if group.reading:
                group.reading.cancel()

    async def _followed(
        self, group: SubscriberGroup, subject: str, after: int | None
    ) -> AsyncGenerator[StreamedBatch, None]:
        position, at = (group.position, group.at) if after is None else (after, EARLIEST)
        number = group.place(position, at) if after is None else None
        while True:
            if group.error:
                raise group.error
            if number is None:  # The subscriber catches up by itself.
                counters.count(REREAD)
                page = await self._page_in_turn(group.key, subject, position)
                position, at = page.next, page.at
                if page.batch.changes:
                    yield page.batch
                if page.next >= page.head:
                    number = group.place(position, at)
                continue
            entry = group.entry(number) if number >= group.first else None
            if entry is not None:
                batch = entry.following(position, at)
                number += 1
                position, at = max(position, entry.next), max(at, entry.at)
                if batch:
                    yield batch
            elif number < group.first:
                number = None  # It was too slow: what follows is read from the feed.
            else:
                position, at = max(position, group.position), max(at, group.at)
                await group.moved.wait()

    def _shared_page(self, key: StreamKey, subject: str, after: int) -> asyncio.Future[_SharedPage]:
        """A page that is read once for all who ask for it within `SHARED` seconds: after a restart
        of the service many subscribers go on from one position."""
        place = key, after
        found = self._shared_pages.get(place)
        if found is None:

            async def read() -> _SharedPage:
                async with self._turn(subject):
                    page, now = await self._page(key, after, EARLIEST)
                batch = StreamedBatch(streamed_changes(page.changes, key.epoch))
                return _SharedPage(page.next, page.head, now, batch)

            found = self._shared_pages[place] = asyncio.ensure_future(read())
            found.add_done_callback(lambda _: self._forget_page(place))
        return found

    def _forget_page(self, place: tuple[StreamKey, int]) -> None:
        page = self._shared_pages[place]
        failed = page.cancelled() or page.exception() is not None
        loop = asyncio.get_running_loop()
        loop.call_later(0.0 if failed else SHARED, self._shared_pages.pop, place, None)

    async def _page_in_turn(self, key: StreamKey, subject: str, after: int) -> _SharedPage:
        """A page for one subscriber, when it is its subject's turn."""
        while True:
            try:
                return await asyncio.shield(self._shared_page(key, subject, after))
            except OtherEpoch as error:
                raise Unanswered("EPOCH", await other_epoch(self._views, error)) from None
            except NOT_NOW as error:
                log.warning("a page cannot be read", why=str(error))
                await asyncio.sleep(RETRY)

    # -------------------------------------------------------------------- steps

    async def _begin(self, epoch: str) -> None:
        """Begins at the head of the read models, in an epoch."""
        if self._groups:
            await self._end_epoch(OtherEpoch(self._epoch, epoch))
        self._epoch = epoch
        async with CheckedPool(self._views, MinPosition(0, epoch)).connection() as views:
            await self._tail.start(views, datetime.now(UTC))

    async def _run(self) -> None:
        while self._groups:
            began = monotonic()
            try:
                if not await self._advance():
                    continue
            except OtherEpoch as error:
                await self._end_epoch(error)
                return
            except NOT_NOW as error:
                log.warning("changes cannot be read", why=str(error))
                await asyncio.sleep(RETRY)
            except Exception:  # An internal error must not end this task.
                log.exception("changes cannot be read")
                await asyncio.sleep(RETRY)
            await asyncio.sleep(max(0.0, self._collect - (monotonic() - began)))

    async def _advance(self) -> bool:
        """Waits for what follows, and reads it. False where nothing came."""
        if self._read_model_position.unmended:
            sentence = (
                f"Nothing is told until it is put right: {self._read_model_position.unmended}."
            )
            self._end_all(Unanswered("NOT_BELIEVED", sentence))
            return False
        await self._load_laws()
        came = await self._read_model_position.reached(self._tail.position + 1, TICK)
        async with self._starting:
            if not self._groups:
                return False
            return await (self._step() if came else self._by_time(datetime.now(UTC)))

    async def _step(self) -> bool:
        try:
            async with self._views.connection() as views, self._ledger.connection() as ledger:
                step = await self._tail.step(views, ledger, self._epoch)
        except EpochChanged as error:
            raise OtherEpoch(self._epoch, error.current) from None
        if step is None:  # A read model stands still.
            await asyncio.sleep(IDLE)
            return False
        for group in list(self._groups.values()):
            await self._tell(group, step)
        return True

    async def _by_time(self, now: datetime) -> bool:
        if not self._tail.due(now):
            return False
        for group in self._groups.values():
            self._read_from_feed(group)
        async with self._views.connection() as views:
            await self._tail.refresh(views, now)
        return True

    async def _load_laws(self) -> None:
        wanted = {
            code
            for key in self._groups
            for code in (key.territory, key.subject_territory)
            if self._tail.law(code) is None
        }
        if wanted:
            async with self._views.connection() as views:
                for code in wanted:
                    await self._tail.load_law(views, code)

    async def _tell(self, group: SubscriberGroup, step: TailStep) -> None:
        """Tells a group what a step brought: computed, or read from the feed."""
        key = group.key
        if group.reading or group.position >= step.until:
            return
        into, subject_law = self._tail.law(key.territory), self._tail.law(key.subject_territory)
        if (
            into is None
            or subject_law is None
            or min(into.edge, subject_law.edge) <= step.at
            or not step.settled
            or key.details
            or group.position < step.after
        ):
            self._read_from_feed(group)
            return
        changes = await changes_of(step, into, subject_law, key.scope, group.position)
        if not group.reading:
            group.add(step.until, step.at, changes)

    def _read_from_feed(self, group: SubscriberGroup) -> None:
        if group.reading is None:
            group.reading = asyncio.create_task(self._read_pages(group))

    async def _read_pages(self, group: SubscriberGroup) -> None:
        """Reads the feed for a group until it is where the tail is."""
        while group.error is None:
            try:
                page, now = await self._page(group.key, group.position, group.at)
            except OtherEpoch as error:
                await self._end_epoch(error)
                return
            except NOT_NOW as error:
                log.warning("changes cannot be read", why=str(error))
                await asyncio.sleep(RETRY)
                continue
            except Exception:
                log.exception("changes cannot be read")
                group.end(Unanswered("INTERNAL", "The changes cannot be read. Subscribe again."))
                return
            group.add(page.next, now, page.changes)
            if page.next >= page.head and group.position >= self._tail.position:
                break
        group.reading = None

    async def _page(
        self, key: StreamKey, after: int, since: datetime
    ) -> tuple[feed_pages.FeedPage, datetime]:
        least, now = MinPosition(0, key.epoch), datetime.now(UTC)
        async with (
            CheckedPool(self._views, least).connection() as views,
            CheckedPool(self._ledger, least).connection() as ledger,
        ):
            page = await feed_pages.page(
                views,
                ledger,
                key.scope,
                key.territory,
                after,
                PAGE,
                now,
                since=since,
                details=key.details,
            )
        return page, now

    # ---------------------------------------------------------------------- end

    async def _end_epoch(self, error: OtherEpoch) -> None:
        self._end_all(Unanswered("EPOCH", await other_epoch(self._views, error)))
        self._epoch = ""

    def _end_all(self, error: GraphQLError) -> None:
        for group in self._groups.values():
            group.end(error)
        self._groups.clear()
