"""The rule of an administration about two persons (four eyes): which commands of its officers
need a second person, from which day on.

The rule holds for everything that the administration decides: about the operators of its territory
and of its programmes, about its programmes, for its side of agreements, and about itself. A
programme's own rule `second_person` can name further commands for the operators of that programme.
One person can make either rule stricter. To make it looser is a decision of two persons, whatever
the rules say.
"""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from eventsourcing.domain import BaseAggregate

from registry.domain import commands as c
from registry.domain.administrations import Administration
from registry.domain.clients import Client, administration_of
from registry.domain.decisions import Decision, civil_day_of
from registry.domain.errors import BadValue, Refusal, WrongDates
from registry.domain.programme_rules import PROPOSAL_DAYS, SECOND_PERSON_COMMANDS
from registry.domain.programmes import MOST_DAYS, Programme
from registry.domain.repeated_commands import difference
from registry.domain.second_person import (
    NO_RULE,
    RequiredSecondPerson,
    SecondPersonRule,
    rule_on,
)
from registry.domain.signatures import responsible_administrations
from registry.domain.values import AdministrationCode

#: The commands that concern no operator and that the rule can name: those about programmes and
#: agreements, and what its officers decide about the administration and its clients. Not those that
#: must count at once (`retire_client_key`, `revoke_client`), that are no decision
#: (`receive_list`), or that come before any rule (`register_administration`): decision 0243.
OF_NO_OPERATOR = frozenset(
    name
    for name, kind in c.COMMANDS.items()
    if issubclass(kind, c.ProgrammeCommand | c.AgreementCommand | c.ProposeAgreement)
) | {
    "add_client_key",
    "add_key",
    "declare_cadence",
    "join_bloc",
    "leave_bloc",
    "register_client",
    "require_second_person",
    "retire_key",
}
#: Every command that the rule can name.
NAMEABLE = SECOND_PERSON_COMMANDS | OF_NO_OPERATOR


def require_second_person(
    administration: Administration, command: c.RequireSecondPerson, by: Decision
) -> None:
    """Records which commands need a second person from a day on, unless that is recorded already.

    Raises BadValue, GroundNeeded, WrongDates.
    """
    unknown = set(command.commands) - NAMEABLE
    if unknown:
        raise BadValue(
            "commands: found %(unknown)s, wanted some of %(nameable)s",
            unknown=repr(", ".join(sorted(unknown))[:90]),
            nameable=", ".join(sorted(NAMEABLE)),
        )
    if not 1 <= command.proposal_days <= MOST_DAYS:
        raise BadValue(
            "proposalDays: found %(proposal_days)s, wanted 1 to %(most_days)s",
            proposal_days=command.proposal_days,
            most_days=f"{MOST_DAYS:,}",
        )
    facts = by.envelope()
    content = {
        "commands": tuple(sorted(set(command.commands))),
        "proposal_days": command.proposal_days,
    }
    dropped = dropped_by(administration, command, by)
    if dropped and facts["effective"] <= by.today:
        raise WrongDates(
            "effective: found %(effective)s; %(dropped)s may do without a second "
            "person from a day after %(today)s on",
            effective=facts["effective"],
            dropped=", ".join(sorted(dropped)),
            today=by.today,
        )
    last = administration.latest_events.get(("second_person", facts["effective"]))
    if last is None and not content["commands"] and not administration.second_person:
        raise BadValue(
            "commands: found none, and %(administration)s has no rule to end",
            administration=administration.code,
        )
    if last and difference(last, by, None, content) is None:
        return
    administration.trigger_event(Administration.SecondPersonRequired, **content, **facts)


def dropped_by(
    administration: Administration, command: c.RequireSecondPerson, by: Decision
) -> frozenset[str]:
    """The commands that would need no second person any more by this change of the rule."""
    before = rule_on(administration.second_person, command.effective or by.today)
    return before.commands - set(command.commands)


def administration_that_requires(
    command: c.Command, aggregate: BaseAggregate[UUID] | None, by: Decision
) -> RequiredSecondPerson | None:
    """The administration whose rule wants a second person for a command that is about no operator;
    None if none does."""
    if isinstance(command, c.RequireSecondPerson):
        administration = _find(command.administration, by)
        if administration is not None and dropped_by(administration, command, by):
            days = rule_on(administration.second_person, by.today).days
            return RequiredSecondPerson(administration.code.text, days)
    if (
        isinstance(command, c.SetRule)
        and isinstance(aggregate, Programme)
        and aggregate.dropped_by(
            command.rule, command.value, command.effective or by.today, command.until
        )
    ):
        return RequiredSecondPerson(aggregate.administration.text, PROPOSAL_DAYS)
    if command.name not in OF_NO_OPERATOR:
        return None
    own = _of_client(command, aggregate) or responsible_administrations(command, aggregate)
    # Of the parties that decide for a whole agreement, it is the one that gives the command.
    for code in (by.decided_by,) if by.decided_by in own else own:
        assert code is not None
        rule = rule_of(code, by)
        if command.name in rule.commands:
            return RequiredSecondPerson(code.text, rule.days, rule.effective)
    return None


def _of_client(
    command: c.Command, aggregate: BaseAggregate[UUID] | None
) -> tuple[AdministrationCode, ...]:
    """The administration of the client that a command is about; none for an auditor's."""
    code = None
    if isinstance(command, c.RegisterClient):
        code = administration_of(command.acts_for)
    elif isinstance(aggregate, Client):
        code = aggregate.administration
    return (code,) if code else ()


def rule_of(code: AdministrationCode, by: Decision) -> SecondPersonRule:
    """The rule of an administration on the day of a decision, in its own time zone; an empty one
    where it has none, or is not registered."""
    administration = _find(code, by)
    if administration is None or not administration.second_person:
        return NO_RULE
    day = civil_day_of(by.moment, administration.time_zone) if by.moment else by.today
    return rule_on(administration.second_person, day)


def copied_rules(programme: Programme, others: Iterable[Programme], by: Decision) -> None:
    """Puts a new programme under what the rules of the administration's other programmes want two
    persons for: registering a programme would otherwise be a way for one to decide alone."""
    wanted = {name for each in others for name in each.second_person_from(by.today)}
    if wanted:
        programme.set_rule(
            Decision(
                today=by.today,
                decided_by=by.decided_by,
                source=f"the rules of the other programmes of {programme.administration}",
            ),
            "second_person",
            "+".join(sorted(wanted)),
        )


def _find(code: AdministrationCode, by: Decision) -> Administration | None:
    try:
        return by.administration(code) if by.administration else None
    except Refusal:
        return None
