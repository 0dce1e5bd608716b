"""Computes the deadlines that a programme's rules set, and the working days that they count."""

from __future__ import annotations

from datetime import date, timedelta
from typing import NamedTuple

from registry.domain.operators import preconditions
from registry.domain.operators.authorisation import Due
from registry.domain.operators.events import Operator
from registry.domain.programme_rules import Rules
from registry.domain.programmes import Programme
from registry.domain.working_days import (
    REGULATION_1182,
    WEEKDAYS,
    WORKING_DAYS,
    Calendar,
    Effect,
    UnknownCalendar,
)
from registry.domain.working_days import day_of_effect as counted


class RulesOfDay(NamedTuple):
    """The rules of a programme on a civil day, and the authority whose working days count."""

    rules: Rules
    programme: Programme
    authority: str
    day: date

    @property
    def calendar(self) -> Calendar:
        """The calendar of the authority. It is read only for rules that count working days."""
        return self.programme.calendar(self.authority, self.day)

    def due(self, what: str, rule: str, start: date) -> tuple[Due, ...]:
        """The deadline that a rule sets from the day of an event, which is not counted."""
        days = self.rules.number(rule)
        return (self.ending(what, rule, start, start + timedelta(days=days)),) if days else ()

    def review(self, start: date) -> tuple[Due, ...]:
        """The deadline for the next review, `review_years` after the day."""
        day = preconditions.years_after(start, self.rules.number("review_years"))
        return (self.ending("review", "review_years", start, day),) if day else ()

    def ending(self, what: str, rule: str, start: date, last: date) -> Due:
        """A deadline on the last day of a period.

        If the programme counts periods by Regulation 1182/71, the day is moved to a working day and
        the calendar is named with the rule.
        """
        source = self.rules.source(rule)
        if self.rules.rule("day_counting").value != REGULATION_1182 or last == date.max:
            return Due(what, last, source)
        try:
            moved = self.calendar.end_of_period(last, start)
        except UnknownCalendar:
            moved = Calendar(WEEKDAYS).end_of_period(last, start)
            return Due(what, moved, f"{source}; {REGULATION_1182}, holidays unknown")
        by = f"; {REGULATION_1182}, {self.calendar.source}" if moved != last else ""
        return Due(what, moved, f"{source}{by}")


def rules_of_day(operator: Operator, programme: Programme, day: date) -> RulesOfDay:
    """The rules of a day for a decision of the operator's own administration."""
    return RulesOfDay(programme.rules_on(day), programme, operator.administration.text, day)


def day_of_effect(operator: Operator, programme: Programme, decided: date) -> Effect:
    """The civil day from which a decision counts if the command does not state one."""
    of_decision = rules_of_day(operator, programme, decided)
    by_working_days = of_decision.rules.rule("effect_after").unit == WORKING_DAYS
    calendar = of_decision.calendar if by_working_days else Calendar(WEEKDAYS)
    return counted(of_decision.rules, calendar, decided)


def renewal(rules: Rules, until: date | None) -> tuple[Due, ...]:
    """The deadline for a renewal: the last civil day of the term."""
    return (Due("renewal", until, rules.source("validity_years")),) if until else ()
