"""The projector: reads new events in batches and updates all read models and their position in one
transaction.

One projector is active in a database (advisory lock). After a crash it continues at the stored
position (checkpoint). The rows of a stream are a pure function of its events, so a rebuild from
zero gives the same tables, byte for byte. If many events are waiting, fold workers compute the rows
in parallel, and the projector writes them in order.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from contextlib import nullcontext
from typing import Any
from uuid import UUID

import psycopg
import structlog

from projections.engine.checkpoints import advance_positions, all_at, checkpoints, stop_projection
from projections.engine.derivation import record_derivation
from projections.engine.fold import (
    LedgerEvent,
    TableChanges,
    connect,
    events_of,
    fold,
    fold_streams,
    group_by_stream,
    read_after,
    read_streams,
    to_timed_event,
)
from projections.engine.fold_workers import FoldResult, FoldWorkers
from projections.engine.leader_lock import acquire_leadership, log_database_failure
from projections.engine.projection_errors import is_transient, summary
from projections.engine.read_your_writes import CHANNEL
from projections.models.catalogue import READ_MODELS, TABLES, key_of
from projections.models.read_model import ReadModel
from projections.models.tables import copy_csv, delete_rows, upsert

log = structlog.get_logger()
BATCH = 2_000  # maximum number of events in a transaction
#: Number of waiting events from which it is faster to start fold workers.
PARALLEL_FROM = 20_000
LEADER_LOCK = 0x41454F46  # advisory lock: one projector in a database
SWAP_LOCK = 0x41454F53  # advisory lock: shared by writers, exclusive for the swap of a rebuild
# the position reached, and the number of events since the last call
Progress = Callable[[int, int], None]


class ReadModelsMoved(Exception):
    """The read models are not at the position at which the batch was read: another process wrote,
    or rebuilt tables were swapped in. Nothing of the batch was written."""


class Projector:
    """Projects the ledger of one database into the read models of one schema. Owned by one
    thread."""

    def __init__(
        self, conninfo: str, *, schema: str = "views", role: str = "aeo_projector"
    ) -> None:
        self.conninfo, self.schema, self.role = conninfo, schema, role
        #: Position of all projections at the end of the ledger; None if unknown. Only a guess,
        #: which each write verifies.
        self._known_position: int | None = None

    # ------------------------------------------------------------------ running

    def catch_up(self, progress: Progress | None = None, until: int | None = None) -> int:
        """Projects everything recorded so far (or up to a position) and returns the position
        reached."""
        with connect(self.conninfo, self.role) as connection:
            return self._catch_up(connection, progress, until)

    def catch_up_in(self, connection: psycopg.Connection[Any]) -> int:
        """Like `catch_up`, on a given connection, for instance within its transaction."""
        return self._catch_up(connection, None, None, sequential=True)

    def run(self, stop: threading.Event, poll: float = 1.0) -> None:
        """Projects until `stop` is set. It is woken by notifications; polling every `poll` seconds
        covers a lost one."""
        while not stop.is_set():
            try:
                with connect(self.conninfo, self.role) as connection:
                    acquire_leadership(connection, LEADER_LOCK, stop, "follow")
                    connection.execute("listen ledger_event")
                    self._known_position = None
                    while not stop.is_set():
                        self._catch_up(connection, None, None, stop=stop)
                        if not list(connection.notifies(timeout=poll, stop_after=1)):
                            self._known_position = None
            except psycopg.Error as error:
                # If nothing can be written, not even a status, readers see the lag.
                log_database_failure(log, "follower", error)
                stop.wait(poll)

    # ------------------------------------------------------------------ batches

    def _catch_up(
        self,
        connection: psycopg.Connection[Any],
        progress: Progress | None,
        until: int | None,
        *,
        stop: threading.Event | None = None,
        sequential: bool = False,
    ) -> int:
        """Projects batch after batch until no event is left. `sequential`: without fold workers."""
        while True:
            positions = (
                checkpoints(connection, self.schema)
                if self._known_position is None
                else all_at(self._known_position)
            )
            running = [p for p in READ_MODELS if not positions[p.name][1]]
            reached = min((positions[p.name][0] for p in running), default=0)
            if stop and stop.is_set():
                return reached
            batch = read_after(connection, reached, until, BATCH) if running else []
            if not batch:
                return reached
            if not any(position for position, _ in positions.values()):
                record_derivation(connection, self.schema)
            aligned = all(positions[p.name][0] == reached for p in running)
            parallel = aligned and not sequential and len(batch) == BATCH
            if parallel and self._catch_up_in_parallel(
                connection, running, reached, progress, until, stop
            ):
                continue
            last = batch[-1].position
            self._known_position = None
            written = aligned and self._advance_all(connection, running, batch, reached, last)
            if written is None:
                continue
            if written is False:
                for projection in running:
                    position = positions[projection.name][0]
                    if position >= last:
                        # another projection had stopped and is behind; this one has seen these
                        # events
                        continue
                    new = [
                        ledger_event
                        for ledger_event in events_of(projection, batch)
                        if ledger_event.position > position
                    ]
                    self._advance(connection, projection, new, position, last)
                self._notify(connection, last)
            if progress:
                progress(last, last - reached)
            if written and len(batch) < BATCH:
                self._known_position = last if len(running) == len(READ_MODELS) else None
                return last  # no more events; the next commit sends a notification

    def _catch_up_in_parallel(
        self,
        connection: psycopg.Connection[Any],
        running: Sequence[ReadModel],
        reached: int,
        progress: Progress | None,
        until: int | None,
        stop: threading.Event | None,
    ) -> bool:
        """Projects whole batches that fold workers compute, if many events are waiting. Returns
        whether anything was written."""
        if self._head(connection, until) - reached < PARALLEL_FROM:
            return False
        names = [p.name for p in running]
        pending: deque[tuple[int, Future[FoldResult]]] = deque()
        ahead, start = reached, reached
        with FoldWorkers(self.conninfo, self.role) as workers:
            while not (stop and stop.is_set()):
                head = self._head(connection, until)
                while len(pending) < workers.ahead and ahead + BATCH <= head:
                    pending.append((ahead + BATCH, workers.submit(ahead, ahead + BATCH, names)))
                    ahead += BATCH
                if not pending:
                    break
                last, answer = pending.popleft()
                try:
                    self._write_all(connection, running, answer.result().changes, reached, last)
                except Exception as error:  # folding it here identifies the event
                    if is_transient(error):
                        raise
                    log.warning("follower.alone", after=reached, until=last, error=str(error))
                    break
                if progress:
                    progress(last, last - reached)
                reached = last
        return reached > start

    def bulk_fill(self, progress: Progress | None = None) -> None:
        """Fills empty tables that have no indexes and no readers: whole streams, each written once.

        Does nothing if there are few events. Raises FoldFailed, and leaves the tables partly
        filled.
        """
        names = [p.name for p in READ_MODELS]
        with connect(self.conninfo, self.role) as connection:
            head = self._head(connection, None)
            if head < PARALLEL_FROM:
                return
            pending: deque[tuple[int, Future[FoldResult]]] = deque()
            ahead = reached = 0
            with FoldWorkers(self.conninfo, self.role) as workers:
                while reached < head:
                    while len(pending) < workers.ahead and ahead < head:
                        last = min(ahead + BATCH, head)
                        pending.append((last, workers.submit(ahead, last, names, whole=head)))
                        ahead = last
                    last, answer = pending.popleft()
                    changes = answer.result().changes
                    self._write_all(connection, READ_MODELS, changes, reached, last)
                    if progress:
                        progress(last, last - reached)
                    reached = last

    def _advance_all(
        self,
        connection: psycopg.Connection[Any],
        running: Sequence[ReadModel],
        batch: Sequence[LedgerEvent],
        reached: int,
        last: int,
    ) -> bool | None:
        """Projects a batch into every read model in one transaction. Returns False if one of them
        fails, so that each is tried alone; None if another process wrote, so that the positions are
        read again."""
        try:
            changes = {p.name: fold(connection, p, events_of(p, batch)) for p in running}
            self._write_all(connection, running, changes, reached, last)
        except ReadModelsMoved:
            return None
        except Exception as error:
            if is_transient(error):
                raise
            return False
        return True

    def _advance(
        self,
        connection: psycopg.Connection[Any],
        projection: ReadModel,
        batch: Sequence[LedgerEvent],
        reached: int,
        last: int,
    ) -> None:
        """Projects a batch into one read model; rows and position are written in one transaction.
        If an event cannot be projected, this projection stops in front of it, and everything before
        it is kept."""
        try:
            changes_of_model = fold(connection, projection, batch)
            self._write_all(
                connection,
                [projection],
                {projection.name: changes_of_model},
                reached,
                last,
                notify=False,
            )
        except ReadModelsMoved:
            return
        except Exception as error:
            if is_transient(error):
                raise
            if len(batch) > 1:
                half = len(batch) // 2
                middle = batch[half - 1].position
                self._advance(connection, projection, batch[:half], reached, middle)
                if checkpoints(connection, self.schema)[projection.name] == (middle, None):
                    self._advance(connection, projection, batch[half:], middle, last)
                return
            poison = batch[0].position if batch else last
            log.error(
                "follower.poison", projection=projection.name, position=poison, error=str(error)
            )
            # The detail of an error shows the values of the row, which are for the log alone.
            stop_projection(connection, self.schema, projection, poison, summary(error))

    def _write_all(
        self,
        connection: psycopg.Connection[Any],
        projections: Sequence[ReadModel],
        changes: Mapping[str, TableChanges],
        reached: int,
        last: int,
        *,
        notify: bool = True,
    ) -> None:
        """Writes the changes and the new position in one transaction. Raises ReadModelsMoved."""
        names = [p.name for p in projections]
        model_changes = [(p, changes[p.name]) for p in projections]
        whole = any(
            changes_of_model.copied_rows or changes_of_model.deleted
            for _, changes_of_model in model_changes
        )

        def upsert_all() -> None:
            for _, changes_of_model in model_changes:
                for table, rows in changes_of_model.upserted.items():
                    upsert(cursor, self.schema, TABLES[table], rows)

        # At the end of the ledger the time is spent in round trips: one for all statements
        # (pipeline), one for the commit.
        line = nullcontext() if whole else connection.pipeline()
        with connection.cursor() as cursor, line, connection.transaction():
            with connection.pipeline():
                connection.execute("select pg_advisory_xact_lock_shared(%s)", [SWAP_LOCK])
                with connection.cursor() as position_cursor:
                    advance_positions(position_cursor, self.schema, names, reached, last)
                if notify:
                    self._notify(connection, last)
                if not whole:
                    upsert_all()
            if position_cursor.rowcount != len(names):
                raise ReadModelsMoved(f"not all of {', '.join(names)} are at position {reached}")
            if whole:  # COPY cannot be used in a pipeline
                for _, changes_of_model in model_changes:
                    for table, keys in changes_of_model.deleted.items():
                        delete_rows(cursor, self.schema, TABLES[table], keys)
                    for table, copied in changes_of_model.copied_rows.items():
                        copy_csv(cursor, self.schema, TABLES[table], copied)
                upsert_all()

    def project_streams(
        self, connection: psycopg.Connection[Any], projection: ReadModel, ids: Sequence[UUID]
    ) -> list[str]:
        """Writes the rows of these streams, up to the position of the projection, into this
        schema's empty tables. Returns the keys of their rows."""
        row = connection.execute(
            "select position from views.tracking where projection = %s", [projection.name]
        ).fetchone()
        by_stream = group_by_stream(read_streams(connection, ids, 0, row[0] if row else 0))
        with connection.cursor() as cursor:
            for table, rows in fold_streams(projection, by_stream, {}).copied_rows.items():
                copy_csv(cursor, self.schema, TABLES[table], rows)
        return [
            key_of(stream_events[0].noun, to_timed_event(stream_events[0]).event)
            for stream_events in by_stream.values()
        ]

    # ------------------------------------------------------------------- positions

    def _head(self, connection: psycopg.Connection[Any], until: int | None) -> int:
        """Returns the last position to be projected."""
        row = connection.execute(
            "select least(max(position), %s::bigint) from ledger.event", [until]
        ).fetchone()
        return row[0] or 0 if row else 0

    def _notify(self, connection: psycopg.Connection[Any], position: int) -> None:
        """Notifies read-your-writes and subscriptions, once for each batch."""
        if self.schema == "views":
            connection.execute("select pg_notify(%s, %s)", [CHANNEL, str(position)])
