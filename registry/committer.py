"""One commit for all who wait: concurrent commands are appended together, over one connection."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from time import monotonic
from typing import Any
from uuid import UUID

import psycopg
from eventsourcing import persistence
from eventsourcing.persistence import StoredEvent

from registry.ledger import (
    Busy,
    Closed,
    Command,
    Metadata,
    Outcome,
    OutcomeUnknown,
    StreamMoved,
    Unreachable,
    settle,
)

MOST_COMMANDS = 512  # in one commit: beyond this, everyone waits longer and nobody gains
MOST_BYTES = 4 * 2**20
PAUSE = 0.2  # seconds between two attempts to reach the database

#: What a new connection may cure. Read-only is what a primary becomes when another took over.
LOST = (psycopg.OperationalError, psycopg.InterfaceError, psycopg.errors.ReadOnlySqlTransaction)


@dataclass(eq=False, slots=True)
class Ticket:
    """A command on its way, written out for SQL by its own caller, so that one who brings
    what cannot be written troubles nobody else."""

    command: Command
    events: int
    keys: frozenset[UUID | str]
    columns: tuple[str, ...]
    size: int  # bytes
    future: Future[Outcome] | asyncio.Future[Outcome] | None = None
    loop: asyncio.AbstractEventLoop | None = None  # where the future is an asyncio one


def write_out(command: Command, events: Sequence[StoredEvent]) -> Ticket:
    """The command as array elements: four columns of one element, seven of one an event.

    psycopg's own lists cost ten times as much as these texts (60 against 6 us an event).
    Raises StreamMoved when versions do not follow each other, ValueError for text that the
    ledger cannot keep.
    """
    beside = _one_each(command.metadata, len(events))
    streams = _follow_each_other(events)
    if len(command.digest) != 32:
        raise ValueError(f"The digest of command {command.id} is not a SHA-256.")
    columns = (
        str(command.id),
        f'"\\\\x{command.digest.hex()}"',
        _quoted(command.actor),
        str(len(events)),
        ",".join([str(e.originator_id) for e in events]),
        ",".join([str(e.originator_version) for e in events]),
        ",".join([_quoted(e.topic) for e in events]),
        ",".join([_quoted(str(e.state, "utf-8")) for e in events]),
        ",".join([f'"{_instant(m)}"' if m.known_at else "NULL" for m in beside]),
        ",".join(["NULL" if m.decided_by is None else _quoted(m.decided_by) for m in beside]),
        ",".join(["NULL" if m.legal_ground is None else _quoted(m.legal_ground) for m in beside]),
    )
    written = "".join(columns)
    if "\0" in written:
        raise ValueError(f"Command {command.id} has a NUL character, which no text can keep.")
    size = len(written.encode())
    return Ticket(command, len(events), streams | {command.id}, columns, size)


def arrays(batch: Sequence[Ticket]) -> list[str]:
    """The parameters of `ledger.append`, as PostgreSQL writes arrays."""
    return [
        "{" + ",".join(filter(None, column)) + "}"
        for column in zip(*(t.columns for t in batch), strict=True)
    ]


def take(queue: deque[Ticket]) -> list[Ticket]:
    """The next batch. Two commands on one stream, or one command twice, never share a batch:
    the later keeps its place, and what follows on the same stream stays behind it."""
    taken: list[Ticket] = []
    left: list[Ticket] = []
    seen: set[UUID | str] = set()
    room = MOST_BYTES
    while queue and len(taken) < MOST_COMMANDS:
        ticket = queue[0]
        if taken and ticket.size > room:
            break
        queue.popleft()
        if ticket.future is not None and ticket.future.cancelled():
            continue  # withdrawn in time
        if seen.isdisjoint(ticket.keys):
            taken.append(ticket)
            room -= ticket.size
        else:
            left.append(ticket)
        seen |= ticket.keys
    queue.extendleft(reversed(left))
    return taken


class Appender:
    """One connection that appends batches, and brings each to an answer.

    After a lost connection the same batch is sent again rather than looked up: the old backend
    may be about to commit, and a look-up would say "absent" a moment too soon. Sent again, it
    waits behind the old backend and is answered as repeated.
    """

    def __init__(
        self,
        connect: Callable[[], psycopg.Connection[Any]],
        statement: psycopg.sql.Composed,
        patience: float,
    ) -> None:
        self._connect = connect
        self._statement = statement
        self._patience = patience
        self._connection: psycopg.Connection[Any] | None = None
        self._closing = threading.Event()

    def append(self, batch: Sequence[Ticket], until: float | None = None) -> list[Outcome]:
        """What became of each command. Raises nothing; gives up after `patience` seconds."""
        if self._closing.is_set():
            return [_closed() for _ in batch]
        until = until or monotonic() + self._patience
        doubtful = False
        pause = 0.0  # a single lost connection is made good at once
        while True:
            try:
                if self._connection is None:
                    self._connection = self._connect()
                rows = self._connection.execute(
                    self._statement, arrays(batch), prepare=True
                ).fetchall()
                return [
                    settle(t.command, t.events, row) for t, row in zip(batch, rows, strict=True)
                ]
            except LOST as error:
                # Not reached, or no lock had: nothing was done. Else it may have been committed.
                reached = self._connection is not None
                doubtful |= reached and not isinstance(error, psycopg.errors.LockNotAvailable)
                self.disconnect()
                if monotonic() + pause > until or self._closing.wait(pause):
                    return [_gave_up(ticket, doubtful, error) for ticket in batch]
                pause = PAUSE
            except Exception as error:
                if len(batch) == 1:
                    return [_translated(error)]
                # One of them is poison; the others must not suffer for it.
                return [outcome for ticket in batch for outcome in self.append([ticket], until)]

    def disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def close_soon(self) -> None:
        """Finish the statement in flight, if any; begin no other, and none again."""
        self._closing.set()


class Committer:
    """A queue and one worker thread. Whatever arrived while the last commit was flushed to disk
    shares the next one. Serves threads and event loops alike, any number of each.

    A task that is cancelled while queued withdraws its command; once taken, a command cannot be
    called back, and its id tells what became of it. Does not survive a fork.
    """

    def __init__(self, appender: Appender, capacity: int) -> None:
        self._appender = appender
        self._capacity = capacity
        self._queue: deque[Ticket] = deque()
        self._changed = threading.Condition()
        self._busy = False  # somebody is using the appender
        self._worker: threading.Thread | None = None
        self._closed = False

    def record(self, ticket: Ticket) -> Outcome:
        """For a thread: wait for the outcome. Raises Busy or Closed, and records nothing then."""
        with self._changed:
            if self._queue or self._busy:
                waiting: Future[Outcome] = Future()
                ticket.future = waiting
                self._enqueue(ticket)
            else:
                self._check_open()
                self._busy = True
        if ticket.future is not None:
            return waiting.result()
        # Nobody is ahead: to hand it to the worker and back would take as long as the append.
        try:
            [outcome] = self._appender.append([ticket])
        except BaseException:  # interrupted in the midst of a reply
            self._appender.disconnect()
            raise
        finally:
            with self._changed:
                self._busy = False
                self._changed.notify_all()
        return outcome

    def submit(self, ticket: Ticket) -> None:
        """For a task: the ticket's future gets the outcome. Raises as `record` does."""
        with self._changed:
            self._enqueue(ticket)

    def close(self) -> None:
        """The batch in flight is finished and answered; what is queued is answered `Closed`."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._appender.close_soon()
        if self._worker is not None:
            self._worker.join()
        with self._changed:
            self._changed.wait_for(lambda: not self._busy)
        self._appender.disconnect()

    def _check_open(self) -> None:
        if self._closed:
            raise _closed()

    def _enqueue(self, ticket: Ticket) -> None:
        self._check_open()
        if len(self._queue) >= self._capacity:
            raise Busy(
                f"{len(self._queue)} commands are waiting to be recorded and no more can wait; "
                "this one was not recorded."
            )
        self._queue.append(ticket)
        if self._worker is None:  # only now: whoever forks after building a recorder is safe
            self._worker = threading.Thread(target=self._work, name="committer", daemon=True)
            self._worker.start()
        self._changed.notify_all()

    def _work(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: (self._queue and not self._busy) or self._closed)
                if self._closed:
                    refused = list(self._queue)
                    self._queue.clear()
                    break
                batch = take(self._queue)
                self._busy = True
            if batch:
                _answer(batch, self._appender.append(batch))
            with self._changed:
                self._busy = False
        _answer(refused, [_closed() for _ in refused])


def _answer(batch: Iterable[Ticket], outcomes: Iterable[Outcome]) -> None:
    loops: dict[asyncio.AbstractEventLoop, list[tuple[Any, Outcome]]] = {}
    for ticket, outcome in zip(batch, outcomes, strict=True):
        if ticket.loop is None:
            assert isinstance(ticket.future, Future)
            ticket.future.set_result(outcome)
        else:
            loops.setdefault(ticket.loop, []).append((ticket.future, outcome))
    for loop, answers in loops.items():
        try:
            loop.call_soon_threadsafe(_deliver, answers)  # one wake-up for a whole batch
        except RuntimeError:
            continue  # the loop was closed meanwhile: recorded all the same, with nobody to tell


def _deliver(answers: list[tuple[asyncio.Future[Outcome], Outcome]]) -> None:
    for future, outcome in answers:
        if not future.done():
            future.set_result(outcome)


def _one_each(metadata: Sequence[Metadata], events: int) -> Sequence[Metadata]:
    if len(metadata) == events:
        return metadata
    if len(metadata) > 1:
        raise ValueError(f"{len(metadata)} metadata were given for {events} events.")
    return [metadata[0] if metadata else Metadata()] * events


def _follow_each_other(events: Sequence[StoredEvent]) -> frozenset[UUID | str]:
    versions: dict[UUID | str, int] = {}
    for event in events:
        stream, version = event.originator_id, event.originator_version
        if versions.setdefault(stream, version - 1) != version - 1:
            raise StreamMoved(
                f"Version {version} of stream {stream} does not follow version {versions[stream]}, "
                "recorded with it."
            )
        versions[stream] = version
    return frozenset(versions)


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _instant(metadata: Metadata) -> str:
    assert metadata.known_at is not None
    if metadata.known_at.tzinfo is None:
        raise ValueError(f"known_at {metadata.known_at} has no time zone.")
    return metadata.known_at.isoformat()


def _closed() -> Closed:
    return Closed("The recorder is closed. Nothing was recorded.")


def _gave_up(ticket: Ticket, doubtful: bool, error: Exception) -> Exception:
    why = " ".join(str(error).split()) or type(error).__name__
    if doubtful:
        return OutcomeUnknown(
            f"It is not known whether command {ticket.command.id} was recorded: {why}. "
            "Sent again with the same id it is recorded once."
        )
    return Unreachable(f"The ledger cannot be had, and nothing was recorded: {why}")


def _translated(error: Exception) -> Exception:
    """psycopg's exception as the library's of the same name, as its own recorders do."""
    for kind in (
        "IntegrityError",
        "DataError",
        "InternalError",
        "ProgrammingError",
        "NotSupportedError",
    ):
        if isinstance(error, getattr(psycopg, kind)):
            translated: Exception = getattr(persistence, kind)(str(error))
            translated.__cause__ = error
            return translated
    return error
