"""The dependencies of one process of the API service: pools, registry, executor, caches."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any

from api.access.authentication import Authenticator, authenticator
from api.access.policy import Subject
from api.access.quota_counter import QuotaCounter
from api.access.quotas import Quotas
from api.access.read_log import ReadLog
from api.access.webhook_addresses import address_policy
from api.access.webhooks import WebhookStore
from api.credentials.store import CredentialStore
from api.graphql.change_stream import CATCH_UP, ChangeStream
from api.graphql.context import Context, Pool
from api.graphql.deadlines import RequestDeadlines
from api.graphql.executor import Executor
from api.graphql.parsing import Parser
from api.graphql.persisted_queries import PersistedQueries
from api.graphql.planner.batcher import CONNECTIONS
from api.graphql.planner.planner import Planner
from api.graphql.positions import CheckedPool, MinPosition
from api.graphql.read_your_writes import ReadModelPosition
from api.graphql.receipt_issuer import ReceiptIssuer
from api.graphql.schema import core, schema
from api.http.exchanges import Exchange
from api.http.fair_queue import FairQueue, Refusals
from api.http.first_load import FirstLoad
from api.http.metrics import Watch
from api.http.pools import pool
from api.http.projection_lag import ProjectionLag
from api.http.subjects import SubjectResolver
from api.log.head import CurrentCheckpoint
from api.observability import counters, logging
from api.observability.multiprocess import SUMS
from api.observability.tracing import tracer
from api.settings import Settings
from projections.persons import Persons
from registry.application.registry import Registry
from registry.ledger.database import environment
from registry.ledger.sessions import require_own_session

#: Microseconds of work that one turn of a subject pays for, in the short and in the long queue.
SHORT_TURN, LONG_TURN = 2_000, 100_000
if TYPE_CHECKING:
    from opentelemetry.trace import Tracer


@dataclass
class Service:
    """All dependencies of one process of the API service.

    The pool `views` reads the read models and the pool `ledger` reads events. Neither can write.
    """

    settings: Settings
    views: Pool
    ledger: Pool
    registry: Registry
    writers: ThreadPoolExecutor
    read_log: ReadLog
    read_model_position: ReadModelPosition
    projection_lag: ProjectionLag
    changes: ChangeStream
    webhooks: WebhookStore
    current_checkpoint: CurrentCheckpoint
    receipts: ReceiptIssuer
    credentials: CredentialStore
    persons: Persons
    subjects: SubjectResolver
    executor: Executor
    quotas: Quotas
    quota_counter: QuotaCounter
    #: Queues in which requests wait for a free place: cheap queries in a known document, documents
    #: that were not seen before, and expensive queries.
    short: FairQueue
    new: FairQueue
    long: FairQueue
    refusals: Refusals
    parser: Parser
    persisted: PersistedQueries
    first_load: FirstLoad
    authenticator: Authenticator
    tracer: Tracer | None
    watch: Watch
    #: Deadlines of what is sent to subscribers.
    sending: RequestDeadlines = field(default_factory=RequestDeadlines)

    @property
    def ended(self) -> list[str]:
        """The background tasks of this process that ended, though none should."""
        tasks: dict[str, ReadModelPosition | ReadLog | CurrentCheckpoint | QuotaCounter | Watch] = {
            "read model position": self.read_model_position,
            "read log": self.read_log,
            "head of the log": self.current_checkpoint,
            "quotas": self.quota_counter,
            "metrics": self.watch,
        }
        return [name for name, task in tasks.items() if not task.alive]

    def context(
        self,
        subject: Subject,
        purpose: str | None = None,
        exchange: Exchange | None = None,
        least: MinPosition | None = None,
        answered: dict[str, Any] | None = None,
    ) -> Context:
        """Returns the context of one request.

        `purpose`: what the subject says the data is read for; at most 200 characters are kept.
        `exchange`: the HTTP request and its response. `least`: the position that the answer must
        not be older than. `answered`: further fields of the request's log line.
        """
        views = CheckedPool(self.views, least) if least else self.views
        ledger = CheckedPool(self.ledger, least) if least else self.ledger
        return Context(
            subject,
            datetime.now(UTC),
            views,
            ledger,
            self.registry,
            self.writers,
            self.read_log,
            self.current_checkpoint,
            self.receipts,
            self.persons,
            purpose[:200] if purpose else None,
            self.read_model_position.position,
            exchange,
            self.read_model_position.epoch,
            least,
            answered,
            self.changes,
            self.webhooks,
            None,
            self.read_model_position.reached,
        )


@asynccontextmanager
async def service(settings: Settings) -> AsyncIterator[Service]:
    """Opens the dependencies of one process and closes them in the opposite order.

    Either everything is opened or nothing. Closing waits for acknowledged work, so none is lost.
    Raises PoolTimeout when the database cannot be reached.
    """
    async with AsyncExitStack() as stack:
        stack.callback(logging.write)
        stack.callback(counters.add)
        views = pool(settings, "aeo_reader", settings.readers)
        ledger = pool(settings, "aeo_auditor", 2)
        lanes = pool(settings, "aeo_reader", CONNECTIONS, "lanes")
        await require_own_session(settings.database)
        for connection_pool in (views, ledger, lanes):
            await stack.enter_async_context(connection_pool)
            await connection_pool.wait(timeout=10)
        registry = Registry(environment(settings.database))
        stack.callback(registry.close)
        writers = ThreadPoolExecutor(settings.writers, "writer")
        stack.callback(writers.shutdown)
        read_log = ReadLog(settings.database)
        read_log.start()
        stack.push_async_callback(read_log.close)
        read_model_position = ReadModelPosition(settings.database, settings.home)
        stack.push_async_callback(read_model_position.close)
        await read_model_position.start()
        current_checkpoint = CurrentCheckpoint(views, settings.home)
        await current_checkpoint.start()
        stack.push_async_callback(current_checkpoint.close)
        receipts = ReceiptIssuer(settings.database, settings.home)
        stack.push_async_callback(receipts.close)
        persons = Persons(settings.database, settings.home)
        authenticates = authenticator(settings)
        stack.push_async_callback(authenticates.close)
        await authenticates.start()
        subjects = _subjects(authenticates, views, settings.deadline, read_model_position)
        planner = None
        if settings.planner:
            planner = Planner(schema, core, views, lanes, settings.deadline)
            stack.push_async_callback(planner.close)
        watch = Watch({"readers": views, "auditors": ledger, "lanes": lanes})
        await watch.start()
        stack.push_async_callback(watch.close)
        request_tracer = tracer()
        executor = Executor(settings.deadline, planner, request_tracer)
        quota_counter = await _counter(settings, stack)
        patience = settings.deadline
        short = FairQueue("short", settings.at_once, patience, SHORT_TURN)
        new = FairQueue("new", settings.new_at_once, patience, SHORT_TURN)
        long = FairQueue("long", settings.long_at_once, patience, LONG_TURN)
        changes = ChangeStream(
            views, ledger, read_model_position, partial(_in_turn, long), settings.subscriptions
        )
        stack.push_async_callback(changes.close)
        webhooks = WebhookStore(
            settings.database,
            settings.home,
            address_policy(settings.webhook_hosts, demo=settings.demo),
            settings.webhooks_of_one,
        )
        refusals = Refusals(settings.refusal_delay, settings.refusal_delay_most)
        parser = Parser(core, executor.documents, short.was_used)
        stack.callback(parser.close)
        yield Service(
            settings,
            views,
            ledger,
            registry,
            writers,
            read_log,
            read_model_position,
            ProjectionLag(ledger),
            changes,
            webhooks,
            current_checkpoint,
            receipts,
            CredentialStore(settings.database),
            persons,
            subjects,
            executor,
            quota_counter.quotas,
            quota_counter,
            short,
            new,
            long,
            refusals,
            parser,
            PersistedQueries(_shared()),
            FirstLoad(settings.home),
            authenticates,
            request_tracer,
            watch,
        )


def _subjects(
    authenticates: Authenticator, views: Pool, patience: float, position: ReadModelPosition
) -> SubjectResolver:
    """Returns the subjects, who are read anew when sessions were ended elsewhere."""
    found = SubjectResolver(authenticates, views, patience)
    position.sessions_ended = found.forget_sessions
    return found


async def _counter(settings: Settings, stack: AsyncExitStack) -> QuotaCounter:
    """Returns the counter of quotas, which ends with the stack."""
    found = QuotaCounter(settings.database, Quotas())
    await found.start()
    stack.push_async_callback(found.close)
    return found


@asynccontextmanager
async def _in_turn(queue: FairQueue, subject: str) -> AsyncIterator[None]:
    """A place in a queue, for a page that a subscriber reads to catch up."""
    if not queue.at_once():
        await queue.wait(subject, CATCH_UP)
    began, came = monotonic(), queue.came
    try:
        yield
    finally:
        queue.rest(monotonic() - began, queue.came - came)


def _shared() -> Path | None:
    """Returns the folder in which the processes of this service share known documents; None where
    there is only one process."""
    folder = os.environ.get(SUMS)
    return Path(folder, "documents") if folder else None
