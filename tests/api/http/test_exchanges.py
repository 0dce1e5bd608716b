"""Every request has an id, a line in the log and a count, also what is refused at the door."""

from __future__ import annotations

import json
import re
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from api.access.tokens import issue
from api.graphql.limits import DECLARATIONS_BODY
from api.graphql.persisted_queries import MOST_DOCUMENTS, PersistedQueries
from api.observability import logging
from tests.api.client import AUDITOR, CHINA, Client

QUESTION = {"query": "{ __typename }"}


def lines(said: str) -> list[dict[str, Any]]:
    """The access lines of a log."""
    found = [json.loads(line) for line in said.splitlines() if line.startswith("{")]
    return [line for line in found if line["event"] == "request"]


def last(capfd: pytest.CaptureFixture[str]) -> dict[str, Any]:
    logging.write()
    return lines(capfd.readouterr().err)[-1]


def counted(counter: Client, metric: str, **labels: str) -> float:
    told = counter.request("GET", "/metrics").text
    wanted = ",".join(f'{name}="{value}"' for name, value in sorted(labels.items()))
    series = f"{metric}_total{{{wanted}}}" if labels else f"{metric}_total"
    found = re.search(rf"^{re.escape(series)} (\S+)$", told, re.MULTILINE)
    return float(found[1]) if found else 0.0


#: What is refused before a question is read: how it is asked, the status, and the code.
REFUSED: list[tuple[str, str, dict[str, Any], int, str]] = [
    (
        "POST",
        "/graphql",
        {"json": QUESTION, "headers": {"authorization": "Bearer no"}},
        401,
        "UNAUTHENTICATED",
    ),
    (
        "POST",
        "/graphql",
        {"json": QUESTION, "headers": {"authorization": "Basic no"}},
        401,
        "UNAUTHENTICATED",
    ),
    ("PUT", "/graphql", {"json": QUESTION}, 405, "METHOD_NOT_ALLOWED"),
    (
        "GET",
        "/graphql",
        {"params": {"query": "mutation { __typename }"}},
        405,
        "METHOD_NOT_ALLOWED",
    ),
    (
        "POST",
        "/graphql",
        {
            "content": b"x" * (DECLARATIONS_BODY + 1),
            "headers": {"content-type": "application/json"},
        },
        413,
        "TOO_LARGE",
    ),
    ("POST", "/graphql", {"content": b"query"}, 415, "UNSUPPORTED_MEDIA_TYPE"),
    (
        "POST",
        "/graphql",
        {"json": QUESTION, "headers": {"accept": "text/css"}},
        406,
        "NOT_ACCEPTABLE",
    ),
    ("POST", "/graphql", {"json": []}, 400, "BAD_REQUEST"),
    (
        "POST",
        "/graphql",
        {"json": QUESTION, "headers": {"aeo-min-position": "x"}},
        400,
        "BAD_REQUEST",
    ),
]


@pytest.mark.parametrize(("method", "path", "said", "status", "code"), REFUSED)
def test_what_is_refused_at_the_door_is_logged_and_counted(
    counter: Client,
    capfd: pytest.CaptureFixture[str],
    method: str,
    path: str,
    said: dict[str, Any],
    status: int,
    code: str,
) -> None:
    before = counted(counter, "aeo_http_refused", by="graphql", code=code)
    responses = counted(counter, "aeo_http_responses", by="graphql", status=str(status))

    answer = counter.request(method, path, **said)

    assert answer.status_code == status
    line = last(capfd)
    assert (line["method"], line["path"], line["status"]) == (method, path, status)
    [error] = answer.json()["errors"]
    assert error["extensions"]["code"] == code
    assert error["extensions"]["requestId"] == line["request"] == answer.headers["x-request-id"]
    assert counted(counter, "aeo_http_refused", by="graphql", code=code) == before + 1
    after = counted(counter, "aeo_http_responses", by="graphql", status=str(status))
    assert after == responses + 1


