"""The Merkle tree over all recorded events: hashes, roots, inclusion and consistency proofs, and
tiles.

The tree is that of RFC 6962 section 2.1 (the same as RFC 9162 section 2.1) with SHA-256, divided
into tiles as in C2SP tlog-tiles, so that other programs can verify it. A tree is never held in
memory as a whole: the caller provides a function that looks up the hash of any complete subtree
(`Node`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from hashlib import sha256

#: Returns the hash of the complete subtree number `index` of 2**`level` leaves.
Node = Callable[[int, int], bytes]
#: Returns the hashes of the tile `level`, `index`, as far as they are known: up to 256 x 32 bytes.
Tile = Callable[[int, int], bytes]

HASH = 32  # bytes
HEIGHT = 8  # levels in a tile
WIDTH = 1 << HEIGHT  # hashes in a full tile
EMPTY_ROOT = sha256(b"").digest()


class BadProof(ValueError):
    """A proof does not prove the statement that it was given for."""


def leaf_hash(entry: bytes) -> bytes:
    """Returns the hash of a leaf (RFC 6962: prefix 0x00)."""
    return sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Returns the hash of an inner node (RFC 6962: prefix 0x01)."""
    return sha256(b"\x01" + left + right).digest()


# ------------------------------------------------------------------------ proofs


def root(node: Node, size: int) -> bytes:
    """Returns the root hash of the tree of the first `size` leaves."""
    return _subtree_hash(node, 0, size) if size else EMPTY_ROOT


def inclusion_path(node: Node, index: int, size: int) -> list[bytes]:
    """Returns the inclusion proof of leaf `index` in the tree of the first `size` leaves: sibling
    hashes, from the leaf up.

    Raises BadProof if there is no such leaf.
    """
    return [_subtree_hash(node, *sibling) for sibling, _ in _siblings(index, size)]


def consistency_path(node: Node, old: int, new: int) -> list[bytes]:
    """Returns the consistency proof that the first `old` leaves are a prefix of the first `new`
    leaves.

    Empty for an empty old tree and for equal sizes. Raises BadProof if the tree would shrink.
    """
    if old in (0, new):
        return []
    steps, begin = _consistency_steps(old, new)
    own = [_subtree_hash(node, begin, old)] if begin else []
    return own + [_subtree_hash(node, *sibling) for sibling, _ in steps]


# ------------------------------------------------------------------- verification


def root_by_inclusion(leaf: bytes, index: int, size: int, path: Sequence[bytes]) -> bytes:
    """Returns the root of a tree of `size` leaves according to the inclusion proof of its leaf
    `index`.

    Raises BadProof for an impossible index, or a path of the wrong length or not of hashes.
    """
    siblings = _siblings(index, size)
    _check_hashes([leaf, *path])
    if len(path) != len(siblings):
        raise BadProof(f"Leaf {index} of {size} has a path of {len(siblings)}, not {len(path)}.")
    found = leaf
    for (_, is_left), sibling in zip(siblings, path, strict=True):
        found = node_hash(sibling, found) if is_left else node_hash(found, sibling)
    return found


def verify_inclusion(
    leaf: bytes, index: int, size: int, path: Sequence[bytes], expected: bytes
) -> None:
    """Verifies an inclusion proof. Raises BadProof unless `leaf` is the leaf `index` of `size`
    under this root."""
    if root_by_inclusion(leaf, index, size, path) != expected:
        raise BadProof(f"Leaf {index} is not in the tree of {size} leaves under this root.")


def verify_consistency(
    old: int, new: int, old_root: bytes, new_root: bytes, path: Sequence[bytes]
) -> None:
    """Verifies a consistency proof. Raises BadProof unless the tree of `old` leaves is a prefix of
    the tree of `new` leaves.

    An empty old tree proves nothing and is refused: a client that has seen no tree yet must say so.
    """
    if old < 1 or new < old:
        raise BadProof(f"A tree of {old} leaves cannot have grown to {new}.")
    if old == new:
        if path or old_root != new_root:
            raise BadProof(f"Two different trees of {old} leaves.")
        return
    _check_hashes([old_root, new_root, *path])
    steps, begin = _consistency_steps(old, new)
    if len(path) != len(steps) + bool(begin):
        raise BadProof(f"The path from {old} to {new} leaves does not have {len(path)} hashes.")
    # The largest subtree that both trees share: the whole old tree, or else the first hash of the
    # path.
    was = now = path[0] if begin else old_root
    for (_, is_left), sibling in zip(steps, path[bool(begin) :], strict=True):
        if is_left:
            was = node_hash(sibling, was)
            now = node_hash(sibling, now)
        else:
            now = node_hash(now, sibling)
    if was != old_root:
        raise BadProof(f"The path does not begin at the tree of {old} leaves that was seen.")
    if now != new_root:
        raise BadProof(f"The path does not end at the tree of {new} leaves that is shown.")


# -------------------------------------------------------------------------- tiles


def tile_path(level: int, index: int, width: int = WIDTH) -> str:
    """Returns the path of a tile, for example `0/x001/x234/067`, or `0/000.p/5` for a partial tile
    of 5 hashes."""
    return f"{level}/{numbered(index)}" + ("" if width == WIDTH else f".p/{width}")


