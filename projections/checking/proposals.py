"""Checks that no decision about an operator was recorded by one person where the rules wanted two
(four eyes); law_proposals.py checks the others.

Each event of a command that a programme's rule named when the event became known must follow the
confirmation of a proposal, in the same command and by another person than the proposer. What came
from a followed register was decided there, by the rules of that register.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, LiteralString

import psycopg

from projections.checking.law_proposals import SETTLED
from registry.domain.administrations import Administration
from registry.domain.decisions import civil_day_of
from registry.domain.operators.proposals import COMMAND_OF_EVENT
from registry.domain.second_person import SecondPersonRule, rule_on
from registry.domain.values import AdministrationCode

#: As many findings are named.
MOST_FINDINGS = 10
#: The event `e` is of this register, and not of one that it follows.
_OWN: LiteralString = """not exists (select from peers.event f
    where (f.originator_id, f.originator_version) = (e.originator_id, e.originator_version))"""
#: The rules of the civil day on which it became known, as they were on record two seconds before it
#: was recorded: each process of the service may take rules that are a second old.
#: An event is of the programme of its authorisation, whose reference begins with the code; an event
#: of no authorisation, of all programmes in the operator's stream. Ends by law are no decisions.
#: The statement allows days on either side; which civil day it was is asked of the zones of Python.
_ALONE: LiteralString = f"""
with named as (
    select r.programme, string_to_array(r.value, '+') as commands, r.begins, r.ends,
        r.recorded_from, r.recorded_to
    from views.programme_rule r where r.rule = 'second_person' and r.value is not null
), decided as (
    select e.*, k.command, split_part(e.state::jsonb ->> 'authorisation', '/', 1) as code
    from ledger.event e join unnest(%(topics)s::text[], %(commands)s::text[]) k (topic, command)
        using (topic)
    where coalesce(e.state::jsonb ->> 'by_law', '') <> 'true'
)
select e.position, e.topic, e.known_at, o.time_zone, n.begins, n.ends
from decided e join views.operator o on o.id = e.originator_id
left join ledger.event b on b.originator_id = e.originator_id
    and b.originator_version = e.originator_version - 1 and b.command_id = e.command_id
    and b.topic = 'operator.proposal_confirmed'
    and b.state::jsonb ->> 'proposer' <> b.state::jsonb ->> 'confirmer'
join named n on e.command = any(n.commands)
    and e.known_at > coalesce(n.begins, '-infinity') - interval '2 days'
    and e.known_at < coalesce(n.ends, 'infinity') + interval '3 days'
    and rule.in_interval(e.recorded_at - interval '2 s', n.recorded_from, n.recorded_to)
    and (n.programme = e.code or e.code is null and exists (
        select from ledger.event l where l.originator_id = e.originator_id
            and l.originator_version < e.originator_version
            and l.topic in ('operator.lodged', 'operator.listed')
            and l.state::jsonb ->> 'programme' = n.programme))
where b.position is null and {_OWN}
order by e.position"""
#: A confirmation without the proposal before it, or without the decision after it.
_LOOSE: LiteralString = f"""
select 'position ' || e.position || ' confirms what was not proposed, or decides nothing'
from ledger.event e where e.topic = 'operator.proposal_confirmed' and {_OWN} and not (
    exists (select from ledger.event p where p.originator_id = e.originator_id
        and p.originator_version < e.originator_version and p.topic = 'operator.decision_proposed'
        and p.state::jsonb ->> 'proposal' = e.state::jsonb ->> 'proposal'
        and p.state::jsonb ->> 'proposer' = e.state::jsonb ->> 'proposer'
        and p.state::jsonb ->> 'proposer' <> e.state::jsonb ->> 'confirmer')
    and exists (select from ledger.event d where d.originator_id = e.originator_id
        and d.originator_version = e.originator_version + 1 and d.command_id = e.command_id))
order by e.position limit 10"""


#: The rules of administrations (four eyes), in the order in which they were recorded.
_RULES: LiteralString = """
select a.code, a.time_zone, e.recorded_at, e.state::jsonb
from ledger.event e join unnest(%(ids)s::uuid[], %(codes)s::text[]) s (id, code)
    on s.id = e.originator_id join views.administration a on a.code = s.code
where e.topic = 'administration.second_person_required' order by e.position"""
#: Decisions about the operators of those administrations since their first rule, without a
#: confirmation before them. Ends by law are no decisions.
_OF_OPERATORS: LiteralString = f"""
select e.position, e.topic, k.command, e.known_at, e.recorded_at, o.administration
from ledger.event e join unnest(%(topics)s::text[], %(commands)s::text[]) k (topic, command)
    using (topic)
