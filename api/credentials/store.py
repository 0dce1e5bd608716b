"""Stores credentials and the links that show them. Nothing is deleted; what ended says when."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.errors import UniqueViolation

from api.credentials.codes import digest, new_code, new_token
from api.credentials.status_lists import FULL, SIZE
from projections.reads import credentials as reads
from projections.reads.credentials import CredentialBits, CredentialRow
from registry.domain.errors import OtherCommand
from registry.ledger.connections import AsyncSession
from registry.ledger.database import connection_parameters

DRAWS = 20  # of a place in a list that is at most half full

_INSERT = """
insert into access.credential (id, code, tin, authorisation, issued_at, valid_until, subject,
    status_list, place, position, jwt)
values (%(id)s, %(code)s, %(tin)s, %(authorisation)s, %(issued_at)s, %(valid_until)s, %(subject)s,
    %(status_list)s, %(place)s, %(position)s, %(jwt)s)"""
_LIST = """
select coalesce((select max(status_list) from access.credential), 1),
    (select count(*) from access.credential where status_list =
        (select max(status_list) from access.credential))"""

#: What makes a credential of a code and of a place (list, place): the columns of its row.
Making = Callable[[str, tuple[int, int]], dict[str, Any]]


#: How many status lists there are, and what one of them says.
ListedBits = tuple[int, list[CredentialBits]]


def same_request(found: CredentialRow, tin: str, authorisation: str) -> CredentialRow:
    """Returns the credential of a command id that comes again. Raises OtherCommand where it was of
    another operator or authorisation."""
    if found.tin != tin:
        raise OtherCommand("command_id: %(id)s was used for another operator", id=found.id)
    if found.authorisation != authorisation:
        raise OtherCommand("command_id: %(id)s was used for another authorisation", id=found.id)
    return found


class CredentialStore:
    """The credentials of this database."""

    def __init__(self, conninfo: str) -> None:
        self._conninfo = conninfo
        self._reading: dict[int, asyncio.Task[ListedBits]] = {}

    async def listed(self, number: int, read: Callable[[], Awaitable[ListedBits]]) -> ListedBits:
        """What the status lists of this number say, by `read`. Those who ask while a list is being
        read wait for that reading: a list of many credentials is read once at a time."""
        task = self._reading.get(number)
        if task is None:
            task = self._reading[number] = asyncio.ensure_future(_awaited(read))
            task.add_done_callback(lambda _: self._reading.pop(number, None))
        return await asyncio.shield(task)

    async def issue(self, id: UUID, tin: str, authorisation: str, make: Making) -> CredentialRow:
        """Stores a new credential; one with this id that is there already is returned as it is.

        `make` is called with the code and the place that were drawn. Raises psycopg.Error, and
        OtherCommand where the id is of a credential of another operator or authorisation.
        """
        async with self._connection() as connection:
            for _ in range(DRAWS):
                if found := await reads.by_id(connection, id):
                    return same_request(found, tin, authorisation)
                number, count = await _row(connection, _LIST)
                place = number + (count >= FULL), secrets.randbelow(SIZE)
                row = make(new_code(), place)
                try:
                    await connection.execute(_INSERT, row)
                except UniqueViolation:
                    continue  # the place is taken, or the form was sent twice: read again
        async with self._connection() as connection:
            found = await reads.by_id(connection, id)
        if found is None:
            raise RuntimeError("no free place in a status list after twenty draws")
        return found

    async def withdraw(self, id: UUID, now: datetime) -> None:
        """Withdraws a credential. One that was withdrawn stays so since then."""
        async with self._connection() as connection:
            await connection.execute(
                "update access.credential set withdrawn_at = coalesce(withdrawn_at, %s)"
                " where id = %s",
                [now, id],
            )

    async def share(
        self, id: UUID, credential: UUID, subject: str, now: datetime, expires_at: datetime
    ) -> str | None:
        """Makes a link that shows a credential until an instant, and returns its token; None where
        a link with this id was made already, whose token nobody knows any more."""
        token = new_token()
        async with self._connection() as connection:
            done = await connection.execute(
                "insert into access.credential_share"
                " (digest, id, credential, made_at, subject, expires_at)"
                " values (%s, %s, %s, %s, %s, %s) on conflict (id) do nothing",
                [digest(token), id, credential, now, subject, expires_at],
            )
        return token if done.rowcount else None

    async def revoke(self, share: UUID, credential: UUID, now: datetime) -> None:
        """Revokes a link. One that was revoked stays so since then."""
        async with self._connection() as connection:
            await connection.execute(
                "update access.credential_share set revoked_at = coalesce(revoked_at, %s)"
                " where id = %s and credential = %s",
                [now, share, credential],
            )

    async def opened(self, share: UUID, now: datetime) -> None:
        """Counts that a link was opened."""
        async with self._connection() as connection:
            await connection.execute(
                "update access.credential_share set looks = looks + 1, looked_at = %s"
                " where id = %s",
                [now, share],
            )

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[AsyncConnection[Any]]:
        parameters = connection_parameters(
            self._conninfo,
            {"role": "aeo_writer", "timezone": "UTC"},
            autocommit=True,
            connect_timeout=5,
            application_name="aeo credentials",
        )
        connection = await AsyncSession.connect(**parameters)
        async with connection:
            yield connection


async def _row(connection: AsyncConnection[Any], statement: str) -> tuple[Any, ...]:
    row = await (await connection.execute(statement)).fetchone()
    assert row is not None
    return tuple(row)


async def _awaited(read: Callable[[], Awaitable[ListedBits]]) -> ListedBits:
    return await read()
