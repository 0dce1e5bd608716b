"""One commit for all tasks of an event loop that wait: no thread, no lock, no waiting.

What the tasks have submitted goes out once they have all had their turn; while the database works
on it, the loop goes on, and is woken by the answer. With a thread between, the same costs twice the
processor: two threads of Python take the interpreter from each other at every step.
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

#: From so many on, half of them may wait for the next commit: then those who were answered and
#: the database work at the same time. It pays where the disk is quick (`_in_turns`).
SPLIT_FROM = 16
#: Seconds that the loop itself waits for the server to take what is sent; a thread may wait longer.
SEND_TIMEOUT = 1.0
NO_REPLY = psycopg.OperationalError("the server did not answer in time")


class AsyncGroupCommitter:
    """The queue of one event loop, and a connection of its own.

    Only what goes well is done in the loop. To connect, to send again after a lost connection, to
    find the one bad command of a batch may take long: the appender does that, in a thread.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, appender: Appender, capacity: int) -> None:
        self._loop = loop
        self._appender = appender
        self._capacity = capacity
        self._queue: deque[EncodedRequest] = deque()
        self._sent: list[EncodedRequest] = []  # handed to the database, and not answered
        self._connection: psycopg.Connection | None = (
            None  # while the answer is awaited in the loop
        )
        self._socket = -1  # its own, kept because a line that is lost has none any more
        self._deadline: asyncio.TimerHandle | None = None
        self._thread: threading.Thread | None = None  # while it is awaited there
        self._send_scheduled = False  # a turn to send is coming
        self._sent_at = 0.0
        self._round_trip = 0.0  # seconds from sending a batch to its answer, lately
        self._per_task = 0.0  # seconds that a task takes which was answered, lately
        self._closed = False

    def submit(self, request: EncodedRequest) -> asyncio.Future[Outcome]:
        """The outcome to come. Raises Busy or Closed, and records nothing then.

        A task that is cancelled while queued withdraws its command; once sent, a command cannot
        be called back, and its id tells what became of it.
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
        """What was sent is finished and answered; what is queued is answered `Closed`.

        From any thread, also from the loop's own.
        """
        self._appender.close_soon()
        with suppress(RuntimeError):
            if asyncio.get_running_loop() is self._loop:
                self._shut_down()
        if not self._closed:
            done = threading.Event()
            with suppress(RuntimeError):  # the loop is closed: nobody is left to be told
                self._loop.call_soon_threadsafe(self._shut_down, done)
                while not done.wait(0.1) and self._loop.is_running():
                    continue  # a loop that is stopped meanwhile will not come to it
            self._closed = True
        if self._thread is not None:
            self._thread.join()
        self._appender.disconnect()

    # ----------------------------------------------------------------- inside

    def _schedule_send(self) -> None:
        """Send when every task that is ready now has had its turn: they may bring something."""
        if not self._send_scheduled and not self._sent:
            self._send_scheduled = True
            self._loop.call_soon(self._send_next)

    def _send_next(self, answered_at: float = 0.0, answered: int = 0) -> None:
        """`told`: so many tasks were answered at that instant, and have had their turn since."""
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
        """Shall half of them wait for the next commit?

        Two commits cost the database one more start and the disk one more flush. What that takes
        is the flight less its events, each of which costs the database about what it costs us.
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
            # A long answer may be here in part before its commit; its end is never far.
            outcomes = receive(self._connection, self._sent, monotonic() + REPLY_TIMEOUT)
        except Exception as error:
            self._give_up(error)
        else:
            self._stop_reading()
            self._resolve_all(outcomes)

    def _give_up(self, error: Exception) -> None:
        """It may have been recorded, or one of them is bad: sent again, each gets its answer."""
        self._stop_reading()
        self._appender.disconnect()
        self._append_in_thread(doubtful=in_doubt(error))

    def _stop_reading(self) -> None:
        assert self._deadline is not None
        self._deadline.cancel()
        self._loop.remove_reader(self._socket)
        self._connection = None

    def _append_in_thread(self, *, doubtful: bool) -> None:
        # Not the loop's own threads: a loop that ends would wait for them.
        batch = self._sent

        def append() -> None:
            outcomes = self._appender.append(batch, doubtful=doubtful)
            with suppress(RuntimeError):  # the loop was closed: recorded, with nobody to tell
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
            self._send(waiting)  # first: the database need not wait for the telling
        for request, outcome in zip(batch, outcomes, strict=True):
            _resolve(request, outcome)
        self._send_scheduled = True
        self._loop.call_soon(
            self._send_next, now, answered
        )  # after those who were told: they may have more

    def _shut_down(self, done: threading.Event | None = None) -> None:
        """In the loop's own thread."""
        self._closed = True
        while self._queue:
            _resolve(self._queue.popleft(), closed())
        if self._connection is not None:  # nearly always a commit that is nearly done
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
