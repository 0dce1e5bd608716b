"""What the ledger stores beside the events of a command: their metadata, and the numbers held."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from eventsourcing.domain import BaseAggregate

from registry.domain.operators import unique_numbers
from registry.domain.operators.events import Operator
from registry.ledger.types import HeldNumbersRecord, Metadata


def held_numbers_record(aggregate: BaseAggregate[UUID]) -> HeldNumbersRecord | None:
    """Returns the numbers that an operator holds after its pending events, or None if these cannot
    change its numbers."""
    if not isinstance(aggregate, Operator) or not unique_numbers.can_change_numbers(
        aggregate.pending_events
    ):
        return None
    held_numbers = unique_numbers.numbers_held(aggregate)
    return HeldNumbersRecord(held_numbers.holder, held_numbers.home, held_numbers.written())


def metadata(event: Any, known_at: datetime | None) -> Metadata:
    """Returns the metadata that the ledger stores in columns of its own, copied from the event."""
    return Metadata(
        known_at, event.decided_by.text if event.decided_by else None, event.legal_ground
    )
