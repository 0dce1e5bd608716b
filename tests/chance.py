"""How much of what is made by chance is tried: what a change can wait for, or more at night."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable
from itertools import combinations
from typing import Final

#: `AEO_TEST_TIMES=20 ./aeo test` tries so many times as many examples, worlds and documents.
TIMES: Final[int] = int(os.environ.get("AEO_TEST_TIMES", "1"))


class Pairs:
    """Which cases that are made by chance add something: two features together that fewer than
    `OFTEN` cases before had together. At night every case is tried."""

    OFTEN: Final = 5

    def __init__(self) -> None:
        self._seen = Counter[tuple[str, str]]()

    def are_new(self, features: Iterable[str]) -> bool:
        """Whether the case is to be tried; it is counted then."""
        pairs = list(combinations(sorted(features), 2))
        if TIMES == 1 and all(self._seen[pair] >= self.OFTEN for pair in pairs):
            return False
        self._seen.update(pairs)
        return True
