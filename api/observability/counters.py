"""Metrics of what happens thousands of times a second: gathered, and added a few times a second.

Each increment of a metric that several processes share is packed into a file; of an answer there
would be three, and they took a tenth of it.
"""

from __future__ import annotations

import asyncio
from bisect import bisect_right
from collections import Counter

from prometheus_client import Counter as Metric
from prometheus_client import Histogram

PAUSE = 0.2  # seconds over which they are gathered

_counted: Counter[Metric] = Counter()
_observed: dict[Histogram, list[float]] = {}
_later: asyncio.TimerHandle | None = None


def count(metric: Metric, times: int = 1) -> None:
    """So many more."""
    _counted[metric] += times
    _add_later()


def observe(metric: Histogram, amount: float) -> None:
    _observed.setdefault(metric, []).append(amount)
    _add_later()


def add() -> None:
    """Adds what was gathered. Called also at the end, and by whoever is about to be told."""
    global _later
    if _later:
        _later.cancel()
        _later = None
    for metric, times in _counted.items():
        metric.inc(times)
    _counted.clear()
    for histogram, amounts in _observed.items():
        _observe(histogram, amounts)
    _observed.clear()


def _observe(histogram: Histogram, amounts: list[float]) -> None:
    """As Histogram.observe does for one: it offers nothing for many."""
    amounts.sort()
    within = [bisect_right(amounts, bound) for bound in histogram._upper_bounds]
    for bucket, before, now in zip(histogram._buckets, [0, *within], within, strict=False):
        if now > before:
            bucket.inc(now - before)
    histogram._sum.inc(sum(amounts))


def _add_later() -> None:
    global _later
    if _later is None:
        _later = asyncio.get_running_loop().call_later(PAUSE, add)
