"""Webhooks as a partner has them: told of what changed, whatever its receiver does."""

from __future__ import annotations

import html
import json
import threading
from base64 import b64decode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from hmac import new as hmac
from pathlib import Path
from time import monotonic, sleep
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from api.access.tokens import issue
from api.pages.query import COOKIE
from api.settings import Settings
from api.webhooks.sender import WebhookSender
from tests.api.client import AUDITOR, CHINA, KOREA, Client
from tests.api.region import FRUIT, Line, operator, own_region, record, recorded_region
from tests.api.webhooks.receivers import Receiver, Sent, nobody, raw, receiving, until

__all__ = ["own_region", "recorded_region"]

REGISTER = """mutation ($input: RegisterWebhookInput!) { registerWebhook(input: $input) {
  __typename ... on WebhookReceipt { secret webhook { id url for publicKey state status } }
  ... on Refused { code message path } } }"""
REPLAY = """mutation ($input: ReplayWebhookInput!) { replayWebhook(input: $input) {
  __typename ... on WebhookReceipt { webhook { id } } ... on Refused { code message path } } }"""
REMOVE = """mutation ($input: RemoveWebhookInput!) { removeWebhook(input: $input) {
  __typename ... on WebhookReceipt { webhook { id } } ... on Refused { code message path } } }"""
ROTATE = """mutation ($input: RotateWebhookSecretInput!) { rotateWebhookSecret(input: $input) {
  __typename ... on WebhookReceipt { secret webhook { id formerUntil } }
  ... on Refused { code message path } } }"""
WEBHOOKS = """{ webhooks { id url for state status position epoch delivered attempts failures
  failure failingSince nextAttemptAt deliveredAt registeredBy
  deadLetters { message after until attempts failure } } }"""
FAST = {"webhook_retry": 0.05, "webhook_retry_most": 0.2, "webhook_timeout": 1.0}

PARTNER = "partner:CN"


@contextmanager
def sending(client: Client, **settings: Any) -> Iterator[None]:
    """The sender as `aeo up` runs it, in a thread."""
    said: dict[str, Any] = {"demo": True, **FAST, **settings}
    stop = threading.Event()
    sender = WebhookSender(Settings(database=client.database, home=client.home, **said))
    thread = threading.Thread(target=sender.run, args=[stop])
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(30)
        assert not thread.is_alive()


def register(client: Client, url: str, by: str = PARTNER, **said: Any) -> dict[str, Any]:
    fields = {"commandId": str(uuid4()), "for": by[-2:], "url": url, **said}
    found: dict[str, Any] = client.ask(REGISTER, by, input=fields)["registerWebhook"]
    return found


def registered(client: Client, url: str, by: str = PARTNER, **said: Any) -> str:
    receipt = register(client, url, by, **said)
    assert receipt["__typename"] == "WebhookReceipt", receipt
    return str(receipt["webhook"]["id"])


def mine(client: Client, by: str = PARTNER) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = client.ask(WEBHOOKS, by)["webhooks"]
    return found


def shown(
    client: Client, condition: Callable[[dict[str, Any]], Any], by: str = PARTNER, place: int = 0
) -> dict[str, Any]:
    """A webhook as its owner sees it, once the condition holds."""
    found: list[dict[str, Any]] = until(lambda: condition(mine(client, by)[place]) and mine(client))
    return found[place]


_tins = iter(range(10_000_000, 99_999_999))


def grant(client: Client) -> int:
    """Something that China is told; its position."""
    tin = f"KR{next(_tins)}"
    lines: list[Line] = operator(tin, "Synthetic New", "KR-AEO", "AA", f"N{tin}", "2026-05-04")
    return record(client.database, *lines)[-1]


def positions(sent: list[Sent]) -> list[tuple[int, int]]:
    data = [json.loads(each.body)["data"] for each in sent]
    return [(each["after"], each["until"]) for each in data]


# ------------------------------------------------------------------- what is told


