"""A witness signs what continues the history that it saw, and keeps the proof of anything else."""

from __future__ import annotations

import json
import runpy
import socket
import sqlite3
import subprocess
import sys
from base64 import b64decode, b64encode
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from registry.transparency import merkle
from registry.transparency.signed_notes import ED25519, MLDSA44, Checkpoint, Signer, read_note
from tests.paths import MERKLE_VECTORS, WITNESS
from tests.watching import Witness, witness

VECTORS = json.loads(MERKLE_VECTORS.read_text(encoding="utf-8"))
CODES: dict[str, int] = VECTORS["tlog_witness_status_codes"]
#: Its own reckoning: it shares no line with the register's.
OWN = runpy.run_path(str(WITNESS))

ORIGIN = "registry.example/aeo"
LOG = Signer.of_seed(ORIGIN, ED25519, bytes([7]) * 32)
LATTICE = Signer.of_seed(ORIGIN, MLDSA44, bytes([8]) * 32)
STRANGER = Signer.of_seed(ORIGIN, ED25519, bytes([9]) * 32)


class Tree:
    """A small log in memory: `fork` says from which leaf on it differs from its namesakes."""

    def __init__(self, origin: str = ORIGIN, fork: int = 1_000_000) -> None:
        self.origin = origin
        leaves = [merkle.leaf_hash(b"%d%s" % (n, b"'" * (n >= fork))) for n in range(600)]
        tiles: dict[tuple[int, int], bytes] = {}
        for level, index, gained in merkle.growth(0, leaves, lambda *_: b""):
            tiles[level, index] = gained
        self.node = merkle.from_tiles(lambda level, index: tiles[level, index])

    def head(self, size: int, *signers: Signer, root: bytes | None = None) -> str:
        root = merkle.root(self.node, size) if root is None else root
        text = Checkpoint(self.origin, size, root).text
        return f"{text}\n" + "".join(signer.line(text) for signer in signers or (LOG,))

    def asked(self, old: int, size: int, *signers: Signer) -> bytes:
        path = merkle.consistency_path(self.node, old, size) if old <= size else []
        return request(old, path, self.head(size, *signers))


def request(old: int | str, path: list[bytes], note: str) -> bytes:
    lines = [f"old {old}", *(b64encode(data).decode() for data in path), ""]
    return ("\n".join(lines) + "\n" + note).encode()


TREE = Tree()


@pytest.fixture
def watching(tmp_path: Path) -> Iterator[Witness]:
    with witness(tmp_path / "w1", [LOG.key, LATTICE.key]) as new_witness:
        yield new_witness


@pytest.fixture(scope="module")
def unmoved(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Witness]:
    """For questions that leave no trace in it."""
    with witness(tmp_path_factory.mktemp("witness") / "w1", [LOG.key]) as new_witness:
        yield new_witness


def cosigned(witness: Witness, note: str, answer: tuple[int, str, str]) -> bool:
    """Both its lines are there and hold."""
    status, kind, lines = answer
    assert (status, kind) == (CODES["ok"], "text/plain; charset=utf-8"), lines
    return set(read_note(note + lines).signed_by(witness.keys)) == set(witness.keys)


def test_heads_that_continue_one_another_are_cosigned_in_both_kinds(watching: Witness) -> None:
    last = 0
    for size in (1, 2, 3, 7, 8, 255, 256, 257, 300, 512, 599, 599, 600):
        assert cosigned(watching, TREE.head(size), watching.post(TREE.asked(last, size)))
        last = size


@pytest.mark.parametrize("old", range(1, 17))
def test_every_small_growth_is_understood(old: int) -> None:
    """The same proof by the witness's own reckoning and by ours, right and wrong."""
    grew = OWN["grew"]
    for new in range(old + 1, 34):
        roots = [merkle.root(TREE.node, size) for size in (old, new)]
        path = merkle.consistency_path(TREE.node, old, new)
        assert grew(old, new, *roots, path)
        assert not grew(old, new, *roots[::-1], path)
        assert not grew(old, new, *roots, path[:-1])
        assert not grew(old, new, *roots, [*path, bytes(32)])
        for at in range(len(path)):
            assert not grew(old, new, *roots, [*path[:at], bytes(32), *path[at + 1 :]])


