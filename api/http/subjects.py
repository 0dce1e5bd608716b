"""Finds the subject of a request by its token, with its territories of today; cached."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from time import monotonic

from api.access.authentication import Authenticator
from api.access.policy import PUBLIC, Subject
from api.access.tokens import InvalidToken
from api.graphql import retry
from api.graphql.context import Pool
from api.graphql.deadlines import within
from projections.reads.blocs import members_and_blocs
from registry.domain.values import AdministrationCode

FRESH = 1.0  # seconds for which a cached subject is used as it is
TRUSTED = 2.0  # seconds for which it is still used while it is being read again
REMEMBERED = 1_000  # tokens in the cache
PATIENCE = 2.0  # seconds


class SubjectResolver:
    """Cache of subjects by token. One a process."""

    def __init__(
        self, authenticator: Authenticator, views: Pool, patience: float = PATIENCE
    ) -> None:
        """`patience`: seconds after which a read of the database is given up (TimeoutError)."""
        self._authenticator, self._views, self._patience = authenticator, views, patience
        self._cached: dict[str, tuple[float, Subject]] = {}
        self._reading: dict[str, asyncio.Future[Subject]] = {}
        #: Valid Authorization headers and the tokens in them.
        self._headers: dict[str, str] = {}

    def at_once(self, authorization: str | None) -> Subject | None:
        """Like `by_header`, from the cache only: None where the subject was not read within `FRESH`
        seconds."""
        if authorization is None:
            return PUBLIC
        token = self._headers.get(authorization)
        read_at, subject = self._cached.get(token, (0.0, PUBLIC)) if token else (0.0, PUBLIC)
        return subject if subject is not PUBLIC and monotonic() - read_at <= FRESH else None

    async def by_header(self, authorization: str | None) -> Subject:
        """Returns the subject of an Authorization header; without a header, the public.

        Raises InvalidToken, psycopg.OperationalError, TimeoutError.
        """
        if authorization is None:
            return PUBLIC
        scheme, _, token = authorization.strip().partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise InvalidToken("the Authorization header is not of the form: Bearer <token>")
        subject = await self.by_token(token.strip())
        if len(self._headers) >= REMEMBERED:
            self._headers.clear()
        self._headers[authorization] = token.strip()
        return subject

    async def by_token(self, token: str) -> Subject:
        """Returns the subject of a token. Raises InvalidToken, psycopg.OperationalError,
        TimeoutError."""
        read_at, subject = self._cached.get(token, (0.0, PUBLIC))
        age = monotonic() - read_at
        if subject is PUBLIC or age > FRESH:
            # Of concurrent requests with one token one reads the database; the others wait for it.
            reading = self._reading.get(token)
            if reading is None:
                reading = self._reading[token] = asyncio.ensure_future(self._read(token))
                reading.add_done_callback(lambda task: self._read_ended(token, task))
            if subject is PUBLIC or age > TRUSTED:
                subject = await asyncio.shield(reading)
        return subject

    def _read_ended(self, token: str, reading: asyncio.Future[Subject]) -> None:
        self._reading.pop(token)
        if not reading.cancelled() and reading.exception():
            self._cached.pop(token, None)  # the next request reads again, and reports the failure

    async def _read(self, token: str) -> Subject:
        named = self._authenticator.authenticate(token)
        subject = await within(self._patience, self.with_territories(named))
        if len(self._cached) >= REMEMBERED:
            self._cached.clear()
        _, before = self._cached.get(token, (0.0, PUBLIC))
        if subject == before:
            subject = before  # caches of later steps find their entries by the same object
        self._cached[token] = (monotonic(), subject)
        return subject

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
