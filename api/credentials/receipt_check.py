"""The check of a receipt: whether this register gave the answer that stands in it."""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode
from pathlib import Path
from typing import Any

import msgspec

from api.credentials import keys
from api.credentials.checking import CheckKind, CredentialFinding, CredentialVerdict
from api.credentials.jwt_parts import NotReadable, read_signed
from api.graphql.receipt_issuer import TREE, issuer
from registry.transparency.merkle import HASH, BadProof, leaf_hash, root_by_inclusion

_TAIL = re.compile(r"([A-Za-z0-9_-]+)~(\d{1,9})\.([A-Za-z0-9_-]*)", re.ASCII)


def check_receipt(home: Path, text: str) -> CredentialVerdict:
    """Checks the signature of a receipt and, of one of many under one signature, its path. The
    finding is RECEIPT_GENUINE at best: what the register answers now is asked by the page."""
    signed, tilde, tail = text.strip().partition("~")
    try:
        presented = read_signed(signed)
        keys.signed(home, presented.text, presented.key)
        claims = _own(presented.claims, tail) if tilde else presented.claims
        _ = (
            claims["credentialSubject"]["answer"]["outcome"],
            claims["credentialSubject"]["question"],
        )
    except (NotReadable, KeyError, TypeError) as error:
        return CredentialVerdict(CredentialFinding.NO_CREDENTIAL, facts={"why": str(error)})
    except keys.UnknownKey:
        facts = {"issuer": presented.issuer[:120] or "?"}
        other = CredentialFinding.OTHER_REGISTER
        if presented.issuer == issuer(home):
            other = CredentialFinding.UNKNOWN_KEY
        return CredentialVerdict(other, {CheckKind.ISSUER: False}, facts)
    except (keys.NotSigned, BadProof):
        return CredentialVerdict(CredentialFinding.RECEIPT_ALTERED, {CheckKind.SIGNATURE: False})
    is_own = presented.issuer == issuer(home)
    checks = {CheckKind.SIGNATURE: True, CheckKind.ISSUER: is_own}
    if not is_own:
        return CredentialVerdict(
            CredentialFinding.OTHER_REGISTER, checks, {"issuer": presented.issuer[:120] or "?"}
        )
    return CredentialVerdict(CredentialFinding.RECEIPT_GENUINE, checks, claims=claims)


def _own(claims: dict[str, Any], tail: str) -> dict[str, Any]:
    """The claims of one of many answers, whose leaf is in the tree that is signed. Raises BadProof
    and NotReadable."""
    parts = _TAIL.fullmatch(tail)
    if parts is None:
        raise BadProof("the part after the tilde has another form")
    tree = claims["credentialSubject"]["answers"]
    leaf, path = _bytes(parts[1]), _bytes(parts[3])
    hashes = [path[at : at + HASH] for at in range(0, len(path), HASH)]
    if tree["tree"] != TREE:
        raise NotReadable(f"tree: found {tree['tree']!r}, wanted {TREE}")
    root = root_by_inclusion(leaf_hash(leaf), int(parts[2]), int(tree["size"]), hashes)
    if root != _bytes(tree["root"]):
        raise BadProof("the answer is not in the tree that is signed")
    own = msgspec.json.decode(leaf)
    subject = {
        **claims["credentialSubject"],
        "question": own["question"],
        "answer": own["answer"],
    }
    return {**claims, "id": own["id"], "credentialSubject": subject}


def _bytes(part: str) -> bytes:
    try:
        return urlsafe_b64decode(part + "=" * (-len(part) % 4))
    except ValueError:
        raise BadProof("a part after the tilde is no base64url") from None
