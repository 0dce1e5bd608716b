"""The check of a credential: whether it is genuine, and what the register says of it now and then.

The findings are codes; the pages say them in the reader's language (api/pages/verify.py). A check
that could not be made is never a finding about the credential: the fault goes up.
"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import Enum
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
from psycopg import AsyncConnection

from api.credentials import keys
from api.credentials.jwt_parts import NotReadable, SignedText, read_signed
from api.credentials.sealed_pdf import SEAL_TYPE, PresentedPdf
from api.credentials.status_lists import set_places
from projections.reads import credentials as reads
from projections.reads.credentials import AuthorisationState, CredentialRow
from projections.reads.log import head
from registry.domain.values import ENDED
from registry.transparency.merkle import BadProof, verify_inclusion
from registry.transparency.signed_notes import (
    BadNote,
    BadSignature,
    read_checkpoint,
    read_proof,
)
from registry.transparency.witness_policy import Policy


class CredentialFinding(Enum):
    """What the check of something presented comes to. The value is the tone of the answer: good
    (green), warn (amber) or bad (red). Only one finding is green."""

    tone: str

    def __new__(cls, value: str, tone: str) -> CredentialFinding:
        """A member is its value and its tone."""
        member = object.__new__(cls)
        member._value_ = value
        member.tone = tone
        return member

    VALID = "valid", "good"
    SUSPENDED = "suspended", "bad"
    PART_SUSPENDED = "part suspended", "bad"
    HAS_ENDED = "ended", "bad"
    WITHDRAWN = "withdrawn", "bad"
    NOT_CERTAIN = "not certain", "warn"
    OUTDATED = "outdated", "warn"
    BEHIND = "behind", "warn"
    EXPIRED = "expired", "warn"
    NOT_YET_VALID = "not yet valid", "warn"
    ALTERED = "altered", "bad"
    UNKNOWN_KEY = "unknown key", "bad"
    NOT_ISSUED = "not issued", "bad"
    NOT_IN_LOG = "not in the log", "bad"
    OTHER_REGISTER = "other register", "warn"
    NO_CREDENTIAL = "no credential", "bad"
    UNKNOWN_CODE = "unknown code", "bad"
    PDF_NOT_OURS = "PDF not ours", "bad"
    PDF_ALTERED = "PDF altered", "bad"
    PDF_LOCKED = "PDF locked", "warn"
    LINK_HAS_ENDED = "link ended", "warn"
    NO_QR_CODE = "no QR code", "warn"
    OTHER_FILE = "other file", "warn"
    TOO_LARGE = "too large", "warn"
    NOT_UNDERSTOOD = "not understood", "warn"
    RECEIPT_STANDS = "receipt stands", "good"
    RECEIPT_CHANGED = "receipt changed", "bad"
    RECEIPT_GENUINE = "receipt genuine", "warn"
    RECEIPT_NOT_SHOWN = "receipt not shown", "warn"
    RECEIPT_ALTERED = "receipt altered", "bad"


class CheckKind(Enum):
    """The checks, in the order in which they are shown."""

    SEAL = "seal"
    SIGNATURE = "signature"
    ISSUER = "issuer"
    DATES = "dates"
    STATUS_LIST = "status list"
    LOG = "log"
    CHECKPOINT = "checkpoint"
    REGISTER = "register"


@dataclass(frozen=True)
class CredentialVerdict:
    """The result of a check. `checks`: those that were made, and whether each was passed; `facts`:
    values for the sentence of the finding; `now`, `then`: the authorisation today, and when the
    credential was issued."""

    finding: CredentialFinding
    checks: dict[CheckKind, bool] = field(default_factory=dict)
    facts: dict[str, str] = field(default_factory=dict)
    row: CredentialRow | None = None
    claims: dict[str, Any] | None = None
    now: AuthorisationState | None = None
    then: AuthorisationState | None = None

    @property
    def fingerprint(self) -> str:
        """Differs where the answer differs: what a page that is open asks for."""
        state = (self.now.status, self.now.abroad, self.now.event) if self.now else ()
        withdrawn = self.row.withdrawn_at if self.row else None
        text = repr((self.finding.value, state, withdrawn))
        return sha256(text.encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Register:
    """This register, as the check of a credential reads it. `whole`: a connection that reads every
    operator; `home`: the folder of the keys; `address`: the public address, without a path;
    `policy`: the witness policy, which names the keys of the log; `now`: the instant of the check
    (UTC); `is_behind`: whether something is recorded that the read models do not show yet, and that
    can be about the operator with this TIN."""

    whole: AsyncConnection[Any]
    home: Path
    address: str
    policy: Policy | None
    now: datetime
    is_behind: Callable[[str], Awaitable[bool]]


async def check_code(register: Register, code: str) -> CredentialVerdict:
    """Checks the credential that has this code."""
    row = await reads.by_code(register.whole, code)
    if row is None:
        return CredentialVerdict(CredentialFinding.UNKNOWN_CODE)
    return await check_credential(register, row.jwt)


async def check_pdf(register: Register, pdf: PresentedPdf) -> CredentialVerdict:
    """Checks a PDF with a credential: its seal, and the credential that it carries."""
    if pdf.carried is None:
        return CredentialVerdict(_without_credential(pdf))
    return with_seal(register.home, pdf, await check_credential(register, pdf.carried))


def _without_credential(pdf: PresentedPdf) -> CredentialFinding:
    if pdf.seal:
        return CredentialFinding.PDF_ALTERED
    return CredentialFinding.PDF_LOCKED if pdf.is_locked else CredentialFinding.PDF_NOT_OURS


def with_seal(home: Path, pdf: PresentedPdf, inside: CredentialVerdict) -> CredentialVerdict:
    """Returns the verdict on a PDF from the one on what it carries: the seal is checked where this
    register issued that."""
    if inside.finding in (
        CredentialFinding.OTHER_REGISTER,
        CredentialFinding.NO_CREDENTIAL,
        CredentialFinding.UNKNOWN_KEY,
    ):
        return inside
    is_whole = pdf.seal is not None and _sealed(home, pdf, inside)
    checks = {CheckKind.SEAL: is_whole, **inside.checks}
    if not is_whole:
        return CredentialVerdict(CredentialFinding.PDF_ALTERED, checks)
    return replace(inside, checks=checks)


def _sealed(home: Path, pdf: PresentedPdf, inside: CredentialVerdict) -> bool:
    try:
        seal = read_signed(pdf.seal or "", SEAL_TYPE)
        claims = msgspec.json.decode(keys.signed(home, seal.text, seal.key))
        return (claims["sha256"], claims["size"], claims["credential"]) == (
            sha256(pdf.body).hexdigest(),
            len(pdf.body),
            (inside.claims or {}).get("id"),
        )
    except (NotReadable, keys.UnknownKey, keys.NotSigned, KeyError, TypeError):
        return False


async def check_credential(register: Register, text: str) -> CredentialVerdict:
    """Checks a credential. Raises psycopg.Error where the register cannot be read."""
    try:
        presented = read_signed(text.strip())
    except NotReadable as error:
        return CredentialVerdict(CredentialFinding.NO_CREDENTIAL, facts={"why": str(error)})
    own = keys.did(register.address)
    try:
        keys.signed(register.home, presented.text, presented.key)
    except keys.UnknownKey:
        if presented.issuer == own:
            return CredentialVerdict(CredentialFinding.UNKNOWN_KEY, {CheckKind.SIGNATURE: False})
        facts = {"issuer": presented.issuer[:120] or "?"}
        return CredentialVerdict(CredentialFinding.OTHER_REGISTER, {CheckKind.ISSUER: False}, facts)
    except keys.NotSigned:
        return CredentialVerdict(CredentialFinding.ALTERED, {CheckKind.SIGNATURE: False})
    return await _of_own(register, presented)


async def _of_own(register: Register, presented: SignedText) -> CredentialVerdict:
    """Checks what one of the register's own keys signed."""
    checks = {CheckKind.SIGNATURE: True}
    row = await _row(register, presented)
    if row is None:
        return CredentialVerdict(CredentialFinding.NOT_ISSUED, {**checks, CheckKind.ISSUER: False})
    if row.jwt != presented.text:  # another way to write the same bytes, or another text
        return CredentialVerdict(CredentialFinding.ALTERED, {CheckKind.SIGNATURE: False})
    checks[CheckKind.ISSUER] = True
    in_time = row.issued_at <= register.now < row.valid_until
    checks[CheckKind.DATES] = in_time
    listed = await reads.bits(register.whole, row.status_list, register.now, row.place)
    if in_time:
        is_set = any(
            row.place in set_places(listed, purpose) for purpose in ("suspension", "revocation")
        )
        checks[CheckKind.STATUS_LIST] = not is_set
    checks |= await _log_checks(register, presented.claims)
    then = await _state(register, row, row.issued_at)
    now = await _state(register, row, register.now)
    finding = _of_state(now)
    if finding is CredentialFinding.VALID:
        finding = await _of_today(register, row, now, presented.claims)
    checks[CheckKind.REGISTER] = finding is CredentialFinding.VALID
    verdict = CredentialVerdict(finding, checks, {}, row, presented.claims, now, then)
    if not (checks.get(CheckKind.LOG) and checks.get(CheckKind.CHECKPOINT, True)):
        return replace(verdict, finding=CredentialFinding.NOT_IN_LOG)
    if row.withdrawn_at is not None:
        return replace(verdict, finding=CredentialFinding.WITHDRAWN)
    if finding.tone != "bad" and not in_time:
        late = register.now >= row.valid_until
        return replace(
            verdict, finding=CredentialFinding.EXPIRED if late else CredentialFinding.NOT_YET_VALID
        )
    return verdict


