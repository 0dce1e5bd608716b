"""A signed file of events: JSON, each event with its inclusion proof, and the register's signature.

The file has two fields. One is what is said, a JSON object; `signature` is a JWT (Ed25519, the key
of the receipts) that names the SHA-256 of that object as canonical JSON: sorted keys, no spaces,
UTF-8. So the file stays readable, and `ops/aeo-verify` checks it without the register.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from joserfc import jwt

from api.access.tokens import key_in
from api.graphql.receipt_issuer import ALGORITHM, KEY, issuer
from projections.reads.log import Head, Inclusion


@dataclass(frozen=True)
class FileReader:
    """Who has a file made. `subject`: its id; `at`: when, in UTC."""

    subject: str
    at: datetime
    epoch: str


@dataclass(frozen=True)
class SignedFormat:
    """A kind of signed file. `name`: the field that has what is said; `version`: its `format`;
    `type`: of the JWT."""

    name: str
    version: str
    type: str


def proof_of(inclusion: Inclusion | None) -> dict[str, Any] | None:
    """An inclusion proof as the file has it; None for an event that the signed tree does not cover
    yet."""
    if inclusion is None:
        return None
    return {
        "leafIndex": inclusion.leaf_index,
        "leafHash": inclusion.leaf.hex(),
        "path": [each.hex() for each in inclusion.path],
    }


def signed_file(
    home: Path,
    form: SignedFormat,
    about: str,
    own: dict[str, Any],
    head: Head | None,
    reader: FileReader,
) -> bytes:
    """Returns the file. `about`: the subject of the signature (`sub`); `own`: the fields that this
    kind of file has of its own; `head`: the checkpoint that the proofs lead to, None where the log
    was never signed."""
    content = {
        "format": form.version,
        "register": issuer(home),
        "madeAt": reader.at.isoformat().replace("+00:00", "Z"),
        "madeFor": reader.subject,
        "epoch": reader.epoch,
        "checkpoint": head.note if head else None,
        **own,
    }
    key = key_in(home / KEY)
    claims = {
        "iss": content["register"],
        "sub": about,
        "iat": int(reader.at.timestamp()),
        "sha256": sha256(canonical(content)).hexdigest(),
    }
    header = {"alg": ALGORITHM, "typ": form.type, "kid": key.thumbprint()}
    signature = jwt.encode(header, claims, key, algorithms=[ALGORITHM])
    whole = {form.name: content, "signature": signature}
    return json.dumps(whole, ensure_ascii=False, indent=1).encode() + b"\n"


def canonical(value: Any) -> bytes:
    """Canonical JSON: sorted keys, no spaces, UTF-8."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
