"""Read model of agreements: sides, dates and scopes in both valid and transaction time, and the
links between pairs of parties."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

import msgspec

from projections.models.tables import Rows, array, optional
from registry.domain.agreements.events import Agreement, AgreementReading
from registry.domain.agreements.links import Link
from registry.domain.agreements.timeline import build_timeline
from registry.domain.amendments import apply_amendment
from registry.domain.bitemporal import TimedEvent
from registry.domain.texts import folded
from registry.domain.values import Dates, encode_value

NOUN = "agreement"
TABLES = ("agreement", "party", "stage", "side", "dated", "link")
KEY = "agreement"  # the key column is `id` in the table agreement


def key(events: Sequence[TimedEvent[Any]]) -> str:
    """Returns the key of the rows: the id of the agreement."""
    return str(events[0].event.agreement)


def rows(events: Sequence[TimedEvent[Any]]) -> Rows:
    """Returns every row of an agreement, from its whole stream. A pure function of the events."""
    timeline = build_timeline(events)
    first = timeline.proposed.event
    reading = AgreementReading.of(first)
    for known in events[1:]:
        if isinstance(known.event, Agreement.Amended):
            reading = apply_amendment(reading, known.event)
    words = _search_text(events, reading)
    return {
        "agreement": [
            (
                first.agreement,
                first.kind.value,
                array(first.pillars),
                reading.title,
                reading.legal_basis,
                reading.confidence,
                _json(reading.details),
                first.source,
                words,
                timeline.proposed.known_at,
                first.effective,
                timeline.last,
                _json(reading.titles),
                _json(reading.names),
            )
        ],
        "party": [
            (
                first.agreement,
                r.fact.party.text,
                r.fact.valid_from,
                r.fact.valid_to,
                *_transaction_time(r),
            )
            for r in timeline.parties
        ],
        "stage": [
            (
                first.agreement,
                r.fact.status.value,
                r.fact.valid_from,
                r.fact.valid_to,
                *_transaction_time(r),
            )
            for r in timeline.stages
        ],
        "side": [
            (
                first.agreement,
                r.fact.party.text,
                r.fact.implemented_from,
                r.fact.suspended,
                r.fact.valid_from,
                r.fact.valid_to,
                *_transaction_time(r),
            )
            for r in timeline.sides
        ],
        "dated": [
            (
                first.agreement,
                r.fact.what.value,
                optional(r.fact.side),
                r.fact.term,
                r.fact.dates.earliest,
                r.fact.dates.latest,
                r.fact.source,
                r.fact.assumed,
                r.fact.note,
                r.fact.from_at,
                r.fact.by_at,
                r.fact.over_at,
                *_transaction_time(r),
            )
            for r in timeline.dated
        ],
        "link": [(*_link(r.fact), *_transaction_time(r)) for r in timeline.links],
    }


def _search_text(events: Sequence[TimedEvent[Any]], reading: AgreementReading) -> str:
    """Returns the text that a search looks in: titles and names in every language, details, and the
    crossings, goods, schemes and notes of the clauses. Goods are found by their code alone and by
    "HS" in front of the code."""
    first = events[0].event
    said: list[str | None] = [first.agreement, reading.title, *reading.titles.values()]
    said += [reading.legal_basis, first.source, *reading.details, *reading.details.values()]
    said += [text for words in reading.names.values() for pair in words.items() for text in pair]
    said += [str(p.administration) for p in first.parties]
    for known in events[1:]:
        event = known.event
        said += [getattr(event, "note", None), getattr(event, "text", None)]
        if isinstance(event, Agreement.ScopeSet):
            clause = event.clause
            said += [*clause.crossings, *clause.modes, clause.identifier_scheme]
            said += [f"HS {code}" for code in clause.hs]
    return "\n".join(dict.fromkeys(folded(text) for text in said if text))


def _link(link: Link) -> tuple[Any, ...]:
    c = link.clause
    return (
        c.from_.text,
        c.to.text,
        link.agreement,
        link.kind.value,
        link.ordinal,
        link.state.value,
        link.assumed,
        array(c.programmes),
        array(c.types),
        array(c.roles),
        optional(c.direction),
        array(c.hs),
        array(c.crossings),
        array(c.modes),
        c.identifier_scheme,
        c.declaration_box,
        array(c.benefits),
        c.consent_required,
        c.max_age_hours,
        link.valid_from,
        link.valid_to,
        array(link.hindered_by),
        *_ends(link.begins),
        *_ends(link.ends),
    )


def _ends(dates: Dates | None) -> tuple[date | None, date | None]:
    return (dates.earliest, dates.latest) if dates else (None, None)


def _transaction_time(row: Any) -> tuple[Any, ...]:
    return (row.recorded_from, row.recorded_to, row.position, row.position_to)


def _json(value: Any) -> str:
    return msgspec.json.encode(value, enc_hook=encode_value, order="sorted").decode()
