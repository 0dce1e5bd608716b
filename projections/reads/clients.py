"""Reads clients: whether one may get tokens and use them, and the clients of administrations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import class_row


@dataclass(frozen=True)
class ClientKeyRow:
    """A client with one of its keys, in use or not. `key`: a JWK as JSON text."""

    acts_for: str
    key: str
    usable: bool


@dataclass(frozen=True)
class ClientRow:
    """A client with all its keys: `keys` is a list of objects with `keyId`, `added`, `retired`."""

    client: str
    administration: str | None
    acts_for: str
    name: str
    registered: datetime
    revoked: datetime | None
    reason: str | None
    keys: list[dict[str, Any]]


async def client_key(
    connection: AsyncConnection[Any], client: str, key_id: str
) -> ClientKeyRow | None:
    """Returns a client with this key; None where it has none. The key is usable if neither it nor
    the client is revoked."""
    async with connection.cursor(row_factory=class_row(ClientKeyRow)) as cursor:
        await cursor.execute(
            "select c.acts_for, k.key, c.revoked is null and k.retired is null as usable"
            " from views.client c join views.client_key k using (client)"
            " where c.client = %s and k.key_id = %s",
            [client, key_id],
        )
        return await cursor.fetchone()


async def clients(
    connection: AsyncConnection[Any], administrations: Sequence[str] | None
) -> list[ClientRow]:
    """Returns the clients of these administrations; None: all."""
    async with connection.cursor(row_factory=class_row(ClientRow)) as cursor:
        await cursor.execute(
            "select c.client, c.administration, c.acts_for, c.name, c.recorded_from as registered,"
            " c.revoked, c.reason, coalesce((select jsonb_agg(jsonb_build_object('keyId', k.key_id,"
            " 'added', k.recorded_from, 'retired', k.retired) order by k.position)"
            " from views.client_key k where k.client = c.client), '[]') as keys"
            " from views.client c where %(whose)s::text[] is null"
            " or c.administration = any(%(whose)s) order by c.client",
            {"whose": None if administrations is None else list(administrations)},
        )
        return await cursor.fetchall()
