"""Other processes that decide synthetic lives, so that a load uses every core.

A decider reads ranges of numbers from its standard input and answers each with the decided lives,
written out for the ledger, on its standard output. It ends with its input, that is with whoever
started it, however that came to an end.
"""

from __future__ import annotations

import gc
import os
import pickle
import subprocess
import sys
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from api.synthetic import Population
from registry.application import Registry
from registry.database import environment
from registry.tickets import Ticket

Range = tuple[int, int]
Batch = list[Ticket]
AHEAD = 3  # ranges that a decider is given beyond the one that is waited for


def decided(conninfo: str, seed: int, ranges: Sequence[Range]) -> Iterator[Batch]:
    """The batches of these ranges, in their order. Raises RuntimeError when a decider died."""
    workers = [_start(conninfo, seed) for _ in range(min(os.cpu_count() or 1, 4, len(ranges)))]
    # A thread each takes its answers in at once: a pipe holds less than one, and a decider that
    # waits to be read decides nothing meanwhile.
    readers = [ThreadPoolExecutor(1, "decider") for _ in workers]
    try:
        waiting: deque[Future[Batch]] = deque()
        left = deque(enumerate(ranges))
        while left or waiting:
            while left and len(waiting) < AHEAD * len(workers):
                number, (first, until) = left.popleft()
                worker = workers[number % len(workers)]
                assert worker.stdin is not None
                worker.stdin.write(f"{first} {until}\n".encode())
                worker.stdin.flush()
                waiting.append(readers[number % len(workers)].submit(_answer, worker))
            yield waiting.popleft().result()
    finally:
        for worker in workers:
            worker.kill()
        for reader in readers:
            reader.shutdown(cancel_futures=True)
        for worker in workers:
            worker.communicate()


def _start(conninfo: str, seed: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "api.deciders", str(seed)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=os.environ | {"DATABASE_URL": conninfo},  # not an argument: those can be listed
    )


def _answer(worker: subprocess.Popen[bytes]) -> Batch:
    assert worker.stdout is not None
    try:
        batch: Batch = pickle.load(worker.stdout)  # what our own child has just written
    except (EOFError, pickle.UnpicklingError):
        raise RuntimeError("a process that decides synthetic lives ended too early") from None
    return batch


def main(arguments: Sequence[str]) -> None:
    registry = Registry(environment(os.environ["DATABASE_URL"]))
    population = Population(registry, int(arguments[0]))
    out: Any = sys.stdout.buffer
    gc.disable()  # nothing here is in a ring, and looking for rings takes an eighth of the time
    for line in sys.stdin:
        first, until = map(int, line.split())
        lives = [population.life(number) for number in range(first, until)]
        pickle.dump([registry.written(life.history()) for life in lives], out, protocol=5)
        out.flush()


if __name__ == "__main__":
    main(sys.argv[1:])
