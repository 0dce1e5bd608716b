"""Claims beside which the register's own counts are shown, and documents with their targets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from projections.tables import Rows, array, optional
from registry.clocks import Known
from registry.publications import Document

TABLES = ("claim", "document", "target")


def claim_rows(events: Sequence[Known[Any]]) -> Rows:
    it = events[0]
    e = it.event
    return {
        "claim": [
            (
                e.originator_id, e.subject.text, e.measure, e.value, e.as_of, e.precision, e.text,
                e.source or "", it.known_at, it.position,
            )
        ]
    }  # fmt: skip


def document_rows(events: Sequence[Known[Any]]) -> Rows:
    first = events[0].event
    linked = [
        it.event.agreement for it in events if isinstance(it.event, Document.AgreementLinked)
    ]
    targets = {
        it.event.target: it for it in events if isinstance(it.event, Document.TargetSet)
    }
    said = [first.document, first.title, first.text, first.source, *first.measures]
    said += [it.event.text for it in targets.values()]
    return {
        "document": [
            (
                first.document, first.title, first.dated, array(first.parties),
                array(first.measures), array(tuple(linked)), first.text, first.confidence,
                first.source or "", "\n".join(t for t in said if t).lower(),
                events[0].known_at, events[-1].position,
            )
        ],
        "target": [
            (
                first.document, e.target, optional(e.owner), e.text, e.deadline,
                optional(e.relation), e.condition, array(e.states),
                msgspec.json.encode(e.willing or {}, order="sorted").decode(), e.source or "",
                it.known_at, it.position,
            )
            for it in targets.values()
            for e in [it.event]
        ],
    }  # fmt: skip
