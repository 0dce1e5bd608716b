"""Reads the transparency log: its checkpoints, its tiles, and the proofs computed from them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache, lru_cache
from typing import Any
from weakref import WeakKeyDictionary

from psycopg import AsyncConnection

from registry.transparency import merkle
from registry.transparency.leaves import Row, event_bytes
from registry.transparency.signed_notes import Proof, read_note

#: Notification channel: a checkpoint was published; the payload is its number of leaves.
SIGNED = "log_signed"
#: The last checkpoint with the newest lines of its witnesses. NULL for a log that was never signed.
HEAD = """
select c.size, c.root, c.note || coalesce(w.lines, '') as note, c.signed_at
from proof.checkpoint c
left join lateral (
    select string_agg(line, '' order by key) as lines from (
        select distinct on (key) key, line from proof.cosignature
        where size = c.size order by key, cosigned_at desc
    ) newest
) w on true
"""


Tiles = dict[tuple[int, int], bytes]  # (level, index) -> its hashes
#: Cache of the tiles above the lowest level and those at the edge: a log of ten million leaves has
#: 156 of them. A hash in a tile never changes, so at worst a cached tile is too short and is read
#: again.
_above: WeakKeyDictionary[AsyncConnection[Any], Tiles] = WeakKeyDictionary()
MOST_TILES = 1_024  # Tiles, of 8 kB each.


class NotInTheLog(LookupError):
    """The log is not that long yet, or never contained what is asked for."""


@dataclass(frozen=True)
class Head:
    """A signed checkpoint. `note` has the signatures of the log and of its witnesses. `signed_at`:
    by the service's clock, in UTC."""

    size: int
    root: bytes
    note: str
    signed_at: datetime


@dataclass(frozen=True)
class Inclusion:
    """An inclusion proof: a leaf with the path to the root. `proof` is the same as a C2SP
    tlog-proof file, where the tree is one that was signed."""

    leaf_index: int
    tree_size: int
    root: bytes
    leaf: bytes
    path: list[bytes]
    proof: str | None


@dataclass(frozen=True)
class Opening:
    """What opens a commitment: it shows that a leaf commits to this event and to no other."""

    salt: bytes
    event: bytes


@dataclass(frozen=True)
class SignedCheckpoint:
    """A checkpoint in the log's own history. `signed_at`: by the service's clock, in UTC."""

    size: int
    root: bytes
    signed_at: datetime


@dataclass(frozen=True)
class WitnessCosignature:
    """The last cosignature of a witness. `key`: its verifier key; `at`: by its own clock, in
    UTC."""

    key: str
    size: int
    at: datetime


async def head(connection: AsyncConnection[Any], size: int | None = None) -> Head | None:
    """The last checkpoint, or the one of this size."""
    cursor = await connection.execute(
        HEAD + (" where c.size = %s" if size is not None else " order by c.size desc limit 1"),
        [size] if size is not None else [],
    )
    row = await cursor.fetchone()
    return None if row is None else Head(*row)


async def tile(connection: AsyncConnection[Any], level: int, index: int, width: int) -> bytes:
    """The first `width` hashes of a tile. Raises NotInTheLog."""
    cursor = await connection.execute(
        "select substr(hashes, 1, %s) from proof.tile where level = %s and index = %s",
        [width * merkle.HASH, level, index],
        binary=True,
    )
    row = await cursor.fetchone()
    if row is None or len(row[0]) < width * merkle.HASH:
        raise NotInTheLog(f"tile {merkle.tile_path(level, index, width)} is not in the log")
    found: bytes = row[0]
    return found


async def entries(connection: AsyncConnection[Any], index: int, width: int) -> list[bytes]:
    """The leaves under a tile of the lowest level. Raises NotInTheLog."""
    first = index * merkle.WIDTH
    cursor = await connection.execute(
        "select entry from proof.leaf where leaf_index >= %s and leaf_index < %s"
        " order by leaf_index",
        [first, first + width],
        binary=True,
    )
    found = [entry for (entry,) in await cursor.fetchall()]
    if len(found) < width:
        raise NotInTheLog(f"entries {merkle.numbered(index)} are not all in the log")
    return found


