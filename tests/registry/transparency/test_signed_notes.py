"""Notes, keys and proofs are read as the standards write them, and in no other way."""

from __future__ import annotations

import json
from base64 import b64decode

import pytest
from hypothesis import given
from hypothesis import strategies as some

from registry.transparency import merkle
from registry.transparency.signed_notes import (
    COSIGNATURE,
    ED25519,
    MLDSA44,
    BadNote,
    BadSignature,
    Checkpoint,
    Proof,
    SignedNote,
    Signer,
    VerifierKey,
    read_checkpoint,
    read_key,
    read_note,
    read_number,
    read_proof,
    read_signatures,
)
from tests.paths import MERKLE_VECTORS

VECTORS = json.loads(MERKLE_VECTORS.read_text(encoding="utf-8"))
HEAD = VECTORS["checkpoint_and_cosignature"]
PROOF = VECTORS["tlog_proof"]["text"]
GOOD = [signed_note for signed_note in VECTORS["signed_notes"] if "note" in signed_note]
BAD = [bad for signed_note in VECTORS["signed_notes"] for bad in signed_note.get("bad_vkeys", ())]

LOG = Signer.of_seed("registry.example/aeo", ED25519, bytes([7]) * 32)
WITNESS = Signer.of_seed("customs.kr/w1", COSIGNATURE, bytes([9]) * 32)
LATTICE = Signer.of_seed("registry.example/aeo", MLDSA44, bytes([8]) * 32)
TIME = HEAD["cosignature_time"]


# --------------------------------------------------------- other people's vectors


@pytest.mark.parametrize("told", GOOD, ids=lambda value: value["source"][:4])
def test_a_note_of_the_standard_is_accepted(told: dict[str, str]) -> None:
    note = read_note(told["note"])
    assert note.signed_by([read_key(told["vkey"])]) == {read_key(told["vkey"]): None}
    assert note.written == told["note"]


@pytest.mark.parametrize("vkey", BAD)
def test_a_bad_key_of_the_standard_is_refused(vkey: str) -> None:
    with pytest.raises(BadNote):
        read_key(vkey)


def test_we_sign_byte_for_byte_what_go_and_python_verified() -> None:
    text = read_note(HEAD["note"]).text
    assert text + "\n" + LOG.line(text) + WITNESS.line(text, TIME) == HEAD["note"]
    assert [str(LOG.key), str(WITNESS.key)] == [HEAD["log_vkey"], HEAD["witness_vkey"]]
    signed = read_note(HEAD["note"]).signed_by([LOG.key, WITNESS.key])
    assert signed == {LOG.key: None, WITNESS.key: TIME}


def test_a_proof_of_the_vectors_holds() -> None:
    proof = read_proof(PROOF)
    head = read_checkpoint(proof.checkpoint.text)
    leaf = merkle.leaf_hash(b"leaf-%d" % proof.index)
    merkle.verify_inclusion(leaf, proof.index, head.size, proof.path, head.root)
    assert proof.written == PROOF


# ------------------------------------------------------ nothing else is believed


@pytest.mark.parametrize("told", GOOD, ids=lambda value: value["source"][:4])
def test_no_part_of_a_key_is_a_key(told: dict[str, str]) -> None:
    good = told["vkey"]
    for begin in range(len(good)):
        for end in range(begin, len(good) + (begin > 0)):
            with pytest.raises(BadNote):
                read_key(good[begin:end])


@pytest.mark.parametrize("told", GOOD, ids=lambda value: value["source"][:4])
def test_no_neighbour_of_a_key_is_a_key(told: dict[str, str]) -> None:
    good = told["vkey"]
    for at in range(len(good)):
        with pytest.raises(BadNote):
            read_key(good[:at] + chr(ord(good[at]) + 1) + good[at + 1 :])


def test_a_note_cut_short_is_never_believed() -> None:
    """Cut behind the log's line it is the log's note, without its witness: nothing was forged."""
    believed = []
    for length in range(len(HEAD["note"])):
        try:
            note = read_note(HEAD["note"][:length])
            signed = note.signed_by([LOG.key, WITNESS.key])
        except (BadNote, BadSignature):
            continue
        believed.append((note.text, list(signed)))
    assert believed == [(read_note(HEAD["note"]).text, [LOG.key])]


def test_no_flipped_bit_of_a_note_goes_unseen() -> None:
    written = HEAD["note"].encode()
    original = read_note(written)
    for at in range(len(written)):
        for bit in range(8):
            flipped = written[:at] + bytes([written[at] ^ 1 << bit]) + written[at + 1 :]
            try:
                note = read_note(flipped)
                signed = note.signed_by([LOG.key, WITNESS.key])
            except (BadNote, BadSignature):
                continue
            # The name or the id of a line was hit: it is a stranger's line, and counts for nothing.
            assert len(signed) < 2, (at, bit)
            assert note.text == original.text or not signed, (at, bit)