def test_a_partner_is_told_where_to_read_and_nothing_else(own_region: Client) -> None:
    with receiving() as receiver, sending(own_region):
        registered(own_region, receiver.url)
        position = grant(own_region)
        [sent] = receiver.wait(1)

    said = json.loads(sent.body)
    assert said.keys() == {"type", "timestamp", "data"}
    assert said["type"] == "recognition.changed"
    assert said["data"].keys() == {"for", "epoch", "after", "until", "corrected"}
    assert said["data"]["corrected"] is False
    assert said["data"]["for"] == "CN"
    assert said["data"]["epoch"] == own_region.service.read_model_position.epoch
    assert said["data"]["after"] < said["data"]["until"] == position
    assert sent.headers["content-type"] == "application/json"
    assert sent.path == "/hooks"
    found = own_region.ask(
        "query ($a: Position!) { changes(for: CN, after: $a) { changes { position } } }",
        PARTNER,
        a=said["data"]["after"],
    )
    assert [change["position"] for change in found["changes"]["changes"]] == [position]


def test_what_a_partner_may_not_see_is_not_told(own_region: Client) -> None:
    """An operator of another country that has no agreement with it."""
    with receiving() as korea, receiving() as china, sending(own_region):
        registered(own_region, korea.url, KOREA)
        registered(own_region, china.url)
        grant(own_region)
        china.wait(1)
        assert korea.sent == []  # its own operators are no news of recognition in Korea


ASKED = """query ($tin: TIN!, $at: DateTime) {
  recognition(tin: $tin, in: CN, asOf: {at: $at}) { outcome } }"""
CORRECTED = """query ($after: Position!) { changes(for: CN, after: $after) { changes {
  tin correctedAnswers { tin answered correct askedBy at because { position } } } } }"""


def test_who_was_answered_otherwise_is_told_that_an_answer_was_corrected(
    own_region: Client,
) -> None:
    """What we answered in the morning would be different now, because of this event."""
    tin, day = "KR44444444", "2026-06-10T00:00:00Z"
    record(
        own_region.database,
        *operator(tin, "Synthetic New", "KR-AEO", "AA", "KRAEO4444", "2026-05-04"),
    )
    with receiving() as asked, receiving() as other, sending(own_region):
        registered(own_region, asked.url)
        registered(own_region, other.url, "auditor:*", **{"for": "CN"})
        said = own_region.ask(ASKED, PARTNER, tin=tin, at=day)["recognition"]
        assert said["outcome"] == "RECOGNISED"
        until(lambda: looked(own_region, tin))
        [position] = record(
            own_region.database,
            {
                "command": "suspend_authorisation",
                "tin": tin,
                "reason": "late books",
                "effective": "2026-06-01",
                "legal_ground": "Art. 4",
            },
        )
        [sent] = asked.wait(1)
        data = json.loads(sent.body)["data"]

    assert data["corrected"] is True
    changes = own_region.ask(CORRECTED, PARTNER, after=data["after"])["changes"]["changes"]
    [answer] = [each for change in changes for each in change["correctedAnswers"]]
    assert (answer["tin"], answer["answered"], answer["correct"]) == (
        tin,
        "RECOGNISED",
        "NOT_RECOGNISED",
    )
    assert answer["askedBy"] == PARTNER
    assert answer["because"] is None or answer["because"]["position"] == position


def looked(client: Client, tin: str) -> bool:
    client.pause(0.1)
    with psycopg.connect(client.database) as connection:
        statement = "select 1 from access.read_log where %s = any(tins) and outcomes is not null"
        return connection.execute(statement, [tin]).fetchone() is not None


def test_a_message_is_signed_so_that_its_receiver_can_check_it(own_region: Client) -> None:
    with receiving() as first, receiving() as second, sending(own_region):
        asymmetric = register(own_region, first.url)
        symmetric = register(own_region, second.url, signature="HMAC")
        grant(own_region)
        [one], [two] = first.wait(1), second.wait(1)

    assert asymmetric["secret"] is None and symmetric["webhook"]["publicKey"] is None
    key = Ed25519PublicKey.from_public_bytes(
        b64decode(asymmetric["webhook"]["publicKey"].removeprefix("whpk_"))
    )
    kind, _, signature = one.headers["webhook-signature"].partition(",")
    assert kind == "v1a"
    key.verify(b64decode(signature), signed(one))
    with pytest.raises(InvalidSignature):
        key.verify(b64decode(signature), signed(one) + b" ")
    secret = b64decode(symmetric["secret"].removeprefix("whsec_"))
    assert 24 <= len(secret) <= 64
    kind, _, signature = two.headers["webhook-signature"].partition(",")
    assert kind == "v1"
    assert b64decode(signature) == hmac(secret, signed(two), sha256).digest()
    for sent in (one, two):
        stamp = datetime.fromtimestamp(int(sent.headers["webhook-timestamp"]), UTC)
        assert abs((datetime.now(UTC) - stamp).total_seconds()) < 300