@pytest.mark.parametrize(
    ("path", "status", "by"),
    [
        ("/nowhere", 404, "page"),
        ("/static/none.css", 404, "static"),
        ("/healthz", 200, "health"),
        ("/log/none", 404, "log"),
        ("/", 200, "page"),
    ],
)
def test_every_address_has_its_line_and_its_count(
    counter: Client, capfd: pytest.CaptureFixture[str], path: str, status: int, by: str
) -> None:
    before = counted(counter, "aeo_http_responses", by=by, status=str(status))
    capfd.readouterr()

    plain = {"accept-encoding": "identity"}
    answer = counter.request("GET", f"{path}?utm_source=somebody", headers=plain)

    line = last(capfd)
    assert (answer.status_code, line["status"], line["path"]) == (status, status, path)
    assert "somebody" not in json.dumps(line)
    assert line["bytes"] == len(answer.content)
    grown = counted(counter, "aeo_http_responses", by=by, status=str(status)) - before
    assert grown >= 1


@pytest.mark.parametrize(
    "id", ["5f0c1c9e-0c53-4f6d-9a5f-6d1f3c1c9e0c", "b7f5c1", "req-2026.11:29_1"]
)
def test_a_request_keeps_the_id_that_it_came_with(counter: Client, id: str) -> None:
    answer = counter.request("GET", "/healthz", headers={"x-request-id": id})

    assert answer.headers["x-request-id"] == id


@pytest.mark.parametrize("id", ["", "two words", "x" * 129, "né", '"}\n{'])
def test_an_id_that_could_forge_a_line_is_replaced(counter: Client, id: str) -> None:
    headers = [(b"x-request-id", id.encode())]

    answer = counter.request("GET", "/healthz", headers=headers)

    assert UUID(answer.headers["x-request-id"])


def test_an_error_names_its_request(counter: Client) -> None:
    id = str(uuid4())

    answer = counter.request(
        "POST", "/graphql", json={"query": "{ nothing }"}, headers={"x-request-id": id}
    )

    assert [error["extensions"]["requestId"] for error in answer.json()["errors"]] == [id]


def test_a_trace_is_in_the_line(counter: Client, capfd: pytest.CaptureFixture[str]) -> None:
    trace = "0af7651916cd43dd8448eb211c80319c"
    capfd.readouterr()

    counter.request("GET", "/healthz", headers={"traceparent": f"00-{trace}-b7ad6b7169203331-01"})

    assert last(capfd)["trace"] == trace


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/tour",
        "/countries/CN",
        "/healthz",
        "/readyz",
        "/metrics",
        "/static/style.css",
        "/graphql?query=%7B__typename%7D",
        "/nowhere",
    ],
)
def test_a_head_is_answered_as_the_get_without_its_body(counter: Client, path: str) -> None:
    whole, head = (counter.request(method, path) for method in ("GET", "HEAD"))

    assert head.status_code == whole.status_code
    assert head.headers["content-type"] == whole.headers["content-type"]
    assert head.content == b""


# ------------------------------------------------------------------------ by GET


def test_a_question_may_be_asked_by_get(counter: Client) -> None:
    said = {
        "query": "query Q($of: AdministrationCode!) { administration(code: $of) { code } }",
        "variables": json.dumps({"of": "CN"}),
        "operationName": "Q",
    }

    answer = counter.request("GET", "/graphql", params=said)

    assert answer.json() == {"data": {"administration": {"code": "CN"}}}


@pytest.mark.parametrize(
    ("said", "status"),
    [
        ({"query": "{"}, 400),
        ({"query": "{ __typename }", "variables": "[]"}, 400),
        ({"query": "{ __typename }", "variables": "{"}, 400),
        ({"query": "{ __typename }" + " " * 17_000}, 413),
        ({"query": "", "variables": "{}"}, 400),
        ({"query": "mutation M { __typename }"}, 405),
    ],
)
def test_a_get_has_the_limits_of_a_post_and_changes_nothing(
    counter: Client, said: dict[str, str], status: int
) -> None:
    answer = counter.request("GET", "/graphql", params=said)

    assert answer.status_code == status
    assert answer.json()["errors"][0]["message"]


def test_a_browser_at_the_same_address_is_given_the_tool(counter: Client) -> None:
    answer = counter.request("GET", "/graphql", headers={"accept": "text/html"})

    assert "GraphiQL" in answer.text


# -------------------------------------------------------------- persisted queries


def persisted(hash: str, version: int = 1) -> dict[str, Any]:
    return {"persistedQuery": {"version": version, "sha256Hash": hash}}