async def _row(register: Register, presented: SignedText) -> CredentialRow | None:
    try:
        id = UUID(str(presented.claims.get("id", "")).removeprefix("urn:uuid:"))
    except ValueError:
        return None
    return await reads.by_id(register.whole, id)


async def _state(register: Register, row: CredentialRow, at: datetime) -> AuthorisationState | None:
    found = await reads.states(register.whole, row.tin, at, at)
    return next((state for state in found if state.authorisation == row.authorisation), None)


def _of_state(state: AuthorisationState | None) -> CredentialFinding:
    """What the register's state of the authorisation comes to."""
    if state is None or state.status in {status.value for status in ENDED}:
        return CredentialFinding.HAS_ENDED
    if state.status == "SUSPENDED":
        return CredentialFinding.SUSPENDED
    if state.abroad == "SUSPENDED":
        return CredentialFinding.PART_SUSPENDED
    if state.status in ("VALID", "LISTED") and state.abroad in ("VALID", "LISTED"):
        return CredentialFinding.VALID
    return CredentialFinding.NOT_CERTAIN


async def _of_today(
    register: Register, row: CredentialRow, now: AuthorisationState | None, claims: dict[str, Any]
) -> CredentialFinding:
    """What a valid authorisation comes to: what the credential says of it is what the register says
    now, and the read models show everything that is recorded about its operator."""
    if await register.is_behind(row.tin):
        return CredentialFinding.BEHIND
    subject = claims["credentialSubject"]
    stated = subject["authorisation"]
    name = await reads.name(register.whole, row.tin, register.now, register.now)
    shown = (subject["name"], stated["number"], stated["programme"], stated["type"])
    if now is None or shown != (name, now.number, now.programme, now.type):
        return CredentialFinding.OUTDATED
    return CredentialFinding.VALID


