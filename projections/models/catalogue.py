"""The read models: whose events each is made of, which tables it has, which rows a stream makes."""

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
    """What must be known of a read model: whose events, which tables, which rows."""

    name: str
    nouns: tuple[str, ...]
    rows: dict[str, Callable[[Sequence[TimedEvent[Any]]], Rows]]
    #: The column of each table by which a stream's rows are found, and forgotten.
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
    """The words by which a stream's rows are found in the tables; `first`: its first event."""
    if noun == "claim":
        return str(first.originator_id)
    return str(getattr(first, "tin" if noun == "operator" else noun))


def tables_of(noun: str) -> dict[str, str]:
    """The tables that hold the rows of a stream of this kind, and the column of each by which they
    are found, also of the table from which nothing is ever forgotten."""
    [projection] = [projection for projection in PROJECTIONS if noun in projection.nouns]
    others = set(projection.nouns) - {noun}
    if noun != projection.nouns[-1]:
        return {noun: projection.keys[noun]}
    own = {table: key for table, key in projection.keys.items() if table not in others}
    return own | ({"change": operators.KEY} if noun == operators.NOUN else {})


def stream_of(noun: str, key: str) -> UUID | None:
    """The id of the stream whose rows are found by this key; None where no stream can have it."""
    try:
        return UUID(key) if noun == "claim" else uuid5(NAMESPACE_URL, f"{noun}/{key}")
    except ValueError:
        return None


NOUNS = {noun: projection for projection in PROJECTIONS for noun in projection.nouns}


def rows_of(noun: str, told: Sequence[tuple[TimedEvent[Any], datetime]]) -> Rows:
    """Every row that a whole stream makes. `told`: its events, and when each was recorded."""
    events = [event for event, _ in told]
    made = NOUNS[noun].rows[noun](events)
    if noun == operators.NOUN:
        made |= operators.changes(events[0].event, told)
    return made
