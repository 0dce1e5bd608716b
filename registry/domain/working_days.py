"""Working days of an authority, and the periods that are counted in them.

Public holidays come from the library `holidays`. A programme's own dated data can correct single
days (`Programme.calendar`). The library is imported at the first use only, because it needs a tenth
of a second and some twenty megabytes in each process.
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

#: The calendar without public holidays: Monday to Friday.
WEEKDAYS = "MON-FRI"
#: The unit of a rule that counts working days, as written in the data.
WORKING_DAYS = "working days"
#: The value of the rule `day_counting` for which periods of EU law end on a working day.
REGULATION_1182 = "Regulation 1182/71"
_DAY = timedelta(days=1)
#: A period of this many days always contains two working days.
_ALWAYS_TWO_WORKING_DAYS = 30


@cache
def release() -> str:
    """The library and its release; an event names it if a day depends on it."""
    return f"holidays {version('holidays')}"


class UnknownCalendar(LookupError):
    """Neither the library nor the programme's data know the holidays of that place and year."""


@dataclass(frozen=True)
class Calendar:
    """The working days of a place.

    The place is an ISO 3166-1 country, an ISO 3166-2 subdivision (GB-ENG), or another name whose
    days the programme's data list. `changed` corrects the library for single days: True means
    working day.
    """

    place: str
    changed: Mapping[date, bool] = field(default_factory=dict)

    def works(self, day: date) -> bool:
        """Whether the day is a working day. Raises UnknownCalendar."""
        if self.place == WEEKDAYS:
            return day.weekday() < 5
        exception = self.changed.get(day)
        if exception is not None:
            return exception
        worked = is_worked(self.place, day)
        if worked is not None:
            return worked
        if any(one.year == day.year for one in self.changed):
            return day.weekday() < 5
        raise UnknownCalendar(f"nobody knows the public holidays of {self.place} in {day.year}")

    @property
    def source(self) -> str:
        """How the days were counted: the place and the release of the library."""
        return self.place if self.place == WEEKDAYS else f"{self.place}, {release()}"

    def after(self, day: date, working_days: int) -> date:
        """The day that is this number of working days after `day`, which is not counted."""
        while working_days:
            day += _DAY
            working_days -= self.works(day)
        return day

    def end_of_period(self, last: date, first: date) -> date:
        """The last day of a period of EU law that would end on `last`.

        Regulation (EEC, Euratom) 1182/71 Art. 3: if that day is a public holiday, Sunday or
        Saturday, the period ends with the following working day (4). A period of two days or more
        contains two working days (5). The day of the event, `first`, is not counted (1); holidays
        within are counted (3).
        """
        length = (last - first).days
        if 2 <= length < _ALWAYS_TWO_WORKING_DAYS:
            days = (first + timedelta(n) for n in range(1, length + 1))
            if sum(map(self.works, days)) < 2:
                last = self.after(first, 2)
        while not self.works(last):
            last += _DAY
        return last


@lru_cache(maxsize=65_536)
def is_worked(place: str, day: date) -> bool | None:
    """Whether the library has the day as a working day of that place.

    Returns None if the library does not know the place, or not in that year.
    """
    year = _year(place, day.year)
    return None if year is None else bool(year.is_working_day(day))


@lru_cache(maxsize=1_024)
def _year(place: str, year: int) -> HolidayBase | None:
    """The public holidays and weekends of a place in a year, or None."""
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
    """The effective day of a decision.

    `counted_by`: the calendar, if working days were counted. `unknown`: the unknown rules that were
    needed; `day` is then the result without them.
    """

    day: date
    counted_by: str | None = None
    unknown: tuple[str, ...] = ()


def day_of_effect(rules: Rules, calendar: Calendar, decided: date) -> Effect:
    """The effective day of a decision by the programme's rules.

    UCC Delegated Act Art. 29: the fifth day after the decision; before 2016 in the United Kingdom
    the tenth working day after it. `rules` and `calendar` are those of the day of decision, which
    is not counted. The day is not moved to a working day: for the day on which an act takes effect,
    Regulation 1182/71 excludes that (Art. 4(1) and (2)).
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
    """The place whose working days count: that of the programme's rule, else the authority's
    country.
    """
    rule = rules.rule("working_days_calendar")
    if rule.state is RuleState.NONE:
        return WEEKDAYS
    return rule.value or authority
