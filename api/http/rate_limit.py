"""How many new documents an asker may show: reading one is more work than most answers."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from math import ceil

AT_ONCE = 5  # seconds' worth that may come together: a page with all its questions
REMEMBERED = 10_000  # askers; who was forgotten begins anew


@dataclass
class _Left:
    documents: float
    at: float


class RateLimiter:
    """`rate`: new documents a second for each asker, counted in this process alone."""

    def __init__(self, rate: float) -> None:
        self.rate = rate
        self._left: OrderedDict[str, _Left] = OrderedDict()

    def take(self, asker: str, now: float) -> int:
        """Takes one, and returns 0; or returns the whole seconds after which there is one again.

        `now`: seconds of a clock that only goes forward.
        """
        left = self._left.setdefault(asker, _Left(self.most, now))
        self._left.move_to_end(asker)
        if len(self._left) > REMEMBERED:
            self._left.popitem(last=False)
        left.documents, left.at = self._now(left, now), now
        if left.documents < 1:
            return ceil((1 - left.documents) / self.rate)
        left.documents -= 1
        return 0

    @property
    def most(self) -> float:
        """How many may come together."""
        return self.rate * AT_ONCE

    def left(self, asker: str, now: float) -> int:
        """How many this asker may show at once now; none is taken."""
        left = self._left.get(asker)
        return int(self._now(left, now) if left else self.most)

    def _now(self, left: _Left, now: float) -> float:
        return min(self.most, left.documents + (now - left.at) * self.rate)
