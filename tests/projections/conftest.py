"""A register with enough of the real record in it to reach every read model."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from registry import commands
from registry.application import Registry
from registry.database import environment

WORLD = Path(__file__).parents[2] / "ops" / "world"
#: Enough of the real record to reach every table.
FILES = ("01-administrations", "02-programmes", "05-control-results", "07-claims", "08-documents")


@pytest.fixture
def registry(database: str) -> Iterator[Registry]:
    it = Registry(environment(database))
    yield it
    it.close()


@pytest.fixture
def a_world(registry: Registry) -> Registry:
    for name in FILES:
        for line in (WORLD / f"{name}.jsonl").read_text(encoding="utf-8").splitlines():
            registry.execute(commands.read(json.loads(line)), "test")
    lines = (WORLD / "09-operators.jsonl").read_text(encoding="utf-8").splitlines()
    for line in lines:
        registry.execute(commands.read(json.loads(line)), "test")
    return registry
