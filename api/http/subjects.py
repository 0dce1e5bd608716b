"""Finds the subject of a request by its token, with its territories of today; cached.

What a token is bound to is checked for each request: the cache holds who the token names, and not
that whoever sends it may.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from time import monotonic

from api.access.access_tokens import Authenticated, Binding
from api.access.authentication import Authenticator
from api.access.policy import PUBLIC, Subject
from api.access.presented import Presented
from api.access.sessions import Sessions
from api.access.token_reasons import InvalidToken, TokenReason
from api.graphql import retry
from api.graphql.context import Pool
from api.graphql.deadlines import within
from projections.reads.blocs import members_and_blocs
from projections.reads.clients import client_key
from registry.domain.values import AdministrationCode

FRESH = 1.0  # seconds for which a cached subject is used as it is
TRUSTED = 2.0  # seconds for which it is still used while it is being read again
REMEMBERED = 1_000  # tokens in the cache
PATIENCE = 2.0  # seconds
_SESSION = "session:"  # before the value of a session's cookie; no token begins so


@dataclass(frozen=True, slots=True)
class _Entry:
    """A subject as it was read. `read_at`: by time.monotonic. `binding`: of its token."""

    read_at: float
    subject: Subject
    binding: Binding | None


class SubjectResolver:
    """Cache of subjects by token. One a process."""

    def __init__(
        self, authenticator: Authenticator, views: Pool, patience: float = PATIENCE
    ) -> None:
        """`patience`: seconds after which a read of the database is given up (TimeoutError)."""
        self._authenticator, self._views, self._patience = authenticator, views, patience
        self._cached: dict[str, _Entry] = {}
        self._reading: dict[str, asyncio.Future[_Entry]] = {}
        #: Valid Authorization headers with tokens that are bound to nothing, and these tokens.
        self._headers: dict[str, str] = {}

    def at_once(self, authorization: str | None) -> Subject | None:
        """Like `by_header`, from the cache only: None where the subject was not read within `FRESH`
        seconds, or the token is bound to something that each request must present."""
        if authorization is None:
            return PUBLIC
        token = self._headers.get(authorization)
        entry = self._cached.get(token) if token else None
        return entry.subject if entry and monotonic() - entry.read_at <= FRESH else None

    async def by_header(
        self, authorization: str | None, presented: Callable[[], Presented] | None = None
    ) -> Subject:
        """Returns the subject of an Authorization header; without a header, the public.

        `presented`: what the request presents beside the token; without it a bound token is
        refused. Raises InvalidToken, IssuerUnreachable, psycopg.OperationalError, TimeoutError.
        """
        if authorization is None:
            return PUBLIC
        scheme, _, token = authorization.strip().partition(" ")
        token = token.strip()
        if scheme.lower() not in ("bearer", "dpop") or not token or token.startswith(_SESSION):
            raise InvalidToken("wanted the form: Bearer <token>", TokenReason.MALFORMED)
        entry = await self._entry(token)
        if entry.binding is None and scheme.lower() == "bearer":
            if len(self._headers) >= REMEMBERED:
                self._headers.clear()
            self._headers[authorization] = token
            return entry.subject
        shown = presented() if presented else Presented(scheme.lower(), "", "")
        await self._authenticator.check_binding(entry.binding, token, shown)
        return entry.subject

    async def still_valid(self, authorization: str) -> Subject:
        """Returns the subject of the token of a connection that is open: what the token is bound to
        was presented when the connection was opened.

        Raises InvalidToken, IssuerUnreachable, psycopg.OperationalError, TimeoutError.
        """
        return (await self._entry(authorization.strip().partition(" ")[2].strip())).subject

    async def by_token(self, token: str) -> Subject:
        """Returns the subject of a token that comes without a header: a cookie's.

        Raises InvalidToken, also for a bound token; IssuerUnreachable, psycopg.OperationalError,
        TimeoutError.
        """
        return await self.by_header(f"Bearer {token}")

    async def by_session(self, value: str) -> Subject:
        """Returns the subject of a session, by the value of its cookie. Raises InvalidToken
        (SESSION_ENDED), psycopg.OperationalError, TimeoutError."""
        return (await self._entry(_SESSION + value)).subject

    def forget_session(self, value: str) -> None:
        """Forgets a session that was ended."""
        self._cached.pop(_SESSION + value, None)

    def forget_sessions(self) -> None:
        """Forgets what is known of sessions: some of them were ended, here or elsewhere."""
        for token in [token for token in self._cached if token.startswith(_SESSION)]:
            del self._cached[token]

    async def _entry(self, token: str) -> _Entry:
        entry = self._cached.get(token)
        age = monotonic() - entry.read_at if entry else TRUSTED
        if entry is None or age > FRESH:
            # Of concurrent requests with one token one reads the database; the others wait for it.
            reading = self._reading.get(token)
            if reading is None:
                reading = self._reading[token] = asyncio.ensure_future(self._read(token))
                reading.add_done_callback(lambda task: self._read_ended(token, task))
            if entry is None or age > TRUSTED:
                entry = await asyncio.shield(reading)
        return entry

    def _read_ended(self, token: str, reading: asyncio.Future[_Entry]) -> None:
        self._reading.pop(token)
        if not reading.cancelled() and reading.exception():
            self._cached.pop(token, None)  # the next request reads again, and reports the failure

    async def _read(self, token: str) -> _Entry:
        if token.startswith(_SESSION):
            value = token.removeprefix(_SESSION)
            authenticated = await within(
                self._patience,
                retry.read(self._views, lambda connection: Sessions.read(connection, value)),
            )
        else:
            authenticated = await self._authenticator.authenticate(token)
        subject = await within(self._patience, self._admitted(authenticated))
        if len(self._cached) >= REMEMBERED:
            self._cached.clear()
        before = self._cached.get(token)
        if before is not None and subject == before.subject:
            subject = before.subject  # caches of later steps find their entries by the same object
        entry = self._cached[token] = _Entry(monotonic(), subject, authenticated.binding)
        return entry

    async def _admitted(self, authenticated: Authenticated) -> Subject:
        """Returns the subject with its territories.

        Raises InvalidToken (CLIENT_REVOKED) where a client of this service, or the key with which
        it got the token, is revoked. As subjects are read every second, that takes effect then.
        """
        client, key = authenticated.client, authenticated.client_key
        if client is not None and key is not None:
            row = await retry.read(
                self._views, lambda connection: client_key(connection, client, key)
            )
            if row is None or not row.usable or row.acts_for != authenticated.subject.id:
                raise InvalidToken(f"{client} with its key {key}", TokenReason.CLIENT_REVOKED)
        return await self.with_territories(authenticated.subject)

    async def with_territories(self, subject: Subject) -> Subject:
        """Returns the same subject with its own territories and those within its reach, as of
        today."""
        code = subject.administration
        if code is None:
            return subject
        members, blocs = await retry.read(
            self._views, lambda connection: members_and_blocs(connection, code.text)
        )
        own = frozenset({code, *map(AdministrationCode, members)})
        return replace(subject, own=own, reach=own | set(map(AdministrationCode, blocs)))
