"""Proofs of possession of a key (DPoP, RFC 9449): a signed statement for one request and one token.

The proof is checked here without reading or writing anything. That it is used once is held by
`api/access/replays.py`.
"""

from __future__ import annotations

from base64 import urlsafe_b64encode
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from typing import Any
from urllib.parse import urlsplit

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey, RSAKey
from joserfc.jws import JWSRegistry
from joserfc.util import urlsafe_b64decode

from api.access.dpop_nonces import DpopNonces
from api.access.token_reasons import InvalidToken, TokenReason

ALGORITHMS = ("ES256", "PS256", "Ed25519")
TYPE = "dpop+jwt"
WINDOW = 60  # seconds for which a proof can be used
LEEWAY = 30  # seconds by which the client's clock may be ahead
LONGEST = 8_192  # characters of a proof
_ES256 = ECDSA(SHA256())
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
    proof: str,
    method: str,
    url: str,
    now: float,
    token: str | None = None,
    nonces: DpopNonces | None = None,
) -> CheckedProof:
    """Checks a proof for a request. `token`: the access token that it accompanies; None at the
    token endpoint. `nonces`: of which it must have one. Raises InvalidToken (DPOP_INVALID,
    DPOP_MISMATCH, DPOP_NONCE)."""
    header, claims = _verified(proof)
    thumb = header.thumbprint
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
    if nonces is not None and not nonces.accepts(claims.get("nonce"), now):
        detail = f"nonce: found {str(claims.get('nonce'))[:100]}"
        raise InvalidToken(detail, TokenReason.DPOP_NONCE)
    return CheckedProof(thumb, sha256(f"{thumb} {jti}".encode()).digest(), issued + WINDOW)


@lru_cache(maxsize=1_024)
def access_token_hash(token: str) -> str:
    """The claim `ath` of a proof: the SHA-256 of the token in base64url."""
    return urlsafe_b64encode(sha256(token.encode()).digest()).decode().rstrip("=")


@dataclass(frozen=True, slots=True)
class _Header:
    """The header of a proof: the algorithm, the key, and its thumbprint."""

    algorithm: str
    key: ECKey | OKPKey | RSAKey
    thumbprint: str

    def verify(self, signed: bytes, signature: bytes) -> None:
        """Raises ValueError where the signature is not one of this key."""
        try:
            if isinstance(self.key, ECKey):  # as joserfc does, in a tenth less time
                if len(signature) != 64:
                    raise ValueError("the signature is not 64 bytes long")
                r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
                self.key.public_key.verify(encode_dss_signature(r, s), signed, _ES256)
                return
        except InvalidSignature:
            raise ValueError("the signature does not verify") from None
        if not JWSRegistry.algorithms[self.algorithm].verify(signed, signature, self.key):
            raise ValueError("the signature does not verify")


def _verified(proof: str) -> tuple[_Header, dict[str, Any]]:
    """Returns header and claims of a proof whose signature verifies with the key in its header."""
    if len(proof) > LONGEST:
        raise _invalid(f"it is longer than {LONGEST} characters")
    try:
        signed, _, signature = proof.encode("ascii").rpartition(b".")
        head, _, payload = signed.partition(b".")
        header = _header(head)
        header.verify(signed, urlsafe_b64decode(signature))
        claims = msgspec.json.decode(urlsafe_b64decode(payload), type=dict[str, Any])
    except (JoseError, msgspec.MsgspecError, ValueError, TypeError, KeyError) as error:
        raise _invalid(str(error)) from None
    return header, claims


@lru_cache(maxsize=1_024)
def _header(segment: bytes) -> _Header:
    """Reads the first part of a proof. A client's proofs all have the same one, so its key is read
    and its thumbprint made once."""
    found = msgspec.json.decode(urlsafe_b64decode(segment), type=dict[str, Any])
    if found.get("typ") != TYPE or found.get("alg") not in ALGORITHMS:
        raise ValueError(f"typ, alg: found {found.get('typ')} {found.get('alg')}")
    if "crit" in found:
        raise ValueError("crit: found an extension, and none is known")
    jwk = found.get("jwk")
    if not isinstance(jwk, dict) or "d" in jwk:
        raise ValueError("jwk: wanted a public key")
    plain = msgspec.convert(jwk, dict[str, str])
    if len(urlsafe_b64decode(plain.get("n", "A" * 342).encode())) < 256:
        raise ValueError("jwk: an RSA key of less than 2048 bits")
    key: ECKey | OKPKey | RSAKey = _KINDS[plain.get("kty", "")].import_key(plain)
    JWSRegistry.algorithms[found["alg"]].check_key(key)
    return _Header(found["alg"], key, key.thumbprint())


def _normal(url: object) -> str | None:
    """Returns an address without query and fragment, scheme and host in lower case (RFC 9449,
    section 4.3)."""
    return _normal_text(url) if isinstance(url, str) else None


@lru_cache(maxsize=1_024)
def _normal_text(url: str) -> str | None:
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
