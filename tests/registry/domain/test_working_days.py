"""Working days know the public holidays of the authority, and periods of EU law end on one."""

from __future__ import annotations

import subprocess
import sys
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given as drawn
from hypothesis import settings
from hypothesis import strategies as st

from registry.application.dispatch import DECISIONS
from registry.domain import commands as c
from registry.domain.decisions import Decision
from registry.domain.errors import BadValue, GroundNeeded
from registry.domain.operators.events import Operator
from registry.domain.operators.statutory_deadlines import RulesOfDay, day_of_effect
from registry.domain.programmes import Programme
from registry.domain.values import AdministrationCode, RuleState, Tin
from registry.domain.working_days import (
    REGULATION_1182,
    WEEKDAYS,
    Calendar,
    UnknownCalendar,
    release,
)
from tests.chance import TIMES
from tests.law import DE, EU, GB, ZONES
from tests.scenario import fact, given

OLD_LAW = "Regulation (EC) 1875/2006"
FOREVER = (date(2008, 1, 1), date(2030, 1, 1))


def programme(**rules: str | None) -> Programme:
    """The old law of the Union, which counts ten working days, and what else is said."""
    new_programme = Programme(
        programme="EU-AEO",
        administration=EU,
        time_zone="Europe/Brussels",
        name="AEO",
        types=("AEOC",),
        effective=date(2008, 1, 1),
    )
    by = Decision(date(2008, 1, 1), legal_ground=OLD_LAW)
    new_programme.set_rule(by, "effect_after", "10", "working days")
    for name, value in rules.items():
        state = RuleState.NONE if value is None else RuleState.VALUE
        new_programme.set_rule(by, name.replace("__", "."), value, state=state)
    return new_programme


def at_home(code: AdministrationCode) -> Operator:
    operator: Operator = given(
        Operator,
        fact(
            Operator.Registered,
            tin=Tin(f"{code}1"),
            administration=code,
            time_zone=ZONES.get(code.text, "UTC"),
            name="Acme",
            effective=date(2008, 1, 1),
        ),
    )
    return operator


def effect(decided: date, code: AdministrationCode = GB, **rules: str | None) -> date:
    return day_of_effect(at_home(code), programme(**rules), decided).day


def override(programme: Programme, place: str, day: str, value: str | None) -> None:
    said = c.SetRule(
        programme="EU-AEO",
        rule=f"calendar.{place}.{day}",
        value=value,
        source="a gazette",
        state=RuleState.VALUE if value else RuleState.UNKNOWN,
    )
    DECISIONS[c.SetRule](programme, said, Decision(date(2022, 9, 12), source="a gazette"))


# ---------------------------------------------------------- the day of effect


@pytest.mark.parametrize(
    ("decided", "code", "rules", "wanted"),
    [
        # Christmas, the substitute of Boxing Day, and New Year's Day.
        (date(2015, 12, 18), GB, {"working_days_calendar": "GB-ENG"}, date(2016, 1, 6)),
        # Scotland has the second of January, which was a Saturday, on the Monday; Boxing Day, too.
        (date(2015, 12, 18), GB, {"working_days_calendar": "GB-SCT"}, date(2016, 1, 7)),
        # The authority's own country where no rule names a place: Germany works on 28 December.
        (date(2015, 12, 18), DE, {}, date(2016, 1, 5)),
        # By weekends alone, where the law knows no public holidays.
        (date(2015, 12, 18), GB, {"working_days_calendar": None}, date(2016, 1, 1)),
        # A Saturday is not counted, and the Monday is the first day.
        (date(2014, 3, 8), DE, {}, date(2014, 3, 21)),
    ],
)
def test_the_tenth_working_day_is_that_of_the_place(
    decided: date, code: AdministrationCode, rules: dict[str, Any], wanted: date
) -> None:
    assert effect(decided, code, **rules) == wanted


def test_calendar_days_are_not_moved_to_a_working_day() -> None:
    # Regulation 1182/71 Art. 4 excludes it for the day from which an act takes effect.
    new_programme = programme(day_counting=REGULATION_1182)
    new_programme.set_rule(
        Decision(date(2016, 5, 1), legal_ground="UCC"), "effect_after", "5", "days"
    )
    saturday = date(2020, 12, 26)

    assert day_of_effect(at_home(DE), new_programme, saturday - timedelta(days=5)).day == saturday


