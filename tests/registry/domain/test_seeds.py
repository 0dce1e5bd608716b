"""The facts of the seed texts: right, whole, and called what their own sources call them.

The shipped lines are read as the register reads them: first the publication, then every amendment.
"""

from __future__ import annotations

from datetime import date
from functools import lru_cache
from typing import Any

import pytest

from registry.application.registry import Registry
from registry.domain import commands as c
from registry.domain.agreements.events import Agreement
from registry.domain.publications import Document
from registry.domain.values import Step
from registry.ledger.database import environment
from tests.registry.test_world import every, of, proposed, world

CHINESE = ("zh-Hans", "zh-Hant")


@lru_cache(maxsize=1)
def readings() -> dict[str, dict[str, Any]]:
    """Every agreement and document by its id, as its lines together have it."""
    found: dict[str, dict[str, Any]] = {}
    for line in world():
        match line:
            case c.ProposeAgreement(id=str(id)) | c.PublishDocument(document=id):
                found[id] = _said(line)
            case c.AmendAgreement(agreement=id) | c.AmendDocument(document=id):
                for name, value in _said(line).items():
                    if isinstance(value, dict):
                        value = {**found[id].get(name, {}), **value}
                    found[id][name] = value
    return found


def _said(line: c.Command) -> dict[str, Any]:
    fields = {name: getattr(line, name) for name in line.__struct_fields__}
    return {name: value for name, value in fields.items() if value not in (None, {}, ())}


def goals() -> dict[str, c.SetTarget]:
    return {line.target: line for line in every(c.SetTarget)}


@pytest.mark.parametrize("id", sorted(proposed()))
def test_every_agreement_has_its_chinese_name(id: str) -> None:
    assert readings()[id]["titles"]["zh-Hans"].strip()


def test_every_crossing_has_its_chinese_name() -> None:
    for line in every(c.SetScope):
        for crossing in line.crossings:
            assert crossing in readings()[line.agreement]["names"]["zh-Hans"], line


def test_every_chinese_document_has_its_original_title_and_a_passage_of_its_own_words() -> None:
    chinese = {
        id: reading for id, reading in readings().items() if reading.get("language") in CHINESE
    }
    assert {id for id in readings() if id.startswith(("SEED-", "ACTION-PLAN"))} == set(chinese)
    for id, entry in chinese.items():
        assert set(entry["titles"]) & set(CHINESE), id
        assert entry["quotation"] and entry["note"], id
        assert set(entry["measures"]) == set(entry["measure_names"]["zh-Hans"]), id


def test_a_goal_rests_on_a_sentence_or_says_that_the_sentence_was_not_at_hand() -> None:
    for id, goal in goals().items():
        assert goal.quotation or "was not at hand" in (goal.note or ""), id
    quoted = goals()["documents-full-coverage"].quotation
    assert quoted == "实现与沿线贸易量大、政局稳定国家的海关合作文件全覆盖"


def test_the_press_conference_of_2024_was_on_the_thirtieth_and_told_59_reforms() -> None:
    entry = readings()["SEED-004-PRESS-2024"]
    assert entry["date_"] == date(2024, 7, 30)
    assert any(
        "59 reforms" in measure and "third plenum" in measure for measure in entry["measures"]
    )
    retracted = {line.measure for line in every(c.RetractClaim)}
    assert retracted == {"smart_customs_measures"}
    [reforms] = [line for line in every(c.PublishClaim) if "third_plenum" in line.measure]
    assert (reforms.value, reforms.as_of) == (59, date(2024, 7, 30))


def test_the_minutes_of_2008_have_their_days_and_their_subjects() -> None:
    june, *carried_out = of("CN-RU-MINUTES-2008-06", c.SetDates)
    assert (june.what, june.effective) == (Step.SIGNED, date(2008, 6, 13))
    assert len(carried_out) == 2
    for each in carried_out:  # what they agreed, on no day before they were signed
        assert (each.what, each.earliest) == (Step.IMPLEMENTED, june.effective)
    [november] = of("CN-RU-MINUTES-2008-11", c.SetDates)
    assert (november.latest, november.assumed) == (date(2008, 11, 28), True)
    subjects = readings()["CN-RU-MINUTES-2008-11"]["details"]["subjects"]
    for subject in ("border crossings", "exchange of data", "radioactive material", "2009"):
        assert subject in subjects


@pytest.mark.parametrize(
    "words",
    [
        "全覆盖",
        "冰上丝绸之路",
        "空中丝绸之路",
        "重点港口",
        "跨境电商标准框架",
        "中哈物流基地",
        "能力建设学院",
        "海关高层论坛",
        "欧盟、美国、俄罗斯、香港、澳门",
        "上海合作组织",
        "第四次联席工作会议",
        "中俄蒙海关合作研讨会",
        "乌拉尔",
        "伏尔加",
        "活性炭",
    ],
)
def test_what_the_seeds_name_is_in_the_record(words: str) -> None:
    assert any(words in repr(line) for line in world())


def test_the_trade_of_2012_to_2023_is_claimed_and_never_counted() -> None:
    trade = {
        (line.measure, line.as_of.year)
        for line in every(c.PublishClaim)
        if "trade" in line.measure or "russia_" in line.measure
    }
    assert ("trade_with_belt_and_road_billion_cny", 2017) in trade
    assert ("trade_with_belt_and_road_share_permille", 2013) in trade
    assert ("heilongjiang_russia_trade_million_cny", 2017) in trade


def test_a_home_that_had_the_first_reading_ends_with_the_better_one(database: str) -> None:
    registry = Registry(environment(database))
    for line in world():
        registry.execute(line, "world")

    document = registry.repository.get(Document.create_id("SEED-004-PRESS-2024"))
    agreement = registry.repository.get(Agreement.create_id("CN-RU-CONTROL"))
    registry.close()

    assert document.reading.dated == date(2024, 7, 30)
    assert document.reading.text.startswith("Held on 30 July 2024")
    assert agreement.reading.names["zh-Hans"]["Heihe-Blagoveshchensk"] == "黑河-布拉戈维申斯克"
