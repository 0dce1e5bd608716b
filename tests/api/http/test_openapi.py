"""What programs read before they ask: OpenAPI, the schema, security.txt. Rules of every address."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError
from starlette.routing import Mount, Route

from api.http.cors import ASKED
from api.http.openapi import NOT_DESCRIBED, OF_PAGES, document
from api.http.security_contact import PATH, absent, text
from api.pages.errors import PageRoute
from api.settings import Settings
from registry.paths import SCHEMA
from tests.api.client import ACME, Client
from tests.api.test_faults import PLACES, _routes

CONTACT = "mailto:security@register.example"


def routes(counter: Client) -> list[Route]:
    return list(_routes(counter.app))


def addresses(counter: Client) -> Iterator[str]:
    """Every address that answers a GET, with its places filled in, and one that is nobody's."""
    for route in routes(counter):
        if "GET" in (route.methods or ()):
            yield re.sub(r"{([^}]+)}", lambda match: PLACES.get(match[1], match[0]), route.path)
    yield from ("/static/style.css", "/nowhere", "/static/none.css", f"/operators/{ACME}?in=KR")


def operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in document()["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


# ------------------------------------------------------------------------- OpenAPI


def test_every_address_is_described_or_left_out_for_a_reason(counter: Client) -> None:
    described = set(document()["paths"])
    there = {route.path for route in routes(counter) if not isinstance(route, PageRoute)}
    mounted = {f"{route.path}/{{path}}" for route in counter.app.routes if isinstance(route, Mount)}
    pages = [route for route in routes(counter) if isinstance(route, PageRoute)]

    named = {re.sub(r":\w+}", "}", path) for path in there}
    assert named | mounted == described | set(NOT_DESCRIBED)
    assert not described & set(NOT_DESCRIBED)
    assert len(pages) > 10 and OF_PAGES and all(NOT_DESCRIBED.values())


def test_the_document_is_whole_in_itself() -> None:
    """The structure that OpenAPI 3.1 asks for; no validator is among the locked packages."""
    whole = document()

    assert whole["openapi"].startswith("3.1.")
    assert {"title", "version"} <= set(whole["info"])
    ids = [operation["operationId"] for _, _, operation in operations()]
    assert len(ids) == len(set(ids))
    for path, method, operation in operations():
        assert path.startswith("/") and method in ("get", "head", "post")
        assert operation["summary"].strip()
        assert operation["responses"]
        for status, response in operation["responses"].items():
            assert re.fullmatch(r"[1-5]\d\d", status)
            assert response["description"].strip()
            for kind, content in response.get("content", {}).items():
                assert re.fullmatch(r"[a-z]+/[a-z0-9.+-]+", kind) and content["schema"]
        listed = [resolved(item) for item in operation.get("parameters", ())]
        for parameter in listed:
            assert parameter["in"] in ("path", "query", "header") and parameter["name"]
            assert ("schema" in parameter) != ("content" in parameter)
        in_path = {entry["name"] for entry in listed if entry["in"] == "path"}
        assert in_path == set(re.findall(r"{(\w+)}", path))
        assert all(entry["required"] for entry in listed if entry["in"] == "path")
    for reference in re.findall(r"'\$ref': '([^']+)'", repr(whole)):
        assert resolved({"$ref": reference})


def resolved(entry: dict[str, Any]) -> dict[str, Any]:
    """The thing that a reference names, or the thing itself."""
    found: Any = document()
    if "$ref" not in entry:
        return entry
    for step in entry["$ref"].removeprefix("#/").split("/"):
        found = found[step]
    assert isinstance(found, dict)
    return found


def fits(value: Any, schema: dict[str, Any]) -> bool:
    """Does a JSON value fit a schema, in the words of JSON Schema that the document uses?"""
    schema = resolved(schema)
    kinds = schema.get("type", [])
    kinds = [kinds] if isinstance(kinds, str) else kinds
    python = {
        "object": dict,
        "array": list,
        "string": str,
        "integer": int,
        "boolean": bool,
        "null": type(None),
    }
    if kinds and not isinstance(value, tuple(python[kind] for kind in kinds)):
        return False
    if isinstance(value, dict):
        if not set(schema.get("required", ())) <= set(value):
            return False
        named = schema.get("properties", {})
        return all(fits(value[name], named[name]) for name in named if name in value)
    if isinstance(value, list):
        return all(fits(each, schema.get("items", {})) for each in value)
    return True


#: Requests to the plain addresses beside a GET of each: how, and the status.
REQUESTS: list[tuple[str, str, dict[str, Any], int]] = [
    ("POST", "/graphql", {"json": {"query": "{ __typename }"}}, 200),
    ("POST", "/graphql", {"json": {"query": "{ nothing }"}}, 400),
    ("POST", "/graphql", {"json": {"query": "{ agreement { id } }"}}, 400),
    (
        "POST",
        "/graphql",
        {"json": {"query": "{ __typename }"}, "headers": {"authorization": "Bearer no"}},
        401,
    ),
    ("GET", "/graphql", {}, 405),
    ("GET", "/graphql", {"headers": {"accept": "text/html"}}, 200),
    ("GET", "/graphql", {"params": {"query": "{ __typename }"}}, 200),
    ("POST", "/graphql", {"json": {}, "headers": {"accept": "text/css"}}, 406),
    (
        "POST",
        "/graphql",
        {
            "json": {"query": '{ administration(code: "CN") { name } }'},
            "headers": {"aeo-min-position": "0123456789ab:1"},
        },
        412,
    ),
    ("POST", "/graphql", {"content": b"{"}, 415),
    ("POST", "/peer/report", {}, 401),
    ("GET", "/peer/events", {"headers": {"authorization": "Bearer no"}}, 401),
    ("GET", "/log/tile/067", {}, 400),
    ("GET", "/log/tile/0/067", {}, 404),
]


def test_every_answer_is_one_that_is_described(counter: Client) -> None:
    asked: list[tuple[str, str, dict[str, Any], int | None]] = [*REQUESTS]
    paths = document()["paths"]
    plain = [path for path in paths if "{" not in path and "get" in paths[path]]
    asked += [("GET", path, {}, None) for path in plain]
    for method, path, said, status in asked:
        answer = counter.request(method, path, **said)
        template = "/log/tile/{name}" if path.startswith("/log/tile/") else path
        described = document()["paths"][template][method.lower()]["responses"]
        assert status in (None, answer.status_code), path
        response = described[str(answer.status_code)]
        kind = answer.headers["content-type"].partition(";")[0]
        assert kind in response["content"], (path, kind)
        if kind.endswith("json") and path != "/openapi.json":
            assert fits(answer.json(), response["content"][kind]["schema"]), (path, answer.text)


def test_every_header_that_a_program_may_send_is_described() -> None:
    """Whatever a web page of another origin may send with a question; the token is a scheme."""
    sent = {header.strip() for header in ASKED.split(",")} - {"authorization", "content-type"}
    for path, _, operation in operations():
        if path == "/graphql":
            named = [resolved(parameter) for parameter in operation["parameters"]]
            assert sent == {entry["name"].lower() for entry in named if entry["in"] == "header"}


def test_the_check_of_a_shape_can_fail() -> None:
    assert fits({"errors": []}, {"$ref": "#/components/schemas/GraphQLResponse"})
    assert not fits({"errors": [{}]}, {"$ref": "#/components/schemas/GraphQLResponse"})
    assert not fits({"ready": "yes", "answers": True}, {"$ref": "#/components/schemas/Readiness"})


def test_the_document_and_the_schema_are_served_and_known_again(counter: Client) -> None:
    for path in ("/openapi.json", "/schema.graphql"):
        answer = counter.request("GET", path)
        again = counter.request("GET", path, headers={"if-none-match": answer.headers["etag"]})
        assert (answer.status_code, again.status_code, again.content) == (200, 304, b"")
        assert answer.headers["cache-control"] == "public, no-cache"
        if path == "/openapi.json":
            assert answer.json() == document()
        else:
            assert answer.text.strip() == SCHEMA.read_text(encoding="utf-8").strip()


# --------------------------------------------------------------- of every address


def test_a_head_is_answered_as_the_get_of_every_address(counter: Client) -> None:
    found = list(addresses(counter))
    assert len(found) > 25
    for path in found:
        # Whole, and without an id in the text, so that lengths can be compared.
        headers = {"accept-encoding": "identity", "x-request-id": "the-same"}
        whole, head = (counter.request(method, path, headers=headers) for method in ("GET", "HEAD"))
        assert head.status_code == whole.status_code, path
        assert head.content == b"", path
        assert head.headers.get("content-type") == whole.headers.get("content-type"), path
        assert head.headers["cache-control"] == whole.headers["cache-control"], path
        if path not in ("/metrics", "/readyz"):  # which say other numbers each time
            assert head.headers["content-length"] == whole.headers["content-length"], path


def test_no_answer_is_taken_for_what_it_is_not(counter: Client) -> None:
    """A browser guesses no media type, and no page runs what is not a file of ours."""
    answers = [counter.request("GET", path) for path in addresses(counter)]
    answers.append(counter.request("POST", "/graphql", json={"query": "{ __typename }"}))
    answers.append(counter.request("POST", "/graphql", json={"query": "{"}))

    for answer in answers:
        assert answer.headers.get_list("x-content-type-options") == ["nosniff"], answer.url
        if answer.headers.get("content-type", "").startswith("text/html"):
            policy = answer.headers["content-security-policy"]
            assert "default-src 'self'" in policy and "frame-ancestors 'none'" in policy
            assert "unsafe" not in policy
            assert answer.headers["referrer-policy"] in ("same-origin", "no-referrer")
        if answer.headers.get("access-control-allow-origin") == "*":
            assert "default-src 'none'" in answer.headers["content-security-policy"]


# -------------------------------------------------------------------- security.txt


def test_no_contact_is_made_up(counter: Client) -> None:
    answer = counter.request("GET", PATH)

    assert answer.status_code == 404
    assert "AEO_SECURITY_CONTACT is not set" in answer.text
    assert "AEO_SECURITY_CONTACT is not set" in (absent(counter.service.settings, NOW) or "")


NOW = datetime(2026, 11, 29, tzinfo=UTC)


def test_the_contact_that_is_set_is_served(counter: Client) -> None:
    until = datetime.now(UTC) + timedelta(days=200)
    said = {
        "security_contact": f"{CONTACT}, https://register.example/report",
        "security_expires": until,
    }
    with Client(counter.database, counter.home, **said) as other:
        answer = other.request("GET", PATH)
        again = other.request("GET", PATH, headers={"if-none-match": answer.headers["etag"]})

    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.text.splitlines() == [
        f"Contact: {CONTACT}",
        "Contact: https://register.example/report",
        f"Expires: {until.replace(microsecond=0).isoformat().replace('+00:00', 'Z')}",
    ]
    assert again.status_code == 304


def test_a_contact_that_has_expired_is_no_more_given(counter: Client) -> None:
    past = {"security_contact": CONTACT, "security_expires": datetime(2026, 1, 1, tzinfo=UTC)}
    with Client(counter.database, counter.home, **past) as other:
        answer = other.request("GET", PATH)

    assert (answer.status_code, "has expired" in answer.text) == (404, True)


@pytest.mark.parametrize(
    "said",
    [
        {"security_contact": "security@register.example"},
        {"security_contact": "mailto:a b"},
        {"security_contact": f"{CONTACT}\nPolicy: x"},
        {"security_contact": CONTACT},
        {"security_contact": "http://register.example"},
        {"security_contact": CONTACT, "security_expires": "2027-01-01T00:00:00"},
    ],
)
def test_a_contact_that_nobody_could_use_is_refused(said: dict[str, str]) -> None:
    alone = said.get("security_contact") == CONTACT
    expires = {} if alone else {"security_expires": "2027-01-01T00:00:00Z"}

    with pytest.raises(ValidationError, match="security_"):
        Settings.model_validate({"database": "x", **expires, **said})


def test_an_expiry_is_written_in_utc() -> None:
    settings = Settings.model_validate(
        {"database": "x", "security_contact": CONTACT, "security_expires": "2027-01-01T00:00+08:00"}
    )

    assert text(settings) == f"Contact: {CONTACT}\nExpires: 2026-12-31T16:00:00Z\n"
    assert absent(settings, NOW) is None
