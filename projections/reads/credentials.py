"""SELECTs of credentials, of the links that show them, and of the authorisations they are about.

Credentials are written by the API (api/credentials/store.py). They are no read model: they cannot
be rebuilt from the ledger. What they say today is read from the read models each time.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.rows import class_row

from projections.reads.bitemporal_sql import POSITION, in_interval
from registry.domain.values import ENDED

Connection = AsyncConnection[Any]


@dataclass(frozen=True)
class CredentialRow:
    """A credential that was issued. Instants are in UTC; `jwt`: the credential itself."""

    id: UUID
    code: str
    tin: str
    authorisation: str
    issued_at: datetime
    valid_until: datetime
    subject: str
    status_list: int
    place: int
    position: int
    jwt: str
    withdrawn_at: datetime | None


@dataclass(frozen=True)
class ShareRow:
    """A link that shows a credential. Instants are in UTC. Its token is stored nowhere."""

    id: UUID
    credential: UUID
    made_at: datetime
    subject: str
    expires_at: datetime
    revoked_at: datetime | None
    looks: int
    looked_at: datetime | None


@dataclass(frozen=True)
class AuthorisationState:
    """An authorisation at two instants. `status`: at home; `abroad`: of the part that partners
    recognise. `event`: the position of the event that decided it. Instants are in UTC."""

    tin: str
    authorisation: str
    number: str | None
    programme: str
    type: str
    status: str
    abroad: str
    valid_from: datetime
    valid_to: datetime | None
    event: int


@dataclass(frozen=True)
class CredentialBits:
    """What the status lists say of one credential."""

    place: int
    suspended: bool
    ended: bool


@dataclass(frozen=True)
class CurrentCredential:
    """A credential that was not withdrawn and has not expired, with what its status lists say.
    Instants are in UTC."""

    id: UUID
    code: str
    authorisation: str
    issued_at: datetime
    valid_until: datetime
    suspended: bool
    ended: bool


_CREDENTIAL = """select id, code, tin, authorisation, issued_at, valid_until, subject, status_list,
    place, position, jwt, withdrawn_at from access.credential"""
_SHARE = """select id, credential, made_at, subject, expires_at, revoked_at, looks, looked_at
    from access.credential_share"""
_COUNTS = (
    f"{in_interval('%(at)s', 's.valid_from', 's.valid_to')}"
    f" and {in_interval('%(known)s', 's.recorded_from', 's.recorded_to')}"
)
_STATE = f"""
select s.tin, s.authorisation, s.number, s.programme, s.type, s.status, s.abroad, s.valid_from,
    s.valid_to, s.position as event
from views.status_period s
where s.tin = %(tin)s and {_COUNTS}
order by s.authorisation"""
_NAME = f"""
select s.name from views.particulars s where s.tin = %(tin)s and {_COUNTS}"""
_BOTH_BITS = f"""
    coalesce('SUSPENDED' in (s.status, s.abroad), false) as suspended,
    c.withdrawn_at is not null or s.status is null or s.status = any(%(ended)s) as ended
from access.credential c
left join views.status_period s on s.tin = c.tin and s.authorisation = c.authorisation and {_COUNTS}
"""
_CURRENT = f"""
select c.id, c.code, c.authorisation, c.issued_at, c.valid_until, {_BOTH_BITS}
where c.tin = %(tin)s and c.withdrawn_at is null and c.valid_until > %(at)s
order by ended, suspended, c.issued_at desc, c.id limit 1"""
_BITS = f"""
select c.place, {_BOTH_BITS}
where c.status_list = %(number)s and c.valid_until > %(at)s
    and c.place = coalesce(%(place)s::int, c.place)
order by c.place"""


async def by_id(connection: Connection, id: UUID) -> CredentialRow | None:
    """The credential with this id."""
    return await _one(connection, f"{_CREDENTIAL} where id = %s", id)


async def by_code(connection: Connection, code: str) -> CredentialRow | None:
    """The credential with this code."""
    return await _one(connection, f"{_CREDENTIAL} where code = %s", code)


async def of_operator(connection: Connection, tin: str, most: int) -> list[CredentialRow]:
    """The last credentials of an operator, newest first."""
    async with connection.cursor(row_factory=class_row(CredentialRow)) as cursor:
        statement = f"{_CREDENTIAL} where tin = %s order by issued_at desc, id limit %s"
        await cursor.execute(statement, [tin, most])
        return await cursor.fetchall()


async def current(connection: Connection, tin: str, now: datetime) -> CurrentCredential | None:
    """The credential of an operator that was not withdrawn and has not expired: a valid one before
    a suspended one, that before one that has ended, and of these the newest."""
    async with connection.cursor(row_factory=class_row(CurrentCredential)) as cursor:
        ended = [status.value for status in ENDED]
        asked = {"tin": tin, "at": now, "known": now, "ended": ended}
        await cursor.execute(_CURRENT, asked)
        return await cursor.fetchone()


async def share(connection: Connection, digest: bytes) -> ShareRow | None:
    """The link whose token has this digest."""
    async with connection.cursor(row_factory=class_row(ShareRow)) as cursor:
        await cursor.execute(f"{_SHARE} where digest = %s", [digest])
        return await cursor.fetchone()


async def shares(connection: Connection, credentials: list[UUID]) -> list[ShareRow]:
    """The links that show these credentials, newest first."""
    async with connection.cursor(row_factory=class_row(ShareRow)) as cursor:
        statement = f"{_SHARE} where credential = any(%s) order by made_at desc, id"
        await cursor.execute(statement, [credentials])
        return await cursor.fetchall()


async def states(
    connection: Connection, tin: str, at: datetime, known: datetime
) -> list[AuthorisationState]:
    """The authorisations of an operator at an instant of valid time, as known at one of
    transaction time."""
    async with connection.cursor(row_factory=class_row(AuthorisationState)) as cursor:
        await cursor.execute(_STATE, {"tin": tin, "at": at, "known": known})
        return await cursor.fetchall()


async def name(connection: Connection, tin: str, at: datetime, known: datetime) -> str | None:
    """The name of an operator at an instant of valid time, as known at one of transaction time."""
    row = await (await connection.execute(_NAME, {"tin": tin, "at": at, "known": known})).fetchone()
    return str(row[0]) if row else None


async def bits(
    connection: Connection, number: int, now: datetime, place: int | None = None
) -> list[CredentialBits]:
    """What the status lists of this number say now of each credential that has not expired, or of
    the one in that place."""
    async with connection.cursor(row_factory=class_row(CredentialBits)) as cursor:
        ended = [status.value for status in ENDED]
        asked = {"number": number, "place": place, "at": now, "known": now, "ended": ended}
        await cursor.execute(_BITS, asked)
        return await cursor.fetchall()


async def lists(connection: Connection) -> int:
    """How many status lists there are."""
    cursor = await connection.execute("select max(status_list) from access.credential")
    row = await cursor.fetchone()
    return int(row[0] or 0) if row else 0


async def position(connection: Connection) -> int:
    """The position up to which every read model is projected."""
    row = await (await connection.execute(f"select {POSITION}")).fetchone()
    return int(row[0]) if row else 0


async def _one(connection: Connection, statement: str, value: Any) -> CredentialRow | None:
    async with connection.cursor(row_factory=class_row(CredentialRow)) as cursor:
        await cursor.execute(statement, [value])
        return await cursor.fetchone()
