"""A database that restarts under a service: the service answers again, and never calls itself ready
while it cannot."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest

from api.access import quota_rows
from api.access.quota_rows import key_of
from api.local import postgres
from api.local.cluster import find_cluster, runner
from registry.ledger.database import migrate
from tests.api.client import small_world
from tests.api.served import served

ROUNDS = 6  # restarts here; `python -m ops.restarts` does as many as are asked for
#: Answered by one statement through the planner's own connections, and by the stock executor.
PLANNED = '{ agreement(id: "CN-KR-AEO") { id } }'
STOCK = "{ administrations { code } }"
ANSWERED_AGAIN = 15.0  # seconds after a restart


class Service:
    """An address that is asked, one connection a question."""

    def __init__(self, address: str) -> None:
        self.host = address.removeprefix("http://")

    def ask(self, question: str) -> tuple[int, dict[str, Any]]:
        return self.request("POST", "/graphql", json.dumps({"query": question}))

    def request(
        self, method: str, path: str, body: str | None = None
    ) -> tuple[int, dict[str, Any]]:
        asking = http.client.HTTPConnection(self.host, timeout=10)
        try:
            asking.request(method, path, body, {"content-type": "application/json"})
            answer = asking.getresponse()
            return answer.status, json.loads(answer.read())
        finally:
            asking.close()

    def wait(self) -> float:
        """Seconds until both ways of answering answer. Fails after ANSWERED_AGAIN."""
        begun = time.monotonic()
        while time.monotonic() - begun < ANSWERED_AGAIN:
            if all(self.ask(question)[0] == 200 for question in (PLANNED, STOCK)):
                return time.monotonic() - begun
            time.sleep(0.1)
        pytest.fail(f"no answer {ANSWERED_AGAIN} s after a restart: {self.ask(PLANNED)}")


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Any]]:
    """A server of its own, which may be restarted: its URL, and what restarts it."""
    home: Path = tmp_path_factory.mktemp("restarting")
    home.chmod(0o711)
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("DATABASE_URL", raising=False)
        with postgres.database(home) as url:
            migrate(url)
            small_world(url)
            # The questions under load are not those of one address of the public.
            quota_rows.change(url, key_of("public"), "test", 10**9, 10**15, default=False)
            own = find_cluster(home.resolve())

            def restart(mode: str) -> None:
                done = runner(own)(
                    own.programs / "pg_ctl",
                    "restart",
                    "-w",
                    "-D",
                    own.data,
                    "-m",
                    mode,
                    "-l",
                    own.log,
                )
                assert done.returncode == 0, done.stderr

            yield url, restart


@pytest.fixture(scope="module")
def service(
    cluster: tuple[str, Any], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Service]:
    with served(cluster[0], tmp_path_factory.mktemp("home")) as address:
        yield Service(address)


@pytest.mark.parametrize("mode", ["fast", "immediate"])
def test_a_service_that_was_idle_answers_after_a_restart(
    cluster: tuple[str, Any], service: Service, mode: str
) -> None:
    """Nothing was asked between the restarts, so no broken connection was met by a question."""
    for _ in range(ROUNDS // 2):
        cluster[1](mode)
        service.wait()


def test_a_service_under_load_answers_after_each_restart_and_says_no_fault(
    cluster: tuple[str, Any], service: Service
) -> None:
    random, done, seen = Random(20261129), threading.Event(), []

    def asks(question: str) -> None:
        while not done.is_set():
            status, body = service.ask(question)
            codes = [error["extensions"]["code"] for error in body.get("errors", ())]
            seen.append((status, tuple(codes)))

    subjects = [threading.Thread(target=asks, args=[text]) for text in (PLANNED, STOCK) * 2]
    for each in subjects:
        each.start()
    try:
        for _ in range(ROUNDS):
            time.sleep(random.random())
            cluster[1](random.choice(["fast", "immediate"]))
            service.wait()
    finally:
        done.set()
        for each in subjects:
            each.join(20)
    assert {status for status, _ in seen} <= {200, 503}
    assert {code for _, codes in seen for code in codes} <= {"UNAVAILABLE", "BUSY", "DEADLINE"}
    assert sum(status == 200 for status, _ in seen) > len(seen) / 2


def test_readiness_asks_through_the_connections_that_answer(service: Service) -> None:
    until = time.monotonic() + ANSWERED_AGAIN
    while (found := service.request("GET", "/readyz"))[0] != 200 and time.monotonic() < until:
        assert found[1]["ready"] is False and found[1]["why"]
        time.sleep(0.2)

    status, body = found
    assert (status, body["ready"], body["answers"], body["current"]) == (200, True, True, True)
