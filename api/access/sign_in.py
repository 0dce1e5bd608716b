"""Signing in of people: OpenID Connect, authorisation code with PKCE (RFC 7636).

The service is the relying party of one or several issuers. What it needs to remember between its
redirection and the answer (state, nonce, PKCE verifier) is in a cookie of the browser that began.
The identity token is verified like an access token, and its claims give the subject by the rules of
the issuer.
"""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from dataclasses import asdict, dataclass, replace
from hashlib import sha256
from hmac import compare_digest
from pathlib import Path
from secrets import token_urlsafe
from time import time
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

import msgspec
from joserfc import jwt
from joserfc.jwk import ECKey

from api.access.access_tokens import instant, pseudonym, unverified, verified_claims
from api.access.fetching import FetchFailed, IssuerClient
from api.access.issuers import IssuerSettings, SignIn, is_safe_url
from api.access.key_sets import IssuerKeys
from api.access.policy import Subject
from api.access.token_reasons import InvalidToken, IssuerUnreachable

CALLBACK = "/sign-in/callback"
LEEWAY = 30  # seconds by which two clocks may differ
ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
#: The event of a logout token, and the types that it may have.
LOGOUT_EVENT = "http://schemas.openid.net/event/backchannel-logout"
LOGOUT_TYPES = ("jwt", "logout+jwt")
LIFE = 600  # seconds that a person has for signing in


