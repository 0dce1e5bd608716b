"""What is taken for a lost database, what stops a projection by name, and how all of it stands."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest
from structlog.testing import capture_logs

from api import end_recorder
from api.log import signer
from api.settings import Settings
from api.webhooks import sender
from projections.checking import background_check
from projections.checking.status import resume, status
from projections.engine.projection_errors import is_transient
from projections.engine.projector import LEADER_LOCK, Projector
from projections.transparency import integrator
from registry.application.registry import Registry
from registry.ledger.database import is_lost
from registry.ledger.epochs import begin
from registry.paths import ROOT

#: An OperationalError of psycopg and no lost database: a publication without a replica identity.
UNWRITABLE = """
create function public.refuses() returns trigger language plpgsql as $$
begin
    raise exception 'cannot update table: no replica identity' using errcode = '55000';
end $$;
create trigger refuses before insert or update or delete on views.programme
    for each statement execute function public.refuses()"""


@pytest.mark.parametrize(
    ("error", "lost", "passing"),
    [
        (psycopg.OperationalError("server closed the connection unexpectedly"), True, True),
        (psycopg.errors.AdminShutdown(), True, True),
        (psycopg.errors.CrashShutdown(), True, True),
        (psycopg.errors.CannotConnectNow(), True, True),
        (psycopg.errors.ConnectionFailure(), True, True),
        (psycopg.errors.DeadlockDetected(), False, True),
        (psycopg.errors.SerializationFailure(), False, True),
        (psycopg.errors.DiskFull(), False, False),
        (psycopg.errors.ObjectNotInPrerequisiteState(), False, False),
        (psycopg.errors.QueryCanceled(), False, False),
        (psycopg.errors.OutOfMemory(), False, False),
        (psycopg.errors.InsufficientPrivilege(), False, False),
        (psycopg.errors.UndefinedColumn(), False, False),
        (ValueError(), False, False),
    ],
)
def test_only_a_lost_database_is_waited_for(error: Exception, lost: bool, passing: bool) -> None:
    assert (is_lost(error), is_transient(error)) == (lost, passing)


def test_the_epoch_of_the_ledger_is_told_and_the_one_that_a_restore_began(
    database: str, a_world: Registry
) -> None:
    with psycopg.connect(database) as connection:
        first = status(connection, {}).epoch
    assert (first.number, first.after_position) == (1, 0)

    begun = begin(database, first.id, "restored from the copy of Sunday")

    with psycopg.connect(database) as connection:
        found = status(connection, {})
    assert found.epoch == begun and begun.id != first.id
    assert begun.after_position == found.recorded


def test_a_table_that_cannot_be_written_stops_its_projection_by_name(
    database: str, a_world: Registry
) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(UNWRITABLE)

    Projector(database).catch_up()

    with psycopg.connect(database, autocommit=True) as connection:
        found = status(connection, {"follow": LEADER_LOCK})
        assert [place.projection for place in found.stopped] == ["programmes"]
        [stopped] = found.stopped
        assert "no replica identity" in (stopped.why or "") and stopped.since is not None
        assert all(p.position == found.recorded for p in found.positions if p is not stopped)
        connection.execute("drop trigger refuses on views.programme")
    resume(database, "programmes")
    Projector(database).catch_up()

    with psycopg.connect(database) as connection:
        found = status(connection, {})
        assert not found.stopped
        assert {place.position for place in found.positions} == {found.recorded}


def test_who_leads_is_known_and_that_nobody_does(database: str, registry: Registry) -> None:
    stop = threading.Event()
    following = threading.Thread(target=Projector(database).run, args=[stop])
    with psycopg.connect(database, autocommit=True) as connection:
        assert [worker.name for worker in status(connection, {"follow": LEADER_LOCK}).missing] == [
            "follow"
        ]
        following.start()
        try:
            assert _leads(connection).pid is not None
        finally:
            stop.set()
            following.join(20)
        # The server process ends a moment after its connection.
        _until(lambda: bool(status(connection, {"follow": LEADER_LOCK}).missing))


def test_a_second_of_each_that_leads_alone_says_in_one_line_that_it_waits(
    database: str, tmp_path: Path
) -> None:
    """Follower, log, signer, clerk, sender of webhooks and background check: no other one takes a
    lock of the database to lead."""
    settings = Settings(database=database, home=tmp_path)
    leaders: dict[str, tuple[int, Callable[[threading.Event], None]]] = {
        "follow": (LEADER_LOCK, Projector(database).run),
        "log": (integrator.LEADER_LOCK, integrator.Integrator(database).run),
        "sign": (signer.LEADER_LOCK, signer.HeadSigner(database, tmp_path).run),
        "clerk": (end_recorder.LEADER_LOCK, end_recorder.EndRecorder(database).run),
        "webhooks": (sender.LEADER_LOCK, sender.WebhookSender(settings).run),
        "checker": (background_check.LEADER_LOCK, background_check.BackgroundCheck(database).run),
    }
    assert leaders.keys() == set(
        re.findall(
            r'acquire_leadership\(connection, LEADER_LOCK, stop, "(\w+)"\)',
            "".join(
                file.read_text(encoding="utf-8")
                for package in ("api", "projections")
                for file in (ROOT / package).rglob("*.py")
            ),
        )
    )
    for who, (lock, run) in leaders.items():
        stop = threading.Event()
        with psycopg.connect(database, autocommit=True) as first, capture_logs() as said:
            first.execute("select pg_advisory_lock(%s)", [lock])
            second = threading.Thread(target=run, args=[stop])
            second.start()
            _until(lambda who=who, said=said: any(item["event"] == f"{who}.waits" for item in said))
            time.sleep(1.2)
            assert [mutable_mapping["event"] for mutable_mapping in said].count(f"{who}.waits") == 1
            [waits] = [
                mutable_mapping
                for mutable_mapping in said
                if mutable_mapping["event"] == f"{who}.waits"
            ]
            assert waits["why"].startswith(f"another {who} leads in this database (server process")
            first.execute("select pg_advisory_unlock(%s)", [lock])
            _until(lambda who=who, said=said: any(item["event"] == f"{who}.leads" for item in said))
            stop.set()
            second.join(30)
            assert not second.is_alive()


def _until(true: Callable[[], bool]) -> None:
    for _ in range(600):
        if true():
            return
        time.sleep(0.05)
    raise AssertionError("it did not become so")


def _leads(connection: psycopg.Connection[Any]) -> Any:
    for _ in range(200):
        [worker] = status(connection, {"follow": LEADER_LOCK}).workers
        if worker.pid is not None and worker.since is not None:
            return worker
        time.sleep(0.05)
    raise AssertionError("nobody leads")
