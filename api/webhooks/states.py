"""Writes how far webhooks are, and their dead letters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from api.webhooks.lane import Lane
from registry.ledger.connections import AsyncSession
from registry.ledger.database import connection_parameters

#: The columns of a state, and their types.
_COLUMNS = {
    "epoch": "text",
    "position": "bigint",
    "replayed": "bigint",
    "delivered_at": "timestamptz",
    "attempts": "bigint",
    "delivered": "bigint",
    "failures": "integer",
    "failing_since": "timestamptz",
    "failure": "text",
    "next_attempt_at": "timestamptz",
    "after_position": "bigint",
    "until_position": "bigint",
    "message_at": "timestamptz",
    "corrected": "boolean",
    "stopped": "text",
}
#: One statement for all states: so many rows a second that a statement for each is too slow.
_UPDATE = (
    f"update access.webhook_state s set {', '.join(f'{name} = n.{name}' for name in _COLUMNS)}"
    f" from json_to_recordset(%s::json) n (webhook uuid,"
    f" {', '.join(f'{name} {kind}' for name, kind in _COLUMNS.items())})"
    " where s.webhook = n.webhook"
).encode()
_DEAD = (
    "insert into access.webhook_dead_letter (webhook, message, epoch, after_position,"
    " until_position, failing_since, given_up_at, attempts, failure)"
    " values (%(webhook)s, %(message)s, %(epoch)s, %(after_position)s, %(until_position)s,"
    " %(failing_since)s, %(given_up_at)s, %(attempts)s, %(failure)s)"
)


async def write(conninfo: str, lanes: Sequence[Lane]) -> None:
    """Writes the state of these lanes, and their new dead letters, in one transaction. Raises
    psycopg.Error; the lanes are then still to be written."""
    if not lanes:
        return
    states = [_state(lane) for lane in lanes]
    dead = [list(lane.dead) for lane in lanes]
    for lane in lanes:
        lane.dirty = False
    parameters = connection_parameters(
        conninfo, {"role": "aeo_writer", "timezone": "UTC"}, connect_timeout=5
    )
    try:
        connection = await AsyncSession.connect(**parameters)
        async with connection, connection.cursor() as cursor:
            await cursor.execute(_UPDATE, [msgspec.json.encode(states).decode()])
            if letters := [vars(letter) for each in dead for letter in each]:
                await cursor.executemany(_DEAD, letters)
    except BaseException:
        for lane in lanes:
            lane.dirty = True
        raise
    for lane, written in zip(lanes, dead, strict=True):
        del lane.dead[: len(written)]


def _state(lane: Lane) -> dict[str, Any]:
    message = lane.message
    return {
        "webhook": lane.row.id,
        "epoch": lane.epoch,
        "position": lane.position,
        "replayed": lane.replayed,
        "delivered_at": lane.delivered_at,
        "attempts": lane.attempts,
        "delivered": lane.delivered,
        "failures": lane.failures,
        "failing_since": lane.failing_since,
        "failure": lane.failure,
        "next_attempt_at": lane.next_attempt_at,
        "after_position": message.after if message else None,
        "until_position": message.until if message else None,
        "message_at": message.at if message else None,
        "corrected": message.corrected if message else None,
        "stopped": lane.stopped,
    }
