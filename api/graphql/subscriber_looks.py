"""The operators that a subscriber was told of, collected into entries of the read log.

An entry for each batch would be thousands of rows a second for a few hundred subscribers. What one
subscriber is told within a moment is one entry, whose instant is that of its first operator.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from api.graphql.context import Context

COLLECT = 0.5  # seconds that an entry may wait for further operators
MOST = 500  # operators in one entry


class SubscriberLooks:
    """The entries of one subscription."""

    def __init__(self, context: Context, operation: str) -> None:
        self._context, self._operation = context, operation
        self._instant = context
        self._tins: set[str] = set()
        self._timer: asyncio.TimerHandle | None = None

    def add(self, tins: Sequence[str]) -> None:
        """Notes operators that are told now."""
        if self._timer is None:
            self._instant = self._context.at_this_instant()
            self._timer = asyncio.get_running_loop().call_later(COLLECT, self.write)
        self._tins.update(tins)
        if len(self._tins) >= MOST:
            self.write()

    def write(self) -> None:
        """Passes on to the read log what it does not have yet."""
        if self._timer:
            self._timer.cancel()
            self._timer = None
        if self._tins:
            self._instant.looked(self._operation, sorted(self._tins))
            self._tins.clear()