def test_a_document_that_was_sent_once_is_asked_for_by_its_hash(counter: Client) -> None:
    text = "query P { __typename }"
    hash = sha256(text.encode()).hexdigest()
    unknown = counter.request("POST", "/graphql", json={"extensions": persisted(hash)})
    assert unknown.status_code == 200
    [error] = unknown.json()["errors"]
    assert error["message"] == "PersistedQueryNotFound"
    assert error["extensions"]["code"] == "PERSISTED_QUERY_NOT_FOUND"

    whole = {"query": text, "extensions": persisted(hash)}
    assert counter.request("POST", "/graphql", json=whole).json()["data"]
    for method, said in (
        ("POST", {"json": {"extensions": persisted(hash)}}),
        ("GET", {"params": {"extensions": json.dumps(persisted(hash))}}),
    ):
        answer = counter.request(method, "/graphql", **said)
        assert answer.json() == {"data": {"__typename": "Query"}}


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ({"query": "{ __typename }", "extensions": persisted("0" * 64)}, "is not the document's"),
        ({"extensions": persisted("0" * 63)}, "64 hexadecimal digits"),
        ({"extensions": persisted("0" * 64, version=2)}, "wanted version 1"),
        ({"extensions": {"persistedQuery": "x"}}, "wanted version 1"),
        ({"extensions": {}}, "query: found nothing"),
        ({}, "query: found nothing"),
    ],
)
def test_a_hash_that_is_not_one_is_refused_in_words(
    counter: Client, body: dict[str, Any], sentence: str
) -> None:
    answer = counter.request("POST", "/graphql", json=body)

    assert answer.status_code == 400
    assert sentence in answer.json()["errors"][0]["message"]


def test_a_document_that_is_wrong_is_not_kept(counter: Client) -> None:
    text = "{ nothing }"
    hash = sha256(text.encode()).hexdigest()
    counter.request("POST", "/graphql", json={"query": text, "extensions": persisted(hash)})

    again = counter.request("POST", "/graphql", json={"extensions": persisted(hash)})

    assert again.json()["errors"][0]["message"] == "PersistedQueryNotFound"


def test_what_one_process_was_sent_every_process_knows(tmp_path: Path) -> None:
    """Apollo Client in Node keeps two connections: it sent the document to one process, asked the
    other for it, and did so for ever."""
    text = "query P { __typename }"
    asked = persisted(sha256(text.encode()).hexdigest())
    first, second = (
        PersistedQueries(tmp_path / "documents"),
        PersistedQueries(tmp_path / "documents"),
    )
    assert second.text(None, asked) is None

    first.keep(text, asked)

    assert second.text(None, asked) == text
    assert PersistedQueries().text(None, asked) is None


def test_a_shared_document_that_is_not_whole_is_not_known(tmp_path: Path) -> None:
    text = "query P { __typename }"
    hash = sha256(text.encode()).hexdigest()
    PersistedQueries(tmp_path).keep(text, persisted(hash))
    (tmp_path / hash).write_text("query P {")

    assert PersistedQueries(tmp_path).text(None, persisted(hash)) is None


def test_documents_that_are_forgotten_leave_no_file(tmp_path: Path) -> None:
    shown = PersistedQueries(tmp_path)
    for number in range(MOST_DOCUMENTS + 5):
        text = f"query P{number} {{ __typename }}"
        shown.keep(text, persisted(sha256(text.encode()).hexdigest()))

    assert len(list(tmp_path.iterdir())) == MOST_DOCUMENTS


@pytest.mark.parametrize(
    "document",
    [
        "query Q { viewer { role } ...F @defer } fragment F on Query { log { size } }",
        "{ administrations @stream(initialCount: 1) { code } }",
    ],
)
def test_an_answer_in_parts_is_refused_in_words(counter: Client, document: str) -> None:
    error = counter.error(document)

    assert error["code"] == "BAD_INPUT"
    assert re.match(r"@(defer|stream): an answer is sent whole", error["message"])


def test_who_asks_by_get_is_told_by_the_token(counter: Client) -> None:
    """The identity of a GET is the header's, never the address's."""
    for by, role in ((None, "public"), (AUDITOR, "auditor"), (CHINA, "officer")):
        shown = {"authorization": f"Bearer {issue(by, counter.home)}"} if by else {}
        params = {"query": "{ viewer { role } }"}
        answer = counter.request("GET", "/graphql", params=params, headers=shown)
        assert answer.json()["data"]["viewer"]["role"] == role
