"""Proofs of possession of a key (DPoP, RFC 9449): a signed statement for one request and one token.

The proof is checked here without reading or writing anything. That it is used once is held by
`api/access/replays.py`.
"""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from typing import Any
from urllib.parse import urlsplit

import msgspec
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey, RSAKey

from api.access.token_reasons import InvalidToken, TokenReason

ALGORITHMS = ("ES256", "PS256", "Ed25519")
TYPE = "dpop+jwt"
WINDOW = 60  # seconds for which a proof can be used
LEEWAY = 30  # seconds by which the client's clock may be ahead
LONGEST = 8_192  # characters of a proof
_KINDS: dict[str, Any] = {"EC": ECKey, "RSA": RSAKey, "OKP": OKPKey}


@dataclass(frozen=True)
class CheckedProof:
    """A valid proof. `key`: the thumbprint of its key (RFC 7638), `jkt` of a bound token. `digest`:
    by which it is known when it is used again. `until`: when it can no longer be used, in seconds
    since 1970."""

    key: str
    digest: bytes
    until: float


def check_proof(
    proof: str, method: str, url: str, now: float, token: str | None = None
) -> CheckedProof:
    """Checks a proof for a request. `token`: the access token that it accompanies; None at the
    token endpoint. Raises InvalidToken (DPOP_INVALID, DPOP_MISMATCH)."""
    header, claims = _verified(proof)
    thumb = _key(msgspec.json.encode(header["jwk"], order="sorted")).thumbprint()
    issued, jti = claims.get("iat"), claims.get("jti")
    if claims.get("htm") != method or _normal(claims.get("htu")) != _normal(url):
        raise _invalid(f"htm, htu: found {claims.get('htm')} {claims.get('htu')}, wanted {url}")
    if not isinstance(issued, int | float) or isinstance(issued, bool):
        raise _invalid("iat: wanted seconds since 1970")
    if not now - WINDOW <= issued <= now + LEEWAY:
        raise _invalid(f"iat: {issued} is not within {WINDOW} seconds of {now:.0f}")
    if not isinstance(jti, str) or not 8 <= len(jti) <= 256:
        raise _invalid("jti: wanted a text of 8 to 256 characters")
    if token is not None and claims.get("ath") != access_token_hash(token):
        raise InvalidToken("ath: it is of another token", TokenReason.DPOP_MISMATCH)
    return CheckedProof(thumb, sha256(f"{thumb} {jti}".encode()).digest(), issued + WINDOW)


def access_token_hash(token: str) -> str:
    """The claim `ath` of a proof: the SHA-256 of the token in base64url."""
    return urlsafe_b64encode(sha256(token.encode()).digest()).decode().rstrip("=")


def _verified(proof: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Returns header and claims of a proof whose signature verifies with the key in its header."""
    if len(proof) > LONGEST:
        raise _invalid(f"it is longer than {LONGEST} characters")
    try:
        header: Any = jws.extract_compact(proof.encode()).headers()
        if header.get("typ") != TYPE or header.get("alg") not in ALGORITHMS:
            raise _invalid(f"typ, alg: found {header.get('typ')} {header.get('alg')}")
        jwk = header.get("jwk")
        if not isinstance(jwk, dict) or "d" in jwk:
            raise _invalid("jwk: wanted a public key")
        key = _key(msgspec.json.encode(jwk, order="sorted"))
        signed = jws.deserialize_compact(proof, key, algorithms=[header["alg"]])
        claims = msgspec.json.decode(signed.payload, type=dict[str, Any])
    except (JoseError, msgspec.MsgspecError, ValueError, TypeError, KeyError) as error:
        raise _invalid(str(error)) from None
    return header, claims


@lru_cache(maxsize=1_024)
def _key(jwk: bytes) -> ECKey | OKPKey | RSAKey:
    plain = msgspec.json.decode(jwk, type=dict[str, str])
    if len(urlsafe_b64decode(f"{plain.get('n', 'A' * 342)}==")) < 256:
        raise ValueError("jwk: an RSA key of less than 2048 bits")
    found: ECKey | OKPKey | RSAKey = _KINDS[plain.get("kty", "")].import_key(plain)
    return found


def _normal(url: Any) -> str | None:
    """Returns an address without query and fragment, scheme and host in lower case (RFC 9449,
    section 4.3)."""
    if not isinstance(url, str):
        return None
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    standard = {"https": 443, "http": 80}.get(parts.scheme)
    place = (parts.hostname or "") + (f":{port}" if port not in (None, standard) else "")
    return f"{parts.scheme}://{place}{parts.path or '/'}"


def _invalid(detail: str) -> InvalidToken:
    return InvalidToken(f"DPoP: {detail}", TokenReason.DPOP_INVALID)
