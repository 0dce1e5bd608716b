"""Verifies the log before a checkpoint is signed: computes the tree again, from the ledger and the
salts alone.

It shares no memory with the integrator, so a bit error, a manipulation or a crash after an event
was added does not enter a signed tree. It always continues from a root that was signed before, so
the new tree is consistent with that one.
"""

from __future__ import annotations

from typing import Any

import psycopg

from registry.transparency import merkle
from registry.transparency.leaves import Row, entry, event_bytes

BATCH = 5_000  # maximum number of leaves read at once

LEAVES = """
select l.leaf_index, l.entry, s.salt, e.position, e.originator_id, e.originator_version, e.topic,
    e.state, e.recorded_at, e.known_at, e.command_id, e.actor, e.decided_by, e.legal_ground
from proof.leaf l
left join proof.salt s on s.leaf_index = l.leaf_index
left join ledger.event e on e.position = l.position
where l.leaf_index >= %s and l.leaf_index < %s
order by l.leaf_index
"""


class InconsistentLog(Exception):
    """The log differs from what was signed last, or from what its events give. It must not be
    signed."""


class LogVerifier:
    """The tree computed so far: its size, and the last tile of each level. Owned by the signer's
    thread."""

    def __init__(self, connection: psycopg.Connection[Any], size: int, root: bytes) -> None:
        """Starts at a tree that was signed before.

        Raises InconsistentLog if the stored tiles no longer give its root.
        """
        self.size, self._position = size, 0
        self._tiles: dict[tuple[int, int], bytes] = {}
        for level in range(8):
            index, width = divmod(size >> merkle.HEIGHT * level, merkle.WIDTH)
            if width:
                self._tiles[level, index] = _stored(connection, [(level, index, width)])[0]
        try:
            found = self.root
        except LookupError:
            found = b""
        if found != root:
            raise InconsistentLog(
                f"The first {size} leaves of the log do not make the root that was signed for them."
            )

    @property
    def root(self) -> bytes:
        """The root hash of the tree computed so far."""
        tiles = merkle.from_tiles(lambda level, index: self._tiles.get((level, index), b""))
        return merkle.root(tiles, self.size)

    def grow(self, connection: psycopg.Connection[Any], until: int) -> None:
        """Verifies up to `until` leaves, or one batch.

        Raises InconsistentLog, with the first leaf or tile that is wrong.
        """
        until = min(until, self.size + BATCH)
        rows = connection.execute(LEAVES, [self.size, until]).fetchall()
        leaves = [self._leaf(index, row) for index, row in enumerate(rows, self.size)]
        if len(rows) < until - self.size:
            raise InconsistentLog(f"Leaf {self.size + len(rows)} of {until} is not in the log.")
        grown = list(merkle.growth(self.size, leaves, lambda *tile: self._tiles[tile]))
        for level, index, gained in grown:
            self._tiles[level, index] = self._tiles.get((level, index), b"") + gained
        ours = [
            (level, index, len(self._tiles[level, index]) // merkle.HASH)
            for level, index, _ in grown
        ]
        for tile, stored in zip(ours, _stored(connection, ours), strict=True):
            if stored != self._tiles[tile[:2]]:
                raise InconsistentLog(
                    f"Tile {merkle.tile_path(*tile)} is not what its leaves make."
                )
            if tile[2] == merkle.WIDTH:
                del self._tiles[tile[:2]]
        self.size = until

    def _leaf(self, expected: int, row: tuple[Any, ...]) -> bytes:
        index, published, salt, *columns = row
        if index != expected:
            raise InconsistentLog(f"Leaf {expected} is missing: the log goes on at {index}.")
        event = Row(*columns)
        if event.position is None or event.position <= self._position:
            raise InconsistentLog(f"Leaf {index} has no event that comes after the one before it.")
        self._position = event.position
        # No salt of the log is ever erased (the salt of a person is stored elsewhere). Without its
        # salt, nobody could verify what this leaf commits to.
        if salt is None or entry(salt, event_bytes(event)) != published:
            raise InconsistentLog(
                f"Position {event.position} is not what leaf {index} committed to."
            )
        return merkle.leaf_hash(published)


def _stored(connection: psycopg.Connection[Any], tiles: list[tuple[int, int, int]]) -> list[bytes]:
    """Returns the first hashes of tiles, up to the given widths; fewer if fewer are stored."""
    rows = connection.execute(
        "select substr(t.hashes, 1, w.width * 32)"
        " from unnest(%s::smallint[], %s::bigint[], %s::integer[])"
        " with ordinality w (level, index, width, place)"
        " left join proof.tile t on t.level = w.level and t.index = w.index order by w.place",
        [list(column) for column in zip(*tiles, strict=True)],
    )
    return [hashes or b"" for (hashes,) in rows]
