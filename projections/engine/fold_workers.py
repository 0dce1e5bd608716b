"""Fold workers: processes that fold ranges of the ledger ahead of the projector, to use every core
while PostgreSQL writes.

A worker reads requests from its standard input and writes results to its standard output. It ends
with its input, that is, with the process that started it. It writes nothing to the database.
"""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime
from queue import SimpleQueue
from types import TracebackType
from typing import IO, Any

import msgspec
import psycopg

from projections.engine.fold import (
    TableChanges,
    connect,
    events_of,
    fold,
    fold_streams,
    group_by_stream,
    read_between,
    read_streams,
)
from projections.models.catalogue import BY_NAME
from registry.paths import ROOT

ChangesByModel = dict[str, TableChanges]  # by the name of the read model


class FoldFailed(Exception):
    """A range could not be folded in a worker; the caller must fold it itself to find the event."""


class FoldRequest(msgspec.Struct, array_like=True):
    """A request to fold the positions (after, until].

    With `whole`, the result holds every stream that begins in the range, folded up to the position
    `whole`; without it, the changes of the new events. `known`: only events known by that instant
    (transaction time).
    """

    after: int
    until: int
    whole: int | None
    names: list[str]
    known: datetime | None = None


class FoldResult(msgspec.Struct, array_like=True):
    """The row changes of a range, by read model. `events`: number of events folded; `wrong`:
    the error, if the range could not be folded."""

    changes: ChangesByModel
    events: int
    wrong: str | None = None


class FoldWorkers:
    """A pool of fold workers, one for each core (at most 8). Results are futures, in the order of
    submission.

    Owned by one thread. Each worker process is used by one thread of the pool at a time, taken from
    the queue `_free`.
    """

    def __init__(self, conninfo: str, role: str, count: int | None = None) -> None:
        self.count = count or min(os.cpu_count() or 1, 8)
        # requests in flight, so that no worker is idle while rows are written
        self.ahead = 2 * self.count
        self.processes = [_start(conninfo, role) for _ in range(self.count)]
        self._free: SimpleQueue[subprocess.Popen[bytes]] = SimpleQueue()
        for process in self.processes:
            self._free.put(process)
        self._threads = ThreadPoolExecutor(self.count, "fold-worker")

    def submit(
        self, after: int, until: int, names: Sequence[str], whole: int | None = None
    ) -> Future[FoldResult]:
        """Submits a range to be folded. The future raises FoldFailed."""
        return self.submit_request(FoldRequest(after, until, whole, list(names)))

    def submit_request(self, request: FoldRequest) -> Future[FoldResult]:
        """Submits a request. The future raises FoldFailed."""
        return self._threads.submit(self._ask, request)

    def _ask(self, request: FoldRequest) -> FoldResult:
        process = self._free.get()
        try:
            assert process.stdin and process.stdout
            _send(process.stdin, msgspec.msgpack.encode(request))
            answer = msgspec.msgpack.decode(_receive(process.stdout), type=FoldResult)
        except (OSError, EOFError) as error:
            raise FoldFailed(f"a process that folds ended too early: {error}") from None
        finally:
            self._free.put(process)
        if answer.wrong is not None:
            raise FoldFailed(answer.wrong)
        return answer

    def __enter__(self) -> FoldWorkers:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        base_exception: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        for process in self.processes:
            process.kill()  # a thread that waits for its result then gets an end of file
        self._threads.shutdown(wait=True, cancel_futures=True)
        for process in self.processes:
            process.wait()
            for end in (process.stdin, process.stdout):
                if end:
                    with suppress(BrokenPipeError):
                        end.close()


def _start(conninfo: str, role: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "projections.engine.fold_workers", role],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=os.environ | {"DATABASE_URL": conninfo},  # not an argument: other users can list those
        cwd=ROOT,
    )


def _send(into: IO[bytes], message: bytes) -> None:
    into.write(len(message).to_bytes(8, "big"))
    into.write(message)
    into.flush()


def _receive(from_: IO[bytes]) -> bytes:
    head = from_.read(8)
    length = int.from_bytes(head, "big")
    message = from_.read(length)
    if len(head) < 8 or len(message) < length:
        raise EOFError("no whole message")
    return message


# --------------------------------------------------------------- worker process


def main(conninfo: str, role: str) -> None:
    """Runs a worker process: answers requests until its standard input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is handled by the parent process
    # The objects of a batch are free of reference cycles, so frequent garbage collection is wasted.
    gc.freeze()
    gc.set_threshold(50_000)
    connection: psycopg.Connection[Any] | None = None
    while True:
        try:
            request = msgspec.msgpack.decode(_receive(sys.stdin.buffer), type=FoldRequest)
        except EOFError:
            return
        try:
            connection = connection or connect(conninfo, role)
            answer = fold_request(connection, request)
        except Exception as error:
            answer = FoldResult({}, 0, f"{type(error).__name__}: {error}")
        _send(sys.stdout.buffer, msgspec.msgpack.encode(answer))


def fold_request(connection: psycopg.Connection[Any], request: FoldRequest) -> FoldResult:
    """Computes the result of a request."""
    found = read_between(connection, request.after, request.until, request.known)
    if request.whole is None:
        changes = {
            name: fold(connection, projection, events_of(projection, found))
            for name in request.names
            for projection in [BY_NAME[name]]
        }
        return FoldResult(changes, len(found))
    new_streams = {ledger_event.stream for ledger_event in found if ledger_event.version == 1}
    stream_events = [ledger_event for ledger_event in found if ledger_event.stream in new_streams]
    stream_events += read_streams(
        connection, list(new_streams), request.until, request.whole, request.known
    )
    changes = {
        name: fold_streams(projection, group_by_stream(events_of(projection, stream_events)), {})
        for name in request.names
        for projection in [BY_NAME[name]]
    }
    return FoldResult(changes, len(stream_events))


if __name__ == "__main__":
    main(os.environ.pop("DATABASE_URL"), sys.argv[1])
