"""The signed history of one operator: its events, their inclusion proofs and the signed head.

One JSON file. `history` is what is said; `signature` is a JWT of type `aeo-history+jwt`, signed
with the key of the receipts (Ed25519), that names its SHA-256 as canonical JSON: sorted keys, no
spaces, UTF-8. The file has what its reader may read: a company has no notes between
administrations, and no opening of a commitment. `ops/aeo-verify history` checks it without the
register.
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

FORMAT, TYPE = "aeo-history/1", "aeo-history+jwt"


@dataclass(frozen=True)
class HistoryReader:
    """Who has a history made. `subject`: its id; `at`: when, in UTC."""

    subject: str
    at: datetime
    epoch: str


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


def history_file(
    home: Path,
    operator: dict[str, Any],
    events: list[dict[str, Any]],
    head: Head | None,
    reader: HistoryReader,
) -> bytes:
    """Returns the file. `operator`: its TIN and name; `events`: each with its `proof`; `head`: the
    checkpoint that the proofs lead to, None where the log was never signed."""
    made_at = reader.at.isoformat().replace("+00:00", "Z")
    history = {
        "format": FORMAT,
        "register": issuer(home),
        "operator": operator,
        "madeAt": made_at,
        "madeFor": reader.subject,
        "epoch": reader.epoch,
        "checkpoint": head.note if head else None,
        "events": events,
    }
    key = key_in(home / KEY)
    claims = {
        "iss": history["register"],
        "sub": operator["tin"],
        "iat": int(reader.at.timestamp()),
        "sha256": sha256(canonical(history)).hexdigest(),
    }
    header = {"alg": ALGORITHM, "typ": TYPE, "kid": key.thumbprint()}
    signature = jwt.encode(header, claims, key, algorithms=[ALGORITHM])
    whole = {"history": history, "signature": signature}
    return json.dumps(whole, ensure_ascii=False, indent=1).encode() + b"\n"


def canonical(value: Any) -> bytes:
    """Canonical JSON: sorted keys, no spaces, UTF-8."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
