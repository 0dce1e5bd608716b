"""The signer: puts the log's name under its head, and refuses to contradict itself.

A process of its own, with a key that nobody else has and a memory outside the database. It counts
the log again before it signs (projections/transparency/verify_log.py); it does not sign a tree that
is smaller than the last one, or another of the same size, or less than a witness has seen. Then it
stands still until somebody has understood why: a log that has once signed two histories is worth
nothing.
"""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

import psycopg
import structlog

from api.log.signing_keys import Strongbox, alone, open_strongbox
from api.log.witnesses import Witnesses, connect
from projections.engine.leader_lock import acquire_leadership, log_database_failure
from projections.transparency.integrator import CHANNEL
from projections.transparency.verify_log import NotToBeSigned, Recount
from registry.ledger.failpoints import reach
from registry.transparency.signed_notes import Checkpoint, SignedNote, read_note

log = structlog.get_logger()

EVERY = 1.0  # seconds between two heads at least, so that a busy day is not a million of them
POLL = 0.5  # the safety net beneath the notification
GREETING = 3.0  # seconds for the witnesses to say, once at the start, that they have seen more
LEADER = 0x41454F48  # advisory lock: one signer a database (not the S of who swaps tables)


class HeadSigner:
    """Signs the heads of one log."""

    def __init__(self, conninfo: str, home: Path) -> None:
        self.conninfo, self.home = conninfo, home
        self._witnesses: Witnesses | None = None

    def run(self, stop: threading.Event) -> None:
        """Sign until told to stop. Raises NotToBeSigned and BadPolicy."""
        with alone(self.home, stop):
            if stop.is_set():
                return
            box = open_strongbox(self.home)
            log.info("log.signs", origin=box.origin, key=str(box.keys[0]))
            self._witnesses = Witnesses(self.conninfo, self.home, box.policy())
            try:
                self._keep_signing(box, self._witnesses, stop)
            finally:
                self._witnesses.close()

    def _keep_signing(self, box: Strongbox, witnesses: Witnesses, stop: threading.Event) -> None:
        greeting = GREETING
        while not stop.is_set():
            try:
                with connect(self.conninfo) as connection:
                    acquire_leadership(connection, LEADER, stop, "sign")
                    connection.execute(f"listen {CHANNEL}")
                    note, head = box.head()
                    tree = resumed(connection, note, head)
                    witnesses.show(note, head)
                    witnesses.hear(greeting)
                    greeting = 0.0
                    while not stop.is_set():
                        witnesses.check()
                        began = time.monotonic()
                        if counted(connection, tree, stop) and tree.size > head.size:
                            note, head = sign(connection, box, tree)
                            witnesses.show(note, head)
                            stop.wait(max(0.0, began + EVERY - time.monotonic()))
                        else:
                            for _ in connection.notifies(timeout=POLL, stop_after=1):
                                pass
            except psycopg.OperationalError as error:
                log_database_failure(log, "log", error)
                stop.wait(1.0)
            except OSError as error:  # a full disk: what is not remembered is not published
                log.error("log.cannot_remember", error=str(error))
                stop.wait(1.0)


def resumed(connection: psycopg.Connection[Any], note: SignedNote, head: Checkpoint) -> Recount:
    """The tree of the last head, from which to count on.

    A head that was signed and not published, because we were killed in between, is published now:
    it may be out of the house already. Raises NotToBeSigned where the database is of another day.
    """
    [(size, last)] = connection.execute(
        "select size, (select max(size) from proof.checkpoint) from proof.state"
    ).fetchall()
    if size < head.size:
        raise NotToBeSigned(
            f"The database has {size} leaves, and {head.size} were signed: it was restored from a"
            " copy that is too old."
        )
    if last is not None and last > head.size:
        raise NotToBeSigned(
            f"A head of {last} leaves was published, and we remember no more than {head.size}:"
            " our memory was restored from a copy, or somebody else signs."
        )
    tree = Recount(connection, head.size, head.root)
    publish(connection, note.written, head)
    return tree


def counted(connection: psycopg.Connection[Any], tree: Recount, stop: threading.Event) -> bool:
    """Counts on to where the log is, or for as long as the time between two heads.

    Answers whether there is something to sign. Raises NotToBeSigned.
    """
    before, end = tree.size, time.monotonic() + EVERY
    [(size,)] = connection.execute("select size from proof.state").fetchall()
    if size < tree.size:
        raise NotToBeSigned(f"The log had {tree.size} leaves and has {size}.")
    while tree.size < size and time.monotonic() < end and not stop.is_set():
        tree.grow(connection, size)
    return tree.size > before


def sign(
    connection: psycopg.Connection[Any], box: Strongbox, tree: Recount
) -> tuple[SignedNote, Checkpoint]:
    """Remembered before it is published: whatever ends us in between, no second root of this size
    is ever published. Raises NotToBeSigned, and OSError where it cannot be remembered."""
    head = Checkpoint(box.origin, tree.size, tree.root)
    reach("signer.before_sign")
    written = box.signed(head)
    reach("signer.after_sign")
    box.remember(written)
    reach("signer.before_publish")
    publish(connection, written, head)
    reach("signer.after_publish")
    return read_note(written), head


def publish(connection: psycopg.Connection[Any], written: str, head: Checkpoint) -> None:
    """Raises NotToBeSigned where a head of this size is there already, with another root."""
    connection.execute(
        "insert into proof.checkpoint (size, root, note, signed_at)"
        " values (%s, %s, %s, clock_timestamp()) on conflict do nothing",
        [head.size, head.root, written],
    )
    [(root,)] = connection.execute(
        "select root from proof.checkpoint where size = %s", [head.size]
    ).fetchall()
    if root != head.root:
        raise NotToBeSigned(f"Another head of {head.size} leaves was published than we signed.")
