"""The read models: whose events each is made of, which tables it has, which rows a stream makes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from projections import administrations, agreements, operators, programmes, publications
from projections.tables import Rows
from registry.clocks import Known


@dataclass(frozen=True)
class Projection:
    """What must be known of a read model: whose events, which tables, which rows."""

    name: str
    nouns: tuple[str, ...]
    rows: dict[str, Callable[[Sequence[Known[Any]]], Rows]]
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
