"""Checks that no decision about a programme, an agreement, an administration or one of its clients
was recorded by one person where the administration's rule wanted two (four eyes, decision 0241).

Such streams are few and short, so they are folded whole, in the order of the ledger: each event is
held against the rules as they stood before it. What came from a followed register was decided
there, by the rules of that register.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, LiteralString, NamedTuple
from uuid import UUID

import psycopg
from eventsourcing.domain import OriginatorIDError, OriginatorVersionError
from eventsourcing.persistence import MapperDeserialisationError

from registry.domain.administrations import Administration
from registry.domain.aggregates import AGGREGATES
from registry.domain.decisions import civil_day_of
from registry.domain.programmes import Programme
from registry.domain.second_person import SecondPersonRule, rule_on
from registry.domain.second_person_events import COMMAND_OF_LAW, deciders_of, loosens
from registry.domain.values import AdministrationCode
from registry.ledger.mapper import EventMapper, UnknownTopic

#: How old a rule must be to count: a process of the service may take rules that are a second old.
SETTLED = timedelta(seconds=2)
_MAPPER = EventMapper(AGGREGATES)
#: There is nothing to find without a rule.
_ANY_RULE: LiteralString = """
select from ledger.event where topic = 'administration.second_person_required'
    or topic = 'programme.rule_set' and state::jsonb ->> 'rule' = 'second_person' limit 1"""
_EVENTS: LiteralString = """
select e.position, e.originator_id, e.originator_version, e.topic, e.state, e.recorded_at,
    e.known_at, e.command_id, exists (
        select from peers.law l where l.originator_id = e.originator_id and l.topic = e.topic
            and l.state = e.state and e.actor = 'peer:' || l.peer) as is_foreign
from ledger.event e
where split_part(e.topic, '.', 1) in ('administration', 'programme', 'agreement', 'client')
order by e.position"""


class _Recorded(NamedTuple):
    position: int
    stream: UUID
    version: int
    topic: str
    state: str
    recorded_at: datetime
    known_at: datetime
    command_id: UUID
    is_foreign: bool


def alone_about_law(connection: psycopg.Connection[Any]) -> Iterator[str]:
    """Yields what one person decided, about whatever is no operator, though a rule wanted two. An
    event that cannot be read is found by the derivation of its stream."""
    if connection.execute(_ANY_RULE).fetchone() is None:
        return
    aggregates: dict[UUID, Any] = {}
    rules: dict[AdministrationCode, list[tuple[datetime, SecondPersonRule]]] = {}
    last: tuple[int, UUID, Any] | None = None  # the event before, with what would follow it
    for row in map(_Recorded._make, connection.execute(_EVENTS)):
        before = aggregates.get(row.stream)
        try:
            event: Any = _MAPPER.event(
                row.topic, row.state, row.stream, row.version, row.recorded_at
            )
        except (UnknownTopic, MapperDeserialisationError):
            continue
        follows = last[2] if last and last[:2] == (row.position, row.command_id) else None
        is_asked = not (row.is_foreign or _is_of_two(event, follows))
        if is_asked and _is_alone(row, event, before, aggregates, rules):
            yield f"position {row.position} ({row.topic}) was decided by one person alone"
        try:
            aggregate = aggregates[row.stream] = event.mutate(before)
        except (OriginatorIDError, OriginatorVersionError, LookupError, TypeError, ValueError):
            continue  # it stands where it cannot stand
        last = (row.position + 1, row.command_id, event)
        if isinstance(event, Administration.SecondPersonRequired):
            rules.setdefault(aggregate.code, []).append(
                (row.recorded_at + SETTLED, aggregate.second_person[-1])
            )


def _is_of_two(event: Any, follows: Any) -> bool:
    """Whether an event follows, in one command, the confirmation by another person than the
    proposer; or the registration of a programme, which is put under the rules of the others."""
    if isinstance(follows, Programme.Registered):
        return isinstance(event, Programme.RuleSet) and event.rule == "second_person"
    return (
        isinstance(follows, Administration.ProposalConfirmed)
        and follows.proposer != follows.confirmer
    )


def _is_alone(
    row: _Recorded,
    event: Any,
    before: Any,
    aggregates: dict[UUID, Any],
    rules: dict[AdministrationCode, list[tuple[datetime, SecondPersonRule]]],
) -> bool:
    """Whether an event without a confirmation before it needed one. A rule counts where it was on
    record and settled when the event was recorded, on the civil day when it became known."""
    if loosens(event, before):
        return True
    command = COMMAND_OF_LAW.get(type(event))
    deciders = deciders_of(event, before) if command else ()
    # Of the parties that decide for a whole agreement, it is the one that gave the command.
    for code in (event.decided_by,) if event.decided_by in deciders else deciders:
        administration = aggregates.get(Administration.create_id(code))
        if administration is None or code not in rules:
            continue
        day = civil_day_of(row.known_at, administration.time_zone)
        settled = [rule for since, rule in rules[code] if since <= row.recorded_at]
        current = rule_on(administration.second_person, day)
        if command in rule_on(settled, day).commands & current.commands:
            return True
    return False
