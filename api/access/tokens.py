"""Tokens of the demo issuer: short-lived JWTs that the service signs itself (Ed25519, RFC 9864).

The key stays in the home folder. Whoever can read it can sign a token for any subject, which is why
this issuer is for local use only and every page says so.
"""

from __future__ import annotations

import json
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from time import time
from unicodedata import normalize
from uuid import uuid4

from joserfc import jwt
from joserfc.errors import (
    BadSignatureError,
    DecodeError,
    ExpiredTokenError,
    InvalidClaimError,
    JoseError,
    MissingClaimError,
    UnsupportedAlgorithmError,
)
from joserfc.jwk import OKPKey

from api.access.access_tokens import pseudonym
from api.access.key_files import make_key_file
from api.access.policy import Subject, named
from api.access.token_reasons import InvalidToken as InvalidToken
from api.access.token_reasons import TokenReason

ISSUER = "aeo-registry:local"
AUDIENCE = "aeo-registry"
ALGORITHM = "Ed25519"
LIFE = 3600  # seconds: the longest validity of a token
LEEWAY = 5  # seconds by which two clocks may differ
KEY = "token-key.json"


def issue(subject: str, home: Path, seconds: int = LIFE) -> str:
    """Returns a token for `officer:CN`, `partner:KR`, `auditor:*` or `company:<TIN>`; for a person
    among them, `officer:CN/anna`.

    Raises ValueError for another subject, or for a validity of more than an hour.
    """
    subject, slash, person = subject.partition("/")
    subject = named(subject).id
    if slash:
        _check_person(person)
    if not 0 < seconds <= LIFE:
        raise ValueError(f"a token lives 1 to {LIFE} seconds, not {seconds}")
    now = int(time())
    claims: dict[str, object] = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": subject,
        "jti": str(uuid4()),
        "iat": now,
        "nbf": now,
        "exp": now + seconds,
    }
    if person:
        claims["person"] = person
    return jwt.encode({"alg": ALGORITHM}, claims, _key(home), algorithms=[ALGORITHM])


def verify(token: str, home: Path) -> Subject:
    """Verifies a token and returns its subject, without its territories. Raises InvalidToken."""
    expected = jwt.JWTClaimsRegistry(
        leeway=LEEWAY,
        iss={"essential": True, "value": ISSUER},
        aud={"essential": True, "value": AUDIENCE},
        sub={"essential": True},
        iat={"essential": True},
        nbf={"essential": True},
        exp={"essential": True},
    )
    try:
        claims = jwt.decode(token, _key(home), algorithms=[ALGORITHM]).claims
        expected.validate(claims)
        if claims["exp"] - claims["iat"] > LIFE:
            raise InvalidToken(f"it would live over {LIFE} seconds", TokenReason.TOKEN_LIFETIME)
        subject = named(claims["sub"])
        if "person" in claims:
            _check_person(claims["person"])
            person = pseudonym(ISSUER, claims["person"])
            subject = replace(subject, agent=person, person=person)
        return subject
    except (JoseError, ValueError, TypeError) as error:
        raise InvalidToken(str(error), _reason(error)) from None


def _check_person(name: object) -> None:
    """Raises ValueError unless a name is one in one form only. Otherwise the same person could
    confirm a proposal of their own under a name that looks the same."""
    if not isinstance(name, str) or not 0 < len(name) <= 80:
        raise ValueError("the name of a demo person has 1 to 80 characters")
    if not name.isprintable() or name != " ".join(normalize("NFKC", name).split()):
        raise ValueError(
            f"person: found {name!r}, wanted no spaces around it, single spaces inside, and"
            " characters of the normal form NFKC"
        )


def _reason(error: Exception) -> TokenReason:
    """The reason that fits an error of joserfc."""
    match error:
        case BadSignatureError():
            return TokenReason.TOKEN_SIGNATURE
        case UnsupportedAlgorithmError():
            return TokenReason.TOKEN_ALGORITHM
        case ExpiredTokenError():
            return TokenReason.TOKEN_EXPIRED
        case InvalidClaimError(claim=claim):
            return _BY_CLAIM.get(claim, TokenReason.TOKEN_CLAIMS)
        case MissingClaimError():
            return TokenReason.TOKEN_CLAIMS
        case DecodeError():
            return TokenReason.MALFORMED
    return TokenReason.TOKEN_INVALID


_BY_CLAIM = {
    "iss": TokenReason.TOKEN_ISSUER,
    "aud": TokenReason.TOKEN_AUDIENCE,
    "nbf": TokenReason.TOKEN_NOT_YET_VALID,
    "iat": TokenReason.TOKEN_NOT_YET_VALID,
}


def has_key(home: Path) -> bool:
    """Whether a service with demo identities was started in this home."""
    return (home / KEY).exists()


def make_key(home: Path) -> None:
    """Makes the key of this home, unless it has one."""
    if not has_key(home):
        _make(home / KEY)


def _key(home: Path) -> OKPKey:
    return key_in(home / KEY)


def key_in(path: Path) -> OKPKey:
    """Returns the Ed25519 key in a file, which is made where there is none."""
    if not path.exists():
        _make(path)
    return _read(path, path.stat().st_mtime_ns)


@lru_cache(maxsize=8)
def _read(path: Path, changed: int) -> OKPKey:
    return OKPKey.import_key(json.loads(path.read_text(encoding="utf-8")))


def _make(path: Path) -> None:
    make_key_file(path, OKPKey.generate_key("Ed25519"))
