"""The log's tree is the tree of RFC 6962, by other people's vectors and by its own laws."""

from __future__ import annotations

import json
from base64 import b64decode
from functools import cache
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from registry.transparency import merkle
from registry.transparency.merkle import BadProof, Node, leaf_hash
from tests.paths import MERKLE_VECTORS

VECTORS = json.loads(MERKLE_VECTORS.read_text(encoding="utf-8"))
LARGE = VECTORS["generated_large_tree"]


def tiles(leaves: list[bytes], *batches: int) -> dict[tuple[int, int], bytes]:
    """The tiles of a log that took its leaves in batches of these sizes, the rest at once."""
    held: dict[tuple[int, int], bytes] = {}
    begin = 0
    for size in (*batches, len(leaves)):
        batch = leaves[begin : begin + size]
        grown = merkle.growth(begin, batch, lambda level, index: held[level, index])
        for level, index, gained in list(grown):
            held[level, index] = held.get((level, index), b"") + gained
        begin += len(batch)
    return held


def node_of(held: dict[tuple[int, int], bytes]) -> Node:
    return merkle.from_tiles(lambda level, index: held.get((level, index), b""))


@cache
def large() -> Node:
    return node_of(tiles([leaf_hash(b"leaf-%d" % i) for i in range(70_000)], 1, 300, 255, 40_000))


# --------------------------------------------------------- other people's vectors


@pytest.mark.parametrize(
    "probe", VECTORS["inclusion_probes"]["items"], ids=lambda value: value["id"]
)
def test_an_inclusion_is_judged_as_the_probes_say(probe: dict[str, Any]) -> None:
    leaf, root = (b64decode(probe[name] or "") for name in ("leafHash", "root"))
    path = [b64decode(item) for item in probe["proof"] or ()]
    try:
        merkle.verify_inclusion(leaf, probe["leafIdx"], probe["treeSize"], path, root)
        refused = False
    except BadProof:
        refused = True
    assert refused is probe["wantErr"], probe["desc"]


@pytest.mark.parametrize(
    "probe", VECTORS["consistency_probes"]["items"], ids=lambda value: value["id"]
)
def test_a_consistency_is_judged_as_the_probes_say(probe: dict[str, Any]) -> None:
    old, new = (b64decode(probe[name] or "") for name in ("root1", "root2"))
    path = [b64decode(item) for item in probe["proof"] or ()]
    try:
        merkle.verify_consistency(probe["size1"], probe["size2"], old, new, path)
        refused = False
    except BadProof:
        refused = True
    assert refused is probe["wantErr"], probe["desc"]


def test_hashes_are_those_of_the_standard() -> None:
    told = VECTORS["rfc6962_hashing"]
    assert merkle.EMPTY_ROOT.hex() == told["empty_root"]
    assert leaf_hash(b"").hex() == told["leaf_of_empty"]
    assert leaf_hash(b"L123456").hex() == told["leaf_of_ascii_L123456"]
    assert merkle.node_hash(b"N123", b"N456").hex() == told["node_of_ascii_N123_N456"]


@pytest.mark.parametrize("size", range(9))
def test_small_trees_have_the_roots_of_the_reference(size: int) -> None:
    told = VECTORS["ct_reference_tree"]
    leaves = [leaf_hash(bytes.fromhex(item)) for item in told["leaves_hex"]]
    assert [leaf.hex() for leaf in leaves] == told["leaf_hashes_hex"]
    assert merkle.root(node_of(tiles(leaves)), size).hex() == told["root_by_size_hex"][str(size)]


@pytest.mark.parametrize("size", LARGE["root_by_size_hex"])
def test_a_large_tree_has_the_roots_of_the_reference(size: str) -> None:
    assert merkle.root(large(), int(size)).hex() == LARGE["root_by_size_hex"][size]


@pytest.mark.parametrize(
    "told", LARGE["inclusion"], ids=lambda value: f"{value['index']}-{value['size']}"
)
def test_an_inclusion_path_is_that_of_the_reference(told: dict[str, Any]) -> None:
    path = merkle.inclusion_path(large(), told["index"], told["size"])
    assert path == [b64decode(item) for item in told["proof"]]


