"""Other processes that decide synthetic lives, so that a load uses every core.

A decider is told ranges of numbers and answers each with the decided lives, written out for the
ledger. It ends when the line to whoever started it ends, however that came to be.
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
AHEAD = 3  # ranges that a decider is given beyond the one that is waited for
MOST = 4  # deciders: beyond that the ledger's one writer has enough to do


class Deciders:
    def __init__(self, lines: Sequence[Connection]) -> None:
        self._lines = lines

    def decided(self, ranges: Sequence[Range]) -> Iterator[Batch]:
        """The batches of these ranges, in their order. Raises RuntimeError when a decider died."""
        with ExitStack() as stack:
            # A thread each takes its answers in at once: a pipe holds less than one, and a decider
            # that waits to be read decides nothing meanwhile.
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
                    batch: Batch = pickle.loads(waiting.popleft().result())  # of our own child
                except (EOFError, OSError):
                    raise RuntimeError(
                        "a process that decides synthetic lives ended too early"
                    ) from None
                yield batch


@contextmanager
def deciders(conninfo: str, registry: Registry, population: Population) -> Iterator[Deciders]:
    """To be entered while there are no connections and threads, if possible: then each decider is
    a copy of this process, which need neither import nor read anything anew for a second.

    `registry`: a closed one, which still knows how to write.
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
        yield Deciders(lines)


def _decide(
    line: Connection,
    other_end: Connection,
    conninfo: str,
    seed: int,
    ready: tuple[Registry, Population] | None,
) -> None:
    other_end.close()  # a copy of it here would keep the line open when its owner is gone
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # it is told by the end of the line
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    gc.disable()  # nothing here is in a ring, and looking for rings takes an eighth of the time
    registry, population = ready or _begun(conninfo, seed)
    while True:
        try:
            first, until = line.recv()
        except EOFError:
            return
        batch = [
            encode_history(registry, population.life(n).history()) for n in range(first, until)
        ]
        line.send_bytes(pickle.dumps(batch, protocol=5))


def _begun(conninfo: str, seed: int) -> tuple[Registry, Population]:
    with closing(Registry(environment(conninfo))) as registry:
        return registry, Population(registry, seed)
