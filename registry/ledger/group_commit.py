"""One commit for all threads that wait: their commands are appended together, on one connection."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from time import monotonic
from typing import Any

import psycopg
from eventsourcing import persistence

from registry.ledger.append_encoding import EncodedRequest, ThreadOutcome
from registry.ledger.append_protocol import prepare, receive, send
from registry.ledger.types import Busy, Closed, NumberHeld, Outcome, OutcomeUnknown, Unreachable

MAX_BATCH_COMMANDS = 512  # in one commit: beyond this, everyone waits longer and nobody gains
MAX_BATCH_BYTES = 4 * 2**20
RECONNECT_PAUSE = 0.2  # seconds between two attempts to reach the database
REPLY_TIMEOUT = (
    20.0  # seconds, beyond the server's own limit for a statement, until it counts as gone
)

#: What a new connection may cure. Read-only is what a primary becomes when another took over.
CONNECTION_ERRORS = (
    psycopg.OperationalError,
    psycopg.InterfaceError,
    psycopg.errors.ReadOnlySqlTransaction,
)


def take_batch(
    queue: deque[EncodedRequest], most: int = MAX_BATCH_COMMANDS
) -> list[EncodedRequest]:
    """The next batch, of no more than `most`. Two commands on one stream, or one command twice,
    never share one: the later keeps its place, and what follows on its stream stays behind it."""
    taken: list[EncodedRequest] = []
    left: list[EncodedRequest] = []
    seen: set[bytes] = set()
    room = MAX_BATCH_BYTES
    most = min(most, MAX_BATCH_COMMANDS)
    while queue and len(taken) < most:
        request = queue[0]
        if taken and request.size > room:
            break
        queue.popleft()
        if request.future is not None and request.future.cancelled():
            continue  # withdrawn in time
        if seen.isdisjoint(request.keys):
            taken.append(request)
            room -= request.size
        else:
            left.append(request)
        seen |= request.keys
    queue.extendleft(reversed(left))
    return taken


def in_doubt(error: Exception) -> bool:
    """May the batch have been recorded all the same? Not where no lock was had."""
    return isinstance(error, CONNECTION_ERRORS) and not isinstance(
        error, psycopg.errors.LockNotAvailable
    )


class Appender:
    """One connection that appends batches, and brings each to an answer.

    After a lost connection the same batch is sent again rather than looked up: the old backend
    may be about to commit, and a look-up would say "absent" a moment too soon. Sent again, it
    waits behind the old backend and is answered as repeated.
    """

    def __init__(
        self,
        connect: Callable[[], psycopg.Connection[Any]],
        functions: Sequence[str],
        timeout: float,
    ) -> None:
        self._connect = connect
        self._functions = functions
        self._timeout = timeout
        self._connection: psycopg.Connection[Any] | None = None
        self._closing = threading.Event()

    def append(
        self,
        batch: Sequence[EncodedRequest],
        until: float | None = None,
        *,
        doubtful: bool = False,
    ) -> list[Outcome]:
        """What became of each command. Raises nothing; gives up after `patience` seconds.

        `doubtful`: they were sent before, and it is not known what became of them.
        """
        if self._closing.is_set():
            return [_unknown(request, "closed") if doubtful else closed() for request in batch]
        until = until or monotonic() + self._timeout
        pause = 0.0  # a single lost connection is made good at once
        while True:
            try:
                if self._connection is None:
                    self._connection = self._connect_and_prepare()
                deadline = monotonic() + REPLY_TIMEOUT
                send(self._connection, batch, deadline)
                return receive(self._connection, batch, deadline)
            except CONNECTION_ERRORS as error:
                # Not reached, or no lock had: nothing was done. Else it may have been committed.
                reached = self._connection is not None
                doubtful |= reached and in_doubt(error)
                self.disconnect()
                if monotonic() + pause > until or self._closing.wait(pause):
                    return [_gave_up(request, doubtful, error) for request in batch]
                pause = RECONNECT_PAUSE
            except Exception as error:
                if len(batch) == 1:
                    return [_translated(error)]
                # One of them is poison; the others must not suffer for it.
                return [outcome for request in batch for outcome in self.append([request], until)]

    def _connect_and_prepare(self) -> psycopg.Connection[Any]:
        connection = self._connect()
        try:
            prepare(connection, self._functions, monotonic() + REPLY_TIMEOUT)
        except BaseException:  # a migration is still to come: kept, the line would never be ready
            connection.close()
            raise
        return connection

    @property
    def connection(self) -> psycopg.Connection[Any] | None:
        """The line, if there is one at the moment, ready to append."""
        return self._connection

    def disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def close_soon(self) -> None:
        """Finish the statement in flight, if any; begin no other, and none again."""
        self._closing.set()


class GroupCommitter:
    """A queue and one worker thread. Whatever arrived while the last commit was flushed to disk
    shares the next one. Serves any number of threads. Does not survive a fork.
    """

    def __init__(self, appender: Appender, capacity: int) -> None:
        self._appender = appender
        self._capacity = capacity
        self._queue: deque[EncodedRequest] = deque()
        self._changed = threading.Condition()
        self._busy = False  # somebody is using the appender
        self._worker: threading.Thread | None = None
        self._closed = False

    def record(self, request: EncodedRequest) -> Outcome:
        """Wait for the outcome. Raises Busy or Closed, and records nothing then."""
        waiting: ThreadOutcome | None = None
        with self._changed:
            if self._closed:
                raise closed()
            if self._queue or self._busy:
                check_capacity(len(self._queue), self._capacity)
                request.future = waiting = ThreadOutcome()
                self._enqueue(request)
            else:
                self._busy = True
        if waiting is not None:
            return waiting.result()
        # Nobody is ahead: to hand it to the worker and back would take as long as the append.
        try:
            [outcome] = self._appender.append([request])
        except BaseException:  # interrupted in the midst of a reply
            self._appender.disconnect()
            raise
        finally:
            with self._changed:
                self._busy = False
                self._changed.notify_all()
        return outcome

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

    def _enqueue(self, request: EncodedRequest) -> None:
        self._queue.append(request)
        if self._worker is None:  # only now: whoever forks after building a recorder is safe
            self._worker = threading.Thread(target=self._work, name="committer", daemon=True)
            self._worker.start()
        if not self._busy:  # else it is woken when its turn has come
            self._changed.notify_all()

    def _work(self) -> None:
        while True:
            with self._changed:
                while not self._closed and (self._busy or not self._queue):
                    self._changed.wait()
                if self._closed:
                    refused = list(self._queue)
                    self._queue.clear()
                    break
                batch = take_batch(self._queue)
                self._busy = True
            outcomes = self._appender.append(batch)
            with self._changed:
                self._busy = False
            _resolve_all(batch, outcomes)
        _resolve_all(refused, [closed() for _ in refused])


def _resolve_all(batch: Iterable[EncodedRequest], outcomes: Iterable[Outcome]) -> None:
    for request, outcome in zip(batch, outcomes, strict=True):
        assert isinstance(request.future, ThreadOutcome)
        request.future.set_result(outcome)


def check_capacity(waiting: int, capacity: int) -> None:
    """Raises Busy."""
    if waiting >= capacity:
        raise Busy(
            f"{waiting} commands are waiting to be recorded and no more can wait; "
            "this one was not recorded."
        )


def closed() -> Closed:
    return Closed("The recorder is closed. Nothing was recorded.")


def _gave_up(request: EncodedRequest, doubtful: bool, error: Exception) -> Exception:
    why = " ".join(str(error).split()) or type(error).__name__
    if doubtful:
        return _unknown(request, why)
    return Unreachable(f"The ledger cannot be had, and nothing was recorded: {why}")


def _unknown(request: EncodedRequest, why: str) -> OutcomeUnknown:
    return OutcomeUnknown(
        f"It is not known whether command {request.command.id} was recorded: {why}. "
        "Sent again with the same id it is recorded once."
    )


def _translated(error: Exception) -> Exception:
    """psycopg's exception as the library's of the same name, as its own recorders do."""
    if isinstance(error, psycopg.errors.ExclusionViolation):
        return NumberHeld(str(error))
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
