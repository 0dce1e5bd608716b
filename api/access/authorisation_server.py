"""A small authorisation server for partners that have none: client credentials (RFC 6749, 4.4).

A client authenticates with an assertion that it signs with a key registered for it
(`private_key_jwt`, RFC 7523), and gets an access token of five minutes (RFC 9068). A token is bound
to the key of a proof of possession (DPoP, RFC 9449) or to the client certificate (RFC 8705) that
came with the request. Clients and their keys are events of the register.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from time import time
from typing import Any
from uuid import uuid4

from joserfc import jwt
from joserfc.jwk import ECKey, OKPKey, RSAKey

from api.access.access_tokens import instant, unverified, verified_claims
from api.access.certificates import thumbprint
from api.access.issuers import IssuerSettings
from api.access.key_files import make_key_file
from api.access.key_sets import PublicKey
from api.access.presented import Presented
from api.access.replays import Replays
from api.access.token_reasons import InvalidToken, TokenReason
from projections.reads.clients import ClientKeyRow

LIFE = 300  # seconds for which a token is valid
ASSERTION_LIFE = 120  # seconds for which an assertion may be valid
LEEWAY = 30  # seconds by which two clocks may differ
ALGORITHM = "ES256"
#: Algorithms with which a client may sign, by the type of its key.
ASSERTION_ALGORITHMS = {"EC": "ES256", "RSA": "PS256", "OKP": "Ed25519"}
GRANT = "client_credentials"
ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
KEY = "issuer-key.json"
TOKEN_PATH, JWKS_PATH = "/oauth/token", "/oauth/jwks"
METADATA_PATH = "/.well-known/oauth-authorization-server"
_KINDS: dict[str, Any] = {"EC": ECKey, "RSA": RSAKey, "OKP": OKPKey}

#: Finds a client with one of its keys: its id and the key's thumbprint; None where there is none.
FindClient = Callable[[str, str], Awaitable[ClientKeyRow | None]]
#: Checks a proof of possession and returns the thumbprint of its key.
CheckProof = Callable[[Presented], Awaitable[str]]


class TokenRequestRefused(Exception):
    """A request for a token is refused (RFC 6749, 5.2). `error`: its code; `reason`: the code of
    what is wrong; `detail`: what differed, for the log of the service only. `nonce`:
    the one that the next proof of possession must have."""

    def __init__(
        self, status: int, error: str, reason: str, detail: str, nonce: str | None = None
    ) -> None:
        super().__init__(detail)
        self.status, self.error, self.reason, self.detail = status, error, reason, detail
        self.nonce = nonce


@dataclass(frozen=True)
class TokenResponse:
    """An issued token (RFC 6749, 5.1). `kind`: Bearer, or DPoP where it is bound to a key."""

    token: str
    kind: str
    client: str

    def document(self) -> dict[str, Any]:
        """The body of the response."""
        return {"access_token": self.token, "token_type": self.kind, "expires_in": LIFE}


class AuthorisationServer:
    """Issues access tokens to registered clients. One a process."""

    def __init__(
        self,
        url: str,
        home: Path,
        replays: Replays,
        check_proof: CheckProof,
        clock: Callable[[], float] = time,
    ) -> None:
        """`url`: the service's public address, which is the issuer's name and the tokens'
        audience. `home`: the folder with the key."""
        make_key_file(home / KEY, ECKey.generate_key("P-256"))
        self.url, self._replays, self._check_proof, self._clock = url, replays, check_proof, clock
        self._key = _read(home / KEY)
        former = sorted(home.glob("issuer-key.*.json"))
        self._keys = {key.thumbprint(): key for key in (self._key, *map(_read, former))}

    @property
    def settings(self) -> IssuerSettings:
        """This issuer as the resource server has it. The subject of its tokens is their `sub`."""
        return IssuerSettings(self.url, (), (), algorithms=(ALGORITHM,), longest_life=LIFE)

    async def key(self, kid: str | None) -> PublicKey:
        """Returns a public key of this issuer. Raises InvalidToken (TOKEN_KEY)."""
        found = self._keys.get(kid or "")
        if found is None:
            raise InvalidToken(f"kid {kid!r} is none of this service", TokenReason.TOKEN_KEY)
        return found

    def key_set(self) -> dict[str, Any]:
        """The public keys (JWKS): the one that signs, and former ones."""
        return {
            "keys": [
                key.as_dict(private=False, kid=kid, use="sig", alg=ALGORITHM)
                for kid, key in self._keys.items()
            ]
        }

    def metadata(self) -> dict[str, Any]:
        """The metadata of the authorisation server (RFC 8414)."""
        algorithms = sorted(ASSERTION_ALGORITHMS.values())
        return {
            "issuer": self.url,
            "token_endpoint": f"{self.url}{TOKEN_PATH}",
            "jwks_uri": f"{self.url}{JWKS_PATH}",
            "grant_types_supported": [GRANT],
            "response_types_supported": [],
            "token_endpoint_auth_methods_supported": ["private_key_jwt"],
            "token_endpoint_auth_signing_alg_values_supported": algorithms,
            "dpop_signing_alg_values_supported": algorithms,
            "tls_client_certificate_bound_access_tokens": True,
            "service_documentation": f"{self.url}/developers",
        }

    async def token(
        self, form: dict[str, str], presented: Presented, find: FindClient
    ) -> TokenResponse:
        """Issues a token. Raises TokenRequestRefused; psycopg.OperationalError where the database
        is away."""
        _check_form(form, self.url)
        client, key_id, acts_for = await self._authenticated(form, find)
        confirmation: dict[str, str] = {}
        if presented.proofs:
            try:
                confirmation["jkt"] = await self._check_proof(presented)
            except InvalidToken as error:
                kind = "use_dpop_nonce" if error.nonce else "invalid_dpop_proof"
                raise TokenRequestRefused(
                    400, kind, error.code, error.detail, error.nonce
                ) from None
        if presented.certificate is not None:
            shown = thumbprint(presented.certificate)
            if shown is None:
                raise _invalid_request("CERTIFICATE_MISMATCH", "the certificate cannot be read")
            confirmation["x5t#S256"] = shown
        kind = "DPoP" if "jkt" in confirmation else "Bearer"
        return TokenResponse(self._issue(client, key_id, acts_for, confirmation), kind, client)

    def _issue(self, client: str, key_id: str, acts_for: str, confirmation: dict[str, str]) -> str:
        now = int(self._clock())
        claims: dict[str, Any] = {
            "iss": self.url,
            "aud": self.url,
            "sub": acts_for,
            "client_id": client,
            "client_key": key_id,
            "jti": uuid4().hex,
            "iat": now,
            "nbf": now,
            "exp": now + LIFE,
        }
        if confirmation:
            claims["cnf"] = confirmation
        header = {"alg": ALGORITHM, "typ": "at+jwt", "kid": self._key.thumbprint()}
        return jwt.encode(header, claims, self._key, algorithms=[ALGORITHM])

    async def _authenticated(self, form: dict[str, str], find: FindClient) -> tuple[str, str, str]:
        """Checks the assertion of a client; returns its id, the key's thumbprint, and the subject
        for which it acts."""
        assertion = form["client_assertion"]
        try:
            header, shown = unverified(assertion)
        except InvalidToken as error:
            raise _invalid_client("ASSERTION_MALFORMED", error.detail) from None
        client, key_id = shown.get("sub"), header.get("kid")
        if not isinstance(client, str) or not isinstance(key_id, str):
            raise _invalid_client("ASSERTION_MALFORMED", "wanted sub, and kid in the header")
        if form.get("client_id", client) != client:
            raise _invalid_client("ASSERTION_CLIENT", "client_id is another than sub")
        row = await find(client, key_id)
        if row is None:
            raise _invalid_client("ASSERTION_KEY", f"{client} has no key {key_id}")
        if not row.usable:
            raise _invalid_client("CLIENT_REVOKED", f"{client} or its key {key_id} is revoked")
        jwk = json.loads(row.key)
        algorithm = ASSERTION_ALGORITHMS[jwk["kty"]]
        if header.get("alg") != algorithm:
            raise _invalid_client("ASSERTION_ALGORITHM", f"alg: found {header.get('alg')!r}")
        try:
            claims = verified_claims(assertion, _KINDS[jwk["kty"]].import_key(jwk), algorithm)
        except InvalidToken as error:
            raise _invalid_client("ASSERTION_SIGNATURE", error.detail) from None
        until = self._check_claims(claims, client)
        digest = sha256(f"assertion {client} {claims['jti']}".encode()).digest()
        if not await self._replays.first_use(digest, until):
            raise _invalid_client("ASSERTION_REPLAYED", f"jti {claims['jti'][:100]} was used")
        return client, key_id, row.acts_for

    def _check_claims(self, claims: dict[str, Any], client: str) -> float:
        """Checks an assertion whose signature is good; returns when it can no longer be used."""
        now = self._clock()
        if claims.get("iss") != client:
            raise _invalid_client("ASSERTION_CLIENT", f"iss: found {claims.get('iss')!r}")
        if claims.get("aud") != self.url:  # one text: RFC 7523bis, against audience injection
            raise _invalid_client("ASSERTION_AUDIENCE", f"aud: found {claims.get('aud')!r}")
        jti = claims.get("jti")
        if not isinstance(jti, str) or not 8 <= len(jti) <= 256:
            raise _invalid_client("ASSERTION_CLAIMS", "jti: wanted a text of 8 to 256 characters")
        try:
            expires = instant(claims, "exp")
            begins = max(instant(claims, name) for name in {"iat", *({"nbf"} & claims.keys())})
        except InvalidToken as error:
            raise _invalid_client("ASSERTION_CLAIMS", error.detail) from None
        if now >= expires + LEEWAY:
            raise _invalid_client("ASSERTION_EXPIRED", f"exp: {expires} was before {now:.0f}")
        if begins > now + LEEWAY:
            raise _invalid_client("ASSERTION_NOT_YET_VALID", f"iat, nbf: {begins}")
        if expires > now + ASSERTION_LIFE + LEEWAY:
            raise _invalid_client("ASSERTION_LIFETIME", f"exp: {expires - now:.0f} seconds ahead")
        return expires + LEEWAY


def _read(path: Path) -> ECKey:
    return ECKey.import_key(json.loads(path.read_text(encoding="utf-8")))


def _check_form(form: dict[str, str], url: str) -> None:
    """Checks what a request asks for. Raises TokenRequestRefused."""
    if form.get("grant_type") != GRANT:
        raise TokenRequestRefused(
            400, "unsupported_grant_type", "GRANT_TYPE", f"found {form.get('grant_type')!r}"
        )
    if form.get("resource", url) != url:
        raise TokenRequestRefused(400, "invalid_target", "RESOURCE", form["resource"])
    if form.get("client_assertion_type") != ASSERTION or not form.get("client_assertion"):
        raise _invalid_client("ASSERTION_MISSING", "wanted client_assertion and its type")


def _invalid_client(reason: str, detail: str) -> TokenRequestRefused:
    return TokenRequestRefused(401, "invalid_client", reason, detail)


def _invalid_request(reason: str, detail: str) -> TokenRequestRefused:
    return TokenRequestRefused(400, "invalid_request", reason, detail)
