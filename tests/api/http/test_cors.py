"""Which other web pages may ask in a browser: those of the allow-list, and never with cookies."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.api.client import Client

OURS, THEIRS = "https://broker.example", "https://evil.example"
ASKS = {"access-control-request-method": "POST", "access-control-request-headers": "authorization"}
QUESTION = {"query": "{ __typename }"}


@pytest.fixture(scope="module")
def listed(counter: Client) -> Iterator[Client]:
    origins = f" {OURS}/, https://other.example"
    with Client(counter.database, counter.home, cors_origins=origins) as client:
        yield client


def test_a_page_of_a_listed_origin_may_ask_and_read_the_answer(listed: Client) -> None:
    asked = listed.request("OPTIONS", "/graphql", headers={"origin": OURS, **ASKS})
    answer = listed.request("POST", "/graphql", json=QUESTION, headers={"origin": OURS})

    assert (asked.status_code, asked.headers["access-control-allow-origin"]) == (204, OURS)
    assert "authorization" in asked.headers["access-control-allow-headers"]
    assert answer.json() == {"data": {"__typename": "Query"}}
    assert answer.headers["access-control-allow-origin"] == OURS
    assert "x-request-id" in answer.headers["access-control-expose-headers"]


@pytest.mark.parametrize("origin", [OURS, THEIRS])
@pytest.mark.parametrize(
    "path", ["/log/policy", "/aeo-verify", "/schema.graphql", "/openapi.json", "/log/checkpoint"]
)
def test_what_anybody_may_read_any_page_may(listed: Client, path: str, origin: str) -> None:
    answer = listed.request("GET", path, headers={"origin": origin})

    assert answer.headers.get_list("access-control-allow-origin") == ["*"]


@pytest.mark.parametrize(
    "origin", [THEIRS, "null", f"{OURS}.evil.example", "http://broker.example"]
)
def test_a_page_of_another_origin_is_told_nothing(listed: Client, origin: str) -> None:
    asked = listed.request("OPTIONS", "/graphql", headers={"origin": origin, **ASKS})
    answer = listed.request("POST", "/graphql", json=QUESTION, headers={"origin": origin})

    assert asked.status_code == 403
    for each in (asked, answer):
        assert "access-control-allow-origin" not in each.headers
        assert "origin" in each.headers.get_list("vary")


@pytest.mark.parametrize("origin", [OURS, THEIRS])
def test_cookies_are_never_allowed(listed: Client, origin: str) -> None:
    for method in ("OPTIONS", "POST"):
        answer = listed.request(method, "/graphql", headers={"origin": origin, **ASKS})
        assert "access-control-allow-credentials" not in answer.headers


def test_without_a_list_no_origin_may_ask(counter: Client) -> None:
    asked = counter.request("OPTIONS", "/graphql", headers={"origin": OURS, **ASKS})

    assert asked.status_code == 403
    assert "access-control-allow-origin" not in asked.headers
