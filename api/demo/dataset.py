"""By which command ids what we ship is recorded: enough to ask whether it is there already."""

from __future__ import annotations

import hashlib
from pathlib import Path
from uuid import UUID, uuid5

import psycopg

from registry.paths import WORLD

SHIPPED = UUID("0b0f4e0e-6a8b-5a50-9d4b-3f3f0a1b7c55")
SEED = 1


def files() -> list[Path]:
    """The world's lines, in the order in which they are loaded."""
    return sorted(WORLD.glob("*.jsonl"))


def world() -> UUID:
    """Of the mark that is recorded with the world as these files tell it."""
    told = hashlib.sha256(b"".join(file.read_bytes() for file in files()))
    return uuid5(SHIPPED, told.hexdigest())


def life(number: int, seed: int = SEED, what: str = "life") -> UUID:
    """Of a synthetic operator's whole life, or of another part of what becomes of it."""
    return uuid5(SHIPPED, f"{seed}/{number}/{what}")


def is_loaded(conninfo: str, operators: int) -> bool:
    """Is this world here, and that many synthetic operators? Both are recorded in their order."""
    wanted = {world()} | ({life(operators - 1)} if operators else set())
    with psycopg.connect(conninfo) as connection:
        [(found,)] = connection.execute(
            "select count(*) from ledger.command where command_id = any(%s)", [list(wanted)]
        )
    return bool(found == len(wanted))
