"""The integrator: adds recorded events to the public transparency log, in the order of their
positions.

It follows the ledger asynchronously, so that appending never waits for the Merkle tree. Leaves,
salts, tiles and its own position (checkpoint) are written in one transaction: after a crash the
tree holds exactly the events up to that position. One integrator is active in a database (advisory
lock).
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from struct import Struct
from typing import Any

import psycopg
import structlog
from psycopg.rows import tuple_row
from psycopg.sql import SQL, Identifier

from projections.engine.leader_lock import acquire_leadership, log_database_failure
from registry.ledger.connections import Session
from registry.ledger.failpoints import reach
from registry.transparency import merkle
from registry.transparency.leaves import EVENT, SALT, entry

log = structlog.get_logger()

BATCH = 2_000  # maximum number of events in a transaction
#: Seconds between two transactions at least: on a busy day many events are one batch. A follower of
#: this register sees an event when it is in the log and signed, so what waits here waits there.
PAUSE_SECONDS = 0.1
POLL_SECONDS = 0.5  # seconds after which it looks for new events without a notification
LEADER_LOCK = 0x41454F4C  # advisory lock: one integrator in a database
CHANNEL = "log_grown"  # notification channel; the payload is the number of leaves


# COPY in binary format: a header; for each row the number of columns, and each value after its
# length; a trailer.
COPY_HEADER, COPY_TRAILER = b"PGCOPY\n\xff\r\n\0" + bytes(8), b"\xff\xff"
LEAF_ROW, SALT_ROW = Struct(">hiqiqi").pack, Struct(">hiqi").pack


def _text(column: str) -> str:
    written = f"convert_to({column}, 'UTF8')"
    return f"coalesce(int4send(octet_length({written})) || {written}, '\\xffffffff'::bytea)"


def _instant(column: str) -> str:
    return f"int8send((extract(epoch from {column}) * 1000000)::bigint)"


#: The bytes that `registry.transparency.leaves.event_bytes` computes from a row, computed in SQL,
#: which takes half the CPU time. A test compares the two.
EVENT_BYTES = " || ".join(
    (
        f"'\\x{EVENT.hex()}'::bytea",
        "int8send(position)",
        "uuid_send(originator_id)",
        "int8send(originator_version)",
        _instant("recorded_at"),
        _instant("known_at"),
        "uuid_send(command_id)",
        *map(_text, ("topic", "actor", "decided_by", "legal_ground", "state")),
    )
)
AFTER = f"select position, {EVENT_BYTES} from ledger.event where position > %s order by position"


class LedgerBroken(Exception):
    """The ledger does not continue at the position of the log: an event is missing from the
    sequence."""


class Integrator:
    """Adds the ledger of one database to its transparency log. Owned by one thread."""

    def __init__(self, conninfo: str, *, role: str = "aeo_projector") -> None:
        self.conninfo, self.role = conninfo, role

    def catch_up(self, progress: Callable[[int], None] | None = None) -> int:
        """Adds everything recorded so far. Returns the size of the tree.

        Raises LedgerBroken, and adds nothing behind a gap.
        """
        with self._connect() as connection:
            return self._catch_up(connection, progress)

    def run(self, stop: threading.Event) -> None:
        """Adds events until `stop` is set."""
        while not stop.is_set():
            try:
                with self._connect() as connection:
                    acquire_leadership(connection, LEADER_LOCK, stop, "log")
                    connection.execute("listen ledger_event")
                    while not stop.is_set():
                        self._catch_up(connection, stop=stop)
                        stop.wait(PAUSE_SECONDS)
                        for _ in connection.notifies(timeout=POLL_SECONDS, stop_after=1):
                            pass
            except psycopg.OperationalError as error:
                log_database_failure(log, "log", error)
                stop.wait(1.0)
            except LedgerBroken as error:
                log.error("log.ledger_broken", error=str(error))
                stop.wait(10.0)

    # ------------------------------------------------------------------ inside

    def _connect(self) -> psycopg.Connection[Any]:
        connection = Session.connect(
            self.conninfo,
            autocommit=True,
            row_factory=tuple_row,
            options="-c jit=off -c timezone=UTC",
            application_name="aeo-log",
        )
        connection.execute(SQL("set role {}").format(Identifier(self.role)))
        return connection

    def _catch_up(
        self,
        connection: psycopg.Connection[Any],
        progress: Callable[[int], None] | None = None,
        stop: threading.Event | None = None,
    ) -> int:
        while True:
            before, size = self._integrate(connection)
            if progress:
                progress(size)
            if size - before < BATCH or (stop is not None and stop.is_set()):
                return size

    def _integrate(self, connection: psycopg.Connection[Any]) -> tuple[int, int]:
        """Adds one batch. Returns the sizes of the tree before and after it."""
        with connection.transaction():
            # The row lock makes a second integrator wait, in case two processes ever lead at once.
            row = connection.execute("select size, position from proof.state for update").fetchone()
            assert row is not None
            size, place = row
            events = connection.execute(
                f"{AFTER} limit %s", [place, BATCH], prepare=True, binary=True
            ).fetchall()
            if not events:
                return size, size
            if events[-1][0] != place + len(events):
                expected, found = next(
                    (n, position)
                    for n, (position, _) in enumerate(events, place + 1)
                    if n != position
                )
                raise LedgerBroken(
                    f"Position {expected} is missing: the ledger goes on at {found}."
                )
            self._add_leaves(connection, size, events)
            reach("integrator.before_commit")
        reach("integrator.after_commit")
        connection.execute("select pg_notify(%s, %s)", [CHANNEL, str(size + len(events))])
        return size, size + len(events)

    def _add_leaves(
        self, connection: psycopg.Connection[Any], size: int, events: list[tuple[int, bytes]]
    ) -> None:
        random = os.urandom(SALT * len(events))
        salts = [random[at : at + SALT] for at in range(0, len(random), SALT)]
        entries = [entry(salt, event) for salt, (_, event) in zip(salts, events, strict=True)]
        leaves = [merkle.leaf_hash(entry) for entry in entries]
        tiles = self._tiles(connection, size)
        gained = list(merkle.growth(size, leaves, lambda level, index: tiles[level, index]))
        with connection.cursor() as cursor:
            with cursor.copy("copy proof.leaf from stdin (format binary)") as copy:
                copy.write(
                    b"".join(
                        [
                            COPY_HEADER,
                            *(
                                LEAF_ROW(3, 8, n, 8, position, len(data)) + data
                                for n, ((position, _), data) in enumerate(
                                    zip(events, entries, strict=True), start=size
                                )
                            ),
                            COPY_TRAILER,
                        ]
                    )
                )
            with cursor.copy("copy proof.salt from stdin (format binary)") as copy:
                rows = [SALT_ROW(2, 8, n, SALT) + salt for n, salt in enumerate(salts, size)]
                copy.write(b"".join([COPY_HEADER, *rows, COPY_TRAILER]))
            cursor.execute(
                "insert into proof.tile (level, index, hashes)"
                " select * from unnest(%s::smallint[], %s::bigint[], %s::bytea[])"
                " on conflict (level, index) do update"
                " set hashes = tile.hashes || excluded.hashes",
                [list(column) for column in zip(*gained, strict=True)],
            )
            cursor.execute(
                "update proof.state set size = %s, position = %s",
                [size + len(events), events[-1][0]],
            )

    def _tiles(
        self, connection: psycopg.Connection[Any], size: int
    ) -> dict[tuple[int, int], bytes]:
        """Returns the last tile of each level that is not full; no other tile is needed for
        growing."""
        last, level = {}, 0
        while (hashes := size >> merkle.HEIGHT * level) and level < merkle.HEIGHT:
            if hashes % merkle.WIDTH:
                last[level, hashes // merkle.WIDTH] = b""
            level += 1
        for level, index in last:
            row = connection.execute(
                "select hashes from proof.tile where level = %s and index = %s",
                [level, index],
                prepare=True,
            ).fetchone()
            if row is None:
                raise LookupError(f"tile {merkle.tile_path(level, index)} of the log is gone")
            last[level, index] = row[0]
        return last
