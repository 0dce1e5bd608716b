"""Group commit for one asyncio event loop: requests submitted while a batch is in flight form the
next batch.

The batch is sent by the event loop itself, after every task that is ready has run; the loop is
notified by the socket when the reply arrives. No thread and no lock is involved. With a worker
thread in between, the same load costs twice the CPU time, because two Python threads compete for
the interpreter lock at every step.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from contextlib import suppress
from time import monotonic, perf_counter

import psycopg

from registry.ledger.append_encoding import EncodedRequest
from registry.ledger.append_protocol import receive, send
from registry.ledger.group_commit import (
    REPLY_TIMEOUT,
    Appender,
    check_capacity,
    closed,
    in_doubt,
    take_batch,
)
from registry.ledger.types import Outcome

#: Queue length from which a batch may be split in two, so that the event loop and the database work
#: at the same time. Whether the split pays is decided by `_split_pays`.
SPLIT_FROM = 16
#: Maximum time in seconds for which the event loop blocks while the server accepts a batch. A
#: thread may wait longer.
SEND_TIMEOUT = 1.0
NO_REPLY = psycopg.OperationalError("the server did not answer in time")


class AsyncGroupCommitter:
    """Queue and database connection of one event loop.

    The event loop handles the successful case only. Connecting, sending again after a lost
    connection, and finding the invalid request of a batch may take long; the appender does that in
    a thread.

    All fields are owned by the event loop's thread. While `_thread` runs, it owns the appender.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, appender: Appender, capacity: int) -> None:
        self._loop = loop
        self._appender = appender
        self._capacity = capacity
        self._queue: deque[EncodedRequest] = deque()
        # sent to the database and not answered yet; owned by the batch in flight
        self._sent: list[EncodedRequest] = []
        self._connection: psycopg.Connection | None = None  # set while the loop waits for a reply
        self._socket = -1  # file descriptor, kept because a lost connection no longer has one
        self._deadline: asyncio.TimerHandle | None = None
        self._thread: threading.Thread | None = None  # set once a thread has waited for a reply
        self._send_scheduled = False  # a call of `_send_next` is scheduled
        self._sent_at = 0.0
        self._round_trip = 0.0  # seconds from sending a batch to its reply (moving average)
        self._per_task = 0.0  # seconds that one answered task runs (moving average)
        self._closed = False

    def submit(self, request: EncodedRequest) -> asyncio.Future[Outcome]:
        """Queues a request and returns the future of its outcome. Raises Busy (back-pressure: the
        queue is full) or Closed; then nothing is recorded.

        Cancelling the future withdraws a request that is still queued. A request that was sent
        cannot be withdrawn; its outcome can be found by its command id.
        """
        if self._closed:
            raise closed()
        check_capacity(len(self._queue), self._capacity)
        future: asyncio.Future[Outcome] = self._loop.create_future()
        request.future = future
        self._queue.append(request)
        self._schedule_send()
        return future

    def close(self) -> None:
        """Finishes the batch in flight and answers queued requests with `Closed`.

        May be called from any thread, including that of the event loop.
        """
        self._appender.close_soon()
        with suppress(RuntimeError):
            if asyncio.get_running_loop() is self._loop:
                self._shut_down()
        if not self._closed:
            done = threading.Event()
            with suppress(RuntimeError):  # the loop is closed, so nobody waits for an outcome
                self._loop.call_soon_threadsafe(self._shut_down, done)
                while not done.wait(0.1) and self._loop.is_running():
                    continue  # a loop that was stopped meanwhile never runs the callback
            self._closed = True
        if self._thread is not None:
            self._thread.join()
        self._appender.disconnect()

    # ----------------------------------------------------------------- inside

    def _schedule_send(self) -> None:
        """Schedules the next send after every task that is ready has run, because those tasks may
        submit requests."""
        if not self._send_scheduled and not self._sent:
            self._send_scheduled = True
            self._loop.call_soon(self._send_next)

    def _send_next(self, answered_at: float = 0.0, answered: int = 0) -> None:
        """Sends the next batch, or half of the queue.

        `answered`: number of tasks that were answered at `answered_at` (seconds of perf_counter)
        and have run since.
        """
        self._send_scheduled = False
        if answered:
            self._per_task += ((perf_counter() - answered_at) / answered - self._per_task) / 8
        if not self._sent and not self._closed:
            queued = len(self._queue)
            half = queued // 2
            self._send(
                half if queued >= SPLIT_FROM and self._split_pays(queued, queued) else queued
            )

    def _split_pays(self, all: int, sent: int) -> bool:
        """Whether it is faster to send half of the queue now and half with the next commit.

        A second commit costs one more start of a statement and one more flush to disk. That time is
        the round trip without the cost of the events themselves, each of which costs the database
        about as much as it costs the event loop.
        """
        return (all + sent) * self._per_task > self._round_trip

    def _send(self, most: int) -> None:
        self._sent = take_batch(self._queue, most)
        if not self._sent:
            return
        self._sent_at = perf_counter()
        connection = self._appender.connection
        if connection is None:
            return self._append_in_thread(doubtful=False)
        try:
            send(connection, self._sent, monotonic() + SEND_TIMEOUT)
        except Exception:
            return self._append_in_thread(doubtful=True)
        self._connection, self._socket = connection, connection.pgconn.socket
        self._loop.add_reader(self._socket, self._read)
        self._deadline = self._loop.call_later(REPLY_TIMEOUT, self._give_up, NO_REPLY)

    def _read(self) -> None:
        assert self._connection is not None
        try:
            self._connection.pgconn.consume_input()
            if self._connection.pgconn.is_busy():
                return
            # A long reply may have arrived in part before its end; the rest follows soon.
            outcomes = receive(self._connection, self._sent, monotonic() + REPLY_TIMEOUT)
        except Exception as error:
            self._give_up(error)
        else:
            self._stop_reading()
            self._resolve_all(outcomes)

    def _give_up(self, error: Exception) -> None:
        """Sends the batch again in a thread, where each request gets its outcome: it may have been
        committed, or one request may be invalid."""
        self._stop_reading()
        self._appender.disconnect()
        self._append_in_thread(doubtful=in_doubt(error))

    def _stop_reading(self) -> None:
        assert self._deadline is not None
        self._deadline.cancel()
        self._loop.remove_reader(self._socket)
        self._connection = None

    def _append_in_thread(self, *, doubtful: bool) -> None:
        # A thread of its own and not the loop's executor, because a loop that ends waits for its
        # executor.
        batch = self._sent

        def append() -> None:
            outcomes = self._appender.append(batch, doubtful=doubtful)
            # the loop was closed: the events are recorded, but nobody waits
            with suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._resolve_all, outcomes)

        self._thread = threading.Thread(target=append, name="appender", daemon=True)
        self._thread.start()

    def _resolve_all(self, outcomes: list[Outcome]) -> None:
        batch, self._sent = self._sent, []
        answered, waiting, now = len(batch), len(self._queue), perf_counter()
        self._round_trip += (now - self._sent_at - self._round_trip) / 8
        if (
            waiting >= answered
            and not self._closed
            and self._split_pays(waiting + answered, answered)
        ):
            self._send(waiting)  # first, so that the database works while the tasks are answered
        for request, outcome in zip(batch, outcomes, strict=True):
            _resolve(request, outcome)
        self._send_scheduled = True
        self._loop.call_soon(
            self._send_next, now, answered
        )  # after the tasks that were answered, which may submit more

    def _shut_down(self, done: threading.Event | None = None) -> None:
        """Closes the queue. Runs in the thread of the event loop."""
        self._closed = True
        while self._queue:
            _resolve(self._queue.popleft(), closed())
        if self._connection is not None:  # usually the commit is almost finished
            connection = self._connection
            try:
                outcomes = receive(connection, self._sent, monotonic() + REPLY_TIMEOUT)
            except Exception as error:
                self._give_up(error)
            else:
                self._stop_reading()
                self._resolve_all(outcomes)
        if done is not None:
            done.set()


def _resolve(request: EncodedRequest, outcome: Outcome) -> None:
    future = request.future
    assert isinstance(future, asyncio.Future)
    if not future.done():
        future.set_result(outcome)