@pytest.mark.parametrize(
    "probe", VECTORS["consistency_probes"]["items"], ids=lambda value: value["id"]
)
def test_other_peoples_probes_are_judged_as_they_say(probe: dict[str, Any]) -> None:
    old, new = probe["size1"], probe["size2"]
    if not 0 < old <= new:
        return  # refused before any proof is looked at: by the sizes, or as a first head
    roots = [b64decode(probe[name] or "") for name in ("root1", "root2")]
    path = [b64decode(item) for item in probe["proof"] or ()]
    assert bool(OWN["fault"](old, roots[0], new, roots[1], path)) is probe["wantErr"]


# ------------------------------------------------------------------ every status code


def test_an_unknown_log_is_not_found(watching: Witness) -> None:
    other = Tree("another.example/log")
    assert watching.post(other.asked(0, 5))[0] == CODES["unknown_origin"]
    assert watching.post(TREE.asked(0, 5), "/add-leaf")[0] == 404


def test_what_no_key_of_the_log_signed_is_forbidden(watching: Witness) -> None:
    forged = TREE.head(5).replace(TREE.head(5).split(" ")[-1], TREE.head(6).split(" ")[-1])
    for body in (
        TREE.asked(0, 5, STRANGER),
        request(0, [], forged),
        # One line is good and the other forged: then none counts.
        request(0, [], TREE.head(5) + LATTICE.line(Checkpoint(ORIGIN, 6, bytes(32)).text)),
    ):
        assert watching.post(body)[0] == CODES["bad_or_no_trusted_signature"]
    assert cosigned(watching, TREE.head(5), watching.post(TREE.asked(0, 5)))


def test_lines_of_strangers_are_passed_over_and_either_kind_of_key_will_do(
    watching: Witness,
) -> None:
    for old, size, signers in (
        (0, 5, (STRANGER, LOG)),
        (5, 6, (LATTICE,)),
        (6, 7, (LATTICE, LOG)),
    ):
        answer = watching.post(TREE.asked(old, size, *signers))
        assert cosigned(watching, TREE.head(size, LOG), answer)


def test_a_tree_does_not_shrink_within_one_request(watching: Witness) -> None:
    assert watching.post(TREE.asked(7, 5))[0] == CODES["old_size_gt_new"]


def test_a_log_that_forgot_what_was_seen_is_told(watching: Witness) -> None:
    watching.post(TREE.asked(0, 300))
    for old in (0, 5, 299):
        assert watching.post(TREE.asked(old, 310)) == (
            CODES["old_size_mismatch"],
            CODES["conflict_content_type"],
            "300\n",
        )
    # A log restored from yesterday's copy learns it in the same way.
    assert watching.post(TREE.asked(5, 200))[::2] == (409, "300\n")


def test_a_proof_that_does_not_hold_cannot_be_processed(watching: Witness) -> None:
    watching.post(TREE.asked(0, 300))
    path = merkle.consistency_path(TREE.node, 300, 600)
    for wrong in ([], path[:-1], [*path, bytes(32)], [bytes(32), *path[1:]]):
        answer = watching.post(request(300, wrong, TREE.head(600)))
        assert answer[0] == CODES["bad_proof_or_same_size_other_root_or_size0_root_not_empty"]
    assert cosigned(watching, TREE.head(600), watching.post(TREE.asked(300, 600)))


def test_the_empty_tree_has_one_root_and_no_proof(watching: Witness) -> None:
    assert watching.post(request(0, [], TREE.head(0, root=bytes(32))))[0] == 422
    assert watching.post(request(0, [bytes(32)], TREE.head(5)))[0] == 422
    empty = TREE.head(0)
    assert cosigned(watching, empty, watching.post(request(0, [], empty)))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\n",
        b"old 0\n",
        b"\xff\n\n",
        b"old 0\n\nnonsense\n",
        request("00", [], TREE.head(5)),
        request("+0", [], TREE.head(5)),
        request(-1, [], TREE.head(5)),
        request(1 << 63, [], TREE.head(5)),
        request("\u0661", [], TREE.head(5)),
        request(0, [b"short"], TREE.head(5)),
        request(0, [bytes(32)] * 64, TREE.head(5)),
        TREE.asked(0, 5).replace(b"old 0", b"Old 0"),
        TREE.asked(0, 5)[:-1],
        TREE.asked(0, 5) + b"more",
        TREE.asked(0, 5).replace(b"=\n\n", b"\n\n"),
        TREE.asked(0, 5).replace(b"\n5\n", b"\n05\n"),
        TREE.asked(0, 5).replace(b"\n5\n", b"\n5\r\n"),
    ],
)
def test_what_is_not_written_as_it_must_be_is_a_bad_request(unmoved: Witness, body: bytes) -> None:
    assert unmoved.post(body)[0] == 400