class SignInFailed(Exception):
    """Signing in failed. `code`: for the page; the message is for the log of the service."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code, self.detail = code, detail


@dataclass(frozen=True)
class Attempt:
    """One attempt to sign in, as the browser keeps it. `next`: the page to go to afterwards."""

    issuer: str
    state: str
    nonce: str
    verifier: str
    next: str

    def cookie(self) -> str:
        """The value of the cookie."""
        return urlsafe_b64encode(msgspec.json.encode(asdict(self))).decode()

    @classmethod
    def of_cookie(cls, text: str) -> Attempt | None:
        """The attempt in a cookie; None where it holds none."""
        from base64 import urlsafe_b64decode

        try:
            return msgspec.json.decode(urlsafe_b64decode(text.encode()), type=cls)
        except (ValueError, msgspec.MsgspecError):
            return None


@dataclass(frozen=True)
class SignedIn:
    """Who signed in. `account`: the person as the issuer knows it (claim sub), as a pseudonym.
    `sid`: the session at the issuer, where its tokens name one."""

    subject: Subject
    account: str
    sid: str | None


@dataclass(frozen=True)
class SignedOut:
    """Whose sessions the issuer ended: of an account, as a pseudonym, of a session, or of both.
    `at`: when, in seconds since 1970: sessions that began later go on, so a token that is sent
    again ends nothing new."""

    account: str | None
    sid: str | None
    at: float


class RelyingParty:
    """This service at one issuer."""

    def __init__(
        self, settings: IssuerSettings, keys: IssuerKeys, client: IssuerClient, url: str
    ) -> None:
        """`url`: the service's public address."""
        assert settings.sign_in is not None
        self.settings, self._keys, self._client = settings, keys, client
        self._sign_in: SignIn = settings.sign_in
        self._redirect = f"{url}{CALLBACK}"

    @property
    def name(self) -> str:
        """The issuer as a page names it."""
        return self._sign_in.name

    async def begin(self, next_page: str) -> tuple[str, Attempt]:
        """Returns the address to which the browser is sent, and the attempt that it keeps. Raises
        IssuerUnreachable."""
        attempt = Attempt(
            self.settings.issuer,
            token_urlsafe(24),
            token_urlsafe(24),
            token_urlsafe(48),
            next_page,
        )
        challenge = urlsafe_b64encode(sha256(attempt.verifier.encode()).digest()).decode()
        asked = {
            "response_type": "code",
            "client_id": self._sign_in.client_id,
            "redirect_uri": self._redirect,
            "scope": self._sign_in.scope,
            "state": attempt.state,
            "nonce": attempt.nonce,
            "code_challenge": challenge.rstrip("="),
            "code_challenge_method": "S256",
        }
        if self._sign_in.acr:
            asked["acr_values"] = self._sign_in.acr
        return f"{await self._endpoint('authorization_endpoint')}?{urlencode(asked)}", attempt

    async def finish(self, attempt: Attempt, answer: dict[str, str]) -> SignedIn:
        """Returns who signed in. `answer`: the parameters of the redirection
        back. Raises SignInFailed, IssuerUnreachable."""
        if not compare_digest(answer.get("state", "").encode(), attempt.state.encode()):
            raise SignInFailed("STATE", "state is another than that of this browser")
        if answer.get("iss", self.settings.issuer) != self.settings.issuer:  # RFC 9207
            raise SignInFailed("ISSUER", f"iss: found {answer['iss']!r}")
        if "error" in answer:
            raise SignInFailed("REFUSED", f"the issuer says {answer['error'][:100]!r}")
        form = {
            "grant_type": "authorization_code",
            "code": answer.get("code", ""),
            "redirect_uri": self._redirect,
            "code_verifier": attempt.verifier,
            "client_id": self._sign_in.client_id,
            **self._authentication(),
        }
        try:
            found = await self._client.post(await self._endpoint("token_endpoint"), form)
        except FetchFailed as error:
            if "error" in error.body:
                raise SignInFailed("CODE", f"the issuer says {error.body['error']!r}") from None
            raise IssuerUnreachable(str(error)) from None
        token = found.get("id_token")
        if not isinstance(token, str):
            raise SignInFailed("TOKEN", "the issuer gave no id_token")
        try:
            claims = await self._verified(token, attempt)
            subject = self.settings.subject_of(claims)
            name = self.settings.person_of(claims, "sub")
        except InvalidToken as error:
            raise SignInFailed(error.code, error.detail) from None
        sid = claims.get("sid")
        person = pseudonym(claims["iss"], str(name))
        return SignedIn(
            replace(subject, agent=person, person=person),
            pseudonym(claims["iss"], claims["sub"]),
            sid if isinstance(sid, str) else None,
        )

    async def signed_out(self, token: str) -> SignedOut:
        """Returns whose sessions a logout token ends (OpenID Connect Back-Channel Logout 1.0,
        section 2.6). Raises SignInFailed, IssuerUnreachable."""
        try:
            header, _ = unverified(token)
            if str(header.get("typ", "JWT")).lower() not in LOGOUT_TYPES:
                raise SignInFailed("TOKEN_TYPE", f"typ: found {header.get('typ')!r}")
            claims = await self._claims(token)
        except InvalidToken as error:
            raise SignInFailed(error.code, error.detail) from None
        events, sub, sid, jti = (claims.get(name) for name in ("events", "sub", "sid", "jti"))
        if not isinstance(events, dict) or not isinstance(events.get(LOGOUT_EVENT), dict):
            raise SignInFailed("TOKEN_CLAIMS", "events: it is no logout token")
        if "nonce" in claims:
            raise SignInFailed("TOKEN_CLAIMS", "nonce: an identity token has it, and this has not")
        if not isinstance(jti, str) or not 0 < len(jti) <= 512:
            raise SignInFailed("TOKEN_CLAIMS", "jti: wanted a text")
        for name, found in (("sub", sub), ("sid", sid)):
            if found is not None and not isinstance(found, str):
                raise SignInFailed("TOKEN_CLAIMS", f"{name}: wanted a text")
        if sub is None and sid is None:
            raise SignInFailed("TOKEN_CLAIMS", "sub, sid: found neither")
        issuer = self.settings.issuer
        return SignedOut(
            None if sub is None else pseudonym(issuer, sub),
            sid,
            claims["iat"] + LEEWAY,
        )

    async def _verified(self, token: str, attempt: Attempt) -> dict[str, Any]:
        """Returns the claims of an identity token (OpenID Connect Core, 3.1.3.7). Raises
        InvalidToken, SignInFailed, IssuerUnreachable."""
        claims = await self._claims(token)
        if claims.get("nonce") != attempt.nonce:
            raise SignInFailed("NONCE", "nonce is another than that of this browser")
        if self._sign_in.acr and claims.get("acr") != self._sign_in.acr:
            raise SignInFailed("ACR", f"acr: found {claims.get('acr')!r}")
        if not isinstance(claims.get("sub"), str):
            raise SignInFailed("TOKEN_CLAIMS", "sub: wanted a text")
        return claims

    async def _claims(self, token: str) -> dict[str, Any]:
        """Returns the claims of a token of the issuer for this service, which is valid now. Raises
        InvalidToken, SignInFailed, IssuerUnreachable."""
        header, _ = unverified(token)
        algorithm = header.get("alg")
        if algorithm not in self.settings.algorithms:
            raise SignInFailed("TOKEN_ALGORITHM", f"alg: found {algorithm!r}")
        key = await self._keys.key(header.get("kid"))
        claims = verified_claims(token, key, str(algorithm))
        audience, now = claims.get("aud"), time()
        audiences = audience if isinstance(audience, list) else [audience]
        own = self._sign_in.client_id
        if claims.get("iss") != self.settings.issuer:
            raise SignInFailed("TOKEN_ISSUER", f"iss: found {claims.get('iss')!r}")
        if own not in audiences or (len(audiences) > 1 and claims.get("azp") != own):
            raise SignInFailed("TOKEN_AUDIENCE", f"aud: found {audience!r}")
        if instant(claims, "exp") + LEEWAY <= now:
            raise SignInFailed("TOKEN_EXPIRED", f"exp: {claims['exp']} was before {now:.0f}")
        if instant(claims, "iat") > now + LEEWAY:
            raise SignInFailed("TOKEN_NOT_YET_VALID", f"iat: {claims['iat']}")
        return claims

    def _authentication(self) -> dict[str, str]:
        """How this service proves to the issuer who it is."""
        own = self._sign_in
        if own.secret_file is not None:
            return {"client_secret": Path(own.secret_file).read_text(encoding="utf-8").strip()}
        assert own.key_file is not None
        plain = json.loads(Path(own.key_file).read_text(encoding="utf-8"))
        key = ECKey.import_key(plain)
        now = int(time())
        claims: dict[str, Any] = {"iss": own.client_id, "sub": own.client_id}
        claims |= {"aud": self.settings.issuer, "jti": uuid4().hex, "iat": now, "exp": now + 60}
        header = {"alg": "ES256", "kid": plain.get("kid", key.thumbprint())}
        return {
            "client_assertion_type": ASSERTION,
            "client_assertion": jwt.encode(header, claims, key, algorithms=["ES256"]),
        }

    async def _endpoint(self, name: str) -> str:
        try:
            found = (await self._keys.metadata()).get(name)
        except FetchFailed as error:
            raise IssuerUnreachable(str(error)) from None
        if not isinstance(found, str) or not is_safe_url(found):
            raise IssuerUnreachable(f"{name}: found {found!r}, wanted https")
        return found
