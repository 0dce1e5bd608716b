"""A crossing is found by its original name, whether controls or recognition are asked about."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from registry.domain.control_results import crossing_in_clauses
from tests.api.client import AUDITOR, Client
from tests.api.graphql.planner.test_planner import _planned, _read, _run, _stock, _subject
from tests.api.region import FRUIT, agreement, clause, record, region, step

__all__ = ["region"]

PLACE, OTHER = "Suifenhe-Pogranichny", "Heihe-Blagoveshchensk"
NAMES = {
    "zh": {PLACE: "绥芬河公路-波格拉尼奇内", OTHER: "黑河-布拉戈维申斯克"},
    "en": {PLACE: "Suifen River-Border Town"},
    "ru": {PLACE: "Суйфэньхэ-Пограничный", OTHER: "Хэйхэ-Благовещенск"},
}
ASKED = [
    PLACE,
    "Pogranichny",
    "绥芬河",
    "绥",
    "波格拉尼奇内-绥芬河公路",
    "绥芬河公路-波格拉尼奇内",
    "Пограничный",
    "BORDER TOWN",
    "border town - suifen river",
    "Suifen River",
    "пограничный - суйфэньхэ",
    "黑河",
    "Хэйхэ",
    "Благовещенск",
    "Nowhere",
    "河",
    "",
    "-",
]
RECOGNITION = """query ($tin: TIN!, $crossing: String) {
    recognition(tin: $tin, in: "MN", consignment: { crossing: $crossing }) {
        outcome reasons { code message } } }"""
BATCH = """query ($questions: [RecognitionQuestion!]!) {
    recognitionsOf(questions: $questions, in: "MN") { key
        recognition { outcome reasons { code message } } } }"""


@pytest.fixture(scope="module")
def steppe(region: Client) -> Client:
    """Mongolia recognises Chinese operators at one crossing. Its names are the agreement's."""
    id = "CN-MN-AEO"
    record(
        region.database,
        {
            "command": "register_administration",
            "administration": "MN",
            "name": "Customs of MN",
            "time_zone": "Asia/Ulaanbaatar",
            "effective": "1990-01-01",
            "source": "a gazette",
            "known_at": "2016-01-01T00:00:00Z",
        },
        agreement(id, names=NAMES),
        *(step("implement_agreement", id, "2015-01-01", side=side) for side in ("CN", "MN")),
        clause(id, "CN", "MN", "ACE", crossings=[PLACE]),
    )
    return region


def test_recognition_is_found_by_every_name_by_which_controls_are(steppe: Client) -> None:
    questions = [
        {"key": str(n), "tin": FRUIT, "consignment": {"crossing": crossing}}
        for n, crossing in enumerate(ASKED)
    ]
    context = steppe.service.context(_subject(steppe, AUDITOR))
    batch = steppe.ask(BATCH, AUDITOR, questions=questions)["recognitionsOf"]
    document = _read(RECOGNITION, in_full=False)
    recognised = set()
    for crossing, answer in zip(ASKED, batch, strict=True):
        said: dict[str, Any] = {"tin": FRUIT, "crossing": crossing}
        [text] = _run(steppe, [_planned(steppe, context, document, said)])
        [stock] = _run(steppe, [_stock(context, document, said)])
        assert (text is not None) is crossing.isascii() and not stock.errors
        planned = steppe.ask(RECOGNITION, AUDITOR, **said)["recognition"]
        assert planned == stock.data["recognition"] == answer["recognition"], crossing
        meant = crossing_in_clauses(crossing, [NAMES], [PLACE])
        wanted = crossing == "" or meant in (PLACE, "Suifenhe", "Pogranichny")
        assert (planned["outcome"] == "RECOGNISED") is wanted, crossing
        if wanted:
            recognised.add(crossing)
    assert {"绥芬河", "Пограничный", "波格拉尼奇内-绥芬河公路", "BORDER TOWN"} <= recognised
    assert {"黑河", "Nowhere", "Хэйхэ"}.isdisjoint(recognised)
    [stock] = _run(steppe, [_stock(context, _read(BATCH, in_full=True), {"questions": questions})])
    assert stock.data["recognitionsOf"] == batch


PARTS = st.sampled_from(["Suifen", "River", " ", "-", "Border", "TOWN", "heihe", "Suifenhe", "x"])


def test_of_names_in_ascii_the_two_look_ups_are_one(steppe: Client) -> None:
    with psycopg.connect(steppe.database) as connection:

        @settings(max_examples=200, deadline=None)
        @given(st.lists(PARTS, min_size=1, max_size=4).map("".join))
        def alike(asked: str) -> None:
            [(found,)] = connection.execute("select rule.crossing_known_as(%s)", [asked]).fetchall()
            assert found == crossing_in_clauses(asked, [NAMES], [PLACE])

        alike()
