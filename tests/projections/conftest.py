"""A register with enough of the real record in it to reach every read model."""

from __future__ import annotations

import json
from collections.abc import Iterator

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from registry.application.registry import Registry
from registry.domain import commands
from registry.ledger.database import environment
from registry.paths import WORLD

#: Enough of the real record to reach every table.
FILES = (
    "01-administrations",
    "02-programmes",
    "05-control-results",
    "07-claims",
    "08-documents",
    "09-operators",
)
RECORDED = "a_world_recorded"


@pytest.fixture
def registry(database: str) -> Iterator[Registry]:
    new_registry = Registry(environment(database))
    yield new_registry
    new_registry.close()


@pytest.fixture(scope="session")
def recorded(server: str, blank_register: str) -> str:
    """The name of a database with that record in it, which nobody has followed; nobody stays in it,
    so that it can be copied. Recording it anew for each test takes longer than most tests."""
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(
            f"CREATE DATABASE {RECORDED} TEMPLATE {blank_register} STRATEGY file_copy"
        )
    registry = Registry(environment(make_conninfo(server, dbname=RECORDED)))
    for name in FILES:
        for line in (WORLD / f"{name}.jsonl").read_text(encoding="utf-8").splitlines():
            registry.execute(commands.read(json.loads(line)), "test")
    registry.close()
    return RECORDED


@pytest.fixture
def a_world(server: str, database: str, recorded: str) -> Iterator[Registry]:
    """`database` is a copy of that one from here on: ask for it first."""
    name = conninfo_to_dict(database)["dbname"]
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name}")  # nobody is connected to it yet
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {recorded} STRATEGY file_copy")
    registry = Registry(environment(database))
    yield registry
    registry.close()
