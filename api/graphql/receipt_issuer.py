"""Receipts: signed statements of what was asked and what was answered.

A receipt is a JWT of type `vc+jwt` (W3C Verifiable Credentials 2.0, secured as in VC-JOSE-COSE),
signed with Ed25519 (RFC 8037, RFC 9864). Its key is in the home folder, apart from the keys of the
log; the public half is served as a JWK set at `/log/receipt-keys`, with those that signed before. A
receipt contains the signed checkpoint of the log that was current when the answer was given, so its
holder can prove later which history the answer stood on. Receipts of answers that are given
together share one signature (receipt_batches.py).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from itertools import groupby
from pathlib import Path
from typing import Any
from urllib.parse import quote
from uuid import UUID, uuid4, uuid5

import msgspec
from joserfc.jwk import OKPKey

from api.access.tokens import key_in
from api.graphql.receipt_batches import BatchTree, base64url, leaves, tails
from api.graphql.receipt_store import ReceiptRows, ReceiptStore
from api.log.signing_keys import EXAMPLE, ORIGIN

KEY = "receipt-key.json"
#: The public keys that signed before the present one, a JWK set: what they signed stays verifiable.
FORMER_KEYS = "receipt-keys-former.json"
ALGORITHM = "Ed25519"
TYPE = "vc+jwt"
CONTEXT = "https://www.w3.org/ns/credentials/v2"  # the name of the vocabulary; nobody fetches it
KIND = "RecognitionReceipt"
#: Of the statement that is signed for many answers, and of their tree.
KIND_OF_MANY, TREE = "RecognitionReceipts", "rfc9162-sha256"


@dataclass(frozen=True)
class AnsweredQuestion:
    """A recognition question and its answer, as a receipt states them.

    `at`: valid time; `known_at`: transaction time; both UTC. `reasons`: code and message of each.
    `bases`: agreement, authorisation and the rest of each. `valid_from`, `valid_to`: the interval
    of valid time in which the answer is this one, as far as is known. `position`: the answer
    includes everything that was recorded up to it.
    """

    tin: str
    territory: str
    at: datetime
    known_at: datetime
    consignment: dict[str, str]
    outcome: str
    legal: str
    operational: str
    reasons: Sequence[dict[str, str]]
    bases: Sequence[dict[str, Any]]
    valid_from: datetime | None
    valid_to: datetime | None
    position: int


@dataclass(frozen=True)
class ReceiptHolder:
    """Who asked: the subject of the token, its administration, and the request."""

    subject: str
    administration: str | None
    purpose: str | None
    request: UUID


@dataclass(frozen=True)
class IssuedReceipt:
    """A receipt that was issued and stored. `jwt`: the receipt itself."""

    id: UUID
    at: datetime
    jwt: str


class ReceiptIssuer:
    """Signs receipts and stores them before they are given out. One a process."""

    def __init__(self, database: str, home: Path) -> None:
        self._store, self._home = ReceiptStore(database), home

    async def close(self) -> None:
        """Closes the database session."""
        await self._store.close()

    async def issue(
        self,
        answers: Sequence[AnsweredQuestion],
        holder: ReceiptHolder,
        at: datetime,
        epoch: str,
        checkpoint: str | None,
        own_id: UUID | None = None,
    ) -> list[IssuedReceipt]:
        """Signs a receipt for each answer of one request, and stores it. They are in the database
        when this returns.

        `at`: the instant of the answers, UTC. `checkpoint`: the log's signed note at that instant;
        None where the log was never signed. `own_id`: the id of the first receipt, from which those
        of the others follow: a request that comes again stores none twice. Raises psycopg.Error.
        """
        if not answers:
            return []  # no operator was asked about: there is nothing to sign
        frame = ReceiptFrame(issuer(self._home), holder, at, epoch, checkpoint)
        ids = _ids(own_id, len(answers))
        batch: UUID | None = None
        if len(answers) == 1:
            stored = signed = [sign(self._home, frame.of_one(ids[0], answers[0]))]
            whole = None
        else:
            entries = leaves([own_part(id, each) for id, each in zip(ids, answers, strict=True)])
            tree, batch = BatchTree(entries), uuid4()
            position = min(answer.position for answer in answers)
            whole = sign(self._home, frame.of_many(batch, len(answers), tree.root, position))
            stored = tails(entries, tree)
            signed = [whole + tail for tail in stored]
        of_holder = holder.subject, holder.administration, holder.request, holder.purpose
        rows: list[ReceiptRows] = []
        each = zip(ids, answers, stored, strict=True)
        for question, alike in groupby(each, lambda answered: _asked_of(answered[1])):
            shared = (at, *of_holder, *question)
            texts = [(id, a.tin, a.outcome, a.position, text) for id, a, text in alike]
            rows.append(ReceiptRows(shared, texts, batch, None if rows else whole))
        await self._store.add(rows)
        return [IssuedReceipt(id, at, jwt) for id, jwt in zip(ids, signed, strict=True)]


def _ids(first: UUID | None, many: int) -> list[UUID]:
    """The ids of so many receipts. `first`: that of the first, from which the others follow."""
    if first is None:
        return [uuid4() for _ in range(many)]
    return [first, *(uuid5(first, str(number)) for number in range(1, many))]


def _asked_of(answer: AnsweredQuestion) -> tuple[Any, ...]:
    """The question without its operator, as it is stored."""
    consignment = answer.consignment
    return (
        answer.territory,
        answer.at,
        answer.known_at,
        msgspec.json.encode(consignment).decode() if consignment else None,
    )


@dataclass(frozen=True)
class ReceiptFrame:
    """What is the same in all receipts of one request. `issuer`: the register's name."""

    issuer: str
    holder: ReceiptHolder
    at: datetime
    epoch: str
    checkpoint: str | None

    def of_one(self, id: UUID, answer: AnsweredQuestion) -> dict[str, Any]:
        """The claims of a receipt that is signed itself: the credential of VCDM 2.0, without a
        proof of its own."""
        own = own_part(id, answer)
        subject = {"question": own["question"], "answer": own["answer"]}
        return self._credential(id, KIND, subject, answer.position)

    def of_many(self, id: UUID, size: int, root: bytes, position: int) -> dict[str, Any]:
        """The claims that are signed for many answers: the root of the tree of them."""
        answers = {"tree": TREE, "size": size, "root": base64url(root)}
        return self._credential(id, KIND_OF_MANY, {"answers": answers}, position)

    def _credential(
        self, id: UUID, kind: str, subject: dict[str, Any], position: int
    ) -> dict[str, Any]:
        return {
            "@context": [CONTEXT],
            "id": f"urn:uuid:{id}",
            "type": ["VerifiableCredential", kind],
            "issuer": self.issuer,
            "validFrom": text(self.at),
            "credentialSubject": {
                **subject,
                "askedBy": self.holder.subject,
                "purpose": self.holder.purpose,
                "request": str(self.holder.request),
                "epoch": self.epoch or None,
                "position": str(position),
                "logHead": self.checkpoint,
            },
        }


