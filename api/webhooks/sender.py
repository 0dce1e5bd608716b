"""The sender of webhooks (`aeo webhooks`): one per database works at a time (leader lock).

Each webhook has a lane: it follows the change feed as its owner may see it, and posts one message
at a time. Lanes share nothing but two numbers of places, one for receivers that answer and one for
receivers that fail or are slow, so these delay nobody else. The state is written a few times a
second; a sender that is killed in between sends a message again, with the same id.
"""

from __future__ import annotations

import asyncio
import ssl
import threading
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, aclosing, suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from time import monotonic, time
from typing import Any
from uuid import UUID

import psycopg
import structlog
import uvloop
from graphql import GraphQLError
from psycopg_pool import PoolTimeout, TooManyRequests

from api.access.webhook_addresses import AddressRefused, address_policy
from api.access.webhook_keys import webhook_keys
from api.access.webhooks import CHANNEL, LEADER_LOCK
from api.graphql.change_stream import OF_ALL, ChangeStream
from api.graphql.context import Pool
from api.graphql.positions import State, state, whole
from api.graphql.read_your_writes import ReadModelPosition
from api.graphql.streamed_batches import StreamedBatch, StreamKey
from api.http.pools import pool
from api.observability.background import watched
from api.settings import Settings
from api.webhooks.asked_operators import AskedOperators
from api.webhooks.delivery import NotAccepted, Receiver
from api.webhooks.lane import Lane, Message, RetryPolicy
from api.webhooks.states import write
from projections.engine.leader_lock import acquire_leadership, log_database_failure
from projections.history.answered import corrected_by
from projections.history.feed import Change
from projections.reads.visibility import VisibilityScope
from projections.reads.webhooks import WebhookRow, webhooks
from registry.domain.values import AdministrationCode
from registry.ledger.connections import AsyncSession, Session
from registry.ledger.database import connection_parameters
from registry.ledger.epochs import COMMON

log = structlog.get_logger("webhooks")

PLACES, SLOW_PLACES = 400, 100  # messages under way: to receivers that answer, and to slow ones
COLLECT = 0.05  # seconds over which changes are collected into a step
FLUSH = 0.5  # seconds between two writes of the state
RELOAD = 30.0  # seconds after which the webhooks are read again without a notification
CHECK = 5.0  # seconds between two checks that this process still leads
RETRY = 1.0  # seconds after a failure of the database
RESOLVERS = 64  # names that are resolved at the same time: a slow one must not delay others

NOT_NOW = (psycopg.Error, PoolTimeout, TooManyRequests, TimeoutError)


