"""Other processes that fold stretches of the ledger ahead of the follower, so that a long way is
gone on every core while PostgreSQL writes.

A folder reads what is asked of it, a line each, from its standard input, and answers with sheets
on its standard output. It ends with its input, that is with whoever started it, however that came
to an end. It writes nothing into the database.
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

ChangesByModel = dict[str, TableChanges]  # by the name of the projection


class FoldFailed(Exception):
    """A stretch could not be folded in another process: whoever asked must do it alone."""


class FoldRequest(msgspec.Struct, array_like=True):
    """The positions (after, until]. With `whole`: every stream that begins there, whole up to that
    position, and no other; else what is new there. `known`: then only what was known by then."""

    after: int
    until: int
    whole: int | None
    names: list[str]
    known: datetime | None = None


class FoldResult(msgspec.Struct, array_like=True):
    changes: ChangesByModel
    events: int
    wrong: str | None = None


class FoldWorkers:
    """As many processes as there are cores. Answers come as futures, in the order of asking."""

    def __init__(self, conninfo: str, role: str, count: int | None = None) -> None:
        self.count = count or min(os.cpu_count() or 1, 8)
        self.ahead = 2 * self.count  # enough that none waits while a sheet is being written
        self.processes = [_start(conninfo, role) for _ in range(self.count)]
        self._free: SimpleQueue[subprocess.Popen[bytes]] = SimpleQueue()
        for process in self.processes:
            self._free.put(process)
        self._threads = ThreadPoolExecutor(self.count, "folder")

    def submit(
        self, after: int, until: int, names: Sequence[str], whole: int | None = None
    ) -> Future[FoldResult]:
        """What these positions write. The answer raises Unfolded."""
        return self.submit_request(FoldRequest(after, until, whole, list(names)))

    def submit_request(self, request: FoldRequest) -> Future[FoldResult]:
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
            process.kill()  # whoever waits for its answer hears that it has ended
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
        env=os.environ | {"DATABASE_URL": conninfo},  # not an argument: those can be listed
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


# --------------------------------------------------------------- in that process


def main(conninfo: str, role: str) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a Ctrl-C is for whoever started us
    # What a batch makes is in no circles, and most of it outlives the next collection.
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
    found = read_between(connection, request.after, request.until, request.known)
    if request.whole is None:
        changes = {
            name: fold(connection, projection, events_of(projection, found))
            for name in request.names
            for projection in [BY_NAME[name]]
        }
        return FoldResult(changes, len(found))
    begun = {ledger_event.stream for ledger_event in found if ledger_event.version == 1}
    told = [ledger_event for ledger_event in found if ledger_event.stream in begun]
    told += read_streams(connection, list(begun), request.until, request.whole, request.known)
    changes = {
        name: fold_streams(projection, group_by_stream(events_of(projection, told)), {})
        for name in request.names
        for projection in [BY_NAME[name]]
    }
    return FoldResult(changes, len(told))


if __name__ == "__main__":
    main(os.environ.pop("DATABASE_URL"), sys.argv[1])
