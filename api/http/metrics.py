"""Gauges of the process and of the database: build, memory, pools, lag, background processes.

Each process sets its own values (memory, pools) every `EVERY` seconds; of several processes the sum
is shown. Values that are read from the database are set by the process that is scraped.
"""

from __future__ import annotations

import asyncio
import os
import platform
import resource
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog
from prometheus_client import Gauge
from psycopg import AsyncConnection
from psycopg.rows import class_row

from api.access.webhooks import LEADER_LOCK as WEBHOOKS
from api.end_recorder import LEADER_LOCK as CLERK
from api.graphql.context import Pool
from api.graphql.schema import core
from api.graphql.schema_version import version
from api.log.signer import LEADER_LOCK as SIGNER
from api.observability.background import watched
from projections.checking.background_check import LEADER_LOCK as CHECKER
from projections.engine.projector import LEADER_LOCK as FOLLOWER
from projections.reads import freshness
from projections.reads.peer_law import law_differences
from projections.transparency.integrator import LEADER_LOCK as LOG
from registry.domain.time_zones import RELEASE

log = structlog.get_logger("metrics")

EVERY = 5.0  # seconds
PAGE = os.sysconf("SC_PAGE_SIZE")  # bytes; /proc counts memory in pages

BUILD = Gauge(
    "aeo_build_info",
    "Always 1; the labels say which program answers: its schema's version, Python, time zones",
    ["schema", "python", "time_zones"],
    multiprocess_mode="mostrecent",
)
PROCESSES = Gauge(
    "aeo_processes", "Processes of the service that live", multiprocess_mode="livesum"
)
STARTED = Gauge(
    "aeo_started_seconds",
    "When the oldest process of the service began, in seconds since 1970 (UTC)",
    multiprocess_mode="livemin",
)
MEMORY = Gauge(
    "aeo_memory_bytes",
    "Memory that the processes of the service have in use",
    multiprocess_mode="livesum",
)
PROCESSOR = Gauge(
    "aeo_processor_seconds",
    "Processor time that the living processes of the service have used",
    multiprocess_mode="livesum",
)
POOL_SIZE = Gauge(
    "aeo_pool_connections",
    "Connections to the database that a pool has open",
    ["pool"],
    multiprocess_mode="livesum",
)
POOL_USED = Gauge(
    "aeo_pool_used", "Those of them that are in use", ["pool"], multiprocess_mode="livesum"
)
POOL_WAITING = Gauge(
    "aeo_pool_waiting",
    "Questions that wait for a connection of a pool",
    ["pool"],
    multiprocess_mode="livesum",
)
LAG = Gauge(
    "aeo_lag_seconds",
    "For how long the oldest event that some read model has still to see is recorded; 0: none is",
    multiprocess_mode="mostrecent",
)
MODEL_POSITION = Gauge(
    "aeo_read_model_position",
    "The position that a read model has seen",
    ["read_model"],
    multiprocess_mode="mostrecent",
)
MODEL_STOPPED = Gauge(
    "aeo_read_model_stopped",
    "1 where a read model stands still in front of an event, else 0",
    ["read_model"],
    multiprocess_mode="mostrecent",
)
LEADS = Gauge(
    "aeo_process_leads",
    "1 where somebody does this background work, 0 where nobody does",
    ["process"],
    multiprocess_mode="mostrecent",
)
LOG_POSITION = Gauge(
    "aeo_log_position",
    "The position of the last event that is in the public log",
    multiprocess_mode="mostrecent",
)
LOG_SIGNED = Gauge(
    "aeo_log_signed_size",
    "Leaves of the log that its last signed head covers; 0: none is signed",
    multiprocess_mode="mostrecent",
)
LOG_SIGNED_AGE = Gauge(
    "aeo_log_signed_age_seconds",
    "Seconds since the log's last head was signed; -1: none is",
    multiprocess_mode="mostrecent",
)
WEBHOOK_COUNT = Gauge(
    "aeo_webhooks",
    "Webhooks that are registered, by whether their messages arrive",
    ["state"],
    multiprocess_mode="mostrecent",
)
WEBHOOK_ATTEMPTS = Gauge(
    "aeo_webhook_attempts",
    "Messages that were sent to the webhooks that are registered, each attempt counted",
    multiprocess_mode="mostrecent",
)
WEBHOOK_DELIVERED = Gauge(
    "aeo_webhook_delivered",
    "Messages that these webhooks accepted",
    multiprocess_mode="mostrecent",
)
WEBHOOK_DEAD = Gauge(
    "aeo_webhook_dead_letters",
    "Messages to these webhooks that were given up",
    multiprocess_mode="mostrecent",
)
WEBHOOK_FAILING = Gauge(
    "aeo_webhook_failing_seconds",
    "For how long the message of some webhook has not been accepted; 0: none fails",
    multiprocess_mode="mostrecent",
)

