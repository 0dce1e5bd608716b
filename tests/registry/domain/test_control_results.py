"""May the importing side rely on the other's inspection? Goods, crossing, direction and day."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from registry.domain.agreements.events import Clause
from registry.domain.agreements.links import Link, LinkState
from registry.domain.bitemporal import ALWAYS
from registry.domain.control_results import Inspection, Reliance, crossing_in_clauses, rely
from registry.domain.recognition import Member
from registry.domain.values import AdministrationCode, AgreementKind, HsCode, Outcome, ReasonCode

CN, RU, KZ, EU, FI = map(AdministrationCode, ("CN", "RU", "KZ", "EU", "FI"))
HEIHE, SUIFENHE = "Heihe-Blagoveshchensk", "Suifenhe-Pogranichny"


def at(day: str) -> datetime:
    return datetime.fromisoformat(day).replace(tzinfo=UTC)


def link(
    exporter: AdministrationCode,
    importer: AdministrationCode,
    goods: str,
    crossing: str | None,
    begins: str,
    ends: str | None = None,
    state: LinkState = LinkState.LIVE,
) -> Link:
    clause = Clause(
        exporter,
        importer,
        ("*",),
        hs=tuple(HsCode(code) for code in goods.split()),
        crossings=(crossing,) if crossing else (),
    )
    return Link(
        "CN-RU-CONTROL",
        AgreementKind.CONTROL_RESULTS,
        1,
        clause,
        state,
        False,
        at(begins),
        at(ends) if ends else None,
    )


FRUIT = link(CN, RU, "07 08", SUIFENHE, "2014-09-01")
TIMBER = link(RU, CN, "4407", HEIHE, "2014-09-01")
SOYA_PERHAPS = link(RU, CN, "1201", HEIHE, "2014-08-01", "2017-06-13", LinkState.UNCERTAIN)
SOYA = link(RU, CN, "1201", HEIHE, "2017-06-13")
RECORD = (FRUIT, TIMBER, SOYA_PERHAPS, SOYA)


def ask(
    exporter: AdministrationCode, importer: AdministrationCode, crossing: str, hs: str, day: str
) -> Reliance:
    return rely(RECORD, (), Inspection(exporter, importer, crossing, HsCode(hs), at(day)))


def no(reason: ReasonCode) -> tuple[Outcome, tuple[ReasonCode, ...]]:
    return Outcome.NOT_RECOGNISED, (reason,)


def verdict(answer: Reliance) -> tuple[Outcome, tuple[ReasonCode, ...]]:
    return answer.outcome, answer.reasons


def test_fruit_is_inspected_once_where_the_clause_names_goods_and_crossing() -> None:
    answer = ask(CN, RU, SUIFENHE, "0702", "2014-09-01")

    assert verdict(answer) == (Outcome.RECOGNISED, (ReasonCode.IN_FORCE,))
    assert answer.clauses == (FRUIT,)


def test_a_crossing_is_known_by_either_name_and_in_either_order() -> None:
    for name in ("suifenhe", "Pogranichny", "pogranichny - suifenhe"):
        assert ask(CN, RU, name, "07", "2014-09-01").outcome is Outcome.RECOGNISED


def test_in_an_interval_of_dates_nobody_knows() -> None:
    answer = ask(RU, CN, HEIHE, "1201", "2015-01-01")

    assert verdict(answer) == (Outcome.UNKNOWN, (ReasonCode.DATE_UNCERTAIN,))
    assert ask(RU, CN, HEIHE, "1201", "2017-07-01").clauses == (SOYA,)


def test_goods_that_are_covered_in_the_other_direction_only() -> None:
    assert verdict(ask(CN, RU, HEIHE, "4407", "2017-07-01")) == no(
        ReasonCode.DIRECTION_OUT_OF_SCOPE
    )
    # Not at this crossing either way, yet the other way elsewhere: the direction is the miss.
    assert verdict(ask(CN, RU, SUIFENHE, "4407", "2017-07-01")) == no(
        ReasonCode.DIRECTION_OUT_OF_SCOPE
    )


def test_goods_and_crossings_that_no_clause_names() -> None:
    assert verdict(ask(CN, RU, HEIHE, "8703", "2017-07-01")) == no(ReasonCode.GOODS_OUT_OF_SCOPE)
    assert verdict(ask(CN, RU, HEIHE, "07", "2017-07-01")) == no(ReasonCode.CROSSING_OUT_OF_SCOPE)
    assert verdict(ask(CN, RU, "Manzhouli", "8703", "2017-07-01")) == no(
        ReasonCode.CROSSING_OUT_OF_SCOPE
    )


def test_before_its_first_day_it_is_not_in_force_and_between_strangers_there_is_nothing() -> None:
    assert verdict(ask(CN, RU, SUIFENHE, "07", "2013-01-01")) == no(
        ReasonCode.AGREEMENT_NOT_IMPLEMENTED
    )
    assert verdict(ask(CN, KZ, SUIFENHE, "07", "2015-01-01")) == no(ReasonCode.NO_AGREEMENT)


def test_a_clause_that_ended_covers_nothing_any_more() -> None:
    past = link(CN, RU, "07", SUIFENHE, "2014-09-01", "2016-01-01")
    asked = Inspection(CN, RU, SUIFENHE, HsCode("07"), at("2017-01-01"))

    assert verdict(rely((past,), (), asked)) == no(ReasonCode.AGREEMENT_TERMINATED)


def test_while_a_side_suspends_its_inspections_are_its_own_again() -> None:
    stopped = link(CN, RU, "07", SUIFENHE, "2014-09-01", None, LinkState.SUSPENDED)
    asked = Inspection(CN, RU, SUIFENHE, HsCode("07"), at("2017-01-01"))

    assert verdict(rely((stopped,), (), asked)) == no(ReasonCode.AGREEMENT_SUSPENDED)


def test_what_a_bloc_agreed_holds_for_its_members_of_the_day() -> None:
    whole = link(CN, EU, "07", None, "2014-09-01")
    finland = Member(EU, FI, ALWAYS, at("2020-01-01"))

    def outcome(day: str) -> Outcome:
        asked = Inspection(CN, FI, "Vainikkala", HsCode("07"), at(day))
        return rely((whole,), (finland,), asked).outcome

    assert outcome("2019-06-01") is Outcome.RECOGNISED
    assert outcome("2021-06-01") is Outcome.NOT_RECOGNISED


ORIGINAL = [
    {
        "zh-Hans": {
            HEIHE: "黑河-布拉戈维申斯克",
            SUIFENHE: "绥芬河公路-波格拉尼奇内",
            "soya beans": "大豆",
        }
    },
    {"ru": {HEIHE: "Хэйхэ-Благовещенск"}},
]


@pytest.mark.parametrize(
    ("asked", "meant"),
    [
        ("黑河", "Heihe"),
        ("布拉戈维申斯克", "Blagoveshchensk"),
        ("黑河-布拉戈维申斯克", HEIHE),
        ("布拉戈维申斯克—黑河", HEIHE),
        ("绥芬河公路-波格拉尼奇内", SUIFENHE),
        ("绥芬河", "Suifenhe"),
        ("благовещенск", "Blagoveshchensk"),
        ("Heihe", "Heihe"),
        ("大豆", "大豆"),
        ("", ""),
        ("满洲里", "满洲里"),
    ],
)
def test_a_crossing_is_found_by_its_name_in_another_language(asked: str, meant: str) -> None:
    assert crossing_in_clauses(asked, ORIGINAL, (HEIHE, SUIFENHE)) == meant


def test_a_name_that_means_several_crossings_decides_nothing() -> None:
    names = [{"zh-Hans": {"A One-B": "东港公路-乙", "C-D": "东港铁路-丁"}}]
    assert crossing_in_clauses("东港", names, ("A One-B", "C-D")) == "东港"