def test_the_event_says_by_which_calendar_and_release_it_was_counted() -> None:
    found = day_of_effect(
        at_home(GB), programme(working_days_calendar="GB-ENG"), date(2015, 12, 18)
    )

    assert found.counted_by == f"GB-ENG, {release()}"
    assert release().startswith("holidays 0.")


def test_a_day_that_the_library_does_not_know_is_put_right_by_data() -> None:
    # The holiday of 19 September 2022 was proclaimed nine days before.
    new_programme = programme(working_days_calendar="GB-ENG")
    known = day_of_effect(at_home(GB), new_programme, date(2022, 9, 5)).day
    override(new_programme, "GB-ENG", "2022-09-19", "working day")
    before = day_of_effect(at_home(GB), new_programme, date(2022, 9, 5)).day
    override(new_programme, "GB-ENG", "2022-09-19", "holiday")
    after = day_of_effect(at_home(GB), new_programme, date(2022, 9, 5)).day
    override(new_programme, "GB-ENG", "2022-09-19", None)

    assert (before, after) == (date(2022, 9, 19), date(2022, 9, 20))
    assert day_of_effect(at_home(GB), new_programme, date(2022, 9, 5)).day == known


def test_the_institutions_have_the_days_that_the_data_list() -> None:
    new_programme = programme(working_days_calendar="EU")
    override(new_programme, "EU", "2022-09-13", "holiday")

    assert day_of_effect(at_home(DE), new_programme, date(2022, 9, 12)).day == date(2022, 9, 27)
    assert day_of_effect(at_home(DE), new_programme, date(2030, 9, 12)).unknown == (
        "working_days_calendar",
    )


@pytest.mark.parametrize(
    "rule",
    [
        "calendar.GB-ENG.2022-9-19",
        "calendar.GB-ENG",
        "calendar..2022-09-19",
        "calendar.GB-ENG.never",
        "calendar.GB.ENG.2022-09-19",
    ],
)
def test_a_day_that_is_none_is_refused(rule: str) -> None:
    with pytest.raises(BadValue, match="wanted a day"):
        programme().set_rule(Decision(date(2022, 9, 1), source="x"), rule, "holiday")


@pytest.mark.parametrize(
    ("rule", "value"), [("calendar.GB.2022-09-19", "closed"), ("day_counting", "Regulation 1")]
)
def test_a_word_that_nobody_counts_by_is_refused(rule: str, value: str) -> None:
    with pytest.raises(BadValue):
        programme().set_rule(Decision(date(2022, 9, 1), source="x"), rule, value)


def test_where_nobody_knows_the_holidays_a_grant_states_its_ground() -> None:
    nowhere = AdministrationCode("KP")
    new_programme = programme(validity_years=None, review_years=None, working_days_calendar="XX")
    operator = given(
        Operator,
        fact(
            Operator.Registered,
            tin=Tin("KP1"),
            administration=nowhere,
            time_zone="Asia/Seoul",
            name="x",
            effective=date(2010, 1, 1),
        ),
        fact(
            Operator.Lodged,
            authorisation="EU-AEO/1",
            programme="EU-AEO",
            type="AEOC",
            effective=date(2012, 1, 2),
        ),
        fact(Operator.Accepted, authorisation="EU-AEO/1", effective=date(2012, 1, 3)),
    )
    grant = c.GrantAuthorisation(tin=Tin("KP1"), number="N")
    by = Decision(date(2012, 3, 5), programme=lambda _: new_programme)

    with pytest.raises(GroundNeeded, match="working_days_calendar"):
        DECISIONS[c.GrantAuthorisation](operator, grant, by)
    DECISIONS[c.GrantAuthorisation](operator, grant, by.with_ground("an order"))
    [event] = operator.collect_events()
    assert (event.effective, event.counted_by) == (date(2012, 3, 19), None)
    assert event.rule_unknown == ("working_days_calendar",)


# --------------------------------------------------------------- periods of EU law


def deadline(programme: Programme, days: str, start: date, code: AdministrationCode = DE) -> Any:
    by = Decision(date(2008, 1, 1), legal_ground="UCC")
    programme.set_rule(by, "decision_days", days, "days")
    law = RulesOfDay(programme.rules_on(start), programme, code.text, start)
    [due] = law.due("decision", "decision_days", start)
    return due


