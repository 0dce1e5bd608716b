"""The Merkle tree over everything recorded: its hashes, its roots, its proofs, and its tiles.

Plain RFC 6962 section 2.1 (the same tree as RFC 9162 section 2.1) with SHA-256, cut into tiles as
C2SP tlog-tiles does. Nothing here is of our making but the words, so that strangers' programs
check what we publish. A tree is never held whole: whoever asks brings a way to look up the hash
of any complete subtree (`Node`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from hashlib import sha256

#: The hash of the complete subtree number `index` of 2**`level` leaves.
Node = Callable[[int, int], bytes]
#: The hashes of a tile as far as they are known: `level`, `index` -> up to 256 x 32 bytes.
Tile = Callable[[int, int], bytes]

HASH = 32  # bytes
HEIGHT = 8  # levels a tile
WIDTH = 1 << HEIGHT  # hashes in a full tile
EMPTY_ROOT = sha256(b"").digest()


class BadProof(ValueError):
    """A proof does not prove what it was shown for."""


def leaf_hash(entry: bytes) -> bytes:
    return sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    return sha256(b"\x01" + left + right).digest()


# ------------------------------------------------------------------------ proving


def root(node: Node, size: int) -> bytes:
    """The head of the tree of the first `size` leaves."""
    return _span(node, 0, size) if size else EMPTY_ROOT


def inclusion_path(node: Node, index: int, size: int) -> list[bytes]:
    """The hashes beside the way from leaf `index` up to the root of the first `size` leaves.

    Raises BadProof where there is no such leaf.
    """
    return [_span(node, *beside) for beside, _ in _way(index, size)]


def consistency_path(node: Node, old: int, new: int) -> list[bytes]:
    """The hashes that show the first `old` leaves to be the beginning of the first `new`.

    Empty from an empty tree, and between equal ones. Raises BadProof when the tree would shrink.
    """
    if old in (0, new):
        return []
    steps, begin = _fork(old, new)
    own = [_span(node, begin, old)] if begin else []
    return own + [_span(node, *beside) for beside, _ in steps]


# ---------------------------------------------------------------------- verifying


def root_by_inclusion(leaf: bytes, index: int, size: int, path: Sequence[bytes]) -> bytes:
    """The root that a tree of `size` leaves has, if this path is that of its leaf `index`.

    Raises BadProof for an impossible place, or a path that is too long, too short or not of hashes.
    """
    way = _way(index, size)
    _check_hashes([leaf, *path])
    if len(path) != len(way):
        raise BadProof(f"Leaf {index} of {size} has a path of {len(way)}, not {len(path)}.")
    found = leaf
    for (_, is_left), beside in zip(way, path, strict=True):
        found = node_hash(beside, found) if is_left else node_hash(found, beside)
    return found


def verify_inclusion(
    leaf: bytes, index: int, size: int, path: Sequence[bytes], expected: bytes
) -> None:
    """Raises BadProof unless `leaf` is the leaf `index` of `size` under this root."""
    if root_by_inclusion(leaf, index, size, path) != expected:
        raise BadProof(f"Leaf {index} is not in the tree of {size} leaves under this root.")


def verify_consistency(
    old: int, new: int, old_root: bytes, new_root: bytes, path: Sequence[bytes]
) -> None:
    """Raises BadProof unless the tree of `old` leaves is the beginning of the tree of `new`.

    An empty old tree proves nothing and is refused here: whoever has seen nothing yet must say so.
    """
    if old < 1 or new < old:
        raise BadProof(f"A tree of {old} leaves cannot have grown to {new}.")
    if old == new:
        if path or old_root != new_root:
            raise BadProof(f"Two different trees of {old} leaves.")
        return
    _check_hashes([old_root, new_root, *path])
    steps, begin = _fork(old, new)
    if len(path) != len(steps) + bool(begin):
        raise BadProof(f"The path from {old} to {new} leaves does not have {len(path)} hashes.")
    # What both trees share at the lowest: the old tree whole, or else the first hash of the path.
    was = now = path[0] if begin else old_root
    for (_, is_left), beside in zip(steps, path[bool(begin) :], strict=True):
        if is_left:
            was = node_hash(beside, was)
            now = node_hash(beside, now)
        else:
            now = node_hash(now, beside)
    if was != old_root:
        raise BadProof(f"The path does not begin at the tree of {old} leaves that was seen.")
    if now != new_root:
        raise BadProof(f"The path does not end at the tree of {new} leaves that is shown.")


# -------------------------------------------------------------------------- tiles


def tile_path(level: int, index: int, width: int = WIDTH) -> str:
    """Where a tile lies, e.g. `0/x001/x234/067` or, of 5 hashes only, `0/000.p/5`."""
    return f"{level}/{numbered(index)}" + ("" if width == WIDTH else f".p/{width}")


def numbered(index: int) -> str:
    """In groups of three digits, all but the last marked: no folder has more than 1,000 names."""
    groups = [f"{index % 1000:03d}"]
    while index := index // 1000:
        groups.insert(0, f"x{index % 1000:03d}")
    return "/".join(groups)


def width_of(level: int, index: int, size: int) -> int:
    """How many hashes a tile has in the tree of `size` leaves. 0 where there is no such tile."""
    return max(0, min(WIDTH, (size >> HEIGHT * level) - index * WIDTH))


def tiles_beside(index: int, size: int) -> list[tuple[int, int]]:
    """Level and index of the tiles that have all of a leaf's inclusion path: in each row the one
    above the leaf and, where that is not full, the last one."""
    found = []
    for row in range(HEIGHT):
        if not (hashes := size >> HEIGHT * row):
            break
        own = index >> HEIGHT * (row + 1)
        if own * WIDTH < hashes:
            found.append((row, own))
        if hashes % WIDTH and hashes // WIDTH != own:
            found.append((row, hashes // WIDTH))
    return found


def from_tiles(tile: Tile) -> Node:
    """Looks hashes up in tiles, and works out what lies between their rows."""

    def node(level: int, index: int) -> bytes:
        row, above = divmod(level, HEIGHT)
        number, first = divmod(index << above, WIDTH)
        held = tile(row, number)
        if len(held) < (first + (1 << above)) * HASH:
            raise LookupError(f"tile {tile_path(row, number)} has not come so far")
        if row > 0 or len(held) < WIDTH * HASH:  # few, and most ways lead past them
            at = (first >> above) * HASH
            return _levels(held)[above][at : at + HASH]
        return subtree(held[first * HASH : (first + (1 << above)) * HASH])

    return node


def subtree(hashes: bytes) -> bytes:
    """The root over a power of two of neighbouring hashes."""
    while len(hashes) > HASH:
        hashes = _above(hashes)
    return hashes


@lru_cache(maxsize=512)  # of 16 kB; the rows above the lowest of thirty million leaves
def _levels(hashes: bytes) -> list[bytes]:
    """The hashes of a tile, and level by level all that are complete above them."""
    found = [hashes]
    while len(found[-1]) >= 2 * HASH:
        found.append(_above(found[-1]))
    return found


def _above(hashes: bytes) -> bytes:
    """The hash over each pair of neighbours. One without a neighbour has none."""
    pairs = range(0, len(hashes) - HASH, 2 * HASH)
    return b"".join([sha256(b"\x01" + hashes[at : at + 2 * HASH]).digest() for at in pairs])


def growth(size: int, leaves: Sequence[bytes], tile: Tile) -> Iterator[tuple[int, int, bytes]]:
    """What each tile gains when these leaves' hashes follow the first `size`: level, index, bytes.

    `tile` gives what tiles hold before; nothing that is there is ever changed.
    """
    level, begin, hashes = 0, size, list(leaves)
    while hashes:
        whole: list[bytes] = []
        end = begin + len(hashes)
        for index in range(begin // WIDTH, (end - 1) // WIDTH + 1):
            first = max(begin, index * WIDTH)
            last = min(end, (index + 1) * WIDTH)
            gained = b"".join(hashes[first - begin : last - begin])
            yield level, index, gained
            if last == (index + 1) * WIDTH:
                before = (first - index * WIDTH) * HASH
                held = tile(level, index)[:before] if before else b""
                whole.append(subtree(held + gained))
        level, begin, hashes = level + 1, begin // WIDTH, whole


# ----------------------------------------------------------------------- the ways

#: A neighbour on the way: its leaves [begin, end), and whether it stands on the left.
Step = tuple[tuple[int, int], bool]


def _way(index: int, size: int) -> list[Step]:
    """The neighbours on the way from a leaf up to the root, the nearest first."""
    if not 0 <= index < size:
        raise BadProof(f"A tree of {size} leaves has no leaf {index}.")
    found: list[Step] = []
    begin, end = 0, size
    while end - begin > 1:
        middle = begin + _left(end - begin)
        if index < middle:
            found.append(((middle, end), False))
            end = middle
        else:
            found.append(((begin, middle), True))
            begin = middle
    return found[::-1]


def _fork(old: int, new: int) -> tuple[list[Step], int]:
    """The neighbours on the way up from where the old tree's last complete part ends, and where
    that part begins: at 0 it is the old tree itself."""
    if not 0 < old <= new:
        raise BadProof(f"A tree of {old} leaves cannot have grown to {new}.")
    found: list[Step] = []
    begin, end = 0, new
    while old != end:
        middle = begin + _left(end - begin)
        if old <= middle:
            found.append(((middle, end), False))
            end = middle
        else:
            found.append(((begin, middle), True))
            begin = middle
    return found[::-1], begin


def _left(count: int) -> int:
    """How many of two or more leaves the left branch has: the greatest lesser power of two."""
    return 1 << (count - 1).bit_length() - 1


def _span(node: Node, begin: int, end: int) -> bytes:
    """The hash over leaves [begin, end) as a branch of the tree has them."""
    count = end - begin
    if count & (count - 1) == 0:
        level = count.bit_length() - 1
        return node(level, begin >> level)
    middle = begin + _left(count)
    return node_hash(_span(node, begin, middle), _span(node, middle, end))


def _check_hashes(hashes: Sequence[bytes]) -> None:
    for number, hash_ in enumerate(hashes):
        if len(hash_) != HASH:
            raise BadProof(f"Hash {number} has {len(hash_)} bytes and not {HASH}.")
