"""A register with a published log, and audit bundles of it, for the tests of audits."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import psycopg
import pytest

from api.audit.bundle import Exported, Scope, export
from api.demo.load import load_operators
from ops import attacks
from ops.attacks import TRUSTING, WATCHED
from projections.engine.projector import Projector
from projections.transparency.integrator import Integrator

FRUIT = "CN1234567890"
SCOPES = (
    Scope(),
    Scope("administration", "CN"),
    Scope("administration", "EU"),
    Scope("operator", FRUIT),
    Scope("agreement", "CN-SG-AEO"),
)


@pytest.fixture(scope="module")
def register(world: str) -> str:
    """The real record and some operators, one of whom was put right; signed half-way, and now."""
    half = Integrator(world).catch_up()
    with psycopg.connect(world) as connection:
        attacks.sign(connection, half // 2)
        attacks.sign(connection, half)
    load_operators(world, 140)
    Projector(world).catch_up()
    size = Integrator(world).catch_up()
    with psycopg.connect(world) as connection:
        attacks.sign(connection, size)
    return world


@pytest.fixture
def policy(tmp_path: Path) -> str:
    file = tmp_path / "policy.txt"
    file.write_text(WATCHED)
    return str(file)


def exported(register: str, scope: Scope, out: Path, **more: Any) -> Exported:
    with psycopg.connect(register) as connection:
        return export(connection, scope, out, TRUSTING, **more)
