"""The verifier stands alone, and judges as the standards and the register do."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
import threading
from base64 import b64decode
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from enum import Enum
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import astuple

from ops.attacks import KEYS, LOG, ORIGIN, TRUSTING, VERIFIER, WATCHED, WITNESSES, verifier, verify
from projections.models import agreements, operators
from registry.application.registry import AGGREGATES
from registry.domain.bitemporal import TimedEvent
from registry.ledger.mapper import EventMapper
from registry.transparency import merkle
from registry.transparency.signed_notes import ED25519, Checkpoint, Proof, Signer, read_note
from registry.transparency.witness_policy import BadPolicy, read_policy, satisfied
from tests import rules_1
from tests.chance import TIMES
from tests.paths import MERKLE_VECTORS
from tests.test_verifier_lines import shown_event
from tests.worlds import Maker

VECTORS = json.loads(MERKLE_VECTORS.read_text(encoding="utf-8"))
ours = verifier()


# -------------------------------------------------------------------------- standing alone


def test_it_needs_nothing_but_python_and_cryptography() -> None:
    tree = ast.parse(VERIFIER.read_text(encoding="utf-8"), feature_version=(3, 9))
    imported = {
        name.split(".")[0]
        for each_ast in ast.walk(tree)
        for name in (
            [alias.name for alias in each_ast.names]
            if isinstance(each_ast, ast.Import)
            else [each_ast.module or ""]
            if isinstance(each_ast, ast.ImportFrom)
            else []
        )
    }
    assert imported - sys.stdlib_module_names == {"cryptography"}


def test_it_is_one_file_that_is_run_from_anywhere(tmp_path: Path) -> None:
    copy = tmp_path / "verify"
    copy.write_bytes(VERIFIER.read_bytes())
    (tmp_path / "no.zip").write_bytes(b"this is no bundle")
    done = subprocess.run(
        [sys.executable, "-I", copy, "bundle", "no.zip"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (2, "")
    assert "not a bundle" in done.stdout
    assert "verdict: MALFORMED" in done.stdout


def test_the_linter_has_nothing_to_say_of_it() -> None:
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "ruff",
            "check",
            "--target-version",
            "py39",
            "--quiet",
            "--stdin-filename",
            "verify.py",
            "-",
        ],
        cwd=VERIFIER.parent,
        input=VERIFIER.read_bytes(),
        capture_output=True,
    )
    assert done.returncode == 0, done.stdout.decode()


# --------------------------------------------------------------------- other people's vectors


@pytest.mark.parametrize(
    "probe", VECTORS["inclusion_probes"]["items"], ids=lambda value: value["id"]
)
def test_an_inclusion_is_judged_as_the_probes_say(probe: dict[str, Any]) -> None:
    leaf, root = (b64decode(probe[name] or "") for name in ("leafHash", "root"))
    path = [b64decode(item) for item in probe["proof"] or ()]
    try:
        good = ours.root_by_path(leaf, probe["leafIdx"], probe["treeSize"], path) == root
    except ours.Malformed:
        good = False
    assert good is not probe["wantErr"], probe["desc"]


@pytest.mark.parametrize(
    "probe", VECTORS["consistency_probes"]["items"], ids=lambda value: value["id"]
)
def test_a_consistency_is_judged_as_the_probes_say(probe: dict[str, Any]) -> None:
    heads = [
        ours.Head(ORIGIN, probe[f"size{n}"], b64decode(probe[f"root{n}"] or "")) for n in (1, 2)
    ]
    path = [b64decode(item) for item in probe["proof"] or ()]
    good = heads[0].size > 0 and ours.continues(*heads, path)
    assert good is not probe["wantErr"], probe["desc"]


def test_a_large_tree_has_the_roots_of_the_reference() -> None:
    leaves = b"".join(ours.leaf_hash(b"leaf-%d" % i) for i in range(70_000))
    for size, root in VECTORS["generated_large_tree"]["root_by_size_hex"].items():
        assert ours.root_of(leaves[: 32 * int(size)]).hex() == root


def test_a_tree_is_made_of_some_leaves_and_what_lies_beside_them() -> None:
    leaves = [ours.leaf_hash(b"leaf-%d" % i) for i in range(1_000)]
    root = ours.root_of(b"".join(leaves))
    own = {index: leaves[index] for index in (0, 3, 255, 256, 998, 999)}
    beside = [
        ours.root_of(b"".join(leaves[begin:end]))
        for begin, end in _gaps(sorted(own), 0, len(leaves))
    ]
    assert ours.root_by_parts(own, len(leaves), beside) == root
    assert ours.root_by_parts(own | {3: leaves[4]}, len(leaves), beside) != root
    for bad in (beside[:-1], [*beside, root]):
        with pytest.raises(ours.Malformed):
            ours.root_by_parts(own, len(leaves), bad)


def _gaps(indexes: list[int], begin: int, end: int) -> list[tuple[int, int]]:
    """The greatest complete subtrees without any of these."""
    count = end - begin
    if not any(begin <= index < end for index in indexes) and count & (count - 1) == 0:
        return [(begin, end)]
    if count == 1:
        return []
    middle = begin + (1 << (count - 1).bit_length() - 1)
    return _gaps(indexes, begin, middle) + _gaps(indexes, middle, end)


NOTES = [signed_note for signed_note in VECTORS["signed_notes"] if signed_note.get("valid")]


@pytest.mark.parametrize("told", NOTES, ids=lambda value: value["source"][:20])
def test_a_note_of_the_standard_is_accepted(told: dict[str, str]) -> None:
    key, findings = ours.read_key(told["vkey"]), ours.Findings()
    assert set(ours.signers(ours.read_note(told["note"]), [key], findings)) == {key}
    spoilt = told["note"].replace("\n", "!\n", 1)
    assert not ours.signers(ours.read_note(spoilt), [key], findings)
    assert findings.code == ours.FORGED


# -------------------------------------------------------------------------------- the policy


def note(size: int = 3, root: bytes = b"r" * 32, signers: tuple[Signer, ...] = LOG) -> str:
    text = Checkpoint(ORIGIN, size, root).text
    return f"{text}\n" + "".join(signer.line(text, 1_790_000_000) for signer in signers)


A, B, C = (f"witness {name} {signer.key}\n" for name, signer in zip("abc", WITNESSES, strict=True))


@pytest.mark.parametrize(
    "policy",
    [
        TRUSTING,
        WATCHED,
        f"{KEYS}{A}quorum a\n",
        f"{KEYS}{A}{B}group g any a b\nquorum g\n",
        f"{KEYS}{A}{B}{C}group g all a b\ngroup h 1 g c\nquorum h\n",
        f"# nobody\n\n\t{KEYS}{A}{B}group g all a b\n quorum \t g \n",
        "quorum none\n",
    ],
)
@pytest.mark.parametrize("present", ["", "a", "b", "c", "ab", "bc", "abc"])
def test_a_policy_is_met_when_the_register_would_say_so(policy: str, present: str) -> None:
    signed = note(signers=(*LOG, *(WITNESSES["abc".index(text)] for text in present)))
    findings = ours.Findings()
    ours.judge(ours.read_note(signed), ours.read_policy(policy), findings)
    met, _ = satisfied(read_policy(policy.encode()), read_note(signed))
    assert (findings.code == ours.GOOD) is met
    assert findings.code in (ours.GOOD, ours.UNVOUCHED)


@pytest.mark.parametrize(
    "policy",
    [
        "",
        KEYS,
        f"{KEYS}quorum a\n",
        f"{KEYS}{A}{A}quorum a\n",
        f"{KEYS}quorum none\nquorum none\n",
        f"{KEYS}{A}group g 2 a\nquorum g\n",
        f"{KEYS}{A}group g 0 a\nquorum g\n",
        f"{KEYS}{A}group g any a a\nquorum g\n",
        f"{KEYS}group g any a\n{A}quorum g\n",
        f"{KEYS}{A}group none any a\nquorum a\n",
        f"{KEYS}{A}group g any none\nquorum g\n",
        f"{KEYS}{A}{B}group g any a b\ngroup h any g a\nquorum h\n",
        f"{KEYS}{KEYS}quorum none\n",
        f"log {WITNESSES[0].key}\nquorum none\n",
        f"{KEYS}witness a {LOG[0].key}\nquorum a\n",
        f"{KEYS}quorum none\x0c\n",
        f"{KEYS}trust me\nquorum none\n",
    ],
)
def test_what_the_register_would_not_read_as_a_policy_is_malformed(policy: str) -> None:
    with pytest.raises(BadPolicy):
        read_policy(policy.encode())
    with pytest.raises(ours.Malformed):
        ours.read_policy(policy)


def test_a_witness_counts_only_as_long_as_it_is_asked_to() -> None:
    fresh = ours.Findings()
    ours.judge(
        ours.read_note(note(signers=(*LOG, *WITNESSES))), ours.read_policy(WATCHED), fresh, 1e-6
    )
    assert fresh.code == ours.UNVOUCHED


# ------------------------------------------------------------------------------- the reducers


@pytest.mark.parametrize("turn", range(6 * TIMES))
def test_what_a_stream_means_in_law_is_found_again_without_us(turn: int) -> None:
    """Two programs that share no line make the same periods, stages and sides of it."""
    mapper = EventMapper(AGGREGATES)
    letters = [f"{a}{b}" for a in "BDFGHJKLMNPQRSTVWZ" for b in "CDGHJKLMNPQRSTVWXZ"]
    for n in range(8):
        codes = letters[5 * n : 5 * n + 5]
        world = Maker(70_000 + 100 * turn + n, codes).make()
        for stream in world.operators:
            expected = [_shown(astuple(row)[1:]) for row in operators.rows(stream)["status_period"]]
            found = ours.periods_of(_stored(mapper, stream))
            assert sorted(map(repr, found)) == sorted(map(repr, expected))
        for stream in world.agreements:
            rows = agreements.rows(stream)
            stages, sides = ours.agreement_of(_stored(mapper, stream))
            assert sorted(map(repr, stages)) == sorted(
                repr(_shown(astuple(r)[1:])) for r in rows["stage"]
            )
            assert sorted(map(repr, sides)) == sorted(
                repr(_shown(astuple(r)[1:])) for r in rows["side"]
            )


def test_what_a_stream_meant_by_earlier_rules_is_found_again_as_that_release_had_it() -> None:
    assert _apart(ours.RULES[1]) == {"operator": 0, "agreement": 0}


@pytest.mark.parametrize(
    ("what", "nouns"),
    [
        ("ends", {"operator"}),
        ("terms", {"agreement"}),
        ("members", {"agreement"}),
        ("turns", {"agreement"}),
    ],
)
def test_each_thing_in_which_rules_differ_is_told_apart(what: str, nouns: set[str]) -> None:
    """With that alone as by later rules, some is not as the release of rules 1 derived it."""
    apart = _apart(ours.RULES[1]._replace(**{what: True}))
    assert {noun for noun, count in apart.items() if count} == nouns


def _apart(rules: Any) -> dict[str, int]:
    """How many streams that release derived otherwise than these rules do."""
    apart = {"operator": 0, "agreement": 0}
    for history in rules_1.histories():
        events = [tuple(event) for event in history["events"]]
        if "periods" in history:
            noun, said, found = "operator", history["periods"], ours.periods_of(events, rules)
        else:
            stages, sides = ours.agreement_of(events, rules)
            noun, said, found = "agreement", history["stages"] + history["sides"], stages + sides
        apart[noun] += sorted(map(repr, said)) != sorted(map(repr, found))
    return apart


def _stored(mapper: EventMapper, stream: list[TimedEvent[Any]]) -> list[tuple[Any, ...]]:
    found = []
    for timed_event in stream:
        stored = mapper.to_stored_event(timed_event.event)
        known = (timed_event.known_at - ours.EPOCH) // ours.timedelta(microseconds=1)
        state = json.loads(stored.state)
        found.append((timed_event.position, known, stored.originator_version, stored.topic, state))
    return found


def _shown(row: tuple[Any, ...]) -> list[Any]:
    """A row of the read models as the bundle has it."""
    return [
        item.isoformat().replace("+00:00", "Z")
        if isinstance(item, datetime)
        else str(item)
        if hasattr(item, "isoformat")
        else _array(item)
        if isinstance(item, str) and item.startswith("{") and item.endswith("}")
        else item.value
        if isinstance(item, Enum)
        else item
        for item in row
    ]


def _array(text: str) -> list[str]:
    return [word.strip('"') for word in text[1:-1].split(",") if word]


# ------------------------------------------------------- one proof, one head, a log that grows


class Log:
    """A published log of some leaves: its head and its tiles as files in a folder."""

    def __init__(self, folder: Path, words: list[str]) -> None:
        self.entries = [word.encode() for word in words]
        leaves = [merkle.leaf_hash(entry) for entry in self.entries]
        tiles: dict[tuple[int, int], bytes] = {
            (level, index): hashes
            for level, index, hashes in merkle.growth(0, leaves, lambda level, index: b"")
        }
        self.node = merkle.from_tiles(lambda level, index: tiles[level, index])
        self.size = len(leaves)
        self.root = merkle.root(self.node, self.size)
        self.note = note(self.size, self.root)
        for (level, index), hashes in tiles.items():
            width = len(hashes) // 32
            path = folder / "tile" / merkle.tile_path(level, index, width)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(hashes)
        (folder / "checkpoint").write_text(self.note, encoding="utf-8")


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *said: Any) -> None:
        """Nobody reads it."""


@contextmanager
def published(folder: Path) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    serving = threading.Thread(target=server.serve_forever, args=(0.01,))
    serving.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/"
    finally:
        server.shutdown()
        serving.join()
        server.server_close()


def test_a_log_is_followed_as_long_as_it_only_grows(tmp_path: Path) -> None:
    policy, state, folder = tmp_path / "policy", tmp_path / "state", tmp_path / "log"
    policy.write_text(TRUSTING)
    folder.mkdir()
    words = [f"event {n}" for n in range(1_000)]
    asked = ["--policy", str(policy), "--state", str(state)]
    with published(folder) as url:
        for size in (3, 3, 256, 300, 700, 1_000):
            Log(folder, words[:size])
            assert verify("follow", url, *asked)[0] == 0, size
        kept = state.read_bytes()

        Log(folder, words[:999])
        code, said = verify("follow", url, *asked)
        assert code == 1
        assert said[0].startswith("positions 1,000 to 1,000: gone")
        Log(folder, [*words[:500], "another", *words[501:], "and one more"])
        code, said = verify("follow", url, *asked)
        assert (code, said[-1]) == (1, "The tree does not begin with the 1,000 leaves seen before.")
        (folder / "checkpoint").unlink()
        assert verify("follow", url, *asked)[0] == 2
    assert state.read_bytes() == kept  # what is wrong is never remembered


def test_a_head_is_judged_by_itself_and_by_what_was_seen(tmp_path: Path) -> None:
    policy, heads, file = tmp_path / "policy", tmp_path / "heads", tmp_path / "checkpoint"
    policy.write_text(TRUSTING)

    def judged(written: str, *words: str) -> int:
        file.write_text(written, encoding="utf-8")
        return verify("checkpoint", str(file), "--policy", str(policy), *words)[0]

    seen = ("--remember", str(heads))
    assert judged(note(5), *seen) == 0
    assert judged(note(5), *seen) == 0
    assert judged(note(5, b"x" * 32), *seen) == 1  # two trees of one size
    assert judged(note(4), *seen) == 1
    assert judged(note(6), *seen) == 4  # perhaps it goes on: only a proof can tell
    stranger = Signer.of_seed(ORIGIN, ED25519, b"s" * 32)
    assert judged(note(signers=(stranger,))) == 1
    assert judged(note().replace("\n3\n", "\n4\n", 1)) == 1
    assert judged(note().replace("\n3\n", "\n03\n", 1)) == 2
    assert judged(note()[:-1]) == 2


def test_one_event_is_proved_by_a_small_file(tmp_path: Path) -> None:
    policy, event, file = tmp_path / "policy", tmp_path / "event.json", tmp_path / "a.tlog-proof"
    policy.write_text(TRUSTING)
    new_entry = shown_event()
    entry = ours.entry_of(new_entry, b"s" * 32)
    leaves = [merkle.leaf_hash(each) for each in (b"one", entry, b"three")]
    root = ours.root_of(b"".join(leaves))
    path = (leaves[0], leaves[2])
    written = Proof(1, path, read_note(note(3, root))).written

    def judged(proof: str = written, trusting: bool = True, **changes: Any) -> int:
        file.write_text(proof, encoding="utf-8")
        event.write_text(json.dumps(new_entry | changes))
        words = ["--policy", str(policy)] if trusting else []
        return verify("proof", str(file), "--event", str(event), *words)[0]

    assert judged() == 0
    assert judged(trusting=False) == 3
    assert judged(salt=None) == 4
    assert judged(salt="AAAA") == 2
    assert judged(says="all is well") == 1
    assert judged(index=0) == 1
    for name, other in {
        "position": 3,
        "version": 2,
        "topic": "operator.revoked",
        "actor": "officer:2",
        "state": '{"effective":"2026-03-02","reason":"fire"}',
        "legal_ground": "",
        "recorded": 1_773_135_000_000_001,
        "known": 1_773_134_999_999_999,
        "decided_by": "KR",
        "stream": new_entry["command"],
        "command": new_entry["stream"],
    }.items():
        assert judged(**{name: other}) == 1, name
    assert judged(written.replace("index 1", "index 0")) == 1
    assert judged(Proof(1, path[::-1], read_note(note(3, root))).written) == 1
    assert judged(Proof(1, path[:1], read_note(note(3, root))).written) == 2
    assert judged(written.replace("index 1", "index 01")) == 2
    assert judged(more=1) == 2
    assert judged(position="2") == 2
    for end in range(0, len(written), 7):
        assert judged(written[:end]) in (1, 2)