def signatures(sent: Sent) -> list[bytes]:
    return [
        b64decode(each.partition(",")[2]) for each in sent.headers["webhook-signature"].split(" ")
    ]


def last_with(client: Client, receiver: Receiver, count: int) -> Sent:
    """The first message from now on that has so many signatures: the sender learns of a change
    beside its work."""
    for _ in range(50):
        before = len(receiver.sent)
        grant(client)
        sent = receiver.wait(before + 1)[-1]
        if len(signatures(sent)) == count:
            return sent
    raise AssertionError(f"no message has {count} signatures")


def test_a_secret_is_replaced_and_no_message_is_refused_meanwhile(own_region: Client) -> None:
    with receiving() as receiver, sending(own_region):
        receipt = register(own_region, receiver.url, signature="HMAC")
        said = {"commandId": str(uuid4()), "webhook": receipt["webhook"]["id"], "hours": 2}
        rotated = own_region.ask(ROTATE, PARTNER, input=said)["rotateWebhookSecret"]
        again = own_region.ask(ROTATE, PARTNER, input=said)["rotateWebhookSecret"]
        both = last_with(own_region, receiver, 2)
        at_once = said | {"commandId": str(uuid4()), "hours": 0}
        third = own_region.ask(ROTATE, PARTNER, input=at_once)["rotateWebhookSecret"]
        one = last_with(own_region, receiver, 1)

    assert rotated == again
    until = datetime.fromisoformat(rotated["webhook"]["formerUntil"])
    assert 1.9 < (until - datetime.now(UTC)).total_seconds() / 3600 <= 2
    secrets = [
        b64decode(each["secret"].removeprefix("whsec_")) for each in (receipt, rotated, third)
    ]
    assert len(set(secrets)) == 3

    def by(number: int, sent: Sent) -> bytes:
        return hmac(secrets[number], signed(sent), sha256).digest()

    assert signatures(both) == [by(1, both), by(0, both)]  # the present one first
    assert signatures(one) == [by(2, one)]
    assert third["webhook"]["formerUntil"] is None


def test_who_has_no_secret_or_no_such_webhook_replaces_none(own_region: Client) -> None:
    said = {"commandId": str(uuid4()), "webhook": registered(own_region, URL)}

    def refused(by: str, **more: Any) -> tuple[str, list[str]]:
        found = own_region.ask(ROTATE, by, input=said | more)["rotateWebhookSecret"]
        return found["code"], found["path"]

    assert refused(PARTNER) == ("BAD_VALUE", ["webhook"])  # the service's own key signs
    assert refused(KOREA) == ("UNKNOWN_WEBHOOK", ["webhook"])
    assert refused(PARTNER, hours=169) == ("BAD_VALUE", ["hours"])


def test_the_key_of_the_service_is_replaced_under_a_running_sender(own_region: Client) -> None:
    from api.access.webhook_keys import rotate_key, webhook_keys

    with receiving() as receiver, sending(own_region):
        before = register(own_region, receiver.url)["webhook"]["publicKey"]
        rotate_key(own_region.home, datetime.now(UTC) + timedelta(hours=1))
        sent = last_with(own_region, receiver, 2)
        after = own_region.ask("{ webhooks { publicKey formerUntil } }", PARTNER)["webhooks"][0]
        rotate_key(own_region.home, datetime.now(UTC))

    assert after["formerUntil"] is not None
    for key, signature in zip((after["publicKey"], before), signatures(sent), strict=True):
        public = Ed25519PublicKey.from_public_bytes(b64decode(key.removeprefix("whpk_")))
        public.verify(signature, signed(sent))
    keys = webhook_keys(own_region.home)
    assert keys.public not in (before, after["publicKey"])
    assert (own_region.home / "webhook-keys.json").stat().st_mode & 0o077 == 0


