"""A counter in this process, on a register of its own, with a small world behind it."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from tests.api.client import Client, small_world

_numbers = count(1)


@pytest.fixture(scope="module")
def counter(
    server: str, blank_register: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Client]:
    """One for a file of tests. What a test records stays for the others, so each has its own TIN
    or says what it found before."""
    name = f"counter_{next(_numbers)}"
    home: Path = tmp_path_factory.mktemp("home")
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {blank_register} STRATEGY file_copy")
        database = make_conninfo(server, dbname=name)
        try:
            small_world(database)
            with Client(database, home) as client:
                yield client
        finally:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