def test_a_known_key_that_fails_spoils_the_note() -> None:
    forged = SignedNote("another text\n", read_note(HEAD["note"]).signatures)
    with pytest.raises(BadSignature, match=r"registry\.example/aeo"):
        forged.signed_by([LOG.key])


def test_the_wrong_key_signs_for_nobody() -> None:
    other = Signer.of_seed("registry.example/aeo", ED25519, bytes([6]) * 32).key
    assert read_note(HEAD["note"]).signed_by([other]) == {}


@pytest.mark.parametrize("vary", ["truncated", "flipped", "other text", "other time"])
def test_a_signature_against_quantum_computers_is_checked_like_the_other(vary: str) -> None:
    text = read_note(HEAD["note"]).text
    [line] = read_signatures(LATTICE.line(text, TIME))
    assert LATTICE.key.check(text, line.body) == TIME
    body = {
        "truncated": line.body[:-1],
        "flipped": line.body[:100] + bytes([line.body[100] ^ 1]) + line.body[101:],
        "other text": line.body,
        "other time": (TIME + 1).to_bytes(8, "big") + line.body[8:],
    }[vary]
    other = Checkpoint("registry.example/aeo", 70_001, bytes(32)).text
    with pytest.raises(BadSignature):
        LATTICE.key.check(other if vary == "other text" else text, body)


def test_all_kinds_of_keys_are_read_as_they_are_written() -> None:
    for signer in (LOG, WITNESS, LATTICE):
        assert read_key(str(signer.key)) == signer.key


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n",
        "a\n1\n",
        f"a\n01\n{'A' * 43}=\n",
        f"a\n+1\n{'A' * 43}=\n",
        f"a\n1 \n{'A' * 43}=\n",
        f"\n1\n{'A' * 43}=\n",
        f"a\n1\n{'A' * 42}==\n",
        f"a\n1\n{'A' * 42}B=\n",
        f"a\n1\n{'A' * 43}=",
        f"a\n-1\n{'A' * 43}=\n",
        f"a\n{2**63}\n{'A' * 43}=\n",
        f"a\n१\n{'A' * 43}=\n",
        f"a\n1\n{'A' * 43}=\n\n",
    ],
)
def test_what_is_no_checkpoint_is_refused(text: str) -> None:
    with pytest.raises(BadNote):
        read_checkpoint(text)


def test_a_checkpoint_may_have_more_lines_than_we_know() -> None:
    head = Checkpoint("a", 0, merkle.EMPTY_ROOT)
    assert read_checkpoint(head.text + "an extension\n") == head


def test_a_proof_cut_short_is_never_whole() -> None:
    whole = read_proof(PROOF)
    for length in range(len(PROOF)):
        try:
            proof = read_proof(PROOF[:length])
        except BadNote:
            continue
        assert len(proof.checkpoint.signatures) < len(whole.checkpoint.signatures)


@pytest.mark.parametrize(
    ("what", "by"),
    [
        ("index 12345", "index 012345"),
        ("index 12345", "index -1"),
        ("index 12345", "index"),
        ("c2sp.org/tlog-proof@v1", "c2sp.org/tlog-proof@v2"),
        ("index 12345\n", ""),
        ("index 12345\n", "extra =\nindex 12345\n"),
        ("index 12345\n", "index 12345\nAAAA\n"),
    ],
)
def test_a_proof_written_otherwise_is_refused(what: str, by: str) -> None:
    assert what in PROOF
    with pytest.raises(BadNote):
        read_proof(PROOF.replace(what, by, 1))


def test_a_proof_may_carry_something_of_its_own() -> None:
    told = read_proof(PROOF)
    with_salt = Proof(told.index, told.path, told.checkpoint, b"\x00salt")
    assert read_proof(with_salt.written) == with_salt


@given(some.text(max_size=200))
def test_no_text_makes_a_reader_stumble(text: str) -> None:
    for read in (read_key, read_note, read_checkpoint, read_proof, read_number, read_signatures):
        with pytest.raises(BadNote):
            read(text if read is not read_number or not text.isdigit() else "x")


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\tb", "a\u00a0b", "a\u3000b", "a\nb"])
def test_a_name_with_a_space_or_a_plus_is_no_name(name: str) -> None:
    with pytest.raises(BadNote):
        VerifierKey(name, ED25519, b64decode("A" * 43 + "="))
