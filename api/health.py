"""Is it alive, is it ready, how is it: for whoever runs the service. None of it is secret."""

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
from psycopg.rows import tuple_row
from psycopg_pool import TooManyRequests
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from api import tallies
from api.access import PUBLIC
from api.patience import within
from api.server import SUMS
from api.service import Service
from registry.zones import RELEASE

RECORDED = Gauge(
    "aeo_recorded_position", "The last position in the ledger", multiprocess_mode="mostrecent"
)
PROJECTED = Gauge(
    "aeo_projected_position",
    "The position that every read model has seen",
    multiprocess_mode="mostrecent",
)

#: One row: the ledger's last position, how far the read models are, and what stands still.
STATEMENT = """
select (select coalesce(max(position), 0) from ledger.event), coalesce(min(t.position), 0),
    array_agg(t.projection || ' at ' || t.stopped_at || ': ' || t.why)
        filter (where t.stopped_at is not null)
from views.tracking t"""


async def alive(request: Request) -> Response:
    """200 as long as the process answers at all."""
    return PlainTextResponse("alive\n")


#: Answered by one statement, through the very connections that answer everybody's questions.
PLANNED = 'query Ready { agreement(id: "-") { id } }'


async def ready(request: Request) -> Response:
    """200 when questions can be answered, and from read models that go on; else 503.

    `answers`: a question was just answered, through the connections that answer everybody's.
    `current`: every read model goes on; where one stands, `stopped` says which, at which position
    and why, and what is answered is true for that position and grows old.

    `lag` is how many events the read models have still to see; answers carry their position,
    so a lag is told and is no reason to be left alone. `timeZones` is the release of the IANA
    Time Zone Database by which civil dates are derived. `epoch` is the ledger's
    (registry/epochs.py).
    """
    service: Service = request.app.state.service
    try:
        state = await _state(service)
    except (psycopg.Error, TooManyRequests, TimeoutError) as error:
        why = f"database: {type(error).__name__}"
        return JSONResponse({"ready": False, "answers": False, "why": why}, 503)
    so_far = service.first_load.so_far
    wrong = f"loading, so far: {so_far}" if so_far else await _why_not(service)
    current = not state["stopped"]
    good = current and wrong is None
    body = {
        "ready": good, "answers": wrong is None, "current": current, **state,
        "lag": state["recorded"] - state["position"],
    }  # fmt: skip
    return JSONResponse(body | ({"why": wrong} if wrong else {}), 200 if good else 503)


async def _why_not(service: Service) -> str | None:
    """Asks a question as the public does; None, or why it was not answered."""
    counter = service.counter
    document = counter.documents.get(PLANNED)
    operation = document.operation(None)
    assert operation is not None
    answer = await counter.execute(
        service.context(PUBLIC), document, operation, as_text=True, counted=False
    )
    if answer.status == 200 and "errors" not in answer.body:
        return None
    return "; ".join(error["message"] for error in answer.body.get("errors", ())) or "no answer"


async def metrics(request: Request) -> Response:
    """Prometheus text. Positions are left as they were where the database is away.

    Of several processes any one answers, for all of them: what the others answered in the last
    moment is in the next scrape.
    """
    with suppress(psycopg.Error, TooManyRequests, TimeoutError):
        await _state(request.app.state.service)
    tallies.add()
    counted = REGISTRY
    if SUMS in os.environ:
        counted = CollectorRegistry()
        MultiProcessCollector(counted)  # type: ignore[no-untyped-call]
    return Response(generate_latest(counted), media_type=CONTENT_TYPE_LATEST)


async def _state(service: Service) -> dict[str, Any]:
    """Raises psycopg.Error, TooManyRequests, TimeoutError."""
    return await within(service.settings.deadline, _read(service))


async def _read(service: Service) -> dict[str, Any]:
    async with (
        service.ledger.connection() as connection,
        connection.cursor(row_factory=tuple_row) as cursor,
    ):
        await cursor.execute(STATEMENT)
        row = await cursor.fetchone()
    assert row is not None
    recorded, position, stopped = row
    RECORDED.set(recorded)
    PROJECTED.set(position)
    return {
        "recorded": recorded, "position": position, "stopped": stopped or [],
        "epoch": service.sight.epoch,
        "timeZones": RELEASE,
        "accepts": service.authenticator.accepts,
    }  # fmt: skip
