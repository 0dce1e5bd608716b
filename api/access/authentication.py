"""Authentication: verifies a token and returns its subject.

Tokens come from the issuers that the settings name, from the service's own authorisation server,
and, with `aeo up` only, from `DemoIssuer`, which signs tokens for demo identities. Where there is
no issuer every token is refused, and the service answers the public only.
"""

from __future__ import annotations

from pathlib import Path
from time import time

from api.access import tokens
from api.access.access_tokens import (
    AccessTokenVerifier,
    Authenticated,
    Binding,
    Issuer,
    unverified,
)
from api.access.authorisation_server import AuthorisationServer
from api.access.certificates import thumbprint
from api.access.dpop import check_proof
from api.access.dpop_nonces import DpopNonces, dpop_nonces
from api.access.fetching import IssuerClient
from api.access.issuers import IssuerSettings, read_issuers
from api.access.key_sets import IssuerKeys
from api.access.presented import Presented
from api.access.replays import Replays
from api.access.sessions import Sessions
from api.access.sign_in import RelyingParty
from api.access.token_reasons import InvalidToken, TokenReason
from api.settings import Settings
from registry.ledger.connections import AsyncSession
from registry.ledger.database import connection_parameters


class DemoIssuer:
    """Signs tokens for demo identities with a key in the home folder, and accepts only those."""

    accepts = "tokens for demo identities, signed by this service itself"

    def __init__(self, home: Path) -> None:
        self._home = home

    def issue(self, subject: str) -> str:
        """Returns a token for this subject, valid for `tokens.LIFE` seconds. Raises ValueError."""
        return tokens.issue(subject, self._home)

    def authenticate(self, token: str) -> Authenticated:
        """Returns the subject that a token of this issuer names. Raises InvalidToken."""
        return Authenticated(tokens.verify(token, self._home), time() + tokens.LIFE)


