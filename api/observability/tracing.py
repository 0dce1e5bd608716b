"""OpenTelemetry tracing: spans of requests, of the SQL statements that answer them, and of
commands.

Tracing is off, and costs nothing, unless the package `opentelemetry-sdk` is installed and an
exporter is configured: a tracer provider of the process, or OTEL_EXPORTER_OTLP_ENDPOINT together
with the package `opentelemetry-exporter-otlp-proto-http`. OpenTelemetry reads its other settings
(service name, sampling) itself.

No span contains an operator, a subject or a query. The addresses of pages contain operators'
identifiers, so a span has the route and not the address.
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

import structlog

if TYPE_CHECKING:
    from api.http.exchanges import Exchange


if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.trace import Tracer
    from starlette.types import Scope

log = structlog.get_logger("tracing")
T = TypeVar("T")
NAME = "aeo"


def tracer() -> Tracer | None:
    """Returns the tracer; None where tracing is off."""
    try:
        from opentelemetry import trace
        from opentelemetry.sdk import trace as sdk
    except ImportError:
        return None
    if not isinstance(trace.get_tracer_provider(), sdk.TracerProvider):
        provider = _exporting(sdk.TracerProvider)
        if provider is None:
            return None
        trace.set_tracer_provider(provider)
    return trace.get_tracer(NAME)


def _exporting(provider: type[TracerProvider]) -> TracerProvider | None:
    """Returns a provider that exports spans as the environment says, in a background thread."""
    if not os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT"):
        return None
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    except ImportError:
        log.warning(
            "tracing.off",
            why="OTEL_EXPORTER_OTLP_ENDPOINT is set, and the package"
            " opentelemetry-exporter-otlp-proto-http is not installed",
        )
        return None
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    made = provider()
    made.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return made


@contextmanager
def of_request(tracer: Tracer, scope: Scope, exchange: Exchange) -> Iterator[None]:
    """Opens the span of one request, as a child of the span in its `traceparent` header."""
    from opentelemetry.trace import SpanKind, StatusCode
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    carried = {
        name.decode("ascii"): value.decode("latin-1")
        for name, value in scope["headers"]
        if name in (b"traceparent", b"tracestate")
    }
    parent = TraceContextTextMapPropagator().extract(carried)
    with tracer.start_as_current_span(
        f"{exchange.method} {exchange.by}", context=parent, kind=SpanKind.SERVER
    ) as span:
        try:
            yield
        finally:
            status = exchange.status or 499
            span.set_attribute("http.request.method", exchange.method)
            span.set_attribute("http.response.status_code", status)
            span.set_attribute("aeo.request_id", exchange.id)
            route = scope.get("route")
            span.set_attribute("http.route", getattr(route, "path", "/graphql"))
            if status >= 500:
                span.set_status(StatusCode.ERROR)


async def spanned(tracer: Tracer, name: str, work: Awaitable[T]) -> T:
    """Awaits the work in a span of its own."""
    with tracer.start_as_current_span(name):
        return await work
