"""Writes how far webhooks are, and their dead letters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from api.webhooks.lane import Lane
from registry.ledger.connections import AsyncSession
from registry.ledger.database import connection_parameters

_COLUMNS = (
    "epoch",
    "position",
    "replayed",
    "delivered_at",
    "attempts",
    "delivered",
    "failures",
    "failing_since",
    "failure",
    "next_attempt_at",
    "after_position",
    "until_position",
    "message_at",
    "corrected",
    "stopped",
)
_UPDATE = (
    f"update access.webhook_state set {', '.join(f'{name} = %({name})s' for name in _COLUMNS)}"
    " where webhook = %(webhook)s"
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
            await cursor.executemany(_UPDATE, states)
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
