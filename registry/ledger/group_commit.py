"""Group commit for threads: commands that wait are appended together, in one transaction on one
connection."""

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

# in one transaction; a larger batch increases the latency and not the throughput
MAX_BATCH_COMMANDS = 512
MAX_BATCH_BYTES = 4 * 2**20
RECONNECT_PAUSE = 0.2  # seconds between two attempts to connect
REPLY_TIMEOUT = 20.0  # seconds to wait for a reply, longer than the server's own statement timeout

#: Errors after which a new connection may succeed. A primary reports a read-only transaction after
#: a failover to another server.
CONNECTION_ERRORS = (
    psycopg.OperationalError,
    psycopg.InterfaceError,
    psycopg.errors.ReadOnlySqlTransaction,
)


def take_batch(
    queue: deque[EncodedRequest], most: int = MAX_BATCH_COMMANDS
) -> list[EncodedRequest]:
    """Takes the next batch from the queue, of at most `most` requests.

    Two requests on one stream, or with the same command id, never share a batch. The later one
    stays in the queue, and everything behind it on the same stream stays behind it.
    """
    batch: list[EncodedRequest] = []
    left: list[EncodedRequest] = []
    seen: set[bytes] = set()
    room = MAX_BATCH_BYTES
    most = min(most, MAX_BATCH_COMMANDS)
    while queue and len(batch) < most:
        request = queue[0]
        if batch and request.size > room:
            break
        queue.popleft()
        if request.future is not None and request.future.cancelled():
            continue  # cancelled before it was sent
        if seen.isdisjoint(request.keys):
            batch.append(request)
            room -= request.size
        else:
            left.append(request)
        seen |= request.keys
    queue.extendleft(reversed(left))
    return batch


def in_doubt(error: Exception) -> bool:
    """Whether a batch may have been committed in spite of this error. Not if a lock was not
    granted."""
    return isinstance(error, CONNECTION_ERRORS) and not isinstance(
        error, psycopg.errors.LockNotAvailable
    )


class Appender:
    """Appends batches on one connection and returns an outcome for each request.

    After a lost connection the same batch is sent again instead of being looked up: the old server
    process may still be about to commit, and a look-up could answer "absent" too early. The
    repeated batch waits for the lock of the old one, and is then answered as repeated (the command
    id is the idempotency key).

    `_connection` is owned by the caller of `append`: one thread at a time. `_closing` may be set
    from any thread.
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
        """Appends a batch and returns the outcome of each request. Never raises; gives up after
        `timeout` seconds.

        `until`: deadline in seconds of the monotonic clock, instead of `timeout`. `doubtful`: the
        batch was sent before, with an unknown outcome.
        """
        if self._closing.is_set():
            return [_unknown(request, "closed") if doubtful else closed() for request in batch]
        until = until or monotonic() + self._timeout
        pause = 0.0  # the first reconnection is immediate
        while True:
            try:
                if self._connection is None:
                    self._connection = self._connect_and_prepare()
                deadline = monotonic() + REPLY_TIMEOUT
                send(self._connection, batch, deadline)
                return receive(self._connection, batch, deadline)
            except CONNECTION_ERRORS as error:
                # If there was no connection, or a lock was not granted, nothing was written.
                # Otherwise the batch may have been committed.
                reached = self._connection is not None
                doubtful |= reached and in_doubt(error)
                self.disconnect()
                if monotonic() + pause > until or self._closing.wait(pause):
                    return [_gave_up(request, doubtful, error) for request in batch]
                pause = RECONNECT_PAUSE
            except Exception as error:
                if len(batch) == 1:
                    return [_translated(error)]
                # One of the requests is invalid. Sent one by one, the others succeed.
                return [outcome for request in batch for outcome in self.append([request], until)]

    def _connect_and_prepare(self) -> psycopg.Connection[Any]:
        connection = self._connect()
        try:
            prepare(connection, self._functions, monotonic() + REPLY_TIMEOUT)
        # for example a missing migration: a kept connection would never become ready
        except BaseException:
            connection.close()
            raise
        return connection

    @property
    def connection(self) -> psycopg.Connection[Any] | None:
        """The connection, prepared for appending, or None if there is none at the moment."""
        return self._connection

    def disconnect(self) -> None:
        """Closes the connection; the next batch opens another one."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def close_soon(self) -> None:
        """Lets the statement in flight finish, and starts no other and no retry. From any
        thread."""
        self._closing.set()


class GroupCommitter:
    """Group commit with a queue and one worker thread. Requests that arrive while a batch is being
    committed form the next batch.

    Any number of threads may call `record`. Not usable after a fork. `_queue`, `_busy`, `_worker`
    and `_closed` are guarded by `_changed`; the appender is owned by the thread that has set
    `_busy`.
    """

    def __init__(self, appender: Appender, capacity: int) -> None:
        self._appender = appender
        self._capacity = capacity
        self._queue: deque[EncodedRequest] = deque()
        self._changed = threading.Condition()
        self._busy = False  # a thread is using the appender
        self._worker: threading.Thread | None = None
        self._closed = False

    def record(self, request: EncodedRequest) -> Outcome:
        """Queues a request and waits for its outcome. Raises Busy (back-pressure: the queue is
        full) or Closed; then nothing is recorded."""
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
        # The queue is empty: this thread appends by itself, because handing over to the worker
        # would take as long as the append.
        try:
            [outcome] = self._appender.append([request])
        except BaseException:  # interrupted while a reply was being read
            self._appender.disconnect()
            raise
        finally:
            with self._changed:
                self._busy = False
                self._changed.notify_all()
        return outcome

    def close(self) -> None:
        """Finishes the batch in flight and answers queued requests with `Closed`."""
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
        if self._worker is None:  # started on first use, so that a fork after construction is safe
            self._worker = threading.Thread(target=self._work, name="committer", daemon=True)
            self._worker.start()
        if not self._busy:  # otherwise the worker is notified when the appender is free
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
    """Raises Busy if the queue is full (back-pressure)."""
    if waiting >= capacity:
        raise Busy(
            f"{waiting} commands are queued, and the queue is full; this one was not recorded."
        )


def closed() -> Closed:
    """Returns the outcome of a request that was refused because the recorder was closed."""
    return Closed("The recorder is closed. Nothing was recorded.")


def _gave_up(request: EncodedRequest, doubtful: bool, error: Exception) -> Exception:
    why = " ".join(str(error).split()) or type(error).__name__
    if doubtful:
        return _unknown(request, why)
    return Unreachable(f"The ledger cannot be reached, and nothing was recorded: {why}")


def _unknown(request: EncodedRequest, why: str) -> OutcomeUnknown:
    return OutcomeUnknown(
        f"It is not known whether command {request.command.id} was recorded: {why}. "
        "Sent again with the same id it is recorded once."
    )


def _translated(error: Exception) -> Exception:
    """Converts a psycopg exception into the exception of the same name in the eventsourcing
    library, as the library's recorders do. An exclusion violation becomes NumberHeld."""
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
