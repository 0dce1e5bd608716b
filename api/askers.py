"""Who is asking: the token, and what the register knows today of whoever it names."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from time import monotonic

from api.access import PUBLIC, Asker
from api.context import Pool
from api.tokens import InvalidToken, verify
from projections.reads.kin import kin
from registry.values import AdministrationCode

FRESH = 1.0  # seconds for which the members of a bloc are taken on trust


class Askers:
    """Knows askers by their tokens. One a process."""

    def __init__(self, home: Path, views: Pool) -> None:
        self._home, self._views = home, views
        self._kin: dict[AdministrationCode, tuple[float, Asker]] = {}

    async def by_header(self, authorization: str | None) -> Asker:
        """From the Authorization header; without one, the public. Raises InvalidToken."""
        if authorization is None:
            return PUBLIC
        scheme, _, token = authorization.strip().partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise InvalidToken("the Authorization header is not of the form: Bearer <token>")
        return await self.by_token(token.strip())

    async def by_token(self, token: str) -> Asker:
        """Raises InvalidToken."""
        return await self.known(verify(token, self._home))

    async def known(self, asker: Asker) -> Asker:
        """The same asker, with the territories that are its own and within its reach today."""
        code = asker.administration
        if code is None:
            return asker
        read_at, found = self._kin.get(code, (0.0, asker))
        if monotonic() - read_at > FRESH:
            async with self._views.connection() as connection:
                members, blocs = await kin(connection, code.text)
            own = frozenset({code, *map(AdministrationCode, members)})
            found = replace(asker, own=own, reach=own | set(map(AdministrationCode, blocs)))
            self._kin[code] = (monotonic(), found)
        return replace(asker, own=found.own, reach=found.reach)
