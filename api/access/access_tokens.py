"""Access tokens in the JWT profile of RFC 9068: verified once, then from a cache.

Everything is checked before a token is accepted: `typ`, the algorithm by the issuer's allow-list,
the signature with a key of the issuer, `iss`, `aud`, `exp`, `nbf`, `iat`, `jti`, and that a binding
(`cnf`) is of a kind that this service can check. Times are compared with a leeway.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from hashlib import sha256
from time import time
from typing import Any, Protocol

import msgspec
from joserfc import jws
from joserfc.errors import JoseError

from api.access.issuers import IssuerSettings
from api.access.key_sets import PublicKey
from api.access.policy import Subject, named
from api.access.token_reasons import InvalidToken, TokenReason

TYPES = ("at+jwt", "application/at+jwt")
LEEWAY = 30  # seconds by which two clocks may differ
LONGEST = 8_192  # characters of a token
REMEMBERED = 10_000  # verified tokens in the cache
#: Seconds after which a token is verified again, with the issuer's keys of then.
TRUSTED = 60.0


@dataclass(frozen=True)
class Binding:
    """What a token is bound to (`cnf`): the thumbprint of a client certificate (RFC 8705), or of
    the key of a proof of possession (RFC 9449)."""

    certificate: str | None = None
    key: str | None = None


@dataclass(frozen=True)
class Authenticated:
    """The subject that a valid token names, without its territories.

    `expires`: seconds since 1970. `client`, `client_key`: where this service issued the token, the
    client and the key with which it got the token; both may be revoked meanwhile. `session`: the
    session of a person, which may have ended.
    """

    subject: Subject
    expires: float
    binding: Binding | None = None
    client: str | None = None
    client_key: str | None = None


class KeySource(Protocol):
    """Where the keys of an issuer are."""

    async def key(self, kid: str | None) -> PublicKey:
        """Returns the key with this id. Raises InvalidToken, IssuerUnreachable."""


@dataclass(frozen=True)
class Issuer:
    """An issuer with its keys. `own`: this service is the issuer, and its tokens name a registered
    client."""

    settings: IssuerSettings
    keys: KeySource
    audience: str
    own: bool = False


class AccessTokenVerifier:
    """Verifies access tokens. One a process."""

    def __init__(self, issuers: Iterable[Issuer], clock: Callable[[], float] = time) -> None:
        """`clock`: seconds since 1970."""
        self.issuers: dict[str, Issuer] = {}
        for each in issuers:
            self.add(each)
        self._clock = clock
        self._cached: dict[str, tuple[float, Authenticated]] = {}

    def add(self, issuer: Issuer) -> None:
        """Accepts the tokens of another issuer."""
        self.issuers[issuer.settings.issuer] = issuer

    def cached(self, token: str) -> Authenticated | None:
        """Returns what a token says that was verified within the last `TRUSTED` seconds."""
        found = self._cached.get(token)
        if found is None:
            return None
        now = self._clock()
        verified_at, authenticated = found
        if now >= authenticated.expires + LEEWAY or not 0 <= now - verified_at < TRUSTED:
            return None
        return authenticated

    async def verify(self, token: str) -> Authenticated:
        """Returns what a valid token says, from the cache where it can. Raises InvalidToken,
        IssuerUnreachable."""
        found = self.cached(token)
        if found is None:
            found = await self._verify(token)
            if len(self._cached) >= REMEMBERED:
                self._cached.clear()
            self._cached[token] = self._clock(), found
        return found

    async def _verify(self, token: str) -> Authenticated:
        header, payload = unverified(token)
        issuer = self.issuers.get(payload.get("iss", ""))
        if issuer is None:
            raise InvalidToken(f"iss: found {payload.get('iss')!r}", TokenReason.TOKEN_ISSUER)
        settings = issuer.settings
        if str(header.get("typ", "")).lower() not in TYPES:
            raise InvalidToken(f"typ: found {header.get('typ')!r}", TokenReason.TOKEN_TYPE)
        algorithm = header.get("alg")
        if algorithm not in settings.algorithms:
            raise InvalidToken(f"alg: found {algorithm!r}", TokenReason.TOKEN_ALGORITHM)
        key = await issuer.keys.key(header.get("kid"))
        claims = verified_claims(token, key, algorithm)
        self._check(claims, issuer)
        binding = _binding(claims.get("cnf"))
        if binding is None and settings.require_binding:
            raise InvalidToken("cnf: found none", TokenReason.TOKEN_UNBOUND)
        return _authenticated(claims, issuer, binding)

    def _check(self, claims: dict[str, Any], issuer: Issuer) -> None:
        """Checks the claims that every token has. Raises InvalidToken."""
        now = self._clock()
        for name in ("sub", "jti", "client_id"):
            if not isinstance(claims.get(name), str) or not 0 < len(claims[name]) <= 512:
                raise InvalidToken(f"{name}: wanted a text", TokenReason.TOKEN_CLAIMS)
        issued, expires = instant(claims, "iat"), instant(claims, "exp")
        begins = instant(claims, "nbf") if "nbf" in claims else issued
        audience = claims.get("aud")
        audiences = audience if isinstance(audience, list) else [audience]
        if issuer.audience not in audiences:
            raise InvalidToken(f"aud: found {audience!r}", TokenReason.TOKEN_AUDIENCE)
        if now >= expires + LEEWAY:
            raise InvalidToken(f"exp: {expires} was before {now:.0f}", TokenReason.TOKEN_EXPIRED)
        if max(begins, issued) > now + LEEWAY:
            detail = f"nbf, iat: {begins}, {issued} are after {now:.0f}"
            raise InvalidToken(detail, TokenReason.TOKEN_NOT_YET_VALID)
        if expires - issued > issuer.settings.longest_life:
            detail = f"exp - iat: {expires - issued} seconds"
            raise InvalidToken(detail, TokenReason.TOKEN_LIFETIME)


def instant(claims: dict[str, Any], name: str) -> float:
    """Returns a claim that is an instant, in seconds since 1970. Raises InvalidToken
    (TOKEN_CLAIMS)."""
    found = claims.get(name)
    if isinstance(found, bool) or not isinstance(found, int | float) or not 0 <= found < 2**40:
        raise InvalidToken(f"{name}: found {found!r}", TokenReason.TOKEN_CLAIMS)
    return found


def unverified(token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Returns header and claims of a signed token without verifying anything, to find its issuer.
    Raises InvalidToken (MALFORMED)."""
    if len(token) > LONGEST:
        raise InvalidToken(f"it is longer than {LONGEST} characters", TokenReason.MALFORMED)
    try:
        found: Any = jws.extract_compact(token.encode("ascii"))
        header = found.headers()
        claims = msgspec.json.decode(found.payload, type=dict[str, Any])
        if not isinstance(claims.get("iss", ""), str):
            raise ValueError("iss: wanted a text")
        if not isinstance(header.get("kid", ""), str):
            raise ValueError("kid: wanted a text")
    except (JoseError, msgspec.MsgspecError, ValueError, TypeError, KeyError) as error:
        raise InvalidToken(str(error), TokenReason.MALFORMED) from None
    return header, claims


