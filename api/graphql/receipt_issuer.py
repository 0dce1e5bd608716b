"""Receipts: signed statements of what was asked and what was answered.

A receipt is a JWT of type `vc+jwt` (W3C Verifiable Credentials 2.0, secured as in VC-JOSE-COSE),
signed with Ed25519 (RFC 8037, RFC 9864). Its key is in the home folder, apart from the keys of the
log; the public half is served as a JWK set at `/log/receipt-keys`, with those that signed before. A
receipt contains the signed checkpoint of the log that was current when the answer was given, so its
holder can prove later which history the answer stood on. Receipts of answers that are given
together share one signature (receipt_batches.py).
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from itertools import chain, groupby
from pathlib import Path
from typing import Any
from urllib.parse import quote
from uuid import UUID, uuid4, uuid5

import msgspec
from joserfc.jwk import OKPKey
from psycopg import AsyncRawCursor

from api.access.tokens import key_in
from api.graphql.receipt_batches import BatchTree, base64url, leaves, tails
from api.log.signing_keys import EXAMPLE, ORIGIN
from registry.ledger.connections import AsyncSession
from registry.ledger.database import connection_parameters

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


#: The receipts of several requests: what those of one question share is sent once.
_INSERT = """
with requests as (
    select * from unnest(%(at)s::timestamptz[], %(subject)s::text[], %(administration)s::text[],
        %(request)s::uuid[], %(purpose)s::text[], %(territory)s::text[], %(law_at)s::timestamptz[],
        %(known_at)s::timestamptz[], %(consignment)s::jsonb[], %(batch)s::uuid[],
        %(statement)s::text[])
        with ordinality as r (at, subject, administration, request, purpose, territory, law_at,
            known_at, consignment, batch, statement, number)),
batches as (
    insert into access.receipt_batch (id, jwt)
    select batch, statement from requests where statement is not null)
insert into access.receipt (id, at, subject, administration, request, purpose, tin, territory,
    law_at, known_at, consignment, outcome, position, jwt, batch)
select a.id, r.at, r.subject, r.administration, r.request, r.purpose, a.tin, r.territory, r.law_at,
    r.known_at, r.consignment, a.outcome, a.position, a.jwt, r.batch
from unnest(%(number)s::bigint[], %(id)s::uuid[], %(tin)s::text[], %(outcome)s::text[],
    %(position)s::bigint[], %(jwt)b::text[]) with ordinality
    as a (number, id, tin, outcome, position, jwt, place)
join requests r on r.number = a.number
order by a.place
on conflict do nothing"""
#: One receipt with its own signature, as nearly all are: a third of the work of _INSERT.
_INSERT_ONE = """
insert into access.receipt (at, subject, administration, request, purpose, territory, law_at,
    known_at, consignment, id, tin, outcome, position, jwt)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
on conflict do nothing"""
_OF_REQUEST = (
    *("at", "subject", "administration", "request", "purpose", "territory", "law_at", "known_at"),
    *("consignment", "batch", "statement"),
)
_OF_ANSWER = ("number", "id", "tin", "outcome", "position", "jwt")


@dataclass(frozen=True)
class _Rows:
    """What is stored of the receipts of one question of a request: the values of `_OF_REQUEST`, and
    for each answer those of `_OF_ANSWER` without the number. The statement that is signed for many
    answers is with the first of its questions alone."""

    shared: tuple[Any, ...]
    answers: Sequence[tuple[Any, ...]]


class ReceiptIssuer:
    """Signs receipts and stores them before they are given out. One a process.

    It has a database session of its own, because the pools of the service cannot write. Receipts
    that are asked for at the same time are stored in one round trip.
    """

    def __init__(self, database: str, home: Path) -> None:
        self._database, self._home = database, home
        self._connection: AsyncSession[Any] | None = None
        self._lock = asyncio.Lock()
        self._waiting: dict[UUID, Sequence[_Rows]] = {}

    async def close(self) -> None:
        """Closes the database session."""
        if self._connection:
            await self._connection.close()

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
        rows: list[_Rows] = []
        each = zip(ids, answers, stored, strict=True)
        for question, alike in groupby(each, lambda answered: _asked_of(answered[1])):
            shared = (at, *of_holder, *question, batch, None if rows else whole)
            texts = [(id, a.tin, a.outcome, a.position, text) for id, a, text in alike]
            rows.append(_Rows(shared, texts))
        await self._store(uuid4(), rows)
        return [IssuedReceipt(id, at, jwt) for id, jwt in zip(ids, signed, strict=True)]

    async def _store(self, key: UUID, rows: Sequence[_Rows]) -> None:
        self._waiting[key] = rows
        async with self._lock:
            if key not in self._waiting:
                return  # stored with the receipts of another task
            waiting, self._waiting = self._waiting, {}
            try:
                connection = await self._session()
                await _insert(connection, list(chain.from_iterable(waiting.values())))
            except BaseException:
                # The other tasks of this batch try for themselves and get their own error.
                del waiting[key]
                self._waiting = waiting | self._waiting
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


def _ids(first: UUID | None, many: int) -> list[UUID]:
    """The ids of so many receipts. `first`: that of the first, from which the others follow."""
    if first is None:
        return [uuid4() for _ in range(many)]
    return [first, *(uuid5(first, str(number)) for number in range(1, many))]


async def _insert(connection: AsyncSession[Any], stored: Sequence[_Rows]) -> None:
    match stored:
        case [_Rows(shared=(*asked, None, None), answers=[row])]:
            async with AsyncRawCursor(connection) as cursor:
                await cursor.execute(_INSERT_ONE, [*asked, *row], prepare=True)
        case _:
            await connection.execute(_INSERT, _parameters(stored))


def _parameters(stored: Sequence[_Rows]) -> dict[str, Any]:
    requests = zip(*(each.shared for each in stored), strict=True)
    rows = [(number, *row) for number, each in enumerate(stored, 1) for row in each.answers]
    answers = zip(*rows, strict=True)
    return {
        **{name: list(given) for name, given in zip(_OF_REQUEST, requests, strict=True)},
        **{name: list(given) for name, given in zip(_OF_ANSWER, answers, strict=True)},
    }


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
    path = home / KEY
    key: OKPKey = key_in(path)
    signed = f"{_header(path, path.stat().st_mtime_ns)}.{base64url(msgspec.json.encode(claims))}"
    private: Any = key.private_key
    return f"{signed}.{base64url(private.sign(signed.encode()))}"


@lru_cache(maxsize=8)
def _header(path: Path, changed: int) -> str:
    """The first part of what the key in this file signs."""
    header = {"typ": TYPE, "alg": ALGORITHM, "kid": key_in(path).thumbprint()}
    return base64url(msgspec.json.encode(header))


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
