"""A register in which things happen when a test says so, and its log as anybody would check it."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from api.log.signer import HeadSigner
from projections.transparency.integrator import Integrator
from registry.application.registry import Registry
from registry.domain import commands
from registry.ledger.database import environment
from registry.paths import WORLD
from registry.transparency import merkle
from registry.transparency.leaves import COLUMNS, Row, entry, event_bytes
from registry.transparency.signed_notes import Checkpoint, read_checkpoint, read_note

PATIENCE = 60.0  # seconds; only what is broken takes them


def happens(database: str, first: int, last: int, *, actor: str = "test") -> int:
    """Executes the commands [first, last) of the real record. Answers how many events there are."""
    lines = [
        line
        for name in ("01-administrations", "02-programmes", "09-operators")
        for line in (WORLD / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
    ]
    registry = Registry(environment(database))
    try:
        for line in lines[first:last]:
            registry.execute(commands.read(json.loads(line)), actor)
        return registry.ledger.max_notification_id() or 0
    finally:
        registry.close()


def logged(database: str, first: int, last: int) -> int:
    """They happen, and are taken into the log."""
    happens(database, first, last)
    return Integrator(database).catch_up()


@contextmanager
def signing(database: str, home: Path) -> Iterator[threading.Thread]:
    """The signer is at work. Raises what it raised."""
    stop = threading.Event()
    raised: list[BaseException] = []

    def run() -> None:
        try:
            HeadSigner(database, home).run(stop)
        except BaseException as error:
            raised.append(error)

    worker = threading.Thread(target=run)
    worker.start()
    try:
        yield worker
    finally:
        stop.set()
        worker.join()
    if raised:
        raise raised[0]


def eventually(fact: Callable[[], Any]) -> Any:
    """The fact, once it is there."""
    deadline = time.monotonic() + PATIENCE
    while not (found := fact()):
        assert time.monotonic() < deadline, "it never came to be"
        time.sleep(0.05)
    return found


def asked(database: str, query: str, *parameters: Any) -> list[tuple[Any, ...]]:
    with psycopg.connect(database, autocommit=True) as connection:
        return connection.execute(query, parameters).fetchall()  # type: ignore[call-overload]


def heads(database: str) -> dict[int, str]:
    """Every published head: size and note."""
    return dict(asked(database, "select size, note from proof.checkpoint order by size"))  # type: ignore[arg-type]


def is_signed(database: str, home: Path, size: int) -> Checkpoint:
    """Keeps signing until the head has this size."""
    with signing(database, home):
        eventually(lambda: size in heads(database))
    return read_checkpoint(read_note(heads(database)[size]).text)


def all_is_signed(database: str, home: Path) -> None:
    """Everything that was recorded is a leaf, and covered by a signed head, whose key is in the
    home."""
    Integrator(database).catch_up()
    is_signed(database, home, int(asked(database, "select count(*) from proof.leaf")[0][0]))


def leaves(database: str) -> list[bytes]:
    """Worked out from the ledger and the salts alone, in the order of the log."""
    rows = asked(
        database,
        f"select leaf_index, salt, {COLUMNS} from ledger.event"
        " join proof.leaf using (position) join proof.salt using (leaf_index) order by leaf_index",
    )
    assert [row[0] for row in rows] == list(range(len(rows)))  # no gap
    assert [row[2] for row in rows] == list(range(1, len(rows) + 1))  # none twice, none out of turn
    return [merkle.leaf_hash(entry(row[1], event_bytes(Row(*row[2:])))) for row in rows]


def roots(found: list[bytes], *sizes: int) -> dict[int, bytes]:
    """By the standard's recursion, from the leaves alone."""

    def root(some: list[bytes]) -> bytes:
        if len(some) <= 1:
            return some[0] if some else merkle.EMPTY_ROOT
        left = 1 << (len(some) - 1).bit_length() - 1
        return merkle.node_hash(root(some[:left]), root(some[left:]))

    return {size: root(found[:size]) for size in sizes}


_copies = 0


@contextmanager
def copied(server: str, database: str) -> Iterator[str]:
    """A copy of a register as it is now, as a backup is one."""
    global _copies
    _copies += 1
    name = f"copy_{_copies}"
    source = conninfo_to_dict(database)["dbname"]
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"create database {name} template {source} strategy file_copy")
        try:
            yield make_conninfo(server, dbname=name)
        finally:
            connection.execute(f"drop database {name} with (force)")
