"""Reconstructs aggregates from their events."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from eventsourcing.application import Repository


class AggregateRepository(Repository[UUID]):
    """The repository of the library, without its check of each event.

    The library asks of each event whether it has a method `mutate`, which every event of the
    register has. Until Python 3.12 that question takes longer than to apply the event.
    """

    def get(self, aggregate_id: UUID, **options: Any) -> Any:
        """Reconstructs an aggregate. `options`: see Repository.get. Raises
        AggregateNotFoundError."""
        return super().get(aggregate_id, projector_func=_applied, **options)


def _applied(aggregate: Any, events: Iterable[Any]) -> Any:
    for event in events:
        aggregate = event.mutate(aggregate)
    return aggregate
