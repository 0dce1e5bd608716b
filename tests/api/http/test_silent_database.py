"""Whoever gives a command to a database that has fallen silent is told so in time, and learns what
became of it by sending it again: whatever has stalled, and wherever the command is."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from api.graphql import executor
from registry.ledger import database as databases
from registry.ledger import group_commit, group_commit_async, recorder
from tests.api.client import ACME, CHINA, Client
from tests.gate import Gate

CONSENT = """mutation ($input: ConsentInput!) { giveConsent(input: $input) {
  __typename ... on Recorded { position } } }"""
LATE = 6.0  # seconds; far beyond the time limits that hold here


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """All the time limits as they stand to each other, a tenth of each."""
    for module, name, seconds in (
        (databases, "REPLY_TIMEOUT", 1.0),
        (group_commit, "REPLY_TIMEOUT", 1.5),
        (group_commit_async, "REPLY_TIMEOUT", 1.5),
        (recorder, "READ_TIMEOUT", 1.5),
        (recorder, "APPEND_TIMEOUT", 2.0),
        (executor, "COMMAND_SECONDS", 4.0),
    ):
        monkeypatch.setattr(module, name, seconds)


def given(client: Client, command: str) -> tuple[int, dict[str, Any], float]:
    began = time.monotonic()
    answer = client.post(
        CONSENT,
        CHINA,
        input={"tin": ACME, "partner": "KR", "commandId": command},
    )
    return answer.status_code, answer.json(), time.monotonic() - began


def appending(client: Client) -> list[int]:
    """The server processes by which the service appends."""
    committers = client.service.registry.ledger._async_committers.values()
    lines = [committer._appender.connection for committer in committers]
    return [line.info.backend_pid for line in lines if line]


def reading(client: Client) -> list[int]:
    """Those by which what commands are decided on is read."""
    lines = list(client.service.registry.ledger.datastore.pool._pool)
    return [line.info.backend_pid for line in lines]


def every(client: Client) -> list[int]:
    with psycopg.connect(client.database) as connection:
        rows = connection.execute(
            "select pid from pg_stat_activity where datname = current_database()"
            " and pid <> pg_backend_pid()"
        ).fetchall()
    return [pid for (pid,) in rows]


@contextmanager
def stopped(pids: list[int]) -> Iterator[None]:
    """Server processes are stopped, as a hung machine or storage leaves them."""
    assert pids
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


WHICH: dict[str, Callable[[Client], list[int]]] = {
    "appending": appending,
    "reading": reading,
    "both": lambda client: appending(client) + reading(client),
    "every": every,
}


@pytest.mark.parametrize("known", [True, False], ids=["at hand", "to be read"])
@pytest.mark.parametrize("which", WHICH)
def test_a_command_to_processes_that_are_stopped_is_answered_in_time_and_recorded_once(
    small_register: str, tmp_path: Path, which: str, known: bool
) -> None:
    with Client(small_register, tmp_path, deadline=1.0) as client:
        first = client.tell("amendParticulars", CHINA, tin=ACME, address="1 Quay")
        assert first["__typename"] == "Recorded"
        if not known:
            client.service.registry._aggregates.__init__()  # type: ignore[misc]
        command = str(uuid4())
        with stopped(WHICH[which](client)):
            status, body, seconds = given(client, command)
            assert seconds < LATE
            if status != 200:
                [error] = body["errors"]
                # Where even who asks cannot be looked up, no command was given.
                codes = {"OUTCOME_UNKNOWN", *(["UNAVAILABLE"] if which == "every" else [])}
                assert status == 503 and error["extensions"]["code"] in codes, body
                assert "same commandId" in error["message"] or which == "every"
        deadline = time.monotonic() + 30
        while (told := given(client, command))[0] != 200 and time.monotonic() < deadline:
            time.sleep(0.2)
        assert told[1]["data"]["giveConsent"]["__typename"] == "Recorded", told
    assert recorded(small_register, command) == 1


@pytest.mark.parametrize("known", [True, False], ids=["at hand", "to be read"])
def test_a_command_to_a_server_that_is_silent_as_a_whole_is_answered_in_time(
    small_register: str, tmp_path: Path, known: bool
) -> None:
    with Gate(small_register) as gate, Client(gate.conninfo, tmp_path, deadline=1.0) as client:
        client.tell("amendParticulars", CHINA, tin=ACME, address="1 Quay")
        if not known:
            client.service.registry._aggregates.__init__()  # type: ignore[misc]
        command = str(uuid4())
        gate.stall()
        status, body, seconds = given(client, command)
        assert seconds < LATE
        assert status == 503
        assert body["errors"][0]["extensions"]["code"] in {"OUTCOME_UNKNOWN", "UNAVAILABLE"}, body
        gate.open()
        deadline = time.monotonic() + 30
        while (told := given(client, command))[0] != 200 and time.monotonic() < deadline:
            time.sleep(0.2)
        assert told[1]["data"]["giveConsent"]["__typename"] == "Recorded", told
    assert recorded(small_register, command) == 1


def recorded(database: str, command: str) -> int:
    with psycopg.connect(database) as connection:
        row = connection.execute(
            "select count(*) from ledger.event where command_id = %s", [command]
        ).fetchone()
    assert row
    return int(row[0])
