"""Catalogue of the read models: for each one its aggregates, its tables, and the functions that
compute its rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

from projections.models import administrations, agreements, operators, programmes, publications
from projections.models.tables import Rows
from registry.domain.bitemporal import TimedEvent


@dataclass(frozen=True)
class Projection:
    """Declares a read model: `nouns` are the kinds of aggregate whose events it reads, `rows` the
    function for each."""

    name: str
    nouns: tuple[str, ...]
    rows: dict[str, Callable[[Sequence[TimedEvent[Any]]], Rows]]
    #: The column of each table that holds the key of a stream; rows are found and deleted by it.
    keys: dict[str, str]


PROJECTIONS = (
    Projection(
        "administrations",
        ("administration",),
        {"administration": administrations.rows},
        {"administration": "code", "membership": "bloc", "list_received": "administration"},
    ),
    Projection(
        "programmes",
        ("programme",),
        {"programme": programmes.rows},
        {"programme": "code", "programme_type": "programme", "programme_rule": "programme"},
    ),
    Projection(
        "agreements",
        ("agreement",),
        {"agreement": agreements.rows},
        {table: "id" if table == "agreement" else "agreement" for table in agreements.TABLES},
    ),
    Projection(
        "publications",
        ("claim", "document"),
        {"claim": publications.claim_rows, "document": publications.document_rows},
        {"claim": "id", "document": "id", "target": "document"},
    ),
    Projection(
        "operators",
        ("operator",),
        {"operator": operators.rows},
        dict.fromkeys(operators.TABLES, operators.KEY),
    ),
)
BY_NAME = {projection.name: projection for projection in PROJECTIONS}


def key_of(noun: str, first: Any) -> str:
    """Returns the key by which the rows of a stream are found. `first`: the first event of the
    stream."""
    if noun == "claim":
        return str(first.originator_id)
    return str(getattr(first, "tin" if noun == "operator" else noun))


def tables_of(noun: str) -> dict[str, str]:
    """Returns the tables that hold rows of this kind of stream, each with its key column; including
    `change`, from which rows are never deleted."""
    [projection] = [projection for projection in PROJECTIONS if noun in projection.nouns]
    others = set(projection.nouns) - {noun}
    if noun != projection.nouns[-1]:
        return {noun: projection.keys[noun]}
    own = {table: key for table, key in projection.keys.items() if table not in others}
    return own | ({"change": operators.KEY} if noun == operators.NOUN else {})


def stream_of(noun: str, key: str) -> UUID | None:
    """Returns the id of the stream with this key; None if no stream can have the key."""
    try:
        return UUID(key) if noun == "claim" else uuid5(NAMESPACE_URL, f"{noun}/{key}")
    except ValueError:
        return None


NOUNS = {noun: projection for projection in PROJECTIONS for noun in projection.nouns}


def rows_of(noun: str, recorded_events: Sequence[tuple[TimedEvent[Any], datetime]]) -> Rows:
    """Returns every row of a whole stream. `told`: its events, each with its recording instant."""
    events = [event for event, _ in recorded_events]
    made = NOUNS[noun].rows[noun](events)
    if noun == operators.NOUN:
        made |= operators.changes(events[0].event, recorded_events)
    return made