async def _log_checks(register: Register, claims: dict[str, Any]) -> dict[CheckKind, bool]:
    """The inclusion proof in the credential; its checkpoint's signature, where the keys of the log
    are known here; and that the log of today has the same tree of that size."""
    try:
        evidence = claims["evidence"][0]
        proof = read_proof(evidence["proof"])
        checkpoint = read_checkpoint(proof.checkpoint.text)
        leaf = b64decode(evidence["leafHash"], validate=True)
        verify_inclusion(leaf, proof.index, checkpoint.size, proof.path, checkpoint.root)
    except (KeyError, IndexError, TypeError, ValueError, BadNote, BadProof):
        return {CheckKind.LOG: False}
    checks = {CheckKind.LOG: True}
    own = await head(register.whole, checkpoint.size)
    same = own is not None and own.root == checkpoint.root
    if register.policy is None:
        return {**checks, CheckKind.CHECKPOINT: same}
    logs = [key for key in _log_keys(register.policy) if key.name == checkpoint.origin]
    try:
        is_signed = bool(proof.checkpoint.signed_by(logs))
    except BadSignature:
        is_signed = False
    return {**checks, CheckKind.CHECKPOINT: same and is_signed}


def _log_keys(policy: Policy) -> list[Any]:
    return [log.key for log in policy.logs]
