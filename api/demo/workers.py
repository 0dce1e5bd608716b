"""Worker processes that decide synthetic histories, so that a load uses several cores.

A worker receives ranges of numbers and answers each with the decided histories, encoded for the
ledger. It ends when its pipe is closed, however the parent process ended.
"""

from __future__ import annotations

import gc
import multiprocessing
import os
import pickle
import signal
import sys
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from multiprocessing.connection import Connection
from typing import Any

from api.demo.population import Population
from registry.application.bulk_import import EncodedHistory, encode_history
from registry.application.registry import Registry
from registry.ledger.database import environment

Range = tuple[int, int]
Batch = list[EncodedHistory]
AHEAD = 3  # ranges that are queued for each worker
MOST = 4  # workers: with more, the single writer of the ledger is the bottleneck


class WorkerPool:
    """The worker processes. `lines`: a pipe to each."""

    def __init__(self, lines: Sequence[Connection]) -> None:
        self._lines = lines

    def decided(self, ranges: Sequence[Range]) -> Iterator[Batch]:
        """Yields the batches of these ranges, in their order. Raises RuntimeError when a worker
        died."""
        with ExitStack() as stack:
            # One thread per worker reads its answers at once: a pipe holds less than one answer,
            # and a worker that waits to be read cannot decide in the meantime.
            readers = [ThreadPoolExecutor(1, "decider") for _ in self._lines]
            for reader in readers:
                stack.callback(reader.shutdown, wait=False, cancel_futures=True)
            waiting: deque[Future[bytes]] = deque()
            left = deque(enumerate(ranges))
            while left or waiting:
                while left and len(waiting) < AHEAD * len(self._lines):
                    number, range = left.popleft()
                    turn = number % len(self._lines)
                    self._lines[turn].send(range)
                    waiting.append(readers[turn].submit(self._lines[turn].recv_bytes))
                try:
                    batch: Batch = pickle.loads(
                        waiting.popleft().result()
                    )  # trusted: from a child of this process
                except (EOFError, OSError):
                    raise RuntimeError(
                        "a process that decides synthetic lives ended too early"
                    ) from None
                yield batch


@contextmanager
def worker_pool(conninfo: str, registry: Registry, population: Population) -> Iterator[WorkerPool]:
    """Starts the workers.

    Call it before this process opens connections or starts threads, if possible: each worker is
    then a fork, which saves about a second of imports and reads. `registry`: a closed one, whose
    encoder still works.
    """
    alone = sys.platform == "linux" and threading.active_count() == 1
    context: Any = multiprocessing.get_context("fork" if alone else "spawn")
    ready = (registry, population) if alone else None
    with ExitStack() as stack:
        lines = []
        for _ in range(min(os.cpu_count() or 1, MOST)):
            ours, theirs = context.Pipe()
            stack.callback(ours.close)
            worker = context.Process(
                target=_decide, args=(theirs, ours, conninfo, population.seed, ready), daemon=True
            )
            worker.start()
            stack.callback(worker.join)
            stack.callback(worker.kill)
            theirs.close()
            lines.append(ours)
        yield WorkerPool(lines)


def _decide(
    line: Connection,
    other_end: Connection,
    conninfo: str,
    seed: int,
    ready: tuple[Registry, Population] | None,
) -> None:
    other_end.close()  # a copy of it here would keep the pipe open after the parent has ended
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # it ends when the pipe is closed
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    gc.disable()  # there are no reference cycles here, and collection takes an eighth of the time
    registry, population = ready or _registry_and_population(conninfo, seed)
    while True:
        try:
            first, until = line.recv()
        except EOFError:
            return
        batch = [
            encode_history(registry, population.life(n).history()) for n in range(first, until)
        ]
        line.send_bytes(pickle.dumps(batch, protocol=5))


def _registry_and_population(conninfo: str, seed: int) -> tuple[Registry, Population]:
    with closing(Registry(environment(conninfo))) as registry:
        return registry, Population(registry, seed)
