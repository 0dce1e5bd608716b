"""Others fold ahead: the same tables, whatever becomes of them, and none is left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psycopg
import pytest

from projections.engine import projector as following
from projections.engine.fold_workers import FoldWorkers
from projections.engine.projector import Projector
from projections.engine.rebuild import digests, rebuild
from registry.application.registry import Registry
from registry.paths import ROOT


@pytest.fixture
def far(monkeypatch: pytest.MonkeyPatch) -> list[FoldWorkers]:
    """Everything is far, and most streams are cut by the end of a batch. The folders that were
    started."""
    started: list[FoldWorkers] = []

    class Noted(FoldWorkers):
        def __init__(self, *given: Any) -> None:
            super().__init__(*given)
            started.append(self)

    monkeypatch.setattr(following, "BATCH", 37)
    monkeypatch.setattr(following, "PARALLEL_FROM", 38)
    monkeypatch.setattr(following, "FoldWorkers", Noted)
    return started


def _digests(database: str) -> dict[str, str]:
    with psycopg.connect(database, autocommit=True) as connection:
        return digests(connection)


def _alone(database: str) -> dict[str, str]:
    """What one process makes of the ledger, in tables of its own that take the others' place."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(following, "PARALLEL_FROM", sys.maxsize)
        rebuild(database)
    return _digests(database)


def _position(database: str) -> int:
    with psycopg.connect(database) as connection:
        row = connection.execute("select min(position) from views.tracking").fetchone()
    return row[0] or 0 if row else 0


def test_folded_ahead_or_alone_the_tables_are_the_same(
    database: str, a_world: Registry, far: list[FoldWorkers]
) -> None:
    assert Projector(database).catch_up() == a_world.ledger.max_notification_id()
    as_followed = _digests(database)
    assert len(far) == 1

    rebuild(database)
    assert len(far) == 2
    as_rebuilt = _digests(database)

    assert as_followed == as_rebuilt == _alone(database)


def test_a_rebuild_gives_back_every_index_that_it_took_away(
    database: str, a_world: Registry, far: list[FoldWorkers]
) -> None:
    def indexes() -> set[str]:
        with psycopg.connect(database) as connection:
            found = connection.execute(
                "select indexdef from pg_indexes where schemaname = 'views' union all"
                " select conrelid::regclass || ' ' || conname || ' ' || pg_get_constraintdef(oid)"
                " from pg_constraint where connamespace = 'views'::regnamespace"
                " and contype in ('p', 'c', 'u')"
            ).fetchall()
        return {line for (line,) in found}

    as_migrated = indexes()
    rebuild(database)

    assert far
    assert indexes() == as_migrated


def test_a_folder_that_is_killed_costs_time_and_nothing_else(
    database: str, a_world: Registry, far: list[FoldWorkers]
) -> None:
    def kill(position: int, events: int) -> None:
        if far and position < 1_000:
            far[-1].processes[0].kill()

    last = Projector(database).catch_up(kill)

    assert len(far) > 1  # others were started in its place
    assert last == a_world.ledger.max_notification_id()
    assert _digests(database) == _alone(database)


def test_no_folder_outlives_a_follower_that_is_killed(database: str, a_world: Registry) -> None:
    program = (
        "import sys, time\n"
        "from projections.engine.fold_workers import FoldWorkers\n"
        "folders = FoldWorkers(sys.argv[1], 'aeo_projector')\n"
        "folders.submit(0, 100, ['operators']).result()\n"
        "print(*[it.pid for it in folders.processes], flush=True)\n"
        "folders.submit(100, 200, ['operators'])\n"
        "time.sleep(600)\n"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", program, database], stdout=subprocess.PIPE, cwd=ROOT, text=True
    )
    assert parent.stdout
    children = [int(number) for number in parent.stdout.readline().split()]
    assert children and all(map(_alive, children))

    parent.send_signal(signal.SIGKILL)
    parent.communicate()

    until = time.monotonic() + 30
    while any(map(_alive, children)) and time.monotonic() < until:
        time.sleep(0.02)
    assert not any(map(_alive, children))


def test_two_who_project_at_once_write_everything_once(
    database: str, a_world: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "BATCH", 20)
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda _: Projector(database).catch_up(), range(2)))

    with psycopg.connect(database) as connection:
        found = connection.execute("select distinct position, stopped_at from views.tracking")
        assert found.fetchall() == [(a_world.ledger.max_notification_id(), None)]
    assert _digests(database) == _alone(database)


def test_a_follower_stops_between_two_batches(
    database: str, a_world: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "BATCH", 1)
    stop = threading.Event()
    follower = threading.Thread(target=Projector(database).run, args=(stop,))
    follower.start()
    while not _position(database):
        time.sleep(0.01)
    stop.set()
    follower.join()

    assert 0 < _position(database) < (a_world.ledger.max_notification_id() or 0)


def _alive(number: int) -> bool:
    """A process that has ended may keep its number where nobody buries the dead."""
    stat = Path(f"/proc/{number}/stat")
    if Path("/proc/self/stat").exists():
        try:
            return stat.read_text().rsplit(")", 1)[1].split()[0] != "Z"
        except (FileNotFoundError, ProcessLookupError):
            return False
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    return True