@pytest.mark.parametrize(
    ("length", "status"),
    [
        (b"content-length: 200000", 413),
        (b"transfer-encoding: chunked", 411),
        (b"content-length: -1", 411),
        (b"content-length: 1e3", 411),
        (b"accept: */*", 411),
    ],
)
def test_a_body_that_is_not_read_is_not_taken_for_the_next_request(
    unmoved: Witness, length: bytes, status: int
) -> None:
    where = urlsplit(unmoved.url)
    asking = b"POST /add-checkpoint HTTP/1.1\r\n%s\r\n\r\n"
    with socket.create_connection((where.hostname, where.port), timeout=20) as wire:
        wire.sendall(asking % length + asking % b"content-length: 0")
        answers = wire.makefile("rb").read()
    assert answers.startswith(b"HTTP/1.1 %d " % status) and answers.count(b"HTTP/1.1") == 1


# ----------------------------------------------------------------- forks and crashes


def test_two_servers_with_one_key_are_found_out_and_the_proof_is_kept(watching: Witness) -> None:
    fork = Tree(fork=290)
    watching.post(TREE.asked(0, 300))
    assert watching.post(fork.asked(300, 300))[::2] == (
        422,
        "another tree of 300 leaves was seen before\n",
    )
    assert watching.post(fork.asked(300, 400))[::2] == (422, "the proof does not hold\n")

    kept = watching.evidence()
    # Both signed heads: whoever reads them needs to trust nobody.
    assert TREE.head(300) in kept and fork.head(300) in kept and fork.head(400) in kept
    # The first server is not hindered by what the second did.
    assert cosigned(watching, TREE.head(301), watching.post(TREE.asked(300, 301)))


def test_of_two_requests_at_once_only_one_is_the_next(watching: Witness) -> None:
    sizes = list(range(1, 41))
    with ThreadPoolExecutor(8) as many:
        statuses = list(many.map(lambda size: watching.post(TREE.asked(0, size))[0], sizes))
    assert sorted(statuses) == [200] + [409] * (len(sizes) - 1)
    first = sizes[statuses.index(200)]
    assert watching.post(TREE.asked(0, 600))[::2] == (409, f"{first}\n")


def test_what_it_saw_outlives_it(tmp_path: Path) -> None:
    with witness(tmp_path / "w1", [LOG.key]) as before:
        before.post(TREE.asked(0, 300))
    with witness(tmp_path / "w1", [LOG.key]) as after:
        assert after.post(TREE.asked(0, 200))[::2] == (409, "300\n")
        assert cosigned(after, TREE.head(301), after.post(TREE.asked(300, 301)))


def test_without_its_memory_it_does_not_begin_again(tmp_path: Path) -> None:
    with witness(tmp_path / "w1", [LOG.key]):
        pass
    (tmp_path / "w1" / "witness.db").unlink()
    for arguments in (
        ("serve", "--port", "0", "--log", str(LOG.key)),
        ("init", "--name", "customs.kr/w1"),
    ):
        done = subprocess.run(
            [sys.executable, WITNESS, *arguments, "--home", tmp_path / "w1"],
            capture_output=True,
            text=True,
        )
        assert done.returncode == 1 and done.stderr.startswith("aeo-witness: ")
    assert (tmp_path / "w1" / "witness.key").stat().st_mode & 0o077 == 0


def test_nothing_is_answered_that_was_not_stored(watching: Witness) -> None:
    with closing(sqlite3.connect(watching.home / "witness.db")) as memory:
        memory.execute(
            "create trigger full before insert on head begin select raise(fail, 'disk full'); end"
        )
        assert watching.post(TREE.asked(0, 5))[0] == 500
        memory.execute("drop trigger full")
    assert cosigned(watching, TREE.head(5), watching.post(TREE.asked(0, 5)))
