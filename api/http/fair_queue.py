"""Fair shares for askers of one process: a queue each, and refusals that are answered later.

`FairQueue` is deficit round robin (Shreedhar and Varghese, 1995): each asker has a queue of its
own, the queues take turns, and a turn pays for so many microseconds of work. Whoever comes while
nobody waits and a place is free goes past all of it. `Refusals` delays the answer to an asker
whose requests are refused one after another. Neither holds a connection or a thread.
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

WAITING = Gauge(
    "aeo_queue_waiting", "Requests that wait for a place", ["queue"], multiprocess_mode="livesum"
)
WAITED = Histogram("aeo_queue_seconds", "How long a request waited, where it waited", ["queue"])
SLOWED = Metric("aeo_refusals_slowed", "Refusals that were held back before they were sent")
UNHELD = Metric("aeo_refusals_closed", "Refusals sent at once, since too many were held back")
HELD = Gauge("aeo_refusals_held", "Refusals that are held back now", multiprocess_mode="livesum")
_waiting, _waited = cache(WAITING.labels), cache(WAITED.labels)

PAUSE = 0.005  # seconds of rest for each short question that came while a long one was answered
OF_ONE, OF_ALL = 256, 2_048  # requests that may wait in a queue
REMEMBERED = 10_000  # askers that were refused; the one refused longest ago goes first


@dataclass
class _Line:
    """What one asker has waiting, each with its cost. `left`: microseconds that it may still ask
    for in this turn."""

    left: int = 0
    waiting: deque[tuple[int, asyncio.Future[None]]] = field(default_factory=deque)


class FairQueue:
    """`places`: requests that are worked upon at once. `patience`: seconds that one may wait.
    `quantum`: microseconds of work that one turn of an asker pays for."""

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
        self._lines: OrderedDict[str, _Line] = OrderedDict()
        self.waiting = 0
        #: How many came so far, and how many had when it was last asked whether anybody did.
        self.came, self._seen = 0, 0

    def at_once(self) -> bool:
        """Takes a place, where one is free and nobody waits for it. Every place is given back
        by `leave`."""
        self.came += 1
        if self._free > 0 and not self._lines:
            self._free -= 1
            return True
        return False

    def was_used(self) -> bool:
        """Has anybody come since this was last asked? May be asked by another thread."""
        seen, self._seen = self._seen, self.came
        return self._seen > seen

    async def wait(self, asker: str, cost: int) -> None:
        """Waits for the asker's turn and takes a place.

        Raises Declined: 429 where this asker has too many waiting, 503 where all together have,
        or where no turn came in time.
        """
        line = self._lines.get(asker)
        if line is not None and len(line.waiting) >= self._of_one:
            raise RequestDeclined(
                429,
                "TOO_MANY_AT_ONCE",
                f"{self._of_one} of your requests wait already. Send the next one after an answer.",
                Retry_After="1",
            )
        if self.waiting >= self._of_all:
            raise _busy()
        if line is None:
            line = self._lines[asker] = _Line()
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        line.waiting.append((max(1, cost), turn))
        self._count(1)
        began = monotonic()
        try:
            async with asyncio.timeout(self._patience):
                await turn
        except BaseException as error:
            if turn.done() and not turn.cancelled():
                self.leave()  # its turn came at the very moment at which it gave up
            else:
                turn.cancel()
                self._count(-1)
                self._serve()  # else a line of nobody would keep others from going past
            if isinstance(error, TimeoutError):
                raise _busy() from None
            raise
        finally:
            counters.observe(_waited(self.name), monotonic() - began)

    def leave(self) -> None:
        """Gives a place back; whose turn it is takes it."""
        self._free += 1
        if self._lines:
            self._serve()

    def rest(self, took: float, others: int) -> None:
        """Gives a place back after a pause, so that long work takes a part of the time while short
        questions are answered: twice as long as it `took` (seconds), and no longer than `PAUSE`
        for each of the `others` that came meanwhile."""
        seconds = min(2 * took, others * PAUSE)
        if seconds < PAUSE:
            self.leave()
        else:
            asyncio.get_running_loop().call_later(seconds, self.leave)

    def _serve(self) -> None:
        while self._free > 0 and self._lines:
            asker, line = next(iter(self._lines.items()))
            while line.waiting and line.waiting[0][1].done():
                line.waiting.popleft()  # it waits no longer
            if not line.waiting:
                del self._lines[asker]  # and keeps nothing for later
                continue
            cost, turn = line.waiting[0]
            if line.left < cost:
                line.left += self._quantum
                self._lines.move_to_end(asker)
                continue
            line.left -= cost
            line.waiting.popleft()
            if not line.waiting:
                del self._lines[asker]
            self._free -= 1
            self._count(-1)
            turn.set_result(None)

    def _count(self, more: int) -> None:
        self.waiting += more
        _waiting(self.name).set(self.waiting)


def _busy() -> RequestDeclined:
    return RequestDeclined(503, "BUSY", "Too many questions are waiting. Ask again.")


@dataclass
class _Refused:
    """How often in a row, when last, and how many of its refusals are held back now."""

    times: int = 0
    at: float = 0.0
    held: int = 0


class Refusals:
    """How long the refusals of each asker are held back.

    The first `FREE` in a row are answered at once, the next after `first` seconds, and each one
    after that after twice as long, up to `longest`. Each answer that is none takes one away from
    the row, and a while without any ends it.
    """

    FREE = 4
    CALM = 60.0  # seconds without a refusal, after which the next is the first again
    OF_ONE, OF_ALL = 64, 1_024  # that are held back at once; more are sent and their line is cut

    def __init__(
        self, first: float, longest: float, clock: Callable[[], float] = monotonic
    ) -> None:
        """`first` 0: none is held back."""
        self._first, self._longest, self._clock = first, longest, clock
        self._askers: OrderedDict[str, _Refused] = OrderedDict()
        self._held = 0

    def answered(self, asker: str) -> None:
        """Costs nothing while nobody was refused."""
        if self._askers and (found := self._askers.get(asker)) is not None:
            found.times = max(0, found.times - 1)
            if not (found.times or found.held):
                del self._askers[asker]

    def refused(self, asker: str) -> float:
        """One more in a row; the seconds for which it is to be held back."""
        now = self._clock()
        found = self._askers.setdefault(asker, _Refused())
        if now - found.at > self.CALM:
            found.times = 0
        found.times, found.at = found.times + 1, now
        self._askers.move_to_end(asker)
        if len(self._askers) > REMEMBERED:
            self._askers.popitem(last=False)
        late = found.times - self.FREE
        if late <= 0 or not self._first:
            return 0.0
        return min(self._longest, self._first * 2.0 ** min(late - 1, 30))

    async def hold_back(
        self, asker: str, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    ) -> bool:
        """Waits as long as one more refusal of this asker is held back. False: it was not, as
        too many are already, and the connection it came by is to be closed after it."""
        seconds = self.refused(asker)
        if not seconds:
            return True
        found = self._askers[asker]
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
