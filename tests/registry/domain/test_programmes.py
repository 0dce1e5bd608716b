"""Programmes: types and rules as dated data."""

from __future__ import annotations

import re
from datetime import date
from typing import Any

import pytest

from registry.domain import commands as c
from registry.domain.errors import BadValue, GroundNeeded, Refusal, WrongDates
from registry.domain.programme_rules import GUARDS, LIMITS, MEANINGS, TOLD
from registry.domain.programmes import Programme
from registry.domain.values import RuleState
from registry.paths import ROOT
from tests.law import CN, PROGRAMMES, TODAY
from tests.scenario import fact, given, refused, when

ID = "CN-AEO"


def programme() -> Programme:
    each_programme: Programme = given(
        Programme,
        fact(
            Programme.Registered,
            programme=ID,
            administration=CN,
            time_zone="Asia/Shanghai",
            name="AEO",
            types=("ACE", "GCE"),
            effective=date(2008, 4, 1),
        ),
    )
    return each_programme


def rule(name: str, value: str | None, **said: Any) -> c.SetRule:
    return c.SetRule(programme=ID, rule=name, value=value, **{"legal_ground": "an order"} | said)


def test_a_rule_is_recorded_once() -> None:
    new_programme, said = programme(), rule("decision_days", "90", unit="days")

    assert when(new_programme, said) == [
        fact(
            Programme.RuleSet,
            rule="decision_days",
            value="90",
            unit="days",
            effective=TODAY,
            legal_ground="an order",
        )
    ]
    assert when(new_programme, said) == []


def test_a_new_order_is_a_new_date_and_the_old_one_keeps_its_days() -> None:
    # Orders 237, 251 and 282 of the General Administration of Customs.
    new_programme = programme()
    when(
        new_programme,
        rule("review_years", "3", effective=date(2018, 5, 1), until=date(2021, 11, 1)),
    )
    when(new_programme, rule("review_years", "5", effective=date(2021, 11, 1)))

    found = [
        new_programme.rules_on(day).number("review_years")
        for day in (date(2018, 4, 30), date(2021, 10, 31), date(2021, 11, 1))
    ]
    assert found == [None, 3, 5]


def test_the_newer_law_holds_even_if_the_older_is_written_down_later() -> None:
    new_programme = programme()
    when(new_programme, rule("decision_days", "120", effective=date(2016, 5, 1)))
    when(new_programme, rule("decision_days", "90", effective=date(2008, 1, 1)))

    assert new_programme.rules_on(TODAY).number("decision_days") == 120
    assert new_programme.rules_on(date(2010, 1, 1)).number("decision_days") == 90


def test_of_two_words_about_one_day_the_last_stands() -> None:
    new_programme = programme()
    when(new_programme, rule("decision_days", "120"))
    when(new_programme, rule("decision_days", "90"))
    when(new_programme, c.SetTypes(programme=ID, types=("ACE", "CE")))
    when(new_programme, c.SetTypes(programme=ID, types=("ACE",)))

    assert new_programme.rules_on(TODAY).number("decision_days") == 90
    assert new_programme.types_on(TODAY) == ("ACE",)


def test_what_was_said_first_stands_again_when_it_is_said_last() -> None:
    new_programme = programme()
    said = [
        len(when(new_programme, rule("decision_days", days)))
        for days in ("120", "90", "120", "120")
    ]

    assert said == [1, 1, 1, 0]
    assert new_programme.rules_on(TODAY).number("decision_days") == 120


def test_types_are_those_of_the_day() -> None:
    new_programme = programme()
    types = c.SetTypes(
        programme=ID, types=("ACE", "CE"), effective=date(2026, 4, 1), legal_ground="Order 282"
    )

    assert len(when(new_programme, types)) == 1
    assert when(new_programme, types) == []
    assert new_programme.types_on(date(2026, 3, 31)) == ("ACE", "GCE")
    assert new_programme.types_on(date(2026, 4, 1)) == ("ACE", "CE")


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (rule("decision_days", "ninety"), BadValue),
        (rule("effect_after", "-5"), BadValue),
        (rule("bar_years", ""), BadValue),
        # Counted on from any day, these lead past the last year that there is.
        (rule("bar_years", "9999"), BadValue),
        (rule("acceptance_days", "99999999"), BadValue),
        (rule("effect_after", "9" * 5_000), BadValue),
        (rule("decision_days", "90", until=TODAY), WrongDates),
        (rule("decision_days", "90", effective=date(2018, 5, 1), legal_ground=None), GroundNeeded),
    ],
)
def test_a_rule_that_could_not_be_followed_is_refused(said: c.SetRule, why: type[Refusal]) -> None:
    refused(why, programme(), said)


def test_a_rule_has_three_states_and_an_absent_one_is_unknown() -> None:
    new_programme = programme()
    when(new_programme, rule("validity_years", None, state=RuleState.NONE))
    when(new_programme, rule("bar_years", None, state=RuleState.UNKNOWN, legal_ground=None))
    when(new_programme, rule("decision_days", "90"))
    rules = new_programme.rules_on(TODAY)

    found = {name: rules.rule(name).state for name in MEANINGS}
    assert found == dict.fromkeys(MEANINGS, RuleState.UNKNOWN) | {
        "validity_years": RuleState.NONE,
        "decision_days": RuleState.VALUE,
    }
    assert [rules.number(name) for name in ("validity_years", "bar_years")] == [None, None]
    assert rules.rule("validity_years").source == "an order"
    assert rules.unknown("validity_years", "bar_years", "review_years") == (
        "bar_years",
        "review_years",
    )