join views.operator o on o.id = e.originator_id and o.administration = any(%(of)s)
left join ledger.event b on b.originator_id = e.originator_id
    and b.originator_version = e.originator_version - 1 and b.command_id = e.command_id
    and b.topic = 'operator.proposal_confirmed'
    and b.state::jsonb ->> 'proposer' <> b.state::jsonb ->> 'confirmer'
where b.position is null and coalesce(e.state::jsonb ->> 'by_law', '') <> 'true'
    and e.recorded_at > %(since)s and {_OWN}
order by e.position"""
#: A confirmation of an administration without the proposal before it in its stream, or without the
#: decision after it, in whatever stream.
_LOOSE_OF_ADMINISTRATIONS: LiteralString = """
select 'position ' || e.position || ' confirms what was not proposed, or decides nothing'
from ledger.event e where e.originator_id = any(%(ids)s)
    and e.topic = 'administration.proposal_confirmed' and not (
    exists (select from ledger.event p where p.originator_id = e.originator_id
        and p.originator_version < e.originator_version
        and p.topic = 'administration.decision_proposed'
        and p.state::jsonb ->> 'proposal' = e.state::jsonb ->> 'proposal'
        and p.state::jsonb ->> 'proposer' = e.state::jsonb ->> 'proposer'
        and p.state::jsonb ->> 'proposer' <> e.state::jsonb ->> 'confirmer')
    and exists (select from ledger.event d
        where d.position = e.position + 1 and d.command_id = e.command_id))
order by e.position limit 10"""


def alone_by_administrations(connection: psycopg.Connection[Any]) -> list[str]:
    """Returns what one person decided about an operator though its administration's rule wanted
    two."""
    rules: dict[str, list[tuple[datetime, SecondPersonRule]]] = {}
    zones: dict[str, str] = {}
    for code, zone, recorded, state in connection.execute(_RULES, _administrations(connection)):
        rule = SecondPersonRule(
            date.fromisoformat(state["effective"]), frozenset(state["commands"])
        )
        rules.setdefault(code, []).append((recorded + SETTLED, rule))
        zones[code] = zone
    if not rules:
        return []
    asked = {
        "topics": [kind.TOPIC for kind in COMMAND_OF_EVENT],
        "commands": list(COMMAND_OF_EVENT.values()),
        "of": list(rules),
        "since": min(settled for each in rules.values() for settled, _ in each),
    }
    found = []
    for position, topic, command, known, recorded, code in connection.execute(_OF_OPERATORS, asked):
        day = civil_day_of(known, zones[code])
        settled = [rule for since, rule in rules[code] if since <= recorded]
        if command in rule_on(settled, day).commands:
            found.append(f"position {position} ({topic}) was decided by one person alone")
    return found[:MOST_FINDINGS]


def _administrations(connection: psycopg.Connection[Any]) -> dict[str, list[Any]]:
    """The codes of the administrations, and their streams. A row that no administration can have
    is found by the comparison with the events."""
    found: dict[str, list[Any]] = {"codes": [], "ids": []}
    for (code,) in connection.execute("select code from views.administration").fetchall():
        try:
            found["ids"].append(Administration.create_id(AdministrationCode(code)))
        except ValueError:
            continue
        found["codes"].append(code)
    return found


def decided_alone(connection: psycopg.Connection[Any]) -> list[str]:
    """Returns what one person decided though the rules of that day wanted two."""
    rules = connection.execute(
        "select from views.programme_rule where rule = 'second_person' limit 1"
    ).fetchone()
    if rules is None:
        return []
    named = {"topics": [kind.TOPIC for kind in COMMAND_OF_EVENT]}
    named["commands"] = list(COMMAND_OF_EVENT.values())
    alone: dict[int, str] = {}
    for position, topic, known_at, zone, begins, ends in connection.execute(_ALONE, named):
        day = civil_day_of(known_at, zone)
        if (begins or date.min) <= day <= (ends or date.max):
            alone[position] = f"position {position} ({topic}) was decided by one person alone"
    return list(alone.values())[:MOST_FINDINGS]


def loose_confirmations(connection: psycopg.Connection[Any]) -> list[str]:
    """Returns the confirmations that have no proposal before or no decision after them."""
    of_administrations = connection.execute(
        _LOOSE_OF_ADMINISTRATIONS, _administrations(connection)
    ).fetchall()
    return [row[0] for row in [*connection.execute(_LOOSE), *of_administrations]]
