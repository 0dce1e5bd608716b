"""Checks that no decision was recorded by one person where the rules wanted two (four eyes).

Each event of a command that a programme's rule named when the event became known must follow the
confirmation of a proposal, in the same command and by another person than the proposer.
"""

from __future__ import annotations

from typing import Any, LiteralString

import psycopg

from registry.domain.operators.proposals import COMMAND_OF_EVENT

#: The rules of the civil day on which it became known, as they were on record two seconds before it
#: was recorded: each process of the service may take rules that are a second old.
#: An event is of the programme of its authorisation, whose reference begins with the code; an event
#: of no authorisation, of all programmes in the operator's stream. Ends by law are no decisions.
_ALONE: LiteralString = """
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
select 'position ' || e.position || ' (' || e.topic || ') was decided by one person alone'
from decided e join views.operator o on o.id = e.originator_id
left join ledger.event b on b.originator_id = e.originator_id
    and b.originator_version = e.originator_version - 1 and b.command_id = e.command_id
    and b.topic = 'operator.proposal_confirmed'
    and b.state::jsonb ->> 'proposer' <> b.state::jsonb ->> 'confirmer'
where b.position is null and exists (
    select from named n where e.command = any(n.commands)
        and (e.known_at at time zone o.time_zone)::date
            between coalesce(n.begins, '-infinity') and coalesce(n.ends, 'infinity')
        and rule.in_interval(e.recorded_at - interval '2 s', n.recorded_from, n.recorded_to)
        and (n.programme = e.code or e.code is null and exists (
            select from ledger.event l where l.originator_id = e.originator_id
                and l.originator_version < e.originator_version
                and l.topic in ('operator.lodged', 'operator.listed')
                and l.state::jsonb ->> 'programme' = n.programme)))
order by e.position limit 10"""
#: A confirmation without the proposal before it, or without the decision after it.
_LOOSE: LiteralString = """
select 'position ' || e.position || ' confirms what was not proposed, or decides nothing'
from ledger.event e where e.topic = 'operator.proposal_confirmed' and not (
    exists (select from ledger.event p where p.originator_id = e.originator_id
        and p.originator_version < e.originator_version and p.topic = 'operator.decision_proposed'
        and p.state::jsonb ->> 'proposal' = e.state::jsonb ->> 'proposal'
        and p.state::jsonb ->> 'proposer' = e.state::jsonb ->> 'proposer'
        and p.state::jsonb ->> 'proposer' <> e.state::jsonb ->> 'confirmer')
    and exists (select from ledger.event d where d.originator_id = e.originator_id
        and d.originator_version = e.originator_version + 1 and d.command_id = e.command_id))
order by e.position limit 10"""


def decided_alone(connection: psycopg.Connection[Any]) -> list[str]:
    """Returns what one person decided though the rules of that day wanted two."""
    rules = connection.execute(
        "select from views.programme_rule where rule = 'second_person' limit 1"
    ).fetchone()
    if rules is None:
        return []
    named = {"topics": [kind.TOPIC for kind in COMMAND_OF_EVENT]}
    named["commands"] = list(COMMAND_OF_EVENT.values())
    return [row[0] for row in connection.execute(_ALONE, named)]


def loose_confirmations(connection: psycopg.Connection[Any]) -> list[str]:
    """Returns the confirmations that have no proposal before or no decision after them."""
    return [row[0] for row in connection.execute(_LOOSE)]
