"""A faster replacement for the library's `trigger_event`, for events without special behaviour.

The library copies the arguments, evaluates every default again, and sets each field of a frozen
dataclass by a call. This module takes a third of that time. Other events are left to the library.
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
SET_BY_LIBRARY = frozenset({"originator_id", "originator_version", "originator_topic", "timestamp"})

A = TypeVar("A", bound=BaseAggregate[UUID])


def trigger_plain_event(
    aggregate: BaseAggregate[UUID], event_class: Any, content: dict[str, Any]
) -> bool:
    """Creates the aggregate's next event, applies it and adds it to the pending events.

    Returns False, without any effect, if the library must do it: the event has its own `mutate`, is
    only a base class, or has too many or too few arguments.
    """
    plain = _plain(event_class)
    if plain is None:
        return False
    defaults, required = plain
    fields = {**defaults, **content}
    if len(fields) != len(defaults) or not content.keys() >= required:
        return False
    version = aggregate.version + 1
    fields["originator_id"] = aggregate.id
    fields["originator_version"] = version
    fields["timestamp"] = event_class.create_timestamp()
    event: Event = object.__new__(event_class)
    object.__setattr__(event, "__dict__", fields)
    event.apply(aggregate)  # first, because it may raise
    aggregate.version = version
    aggregate.modified_on = event.timestamp
    aggregate.pending_events.append(event)
    return True


def create_aggregate(kind: type[A], event_class: Any, id: UUID, content: dict[str, Any]) -> A:
    """Creates a new aggregate from its first event, as the library does; the event is pending.

    Raises TypeError for too many or too few arguments.
    """
    plain = _plain(event_class, CanInitAggregate.mutate)
    defaults, required = plain or ({}, frozenset())
    fields = {**defaults, **content}
    if len(fields) != len(defaults) or not content.keys() >= required:
        raise TypeError(f"{event_class.__qualname__} cannot begin with {', '.join(content)}")
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
    event_class: Any, default_mutate: Callable[..., Any] = CanMutateAggregate.mutate
) -> tuple[dict[str, Any], frozenset[str]] | None:
    """The fields with their defaults, in order, and the names of the required arguments.

    Returns None if the event class has special behaviour.
    """
    own: list[dataclasses.Field[Any]] = list(dataclasses.fields(event_class))
    special = [f for f in own if not f.init or f.default_factory is not dataclasses.MISSING]
    if special or event_class.mutate is not default_mutate or event_class.__name__ == "Event":
        return None
    defaults = {f.name: None if f.default is dataclasses.MISSING else f.default for f in own}
    without_default = {f.name for f in own if f.default is dataclasses.MISSING}
    return defaults, frozenset(without_default - SET_BY_LIBRARY)
