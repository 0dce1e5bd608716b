"""Buffered metrics: increments are collected in memory and added a few times per second.

Each increment of a metric that several processes share is written to a memory-mapped file. Three of
them per answer took a tenth of its time.
"""

from __future__ import annotations

import asyncio
from bisect import bisect_right
from collections import Counter

from prometheus_client import Counter as Metric
from prometheus_client import Histogram

PAUSE = 0.2  # seconds over which increments are collected

_counted: Counter[Metric] = Counter()
_observed: dict[Histogram, list[float]] = {}
_timer: asyncio.TimerHandle | None = None


def count(metric: Metric, times: int = 1) -> None:
    """Increments a counter."""
    _counted[metric] += times
    _add_later()


def observe(metric: Histogram, amount: float) -> None:
    """Adds an observation to a histogram."""
    _observed.setdefault(metric, []).append(amount)
    _add_later()


def add() -> None:
    """Adds what was collected to the metrics. Also called at shutdown and before a scrape."""
    global _timer
    if _timer:
        _timer.cancel()
        _timer = None
    for metric, times in _counted.items():
        metric.inc(times)
    _counted.clear()
    for histogram, amounts in _observed.items():
        _observe(histogram, amounts)
    _observed.clear()


def _observe(histogram: Histogram, amounts: list[float]) -> None:
    """Adds many observations at once; prometheus_client offers that for one only."""
    amounts.sort()
    within = [bisect_right(amounts, bound) for bound in histogram._upper_bounds]
    for bucket, before, now in zip(histogram._buckets, [0, *within], within, strict=False):
        if now > before:
            bucket.inc(now - before)
    histogram._sum.inc(sum(amounts))


def _add_later() -> None:
    global _timer
    if _timer is None:
        _timer = asyncio.get_running_loop().call_later(PAUSE, add)
