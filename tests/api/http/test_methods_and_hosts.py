"""Refused before any handler: a method that a path does not have, the name of another machine."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.api.client import Client
from tests.api.test_faults import PLACES, _routes

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PURGE")


def paths(client: Client) -> Iterator[tuple[str, set[str]]]:
    """Every path of the application with its places filled in, and the methods it has."""
    found: dict[str, set[str]] = {"/static/style.css": {"GET", "HEAD"}}
    for route in _routes(client.app):
        path = re.sub(r"{([^}]+)}", lambda match: PLACES.get(match[1], match[0]), route.path)
        found.setdefault(path, set()).update(route.methods or ())
    found["/graphql"].add("POST")
    for path, methods in found.items():
        yield path, methods | ({"HEAD"} if "GET" in methods else set())


def refused(client: Client) -> float:
    told = client.request("GET", "/metrics").text
    counts = re.findall(r"^aeo_http_refused_total{.*METHOD_NOT_ALLOWED.*} (.+)$", told, re.M)
    return sum(map(float, counts))


def test_every_path_names_its_methods_where_it_refuses_another(counter: Client) -> None:
    before, asked = refused(counter), 0
    for path, methods in paths(counter):
        for method in METHODS:
            if method in methods:
                continue
            answer = counter.request(method, path)
            asked += 1
            assert answer.status_code == 405, (method, path)
            assert set(answer.headers["allow"].split(", ")) == methods, (method, path)
            if method != "HEAD":
                [error] = answer.json()["errors"]
                assert error["extensions"] == {
                    "code": "METHOD_NOT_ALLOWED",
                    "requestId": answer.headers["x-request-id"],
                }
            assert answer.headers["cache-control"] == "no-store"
    assert asked > 100 and refused(counter) == before + asked


def test_a_browser_is_told_by_a_page(counter: Client) -> None:
    answer = counter.request("DELETE", "/countries", headers={"accept": "text/html"})

    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD")
    assert "METHOD_NOT_ALLOWED" in answer.text and answer.headers["x-request-id"] in answer.text


OWN = ["localhost", "LOCALHOST:8420", "127.0.0.1", "127.0.0.1:1", "[::1]", "[::1]:8420"]
FOREIGN = ["evil.example", "evil.example:8420", "localhost.evil.example", "127.0.0.1.evil.example"]
FOREIGN += ["::1", "[::2]:8420", "", "0.0.0.0", "localhost:", "localhost:a", "192.168.1.7:8420"]
ASKED: list[tuple[str, str, dict[str, Any]]] = [
    ("GET", "/as", {}),
    ("POST", "/as", {"data": {"subject": "officer:CN"}}),
    ("GET", "/", {"headers": {"accept": "text/html"}}),
    ("POST", "/graphql", {"json": {"query": "{ viewer { role } }"}}),
    ("OPTIONS", "/graphql", {"headers": {"access-control-request-method": "POST"}}),
    ("GET", "/healthz", {}),
    ("GET", "/nowhere", {}),
]


@pytest.mark.parametrize("host", FOREIGN)
def test_where_demo_identities_are_offered_no_other_name_is_answered(
    counter: Client, host: str
) -> None:
    """A page of another site reaches this machine by a name of its own (DNS rebinding)."""
    for method, path, how in ASKED:
        headers = how.get("headers", {}) | {"host": host}
        answer = counter.request(method, path, **how | {"headers": headers})
        assert answer.status_code == 421, (method, path)
        assert "MISDIRECTED" in answer.text and "localhost" in answer.text
        assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("host", OWN)
def test_this_machine_is_answered_by_all_its_names(counter: Client, host: str) -> None:
    assert counter.request("GET", "/as", headers={"host": host}).status_code == 200


def test_the_address_that_it_is_bound_to_is_its_own_name(counter: Client) -> None:
    with Client(counter.database, counter.home, host="127.8.8.8") as other:
        assert other.request("GET", "/as", headers={"host": "127.8.8.8:8420"}).status_code == 200
        assert other.request("GET", "/as", headers={"host": "127.8.8.9"}).status_code == 421


def test_a_service_without_demo_identities_has_whatever_name_its_proxy_gives_it(
    counter: Client,
) -> None:
    with Client(counter.database, counter.home, demo=False) as other:
        answer = other.request("GET", "/healthz", headers={"host": "register.example"})
        assert answer.status_code == 200
