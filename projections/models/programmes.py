"""Read model of programmes: types and rules with valid and transaction time."""

from __future__ import annotations

from datetime import date, datetime
from typing import NamedTuple

from projections.models.read_model import (
    AggregateRows,
    BigInt,
    Events,
    ReadModel,
    Rows,
    Table,
    TableRow,
    TextArray,
)
from projections.models.tables import array
from registry.domain.bitemporal import ALWAYS, bitemporal_rows
from registry.domain.decisions import start_of_day
from registry.domain.programmes import Programme
from registry.domain.texts import folded


class StoredProgramme(TableRow):
    """A row of views.programme."""

    code: str
    administration: str
    name: str
    local_name: str | None
    launched: str | None
    operators_described: str | None
    confidence: str | None
    source: str | None
    recorded_from: datetime
    position: BigInt
    words: str | None


class StoredProgrammeType(TableRow):
    """A row of views.programme_type: the types that a programme offers in an interval."""

    programme: str
    types: TextArray
    valid_from: datetime
    valid_to: datetime | None
    recorded_from: datetime
    recorded_to: datetime | None
    position: BigInt
    position_to: BigInt | None


class StoredProgrammeRule(TableRow):
    """A row of views.programme_rule: a rule of a programme in an interval."""

    programme: str
    rule: str
    value: str
    unit: str | None
    state: str
    begins: date | None
    ends: date | None
    valid_from: datetime
    valid_to: datetime | None
    source: str
    recorded_from: datetime
    recorded_to: datetime | None
    position: BigInt
    position_to: BigInt | None


def rows(events: Events) -> Rows:
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
            StoredProgramme(
                code=code,
                administration=first.administration.text,
                name=first.name,
                local_name=first.local_name,
                launched=first.launched,
                operators_described=first.operators_described,
                confidence=first.confidence,
                source=first.source,
                recorded_from=events[0].known_at,
                position=events[-1].position,
                words=_search_text(events),
            )
        ],
        "programme_type": [
            StoredProgrammeType(
                programme=code,
                types=array(r.fact.types),
                valid_from=r.fact.valid_from,
                valid_to=r.fact.valid_to,
                recorded_from=r.recorded_from,
                recorded_to=r.recorded_to,
                position=r.position,
                position_to=r.position_to,
            )
            for r in bitemporal_rows(types)
        ],
        "programme_rule": [
            StoredProgrammeRule(
                programme=code,
                rule=r.fact.rule,
                value=r.fact.value,
                unit=r.fact.unit,
                state=r.fact.state,
                begins=r.fact.begins,
                ends=r.fact.ends,
                valid_from=r.fact.valid_from,
                valid_to=r.fact.valid_to,
                source=r.fact.source,
                recorded_from=r.recorded_from,
                recorded_to=r.recorded_to,
                position=r.position,
                position_to=r.position_to,
            )
            for r in bitemporal_rows(rules)
        ],
    }


def _search_text(events: Events) -> str:
    """Returns the text that a search looks in: code, names, the description in the source, and the
    sources of the rules."""
    first = events[0].event
    searched = [
        first.programme,
        first.name,
        first.local_name,
        first.operators_described,
        first.source,
    ]
    searched += [
        event.event.legal_ground or event.event.source
        for event in events[1:]
        if isinstance(event.event, Programme.RuleSet)
    ]
    return "\n".join(dict.fromkeys(folded(text) for text in searched if text))


class _OfferedTypes(NamedTuple):
    """The types that are offered in an interval of valid time, the end exclusive."""

    types: tuple[str, ...]
    valid_from: datetime
    valid_to: datetime | None


class _RuleInterval(NamedTuple):
    """A rule in an interval of valid time, the end exclusive: in days and in instants."""

    rule: str
    value: str
    unit: str | None
    state: str
    begins: date
    ends: date | None
    valid_from: datetime
    valid_to: datetime | None
    source: str


def _types(
    first: Programme.Registered, domain_events: list[Programme.Event], zone: str
) -> list[_OfferedTypes]:
    dated: dict[datetime, tuple[str, ...]] = {ALWAYS: first.types}
    for event in domain_events:
        if isinstance(event, Programme.TypesSet):
            dated[start_of_day(event.effective, zone)] = event.types
    starts = sorted(dated)
    return [
        _OfferedTypes(dated[start], start, end)
        for start, end in zip(starts, [*starts[1:], None], strict=True)
    ]


def _rules(domain_events: list[Programme.Event], zone: str) -> list[_RuleInterval]:
    """Returns each rule with the days on which it is in effect.

    A newer rule of the same name replaces an older one without an end, and gives way to it again
    after its own end (Programme.rules_on).
    """
    named: dict[str, list[Programme.RuleSet]] = {}
    for event in domain_events:
        if isinstance(event, Programme.RuleSet):
            named.setdefault(event.rule, []).append(event)
    return [row for of_name in named.values() for row in _rule_intervals(of_name, zone)]


def _rule_intervals(of_name: list[Programme.RuleSet], zone: str) -> list[_RuleInterval]:
    turns = sorted({e.effective for e in of_name} | {e.until for e in of_name if e.until})
    newest_last = sorted(of_name, key=lambda e: e.effective)
    found: list[tuple[Programme.RuleSet, date, date | None]] = []
    for start, end in zip(turns, [*turns[1:], None], strict=True):
        effective = [e for e in newest_last if e.effective <= start]
        held = [e for e in effective if e.until is None or e.until > start]
        if not held:
            continue
        if found and found[-1][0] is held[-1] and found[-1][2] == start:
            start = found.pop()[1]
        found.append((held[-1], start, end))
    return [
        _RuleInterval(
            e.rule,
            e.value if e.value is not None else e.as_rule.state.value.lower(),
            e.unit,
            e.as_rule.state.value,
            start,
            end,
            start_of_day(start, zone),
            start_of_day(end, zone) if end and end != date.max else None,
            e.legal_ground or e.source or "",
        )
        for e, start, end in found
    ]


PROGRAMMES = ReadModel(
    "programmes",
    (
        AggregateRows(
            "programme",
            key_field="programme",
            tables=(
                Table("programme", StoredProgramme, "code", valid="true"),
                Table("programme_type", StoredProgrammeType, "programme", fact=("programme",)),
                Table("programme_rule", StoredProgrammeRule, "programme"),
            ),
            rows=rows,
        ),
    ),
)
