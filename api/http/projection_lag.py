"""Whether the read models of this process are behind the ledger, so that pages can say so.

Answers in GraphQL carry the position that they are true for; a page is read by a person, who is
told in words. The ledger is asked once a second at most, whatever is asked of the pages.
"""

from __future__ import annotations

from asyncio import Lock
from datetime import datetime
from time import monotonic

from api.graphql.positions import ConnectionPool
from api.graphql.retry import read
from projections.reads.projection_lag import unshown_since

#: Seconds after which an event that is not shown yet is worth a word. An event is shown in less
#: than a second as a rule.
TOLERATED = 5.0
FRESH = 1.0  # seconds for which the answer of the ledger is used again


class ProjectionLag:
    """How far the read models are behind the ledger, as this process knows it. `ledger`: a pool
    whose connections read the ledger."""

    def __init__(self, ledger: ConnectionPool) -> None:
        self._ledger = ledger
        self._lock = Lock()
        self._since: datetime | None = None
        self._read_at = float("-inf")

    async def since(self) -> datetime | None:
        """Returns the instant (UTC) since which recorded events are not shown; None where the read
        models are up to date. Raises psycopg.Error and PoolTimeout."""
        if monotonic() - self._read_at < FRESH:
            return self._since
        async with self._lock:
            if monotonic() - self._read_at >= FRESH:
                self._since = await read(
                    self._ledger, lambda connection: unshown_since(connection, TOLERATED)
                )
                self._read_at = monotonic()
        return self._since
