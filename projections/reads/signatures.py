"""Reads the decision signatures of administrations, with the keys recorded in their own streams."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from psycopg import AsyncConnection

from registry.domain.administrations import Administration
from registry.domain.decisions import CommandSignature
from registry.domain.values import AdministrationCode


@dataclass(frozen=True)
class SignedDecision:
    """The signed command of one event. `keys`: those that the administration had at that event."""

    signed: CommandSignature
    keys: tuple[str, ...]


async def decisions(
    connection: AsyncConnection[Any], positions: Sequence[int]
) -> dict[int, SignedDecision]:
    """The signatures of the events at these positions. Events without a signature are left out."""
    cursor = await connection.execute(
        "select e.position, s.administration, s.key, s.text, s.signature"
        " from ledger.event e join ledger.signature s using (command_id)"
        " where e.position = any(%s)",
        [list(positions)],
    )
    found = {at: CommandSignature(*fields) for at, *fields in await cursor.fetchall()}
    ids = {
        command_signature.administration: Administration.create_id(
            AdministrationCode(command_signature.administration)
        )
        for command_signature in found.values()
    }
    cursor = await connection.execute(
        "select originator_id, position, topic = 'administration.key_added',"
        " state::json ->> 'key' from ledger.event where originator_id = any(%s)"
        " and topic in ('administration.key_added', 'administration.key_retired')"
        " order by position",
        [list(ids.values())],
    )
    changes = await cursor.fetchall()
    return {
        at: SignedDecision(
            command_signature, tuple(_before(at, ids[command_signature.administration], changes))
        )
        for at, command_signature in found.items()
    }


def _before(at: int, stream: Any, changes: Sequence[tuple[Any, ...]]) -> dict[str, None]:
    """A key that is retired by a command signed with it was still valid for that signature."""
    keys: dict[str, None] = {}
    for of, position, added, key in changes:
        if of == stream and position < at:
            if added:
                keys[key] = None
            else:
                keys.pop(key, None)
    return keys
