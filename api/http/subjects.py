"""Who is asking: the token, and what the register knows today of whoever it names."""

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
from projections.reads.blocs import kin
from registry.domain.values import AdministrationCode

FRESH = 1.0  # seconds for which what was found out of an asker is taken on trust
TRUSTED = 2.0  # and while it is found out anew, beside the questions
REMEMBERED = 1_000  # tokens
PATIENCE = 2.0


class SubjectResolver:
    """Knows askers by their tokens. One a process."""

    def __init__(
        self, authenticator: Authenticator, views: Pool, patience: float = PATIENCE
    ) -> None:
        """`patience`: seconds after which whoever asks is told that the register is silent."""
        self._authenticator, self._views, self._patience = authenticator, views, patience
        self._lately: dict[str, tuple[float, Subject]] = {}
        self._looking: dict[str, asyncio.Future[Subject]] = {}
        #: The tokens in Authorization headers that were good.
        self._headers: dict[str, str] = {}

    def at_once(self, authorization: str | None) -> Subject | None:
        """The same as `by_header`, of who was seen within the last second; None: of nobody else."""
        if authorization is None:
            return PUBLIC
        token = self._headers.get(authorization)
        read_at, asker = self._lately.get(token, (0.0, PUBLIC)) if token else (0.0, PUBLIC)
        return asker if asker is not PUBLIC and monotonic() - read_at <= FRESH else None

    async def by_header(self, authorization: str | None) -> Subject:
        """From the Authorization header; without one, the public. Raises InvalidToken."""
        if authorization is None:
            return PUBLIC
        scheme, _, token = authorization.strip().partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise InvalidToken("the Authorization header is not of the form: Bearer <token>")
        asker = await self.by_token(token.strip())
        if len(self._headers) >= REMEMBERED:
            self._headers.clear()
        self._headers[authorization] = token.strip()
        return asker

    async def by_token(self, token: str) -> Subject:
        """Raises InvalidToken, psycopg.OperationalError, TimeoutError."""
        read_at, asker = self._lately.get(token, (0.0, PUBLIC))
        age = monotonic() - read_at
        if asker is PUBLIC or age > FRESH:
            # Of many requests with one token, one goes and looks; the others wait for it.
            looking = self._looking.get(token)
            if looking is None:
                looking = self._looking[token] = asyncio.ensure_future(self._look(token))
                looking.add_done_callback(lambda task: self._looked(token, task))
            if asker is PUBLIC or age > TRUSTED:
                asker = await asyncio.shield(looking)
        return asker

    def _looked(self, token: str, looking: asyncio.Future[Subject]) -> None:
        self._looking.pop(token)
        if not looking.cancelled() and looking.exception():
            self._lately.pop(token, None)  # whoever asks next looks for themselves, and is told why

    async def _look(self, token: str) -> Subject:
        named = self._authenticator.authenticate(token)
        asker = await within(self._patience, self._at_home(named))
        if len(self._lately) >= REMEMBERED:
            self._lately.clear()
        _, before = self._lately.get(token, (0.0, PUBLIC))
        if asker == before:
            asker = before  # what is remembered of an asker is found at once by the same object
        self._lately[token] = (monotonic(), asker)
        return asker

    async def _at_home(self, asker: Subject) -> Subject:
        """The same asker, with the territories that are its own and within its reach today."""
        code = asker.administration
        if code is None:
            return asker
        members, blocs = await retry.read(
            self._views, lambda async_connection: kin(async_connection, code.text)
        )
        own = frozenset({code, *map(AdministrationCode, members)})
        return replace(asker, own=own, reach=own | set(map(AdministrationCode, blocs)))
