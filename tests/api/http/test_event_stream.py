"""Changes told as they become known, over server-sent events."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import psycopg
import pytest

from api.access.tokens import issue
from api.http import stream_rights
from tests.api.client import AUDITOR, Client
from tests.api.region import (
    Line,
    operator,
    own_region,
    record,
    recorded_region,
)
from tests.api.streams import CHANGED, EventStream

__all__ = ["own_region", "recorded_region"]

FEED = """query ($for: AdministrationCode!, $after: Position!) {
  changes(for: $for, after: $after, first: 100) { next head epoch changes {
    position tin was now effectiveFrom next epoch
    reasons { code } course { from to outcome reasons { code } } } } }"""


@pytest.fixture
def client(own_region: Client) -> Client:
    return own_region


def page(client: Client, territory: str, after: int, by: str = AUDITOR) -> dict[str, Any]:
    found: dict[str, Any] = client.ask(FEED, by, **{"for": territory}, after=after)["changes"]
    return found


def suspension(tin: str, day: str) -> Line:
    return {
        "command": "suspend_authorisation",
        "tin": tin,
        "reason": "late books",
        "effective": day,
        "known_at": f"{day}T02:00:00Z",
    }


NEW = operator("KR44444444", "Synthetic New", "KR-AEO", "AA", "KRAEO4444", "2026-05-04")


def test_a_partner_is_told_of_a_grant_and_of_a_suspension_as_they_are_recorded(
    client: Client,
) -> None:
    with EventStream(client, "partner:CN", **{"for": "CN"}) as stream:
        assert stream.start() == 200
        assert stream.headers["content-type"].startswith("text/event-stream")
        client.until_told(1)
        record(client.database, *NEW)
        grant = stream.next()
        record(client.database, suspension("KR44444444", "2026-06-01"))
        end = stream.next()

    assert (grant["tin"], grant["was"], grant["now"]) == (
        "KR44444444",
        "UNKNOWN",  # nobody but its home customs hears of an operator before its first grant
        "RECOGNISED",
    )
    assert (end["was"], end["now"]) == ("RECOGNISED", "NOT_RECOGNISED")
    assert grant["next"] == grant["position"] < end["position"]


@pytest.mark.parametrize("by", [AUDITOR, "partner:CN", "officer:CN"])
def test_from_the_beginning_it_tells_what_the_query_has(client: Client, by: str) -> None:
    feed = page(client, "CN", 0, by)["changes"]
    record(client.database, *NEW)
    feed += page(client, "CN", feed[-1]["position"], by)["changes"]

    with EventStream(client, by, **{"for": "CN"}, after=0) as stream:
        told = [stream.next() for _ in feed]

    assert told == feed


def test_who_was_interrupted_goes_on_where_it_stopped(client: Client) -> None:
    feed = page(client, "CN", 0)["changes"]
    with EventStream(client, AUDITOR, **{"for": "CN"}, after=0) as stream:
        first = [stream.event() for _ in range(3)]
    epoch, position = first[-1][1].split(":")

    with EventStream(client, AUDITOR, **{"for": "CN"}, after=int(position), epoch=epoch) as stream:
        rest = [stream.next() for _ in feed[3:]]
    with EventStream(
        client, AUDITOR, headers={"last-event-id": first[-1][1]}, **{"for": "CN"}, after=0
    ) as stream:
        again = [stream.next() for _ in feed[3:]]

    assert [event[2]["data"]["recognitionChanged"] for event in first] + rest == feed
    assert again == rest


def test_an_event_that_changes_many_answers_is_told_whole_after_an_interruption(
    client: Client,
) -> None:
    ended = {
        "command": "terminate_agreement",
        "agreement": "CN-KR-AEO",
        "effective": "2026-09-01",
        "source": "a gazette",
        "known_at": "2026-09-02T02:00:00Z",
    }
    with EventStream(client, "partner:KR", **{"for": "KR"}) as stream:
        client.until_told(1)
        [position] = record(client.database, ended)
        first = stream.next()
    assert first["position"] == position
    assert first["next"] == position - 1  # others changed by the same event are still to be told

    feed = page(client, "KR", position - 1, "partner:KR")["changes"]
    with EventStream(client, "partner:KR", **{"for": "KR"}, after=first["next"]) as stream:
        told = [stream.next() for _ in feed]
    assert len(told) > 1
    assert told == feed
    assert told[-1]["next"] == position


@pytest.mark.parametrize(
    "by, variables, code, words",
    [
        (AUDITOR, {"after": 999_999}, "BAD_INPUT", "after: found 999999, and the register goes"),
        (AUDITOR, {"after": -1}, "BAD_INPUT", "is not a position"),
        (AUDITOR, {"epoch": "0" * 12}, "EPOCH", "it knows nothing of the other: begin again"),
        (AUDITOR, {"epoch": "yesterday"}, "BAD_INPUT", "is not an epoch"),
        ("partner:KR", {}, "FORBIDDEN", "the customs of that territory and auditors may"),
        (None, {}, "FORBIDDEN", "the public may not"),
    ],
)
def test_what_cannot_be_followed_is_said_and_ends(
    client: Client, by: str | None, variables: dict[str, Any], code: str, words: str
) -> None:
    with EventStream(client, by, **{"for": "CN"} | variables) as stream:
        error = stream.error()

    assert error["code"] == code
    assert words in error["message"]


def test_a_stream_ends_with_its_token(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream_rights, "EVERY", 0.1)
    token = issue("partner:CN", client.home, seconds=1)
    monkeypatch.setattr("api.access.tokens.LEEWAY", 0)
    headers = {"authorization": f"Bearer {token}"}
    with EventStream(client, None, headers=headers, **{"for": "CN"}) as stream:
        error = stream.error()

    assert error["code"] == "UNAUTHENTICATED"
    assert "The token is no longer accepted" in error["message"]


def test_a_stream_ends_when_the_ledger_is_in_another_epoch(client: Client) -> None:
    from registry.ledger.epochs import BEGIN

    with EventStream(client, AUDITOR, **{"for": "CN"}) as stream:
        stream.start()
        client.until_told(1)
        epoch = client.service.read_model_position.epoch
        with psycopg.connect(client.database, autocommit=True) as connection:
            connection.execute(BEGIN.encode(), [epoch, "a test"])
        record(client.database, *NEW)
        error = stream.error()

    assert error["code"] == "EPOCH"
    assert f"found a position of epoch {epoch}" in error["message"]


@pytest.mark.parametrize("subject", ["partner:CN", "officer:CN"])
def test_every_change_that_is_told_is_in_the_read_log(client: Client, subject: str) -> None:
    with (
        EventStream(
            client, subject, headers={"purpose": "a local copy"}, **{"for": "CN"}
        ) as stream,
        EventStream(client, AUDITOR, **{"for": "CN"}) as other,
    ):
        client.until_told(2)
        record(client.database, *NEW)
        told = stream.next()
        other.next()

    assert looks_of(client, subject, told["tin"]) == [("recognitionChanged", "a local copy")]


def test_what_a_subscriber_is_told_in_a_moment_is_one_entry_of_the_read_log(
    client: Client,
) -> None:
    feed = page(client, "CN", 0, "partner:CN")["changes"]
    with EventStream(client, "partner:CN", **{"for": "CN"}, after=0) as stream:
        told = {stream.next()["tin"] for _ in feed}
    assert len(told) > 1

    for tin in told:
        assert looks_of(client, "partner:CN", tin) == [("recognitionChanged", None)]
    with psycopg.connect(client.database) as connection:
        entries = connection.execute(
            "select tins from access.read_log where operation = 'recognitionChanged'"
        ).fetchall()
    assert len(entries) == 1
    assert set(entries[0][0]) == told


def looks_of(client: Client, subject: str, tin: str) -> list[tuple[str, str]]:
    statement = (
        "select operation, purpose from access.read_log where subject = %s and %s = any(tins)"
        " and operation = 'recognitionChanged'"
    )
    for _ in range(100):
        with psycopg.connect(client.database) as connection:
            if found := connection.execute(statement, [subject, tin]).fetchall():
                return found
        client.pause(0.1)
    return []


def test_a_subject_has_so_many_subscriptions_and_no_more(
    region_register: str, tmp_path: Path
) -> None:
    with (
        Client(region_register, tmp_path, subscriptions=1) as client,
        EventStream(client, "partner:CN", **{"for": "CN"}, after=0) as first,
    ):
        first.next()
        with EventStream(client, "partner:CN", **{"for": "CN"}, after=0) as second:
            error = second.error()
        with EventStream(client, "partner:KR", **{"for": "KR"}, after=0) as other:
            other.next()

    assert error["code"] == "TOO_MANY_SUBSCRIPTIONS"
    assert "1 subscriptions of partner:CN are open" in error["message"]


def test_a_slow_subscriber_loses_nothing_and_delays_nobody(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.graphql.streamed_batches.HELD", 2)
    with (
        EventStream(client, AUDITOR, **{"for": "CN"}) as slow,
        EventStream(client, AUDITOR, **{"for": "CN"}) as quick,
    ):
        assert slow.start() == quick.start() == 200
        client.until_told(2)
        slow.slow.clear()
        after = page(client, "CN", 0)["head"]
        for number in range(10):
            tin = f"KR6666666{number}"
            record(client.database, *operator(tin, "N", "KR-AEO", "AA", f"K{tin}", "2026-05-04"))
            assert quick.next()["tin"] == tin
        slow.slow.set()
        feed = page(client, "CN", after)["changes"]
        assert [slow.next() for _ in feed] == feed
        assert len(feed) == 10


def test_a_query_is_answered_as_a_stream_of_one(client: Client) -> None:
    with EventStream(client, AUDITOR, "{ schemaVersion }") as stream:
        name, _, said = stream.event()
        assert name == "next" and said["data"]["schemaVersion"]
        assert stream.event()[0] == "complete"


def test_a_document_that_is_wrong_ends_the_stream(client: Client) -> None:
    with EventStream(client, AUDITOR, "subscription { nothing }") as stream:
        assert "Cannot query field 'nothing'" in stream.error()["message"]


def test_a_bad_token_and_a_bad_cursor_in_a_header_are_refused_before_the_stream(
    client: Client,
) -> None:
    with EventStream(client, None, headers={"authorization": "Bearer x"}) as stream:
        assert stream.start() == 401
    with EventStream(
        client, AUDITOR, headers={"last-event-id": "the third"}, **{"for": "CN"}
    ) as stream:
        assert stream.start() == 400
        assert "Last-Event-ID" in json.loads(stream.message()["body"])["errors"][0]["message"]


def test_a_subscription_that_is_sent_as_a_query_is_told_how_it_is_sent(client: Client) -> None:
    error = client.error(CHANGED, AUDITOR, **{"for": "CN"})

    assert "Accept: text/event-stream" in error["message"]
