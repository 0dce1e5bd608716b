"""Command ids of the demo data. They answer whether the data is loaded already."""

from __future__ import annotations

import hashlib
from pathlib import Path
from uuid import UUID, uuid5

from registry.ledger.connections import Session
from registry.paths import WORLD

SHIPPED = UUID("0b0f4e0e-6a8b-5a50-9d4b-3f3f0a1b7c55")
SEED = 1


def files() -> list[Path]:
    """Returns the JSON-lines files of the demo world, in the order in which they are loaded."""
    return sorted(WORLD.glob("*.jsonl"))


def world(own: frozenset[str] = frozenset()) -> UUID:
    """Returns the command id that marks this version of the demo world as loaded. `own`: with the
    operators of these administrations alone."""
    digest = hashlib.sha256(b"".join(file.read_bytes() for file in files()))
    return uuid5(SHIPPED, " ".join([digest.hexdigest(), *sorted(own)]))


def life(number: int, seed: int = SEED, what: str = "life") -> UUID:
    """Returns the command id of a synthetic operator's history, or of another part of it."""
    return uuid5(SHIPPED, f"{seed}/{number}/{what}")


def is_loaded(conninfo: str, operators: int, own: frozenset[str] = frozenset()) -> bool:
    """Returns whether this demo world and that many synthetic operators are loaded. `own`: whether
    the world is, at least with the operators of these administrations.

    Both are recorded in a fixed order, so the last one of each is looked for.
    """
    worlds, last = {world(), world(own)}, {life(operators - 1)} if operators else set()
    with Session.connect(conninfo) as connection:
        rows = connection.execute(
            "select command_id from ledger.command where command_id = any(%s)",
            [list(worlds | last)],
        )
        found = {row[0] for row in rows}
    return bool(found & worlds) and last <= found
