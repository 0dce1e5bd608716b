"""Token-bucket rate limit on GraphQL documents not seen before, per subject.

Parsing and validating a new document is more work than most answers are.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from math import ceil

AT_ONCE = 5  # the bucket's size, in seconds of the rate: enough for a page with all its queries
REMEMBERED = 10_000  # subjects; a subject that was dropped starts with a full bucket


@dataclass
class _TokenBucket:
    """The tokens of one subject, one a document, at `at` (seconds of the caller's clock)."""

    documents: float
    at: float


class RateLimiter:
    """One token bucket per subject, in this process only. `rate`: new documents per second."""

    def __init__(self, rate: float) -> None:
        self.rate = rate
        self._buckets: OrderedDict[str, _TokenBucket] = OrderedDict()

    def take(self, subject: str, now: float) -> int:
        """Takes one token and returns 0, or returns the whole seconds after which there is one
        again.

        `now`: seconds of a monotonic clock.
        """
        bucket = self._buckets.setdefault(subject, _TokenBucket(self.most, now))
        self._buckets.move_to_end(subject)
        if len(self._buckets) > REMEMBERED:
            self._buckets.popitem(last=False)
        bucket.documents, bucket.at = self._filled(bucket, now), now
        if bucket.documents < 1:
            return ceil((1 - bucket.documents) / self.rate)
        bucket.documents -= 1
        return 0

    @property
    def most(self) -> float:
        """The size of the bucket: how many new documents may arrive together."""
        return self.rate * AT_ONCE

    def left(self, subject: str, now: float) -> int:
        """Returns how many new documents the subject may send now. Takes none."""
        bucket = self._buckets.get(subject)
        return int(self._filled(bucket, now) if bucket else self.most)

    def _filled(self, bucket: _TokenBucket, now: float) -> float:
        return min(self.most, bucket.documents + (now - bucket.at) * self.rate)
