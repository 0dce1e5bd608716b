"""Sessions of people who signed in: rows in the database, so that any process may end any of them.

The browser has 32 random bytes in a cookie, the database their SHA-256: who reads the table cannot
take a session over.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from secrets import token_urlsafe
from typing import Any

import psycopg

from api.access.access_tokens import Authenticated
from api.access.policy import Subject, named
from api.access.quick_connection import quick_connection
from api.access.token_reasons import InvalidToken, TokenReason

#: Notification channel: sessions were ended. Every process then reads sessions anew.
CHANNEL = "sessions_ended"
_BEGIN = (
    "insert into access.session (digest, subject, agent, issuer, expires, account, sid)"
    " values (%s, %s, %s, %s, %s, %s, %s)"
)
_READ = (
    "select subject, agent, expires from access.session"
    " where digest = %s and ended is null and expires > clock_timestamp()"
)
_END = "update access.session set ended = clock_timestamp() where ended is null and digest = %s"
_END_ALL = (
    "update access.session s set ended = clock_timestamp() from access.session own"
    " where own.digest = %s and s.ended is null"
    " and (s.subject, s.agent) = (own.subject, own.agent)"
)
_END_AT_ISSUER = (
    "update access.session set ended = clock_timestamp() where ended is null and issuer = %s"
    " and begun < to_timestamp(%s)"
    " and (%s::text is null or sid = %s) and (%s::text is null or account = %s)"
)
_TELL = f"select pg_notify('{CHANNEL}', '')"
_SWEEP = "delete from access.session where expires < clock_timestamp() - interval '30 days'"


class Sessions:
    """Begins, reads and ends sessions. One a process."""

    def __init__(self, conninfo: str, hours: float) -> None:
        """`hours`: how long a session lasts."""
        self._conninfo, self._life = conninfo, timedelta(hours=hours)

    @property
    def seconds(self) -> int:
        """How long a session lasts."""
        return int(self._life.total_seconds())

    async def begin(
        self, subject: Subject, issuer: str, account: str, sid: str | None = None
    ) -> str:
        """Begins a session and returns the value of its cookie. `account`, `sid`: of the person and
        of the session at the issuer. Raises psycopg.OperationalError."""
        value = token_urlsafe(32)
        expires = datetime.now(UTC) + self._life
        row = [_digest(value), subject.id, subject.agent, issuer, expires, account, sid]
        async with quick_connection(self._conninfo) as connection:
            await connection.execute(_BEGIN, row)
            await connection.execute(_SWEEP)
        return value

    @staticmethod
    async def read(connection: psycopg.AsyncConnection[Any], value: str) -> Authenticated:
        """Returns who has the session. Raises InvalidToken (SESSION_ENDED)."""
        cursor = await connection.execute(_READ, [_digest(value)])
        row = await cursor.fetchone()
        if row is None:
            raise InvalidToken("no session with this value", TokenReason.SESSION_ENDED)
        subject, agent, expires = row
        owner = named(subject)
        return Authenticated(
            replace(owner, agent=agent, person=agent),
            expires.timestamp(),
        )

    async def end(self, value: str, *, everywhere: bool = False) -> None:
        """Ends a session; `everywhere`: and all others of the same person. Raises
        psycopg.OperationalError."""
        async with quick_connection(self._conninfo) as connection:
            await connection.execute(_END_ALL if everywhere else _END, [_digest(value)])
            await connection.execute(_TELL)

    async def end_at_issuer(
        self, issuer: str, account: str | None, sid: str | None, before: float
    ) -> int:
        """Ends the sessions that began at an issuer: of an account, of a session there, or of both.
        `before`: they began before this, in seconds since 1970. Returns how many there were. Raises
        psycopg.OperationalError."""
        if account is None and sid is None:
            return 0
        async with quick_connection(self._conninfo) as connection:
            done = await connection.execute(
                _END_AT_ISSUER, [issuer, before, sid, sid, account, account]
            )
            await connection.execute(_TELL)
        return done.rowcount


def _digest(value: str) -> bytes:
    return sha256(value.encode()).digest()