async def inclusions(
    connection: AsyncConnection[Any], positions: Sequence[int], size: int | None = None
) -> dict[int, Inclusion]:
    """Inclusion proofs of the events at these positions in the tree of `size` leaves, by default
    the last signed one. Positions that the tree does not cover are left out."""
    cursor = await connection.execute(
        f"with h as materialized ({HEAD} where c.size = coalesce(%(size)s::bigint,"
        " (select max(size) from proof.checkpoint)))"
        " select case when row_number() over () = 1 then h.note end, h.root,"
        " coalesce(%(size)s::bigint, h.size), l.position, l.leaf_index, l.entry,"
        # Each tile of leaves is read once. Those above are few and mostly cached.
        " case when row_number() over (partition by l.leaf_index / 256) = 1 then t.hashes end"
        " from proof.state s left join h on true"
        " join proof.leaf l on l.position = any(%(positions)s)"
        " and l.leaf_index < coalesce(%(size)s, h.size)"
        " and coalesce(%(size)s, h.size) <= s.size"
        " left join proof.tile t on t.level = 0 and t.index = l.leaf_index / 256",
        {"positions": list(positions), "size": size},
        binary=True,
    )
    rows = await cursor.fetchall()
    if not rows:
        return {}
    written, root, until = next((row[:3] for row in rows if row[0]), rows[0][:3])
    leaves = [row[3:6] for row in rows]
    beneath = {(0, row[4] // merkle.WIDTH): row[6] for row in rows if row[6]}
    paths = await _paths(connection, until, [index for _, index, _ in leaves], beneath)
    note = _note(written) if written else None
    found = {}
    for (position, index, entry), path in zip(leaves, paths, strict=True):
        leaf = merkle.leaf_hash(entry)
        top = root or merkle.root_by_inclusion(leaf, index, until, path)
        proof = Proof(index, tuple(path), note).written if note else None
        found[position] = Inclusion(index, until, top, leaf, path, proof)
    return found


async def inclusion(
    connection: AsyncConnection[Any], position: int, size: int | None = None
) -> Inclusion:
    """The inclusion proof of one event. Raises NotInTheLog."""
    found = await inclusions(connection, [position], size)
    if position not in found:
        tree = "last signed tree" if size is None else f"tree of {size} leaves"
        raise NotInTheLog(f"the {tree} does not have position {position}")
    return found[position]


async def consistency(connection: AsyncConnection[Any], old: int, new: int) -> list[bytes]:
    """The consistency proof from the tree of `old` leaves to that of `new` leaves. Raises
    NotInTheLog, and BadProof where `new` is smaller."""
    cursor = await connection.execute("select size from proof.state")
    row = await cursor.fetchone()
    if row is None or new > row[0]:
        raise NotInTheLog(f"the log does not have {new} leaves yet")
    wanted: set[tuple[int, int]] = set()
    merkle.consistency_path(_noting(wanted), old, new)
    return merkle.consistency_path(await _nodes(connection, new, wanted, {}), old, new)


async def openings(
    connection: AsyncConnection[Any], positions: Sequence[int]
) -> dict[int, Opening]:
    """The openings of the commitments to these events. Events whose salt was erased, or does not
    exist yet, are left out."""
    cursor = await connection.execute(
        f"select s.salt, {', '.join(f'e.{name}' for name in Row._fields)}"
        " from ledger.event e join proof.leaf using (position) join proof.salt s using (leaf_index)"
        " where e.position = any(%s)",
        [list(positions)],
    )
    rows = [(salt, Row(*event)) for salt, *event in await cursor.fetchall()]
    return {event.position: Opening(salt, event_bytes(event)) for salt, event in rows}


async def signed(connection: AsyncConnection[Any], most: int) -> list[SignedCheckpoint]:
    """The last checkpoints, newest first."""
    cursor = await connection.execute(
        "select size, root, signed_at from proof.checkpoint order by size desc limit %s", [most]
    )
    return [SignedCheckpoint(*row) for row in await cursor.fetchall()]


async def nearest(connection: AsyncConnection[Any], size: int) -> list[int]:
    """The signed sizes next below and next above this one, where they exist."""
    cursor = await connection.execute(
        "select max(size) filter (where size < %(it)s), min(size) filter (where size > %(it)s)"
        " from proof.checkpoint where size in ("
        " (select max(size) from proof.checkpoint where size < %(it)s),"
        " (select min(size) from proof.checkpoint where size > %(it)s))",
        {"it": size},
    )
    row = await cursor.fetchone()
    return [item for item in row or () if item is not None]


async def seen(connection: AsyncConnection[Any]) -> list[WitnessCosignature]:
    """Every witness that ever cosigned this log, with its last cosignature."""
    cursor = await connection.execute(
        "select distinct on (key) key, size, cosigned_at from proof.cosignature"
        " order by key, cosigned_at desc, size desc"
    )
    return [WitnessCosignature(*row) for row in await cursor.fetchall()]


# ------------------------------------------------------------------------- inside


async def _paths(
    connection: AsyncConnection[Any], size: int, leaves: Sequence[int], beneath: Tiles
) -> list[list[bytes]]:
    """Computes proofs from the tiles that they need: cached ones, and the others read at once."""
    wanted = {place for index in leaves for place in merkle.tiles_beside(index, size)}
    node = await _nodes(connection, size, wanted, beneath)
    if len(leaves) > 1:  # Neighbouring leaves share most of their paths.
        node = cache(node)
    return [merkle.inclusion_path(node, index, size) for index in leaves]


_note = lru_cache(maxsize=8)(read_note)  # Thousands of proofs refer to one checkpoint.


def _noting(wanted: set[tuple[int, int]]) -> merkle.Node:
    """Returns empty hashes and notes which tiles the real ones are in."""

    def note(level: int, index: int) -> bytes:
        row, above = divmod(level, merkle.HEIGHT)
        wanted.add((row, (index << above) // merkle.WIDTH))
        return bytes(merkle.HASH)

    return note


async def _nodes(
    connection: AsyncConnection[Any], size: int, wanted: set[tuple[int, int]], beneath: Tiles
) -> merkle.Node:
    """The hashes of a tree of `size` leaves, from the tiles that are needed."""
    above = _above.setdefault(connection, {})
    found = {place: above.get(place) or beneath.get(place, b"") for place in wanted}
    short = [
        place
        for place, hashes in found.items()
        if len(hashes) < merkle.width_of(*place, size) * merkle.HASH
    ]
    if short:
        levels, indexes = zip(*sorted(short), strict=True)
        cursor = await connection.execute(
            "select t.level, t.index, t.hashes from proof.tile t"
            " join unnest(%s::smallint[], %s::bigint[]) w (level, index)"
            " on t.level = w.level and t.index = w.index",
            [list(levels), list(indexes)],
            binary=True,
        )
        for level, index, hashes in await cursor.fetchall():
            found[level, index] = hashes
            if level or len(hashes) < merkle.WIDTH * merkle.HASH:
                if len(above) >= MOST_TILES:
                    above.clear()
                above[level, index] = hashes
            else:
                above.pop((level, index), None)  # It was at the edge, and too short.
    return merkle.from_tiles(lambda level, index: found.get((level, index), b""))