class Authenticator:
    """Verifies tokens and their bindings. One a process.

    `demo`: the issuer of demo identities, or None. `verifier`: of the tokens of all other issuers.
    """

    def __init__(
        self,
        demo: DemoIssuer | None,
        verifier: AccessTokenVerifier,
        replays: Replays,
        client: IssuerClient,
        sessions: Sessions,
    ) -> None:
        self.demo, self.verifier, self._replays, self._client = demo, verifier, replays, client
        #: Where people sign in, and their sessions.
        self.parties: list[RelyingParty] = []
        self.sessions = sessions
        #: The service's own authorisation server, where it has one.
        self.server: AuthorisationServer | None = None
        #: The nonces that proofs of possession must have, where the settings ask for them.
        self.nonces: DpopNonces | None = None
        #: The database with their secret; None: none are asked for.
        self.nonces_of: str | None = None

    @property
    def accepts(self) -> str:
        """The tokens that are accepted, in words for the operator of the service (start-up,
        /readyz)."""
        issuers = sorted(self.verifier.issuers)
        phrases = [self.demo.accepts] if self.demo else []
        phrases += [f"tokens of {', '.join(issuers)}"] if issuers else []
        return (
            "; ".join(phrases)
            or "no token: no issuer is configured, and only the public is answered"
        )

    async def authenticate(self, token: str) -> Authenticated:
        """Returns what a valid token says, without the territories of its subject.

        Raises InvalidToken when the service does not accept the token, and IssuerUnreachable when
        it cannot tell.
        """
        if (found := self.verifier.cached(token)) is not None:
            return found
        if self.demo is not None and (
            not self.verifier.issuers or unverified(token)[1].get("iss") == tokens.ISSUER
        ):
            return self.demo.authenticate(token)
        if not self.verifier.issuers:
            raise InvalidToken("no issuer is configured", TokenReason.NO_ISSUER)
        return await self.verifier.verify(token)

    async def check_binding(
        self, binding: Binding | None, token: str, presented: Presented
    ) -> None:
        """Checks that whoever sends the token holds what it is bound to.

        Raises InvalidToken, and psycopg.OperationalError where it cannot be recorded that a proof
        was used.
        """
        if binding is None or binding.key is None:
            if presented.scheme == "dpop":  # RFC 9449, section 7.1
                raise InvalidToken("a token that is bound to no key", TokenReason.DPOP_MISMATCH)
        elif presented.scheme != "dpop" or not presented.proofs:
            raise InvalidToken("no proof, or not by the scheme DPoP", TokenReason.DPOP_MISSING)
        if binding is not None and binding.certificate is not None:
            _check_certificate(binding.certificate, presented)
        if binding is not None and binding.key is not None:
            await self.check_proof(presented, token, binding.key)

    async def check_proof(
        self, presented: Presented, token: str | None = None, key: str | None = None
    ) -> str:
        """Checks the proof of possession of a request and that it is used once; returns the
        thumbprint of its key. `key`: the thumbprint that it must have. Raises InvalidToken,
        psycopg.OperationalError."""
        if len(presented.proofs) != 1:
            raise InvalidToken(
                f"DPoP: found {len(presented.proofs)} headers, wanted one", TokenReason.DPOP_INVALID
            )
        now = time()
        try:
            proof = check_proof(
                presented.proofs[0], presented.method, presented.url, now, token, self.nonces
            )
        except InvalidToken as error:
            if error.reason is TokenReason.DPOP_NONCE:
                error.nonce = self.nonce
            raise
        if key is not None and proof.key != key:
            raise InvalidToken("DPoP: it is of another key", TokenReason.DPOP_MISMATCH)
        if not await self._replays.first_use(proof.digest, proof.until):
            raise InvalidToken("DPoP: jti was used", TokenReason.DPOP_REPLAYED)
        return proof.key

    @property
    def nonce(self) -> str | None:
        """The nonce that the next proof of a client should have; None where none is asked for."""
        return self.nonces.current(time()) if self.nonces else None

    async def start(self) -> None:
        """Reads what proofs of possession need, where the settings ask for nonces. Raises
        psycopg.OperationalError."""
        if self.nonces_of is None:
            return
        parameters = connection_parameters(
            self.nonces_of, {"role": "aeo_reader"}, connect_timeout=5, autocommit=True
        )
        async with await AsyncSession.connect(**parameters) as connection:
            self.nonces = await dpop_nonces(connection)

    async def close(self) -> None:
        """Closes the connections to the issuers and to the database."""
        await self._client.close()
        await self._replays.close()


def _check_certificate(wanted: str, presented: Presented) -> None:
    if presented.certificate is None:
        raise InvalidToken("no certificate header", TokenReason.CERTIFICATE_MISSING)
    found = thumbprint(presented.certificate)
    if found != wanted:
        detail = f"x5t#S256: found {found}, wanted {wanted}"
        raise InvalidToken(detail, TokenReason.CERTIFICATE_MISMATCH)


def authenticator(settings: Settings) -> Authenticator:
    """Returns the authenticator that the settings ask for. Raises BadIssuers."""
    demo = None
    if settings.demo:
        tokens.make_key(settings.home)  # `aeo token` takes the one that is there
        demo = DemoIssuer(settings.home)
    client = IssuerClient()
    replays = Replays(settings.database)
    sessions = Sessions(settings.database, settings.session_hours)
    found = Authenticator(demo, AccessTokenVerifier([]), replays, client, sessions)
    found.nonces_of = settings.database if settings.dpop_nonce else None
    for each in read_issuers(settings.issuers):
        keys = IssuerKeys(each.issuer, client, each.jwks_uri)
        found.verifier.add(Issuer(each, keys, _audience(each, settings)))
        if each.sign_in is not None:
            found.parties.append(RelyingParty(each, keys, client, settings.public_url))
    if settings.authorisation_server:
        server = AuthorisationServer(settings.public_url, settings.home, replays, found.check_proof)
        found.server = server
        found.verifier.add(Issuer(server.settings, server, settings.public_url, own=True))
    return found


def _audience(issuer: IssuerSettings, settings: Settings) -> str:
    return issuer.audience or settings.public_url