def signed(sent: Sent) -> bytes:
    return f"{sent.headers['webhook-id']}.{sent.headers['webhook-timestamp']}.".encode() + sent.body


def test_what_changes_while_a_message_is_under_way_is_one_message(own_region: Client) -> None:
    go_on = threading.Event()

    def answer(sent: Sent) -> tuple[int, dict[str, str]]:
        go_on.wait(30)
        return 200, {}

    with receiving(answer) as receiver, sending(own_region, webhook_timeout=60.0):
        registered(own_region, receiver.url)
        first = grant(own_region)
        receiver.wait(1)
        for _ in range(4):
            last = grant(own_region)
        go_on.set()
        found = positions(receiver.wait(2))
        shown(own_region, lambda webhook: webhook["position"] == last)

    assert found[0][1] == first
    assert found[1][0] == first
    assert positions(receiver.sent)[-1][1] == last
    assert len(receiver.sent) <= 3


# -------------------------------------------------------------- receivers that fail


@pytest.mark.parametrize(
    "status, words",
    [
        (500, "it answered 500."),
        (503, "it answered 503."),
        (404, "it answered 404."),
        (400, "it answered 400."),
        (301, "it answered 301, and no redirect is followed."),
        (302, "it answered 302, and no redirect is followed."),
        (307, "it answered 307, and no redirect is followed."),
    ],
)
def test_a_message_that_is_not_accepted_is_sent_again_with_the_same_id(
    own_region: Client, status: int, words: str
) -> None:
    with receiving() as elsewhere:
        location = {"Location": elsewhere.url}
        accepts = threading.Event()

        def answer(sent: Sent) -> tuple[int, dict[str, str]]:
            return (204, {}) if accepts.is_set() else (status, location)

        with receiving(answer) as receiver, sending(own_region):
            registered(own_region, receiver.url)
            grant(own_region)
            receiver.wait(3)
            webhook = shown(own_region, lambda webhook: webhook["failures"] >= 2)
            accepts.set()
            after = shown(own_region, lambda webhook: webhook["delivered"])
            sent = list(receiver.sent)
        assert elsewhere.sent == []

    assert (webhook["state"], webhook["failure"]) == ("RETRYING", words)
    assert "has not been accepted since" in webhook["status"] and words in webhook["status"]
    assert len({each.headers["webhook-id"] for each in sent}) == 1
    assert len({each.body for each in sent}) == 1
    assert (after["state"], after["failure"], after["failures"]) == ("DELIVERING", None, 0)
    assert "Everything was delivered up to position" in after["status"]


def a_slow_one() -> Any:
    def answer(sent: Sent) -> tuple[int, dict[str, str]]:
        sleep(2)
        return 200, {}

    return receiving(answer)


@contextmanager
def at(url: str) -> Iterator[Receiver]:
    yield Receiver(url)


@contextmanager
def saying(answer: bytes, *, close: bool = True) -> Iterator[Receiver]:
    with raw(answer, close=close) as url:
        yield Receiver(url)


