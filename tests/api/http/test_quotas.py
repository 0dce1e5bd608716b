"""A client gets so many answers a minute, from all processes together, and always learns how many
are left."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from prometheus_client import REGISTRY

from api.access.policy import PUBLIC, Subject, named
from api.access.quota_counter import QuotaCounter
from api.access.quotas import DEFAULTS, SECOND, Quota, QuotaExceeded, Quotas
from api.http.graphql import READING
from api.pages.query import COOKIE
from tests.api.client import AUDITOR, CHINA, KOREA, Client, small_world

VIEWER = "{ viewer { subject } }"
NOON = 1_700_000_040.0  # the first second of a minute


class Clock:
    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> float:
        return self.now


@pytest.fixture(scope="module")
def served(
    server: str, blank_register: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Client]:
    from psycopg.conninfo import make_conninfo

    name = "with_quotas"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {blank_register} STRATEGY file_copy")
        database = make_conninfo(server, dbname=name)
        small_world(database)
        home: Path = tmp_path_factory.mktemp("home")
        told: dict[str, Any] = {
            "public_url": "https://register.example",
            "authorisation_server": True,
            "client_address_header": "X-Forwarded-For",
        }
        with Client(database, home, **told) as client:
            yield client
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@contextmanager
def quota(client: Client, clock: Clock, whose: tuple[str, str], quota: Quota) -> Iterator[None]:
    """The minute stands still, and somebody has this quota and has used nothing. The counter, which
    reads the quotas of the database again and again, changes nothing meanwhile."""
    quotas = client.service.quotas
    before = quotas.clock, quotas._rows
    clock.now += 60
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(quotas, "clock", clock)
        quotas.adopt({**quotas._rows, whose: quota})
        patch.setattr(quotas, "adopt", lambda rows: None)
        yield
    quotas.adopt(before[1])


@pytest.fixture(scope="module")
def clock() -> Clock:
    return Clock()


def left(response: httpx.Response) -> dict[str, dict[str, int]]:
    """The field RateLimit as it is sent."""
    found = {}
    for item in response.headers["ratelimit"].split(", "):
        name, *given = item.split(";")
        found[name.strip('"')] = {key: int(value) for key, value in (g.split("=") for g in given)}
    return found


def refused(response: httpx.Response) -> None:
    assert response.status_code == 429, response.text
    assert int(response.headers["retry-after"]) == left(response)["requests"]["t"]
    assert "QUOTA_EXCEEDED" in response.text


# -------------------------------------------------------------------- at every door


def test_a_partner_is_told_what_is_left_until_nothing_is(served: Client, clock: Clock) -> None:
    with quota(served, clock, ("subject", KOREA), Quota(3, 60 * SECOND)):
        clock.now += 18
        answers = [served.post(VIEWER, KOREA) for _ in range(4)]

        assert [each.status_code for each in answers] == [200, 200, 200, 429]
        assert [left(each)["requests"]["r"] for each in answers] == [2, 1, 0, 0]
        assert {each.headers["ratelimit-policy"] for each in answers} == {
            '"requests";q=3;w=60, "work";q=60000000;qu="microseconds";w=60'
        }
        refused(answers[3])
        [error] = answers[3].json()["errors"]
        assert error["extensions"]["reason"] == "REQUESTS"
        assert error["message"].startswith(
            "The quota of partner:KR is used up: 3 requests in a minute. Ask again in "
        )
        assert served.post(VIEWER, CHINA).status_code == 200  # nobody else's
        clock.now += 60
        assert served.post(VIEWER, KOREA).status_code == 200


def test_work_counts_and_not_the_number_of_requests(served: Client, clock: Clock) -> None:
    with quota(served, clock, ("subject", KOREA), Quota(1_000, READING + 1)):
        new = served.post("{ nobody: viewer { subject } }", KOREA)
        after = served.post("{ nobody: viewer { subject } }", KOREA)

        assert new.status_code == 200  # the one that uses it up is answered
        assert left(new)["work"]["r"] == 0
        refused(after)
        assert after.json()["errors"][0]["extensions"]["reason"] == "WORK"


def doors(client: Client) -> dict[str, Any]:
    token = {"Authorization": f"Bearer {_token(client)}"}
    stream = token | {"Accept": "text/event-stream"}
    cookie = {"Cookie": f"{COOKIE}={_token(client)}"}
    return {
        "a question by GET": lambda: client.request(
            "GET", "/graphql", params={"query": VIEWER}, headers=token
        ),
        "an event stream": lambda: client.request(
            "POST", "/graphql", json={"query": VIEWER}, headers=stream
        ),
        "a command": lambda: client.request(
            "POST", "/graphql", json={"query": "mutation { __typename }"}, headers=token
        ),
        "a page": lambda: client.request("GET", "/agreements", headers=cookie),
        "a page, by a program": lambda: client.request("GET", "/fr/agreements", headers=token),
        "a golden copy": lambda: client.request("GET", "/golden-copy/KR", headers=token),
        "what changed": lambda: client.request("GET", "/golden-copy/KR/changes", headers=token),
        "a peer's feed": lambda: client.request("GET", "/peer/events", headers=token),
    }


def _token(client: Client) -> str:
    from api.access.tokens import issue

    return issue(KOREA, client.home)


def test_no_door_is_open_to_whoever_has_used_the_quota(served: Client, clock: Clock) -> None:
    for name, ask in doors(served).items():
        with quota(served, clock, ("subject", KOREA), Quota(1, 60 * SECOND)):
            first, second = ask(), ask()

        assert first.status_code != 429, name
        assert left(first)["requests"]["r"] == 0, name
        refused(second)


def test_the_public_is_counted_by_address_also_behind_a_terminator(
    served: Client, clock: Clock
) -> None:
    def status(address: str) -> int:
        return served.post(VIEWER, headers={"X-Forwarded-For": address}).status_code

    with quota(served, clock, ("group", "public"), Quota(1, SECOND)):
        assert [status("192.0.2.7, 198.51.100.1") for _ in range(2)] == [200, 429]
        assert status("198.51.100.1, 192.0.2.7") == 200
        # Whoever has one address of IPv6 has the 2^64 beside it.
        assert [status(f"2001:db8::{n}") for n in (1, 2)] == [200, 429]
        assert status("2001:db8:0:1::1") == 200


def test_tokens_are_counted_by_address_and_a_stranger_locks_no_client_out(
    served: Client, clock: Clock
) -> None:
    def status(address: str) -> int:
        form = {"grant_type": "client_credentials", "client_id": "kr-1"}
        headers = {"X-Forwarded-For": address}
        return served.request("POST", "/oauth/token", data=form, headers=headers).status_code

    with quota(served, clock, ("group", "token-address"), Quota(2, SECOND)):
        assert [status("192.0.2.7") for _ in range(3)] == [401, 401, 429]
        assert status("192.0.2.8") == 401
    assert "token-client kr-1" not in served.service.quotas._accounts


# -------------------------------------------------------------------- whose quota


def test_a_client_with_a_row_has_an_account_of_its_own() -> None:
    quotas = Quotas(Clock())
    first, second = (replace(named(KOREA), agent=agent) for agent in ("one", "two"))
    assert quotas.of_subject(first) is quotas.of_subject(second)
    assert quotas.of_subject(first).quota == DEFAULTS["partner"]

    quotas.adopt(
        {
            ("group", "partner"): Quota(30, SECOND),
            ("subject", KOREA): Quota(20, SECOND),
            ("client", f"{KOREA}/one"): Quota(10, SECOND),
        }
    )

    assert [quotas.of_subject(each).quota.requests for each in (first, second)] == [10, 20]
    assert quotas.of_subject(named("partner:JP")).quota.requests == 30
    assert quotas.of_subject(named(AUDITOR)).quota == DEFAULTS["auditor"]


def test_every_role_has_a_quota() -> None:
    quotas = Quotas()
    subjects: list[Subject] = [PUBLIC, *map(named, (KOREA, CHINA, AUDITOR, "company:KR1"))]
    assert {quotas.of_subject(each).group for each in subjects} <= set(DEFAULTS)


# -------------------------------------------------------------------- in all processes


async def _answered(counters: list[QuotaCounter], times: int, each: int) -> int:
    """How many requests of Korea's were admitted, by several processes in turn."""
    admitted = 0
    for _ in range(times):
        for counter in counters:
            for _ in range(each):
                try:
                    counter.quotas.admit(counter.quotas.of_subject(named(KOREA)))
                    admitted += 1
                except QuotaExceeded:
                    pass
            await counter.settle()
    return admitted