def numbered(index: int) -> str:
    """Returns an index in groups of three digits, all but the last with an x, so that no folder has
    more than 1,000 entries."""
    groups = [f"{index % 1000:03d}"]
    while index := index // 1000:
        groups.insert(0, f"x{index % 1000:03d}")
    return "/".join(groups)


def width_of(level: int, index: int, size: int) -> int:
    """Returns how many hashes a tile has in the tree of `size` leaves; 0 if there is no such
    tile."""
    return max(0, min(WIDTH, (size >> HEIGHT * level) - index * WIDTH))


def tiles_beside(index: int, size: int) -> list[tuple[int, int]]:
    """Returns level and index of the tiles that contain a leaf's inclusion proof: on each tile
    level the one above the leaf and, if that one is not full, the last one."""
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
    """Returns a Node that reads hashes from tiles and computes the levels between them."""

    def node(level: int, index: int) -> bytes:
        row, above = divmod(level, HEIGHT)
        number, first = divmod(index << above, WIDTH)
        tile_hashes = tile(row, number)
        if len(tile_hashes) < (first + (1 << above)) * HASH:
            raise LookupError(f"tile {tile_path(row, number)} has not come so far")
        if row > 0 or len(tile_hashes) < WIDTH * HASH:  # these few tiles are used by most proofs
            at = (first >> above) * HASH
            return _levels(tile_hashes)[above][at : at + HASH]
        return subtree(tile_hashes[first * HASH : (first + (1 << above)) * HASH])

    return node


def subtree(hashes: bytes) -> bytes:
    """Returns the root over neighbouring hashes, whose number is a power of two."""
    while len(hashes) > HASH:
        hashes = _parent_hashes(hashes)
    return hashes


@lru_cache(maxsize=512)  # 16 kB each; enough for the upper tiles of thirty million leaves
def _levels(hashes: bytes) -> list[bytes]:
    """Returns the hashes of a tile, and level by level the complete subtrees above them."""
    found = [hashes]
    while len(found[-1]) >= 2 * HASH:
        found.append(_parent_hashes(found[-1]))
    return found


def _parent_hashes(hashes: bytes) -> bytes:
    """Returns the hash over each pair of neighbours; the last of an odd number has none."""
    pairs = range(0, len(hashes) - HASH, 2 * HASH)
    return b"".join([sha256(b"\x01" + hashes[at : at + 2 * HASH]).digest() for at in pairs])


def growth(size: int, leaves: Sequence[bytes], tile: Tile) -> Iterator[tuple[int, int, bytes]]:
    """Computes what each tile gains when the hashes of new leaves are appended to the first `size`:
    level, index, bytes.

    `tile` returns the hashes that tiles hold already; existing hashes never change.
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
                tile_hashes = tile(level, index)[:before] if before else b""
                whole.append(subtree(tile_hashes + gained))
        level, begin, hashes = level + 1, begin // WIDTH, whole


# ------------------------------------------------------------------------- steps

#: A sibling on the way to the root: its leaves [begin, end), and whether it is on the left.
Step = tuple[tuple[int, int], bool]


def _siblings(index: int, size: int) -> list[Step]:
    """Returns the siblings from a leaf up to the root, the nearest first."""
    if not 0 <= index < size:
        raise BadProof(f"A tree of {size} leaves has no leaf {index}.")
    found: list[Step] = []
    begin, end = 0, size
    while end - begin > 1:
        middle = begin + _left_size(end - begin)
        if index < middle:
            found.append(((middle, end), False))
            end = middle
        else:
            found.append(((begin, middle), True))
            begin = middle
    return found[::-1]


def _consistency_steps(old: int, new: int) -> tuple[list[Step], int]:
    """Returns the siblings from the end of the old tree's last complete subtree up to the root, and
    where that subtree begins (0: it is the whole old tree)."""
    if not 0 < old <= new:
        raise BadProof(f"A tree of {old} leaves cannot have grown to {new}.")
    found: list[Step] = []
    begin, end = 0, new
    while old != end:
        middle = begin + _left_size(end - begin)
        if old <= middle:
            found.append(((middle, end), False))
            end = middle
        else:
            found.append(((begin, middle), True))
            begin = middle
    return found[::-1], begin


def _left_size(count: int) -> int:
    """Returns how many of two or more leaves are in the left branch: the largest power of two below
    `count`."""
    return 1 << (count - 1).bit_length() - 1


def _subtree_hash(node: Node, begin: int, end: int) -> bytes:
    """Returns the hash over the leaves [begin, end), as a branch of the tree."""
    count = end - begin
    if count & (count - 1) == 0:
        level = count.bit_length() - 1
        return node(level, begin >> level)
    middle = begin + _left_size(count)
    return node_hash(_subtree_hash(node, begin, middle), _subtree_hash(node, middle, end))


def _check_hashes(hashes: Sequence[bytes]) -> None:
    for number, hash_ in enumerate(hashes):
        if len(hash_) != HASH:
            raise BadProof(f"Hash {number} has {len(hash_)} bytes and not {HASH}.")
