"""Read models of published claims, which are shown beside the register's own counts, and of
documents with their targets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from projections.models.tables import Rows, array, optional
from registry.domain.amendments import apply_amendment
from registry.domain.bitemporal import TimedEvent
from registry.domain.publications import Claim, Document, DocumentReading
from registry.domain.texts import folded

TABLES = ("claim", "document", "target")


def claim_rows(events: Sequence[TimedEvent[Any]]) -> Rows:
    """Returns the row of a claim as it was published. A retracted claim has no row; its events stay
    in the stream."""
    timed_event = events[0]
    e = timed_event.event
    if any(isinstance(known.event, Claim.Retracted) for known in events):
        return {"claim": []}
    return {
        "claim": [
            (
                e.originator_id,
                e.subject.text,
                e.measure,
                e.value,
                e.as_of,
                e.precision,
                e.text,
                e.source or "",
                timed_event.known_at,
                timed_event.position,
            )
        ]
    }


def _json(names: Any) -> str:
    return msgspec.json.encode(names, order="sorted").decode()


def document_rows(events: Sequence[TimedEvent[Any]]) -> Rows:
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
    said = [first.document, reading.title, *reading.titles.values(), reading.text, first.source]
    said += [reading.quotation, reading.note, *reading.measures]
    said += [text for words in reading.measure_names.values() for text in words.values()]
    for target in targets.values():
        said += [target.event.text, target.event.quotation, target.event.note]
    return {
        "document": [
            (
                first.document,
                reading.title,
                reading.dated,
                array(first.parties),
                array(reading.measures),
                array(tuple(linked)),
                reading.text,
                reading.confidence,
                first.source or "",
                "\n".join(folded(t) for t in said if t),
                events[0].known_at,
                events[-1].position,
                _json(reading.titles),
                reading.language,
                _json(reading.measure_names),
                reading.quotation,
                reading.note,
            )
        ],
        "target": [
            (
                first.document,
                e.target,
                optional(e.owner),
                e.text,
                e.deadline,
                optional(e.relation),
                e.condition,
                array(e.states),
                msgspec.json.encode(e.willing or {}, order="sorted").decode(),
                e.source or "",
                timed_event.known_at,
                timed_event.position,
                e.quotation,
                e.note,
            )
            for timed_event in targets.values()
            for e in [timed_event.event]
        ],
    }
