"""Receipts: signed statements of what was asked and what was answered.

A receipt is a JWT of type `vc+jwt` (W3C Verifiable Credentials 2.0, secured as in VC-JOSE-COSE),
signed with Ed25519 (RFC 8037, RFC 9864). Its key is in the home folder, apart from the keys of the
log; the public half is served as a JWK set at `/log/receipt-keys`. A receipt contains the signed
checkpoint of the log that was current when the answer was given, so its holder can prove later
which history the answer stood on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import quote
from uuid import UUID, uuid4

import msgspec
from joserfc import jwt
from joserfc.jwk import OKPKey

from api.access.tokens import key_in
from api.log.signing_keys import EXAMPLE, ORIGIN
from registry.ledger.connections import AsyncSession
from registry.ledger.database import connection_parameters

KEY = "receipt-key.json"
ALGORITHM = "Ed25519"
TYPE = "vc+jwt"
CONTEXT = "https://www.w3.org/ns/credentials/v2"  # the name of the vocabulary; nobody fetches it
KIND = "RecognitionReceipt"


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


_INSERT = """
insert into access.receipt (id, at, subject, administration, request, purpose, tin, territory,
    law_at, known_at, consignment, outcome, position, jwt)
values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"""


class ReceiptIssuer:
    """Signs receipts and stores them before they are given out. One a process.

    It has a database session of its own, because the pools of the service cannot write. Receipts
    that are asked for at the same time are stored in one round trip.
    """

    def __init__(self, database: str, home: Path) -> None:
        self._database, self._home = database, home
        self._connection: AsyncSession[Any] | None = None
        self._lock = asyncio.Lock()
        self._waiting: dict[UUID, tuple[Any, ...]] = {}

    async def close(self) -> None:
        """Closes the database session."""
        if self._connection:
            await self._connection.close()

    async def issue(
        self,
        answer: AnsweredQuestion,
        holder: ReceiptHolder,
        at: datetime,
        epoch: str,
        checkpoint: str | None,
    ) -> IssuedReceipt:
        """Signs a receipt and stores it. It is in the database when this returns.

        `at`: the instant of the answer, UTC. `checkpoint`: the log's signed note at that instant;
        None where the log was never signed. Raises psycopg.Error.
        """
        id = uuid4()
        signed = sign(self._home, statement(self._home, id, answer, holder, at, epoch, checkpoint))
        row = (
            id,
            at,
            holder.subject,
            holder.administration,
            holder.request,
            holder.purpose,
            answer.tin,
            answer.territory,
            answer.at,
            answer.known_at,
            msgspec.json.encode(answer.consignment).decode() if answer.consignment else None,
            answer.outcome,
            answer.position,
            signed,
        )
        await self._store(id, row)
        return IssuedReceipt(id, at, signed)

    async def _store(self, id: UUID, row: tuple[Any, ...]) -> None:
        self._waiting[id] = row
        async with self._lock:
            if id not in self._waiting:
                return  # stored with the receipts of another task
            rows, self._waiting = self._waiting, {}
            try:
                connection = await self._session()
                async with connection.transaction(), connection.cursor() as cursor:
                    await cursor.executemany(_INSERT, list(rows.values()))
            except BaseException:
                # The other tasks of this batch try for themselves and get their own error.
                del rows[id]
                self._waiting = rows | self._waiting
                raise

    async def _session(self) -> AsyncSession[Any]:
        if self._connection is None or self._connection.closed:
            parameters = connection_parameters(
                self._database,
                {"role": "aeo_reader", "timezone": "UTC"},
                autocommit=True,
                application_name="aeo receipts",
            )
            self._connection = await AsyncSession.connect(**parameters)
        return self._connection


def statement(
    home: Path,
    id: UUID,
    answer: AnsweredQuestion,
    holder: ReceiptHolder,
    at: datetime,
    epoch: str,
    checkpoint: str | None,
) -> dict[str, Any]:
    """Returns the claims of a receipt: the credential of VCDM 2.0, without a proof of its own."""
    return {
        "@context": [CONTEXT],
        "id": f"urn:uuid:{id}",
        "type": ["VerifiableCredential", KIND],
        "issuer": issuer(home),
        "validFrom": text(at),
        "credentialSubject": {
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
            "askedBy": holder.subject,
            "purpose": holder.purpose,
            "request": str(holder.request),
            "epoch": epoch or None,
            "position": str(answer.position),
            "logHead": checkpoint,
        },
    }


def sign(home: Path, claims: dict[str, Any]) -> str:
    """Returns the claims as a signed JWT."""
    key = key_in(home / KEY)
    header = {"alg": ALGORITHM, "typ": TYPE, "kid": key.thumbprint()}
    return jwt.encode(header, claims, key, algorithms=[ALGORITHM])


def public_keys(home: Path) -> dict[str, Any]:
    """Returns the JWK set with the public key of the receipts of this home."""
    key: OKPKey = key_in(home / KEY)
    public = {**key.as_dict(private=False), "kid": key.thumbprint(), "use": "sig"}
    return {"keys": [{**public, "alg": ALGORITHM}]}


def issuer(home: Path) -> str:
    """Returns the name of this register in receipts: the origin of its log, as a URN."""
    return f"urn:aeo:register:{quote(_origin(home / ORIGIN), safe='/')}"


def _origin(path: Path) -> str:
    """The origin; where the signer uses another home it is not known here."""
    try:
        return _read(path, path.stat().st_mtime_ns)
    except OSError:
        return EXAMPLE


@lru_cache(maxsize=8)
def _read(path: Path, changed: int) -> str:
    return path.read_text(encoding="utf-8").strip()


def text(instant: datetime) -> str:
    """Returns an instant in RFC 3339, UTC, with microseconds."""
    return instant.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
