"""The log counted once more, from the ledger and the salts alone, before anybody signs it.

Shares no memory with the integrator: what a wrong bit, a wrong hand or a crash has changed since
an event was taken in does not become a signed tree. It only ever goes forward from a root that
was signed before, so the tree it ends with continues that one.
"""

from __future__ import annotations

from typing import Any

import psycopg

from registry.transparency import merkle
from registry.transparency.leaves import Row, entry, event_bytes

BATCH = 5_000  # leaves read at once, at most

LEAVES = """
select l.leaf_index, l.entry, s.salt, e.position, e.originator_id, e.originator_version, e.topic,
    e.state, e.recorded_at, e.known_at, e.command_id, e.actor, e.decided_by, e.legal_ground
from proof.leaf l
left join proof.salt s on s.leaf_index = l.leaf_index
left join ledger.event e on e.position = l.position
where l.leaf_index >= %s and l.leaf_index < %s
order by l.leaf_index
"""


class NotToBeSigned(Exception):
    """The log is not what it was when it was last signed, or not what its events make it."""


class Recount:
    """The tree as counted so far: how many leaves, and the last tile of each level."""

    def __init__(self, connection: psycopg.Connection[Any], size: int, root: bytes) -> None:
        """Begins at a tree that was signed before.

        Raises NotToBeSigned where the tiles do not make its root any more.
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
            raise NotToBeSigned(
                f"The first {size} leaves of the log do not make the root that was signed for them."
            )

    @property
    def root(self) -> bytes:
        tiles = merkle.from_tiles(lambda level, index: self._tiles.get((level, index), b""))
        return merkle.root(tiles, self.size)

    def grow(self, connection: psycopg.Connection[Any], until: int) -> None:
        """Count on to `until` leaves, or as far as one batch goes.

        Raises NotToBeSigned, and names the first leaf or tile that is wrong.
        """
        until = min(until, self.size + BATCH)
        rows = connection.execute(LEAVES, [self.size, until]).fetchall()
        leaves = [self._leaf(index, row) for index, row in enumerate(rows, self.size)]
        if len(rows) < until - self.size:
            raise NotToBeSigned(f"Leaf {self.size + len(rows)} of {until} is not in the log.")
        grown = list(merkle.growth(self.size, leaves, lambda *tile: self._tiles[tile]))
        for level, index, gained in grown:
            self._tiles[level, index] = self._tiles.get((level, index), b"") + gained
        ours = [
            (level, index, len(self._tiles[level, index]) // merkle.HASH)
            for level, index, _ in grown
        ]
        for tile, stored in zip(ours, _stored(connection, ours), strict=True):
            if stored != self._tiles[tile[:2]]:
                raise NotToBeSigned(f"Tile {merkle.tile_path(*tile)} is not what its leaves make.")
            if tile[2] == merkle.WIDTH:
                del self._tiles[tile[:2]]
        self.size = until

    def _leaf(self, expected: int, row: tuple[Any, ...]) -> bytes:
        index, published, salt, *columns = row
        if index != expected:
            raise NotToBeSigned(f"Leaf {expected} is missing: the log goes on at {index}.")
        event = Row(*columns)
        if event.position is None or event.position <= self._position:
            raise NotToBeSigned(f"Leaf {index} has no event that comes after the one before it.")
        self._position = event.position
        # No salt of the log is ever erased (a person's own is elsewhere): without it, nobody could
        # ever say what this leaf committed to.
        if salt is None or entry(salt, event_bytes(event)) != published:
            raise NotToBeSigned(f"Position {event.position} is not what leaf {index} committed to.")
        return merkle.leaf_hash(published)


def _stored(connection: psycopg.Connection[Any], tiles: list[tuple[int, int, int]]) -> list[bytes]:
    """The first hashes of tiles, as wide as they are asked for; less where there is less."""
    rows = connection.execute(
        "select substr(t.hashes, 1, w.width * 32)"
        " from unnest(%s::smallint[], %s::bigint[], %s::integer[])"
        " with ordinality w (level, index, width, place)"
        " left join proof.tile t on t.level = w.level and t.index = w.index order by w.place",
        [list(column) for column in zip(*tiles, strict=True)],
    )
    return [hashes or b"" for (hashes,) in rows]
