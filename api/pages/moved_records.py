"""What was recorded in a file after somebody opened a form about it: what, from when, why, and by
whom.

An officer is told whether it was a colleague, or the same person in another window. Of others it
learns the administration that decided.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from fastapi import Request

from api.access.policy import SubjectRole
from api.graphql.context import Context
from api.languages.language import _
from api.pages.labels import country
from api.pages.query import context


@dataclass(frozen=True)
class MovedRecord:
    """A record. `at`: when it was recorded, in UTC; `effective`: the civil day from which it
    counts; `whom`: by whom, in words, "" where nobody may know."""

    topic: str
    effective: date
    at: datetime
    whom: str
    reason: str


async def moved_records(request: Request, events: Sequence[Any]) -> list[MovedRecord]:
    """Returns what these events of one stream recorded, in words, in their order."""
    if not events:
        return []
    asked = await context(request)
    first, actors = events[0], {}
    if asked.subject.role is SubjectRole.OFFICER:
        actors = await asyncio.get_running_loop().run_in_executor(
            asked.writers,
            asked.registry.ledger.actors,
            first.originator_id,
            first.originator_version,
        )
    return [
        MovedRecord(
            event.TOPIC,
            event.effective,
            event.timestamp,
            _whom(asked, event.decided_by, actors.get(event.originator_version, "")),
            getattr(event, "reason", None) or "",
        )
        for event in events
    ]


async def moved_after(request: Request, stream: UUID, version: int) -> list[MovedRecord]:
    """Returns what was recorded in a stream after a version. For an officer, who sees all of it."""
    asked = await context(request)

    def read() -> list[Any]:
        return list(asked.registry.events.get(stream, gt=version))

    found = await asyncio.get_running_loop().run_in_executor(asked.writers, read)
    return await moved_records(request, found)


def _whom(asked: Context, decided_by: Any, actor: str) -> str:
    if actor and actor == asked.subject.actor:
        return _("by you, in another window")
    if decided_by is None:
        return ""
    administration = country(decided_by.text)
    if actor and decided_by in asked.subject.own:
        return _("by a colleague, %(administration)s", administration=administration)
    return _("by %(administration)s", administration=administration)
