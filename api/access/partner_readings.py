"""How far each partner has read this register, by golden copies, the feed and subscriptions.

Partners read by many requests; the last position by each way is collected in memory and written
every few seconds beside the read log, so that no answer waits for it. What is lost when a process
is killed is told again by the next read.
"""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from time import monotonic
from typing import Any

from psycopg import AsyncConnection

from api.access.policy import Subject, SubjectRole

EVERY = 5.0  # seconds between two writes
_UPSERT = """
insert into access.partner_reading (partner, way, position, at) values (%s, %s, %s, %s)
on conflict (partner, way) do update set position = excluded.position, at = excluded.at
where access.partner_reading.at <= excluded.at"""


class ReadingWay(StrEnum):
    """By which way a partner reads."""

    GOLDEN_COPY = "GOLDEN_COPY"  # a file of a copy or of a delta
    COPY_CHANGES = "COPY_CHANGES"  # what changed since a copy: an edge brings itself up to date
    CHANGES = "CHANGES"  # a page of the feed
    SUBSCRIPTION = "SUBSCRIPTION"  # a change that was sent to a subscriber


class PartnerReadings:
    """The positions that are still to be written."""

    def __init__(self) -> None:
        self._waiting: dict[tuple[str, ReadingWay], tuple[int, datetime]] = {}
        self._written = float("-inf")

    def note(self, subject: Subject, way: ReadingWay, position: int) -> None:
        """A subject was given everything up to a position now. Only partners are noted."""
        if subject.role is SubjectRole.PARTNER:
            self._waiting[subject.id, way] = position, datetime.now(UTC)

    @property
    def waiting(self) -> bool:
        """Whether anything is still to be written."""
        return bool(self._waiting)

    @property
    def due(self) -> bool:
        """Whether it is time to write."""
        return self.waiting and monotonic() - self._written >= EVERY

    async def write(self, connection: AsyncConnection[Any]) -> None:
        """Writes what waits. A later note of the same partner and way is kept for the next time."""
        batch = dict(self._waiting)
        rows = [(partner, way.value, *noted) for (partner, way), noted in sorted(batch.items())]
        async with connection.cursor() as cursor:
            await cursor.executemany(_UPSERT, rows)
        await connection.commit()
        self._written = monotonic()
        for key, noted in batch.items():
            if self._waiting.get(key) == noted:
                del self._waiting[key]
