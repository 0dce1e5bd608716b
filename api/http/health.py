"""Liveness, readiness and metrics, for whoever operates the service. None of it is secret."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import Any

import psycopg
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    REGISTRY,
    CollectorRegistry,
    Gauge,
    generate_latest,
)
from prometheus_client.multiprocess import MultiProcessCollector
from psycopg.rows import class_row, tuple_row
from psycopg_pool import TooManyRequests
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from api.access.policy import PUBLIC
from api.graphql.deadlines import within
from api.http.metrics import read
from api.http.service import Service
from api.observability import counters
from api.observability.multiprocess import SUMS
from projections.checking import findings
from registry.domain.time_zones import RELEASE

RECORDED = Gauge(
    "aeo_recorded_position", "The last position in the ledger", multiprocess_mode="mostrecent"
)
PROJECTED = Gauge(
    "aeo_projected_position",
    "The position that every read model has seen",
    multiprocess_mode="mostrecent",
)

CHECK_AGE = Gauge(
    "aeo_check_age_seconds",
    "Seconds since the background check had looked at everything; -1 before it first has",
    multiprocess_mode="mostrecent",
)
CHECK_PROGRESS = Gauge(
    "aeo_check_progress",
    "Share of the background check's walk that is done",
    multiprocess_mode="mostrecent",
)
FINDINGS = Gauge(
    "aeo_check_findings",
    "What the background check found otherwise than the events say, of all time",
    multiprocess_mode="mostrecent",
)
UNMENDED = Gauge(
    "aeo_check_findings_open",
    "Those of them that are not put right, of read models and of the ledger",
    ["of"],
    multiprocess_mode="mostrecent",
)

#: One row: the ledger's last position, the lowest position of the read models, and which of them
#: are stopped.
STATEMENT = """
select (select coalesce(max(position), 0) from ledger.event), coalesce(min(t.position), 0),
    array_agg(t.projection || ' at ' || t.stopped_at || ': ' || t.why)
        filter (where t.stopped_at is not null)
from views.tracking t"""
_CHECKED = f"select {findings.COLUMNS} from checks.walk w"


async def alive(request: Request) -> Response:
    """Liveness: 200 as long as the process answers at all."""
    return PlainTextResponse("alive\n")


#: Answered by the planner, through the same connections as the queries of clients.
PLANNED = 'query Ready { agreement(id: "-") { id } }'


async def ready(request: Request) -> Response:
    """Readiness: 200 when queries can be answered from read models that are being updated, else
    503.

    `answers`: a query was just answered, through the same connections as those of clients.
    `current`: every read model is being updated. Where one is stopped, `stopped` says which, at
    which position and why; its answers are true for that position and become outdated.

    `lag` is the number of events that the read models have not projected yet; answers carry their
    position, so a lag alone does not make the service unready. `timeZones` is the release of the
    IANA Time Zone Database by which civil dates are derived. `epoch` is the ledger's
    (registry/ledger/epochs.py). `check` is the state of the background check: `age`, seconds since
    it last completed (null: never); `progress` of the current pass; `findings` of all time;
    `unmended`, rows that it could not correct; `ofLedger`, open findings about the ledger.
    """
    service: Service = request.app.state.service
    try:
        state = await _state(service)
    except (psycopg.Error, TooManyRequests, TimeoutError) as error:
        why = f"database: {type(error).__name__}"
        return JSONResponse({"ready": False, "answers": False, "why": why}, 503)
    so_far = service.first_load.so_far
    wrong = f"loading, so far: {so_far}" if so_far else service.read_model_position.unmended
    if ended := service.ended:
        wrong = wrong or f"a background task of this process ended: {', '.join(ended)}"
    wrong = wrong or await _why_not(service)
    current = not state["stopped"]
    good = current and wrong is None
    body = {
        "ready": good,
        "answers": wrong is None,
        "current": current,
        **state,
        "lag": state["recorded"] - state["position"],
    }
    return JSONResponse(body | ({"why": wrong} if wrong else {}), 200 if good else 503)


async def _why_not(service: Service) -> str | None:
    """Runs a query as the public does. Returns None, or the reason why it was not answered."""
    executor = service.executor
    document = executor.documents.get(PLANNED)
    operation = document.operation(None)
    assert operation is not None
    answer = await executor.execute(
        service.context(PUBLIC), document, operation, as_text=True, counted=False
    )
    if answer.status == 200 and "errors" not in answer.body:
        return None
    return "; ".join(error["message"] for error in answer.body.get("errors", ())) or "no answer"


async def metrics(request: Request) -> Response:
    """Metrics in the Prometheus text format; ops/docs/reference/metrics.md lists them.

    Metrics that are read from the database keep their last value while it cannot be reached. Where
    there are several processes, any of them answers for all; what the others counted in the last
    moment is in the next scrape.
    """
    service: Service = request.app.state.service
    with suppress(psycopg.Error, TooManyRequests, TimeoutError):
        await _state(service)
        await within(service.settings.deadline, _read_gauges(service))
    counters.add()
    counted = REGISTRY
    if SUMS in os.environ:
        counted = CollectorRegistry()
        MultiProcessCollector(counted)  # type: ignore[no-untyped-call]
    return Response(generate_latest(counted), media_type=CONTENT_TYPE_LATEST)


async def _read_gauges(service: Service) -> None:
    async with service.ledger.connection() as connection:
        await read(connection)


async def _state(service: Service) -> dict[str, Any]:
    """Reads the positions within the deadline. Raises psycopg.Error, TooManyRequests,
    TimeoutError."""
    return await within(service.settings.deadline, _read(service))


async def _read(service: Service) -> dict[str, Any]:
    async with (
        service.ledger.connection() as connection,
        connection.cursor(row_factory=tuple_row) as cursor,
    ):
        await cursor.execute(STATEMENT)
        row = await cursor.fetchone()
        async with connection.cursor(row_factory=class_row(findings.CheckStatus)) as other:
            checked = await (await other.execute(_CHECKED.encode())).fetchone()
    assert row is not None and checked is not None
    recorded, position, stopped = row
    RECORDED.set(recorded)
    PROJECTED.set(position)
    return {
        "recorded": recorded,
        "position": position,
        "stopped": stopped or [],
        "epoch": service.read_model_position.epoch,
        "timeZones": RELEASE,
        "check": _check_state(checked),
        "accepts": service.authenticator.accepts,
    }


def _check_state(checked: findings.CheckStatus) -> dict[str, Any]:
    """Returns the state of the background check. It names no operator: `./aeo status` and the log
    do."""
    CHECK_AGE.set(-1 if checked.age is None else checked.age)
    CHECK_PROGRESS.set(checked.progress)
    FINDINGS.set(checked.findings)
    UNMENDED.labels("read models").set(checked.unmended)
    UNMENDED.labels("ledger").set(checked.of_ledger)
    at = checked.last_found_at
    return {
        "age": None if checked.age is None else round(checked.age),
        "progress": round(checked.progress, 3),
        "findings": checked.findings,
        "lastFoundAt": at.isoformat().replace("+00:00", "Z") if at else None,
        "unmended": checked.unmended,
        "ofLedger": checked.of_ledger,
    }
