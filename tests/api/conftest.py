"""A counter in this process, on a register of its own, with a small world behind it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.api.client import Client, small_world
from tests.api.region import recorded_on
from tests.copies import copied, recorded_once


@pytest.fixture(scope="session")
def recorded_small_world(server: str, blank_register: str) -> str:
    """The name of a database with the small world in it, to be copied."""
    return recorded_once(server, blank_register, "recorded_small_world", small_world)


@pytest.fixture
def small_register(server: str, recorded_small_world: str) -> Iterator[str]:
    """The conninfo of a register of its own with the small world in it."""
    with copied(server, recorded_small_world, "small") as conninfo:
        yield conninfo


@pytest.fixture
def region_register(server: str, blank_register: str) -> Iterator[str]:
    """The conninfo of a register of its own with the region in it: tests/api/region.py."""
    with copied(server, recorded_on(server, blank_register), "region") as conninfo:
        yield conninfo


@pytest.fixture(scope="module")
def counter(
    server: str, recorded_small_world: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Client]:
    """One for a file of tests. What a test records stays for the others, so each has its own TIN
    or says what it found before."""
    home: Path = tmp_path_factory.mktemp("home")
    with (
        copied(server, recorded_small_world, "counter") as database,
        Client(database, home) as client,
    ):
        yield client
