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


async def ready(request: Request) -> Response:
    """200 when questions can be answered; 503 when the database is away or a read model stands.

    `lag` is how many events the read models have still to see; answers carry their position,
    so a lag is told and is no reason to be left alone. `timeZones` is the release of the IANA
    Time Zone Database by which civil dates are derived.
    """
    try:
        state = await _state(request.app.state.service)
    except (psycopg.Error, TooManyRequests) as error:
        return JSONResponse({"ready": False, "why": f"database: {type(error).__name__}"}, 503)
    stopped = state["stopped"]
    body = {"ready": not stopped, **state, "lag": state["recorded"] - state["position"]}
    return JSONResponse(body, 503 if stopped else 200)


async def metrics(request: Request) -> Response:
    """Prometheus text. Positions are left as they were where the database is away.

    Of several processes any one answers, for all of them: what the others answered in the last
    moment is in the next scrape.
    """
    with suppress(psycopg.Error, TooManyRequests):
        await _state(request.app.state.service)
    tallies.add()
    counted = REGISTRY
    if SUMS in os.environ:
        counted = CollectorRegistry()
        MultiProcessCollector(counted)  # type: ignore[no-untyped-call]
    return Response(generate_latest(counted), media_type=CONTENT_TYPE_LATEST)


async def _state(service: Service) -> dict[str, Any]:
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
        "timeZones": RELEASE,
        "accepts": service.authenticator.accepts,
    }  # fmt: skip
