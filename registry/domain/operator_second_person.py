"""Four eyes: which commands about an operator need a second person.

A programme's rule `second_person` names the commands, and so does the rule of an administration.
Such a command is not decided when it is sent: it becomes a proposal (registry/domain/proposals.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date
from typing import NamedTuple

from registry.domain import commands as c
from registry.domain.decisions import Decision
from registry.domain.errors import Refusal
from registry.domain.operators.events import Operator
from registry.domain.operators.proposals import COMMAND_OF_EVENT
from registry.domain.programme_rules import SECOND_PERSON_COMMANDS
from registry.domain.second_person import RequiredSecondPerson
from registry.domain.second_person_decisions import rule_of
from registry.domain.values import AdministrationCode


class NameableDecision(NamedTuple):
    """A decision about an operator that a rule can want two persons for: the commands that the rule
    would name, and the programmes whose rules are asked."""

    commands: frozenset[str]
    programmes: frozenset[str]


class _Wanted(NamedTuple):
    whose: str
    commands: frozenset[str]
    days: int | None
    since: date | None


def may_need_second_person(operator: Operator, command: c.Command, by: Decision) -> bool:
    """Whether a rule could want a second person for the command: of a programme of this operator,
    of its administration, or of an administration of those programmes.

    Cheap; `who_requires` decides, when the command was tried.
    """
    if command.name not in SECOND_PERSON_COMMANDS:
        return False
    wanted = _wanted(operator.administration, _programmes(operator, command), by)
    if isinstance(command, c.CorrectRecord):
        return any(rule.commands for rule in wanted)
    return any(command.name in rule.commands for rule in wanted)


def who_requires(trial: Operator, by: Decision) -> RequiredSecondPerson | None:
    """Returns whose rules want a second person for what was tried. None if no rule does.

    `trial`: a copy of the operator on which the command was decided.
    """
    for event in trial.pending_events:
        assert isinstance(event, Operator.Event)
        decision = nameable(trial, event)
        if decision and (found := required(trial.administration, decision, by)):
            return found
    return None


def nameable(operator: Operator, event: Operator.Event) -> NameableDecision | None:
    """What a rule would have to name to want a second person for an event of the operator's
    history; None for an event that no rule can name.

    An event of no authorisation (an erasure, a merger) is one of all programmes of the operator. A
    correction needs a second person where the corrected event does. An end by law is no decision.
    """
    if type(event) not in COMMAND_OF_EVENT or getattr(event, "by_law", None):
        return None
    names, about = {COMMAND_OF_EVENT[type(event)]}, event
    if isinstance(event, Operator.Corrected):
        about = next(e for e in operator.history if e.originator_version == event.version)
        names.add(COMMAND_OF_EVENT.get(type(about), ""))
    authorisation = operator.authorisations.get(getattr(about, "authorisation", ""))
    programmes = {authorisation.programme} if authorisation else _programmes(operator)
    return NameableDecision(frozenset(names), frozenset(programmes))


def required(
    home: AdministrationCode, decision: NameableDecision, by: Decision
) -> RequiredSecondPerson | None:
    """Returns whose rules, of the day of `by`, want a second person for a decision about an
    operator of `home`. None if no rule does."""
    for rule in _wanted(home, decision.programmes, by):
        if decision.commands & rule.commands:
            return RequiredSecondPerson(rule.whose, rule.days, rule.since)
    return None


# ------------------------------------------------------------------------- inside


def _wanted(home: AdministrationCode, programmes: Iterable[str], by: Decision) -> Iterator[_Wanted]:
    """The rules about a second person that apply today. A programme that is not registered has
    none; the decision itself refuses it."""
    administrations = {home}
    for code in sorted(programmes):
        try:
            programme = by.programme(code) if by.programme else None
        except Refusal:
            continue
        if programme is not None:
            rules = programme.rules_on(by.today)
            administrations.add(programme.administration)
            since = programme.second_person_since(by.today)
            yield _Wanted(code, rules.second_person, rules.second_person_days, since)
    for administration in sorted(administrations, key=str):
        rule = rule_of(administration, by)
        yield _Wanted(administration.text, rule.commands, rule.days, rule.effective)


def _programmes(operator: Operator, command: c.Command | None = None) -> set[str]:
    own = {authorisation.programme for authorisation in operator.authorisations.values()}
    return own | ({command.programme} if isinstance(command, c.ListOperator) else set())
