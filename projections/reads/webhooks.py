"""The webhooks of an owner, each with how far it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, LiteralString
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.rows import class_row

DEAD_LETTERS = 100  # the last ones that are shown


@dataclass(frozen=True)
class WebhookRow:
    """A webhook and its state; the state is empty until the sender has seen it. Instants: UTC.
    `generation`: how often its secret was replaced; the one before is used until `former_until`.
    """

    id: UUID
    owner: str
    subject: str
    role: str
    administration: str | None
    territory: str
    url: str
    signature: str
    registered_at: datetime
    generation: int
    former_until: datetime | None
    replay_epoch: str | None
    replay_after: int | None
    replay_number: int | None
    epoch: str | None
    position: int | None
    replayed: int | None
    delivered_at: datetime | None
    attempts: int | None
    delivered: int | None
    failures: int | None
    failing_since: datetime | None
    failure: str | None
    next_attempt_at: datetime | None
    after_position: int | None
    until_position: int | None
    message_at: datetime | None
    corrected: bool | None
    stopped: str | None


@dataclass(frozen=True)
class DeadLetterRow:
    """A message that was given up. Instants: UTC."""

    webhook: UUID
    message: str
    epoch: str
    after_position: int
    until_position: int
    failing_since: datetime
    given_up_at: datetime
    attempts: int
    failure: str


def second(at: datetime) -> str:
    """An instant as it stands in a sentence, to the second."""
    return f"{at.astimezone(UTC).replace(tzinfo=None).isoformat(' ', 'seconds')} UTC"


_SELECT: LiteralString = """
select w.id, w.owner, w.subject, w.role, w.administration, w.territory, w.url, w.signature,
    w.registered_at, w.generation, w.former_until, w.replay_epoch, w.replay_after, w.replay_number,
    s.epoch, s.position, s.replayed, s.delivered_at, s.attempts, s.delivered, s.failures,
    s.failing_since, s.failure, s.next_attempt_at, s.after_position, s.until_position,
    s.message_at, s.corrected, s.stopped
from access.webhook w left join access.webhook_state s on s.webhook = w.id
where w.removed_at is null and (%(owner)s::text is null or w.owner = %(owner)s)
    and (%(id)s::uuid is null or w.id = %(id)s)
order by w.registered_at, w.id"""
_DEAD: LiteralString = """
select d.webhook, d.message, d.epoch, d.after_position, d.until_position, d.failing_since,
    d.given_up_at, d.attempts, d.failure
from unnest(%(webhooks)s::uuid[]) w (id)
cross join lateral (
    select * from access.webhook_dead_letter d where d.webhook = w.id
    order by d.number desc limit %(most)s
) d
order by d.number desc"""


async def webhooks(
    connection: AsyncConnection[Any], owner: str | None = None, id: UUID | None = None
) -> list[WebhookRow]:
    """The webhooks that are registered: of an owner, or all; or one, by its id."""
    async with connection.cursor(row_factory=class_row(WebhookRow)) as cursor:
        await cursor.execute(_SELECT, {"owner": owner, "id": id})
        return await cursor.fetchall()


async def dead_letters(
    connection: AsyncConnection[Any], webhooks: Sequence[UUID], most: int = DEAD_LETTERS
) -> list[DeadLetterRow]:
    """The last messages of these webhooks that were given up, the newest first."""
    async with connection.cursor(row_factory=class_row(DeadLetterRow)) as cursor:
        await cursor.execute(_DEAD, {"webhooks": list(webhooks), "most": most})
        return await cursor.fetchall()