DATA_AGE = Gauge(
    "aeo_partner_data_age_seconds",
    "Seconds since the instant as of which an administration's data is complete here; -1: never",
    ["administration"],
    multiprocess_mode="mostrecent",
)
DATA_STALE = Gauge(
    "aeo_partner_data_stale",
    "1 where the data of an administration is older than an agreement allows, else 0",
    ["administration"],
    multiprocess_mode="mostrecent",
)
PEER_STOPPED = Gauge(
    "aeo_peer_stopped",
    "1 where a peer is followed no further, because its history was changed, else 0",
    ["peer"],
    multiprocess_mode="mostrecent",
)
PEER_LAW = Gauge(
    "aeo_peer_law_differences",
    "Acts of law that a followed peer and this register hold otherwise; -1: it does not send them",
    ["peer"],
    multiprocess_mode="mostrecent",
)
READING_AGE = Gauge(
    "aeo_partner_reading_age_seconds",
    "Seconds since a partner was last given data of this register, by each way; -1: never",
    ["partner", "way"],
    multiprocess_mode="mostrecent",
)
READING_BEHIND = Gauge(
    "aeo_partner_reading_behind",
    "Positions of the log that a partner was not given yet, by each way",
    ["partner", "way"],
    multiprocess_mode="mostrecent",
)
READER_AGE = Gauge(
    "aeo_peer_reader_age_seconds",
    "Seconds since a partner that follows this register last asked",
    ["partner"],
    multiprocess_mode="mostrecent",
)
READER_BEHIND = Gauge(
    "aeo_peer_reader_behind",
    "Positions of the log that a partner that follows this register has not asked for yet",
    ["partner"],
    multiprocess_mode="mostrecent",
)
REPORTS = Gauge(
    "aeo_peer_reports",
    "Contradictions in this register's log that a partner reported, of all time",
    ["partner"],
    multiprocess_mode="mostrecent",
)

#: The advisory locks of the background processes, and the name of each process in the metrics.
LEADERS = {
    FOLLOWER: "follow",
    LOG: "log",
    SIGNER: "sign",
    CLERK: "clerk",
    CHECKER: "checker",
    WEBHOOKS: "webhooks",
}

STATEMENT = """
select t.positions, t.stopped,
    coalesce((select extract(epoch from clock_timestamp() - e.recorded_at)::float8
              from ledger.event e where e.position > t.seen order by e.position limit 1), 0) as lag,
    (select s.position from proof.state s) as logged,
    coalesce(c.size, 0) as signed,
    coalesce(extract(epoch from clock_timestamp() - c.signed_at)::float8, -1) as signed_age,
    array(select (l.classid::bigint << 32) | l.objid::bigint from pg_locks l
          where l.locktype = 'advisory' and l.granted and l.objsubid = 1 and l.database =
              (select oid from pg_database where datname = current_database())) as locks
from (select coalesce(min(position), 0) as seen,
          coalesce(jsonb_object_agg(projection, position), '{}') as positions,
          coalesce(jsonb_object_agg(projection, stopped_at is not null), '{}') as stopped
      from views.tracking) t
left join (select size, signed_at from proof.checkpoint order by size desc limit 1) c on true"""


WEBHOOKS_STATEMENT = """
select count(*) filter (where s.stopped is null and s.failures = 0) as delivering,
    count(*) filter (where s.stopped is null and s.failures > 0) as retrying,
    count(*) filter (where s.stopped is not null) as stopped,
    coalesce(sum(s.attempts), 0)::bigint as attempts,
    coalesce(sum(s.delivered), 0)::bigint as delivered,
    (select count(*) from access.webhook_dead_letter d join access.webhook w on w.id = d.webhook
        where w.removed_at is null) as dead,
    coalesce(extract(epoch from clock_timestamp() - min(s.failing_since))::float8, 0) as failing
from access.webhook_state s join access.webhook w on w.id = s.webhook
where w.removed_at is null"""


@dataclass(frozen=True)
class _WebhookCounts:
    """A row of `WEBHOOKS_STATEMENT`. `failing`: seconds."""

    delivering: int
    retrying: int
    stopped: int
    attempts: int
    delivered: int
    dead: int
    failing: float