@pytest.mark.parametrize(
    ("start", "days", "wanted"),
    [
        (date(2026, 3, 2), "30", date(2026, 4, 1)),  # a Wednesday
        (date(2026, 3, 4), "30", date(2026, 4, 7)),  # Good Friday; the Monday is a holiday, too
        (date(2026, 3, 5), "30", date(2026, 4, 7)),  # a Saturday
        (date(2026, 4, 1), "30", date(2026, 5, 4)),  # the first of May, a Friday
        # Two working days at least: Good Friday to Easter Monday has none.
        (date(2026, 4, 2), "4", date(2026, 4, 8)),
    ],
)
def test_a_deadline_of_eu_law_ends_on_a_working_day(start: date, days: str, wanted: date) -> None:
    due = deadline(programme(day_counting=REGULATION_1182), days, start)

    assert due.due == wanted
    moved = wanted != start + timedelta(days=int(days))
    assert (f"{REGULATION_1182}, DE, {release()}" in due.rule) is moved


def test_where_no_regulation_says_so_a_deadline_ends_on_its_day() -> None:
    assert deadline(programme(), "30", date(2026, 3, 5)).due == date(2026, 4, 4)


def test_more_time_is_counted_on_from_the_day_that_was_not_moved() -> None:
    new_programme = programme(day_counting=REGULATION_1182)
    by = Decision(date(2008, 1, 1), legal_ground="UCC")
    new_programme.set_rule(by, "decision_days", "30", "days")
    new_programme.set_rule(by, "decision_extension_days", "60", "days")
    operator = at_home(DE)
    told = Decision(date(2026, 3, 5), programme=lambda _: new_programme)
    tin = operator.tin
    for command in (
        c.LodgeApplication(tin=tin, programme="EU-AEO", type="AEOC"),
        c.AcceptApplication(tin=tin),
        c.ExtendDeadline(tin=tin, days=10, reason="a"),
        c.ExtendDeadline(tin=tin, days=10, reason="b"),
    ):
        DECISIONS[type(command)](operator, command, told)

    # 30 days end on Saturday 4 April, which is moved to Tuesday 7; 40 days end on Tuesday 14, and
    # 50 on Friday 24.
    due = [e.due[0].due for e in operator.history if getattr(e, "due", ())]
    assert due == [date(2026, 4, 7), date(2026, 4, 14), date(2026, 4, 24)]


@settings(max_examples=200 * TIMES, deadline=None)
@drawn(
    st.dates(*FOREVER),
    st.integers(1, 400),
    st.sampled_from(["DE", "FR", "GB-ENG", "IE", "PL", WEEKDAYS]),
)
def test_a_period_ends_on_the_first_working_day_that_is_not_too_early(
    start: date, days: int, place: str
) -> None:
    calendar, last = Calendar(place), start + timedelta(days=days)

    end = calendar.end_of_period(last, start)

    assert calendar.works(end) and end >= last
    within = [start + timedelta(days=n) for n in range(1, (end - start).days + 1)]
    assert days < 2 or sum(map(calendar.works, within)) >= 2
    # None that is earlier would do.
    for earlier in (last + timedelta(days=n) for n in range((end - last).days)):
        held = [start + timedelta(days=n) for n in range(1, (earlier - start).days + 1)]
        assert not calendar.works(earlier) or sum(map(calendar.works, held)) < 2


@settings(max_examples=100 * TIMES, deadline=None)
@drawn(st.dates(*FOREVER), st.integers(0, 40), st.sampled_from(["DE", "GB-ENG", "CN", "SA", "JP"]))
def test_so_many_working_days_lie_between(start: date, count: int, place: str) -> None:
    calendar = Calendar(place)
    end = calendar.after(start, count)

    days = [start + timedelta(days=n) for n in range(1, (end - start).days + 1)]
    assert sum(map(calendar.works, days)) == count
    assert end == start or calendar.works(end)


@pytest.mark.parametrize(
    ("place", "year"), [("XX", 2026), ("EU", 2026), ("GB-XX", 2026), ("DE", 1900), ("DE", 2150)]
)
def test_what_the_library_does_not_know_is_said(place: str, year: int) -> None:
    with pytest.raises(UnknownCalendar, match=f"{place} in {year}"):
        Calendar(place).works(date(year, 6, 1))


def test_the_library_is_not_loaded_before_a_day_is_asked_for() -> None:
    told = (
        "import sys, registry.application.registry, api.app"
        "; from registry.domain.working_days import Calendar, release"
        "; from datetime import date; release(); before = 'holidays' in sys.modules"
        "; Calendar('DE').works(date(2026, 1, 1)); print(before, 'holidays' in sys.modules)"
    )
    said = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True)

    assert said.stdout.split() == ["False", "True"]
