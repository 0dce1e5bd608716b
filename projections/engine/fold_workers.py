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
    Sheet,
    by_stream,
    connect,
    fold,
    fold_streams,
    own,
    streams,
    stretch,
)
from projections.models.catalogue import BY_NAME
from registry.paths import ROOT

Sheets = dict[str, Sheet]  # by the name of the projection


class Unfolded(Exception):
    """A stretch could not be folded in another process: whoever asked must do it alone."""


class FoldRequest(msgspec.Struct, array_like=True):
    """The positions (after, until]. With `whole`: every stream that begins there, whole up to that
    position, and no other; else what is new there. `known`: then only what was known by then."""

    after: int
    until: int
    whole: int | None
    names: list[str]
    known: datetime | None = None


class FoldedStretch(msgspec.Struct, array_like=True):
    sheets: Sheets
    events: int
    wrong: str | None = None


class Folders:
    """As many processes as there are cores. Answers come as futures, in the order of asking."""

    def __init__(self, conninfo: str, role: str, count: int | None = None) -> None:
        self.count = count or min(os.cpu_count() or 1, 8)
        self.ahead = 2 * self.count  # enough that none waits while a sheet is being written
        self.processes = [_start(conninfo, role) for _ in range(self.count)]
        self._free: SimpleQueue[subprocess.Popen[bytes]] = SimpleQueue()
        for process in self.processes:
            self._free.put(process)
        self._threads = ThreadPoolExecutor(self.count, "folder")

    def ask(
        self, after: int, until: int, names: Sequence[str], whole: int | None = None
    ) -> Future[FoldedStretch]:
        """What these positions write. The answer raises Unfolded."""
        return self.ask_for(FoldRequest(after, until, whole, list(names)))

    def ask_for(self, asked: FoldRequest) -> Future[FoldedStretch]:
        return self._threads.submit(self._ask, asked)

    def _ask(self, asked: FoldRequest) -> FoldedStretch:
        process = self._free.get()
        try:
            assert process.stdin and process.stdout
            _send(process.stdin, msgspec.msgpack.encode(asked))
            answer = msgspec.msgpack.decode(_receive(process.stdout), type=FoldedStretch)
        except (OSError, EOFError) as error:
            raise Unfolded(f"a process that folds ended too early: {error}") from None
        finally:
            self._free.put(process)
        if answer.wrong is not None:
            raise Unfolded(answer.wrong)
        return answer

    def __enter__(self) -> Folders:
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
            asked = msgspec.msgpack.decode(_receive(sys.stdin.buffer), type=FoldRequest)
        except EOFError:
            return
        try:
            connection = connection or connect(conninfo, role)
            answer = folded(connection, asked)
        except Exception as error:
            answer = FoldedStretch({}, 0, f"{type(error).__name__}: {error}")
        _send(sys.stdout.buffer, msgspec.msgpack.encode(answer))


def folded(connection: psycopg.Connection[Any], asked: FoldRequest) -> FoldedStretch:
    found = stretch(connection, asked.after, asked.until, asked.known)
    if asked.whole is None:
        sheets = {
            name: fold(connection, projection, own(projection, found))
            for name in asked.names
            for projection in [BY_NAME[name]]
        }
        return FoldedStretch(sheets, len(found))
    begun = {ledger_event.stream for ledger_event in found if ledger_event.version == 1}
    told = [ledger_event for ledger_event in found if ledger_event.stream in begun]
    told += streams(connection, list(begun), asked.until, asked.whole, asked.known)
    sheets = {
        name: fold_streams(projection, by_stream(own(projection, told)), {})
        for name in asked.names
        for projection in [BY_NAME[name]]
    }
    return FoldedStretch(sheets, len(told))


if __name__ == "__main__":
    main(os.environ.pop("DATABASE_URL"), sys.argv[1])