@dataclass(frozen=True)
class _DatabaseState:
    """A row of `STATEMENT`. `lag`, `signed_age`: seconds; `locks`: the advisory locks that are
    held."""

    positions: dict[str, int]
    stopped: dict[str, bool]
    lag: float
    logged: int
    signed: int
    signed_age: float
    locks: list[int]


async def read(connection: AsyncConnection[Any]) -> None:
    """Sets the gauges that are read from the database. Raises psycopg.Error."""
    async with connection.cursor(row_factory=class_row(_DatabaseState)) as cursor:
        found = await (await cursor.execute(STATEMENT)).fetchone()
    assert found is not None
    LAG.set(max(found.lag, 0.0))
    for name, position in found.positions.items():
        MODEL_POSITION.labels(name).set(position)
        MODEL_STOPPED.labels(name).set(found.stopped[name])
    for lock, name in LEADERS.items():
        LEADS.labels(name).set(lock in found.locks)
    LOG_POSITION.set(found.logged)
    LOG_SIGNED.set(found.signed)
    LOG_SIGNED_AGE.set(found.signed_age)
    await _read_webhooks(connection)
    await _read_freshness(connection)


async def _read_webhooks(connection: AsyncConnection[Any]) -> None:
    async with connection.cursor(row_factory=class_row(_WebhookCounts)) as cursor:
        found = await (await cursor.execute(WEBHOOKS_STATEMENT)).fetchone()
    assert found is not None
    WEBHOOK_COUNT.labels("delivering").set(found.delivering)
    WEBHOOK_COUNT.labels("retrying").set(found.retrying)
    WEBHOOK_COUNT.labels("stopped").set(found.stopped)
    WEBHOOK_ATTEMPTS.set(found.attempts)
    WEBHOOK_DELIVERED.set(found.delivered)
    WEBHOOK_DEAD.set(found.dead)
    WEBHOOK_FAILING.set(max(found.failing, 0.0))


async def _read_freshness(connection: AsyncConnection[Any]) -> None:
    for source in await freshness.incoming(connection):
        DATA_AGE.labels(source.administration).set(-1 if source.age is None else source.age)
        DATA_STALE.labels(source.administration).set(source.stale)
        if source.peer is not None:
            PEER_STOPPED.labels(source.peer).set(source.stopped_at is not None)
    for peer in await law_differences(connection):
        PEER_LAW.labels(peer.name).set(len(peer.differences) if peer.compared else -1)
    for reader in await freshness.outgoing(connection):
        age = -1 if reader.age is None else reader.age
        READING_AGE.labels(reader.partner, reader.way).set(age)
        READING_BEHIND.labels(reader.partner, reader.way).set(reader.behind)
        if reader.way != "PEER":
            continue
        READER_AGE.labels(reader.partner).set(age)
        READER_BEHIND.labels(reader.partner).set(reader.behind)
        REPORTS.labels(reader.partner).set(reader.reports)


def of_this_process(pools: Mapping[str, Pool]) -> None:
    """Sets the gauges of this process."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    PROCESSOR.set(used.ru_utime + used.ru_stime)
    MEMORY.set(_memory(used.ru_maxrss))
    for name, pool in pools.items():
        stats = pool.get_stats()
        size = stats.get("pool_size", 0)
        POOL_SIZE.labels(name).set(size)
        POOL_USED.labels(name).set(size - stats.get("pool_available", 0))
        POOL_WAITING.labels(name).set(stats.get("requests_waiting", 0))


def _memory(most: int) -> int:
    """Returns the bytes in use; where the system does not say, the peak (`most`)."""
    with suppress(OSError, ValueError, IndexError):
        return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * PAGE
    return most * (1 if sys.platform == "darwin" else 1024)


class Watch:
    """Updates the gauges of this process from its start to its end."""

    def __init__(self, pools: Mapping[str, Pool]) -> None:
        self._pools = pools

    async def start(self) -> None:
        """Sets the metrics that do not change, and starts the task that updates the others."""
        BUILD.labels(version(core), platform.python_version(), RELEASE).set(1)
        PROCESSES.set(1)
        STARTED.set(time.time())
        of_this_process(self._pools)
        self._task = watched("metrics", self._keep())

    @property
    def alive(self) -> bool:
        """Whether the background task still counts."""
        return not self._task.done()

    async def close(self) -> None:
        """Ends the task."""
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task

    async def _keep(self) -> None:
        while True:
            await asyncio.sleep(EVERY)
            try:
                of_this_process(self._pools)
            except Exception:  # a fault of ours must not end the counting
                log.exception("the metrics of this process cannot be read")
