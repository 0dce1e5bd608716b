"""Working days: which days the authorities of a place work, and how periods are counted by them.

Public holidays come from the library `holidays`; a programme's own dated data put single days
right (`Programme.calendar`). The library is imported when a day is asked for and not before: it
takes a tenth of a second, and some twenty megabytes in every process that counts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cache, lru_cache
from importlib.metadata import version
from typing import TYPE_CHECKING, NamedTuple

from registry.domain.programme_rules import Rules
from registry.domain.values import RuleState

if TYPE_CHECKING:
    from holidays import HolidayBase

#: The place of no public holidays at all: Monday to Friday.
WEEKDAYS = "MON-FRI"
#: The unit of a rule that counts working days, as the data have it.
WORKING_DAYS = "working days"
#: The value of the rule `day_counting` by which the periods of EU law end on a working day.
REGULATION_1182 = "Regulation 1182/71"
_DAY = timedelta(days=1)
#: Of a period this long nobody need ask whether two working days are in it.
_LONG = 30


@cache
def release() -> str:
    """The library and its release, as an event names it on which a day depends."""
    return f"holidays {version('holidays')}"


class UnknownCalendar(LookupError):
    """Neither the library nor the data of the programme know the holidays of that year there."""


@dataclass(frozen=True)
class Calendar:
    """The working days of a place: an ISO 3166-1 country or ISO 3166-2 subdivision (GB-ENG), or
    any other name whose days the programme's data list.

    `changed` puts the library right, day by day: True for a working day.
    """

    place: str
    changed: Mapping[date, bool] = field(default_factory=dict)

    def works(self, day: date) -> bool:
        """Is it a working day? Raises UnknownCalendar."""
        if self.place == WEEKDAYS:
            return day.weekday() < 5
        said = self.changed.get(day)
        if said is not None:
            return said
        worked = is_worked(self.place, day)
        if worked is not None:
            return worked
        if any(one.year == day.year for one in self.changed):
            return day.weekday() < 5
        raise UnknownCalendar(f"nobody knows the public holidays of {self.place} in {day.year}")

    @property
    def source(self) -> str:
        """By what the days were counted: the place, and the library's release."""
        return self.place if self.place == WEEKDAYS else f"{self.place}, {release()}"

    def after(self, day: date, working_days: int) -> date:
        """The last of so many working days after this day, which is not counted itself."""
        while working_days:
            day += _DAY
            working_days -= self.works(day)
        return day

    def end_of_period(self, last: date, begun: date) -> date:
        """The last day of a period of EU law that would end on `last`, by Regulation (EEC,
        Euratom) 1182/71 Art. 3: where that is a public holiday, Sunday or Saturday, the end of
        the following working day (4); a period of two days or more has two working days (5). The
        day of the event, `begun`, is not counted (1); holidays within are (3).
        """
        length = (last - begun).days
        if 2 <= length < _LONG:
            days = (begun + timedelta(n) for n in range(1, length + 1))
            if sum(map(self.works, days)) < 2:
                last = self.after(begun, 2)
        while not self.works(last):
            last += _DAY
        return last


@lru_cache(maxsize=65_536)
def is_worked(place: str, day: date) -> bool | None:
    """Is it a working day there, by the library? None where the library does not know the place, or
    not in that year."""
    year = _year(place, day.year)
    return None if year is None else bool(year.is_working_day(day))


@lru_cache(maxsize=1_024)
def _year(place: str, year: int) -> HolidayBase | None:
    """The public holidays and weekends of a place in a year. Made at the first question."""
    import holidays

    country, _, subdivision = place.partition("-")
    try:
        known = holidays.country_holidays(country, subdivision or None, years=year, expand=False)
    except NotImplementedError:
        return None
    if not known.start_year <= year <= known.end_year:
        return None
    return known


class Effect(NamedTuple):
    """From which civil day a decision counts. `counted_by`: the calendar, where working days were
    counted. `unknown`: the rules that this needed and that nobody knows; `day` is then what can be
    said without them."""

    day: date
    counted_by: str | None = None
    unknown: tuple[str, ...] = ()


def day_of_effect(rules: Rules, calendar: Calendar, decided: date) -> Effect:
    """UCC Delegated Act Art. 29: the fifth day after the decision; before 2016 in the United
    Kingdom the tenth working day after it. `rules` and `calendar` are those of the decision.

    The day of the decision is not counted. Calendar days are not moved to a working day: for the
    day from which an act takes effect Regulation 1182/71 excludes that (Art. 4(1) and (2)).
    """
    rule = rules.rule("effect_after")
    days = rule.number or 0
    if rule.unit != WORKING_DAYS:
        return Effect(decided + timedelta(days=days), unknown=rules.unknown("effect_after"))
    try:
        return Effect(calendar.after(decided, days), calendar.source)
    except UnknownCalendar:
        return Effect(Calendar(WEEKDAYS).after(decided, days), None, ("working_days_calendar",))


def place_of(rules: Rules, authority: str) -> str:
    """Whose working days count: a place that the programme names, else the authority's country."""
    rule = rules.rule("working_days_calendar")
    if rule.state is RuleState.NONE:
        return WEEKDAYS
    return rule.value or authority
