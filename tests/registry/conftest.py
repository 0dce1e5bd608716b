"""Recorders on one database, and a wire to it that a test can cut."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from registry.ledger.database import environment
from registry.ledger.factory import LedgerFactory
from registry.ledger.recorder import LedgerRecorder
from tests.registry.wire import Wire


@pytest.fixture
def open_recorder(database: str) -> Iterator[Callable[..., LedgerRecorder]]:
    """Recorders of a chosen size and patience, on the database or on a wire to it."""
    leave = ExitStack()

    def one_more(conninfo: str = database, **limits: float) -> LedgerRecorder:
        factory = LedgerFactory(environment(conninfo))
        leave.callback(factory.close)
        recorder = LedgerRecorder(factory.datastore, **limits)  # type: ignore[arg-type]
        leave.callback(recorder.close)
        return recorder

    with leave:
        yield one_more


@pytest.fixture
def wire(database: str) -> Iterator[Wire]:
    # Not under pytest's own folder: the path of a socket must be short.
    with TemporaryDirectory(prefix="aeo-wire-") as folder, Wire(database, Path(folder)) as wire:
        yield wire
