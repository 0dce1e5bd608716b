"""Receipts of answers that are given together: one signature over all of them.

The statement that is signed has the root of a Merkle tree (RFC 9162, SHA-256) of the answers. A
receipt is the signed statement, its own answer, and the path from the answer to the root, joined by
tildes:

    JWT ~ base64url(answer as JSON) ~ index "." base64url(path)

So each receipt is verified alone, and shows nothing of the other answers: each has a salt.
"""

from __future__ import annotations

import os
from base64 import urlsafe_b64encode
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from registry.transparency.merkle import leaf_hash, node_hash

SALT = 16  # bytes


def leaves(statements: Sequence[dict[str, Any]]) -> list[bytes]:
    """The leaves of the tree: answers as JSON, each with a salt."""
    salts = os.urandom(SALT * len(statements))
    return [
        msgspec.json.encode(statement | {"salt": base64url(salts[SALT * n : SALT * (n + 1)])})
        for n, statement in enumerate(statements)
    ]


class BatchTree:
    """The Merkle tree over the leaves of one batch."""

    def __init__(self, entries: Sequence[bytes]) -> None:
        """`entries`: at least one."""
        self._levels = [[leaf_hash(entry) for entry in entries]]
        while len(level := self._levels[-1]) > 1:
            pairs = zip(level[::2], level[1::2], strict=False)
            above = [node_hash(left, right) for left, right in pairs]
            # The last of an odd number is its own subtree.
            self._levels.append(above + level[len(above) * 2 :])

    @property
    def root(self) -> bytes:
        """The root over all leaves."""
        return self._levels[-1][0]

    def path(self, index: int) -> bytes:
        """The inclusion path of a leaf: the hashes from the leaf up, joined."""
        return b"".join(self._siblings(index))

    def _siblings(self, index: int) -> Iterator[bytes]:
        for level in self._levels[:-1]:
            beside = index ^ 1
            if beside < len(level):
                yield level[beside]
            index >>= 1


def tails(entries: Sequence[bytes], tree: BatchTree) -> list[str]:
    """What follows the signed statement in each receipt."""
    return [
        f"~{base64url(entry)}~{index}.{base64url(tree.path(index))}"
        for index, entry in enumerate(entries)
    ]


def base64url(data: bytes) -> str:
    """Bytes in base64url without padding, as in a JWT."""
    return urlsafe_b64encode(data).rstrip(b"=").decode()
