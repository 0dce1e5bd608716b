"""From when each partner knows what was recorded about an operator."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from fastapi import Request

from api.graphql import retry as again
from api.http.service import Service
from projections.reads import freshness as reads


@dataclass(frozen=True)
class PartnerReading:
    """How far a partner has read the events of an operator. `way`: as in `reads.OutgoingData`;
    `read`: how many of the events are at or before its position; `last`: the newest of those, as
    GraphQL gives it, or None; `at`: when it last asked, in UTC, or None."""

    partner: str
    way: str
    read: int
    last: dict[str, Any] | None
    at: str | None


async def of_operator(request: Request, events: Sequence[dict[str, Any]]) -> list[PartnerReading]:
    """Returns the partners that read this register by themselves, each with the events that it has
    read. Whoever only asks is no such partner, and knows an event once it is recorded."""
    service: Service = request.app.state.service
    if not events:
        return []
    ordered = sorted(events, key=lambda event: int(event["position"]))
    found = []
    for row in await again.read(service.views, reads.outgoing):
        known = [event for event in ordered if int(event["position"]) <= row.position]
        asked = row.asked_at.isoformat(timespec="seconds") if row.asked_at else None
        last = known[-1] if known else None
        found.append(PartnerReading(row.partner, row.way, len(known), last, asked))
    return found