@pytest.mark.parametrize(
    "receiver, words",
    [
        (lambda: at(nobody()), "nobody listens at that address."),
        (a_slow_one, "there was no answer within 0.5 seconds."),
        (lambda: saying(b""), "it closed the connection without an answer."),
        (lambda: saying(b"", close=False), "there was no answer within 0.5 seconds."),
        (lambda: saying(b"SSH-2.0-OpenSSH\r\n"), "its answer is not HTTP"),
        (lambda: saying(b"HTTP/1.1 200 OK\r\nX: " + b"a" * 40_000), "its answer is not HTTP"),
        (
            lambda: saying(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n", close=False),
            "there was no answer within 0.5 seconds.",
        ),
        (lambda: at("http://localhost:1/"), "nobody listens at that address."),
    ],
    ids=["gone", "slow", "closes", "silent", "ssh", "endless headers", "half", "no port"],
)
def test_why_a_receiver_was_not_reached_is_said_to_its_owner(
    own_region: Client, receiver: Callable[[], Any], words: str
) -> None:
    with receiver() as bad, receiving() as good, sending(own_region, webhook_timeout=0.5):
        registered(own_region, bad.url)
        registered(own_region, good.url)
        grant(own_region)
        good.wait(1)  # nobody else is delayed
        webhook = shown(own_region, lambda webhook: webhook["failure"])

    assert words in webhook["failure"]
    assert webhook["nextAttemptAt"] is not None


def test_an_answer_that_does_not_end_is_not_read_to_its_end(own_region: Client) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n"
    with saying(head + b"a" * 100_000, close=False) as endless, sending(own_region):
        registered(own_region, endless.url)
        grant(own_region)
        webhook = shown(own_region, lambda webhook: webhook["delivered"])

    assert webhook["failures"] == 0


def test_a_name_that_leads_to_a_private_address_is_never_connected_to(own_region: Client) -> None:
    """In production, where the host is on the list and its name leads to this machine."""
    with receiving() as receiver:
        port = receiver.url.rpartition(":")[2].removesuffix("/hooks")
        hosts = f"localhost:{port}"
        with Client(own_region.database, own_region.home, webhook_hosts=hosts) as client:
            registered(client, f"https://localhost:{port}/hooks")
        with sending(own_region, demo=False, webhook_hosts=hosts):
            grant(own_region)
            webhook = shown(own_region, lambda webhook: webhook["failure"])
        with sending(own_region, demo=False, webhook_hosts=""):
            again = shown(own_region, lambda webhook: "list" in (webhook["failure"] or ""))
        assert receiver.sent == []

    assert webhook["failure"].startswith("the host leads to ")
    assert webhook["failure"].endswith(", which is no public address.")
    assert "is not on the list of hosts" in again["failure"]


def test_a_slow_receiver_delays_no_other(own_region: Client) -> None:
    def answer(sent: Sent) -> tuple[int, dict[str, str]]:
        sleep(5)
        return 200, {}

    with receiving(answer) as slow, receiving() as quick:
        with sending(own_region, webhook_timeout=60.0):
            registered(own_region, slow.url)
            registered(own_region, quick.url)
            grant(own_region)
            slow.wait(1)
            began = monotonic()
            for number in range(2, 6):
                grant(own_region)
                quick.wait(number)
            arrived = [each.at for each in quick.sent]
        assert len(slow.sent) <= 1 + (monotonic() - began) // 5
        assert len(arrived) >= 5


def test_a_receiver_that_says_it_is_gone_is_left_alone_until_it_is_replayed(
    own_region: Client,
) -> None:
    gone = threading.Event()
    gone.set()

    def answer(sent: Sent) -> tuple[int, dict[str, str]]:
        return (410, {}) if gone.is_set() else (200, {})

    with receiving(answer) as receiver, sending(own_region):
        webhook = registered(own_region, receiver.url)
        position = grant(own_region)
        stopped = shown(own_region, lambda webhook: webhook["state"] == "STOPPED")
        grant(own_region)
        assert len(receiver.sent) == 1
        gone.clear()
        again = {"commandId": str(uuid4()), "webhook": webhook, "after": position - 1}
        own_region.ask(REPLAY, PARTNER, input=again)
        after = shown(own_region, lambda webhook: webhook["delivered"])
        found = positions(receiver.sent)

    assert "Nothing is sent any more: the receiver answered 410 (gone)" in stopped["status"]
    assert after["state"] == "DELIVERING"
    assert found[1][0] == position - 1


def test_a_message_that_is_never_accepted_becomes_a_dead_letter_and_the_next_ones_follow(
    own_region: Client,
) -> None:
    accepts = threading.Event()
    answer = lambda sent: (204 if accepts.is_set() else 500, {})  # noqa: E731
    with receiving(answer) as receiver, sending(own_region, webhook_hours=0.5 / 3600):
        webhook = registered(own_region, receiver.url)
        position = grant(own_region)
        dead = shown(own_region, lambda webhook: webhook["deadLetters"])
        headers = {"cookie": f"{COOKIE}={issue(PARTNER, own_region.home)}"}
        page = own_region.request("GET", "/webhooks", headers=headers)
        accepts.set()
        later = grant(own_region)
        after = shown(own_region, lambda webhook: webhook["position"] == later)
        accepted = receiver.sent[-1]
        again = {"commandId": str(uuid4()), "webhook": webhook, "after": position - 1}
        own_region.ask(REPLAY, PARTNER, input=again)
        until(lambda: positions(receiver.sent)[-1] == (position - 1, later))

    [letter] = dead["deadLetters"]
    for words in (receiver.url, letter["message"], "it answered 500.", f"after: {letter['after']}"):
        assert words in html.unescape(page.text)
    assert own_region.request("GET", "/webhooks").status_code == 403
    assert (letter["until"], letter["failure"]) == (position, "it answered 500.")
    assert letter["attempts"] >= 2
    assert after["state"] == "DELIVERING"
    assert positions([accepted])[0][1] == later


def test_a_receiver_says_when_it_wants_to_be_asked_again(own_region: Client) -> None:
    answer = lambda sent: (429, {"Retry-After": "3600"})  # noqa: E731
    with receiving(answer) as receiver, sending(own_region, webhook_retry_most=7_200.0):
        registered(own_region, receiver.url)
        grant(own_region)
        webhook = shown(own_region, lambda webhook: webhook["nextAttemptAt"])

    wait = datetime.fromisoformat(webhook["nextAttemptAt"]) - datetime.now(UTC)
    assert 3_000 < wait.total_seconds() < 3_700
    assert len(receiver.sent) == 1


# ----------------------------------------------------------- the sender, and its owner


def test_a_sender_that_was_away_tells_what_happened_meanwhile(own_region: Client) -> None:
    with receiving() as receiver:
        with sending(own_region):
            registered(own_region, receiver.url)
            first = grant(own_region)
            shown(own_region, lambda webhook: webhook["position"] == first)
        last = [grant(own_region) for _ in range(3)][-1]
        with sending(own_region):
            shown(own_region, lambda webhook: webhook["position"] == last)
        found = positions(receiver.sent)

    assert found[0][1] == first
    assert found[1][0] == first
    assert found[-1][1] == last


def test_a_message_under_way_keeps_its_id_over_a_restart_of_the_sender(own_region: Client) -> None:
    with receiving(lambda sent: (500, {})) as receiver:
        with sending(own_region):
            registered(own_region, receiver.url)
            grant(own_region)
            shown(own_region, lambda webhook: webhook["failures"] >= 2)
        before = len(receiver.sent)
        with sending(own_region):
            receiver.wait(before + 1)
        sent = list(receiver.sent)

    assert len({(each.headers["webhook-id"], each.body) for each in sent}) == 1


def test_in_another_epoch_a_partner_is_told_from_the_last_common_position(
    own_region: Client,
) -> None:
    from registry.ledger.epochs import BEGIN

    with receiving() as receiver, sending(own_region):
        registered(own_region, receiver.url)
        first = grant(own_region)
        old = shown(own_region, lambda webhook: webhook["position"] == first)["epoch"]
        with psycopg.connect(own_region.database, autocommit=True) as connection:
            row = connection.execute(BEGIN.encode(), [old, "a test"]).fetchone()
        last = grant(own_region)
        until(lambda: positions(receiver.sent)[-1][1] == last)
        epochs = [json.loads(each.body)["data"]["epoch"] for each in receiver.sent]

    assert row is not None
    assert epochs[0] == old
    assert epochs[-1] == row[1] != old


def test_a_webhook_that_is_removed_is_told_nothing_more(own_region: Client) -> None:
    with receiving() as receiver, receiving() as other, sending(own_region):
        webhook = registered(own_region, receiver.url)
        registered(own_region, other.url)
        grant(own_region)
        receiver.wait(1)
        removed = {"commandId": str(uuid4()), "webhook": webhook}
        found = own_region.ask(REMOVE, PARTNER, input=removed)["removeWebhook"]
        again = own_region.ask(REMOVE, PARTNER, input=removed)["removeWebhook"]

        def left_alone() -> bool:  # once the sender has heard of it
            before, count = len(receiver.sent), len(other.sent)
            grant(own_region)
            other.wait(count + 1)
            return len(receiver.sent) == before

        until(left_alone)
        assert left_alone()

    assert found == again == {"__typename": "WebhookReceipt", "webhook": None}
    assert [each["url"] for each in mine(own_region)] == [other.url]


URL = "http://127.0.0.1:9/hooks"


@pytest.mark.parametrize(
    "by, said, code, words, path",
    [
        ("partner:KR", {"for": "CN"}, "FORBIDDEN", "may not follow what changes", None),
        (
            PARTNER,
            {"url": "https://a.example/"},
            "ADDRESS_NOT_ALLOWED",
            "is not on the list",
            "url",
        ),
        (PARTNER, {"url": "http://10.0.0.1/"}, "ADDRESS_NOT_ALLOWED", "wanted https", "url"),
        (PARTNER, {"commandId": "one"}, "BAD_VALUE", "wanted a UUID", "commandId"),
    ],
)
def test_what_cannot_be_registered_is_refused_in_words(
    own_region: Client, by: str, said: dict[str, Any], code: str, words: str, path: str | None
) -> None:
    found = register(own_region, said.pop("url", URL), by, **said)

    assert (found["__typename"], found["code"]) == ("Refused", code)
    assert words in found["message"]
    assert found["path"] == ([path] if path else None)


def test_a_command_is_carried_out_once_and_an_id_is_not_used_twice(own_region: Client) -> None:
    said = {"commandId": str(uuid4()), "signature": "HMAC"}
    first = register(own_region, URL, **said)
    again = register(own_region, URL, **said)
    other = register(own_region, URL + "/other", **said)
    twice = register(own_region, URL)

    assert first == again and first["secret"]
    assert other["code"] == "OTHER_COMMAND"
    assert twice["code"] == "ALREADY_REGISTERED"
    assert len(mine(own_region)) == 1
    with psycopg.connect(own_region.database) as connection:
        rows = connection.execute(
            "select subject, kind, input ->> 'url' from access.webhook_command"
        ).fetchall()
    assert rows == [(PARTNER, "register", URL)]


def test_a_webhook_belongs_to_its_administration(own_region: Client) -> None:
    webhook = registered(own_region, URL)
    said = {"commandId": str(uuid4()), "webhook": webhook}

    assert [each["registeredBy"] for each in mine(own_region, CHINA)] == [PARTNER]
    assert mine(own_region, KOREA) == []
    for document, name in ((REMOVE, "removeWebhook"), (REPLAY, "replayWebhook")):
        input = said if document is REMOVE else said | {"after": 0}
        found = own_region.ask(document, KOREA, input=input)[name]
        assert (found["code"], found["path"]) == ("UNKNOWN_WEBHOOK", ["webhook"])
    assert own_region.error(WEBHOOKS)["code"] == "FORBIDDEN"
    beyond = said | {"commandId": str(uuid4()), "after": 999_999}
    found = own_region.ask(REPLAY, PARTNER, input=beyond)["replayWebhook"]
    assert found["code"] == "BAD_VALUE" and "the register goes up to" in found["message"]
    epoch = beyond | {"after": 0, "epoch": "0" * 12}
    assert own_region.error(REPLAY, PARTNER, input=epoch)["code"] == "EPOCH"
    assert FRUIT not in str(mine(own_region))


def test_an_administration_has_so_many_webhooks_and_no_more(own_region: Client) -> None:
    with Client(own_region.database, own_region.home, webhooks_of_one=2) as client:
        registered(client, URL)
        registered(client, URL + "/2", CHINA)
        third = register(client, URL + "/3")
        registered(client, URL, AUDITOR, **{"for": "CN"})

    assert third["code"] == "TOO_MANY_WEBHOOKS"


def test_keys_are_in_the_home_and_nothing_secret_is_in_the_database(
    own_region: Client, tmp_path: Path
) -> None:
    secret = register(own_region, URL, signature="HMAC")["secret"]
    file = own_region.home / "webhook-keys.json"

    assert file.stat().st_mode & 0o077 == 0
    with psycopg.connect(own_region.database) as connection:
        for table in ("webhook", "webhook_state", "webhook_command"):
            rows = connection.execute(f"select t::text from access.{table} t".encode()).fetchall()
            assert secret.removeprefix("whsec_") not in str(rows)
