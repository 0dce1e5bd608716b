"""Read models of published claims, which are shown beside the register's own counts, and of
documents with their targets."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID

import msgspec

from projections.models.read_model import (
    AggregateRows,
    BigInt,
    Events,
    Json,
    ReadModel,
    Rows,
    Table,
    TableRow,
    TextArray,
)
from projections.models.tables import array, optional
from registry.domain.amendments import apply_amendment
from registry.domain.publications import Claim, Document, DocumentReading
from registry.domain.texts import folded


class StoredClaim(TableRow):
    """A row of views.claim."""

    id: UUID
    subject: str
    measure: str
    value: BigInt
    as_of: date
    precision: str | None
    text: str | None
    source: str
    recorded_from: datetime
    position: BigInt


class StoredDocument(TableRow):
    """A row of views.document."""

    id: str
    title: str
    dated: date | None
    parties: TextArray
    measures: TextArray
    agreements: TextArray
    text: str | None
    confidence: str | None
    source: str
    words: str
    recorded_from: datetime
    position: BigInt
    titles: Json
    language: str | None
    measure_names: Json
    quotation: str | None
    note: str | None


class StoredTarget(TableRow):
    """A row of views.target: a target that a document sets."""

    document: str
    target: str
    owner: str | None
    text: str
    deadline: date | None
    relation: str | None
    condition: str | None
    states: TextArray
    willing: Json
    source: str
    recorded_from: datetime
    position: BigInt
    quotation: str | None
    note: str | None


def claim_rows(events: Events) -> Rows:
    """Returns the row of a claim as it was published. A retracted claim has no row; its events stay
    in the stream."""
    timed_event = events[0]
    e = timed_event.event
    if any(isinstance(known.event, Claim.Retracted) for known in events):
        return {"claim": []}
    return {
        "claim": [
            StoredClaim(
                id=e.originator_id,
                subject=e.subject.text,
                measure=e.measure,
                value=e.value,
                as_of=e.as_of,
                precision=e.precision,
                text=e.text,
                source=e.source or "",
                recorded_from=timed_event.known_at,
                position=timed_event.position,
            )
        ]
    }


def _json(names: Any) -> str:
    return msgspec.json.encode(names, order="sorted").decode()


def document_rows(events: Events) -> Rows:
    """Returns the rows of a document and its targets, from its whole stream. A pure function of
    the events."""
    first = events[0].event
    linked = [
        event.event.agreement
        for event in events
        if isinstance(event.event, Document.AgreementLinked)
    ]
    targets = {
        event.event.target: event for event in events if isinstance(event.event, Document.TargetSet)
    }
    reading = DocumentReading.of(first)
    for known in events[1:]:
        if isinstance(known.event, Document.Amended):
            reading = apply_amendment(reading, known.event)
    searched = [first.document, reading.title, *reading.titles.values(), reading.text, first.source]
    searched += [reading.quotation, reading.note, *reading.measures]
    searched += [text for words in reading.measure_names.values() for text in words.values()]
    for target in targets.values():
        searched += [target.event.text, target.event.quotation, target.event.note]
    return {
        "document": [
            StoredDocument(
                id=first.document,
                title=reading.title,
                dated=reading.dated,
                parties=array(first.parties),
                measures=array(reading.measures),
                agreements=array(tuple(linked)),
                text=reading.text,
                confidence=reading.confidence,
                source=first.source or "",
                words="\n".join(folded(t) for t in searched if t),
                recorded_from=events[0].known_at,
                position=events[-1].position,
                titles=_json(reading.titles),
                language=reading.language,
                measure_names=_json(reading.measure_names),
                quotation=reading.quotation,
                note=reading.note,
            )
        ],
        "target": [
            StoredTarget(
                document=first.document,
                target=e.target,
                owner=optional(e.owner),
                text=e.text,
                deadline=e.deadline,
                relation=optional(e.relation),
                condition=e.condition,
                states=array(e.states),
                willing=msgspec.json.encode(e.willing or {}, order="sorted").decode(),
                source=e.source or "",
                recorded_from=timed_event.known_at,
                position=timed_event.position,
                quotation=e.quotation,
                note=e.note,
            )
            for timed_event in targets.values()
            for e in [timed_event.event]
        ],
    }


PUBLICATIONS = ReadModel(
    "publications",
    (
        AggregateRows(
            "claim",
            key_field=None,
            tables=(Table("claim", StoredClaim, "id", valid="t.as_of <= {day}"),),
            rows=claim_rows,
        ),
        AggregateRows(
            "document",
            key_field="document",
            tables=(
                Table(
                    "document",
                    StoredDocument,
                    "id",
                    valid="t.dated is null or t.dated <= {day}",
                ),
                Table(
                    "target",
                    StoredTarget,
                    "document",
                    valid="exists (select from {schema}.document_at d where d.id = t.document)",
                    after=("document",),
                ),
            ),
            rows=document_rows,
        ),
    ),
)
