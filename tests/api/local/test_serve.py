"""`aeo serve` as an operator of the service starts it: by itself, on a database that DATABASE_URL
names, whatever libpq parameters stand there."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import httpx
import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from api.access.read_log import ReadLog, ReadLogEntry
from api.cli.terminal import in_time
from api.graphql.read_your_writes import ReadModelPosition
from projections.checking.findings import CHANNEL as FINDINGS
from registry.ledger.database import connection_parameters
from registry.paths import ROOT
from tests.api.client import ACME, Client
from tests.api.local.test_up import free_port

#: Parameters of libpq that a DATABASE_URL may have, beside where the database is.
PARAMETERS = {
    "none": {},
    "connect_timeout": {"connect_timeout": "3"},
    "all the others": {
        "application_name": "register",
        "fallback_application_name": "aeo",
        "client_encoding": "UTF8",
        "options": "-c work_mem=5MB -c timezone=Asia/Tokyo",
        "keepalives": "1",
        "keepalives_idle": "30",
        "tcp_user_timeout": "9000",
        "target_session_attrs": "read-write",
        "gssencmode": "disable",
        "sslmode": "disable",
        "connect_timeout": "7",
    },
}
each = pytest.mark.parametrize("said", PARAMETERS.values(), ids=PARAMETERS.keys())


@contextmanager
def serving(database: str, home: Path) -> Iterator[httpx.Client]:
    """The command itself, as a person types it; one process."""
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "api", "serve", "--home", str(home), "--port", str(port)],
        cwd=ROOT,
        env=os.environ | {"DATABASE_URL": database, "AEO_WORKERS": "1"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=10) as asking:
            until = time.monotonic() + 60
            while time.monotonic() < until and process.poll() is None:
                try:
                    if asking.get("/healthz").status_code == 200:
                        break
                except httpx.TransportError:
                    time.sleep(0.1)
            yield asking
    finally:
        process.terminate()
        process.wait(30)


@each
def test_a_plain_service_sees_the_read_models_and_what_is_found_wrong_in_them(
    small_register: str, tmp_path: Path, said: dict[str, str]
) -> None:
    with serving(make_conninfo(small_register, **said), tmp_path) as asking:
        ready = asking.get("/readyz")
        state = ready.json()
        assert (ready.status_code, state["ready"]) == (200, True)
        assert len(state["epoch"]) == 12 and state["position"] == state["recorded"] > 0

        begun = time.monotonic()
        answer = asking.post(
            "/graphql",
            json={"query": '{ agreement(id: "CN-KR-AEO") { id } }'},
            headers={"aeo-min-position": f"{state['epoch']}:{state['position']}"},
        )
        assert answer.status_code == 200 and answer.json()["data"]["agreement"]
        assert time.monotonic() - begun < 1.0  # a service that does not listen waits two seconds

        with psycopg.connect(small_register, autocommit=True) as owner:
            owner.execute(
                "insert into checks.finding (noun, subject, relation, what, position)"
                " values ('agreement', 'CN-KR-AEO', 'views.link', 'it is wrong', 1)"
            )
            owner.execute(f"notify {FINDINGS}")
        until = time.monotonic() + 10
        while asking.get("/readyz").status_code == 200 and time.monotonic() < until:
            time.sleep(0.1)
        answer = asking.post("/graphql", json={"query": "{ viewer { role } }"})
        assert answer.status_code == 503
        assert answer.json()["errors"][0]["extensions"]["code"] == "NOT_BELIEVED"


@each
def test_looks_are_written_through_the_conninfo_that_serve_uses(
    database: str, said: dict[str, str]
) -> None:
    """A plain service answers the public alone, whose looks are not kept: so without it."""

    async def write() -> None:
        read_log = ReadLog(in_time(make_conninfo(database, **said)))
        read_log.start()
        read_log.keep(
            ReadLogEntry(
                datetime.now(UTC), "partner:KR", "partner", "KR", None, "operator", [ACME], uuid4()
            )
        )
        assert read_log.alive
        await read_log.close()

    asyncio.run(write())

    with psycopg.connect(database) as owner:
        rows = owner.execute("select subject, tins from access.read_log").fetchall()
    assert rows == [("partner:KR", [ACME])]


@each
def test_what_a_program_says_goes_before_the_conninfo_and_the_rest_of_it_stays(
    database: str, said: dict[str, str]
) -> None:
    given = connection_parameters(
        make_conninfo(database, **said),
        {"timezone": "UTC", "jit": "off"},
        application_name="ours",
        connect_timeout=5,
    )
    with psycopg.connect(**given) as connection:
        row = connection.execute(
            "select current_setting('timezone'), current_setting('jit'),"
            " current_setting('application_name'), current_setting('work_mem')"
        ).fetchone()

    assert row is not None and row[:3] == ("UTC", "off", "ours")
    assert row[3] == ("5MB" if "options" in said else "4MB")


def test_a_background_task_outlives_a_fault_of_ours(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    faults = iter([TypeError("one argument twice"), ValueError("no number")])
    real = ReadModelPosition._listen

    async def listens(self: ReadModelPosition) -> None:
        if fault := next(faults, None):
            raise fault
        await real(self)

    monkeypatch.setattr(ReadModelPosition, "_listen", listens)
    monkeypatch.setattr("api.graphql.read_your_writes.RETRY_PAUSE", 0.01)

    async def look() -> tuple[bool, str]:
        position = ReadModelPosition(database, tmp_path)
        await position.start()
        found = position.alive, position.epoch
        await position.close()
        return found

    alive, epoch = asyncio.run(look())
    assert alive and len(epoch) == 12


def test_a_service_whose_background_task_ended_is_not_ready(
    small_register: str, tmp_path: Path
) -> None:
    with Client(small_register, tmp_path) as counter:
        task = counter.app.state.service.current_checkpoint._task
        task.get_loop().call_soon(task.cancel)
        counter.pause(0.1)

        ready = counter.request("GET", "/readyz")

    assert ready.status_code == 503
    assert ready.json()["why"] == "a background task of this process ended: head of the log"