def own_part(id: UUID, answer: AnsweredQuestion) -> dict[str, Any]:
    """What is of one answer alone: the id of its receipt, the question, and the answer."""
    return {
        "id": f"urn:uuid:{id}",
        "question": {
            "tin": answer.tin,
            "in": answer.territory,
            "at": text(answer.at),
            "knownAt": text(answer.known_at),
            "consignment": answer.consignment or None,
        },
        "answer": {
            "outcome": answer.outcome,
            "legal": answer.legal,
            "operational": answer.operational,
            "reasons": list(answer.reasons),
            "bases": list(answer.bases),
            "validFrom": text(answer.valid_from) if answer.valid_from else None,
            "validTo": text(answer.valid_to) if answer.valid_to else None,
        },
    }


def sign(home: Path, claims: dict[str, Any]) -> str:
    """Returns the claims as a signed JWT (RFC 7515, compact serialisation)."""
    path = _path(home, KEY)
    try:
        changed = os.stat(path).st_mtime_ns
    except FileNotFoundError:
        key_in(Path(path))  # makes the key
        changed = os.stat(path).st_mtime_ns
    header, signature_of = _signing(path, changed)
    signed = f"{header}.{base64url(msgspec.json.encode(claims))}"
    return f"{signed}.{base64url(signature_of(signed.encode()))}"


@lru_cache(maxsize=8)
def _path(home: Path, name: str) -> str:
    return str(home / name)


@lru_cache(maxsize=8)
def _signing(path: str, changed: int) -> tuple[str, Callable[[bytes], bytes]]:
    """The first part of what the key in this file signs, and how it signs."""
    key: OKPKey = key_in(Path(path))
    private: Any = key.private_key
    header = {"typ": TYPE, "alg": ALGORITHM, "kid": key.thumbprint()}
    return base64url(msgspec.json.encode(header)), private.sign


def public_keys(home: Path) -> dict[str, Any]:
    """Returns the JWK set of the receipts and credentials of this home: the public key that signs
    now, then those that signed before."""
    key: OKPKey = key_in(home / KEY)
    return {"keys": [public_key(key), *former_keys(home)]}


def public_key(key: OKPKey) -> dict[str, Any]:
    """Returns the public half of a key as a JWK. Its name is its thumbprint (RFC 7638)."""
    public = {**key.as_dict(private=False), "kid": key.thumbprint(), "use": "sig"}
    return {**public, "alg": ALGORITHM}


def former_keys(home: Path) -> list[dict[str, Any]]:
    """Returns the public keys that signed before, newest first."""
    path = home / FORMER_KEYS
    try:
        return _former(path, path.stat().st_mtime_ns)
    except FileNotFoundError:
        return []


@lru_cache(maxsize=8)
def _former(path: Path, changed: int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = msgspec.json.decode(path.read_bytes())["keys"]
    return found


def issuer(home: Path) -> str:
    """Returns the name of this register in receipts: the origin of its log, as a URN. Where the
    signer uses another home the origin is not known here."""
    path = _path(home, ORIGIN)
    try:
        return _issuer(path, os.stat(path).st_mtime_ns)
    except OSError:
        return _named(EXAMPLE)


@lru_cache(maxsize=8)
def _issuer(path: str, changed: int) -> str:
    return _named(Path(path).read_text(encoding="utf-8").strip())


def _named(origin: str) -> str:
    return f"urn:aeo:register:{quote(origin, safe='/')}"


def text(instant: datetime) -> str:
    """Returns an instant in RFC 3339, UTC, with microseconds."""
    return instant.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
