"""Changes of recognition that somebody has marked as seen: a position of the feed for each reader.

A reader is a subject and who acts for it: two officers of one administration see for themselves. It
is a note on a page of work, and no reading of the feed by the administration's own system.
"""

from __future__ import annotations

from api.access.quick_connection import quick_connection

_READ = (
    "select position from access.changes_seen where reader = %s and territory = %s and epoch = %s"
)
#: A mark never goes back, unless the ledger is in another epoch.
_MARK = (
    "insert into access.changes_seen (reader, territory, epoch, position) values (%s, %s, %s, %s)"
    " on conflict (reader, territory) do update set epoch = excluded.epoch, position ="
    " case when changes_seen.epoch = excluded.epoch"
    " then greatest(changes_seen.position, excluded.position) else excluded.position end,"
    " seen_at = clock_timestamp()"
)


class ChangesSeen:
    """Reads and marks what was seen. `conninfo`: the database of the service."""

    def __init__(self, conninfo: str) -> None:
        self._conninfo = conninfo

    async def position(self, reader: str, territory: str, epoch: str) -> int | None:
        """Returns the position up to which the changes of a territory were seen; None where none
        was marked in this epoch. Raises psycopg.OperationalError."""
        async with quick_connection(self._conninfo) as connection:
            cursor = await connection.execute(_READ, [reader, territory, epoch])
            row = await cursor.fetchone()
            return int(row[0]) if row else None

    async def mark(self, reader: str, territory: str, epoch: str, position: int) -> None:
        """Marks everything up to a position as seen. Raises psycopg.OperationalError."""
        async with quick_connection(self._conninfo) as connection:
            await connection.execute(_MARK, [reader, territory, epoch, position])
