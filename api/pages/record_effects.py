"""What a command changes in the record of a programme, a document or an administration, before it
is given: each fact before and after, and how many operators it concerns."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any

from fastapi import Request

from api.graphql.command_trials import CommandTrial
from api.languages.language import _, joined
from api.pages.labels import country, phrase
from api.pages.query import ask
from registry.domain.administrations import Administration
from registry.domain.programme_rules import Rule
from registry.domain.programmes import Programme
from registry.domain.second_person import rule_on
from registry.domain.values import RuleState

COUNT = "query Count($code: ID!) { programme(code: $code) { operatorCount } }"


@dataclass(frozen=True)
class ChangedFact:
    """A fact of the record before and after a command, in words; "" where there is none."""

    name: str
    before: str
    after: str


@dataclass(frozen=True)
class RecordEffect:
    """What a command changes. `since`: the civil day from which it counts. `operators`: how many
    valid authorisations of the programme there are; None where it is about no programme.
    `reaches_back`: it counts from before today."""

    since: date | None
    facts: list[ChangedFact]
    operators: int | None
    reaches_back: bool


async def record_effect(request: Request, trial: CommandTrial[Any], today: date) -> RecordEffect:
    """Returns what the command changes in the record. `today`: of the subject's administration."""
    event = trial.event
    since = event.effective if event else None
    operators = None
    match trial.after:
        case Programme() as programme:
            facts = _of_programme(trial, programme, since or today)
            found = await ask(request, COUNT, code=programme.programme)
            counted = (found.data or {}).get("programme")
            operators = counted["operatorCount"] if counted else 0
        case Administration() as administration:
            facts = _of_administration(trial.before, administration, since or today)
        case _:
            facts = []
    changed = [fact for fact in facts if fact.before != fact.after]
    return RecordEffect(since, changed, operators, bool(since and since < today and changed))


def _of_programme(trial: CommandTrial[Any], after: Programme, day: date) -> list[ChangedFact]:
    before: Programme | None = trial.before
    facts = [
        ChangedFact(
            _("Types"),
            ", ".join(before.types_on(day)) if before else "",
            ", ".join(after.types_on(day)),
        )
    ]
    old = before.rules_on(day) if before else None
    new = after.rules_on(day)
    for name in sorted({*(old.found if old else ()), *new.found}):
        was = _rule(old.rule(name)) if old else ""
        facts.append(ChangedFact(phrase(name), was, _rule(new.rule(name))))
    return facts


def _rule(rule: Rule) -> str:
    if rule.state is not RuleState.VALUE:
        return phrase(rule.state.value)
    return f"{rule.value} {phrase(rule.unit) if rule.unit else ''}".strip()


def _of_administration(
    before: Administration | None, after: Administration, day: date
) -> list[ChangedFact]:
    one, other = _facts(before, day), _facts(after, day)
    return [ChangedFact(name, one.get(name, ""), text) for name, text in other.items()]


def _facts(administration: Administration | None, day: date) -> dict[str, str]:
    if administration is None:
        return {}
    rule = rule_on(administration.second_person, day)
    hours = administration.cadence_hours
    members = sorted({country(member.text) for member, _sense in administration.members})
    return {
        _("Name"): administration.name,
        _("Time zone"): administration.time_zone,
        _("Members"): _listed(members),
        _("List as of"): str(administration.list_as_of or ""),
        _("Sends at least every"): _("%(hours)s hours", hours=hours) if hours else "",
        _("Keys in use"): str(len(administration.keys)),
        _("Every command is signed"): _("yes") if administration.keys else _("no"),
        _("Needs a second person"): _listed(sorted(map(phrase, rule.commands))),
        _("Days for a proposal"): str(rule.days) if rule.commands else "",
    }


def _listed(words: Iterable[str]) -> str:
    return joined(", ", words)