class WebhookSender:
    """The sender of one database."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._addresses = address_policy(settings.webhook_hosts, demo=settings.demo)
        webhook_keys(settings.home)
        self._policy = RetryPolicy(
            settings.webhook_retry,
            settings.webhook_retry_most,
            timedelta(hours=settings.webhook_hours),
        )
        self._tls = ssl.create_default_context()
        self._lanes: dict[UUID, _Running] = {}

    def run(self, stop: threading.Event) -> None:
        """Sends until `stop` is set. Waits for a database that cannot be reached."""
        while not stop.is_set():
            try:
                with Session.connect(
                    self._settings.database, autocommit=True, application_name="aeo-webhooks"
                ) as connection:
                    acquire_leadership(connection, LEADER_LOCK, stop, "webhooks")
                    if not stop.is_set():
                        uvloop.run(self._lead(connection, stop))
            except (psycopg.OperationalError, PoolTimeout) as error:
                log_database_failure(log, "webhooks", error)
                stop.wait(RETRY)

    async def _lead(self, connection: psycopg.Connection[Any], stop: threading.Event) -> None:
        async with AsyncExitStack() as stack:
            resolvers = ThreadPoolExecutor(RESOLVERS, "resolver")
            asyncio.get_running_loop().set_default_executor(resolvers)
            await self._open(stack)
            background = [watched("webhooks: reload", self._reload_on_notice())]
            background += [watched("webhooks: state", self._write_states())]
            try:
                checked = monotonic()
                while not stop.is_set():
                    await asyncio.sleep(0.1)
                    if monotonic() - checked > CHECK:
                        await asyncio.to_thread(connection.execute, "select 1")
                        checked = monotonic()
            finally:
                running = list(self._lanes.values())
                self._lanes.clear()
                await _ended([*background, *(task for each in running for task in each.tasks)])
                for each in running:
                    each.receiver.close()
                with suppress(*NOT_NOW):
                    await write(self._settings.database, [each.lane for each in running])

    async def _open(self, stack: AsyncExitStack) -> None:
        settings = self._settings
        self._views: Pool = pool(settings, "aeo_reader", settings.readers)
        self._ledger: Pool = pool(settings, "aeo_auditor", 4)
        self._asked = AskedOperators(self._ledger)
        for each in (self._views, self._ledger):
            await stack.enter_async_context(each)
            await each.wait(timeout=10)
        position = ReadModelPosition(settings.database, settings.home)
        stack.push_async_callback(position.close)
        await position.start()
        self._changes = ChangeStream(
            self._views, self._ledger, position, of_one=OF_ALL, collect=COLLECT
        )
        stack.push_async_callback(self._changes.close)
        self._quick = asyncio.Semaphore(PLACES)
        self._slow = asyncio.Semaphore(SLOW_PLACES)

    # ------------------------------------------------------------------- webhooks

    async def _reload_on_notice(self) -> None:
        """Reads the webhooks at the beginning, at each notification, and from time to time."""
        parameters = connection_parameters(
            self._settings.database, {"role": "aeo_reader"}, autocommit=True, connect_timeout=5
        )
        while True:
            try:
                connection = await AsyncSession.connect(**parameters)
                async with connection:
                    await connection.execute(f"listen {CHANNEL}")
                    while True:
                        self._take(await webhooks(connection))
                        async for _ in connection.notifies(timeout=RELOAD, stop_after=1):
                            pass
            except psycopg.Error as error:
                log.warning("the webhooks cannot be read", why=str(error))
                await asyncio.sleep(RETRY)

    def _take(self, rows: list[WebhookRow]) -> None:
        """Begins the lanes of new webhooks, ends those of removed ones, and replays."""
        found = {row.id: row for row in rows}
        for id in self._lanes.keys() - found.keys():
            self._lanes.pop(id).cancel()
        for id, row in found.items():
            running = self._lanes.get(id)
            if running is None:
                running = self._lanes[id] = _Running(
                    Lane.of(row),
                    Receiver(self._addresses, self._tls, self._settings.webhook_timeout),
                )
                running.begin(self._follow(running), self._send(running))
            running.lane.row = row
            if row.replay_number and row.replay_number > running.lane.replayed:
                assert row.replay_epoch is not None and row.replay_after is not None
                running.lane.replay(row.replay_epoch, row.replay_after, row.replay_number)
                running.follow_again(self._follow(running))
                log.info("webhook.replayed", webhook=str(id), after=row.replay_after)

    async def _follow(self, running: _Running) -> None:
        """Follows the feed for one lane, from its position on."""
        lane, row = running.lane, running.lane.row
        scope = VisibilityScope(row.role, row.administration)
        territory = AdministrationCode(row.territory)
        while True:
            try:
                await self._adopt_epoch(lane)
                key = StreamKey(scope, territory, False, lane.epoch)
                changes = self._changes.follow(key, "webhooks", lane.position)
                async with aclosing(changes) as batches:
                    async for batch in batches:
                        corrected = await self._corrects(scope, territory, batch)
                        lane.saw(batch.changes[-1].change.position, corrected=corrected)
            except GraphQLError as error:
                log.warning("webhook.not_followed", webhook=str(row.id), why=error.message)
            except NOT_NOW as error:
                log.warning("webhook.not_followed", webhook=str(row.id), why=str(error))
            await asyncio.sleep(RETRY)

    async def _corrects(
        self, scope: VisibilityScope, territory: AdministrationCode, batch: StreamedBatch
    ) -> bool:
        """Whether changes make answers different that the owner was given. The lanes of one owner
        share the result."""
        changes = [streamed.change for streamed in batch.changes]
        work = partial(self._are_corrected, scope, territory, changes)
        return bool(await batch.once(("corrected", scope), work))

    async def _are_corrected(
        self, scope: VisibilityScope, territory: AdministrationCode, changes: list[Change]
    ) -> bool:
        now = datetime.now(UTC)
        back = [change for change in changes if change.effective_from < now]
        asked = await self._asked.among({change.tin.text for change in back}) if back else set()
        back = [change for change in back if change.tin.text in asked]
        if not back:
            return False
        async with whole(self._views).connection() as views, self._ledger.connection() as ledger:
            tins = sorted({change.tin.text for change in back})
            places = {change.position for change in back}
            return bool(await corrected_by(views, ledger, scope, territory, tins, places))

    async def _adopt_epoch(self, lane: Lane) -> None:
        """Goes on in the present epoch, where the ledger went back: from the last position that
        both have in common."""
        async with self._views.connection() as views:
            now = State.read(await state(views))
            if now.epoch == lane.epoch:
                if lane.position > now.position:  # a replica that is behind
                    raise TimeoutError("the read models have not reached this webhook's position")
                return
            row = await (await views.execute(COMMON.encode(), [lane.epoch])).fetchone()
        common = int(row[0]) if row and row[0] is not None else 0
        log.warning("webhook.epoch", webhook=str(lane.row.id), epoch=now.epoch, common=common)
        lane.adopt(now.epoch, common)

    # -------------------------------------------------------------------- sending

    async def _send(self, running: _Running) -> None:
        """Sends the messages of one lane, one at a time."""
        lane = running.lane
        while True:
            lane.wake.clear()
            message = lane.due(datetime.now(UTC))
            if message is None:
                with suppress(TimeoutError):
                    async with asyncio.timeout(lane.pause(datetime.now(UTC))):
                        await lane.wake.wait()
                continue
            async with self._slow if lane.slow else self._quick:
                if lane.due(datetime.now(UTC)) is message:
                    await self._attempt(running, message)

    async def _attempt(self, running: _Running, message: Message) -> None:
        lane, row, began = running.lane, running.lane.row, monotonic()
        body = message.body
        keys = webhook_keys(self._settings.home)
        headers = keys.headers(row, message.id, int(time()), body)
        try:
            to = self._addresses.destination(row.url, row.administration)
            await running.receiver.post(to, headers, body)
        except (NotAccepted, AddressRefused) as error:
            gone = isinstance(error, NotAccepted) and error.gone
            after = error.retry_after if isinstance(error, NotAccepted) else 0.0
            now = datetime.now(UTC)
            lane.refused(message, str(error), now, self._policy, gone=gone, retry_after=after)
            log.info("webhook.refused", webhook=str(row.id), message=message.id, why=str(error))
        except Exception:  # An internal error must not end the lane.
            log.exception("webhook.fault", webhook=str(row.id), message=message.id)
            why = "the sender failed; its log says why."
            lane.refused(message, why, datetime.now(UTC), self._policy)
        else:
            lane.accepted(message, datetime.now(UTC))
        lane.took = monotonic() - began

    async def _write_states(self) -> None:
        while True:
            await asyncio.sleep(FLUSH)
            changed = [each.lane for each in self._lanes.values() if each.lane.dirty]
            try:
                await write(self._settings.database, changed)
            except psycopg.Error as error:
                log.warning("the state of webhooks cannot be written", why=str(error))
                await asyncio.sleep(RETRY)


class _Running:
    """A lane with its receiver and its tasks."""

    def __init__(self, lane: Lane, receiver: Receiver) -> None:
        self.lane, self.receiver = lane, receiver
        self.tasks: list[asyncio.Task[None]] = []

    def begin(self, follow: Coroutine[Any, Any, None], send: Coroutine[Any, Any, None]) -> None:
        self.tasks = [asyncio.create_task(follow), asyncio.create_task(send)]

    def follow_again(self, follow: Coroutine[Any, Any, None]) -> None:
        self.tasks[0].cancel()
        self.tasks[0] = asyncio.create_task(follow)

    def cancel(self) -> None:
        for task in self.tasks:
            task.cancel()
        self.receiver.close()


async def _ended(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