def verified_claims(token: str, key: PublicKey, algorithm: str) -> dict[str, Any]:
    """Returns the claims of a token whose signature verifies with this key. Raises InvalidToken
    (TOKEN_SIGNATURE)."""
    try:
        signed = jws.deserialize_compact(token, key, algorithms=[algorithm])
        return msgspec.json.decode(signed.payload, type=dict[str, Any])
    except (JoseError, msgspec.MsgspecError, ValueError, TypeError) as error:
        raise InvalidToken(str(error), TokenReason.TOKEN_SIGNATURE) from None


def _binding(confirmation: Any) -> Binding | None:
    """Reads the claim `cnf`. Raises InvalidToken (TOKEN_BINDING) for a confirmation that this
    service cannot check."""
    if confirmation is None:
        return None
    known = {"x5t#S256", "jkt"}
    if (
        not isinstance(confirmation, dict)
        or not confirmation
        or not confirmation.keys() <= known
        or not all(isinstance(value, str) for value in confirmation.values())
    ):
        raise InvalidToken(f"cnf: found {confirmation!r}", TokenReason.TOKEN_BINDING)
    return Binding(confirmation.get("x5t#S256"), confirmation.get("jkt"))


def _authenticated(
    claims: dict[str, Any], issuer: Issuer, binding: Binding | None
) -> Authenticated:
    expires = instant(claims, "exp")
    if not issuer.own:
        subject = issuer.settings.subject_of(claims)
        agent, name = pseudonym(claims["iss"], claims["sub"]), issuer.settings.person_of(claims)
        person = pseudonym(claims["iss"], name) if name else None
        return Authenticated(replace(subject, agent=agent, person=person), expires, binding)
    client, key = claims["client_id"], claims.get("client_key")
    if not isinstance(key, str):
        raise InvalidToken("client_key: wanted a text", TokenReason.TOKEN_CLAIMS)
    return Authenticated(replace(named(claims["sub"]), agent=client), expires, binding, client, key)


def pseudonym(issuer: str, subject: str) -> str:
    """Returns an opaque id for a person or client of an issuer: 20 characters, always the same.

    It is recorded as the actor of a command, so it says nothing about the person.
    """
    return sha256(f"{issuer}\n{subject}".encode()).hexdigest()[:20]
