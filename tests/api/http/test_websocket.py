"""Changes told as they become known, over WebSocket (graphql-transport-ws)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from api.access.tokens import issue
from api.graphql.limits import BODY
from api.http import stream_rights, websocket
from tests.api.client import AUDITOR, Client
from tests.api.region import operator, own_region, record, recorded_region
from tests.api.streams import CHANGED, PROTOCOL, Socket

__all__ = ["own_region", "recorded_region"]

NEW = operator("KR44444444", "Synthetic New", "KR-AEO", "AA", "KRAEO4444", "2026-05-04")
CHINA: dict[str, Any] = {"for": "CN"}


def token(client: Client, by: str, seconds: int = 600) -> dict[str, str]:
    return {"Authorization": f"Bearer {issue(by, client.home, seconds)}"}


def test_two_subscriptions_of_one_connection_are_told_the_same_event(own_region: Client) -> None:
    with Socket(own_region, "partner:CN") as socket:
        socket.opened()
        socket.subscribe("one", **CHINA)
        socket.subscribe("two", "subscription { recognitionChanged(for: CN) { tin } }")
        own_region.until_told(2)
        record(own_region.database, *NEW)
        told = [socket.receive() for _ in range(2)]

    assert sorted(message["id"] for message in told) == ["one", "two"]
    assert {message["payload"]["data"]["recognitionChanged"]["tin"] for message in told} == {
        "KR44444444"
    }


def test_a_browser_sends_its_token_with_the_first_message(own_region: Client) -> None:
    with Socket(own_region, headers={"origin": "http://localhost"}) as socket:
        socket.opened(token(own_region, "partner:CN"))
        socket.subscribe("1", **CHINA, after=0)
        assert socket.next("1")["epoch"] == own_region.service.read_model_position.epoch


def test_who_does_not_read_is_closed_and_goes_on_where_it_stopped(
    own_region: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(websocket, "PATIENCE", 0.2)
    with Socket(own_region, "partner:CN") as slow, Socket(own_region, "partner:CN") as quick:
        for socket in (slow, quick):
            socket.opened()
            socket.subscribe("1", **CHINA)
        own_region.until_told(2)
        slow.slow.clear()
        record(own_region.database, *NEW)
        change = quick.next("1")
        own_region.until_told(1)  # the slow one has its subscription no more
        slow.slow.set()
        code, reason = slow.closed()

    assert (code, reason) == (1008, "What was sent is not read. Subscribe again after `next`.")
    with Socket(own_region, "partner:CN") as again:
        again.opened()
        again.subscribe("1", **CHINA, after=change["position"] - 1)
        assert again.next("1") == change


def test_who_ends_a_subscription_is_told_nothing_more_of_it(own_region: Client) -> None:
    with Socket(own_region, "partner:CN") as socket:
        socket.opened()
        socket.subscribe("1", **CHINA)
        own_region.until_told(1)
        socket.send(type="complete", id="1")
        own_region.until_told(0)
        socket.subscribe("1", **CHINA)
        own_region.until_told(1)
        record(own_region.database, *NEW)
        assert socket.next("1")["tin"] == "KR44444444"
        socket.send(type="ping")
        assert socket.receive() == {"type": "pong"}


@pytest.mark.parametrize(
    "document, words",
    [
        ("subscription { nothing }", "Cannot query field 'nothing'"),
        ("{ schemaVersion }", "This connection carries subscriptions."),
        ("mutation { nothing }", "Cannot query field 'nothing'"),
        ("subscription {", "Syntax Error"),
        ("subscription { recognitionChanged(for: KR) { tin } }", "may not follow what changes"),
        (
            "subscription { recognitionChanged(for: CN) { tin } other: recognitionChanged(for: CN)"
            " { tin } }",
            "must select only one top level field",
        ),
        (
            'subscription { recognitionChanged(for: CN, epoch: "000000000000") { tin } }',
            "begin again from position 0",
        ),
    ],
)
def test_what_cannot_be_followed_gets_its_error_and_the_connection_goes_on(
    own_region: Client, document: str, words: str
) -> None:
    with Socket(own_region, "partner:CN") as socket:
        socket.opened()
        socket.subscribe("1", document)
        message = socket.receive()
        assert message["type"] == "error" and message["id"] == "1"
        assert words in message["payload"][0]["message"]
        socket.subscribe("1", **CHINA, after=0)
        socket.next("1")


@pytest.mark.parametrize(
    "text, words",
    [
        ("{", "message: wanted a JSON object with `type`"),
        ("[]", "message: wanted a JSON object with `type`"),
        ('{"type": 1}', "message: wanted a JSON object with `type`"),
        ('{"type": "subscribe", "payload": {"query": "{ a }"}}', "subscribe: found no `id`"),
        ('{"type": "subscribe", "id": ["1"]}', "message: wanted a JSON object"),
        ('{"type": "subscribe", "id": "1"}', "subscribe: payload: wanted an object"),
        ('{"type": "subscribe", "id": "1", "payload": {}}', "found no `query`"),
        ('{"type": "subscribe", "id": "1", "payload": {"query": 3}}', "payload: wanted an object"),
        ('{"type": "start", "id": "1"}', "Unknown message type: start"),
        ('{"type": "ping", "id": "' + "1" * 2 * BODY + '"}', "message: found "),
    ],
)
def test_a_message_that_the_protocol_does_not_have_closes_the_connection(
    own_region: Client, text: str, words: str
) -> None:
    with Socket(own_region, AUDITOR) as socket:
        socket.opened()
        socket.text(text)
        code, reason = socket.closed()

    assert code == 4400
    assert words in reason


def test_a_connection_without_a_handshake_is_closed(
    own_region: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Socket(own_region, AUDITOR) as socket:
        assert socket.message()["type"] == "websocket.accept"
        socket.subscribe("1", **CHINA)
        assert socket.closed()[0] == 4401
    monkeypatch.setattr(websocket, "INIT", websocket.INIT / 100)
    with Socket(own_region, AUDITOR) as socket:
        assert socket.closed()[0] == 4408
    with Socket(own_region, AUDITOR, protocols=("graphql-ws",)) as socket:
        assert socket.closed() == (4406, f"Sec-WebSocket-Protocol: wanted {PROTOCOL}")


def test_a_bad_token_closes_the_connection_with_its_reason(own_region: Client) -> None:
    with Socket(own_region) as socket:
        assert socket.message()["type"] == "websocket.accept"
        socket.send(type="connection_init", payload={"Authorization": "Bearer x"})
        code, reason = socket.closed()

    assert code == 4401
    assert reason == "MALFORMED: The Authorization header holds no signed token."


def test_the_public_has_nothing_to_follow(own_region: Client) -> None:
    with Socket(own_region) as socket:
        assert socket.message()["type"] == "websocket.accept"
        socket.send(type="connection_init")
        assert socket.closed() == (4403, "The public may not subscribe: send a token.")


def test_a_connection_ends_with_its_token(
    own_region: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream_rights, "EVERY", 0.1)
    monkeypatch.setattr("api.access.tokens.LEEWAY", 0)
    with Socket(own_region) as socket:
        socket.opened(token(own_region, "partner:CN", 5))
        socket.subscribe("1", **CHINA)
        code, reason = socket.closed()

    assert code == 4401
    assert reason.startswith("The token is no longer accepted")


@pytest.mark.parametrize(
    "headers", [{"origin": "https://evil.example"}, {"host": "evil.example"}, {"origin": "null"}]
)
def test_a_page_of_another_origin_opens_no_connection(
    own_region: Client, headers: dict[str, str]
) -> None:
    with Socket(own_region, AUDITOR, headers=headers) as socket:
        assert socket.message() == {"type": "websocket.close", "code": 1008}


def test_who_has_too_many_subscriptions_is_told_so(
    own_region: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(own_region.service.changes, "_of_one", 1)
    with Socket(own_region, "partner:CN") as socket:
        socket.opened()
        socket.subscribe("1", **CHINA)
        own_region.until_told(1)
        socket.subscribe("2", **CHINA)
        [error] = socket.receive()["payload"]

    assert error["extensions"]["code"] == "TOO_MANY_SUBSCRIPTIONS"


def test_while_rows_are_wrong_nothing_is_told(own_region: Client) -> None:
    with Socket(own_region, "partner:CN") as socket:
        socket.opened()
        socket.subscribe("1", **CHINA)
        own_region.until_told(1)
        own_region.service.read_model_position.unmended = (
            "rows were found that are not what the events say"
        )
        [error] = socket.receive()["payload"]
        assert error["extensions"]["code"] == "NOT_BELIEVED"
    with Socket(own_region, "partner:CN") as socket:
        assert socket.closed()[0] == 1013


def test_the_document_is_the_one_that_is_sent_over_http(own_region: Client) -> None:
    """One document in the cache, whatever it is sent over."""
    with Socket(own_region, "partner:CN") as socket:
        socket.opened()
        socket.subscribe("1", **CHINA, after=0)
        first = socket.next("1")
    assert own_region.service.executor.documents.known(CHANGED)
    assert json.dumps(first)
