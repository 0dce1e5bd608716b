"""Catalogue of the read models: where each is declared, and the tables and aggregates by name."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

from projections.models.administrations import ADMINISTRATIONS
from projections.models.agreements import AGREEMENTS
from projections.models.clients import CLIENTS
from projections.models.operators import OPERATORS
from projections.models.programmes import PROGRAMMES
from projections.models.publications import PUBLICATIONS
from projections.models.read_model import AggregateRows, Rows, Table
from registry.domain.bitemporal import TimedEvent

READ_MODELS = (ADMINISTRATIONS, PROGRAMMES, AGREEMENTS, PUBLICATIONS, CLIENTS, OPERATORS)
BY_NAME = {model.name: model for model in READ_MODELS}
#: The read model of each kind of aggregate.
NOUNS = {noun: model for model in READ_MODELS for noun in model.nouns}
#: Every table by its name.
TABLES: dict[str, Table] = {table.name: table for model in READ_MODELS for table in model.tables}


def aggregate_of(noun: str) -> AggregateRows:
    """Returns how the events of one kind of aggregate become rows."""
    return NOUNS[noun].by_noun[noun]


def tables_of(noun: str) -> tuple[Table, ...]:
    """Returns the tables that hold rows of one kind of aggregate."""
    return aggregate_of(noun).tables


def key_of(noun: str, first: Any) -> str:
    """Returns the key by which the rows of a stream are found. `first`: the first event of the
    stream."""
    return aggregate_of(noun).key(first)


def stream_of(noun: str, key: str) -> UUID | None:
    """Returns the id of the stream with this key; None if no stream can have the key."""
    if aggregate_of(noun).key_field:
        return uuid5(NAMESPACE_URL, f"{noun}/{key}")
    try:
        return UUID(key)
    except ValueError:
        return None


def rows_of(noun: str, recorded_events: Sequence[tuple[TimedEvent[Any], datetime]]) -> Rows:
    """Returns every row of a whole stream, from its events with their recording instants."""
    aggregate = aggregate_of(noun)
    events = [event for event, _ in recorded_events]
    made = aggregate.rows(events)
    if aggregate.event_rows:
        made |= aggregate.event_rows(events[0].event, recorded_events)
    return made
