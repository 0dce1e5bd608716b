"""The signer: signs the log's checkpoints, and refuses to sign one that contradicts an earlier one.

It runs in a process of its own, with keys and a record of the last signed checkpoint outside the
database. Before it signs, it recomputes the tree from the events
(projections/transparency/verify_log.py). It does not sign a tree that is smaller than the last one,
another tree of the same size, or one that is smaller than a witness has seen. It then stops until
an operator has found the reason, because a log that has signed two histories can no longer be
trusted.
"""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

import psycopg
import structlog

from api.log.signing_keys import SigningKeys, alone, open_signing_keys
from api.log.witnesses import Witnesses, connect
from projections.engine.leader_lock import acquire_leadership, log_database_failure
from projections.reads.log import SIGNED
from projections.transparency.integrator import CHANNEL
from projections.transparency.verify_log import InconsistentLog, LogVerifier
from registry.ledger.failpoints import reach
from registry.transparency.signed_notes import Checkpoint, SignedNote, read_note

log = structlog.get_logger()

#: Seconds between two checkpoints at least, which limits their number on a busy day. Followers take
#: only what is signed, and are to have it within a second.
EVERY = 0.5
POLL = 0.5  # seconds after which it looks for new events without a notification
GREETING = 3.0  # seconds that it waits at the start for witnesses that have seen a larger tree
LEADER_LOCK = 0x41454F48  # advisory lock: one signer a database


class HeadSigner:
    """Signs the checkpoints of one log."""

    def __init__(self, conninfo: str, home: Path) -> None:
        self.conninfo, self.home = conninfo, home
        self._witnesses: Witnesses | None = None

    def run(self, stop: threading.Event) -> None:
        """Signs until `stop` is set. Raises InconsistentLog and BadPolicy."""
        with alone(self.home, stop):
            if stop.is_set():
                return
            keys = open_signing_keys(self.home)
            log.info("log.signs", origin=keys.origin, key=str(keys.keys[0]))
            self._witnesses = Witnesses(self.conninfo, self.home, keys.policy())
            try:
                self._keep_signing(keys, self._witnesses, stop)
            finally:
                self._witnesses.close()

    def _keep_signing(self, keys: SigningKeys, witnesses: Witnesses, stop: threading.Event) -> None:
        greeting = GREETING
        while not stop.is_set():
            try:
                with connect(self.conninfo) as connection:
                    acquire_leadership(connection, LEADER_LOCK, stop, "sign")
                    connection.execute(f"listen {CHANNEL}")
                    note, head = keys.head()
                    tree = resumed(connection, note, head)
                    witnesses.show(note, head)
                    witnesses.hear(greeting)
                    greeting = 0.0
                    while not stop.is_set():
                        witnesses.check()
                        began = time.monotonic()
                        if counted(connection, tree, stop) and tree.size > head.size:
                            note, head = sign(connection, keys, tree)
                            witnesses.show(note, head)
                            stop.wait(max(0.0, began + EVERY - time.monotonic()))
                        else:
                            for _ in connection.notifies(timeout=POLL, stop_after=1):
                                pass
            except psycopg.OperationalError as error:
                log_database_failure(log, "log", error)
                stop.wait(1.0)
            except (
                OSError
            ) as error:  # a full disk, say: a checkpoint that cannot be stored is not published
                log.error("log.cannot_remember", error=str(error))
                stop.wait(1.0)


def resumed(connection: psycopg.Connection[Any], note: SignedNote, head: Checkpoint) -> LogVerifier:
    """Returns the recomputed tree of the last signed checkpoint.

    A checkpoint that was signed but not published, because the process was killed in between, is
    published now: its signature may be known already. Raises InconsistentLog where the database
    does not match the signer's record, which happens after an old backup is restored.
    """
    [(size, last)] = connection.execute(
        "select size, (select max(size) from proof.checkpoint) from proof.state"
    ).fetchall()
    if size < head.size:
        raise InconsistentLog(
            f"The database has {size} leaves, and {head.size} were signed: it was restored from a"
            " copy that is too old."
        )
    if last is not None and last > head.size:
        raise InconsistentLog(
            f"A head of {last} leaves was published, and we remember no more than {head.size}:"
            " our memory was restored from a copy, or somebody else signs."
        )
    tree = LogVerifier(connection, head.size, head.root)
    publish(connection, note.written, head)
    return tree


def counted(connection: psycopg.Connection[Any], tree: LogVerifier, stop: threading.Event) -> bool:
    """Recomputes the tree up to the log's current size, for at most `EVERY` seconds.

    Returns whether there is something to sign. Raises InconsistentLog.
    """
    before, end = tree.size, time.monotonic() + EVERY
    [(size,)] = connection.execute("select size from proof.state").fetchall()
    if size < tree.size:
        raise InconsistentLog(f"The log had {tree.size} leaves and has {size}.")
    while tree.size < size and time.monotonic() < end and not stop.is_set():
        tree.grow(connection, size)
    return tree.size > before


def sign(
    connection: psycopg.Connection[Any], keys: SigningKeys, tree: LogVerifier
) -> tuple[SignedNote, Checkpoint]:
    """Signs the tree as a checkpoint, stores it in the home, and publishes it, in this order.

    A crash in between therefore never leads to a second root of the same size. Raises
    InconsistentLog, and OSError where it cannot be stored.
    """
    head = Checkpoint(keys.origin, tree.size, tree.root)
    reach("signer.before_sign")
    written = keys.signed(head)
    reach("signer.after_sign")
    keys.remember(written)
    reach("signer.before_publish")
    publish(connection, written, head)
    reach("signer.after_publish")
    return read_note(written), head


def publish(connection: psycopg.Connection[Any], written: str, head: Checkpoint) -> None:
    """Writes a checkpoint to the database. Raises InconsistentLog where another root of this size
    is there already."""
    connection.execute(
        "insert into proof.checkpoint (size, root, note, signed_at)"
        " values (%s, %s, %s, clock_timestamp()) on conflict do nothing",
        [head.size, head.root, written],
    )
    connection.execute("select pg_notify(%s, %s)", [SIGNED, str(head.size)])
    [(root,)] = connection.execute(
        "select root from proof.checkpoint where size = %s", [head.size]
    ).fetchall()
    if root != head.root:
        raise InconsistentLog(f"Another head of {head.size} leaves was published than we signed.")
