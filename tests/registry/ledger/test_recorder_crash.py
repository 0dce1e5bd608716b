"""The server is killed under those who write, again and again; what was acknowledged is there."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from itertools import count
from pathlib import Path
from threading import Event
from uuid import UUID, uuid4

import psycopg
import pytest
from eventsourcing.persistence import StoredEvent

from api.local import postgres
from registry.ledger.database import environment, migrate
from registry.ledger.factory import LedgerFactory

ROUNDS = 5
WRITERS = 8
ENOUGH = 500  # acknowledged between two crashes


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A place for a server of our own, which writes to the disk as in production."""
    monkeypatch.delenv("DATABASE_URL", raising=False)
    home = Path(tempfile.mkdtemp(prefix="aeo-crash-"))
    home.chmod(0o711)
    yield home
    shutil.rmtree(home)


def kill(home: Path) -> None:
    """Kill every process of the server at once, as a power cut would."""
    [file] = home.glob("pg*/data/postmaster.pid")
    os.killpg(int(file.read_text().splitlines()[0]), signal.SIGKILL)


def test_no_crash_loses_doubles_or_moves_what_was_acknowledged(home: Path) -> None:
    acknowledged: dict[int, UUID] = {}
    over = Event()

    def write(_: int) -> None:
        while not over.is_set():
            stream = uuid4()
            for version in count(1):
                [position] = (
                    recorder.insert_events(
                        [StoredEvent(stream, version, "operator.amended", b"{}")]
                    )
                    or []
                )
                acknowledged[position] = stream
                if version == 5 or over.is_set():
                    break

    with ExitStack() as servers:
        url = servers.enter_context(postgres.database(home))
        with psycopg.connect(url) as connection:
            assert connection.execute("show fsync").fetchone() == ("on",)
        migrate(url)
        factory = LedgerFactory(environment(url))
        recorder = factory.application_recorder()
        with ThreadPoolExecutor(WRITERS) as pool:
            writing = [pool.submit(write, number) for number in range(WRITERS)]
            for _ in range(ROUNDS):
                wanted = len(acknowledged) + ENOUGH
                while len(acknowledged) < wanted:
                    over.wait(0.01)
                kill(home)
                servers.enter_context(postgres.database(home))  # recovers, and serves on
            over.set()
            for writer in writing:
                writer.result()
        found = {n.id: n.originator_id for n in recorder.select_notifications(1, 1_000_000)}
        factory.close()

    assert len(acknowledged) > ROUNDS * ENOUGH
    assert found == acknowledged
    assert list(found) == list(range(1, len(found) + 1))
