"""Read model of programmes: types and rules with valid and transaction time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from projections.models.tables import Rows, array
from registry.domain.bitemporal import ALWAYS, TimedEvent, bitemporal_rows
from registry.domain.decisions import begins
from registry.domain.programmes import Programme
from registry.domain.texts import folded

NOUN = "programme"
TABLES = ("programme", "programme_type", "programme_rule")
KEY = "programme"  # the key column is `code` in the table programme


def key(events: Sequence[TimedEvent[Any]]) -> str:
    """Returns the key of the rows: the code of the programme."""
    return str(events[0].event.programme)


def rows(events: Sequence[TimedEvent[Any]]) -> Rows:
    """Returns every row of a programme, from its whole stream. A pure function of the events."""
    first = events[0].event
    code, zone = first.programme, first.time_zone
    types, rules = [], []
    for n, event in enumerate(events):
        domain_events = [e.event for e in events[1 : n + 1]]
        types.append((event.position, event.known_at, _types(first, domain_events, zone)))
        rules.append((event.position, event.known_at, _rules(domain_events, zone)))
    return {
        "programme": [
            (
                code,
                first.administration.text,
                first.name,
                first.local_name,
                first.launched,
                first.operators_described,
                first.confidence,
                first.source,
                events[0].known_at,
                events[-1].position,
                _search_text(events),
            )
        ],
        "programme_type": [
            (code, array(r.fact[0]), *r.fact[1:], *_transaction_time(r))
            for r in bitemporal_rows(types)
        ],
        "programme_rule": [(code, *r.fact, *_transaction_time(r)) for r in bitemporal_rows(rules)],
    }


def _search_text(events: Sequence[TimedEvent[Any]]) -> str:
    """Returns the text that a search looks in: code, names, the description in the source, and the
    sources of the rules."""
    first = events[0].event
    said = [first.programme, first.name, first.local_name, first.operators_described, first.source]
    said += [
        event.event.legal_ground or event.event.source
        for event in events[1:]
        if isinstance(event.event, Programme.RuleSet)
    ]
    return "\n".join(dict.fromkeys(folded(text) for text in said if text))


def _types(
    first: Programme.Registered, domain_events: list[Programme.Event], zone: str
) -> list[tuple[Any, ...]]:
    dated: dict[datetime, tuple[str, ...]] = {ALWAYS: first.types}
    for event in domain_events:
        if isinstance(event, Programme.TypesSet):
            dated[begins(event.effective, zone)] = event.types
    starts = sorted(dated)
    return [
        (dated[start], start, end) for start, end in zip(starts, [*starts[1:], None], strict=True)
    ]


def _rules(domain_events: list[Programme.Event], zone: str) -> list[tuple[Any, ...]]:
    """Returns each rule with the days on which it is in effect.

    A newer rule of the same name replaces an older one without an end, and gives way to it again
    after its own end (Programme.rules_on).
    """
    named: dict[str, list[Programme.RuleSet]] = {}
    for event in domain_events:
        if isinstance(event, Programme.RuleSet):
            named.setdefault(event.rule, []).append(event)
    return [row for of_name in named.values() for row in _rule_intervals(of_name, zone)]


def _rule_intervals(of_name: list[Programme.RuleSet], zone: str) -> list[tuple[Any, ...]]:
    turns = sorted({e.effective for e in of_name} | {e.until for e in of_name if e.until})
    newest_last = sorted(of_name, key=lambda e: e.effective)
    found: list[tuple[Programme.RuleSet, date, date | None]] = []
    for start, end in zip(turns, [*turns[1:], None], strict=True):
        begun = [e for e in newest_last if e.effective <= start]
        held = [e for e in begun if e.until is None or e.until > start]
        if not held:
            continue
        if found and found[-1][0] is held[-1] and found[-1][2] == start:
            start = found.pop()[1]
        found.append((held[-1], start, end))
    return [
        (
            e.rule,
            e.value if e.value is not None else e.as_rule.state.value.lower(),
            e.unit,
            e.as_rule.state.value,
            start,
            end,
            begins(start, zone),
            begins(end, zone) if end and end != date.max else None,
            e.legal_ground or e.source or "",
        )
        for e, start, end in found
    ]


def _transaction_time(row: Any) -> tuple[Any, ...]:
    return (row.recorded_from, row.recorded_to, row.position, row.position_to)
