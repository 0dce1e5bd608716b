"""Four eyes: which commands about an operator need a second person.

A programme's rule `second_person` names the commands, and so does the rule of an administration.
Such a command is not decided when it is sent: it becomes a proposal (registry/domain/proposals.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from registry.domain import commands as c
from registry.domain.decisions import Decision
from registry.domain.errors import Refusal
from registry.domain.operators.events import Operator
from registry.domain.operators.proposals import COMMAND_OF_EVENT
from registry.domain.programme_rules import SECOND_PERSON_COMMANDS
from registry.domain.second_person_decisions import rule_of


def may_need_second_person(operator: Operator, command: c.Command, by: Decision) -> bool:
    """Whether a rule could want a second person for the command: of a programme of this operator,
    of its administration, or of an administration of those programmes.

    Cheap; `who_requires` decides, when the command was tried.
    """
    if command.name not in SECOND_PERSON_COMMANDS:
        return False
    wanted = _wanted(operator, _programmes(operator, command), by)
    if isinstance(command, c.CorrectRecord):
        return any(commands for _, commands, _ in wanted)
    return any(command.name in commands for _, commands, _ in wanted)


def who_requires(trial: Operator, by: Decision) -> tuple[str, int | None] | None:
    """Returns the programme, or the administration, whose rules want a second person for what was
    tried, and for how many days it can be confirmed (None: no limit). None if no rule does.

    `trial`: a copy of the operator on which the command was decided. An event of no authorisation
    (an erasure, a merger) is one of all programmes of the operator. A correction needs a second
    person where the corrected event does. An end by law is no decision.
    """
    for event in trial.pending_events:
        assert isinstance(event, Operator.Event)
        if getattr(event, "by_law", None):
            continue
        names, about = {COMMAND_OF_EVENT.get(type(event), "")}, event
        if isinstance(event, Operator.Corrected):
            about = next(e for e in trial.history if e.originator_version == event.version)
            names.add(COMMAND_OF_EVENT.get(type(about), ""))
        authorisation = trial.authorisations.get(getattr(about, "authorisation", ""))
        programmes = {authorisation.programme} if authorisation else _programmes(trial)
        for code, commands, days in _wanted(trial, programmes, by):
            if names & commands:
                return code, days
    return None


# ------------------------------------------------------------------------- inside


def _wanted(
    operator: Operator, programmes: Iterable[str], by: Decision
) -> Iterator[tuple[str, frozenset[str], int | None]]:
    """The rules about a second person that apply today: whose, the commands, and for how many days
    a proposal can be confirmed. A programme that is not registered has none; the decision itself
    refuses it."""
    administrations = {operator.administration}
    for code in sorted(programmes):
        try:
            programme = by.programme(code) if by.programme else None
        except Refusal:
            continue
        if programme is not None:
            rules = programme.rules_on(by.today)
            administrations.add(programme.administration)
            yield code, rules.second_person, rules.second_person_days
    for administration in sorted(administrations, key=str):
        rule = rule_of(administration, by)
        yield administration.text, rule.commands, rule.days


def _programmes(operator: Operator, command: c.Command | None = None) -> set[str]:
    own = {authorisation.programme for authorisation in operator.authorisations.values()}
    return own | ({command.programme} if isinstance(command, c.ListOperator) else set())