@pytest.mark.parametrize(
    "told", LARGE["consistency"], ids=lambda value: f"{value['size1']}-{value['size2']}"
)
def test_a_consistency_path_is_that_of_the_reference(told: dict[str, Any]) -> None:
    path = merkle.consistency_path(large(), told["size1"], told["size2"])
    assert path == [b64decode(item) for item in told["proof"]]


@pytest.mark.parametrize(("index", "path"), VECTORS["tile_paths"]["cases"])
def test_a_tile_lies_where_the_standard_says(index: int, path: str) -> None:
    assert merkle.tile_path(0, index) == f"0/{path}"
    assert merkle.tile_path(3, index, 7) == f"3/{path}.p/7"


@pytest.mark.parametrize(("size", "name"), [(70_000, "tree_70000"), (256, "tree_256")])
def test_a_tree_has_as_many_tiles_as_the_standard_counts(size: int, name: str) -> None:
    for what, count in VECTORS["tile_paths"][name].items():
        level = int(what[5])
        widths = [merkle.width_of(level, index, size) for index in range(400)]
        found = sum(w == 256 for w in widths) if "full" in what else sum(w % 256 for w in widths)
        assert found == count, what


# ------------------------------------------------------------------- its own laws


@given(some.data())
def test_every_leaf_is_proved_and_no_other(data: some.DataObject) -> None:
    leaves = [leaf_hash(b"%d" % i) for i in range(data.draw(some.integers(1, 600)))]
    batches = data.draw(some.lists(some.integers(1, 300), max_size=4))
    node = node_of(tiles(leaves, *batches))
    size = data.draw(some.integers(1, len(leaves)))
    index = data.draw(some.integers(0, size - 1))
    head = merkle.root(node, size)
    path = merkle.inclusion_path(node, index, size)
    merkle.verify_inclusion(leaves[index], index, size, path, head)
    with pytest.raises(BadProof):
        merkle.verify_inclusion(leaf_hash(b"another"), index, size, path, head)
    if path:
        at = data.draw(some.integers(0, len(path) - 1))
        bit = data.draw(some.integers(0, 255))
        path[at] = (int.from_bytes(path[at], "big") ^ 1 << bit).to_bytes(32, "big")
        with pytest.raises(BadProof):
            merkle.verify_inclusion(leaves[index], index, size, path, head)


@given(some.data())
def test_a_tree_that_grew_is_told_from_one_rewritten(data: some.DataObject) -> None:
    new = data.draw(some.integers(1, 600))
    old = data.draw(some.integers(1, new))
    leaves = [leaf_hash(b"%d" % i) for i in range(new)]
    node = node_of(tiles(leaves))
    was, now = merkle.root(node, old), merkle.root(node, new)
    merkle.verify_consistency(old, new, was, now, merkle.consistency_path(node, old, new))
    changed = data.draw(some.integers(0, old - 1))
    leaves[changed] = leaf_hash(b"rewritten")
    node = node_of(tiles(leaves))
    path = merkle.consistency_path(node, old, new)
    with pytest.raises(BadProof):
        merkle.verify_consistency(old, new, was, merkle.root(node, new), path)


def test_a_tile_that_has_not_come_so_far_is_missed() -> None:
    held = tiles([leaf_hash(b"%d" % i) for i in range(10)])
    with pytest.raises(LookupError, match=r"0/000"):
        merkle.root(node_of(held), 11)


@given(some.data())
def test_a_path_lies_in_few_tiles_and_all_of_them_are_there(data: some.DataObject) -> None:
    size = data.draw(some.integers(1, 70_000) | some.integers(1, 1 << 48))
    index = data.draw(some.integers(0, size - 1) | some.integers(max(0, size - 600), size - 1))
    asked = set()

    def node(level: int, at: int) -> bytes:
        row, above = divmod(level, merkle.HEIGHT)
        asked.add((row, (at << above) // merkle.WIDTH))
        return bytes(merkle.HASH)

    merkle.inclusion_path(node, index, size)
    beside = merkle.tiles_beside(index, size)
    assert asked <= set(beside)
    assert len(set(beside)) == len(beside)
    assert all(merkle.width_of(level, at, size) for level, at in beside)
