"""The log as it is read: its head, its tiles, and the proofs that they make."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from psycopg import AsyncConnection

from registry import proofs
from registry.commitments import SALT
from registry.notes import Proof, read_note

#: The last checkpoint with its witnesses' newest lines. Null in a log that was never signed.
HEAD = """
select c.size, c.root, c.note || coalesce(w.lines, '') as note
from proof.checkpoint c
left join lateral (
    select string_agg(line, '' order by key) as lines from (
        select distinct on (key) key, line from proof.cosignature
        where size = c.size order by key, cosigned_at desc
    ) newest
) w on true
"""


class NotInTheLog(LookupError):
    """The log has not come so far, or never had what is asked for."""


@dataclass(frozen=True)
class Head:
    """A signed head. `note` has the log's signatures and those of its witnesses."""

    size: int
    root: bytes
    note: str


@dataclass(frozen=True)
class Inclusion:
    """A leaf with the way up to a root. `proof` is the same as a C2SP tlog-proof file, where the
    tree is one that was signed."""

    leaf_index: int
    tree_size: int
    root: bytes
    leaf: bytes
    path: list[bytes]
    proof: str | None


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
        [width * proofs.HASH, level, index],
    )
    row = await cursor.fetchone()
    if row is None or len(row[0]) < width * proofs.HASH:
        raise NotInTheLog(f"tile {proofs.tile_path(level, index, width)} is not in the log")
    found: bytes = row[0]
    return found


async def entries(connection: AsyncConnection[Any], index: int, width: int) -> list[bytes]:
    """The leaves under a tile of the lowest level. Raises NotInTheLog."""
    first = index * proofs.WIDTH
    cursor = await connection.execute(
        "select entry from proof.leaf where leaf_index >= %s and leaf_index < %s"
        " order by leaf_index",
        [first, first + width],
    )
    found = [entry for (entry,) in await cursor.fetchall()]
    if len(found) < width:
        raise NotInTheLog(f"entries {proofs.numbered(index)} are not all in the log")
    return found


async def inclusion(
    connection: AsyncConnection[Any], position: int, size: int | None = None
) -> Inclusion:
    """That the event at a position is in the tree of `size` leaves: the last signed one, or any.

    Raises NotInTheLog while no signed tree covers it.
    """
    signed = await head(connection, size)
    cursor = await connection.execute(
        "select l.leaf_index, l.entry, s.size from proof.state s"
        " left join proof.leaf l on l.position = %s",
        [position],
    )
    row = await cursor.fetchone()
    assert row is not None
    index, entry, reached = row
    until = size if size is not None else signed.size if signed else 0
    if index is None or index >= until or until > reached:
        raise NotInTheLog(f"the tree of {until} leaves does not have position {position}")
    path, root = await _proved(connection, until, [(index, until)])
    proof = None
    if signed is not None:
        proof = Proof(index, tuple(path[0]), read_note(signed.note)).written
    return Inclusion(index, until, root, proofs.leaf_hash(entry), path[0], proof)


async def consistency(connection: AsyncConnection[Any], old: int, new: int) -> list[bytes]:
    """The hashes that show the tree of `old` leaves to be the beginning of that of `new`.

    Raises NotInTheLog, and BadProof when the tree would shrink.
    """
    cursor = await connection.execute("select size from proof.state")
    row = await cursor.fetchone()
    if row is None or new > row[0]:
        raise NotInTheLog(f"the log does not have {new} leaves yet")
    wanted: set[tuple[int, int]] = set()
    proofs.consistency_path(_noting(wanted), old, new)
    return proofs.consistency_path(await _nodes(connection, wanted), old, new)


async def salt_of(connection: AsyncConnection[Any], position: int) -> bytes | None:
    """What opens the commitment to an event. None where it was erased, or is not yet made."""
    cursor = await connection.execute(
        "select salt from proof.salt join proof.leaf using (leaf_index) where position = %s",
        [position],
    )
    row = await cursor.fetchone()
    assert row is None or len(row[0]) == SALT
    return None if row is None else row[0]


# ------------------------------------------------------------------------- inside


async def _proved(
    connection: AsyncConnection[Any], size: int, leaves: list[tuple[int, int]]
) -> tuple[list[list[bytes]], bytes]:
    """The paths of leaves and the root, from the tiles that they need, read at once."""
    wanted: set[tuple[int, int]] = set()
    noting = _noting(wanted)
    proofs.root(noting, size)
    for index, until in leaves:
        proofs.inclusion_path(noting, index, until)
    node = await _nodes(connection, wanted)
    paths = [proofs.inclusion_path(node, index, until) for index, until in leaves]
    return paths, proofs.root(node, size)


def _noting(wanted: set[tuple[int, int]]) -> proofs.Node:
    """Answers nothing, and notes in which tiles the answers lie."""

    def note(level: int, index: int) -> bytes:
        row, above = divmod(level, proofs.HEIGHT)
        wanted.add((row, (index << above) // proofs.WIDTH))
        return bytes(proofs.HASH)

    return note


async def _nodes(
    connection: AsyncConnection[Any], wanted: set[tuple[int, int]]
) -> proofs.Node:
    levels, indexes = zip(*sorted(wanted), strict=True) if wanted else ((), ())
    cursor = await connection.execute(
        "select t.level, t.index, t.hashes from proof.tile t"
        " join unnest(%s::smallint[], %s::bigint[]) w (level, index)"
        " on t.level = w.level and t.index = w.index",
        [list(levels), list(indexes)],
    )
    found = {(level, index): hashes for level, index, hashes in await cursor.fetchall()}
    return proofs.from_tiles(lambda level, index: found.get((level, index), b""))
