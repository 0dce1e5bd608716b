"""An event takes place: the library's `trigger_event` for plain events, in a third of the time.

The library copies the arguments, asks for every default again, and sets each field of a frozen
dataclass by a call. Whatever is not plain goes the library's way.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from functools import cache
from typing import Any, TypeVar
from uuid import UUID

from eventsourcing.domain import BaseAggregate, CanInitAggregate, CanMutateAggregate
from eventsourcing.utils import get_topic

Event = CanMutateAggregate[UUID]
GIVEN = frozenset({"originator_id", "originator_version", "originator_topic", "timestamp"})

A = TypeVar("A", bound=BaseAggregate[UUID])


def trigger_plain_event(
    aggregate: BaseAggregate[UUID], event_class: Any, said: dict[str, Any]
) -> bool:
    """Make the aggregate's next event, apply it and leave it pending.

    False, and nothing has happened, when it is one for the library: an event with a way of its own
    to mutate, a mere base of others, or one of which too much or too little was said.
    """
    plain = _plain(event_class)
    if plain is None:
        return False
    blank, wanted = plain
    fields = {**blank, **said}
    if len(fields) != len(blank) or not said.keys() >= wanted:
        return False
    version = aggregate.version + 1
    fields["originator_id"] = aggregate.id
    fields["originator_version"] = version
    fields["timestamp"] = event_class.create_timestamp()
    event: Event = object.__new__(event_class)
    object.__setattr__(event, "__dict__", fields)
    event.apply(aggregate)  # first: it may raise
    aggregate.version = version
    aggregate.modified_on = event.timestamp
    aggregate.pending_events.append(event)
    return True


def create_aggregate(kind: type[A], event_class: Any, id: UUID, said: dict[str, Any]) -> A:
    """A new aggregate, as the library makes it from this event; the event is left pending.

    Raises TypeError when too much or too little was said of it.
    """
    plain = _plain(event_class, CanInitAggregate.mutate)
    blank, wanted = plain or ({}, frozenset())
    fields = {**blank, **said}
    if len(fields) != len(blank) or not said.keys() >= wanted:
        raise TypeError(f"{event_class.__qualname__} cannot begin with {', '.join(said)}")
    fields["originator_topic"] = get_topic(kind)
    fields["originator_id"] = id
    fields["originator_version"] = kind.INITIAL_VERSION
    fields["timestamp"] = event_class.create_timestamp()
    event: CanInitAggregate[UUID] = object.__new__(event_class)
    object.__setattr__(event, "__dict__", fields)
    aggregate: A | None = event.mutate(None)
    assert aggregate is not None
    aggregate.pending_events.append(event)
    return aggregate


@cache
def _plain(
    event_class: Any, usual: Callable[..., Any] = CanMutateAggregate.mutate
) -> tuple[dict[str, Any], frozenset[str]] | None:
    """Its fields in their order, with their defaults, and the names that must be said."""
    own: list[dataclasses.Field[Any]] = list(dataclasses.fields(event_class))
    odd = [f for f in own if not f.init or f.default_factory is not dataclasses.MISSING]
    if odd or event_class.mutate is not usual or event_class.__name__ == "Event":
        return None
    blank = {f.name: None if f.default is dataclasses.MISSING else f.default for f in own}
    bare = {f.name for f in own if f.default is dataclasses.MISSING}
    return blank, frozenset(bare - GIVEN)