def test_all_processes_together_admit_what_one_would(database: str) -> None:
    with psycopg.connect(database) as connection:
        connection.execute(
            "insert into access.quota values ('subject', %s, 100, 1000000, 'test')", [KOREA]
        )

    async def run() -> tuple[int, int, list[Any]]:
        async with AsyncExitStack() as stack:
            clock, counters = Clock(), []
            for _ in range(3):
                counter = QuotaCounter(database, Quotas(clock))
                stack.push_async_callback(counter.close)
                counters.append(counter)
            in_one_minute = await _answered(counters, 30, 5)
            clock.now += 60
            in_the_next = await _answered(counters, 30, 5)
            return in_one_minute, in_the_next, [counter.alone for counter in counters]

    first, second, alone = asyncio.run(run())

    # What the two others admitted since they settled last may come on top: 2 x 5.
    assert 100 <= first <= 110
    assert 100 <= second <= 110
    assert not any(alone)


def test_a_change_is_known_to_all_and_the_past_is_forgotten(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from api.access import quota_counter, quota_rows

    monkeypatch.setattr(quota_counter, "FRESH", 0.0)
    monkeypatch.setattr(quota_counter, "SWEEP", 0.0)

    def used() -> list[Any]:
        with psycopg.connect(database) as connection:
            return connection.execute("select requests from access.quota_use").fetchall()

    async def run() -> list[int]:
        clock = Clock()
        counter = QuotaCounter(database, Quotas(clock))
        try:
            found = []
            for requests in (7, 9, None):
                key = quota_rows.key_of(KOREA)
                quota_rows.change(database, key, "chief", requests, None, default=not requests)
                counter.quotas.admit(counter.quotas.of_subject(named(KOREA)))
                await counter.settle()
                found.append(counter.quotas.of_subject(named(KOREA)).quota.requests)
                assert used() == [(1,)]  # and not that of the minutes before
                clock.now += 120
            return found
        finally:
            await counter.close()

    assert asyncio.run(run()) == [7, 9, 1_000_000_000]
    assert used() == []


def test_a_process_that_answers_nobody_learns_of_a_change(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its first request after the change is counted by the new quota."""
    from api.access import quota_counter, quota_rows

    monkeypatch.setattr(quota_counter, "FRESH", 0.05)

    async def run() -> int:
        counter = QuotaCounter(database, Quotas(Clock()))
        await counter.start()
        try:
            key = quota_rows.key_of(KOREA)
            quota_rows.change(database, key, "chief", 7, None, default=False)
            async with asyncio.timeout(60):
                while counter.quotas.quota("partner", KOREA).requests != 7:
                    await asyncio.sleep(0.01)
            return counter.quotas.of_subject(named(KOREA)).requests  # nothing was asked
        finally:
            await counter.close()

    assert asyncio.run(run()) == 0


def test_where_use_cannot_be_shared_each_process_counts_alone_and_says_so(
    database: str,
) -> None:
    failures = _metric("aeo_quota_failures_total")

    async def run() -> tuple[int, bool, int, bool, int]:
        counter = QuotaCounter(database, Quotas(Clock()))
        try:
            with psycopg.connect(database) as owner:
                owner.execute(
                    "insert into access.quota values ('subject', %s, 10, 1000000, 'test')", [KOREA]
                )
            await counter.settle()
            with psycopg.connect(database) as owner:
                owner.execute("alter table access.quota_use rename to quota_gone")
            alone = await _answered([counter], 4, 5)
            was_alone = counter.alone
            with psycopg.connect(database) as owner:
                owner.execute("alter table access.quota_gone rename to quota_use")
            await counter.settle()
            with psycopg.connect(database) as owner:
                row = owner.execute("select requests from access.quota_use").fetchone()
            assert row is not None
            again = await _answered([counter], 1, 5)
            return alone, was_alone, row[0], counter.alone, again
        finally:
            await counter.close()

    # An answer is still given, and the quota holds; later the others learn of it.
    assert asyncio.run(run()) == (10, True, 10, False, 0)
    from api.observability import counters

    counters.add()
    assert _metric("aeo_quota_failures_total") > failures


def _metric(name: str) -> float:
    return REGISTRY.get_sample_value(name) or 0.0
