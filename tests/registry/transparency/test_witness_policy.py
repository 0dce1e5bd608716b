"""Who must have seen a checkpoint is said in a file, and understood in one way only."""

from __future__ import annotations

import pytest

from registry.transparency.signed_notes import (
    COSIGNATURE,
    ED25519,
    MLDSA44,
    BadSignature,
    Checkpoint,
    SignedNote,
    Signer,
    read_note,
)
from registry.transparency.witness_policy import BadPolicy, read_policy, satisfied

LOG = Signer.of_seed("registry.example/aeo", ED25519, bytes([7]) * 32)
LATTICE = Signer.of_seed("registry.example/aeo", MLDSA44, bytes([8]) * 32)
#: The key of a log, taken for a witness too.
BOTH = Signer.of_seed("registry.example/aeo", COSIGNATURE, bytes([7]) * 32)
W = {
    name: Signer.of_seed(f"{name}.example/w", COSIGNATURE, bytes([n]) * 32)
    for n, name in enumerate(("cn", "kr", "nz", "auditor", "stranger"), start=20)
}
HEAD = Checkpoint("registry.example/aeo", 7, bytes(32)).text
LINES = "".join(f"witness {name} {W[name].key}\n" for name in ("cn", "kr", "nz", "auditor"))
PARTNERS = (
    f"# Two partners, and whoever is not one of them.\n\n log\t{LOG.key} http://127.0.0.1/log\n"
    f"{LINES}group partners 2 cn kr nz\ngroup both all partners auditor\nquorum both\n"
)


def _note(*names: str, log: Signer | None = LOG) -> SignedNote:
    signed = "" if log is None else log.line(HEAD)
    return read_note(
        f"{HEAD}\n{signed}" + "".join(W[name].line(HEAD, 1_800_000_000) for name in names)
    )


@pytest.mark.parametrize(
    ("names", "enough"),
    [
        ((), False),
        (("cn", "kr"), False),
        (("cn", "auditor"), False),
        (("auditor",), False),
        (("cn", "kr", "auditor"), True),
        (("kr", "nz", "auditor", "stranger"), True),
        (("cn", "stranger", "auditor"), False),
        (("cn", "cn", "auditor"), False),
    ],
)
def test_two_partners_and_one_who_is_none_must_have_seen_it(
    names: tuple[str, ...], enough: bool
) -> None:
    found, seen = satisfied(read_policy(PARTNERS.encode()), _note(*names))
    assert found is enough
    assert seen == {name: 1_800_000_000 for name in names if name != "stranger"}


def test_witnesses_do_not_stand_in_for_the_log() -> None:
    policy = read_policy(PARTNERS.encode())
    everybody = ("cn", "kr", "nz", "auditor")
    assert not satisfied(policy, _note(*everybody, log=W["stranger"]))[0]
    other = Checkpoint("another.example/log", 7, bytes(32)).text
    assert not satisfied(policy, read_note(f"{other}\n{LOG.line(other)}"))[0]


def test_a_log_may_be_known_by_its_lattice_key_alone() -> None:
    policy = read_policy(f"log {LATTICE.key}\nquorum none\n".encode())
    assert satisfied(policy, _note(log=LATTICE)) == (True, {})
    assert not satisfied(policy, _note())[0]


def test_a_policy_that_names_no_log_trusts_none() -> None:
    assert not satisfied(read_policy(b"quorum none\n"), _note())[0]


def test_one_forged_line_of_a_known_witness_spoils_the_note() -> None:
    forged = W["kr"].line(HEAD.replace("7", "8"), 1_800_000_000)
    note = read_note(_note("cn", "auditor").written + forged)
    with pytest.raises(BadSignature):
        satisfied(read_policy(PARTNERS.encode()), note)


@pytest.mark.parametrize(
    ("written", "why"),
    [
        ("", "one line that says its quorum"),
        (f"log {LOG.key}\n", "one line that says its quorum"),
        ("quorum none", "ends with a newline"),
        ("quorum none\r\n", "control"),
        ("quorum none\nquorum none\n", "Line 2: .* once"),
        ("quorum nobody\n", "No line above"),
        (f"group g 1 cn\n{LINES}quorum none\n", "Line 1: No line above"),
        (f"{LINES}group g any g cn\nquorum g\n", "No line above"),
        (f"{LINES}group none any cn\nquorum none\n", "taken"),
        (f"{LINES}group cn any kr\nquorum cn\n", "taken"),
        (f"{LINES}group g any none\nquorum g\n", "No line above"),
        (f"{LINES}group g 2 cn cn\nquorum g\n", "count twice"),
        (f"{LINES}group g any cn\ngroup h any cn\nquorum g\n", "count twice"),
        (f"{LINES}group g 0 cn\nquorum g\n", "no quorum"),
        (f"{LINES}group g 2 cn\nquorum g\n", "no quorum"),
        (f"{LINES}group g 01 cn\nquorum g\n", "leading zeroes"),
        (f"{LINES}group g any\nquorum g\n", "says nothing"),
        (f"{LINES}witness again {W['cn'].key}\nquorum none\n", "count twice"),
        (f"{LINES}witness cn {W['stranger'].key}\nquorum none\n", "taken"),
        (f"log {W['cn'].key}\nquorum none\n", "another's"),
        (f"witness w {LOG.key}\nquorum none\n", "another's"),
        (f"log {LOG.key}\nlog {LOG.key}\nquorum none\n", "earlier line"),
        (f"log {LOG.key}\nwitness w {BOTH.key}\nquorum w\n", "Line 2: .*vouch for itself"),
        (f"witness w {LATTICE.key}\nlog {LATTICE.key}\nquorum w\n", "Line 2: .*vouch for itself"),
        (f"log {LOG.key} http://a.example extra\nquorum none\n", "says nothing"),
        ("log registry.example/aeo\nquorum none\n", "vkey|verifier key|base64"),
        ("require none\nquorum none\n", "says nothing"),
        ("Quorum none\n", "says nothing"),
    ],
)
def test_what_could_be_understood_otherwise_is_refused(written: str, why: str) -> None:
    with pytest.raises(BadPolicy, match=why):
        read_policy(written.encode())


def test_names_are_bytes_and_nothing_else() -> None:
    kelvin = f"witness \u212a {W['cn'].key}\nwitness K {W['kr'].key}\nquorum K\n".encode()
    latin = f"witness \xe9 {W['nz'].key}\n".encode("latin-1")
    policy = read_policy(f"log {LOG.key}\n".encode() + latin + kelvin)
    assert len(policy.witnesses) == 3
    assert not satisfied(policy, _note("cn"))[0]
    assert satisfied(policy, _note("kr"))[0]
