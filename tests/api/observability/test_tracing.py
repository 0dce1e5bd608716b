"""With OpenTelemetry's packages a request is a span; so is the statement or command in it."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

from api.observability import tracing
from tests.api.client import ACME, CHINA, Client

TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
CARRIED = {"traceparent": f"00-{TRACE}-{PARENT}-01"}


@pytest.fixture(scope="module")
def spans() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture(scope="module")
def traced(counter: Client, spans: InMemorySpanExporter) -> Iterator[Client]:
    """A service whose process traces. A process has one provider for good; this one is ours."""
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(spans))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trace, "get_tracer_provider", lambda: provider)
        with Client(counter.database, counter.home) as client:
            yield client


def of(client: Client, spans: InMemorySpanExporter) -> dict[str, ReadableSpan]:
    """By their names, those that ended since; the last one first asked for."""
    found = {span.name: span for span in spans.get_finished_spans()}
    spans.clear()
    return found


def test_a_question_is_a_span_of_its_sender_s_trace(
    traced: Client, spans: InMemorySpanExporter
) -> None:
    document = 'query Q { agreement(id: "CN-KR-AEO") { id } }'
    traced.ask(document)  # what is asked for the first time is planned meanwhile
    spans.clear()

    answer = traced.post(document, headers=CARRIED)

    found = of(traced, spans)
    request, statement = found["POST graphql"], found["statement"]
    assert set(found) == {"POST graphql", "statement"}
    assert request.context is not None and request.parent is not None
    assert f"{request.context.trace_id:032x}" == TRACE
    assert f"{request.parent.span_id:016x}" == PARENT
    assert statement.parent is not None
    assert statement.parent.span_id == request.context.span_id
    assert request.attributes == {
        "http.request.method": "POST",
        "http.response.status_code": 200,
        "http.route": "/graphql",
        "aeo.request_id": answer.headers["x-request-id"],
    }


def test_a_command_is_a_span(traced: Client, spans: InMemorySpanExporter) -> None:
    spans.clear()

    traced.tell("registerOperator", CHINA, tin="CN6666666666", name="A", roles=["EXPORTER"])

    found = of(traced, spans)
    assert set(found) == {"POST graphql", "command"}
    assert found["POST graphql"].parent is None


def test_a_question_that_is_not_planned_is_a_span(
    traced: Client, spans: InMemorySpanExporter
) -> None:
    spans.clear()

    traced.ask("{ __schema { queryType { name } } }")

    assert "question" in of(traced, spans)


def test_a_page_is_a_span_and_says_nothing_of_the_operator(
    traced: Client, spans: InMemorySpanExporter
) -> None:
    spans.clear()

    traced.request("GET", f"/operators/{ACME}?in=KR")

    found = of(traced, spans)
    assert found["GET page"].attributes is not None
    assert found["GET page"].attributes["http.route"] == "/operators/{tin}"
    assert ACME not in "".join(span.to_json() for span in found.values())


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [("/nowhere", 404, StatusCode.UNSET), ("/healthz", 200, StatusCode.UNSET)],
)
def test_what_the_subject_got_wrong_is_no_fault_of_the_service(
    traced: Client, spans: InMemorySpanExporter, path: str, status: int, code: StatusCode
) -> None:
    spans.clear()

    traced.request("GET", path)

    [span] = [
        readable_span for name, readable_span in of(traced, spans).items() if name.startswith("GET")
    ]
    assert span.attributes is not None
    assert span.attributes["http.response.status_code"] == status
    assert span.status.status_code is code


@pytest.mark.parametrize("said", ["", "00-zz", f"00-{'0' * 32}-{PARENT}-01", "x" * 4_000])
def test_a_trace_that_is_none_begins_a_new_one(
    traced: Client, spans: InMemorySpanExporter, said: str
) -> None:
    spans.clear()

    traced.request("GET", "/healthz", headers={"traceparent": said})

    assert of(traced, spans)["GET health"].parent is None


# --------------------------------------------------------------- where nothing is traced


def test_nothing_is_traced_where_nothing_says_where_spans_go(
    monkeypatch: pytest.MonkeyPatch, counter: Client
) -> None:
    monkeypatch.setattr(trace, "get_tracer_provider", trace.ProxyTracerProvider)
    monkeypatch.delenv("OTEL_EXPORTER_OTLP_ENDPOINT", raising=False)

    assert tracing.tracer() is None
    assert counter.service.tracer is None


def test_nothing_is_traced_without_the_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4318")
    monkeypatch.setattr(trace, "get_tracer_provider", TracerProvider)
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk", None)

    assert tracing.tracer() is None


def test_an_exporter_that_is_missing_is_said_and_stops_nothing(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4318")
    monkeypatch.setattr(trace, "get_tracer_provider", trace.ProxyTracerProvider)
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter", None)

    assert tracing.tracer() is None
    said = capfd.readouterr()
    assert "opentelemetry-exporter-otlp-proto-http is not installed" in said.out + said.err
