"""The rule of an administration about two persons (four eyes), as dated data.

The decisions about it are in second_person_decisions.py.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import NamedTuple

from registry.domain.programme_rules import PROPOSAL_DAYS


class SecondPersonRule(NamedTuple):
    """The rule from a day on: the commands that it names, and for how many days a proposal can be
    confirmed."""

    effective: date
    commands: frozenset[str]
    days: int = PROPOSAL_DAYS


class RequiredSecondPerson(NamedTuple):
    """That a decision needs a second person: by the rules of which programme or administration,
    for how many days a proposal can be confirmed (None: no limit), and from which day on the rule
    holds (None: without a rule, because the decision makes a rule looser)."""

    whose: str
    days: int | None
    since: date | None = None


NO_RULE = SecondPersonRule(date.min, frozenset())


def rule_on(rules: Iterable[SecondPersonRule], day: date) -> SecondPersonRule:
    """The rule that applies on a civil day: of those that have begun, the one that began last; of
    two of one day, the later recorded one."""
    applicable = [rule for rule in rules if rule.effective <= day]
    return max(reversed(applicable), key=lambda rule: rule.effective, default=NO_RULE)