def test_a_newer_law_of_which_nobody_knows_a_rule_does_not_leave_the_older_one_standing() -> None:
    new_programme = programme()
    when(new_programme, rule("bar_years", "1", effective=date(2021, 11, 1)))
    when(
        new_programme, rule("bar_years", None, state=RuleState.UNKNOWN, effective=date(2026, 3, 1))
    )

    days = (date(2026, 2, 28), date(2026, 3, 1))
    assert [new_programme.rules_on(day).rule("bar_years").value for day in days] == ["1", None]


@pytest.mark.parametrize("state", [RuleState.NONE, RuleState.UNKNOWN])
def test_a_date_without_a_rule_rests_on_the_decision_and_not_on_what_was_looked_for(
    state: RuleState,
) -> None:
    new_programme = programme()
    when(
        new_programme,
        rule("validity_years", None, state=state, legal_ground=None, source="not found"),
    )

    assert new_programme.rules_on(TODAY).source("validity_years") == "the decision"


def test_what_changes_in_a_rule_is_recorded_and_the_same_again_is_not() -> None:
    new_programme = programme()
    said = [
        rule("bar_years", "0"),
        rule("bar_years", None, state=RuleState.NONE),
        rule("bar_years", None, state=RuleState.UNKNOWN),
        rule("bar_years", None, state=RuleState.UNKNOWN),
    ]

    assert [len(when(new_programme, command)) for command in said] == [1, 1, 1, 0]


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (rule("bar_years", None), BadValue),
        (rule("bar_years", "3", state=RuleState.NONE), BadValue),
        (rule("bar_years", "3", state=RuleState.UNKNOWN), BadValue),
        (rule("bar_years", None, unit="years", state=RuleState.UNKNOWN), BadValue),
        # That there is no such rule is a statement about the law, and somebody has to have read it.
        (rule("bar_years", None, state=RuleState.NONE, legal_ground=None), GroundNeeded),
    ],
)
def test_a_rule_is_a_value_or_has_none(said: c.SetRule, why: type[Refusal]) -> None:
    refused(why, programme(), said)


def test_a_rule_in_words_stays_in_words() -> None:
    [said] = when(programme(), rule("validity", "by category"))

    assert said.fields["value"] == "by category"


def test_the_parts_of_a_type_are_what_the_law_of_the_day_says() -> None:
    rules = PROGRAMMES["EU-AEO"].rules_on(TODAY)

    assert rules.parts("AEOF") == {"C", "S"}
    assert rules.recognised_part == "S"
    assert PROGRAMMES["KR-AEO"].rules_on(TODAY).parts("AA") == {"AA"}
    assert PROGRAMMES["KR-AEO"].rules_on(TODAY).recognised_part is None


def test_who_says_so_is_told_with_every_number() -> None:
    rules = PROGRAMMES["KR-AEO"].rules_on(TODAY)

    assert rules.source("validity_years") == "Customs Act of Korea"
    assert rules.source("unheard_of") == "the decision"


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("bar_yers", r"bar_yers' \(bar_years\?\), wanted one of acceptance_days, "),
        ("review_year", r"\(review_years\?\)"),
        ("Bar_Years", "wanted one of"),
        ("suspension end", r"\(suspension_end\?\)"),
        ("fees", "a rule that no decision reads is named other.<NAME>"),
        ("parts.", "wanted one of"),
        ("other.", "wanted one of"),
    ],
)
def test_a_rule_that_nobody_looks_for_is_refused_with_the_one_that_was_meant(
    name: str, told: str
) -> None:
    with pytest.raises(BadValue, match=told):
        when(programme(), rule(name, "3"))


@pytest.mark.parametrize("name", sorted({*MEANINGS, *GUARDS, *LIMITS, *TOLD}))
def test_every_rule_that_is_looked_for_may_be_unknown(name: str) -> None:
    assert len(when(programme(), rule(name, None, state=RuleState.UNKNOWN))) == 1


@pytest.mark.parametrize(
    ("name", "unit", "told"),
    [
        ("bar_years", "days", "found 'days'; bar_years is counted in years"),
        ("decision_days", "working days", "decision_days is counted in days"),
        ("effect_after", "months", "counted in days or working days"),
    ],
)
def test_a_unit_that_nobody_counts_in_is_refused(name: str, unit: str, told: str) -> None:
    with pytest.raises(BadValue, match=told):
        when(programme(), rule(name, "3", unit=unit))


def test_a_rule_of_another_kind_is_told_to_readers() -> None:
    assert len(when(programme(), rule("other.fee", "none is taken"))) == 1


def test_each_rule_that_the_register_reads_has_a_name() -> None:
    asked = re.compile(
        r"\.(?:rule|number|unknown|takes_decision|source)\(\s*\"([a-z_]+)\"|law\.due\([^)]*\"(\w+)\""
    )
    found = {
        one or other
        for path in (ROOT / "registry").rglob("*.py")
        for one, other in asked.findall(path.read_text("utf-8"))
    }
    assert {"bar_years", "validity_years", "day_counting"} <= found
    assert found <= {*MEANINGS, *GUARDS, *LIMITS}
