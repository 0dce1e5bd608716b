"""Fair queueing of requests by subject, and delayed refusals. Both are counted per process.

`FairQueue` is deficit round robin (Shreedhar and Varghese, 1995): each subject has its own queue,
the queues take turns, and a turn pays for a number of microseconds of work. A request that arrives
while a place is free and nobody waits skips the queues. `Refusals` delays the answer to a subject
whose requests are refused one after another. Neither holds a database connection or a thread.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import cache
from time import monotonic

from prometheus_client import Counter as Metric
from prometheus_client import Gauge, Histogram

from api.graphql.errors import RequestDeclined
from api.observability import counters
from registry.domain.sentences import Sentence

WAITING = Gauge(
    "aeo_queue_waiting", "Requests that wait for a place", ["queue"], multiprocess_mode="livesum"
)
WAITED = Histogram("aeo_queue_seconds", "How long a request waited, where it waited", ["queue"])
SLOWED = Metric("aeo_refusals_slowed", "Refusals that were held back before they were sent")
UNHELD = Metric("aeo_refusals_closed", "Refusals sent at once, since too many were held back")
HELD = Gauge("aeo_refusals_held", "Refusals that are held back now", multiprocess_mode="livesum")
_waiting, _waited = cache(WAITING.labels), cache(WAITED.labels)

PAUSE = 0.005  # seconds of pause for each short query that arrived during a long one
OF_ONE, OF_ALL = 256, 2_048  # requests that may wait in a queue: of one subject, of all subjects
REMEMBERED = 10_000  # subjects with refusals; the one refused longest ago is dropped first


@dataclass
class _SubjectQueue:
    """The waiting requests of one subject, each with its cost in microseconds of work.

    `deficit`: microseconds of work that the subject may still ask for in this turn (the deficit
    counter of the algorithm).
    """

    deficit: int = 0
    waiting: deque[tuple[int, asyncio.Future[None]]] = field(default_factory=deque)


class FairQueue:
    """A queue in front of a limited number of places.

    `places`: requests that are processed at the same time. `patience`: the longest wait in seconds.
    `quantum`: microseconds of work that one turn of a subject pays for. `of_one`, `of_all`: how
    many requests may wait, of one subject and in total.
    """

    def __init__(
        self,
        name: str,
        places: int,
        patience: float,
        quantum: int,
        of_one: int = OF_ONE,
        of_all: int = OF_ALL,
    ) -> None:
        self.name, self._free, self._patience = name, places, patience
        self._quantum, self._of_one, self._of_all = quantum, of_one, of_all
        self._subject_queues: OrderedDict[str, _SubjectQueue] = OrderedDict()
        self.waiting = 0
        #: Requests so far, and the same number at the last call of `was_used`.
        self.came, self._seen = 0, 0

    def at_once(self) -> bool:
        """Takes a place if one is free and nobody waits; returns whether it did.

        Every place that was taken is given back with `leave` or `rest`.
        """
        self.came += 1
        if self._free > 0 and not self._subject_queues:
            self._free -= 1
            return True
        return False

    def was_used(self) -> bool:
        """Returns whether a request arrived since the last call. Any thread may call it."""
        seen, self._seen = self._seen, self.came
        return self._seen > seen

    async def wait(self, subject: str, cost: int) -> None:
        """Waits for the subject's turn and takes a place. `cost`: microseconds of work.

        Raises RequestDeclined: 429 when this subject has too many waiting requests; 503 when the
        whole queue is full or no turn came within `patience`.
        """
        line = self._subject_queues.get(subject)
        if line is not None and len(line.waiting) >= self._of_one:
            raise RequestDeclined(
                429,
                "TOO_MANY_AT_ONCE",
                Sentence(
                    "%(number)s of your requests wait already. Send the next one after an answer.",
                    number=self._of_one,
                ),
                Retry_After="1",
            )
        if self.waiting >= self._of_all:
            raise _busy()
        if line is None:
            line = self._subject_queues[subject] = _SubjectQueue()
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        line.waiting.append((max(1, cost), turn))
        self._count(1)
        began = monotonic()
        try:
            async with asyncio.timeout(self._patience):
                await turn
        except BaseException as error:
            if turn.done() and not turn.cancelled():
                self.leave()  # its turn came at the moment of the timeout
            else:
                turn.cancel()
                self._count(-1)
                self._serve()  # otherwise an empty queue would stop others from skipping it
            if isinstance(error, TimeoutError):
                raise _busy() from None
            raise
        finally:
            counters.observe(_waited(self.name), monotonic() - began)

    def leave(self) -> None:
        """Gives a place back; the next request in turn takes it."""
        self._free += 1
        if self._subject_queues:
            self._serve()

    def rest(self, took: float, others: int) -> None:
        """Gives a place back after a pause, so that expensive work leaves time for cheap queries.

        The pause is twice as long as the work `took` (seconds), but not longer than `PAUSE` for
        each of the `others` that arrived in the meantime.
        """
        seconds = min(2 * took, others * PAUSE)
        if seconds < PAUSE:
            self.leave()
        else:
            asyncio.get_running_loop().call_later(seconds, self.leave)

    def _serve(self) -> None:
        while self._free > 0 and self._subject_queues:
            subject, line = next(iter(self._subject_queues.items()))
            while line.waiting and line.waiting[0][1].done():
                line.waiting.popleft()  # it has timed out or was cancelled
            if not line.waiting:
                del self._subject_queues[subject]  # an empty queue keeps no deficit
                continue
            cost, turn = line.waiting[0]
            if line.deficit < cost:
                line.deficit += self._quantum
                self._subject_queues.move_to_end(subject)
                continue
            line.deficit -= cost
            line.waiting.popleft()
            if not line.waiting:
                del self._subject_queues[subject]
            self._free -= 1
            self._count(-1)
            turn.set_result(None)

    def _count(self, more: int) -> None:
        self.waiting += more
        _waiting(self.name).set(self.waiting)


def _busy() -> RequestDeclined:
    return RequestDeclined(503, "BUSY", Sentence("Too many questions are waiting. Ask again."))


@dataclass
class _Refused:
    """The refusals of one subject: how many in a row, when the last one was (`clock` seconds), and
    how many are being delayed now."""

    times: int = 0
    at: float = 0.0
    held: int = 0


class Refusals:
    """Delays the refusals of each subject.

    The first `FREE` refusals in a row are sent at once, the next one after `first` seconds, and
    each further one after twice the time, up to `longest` seconds. A request that succeeds shortens
    the row by one, and `CALM` seconds without a refusal end it.
    """

    FREE = 4
    CALM = 60.0  # seconds without a refusal, after which the next is the first again
    #: Refusals that are delayed at the same time, of one subject and of all. Further ones are sent
    #: at once and their connection is closed.
    OF_ONE, OF_ALL = 64, 1_024

    def __init__(
        self, first: float, longest: float, clock: Callable[[], float] = monotonic
    ) -> None:
        """`first`, `longest`: seconds; a `first` of 0 switches the delay off."""
        self._first, self._longest, self._clock = first, longest, clock
        self._subjects: OrderedDict[str, _Refused] = OrderedDict()
        self._held = 0

    def answered(self, subject: str) -> None:
        """Notes a request that was not refused. Cheap while no subject was refused."""
        if self._subjects and (found := self._subjects.get(subject)) is not None:
            found.times = max(0, found.times - 1)
            if not (found.times or found.held):
                del self._subjects[subject]

    def refused(self, subject: str) -> float:
        """Notes a refusal and returns the seconds for which it is to be delayed."""
        now = self._clock()
        found = self._subjects.setdefault(subject, _Refused())
        if now - found.at > self.CALM:
            found.times = 0
        found.times, found.at = found.times + 1, now
        self._subjects.move_to_end(subject)
        if len(self._subjects) > REMEMBERED:
            self._subjects.popitem(last=False)
        late = found.times - self.FREE
        if late <= 0 or not self._first:
            return 0.0
        return min(self._longest, self._first * 2.0 ** min(late - 1, 30))

    async def hold_back(
        self, subject: str, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    ) -> bool:
        """Delays a refusal of this subject.

        Returns False, without a delay, when too many refusals are being delayed already; the caller
        then closes the connection after the answer.
        """
        seconds = self.refused(subject)
        if not seconds:
            return True
        found = self._subjects[subject]
        if found.held >= self.OF_ONE or self._held >= self.OF_ALL:
            counters.count(UNHELD)
            return False
        counters.count(SLOWED)
        self._hold(found, 1)
        try:
            await sleep(seconds)
        finally:
            self._hold(found, -1)
        return True

    def _hold(self, found: _Refused, more: int) -> None:
        found.held += more
        self._held += more
        HELD.set(self._held)
