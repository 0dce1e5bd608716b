"""The page of control results: what anybody is answered, and what is refused beside its field."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlencode

import pytest

from tests.api.client import Client
from tests.api.pages.test_check import band
from tests.api.pages.test_pages import opened, text

HEIHE, SUIFENHE = "Heihe-Blagoveshchensk", "Suifenhe-Pogranichny"


@pytest.fixture(scope="module")
def at(world: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    with Client(world, tmp_path_factory.mktemp("home")) as client:
        yield client


def asked(crossing: str, hs: str, day: str, start: str = "RU", end: str = "CN") -> str:
    question = {"from": start, "to": end, "crossing": crossing, "hs": hs, "day": day}
    return f"/control-results?{urlencode(question)}"


def test_everybody_may_ask_whether_an_inspection_is_relied_on(at: Client) -> None:
    page = opened(at, asked(SUIFENHE, "0808", "2014-09-15", "CN", "RU"))
    other = opened(at, asked(SUIFENHE, "0808", "2014-09-15"))

    assert band(page) == ["recognised"] and "CN-RU-CONTROL" in text(page)
    assert "the civil day 2014-09-15 in Europe/Moscow" in text(page)
    assert band(other) == ["not recognised"] and "only in the other direction" in text(other)


def test_an_unknown_answer_names_the_days_that_leave_it_open(at: Client) -> None:
    page = opened(at, asked(HEIHE, "1201", "2015-01-01"))

    assert band(page) == ["unknown"]
    assert "no source says whether the clause applied" in text(page)
    assert "2014-08-01" in text(page) and "Ask for 2017-06-13" in text(page)
    later = opened(at, asked(HEIHE, "1201", "2017-06-13"))
    assert band(later) == ["recognised"]


def test_goods_and_crossings_are_suggested_and_read_in_words(at: Client) -> None:
    page = opened(at, asked("黑河", "大豆", "2018-01-01"))

    assert band(page) == ["recognised"] and "“大豆” was read as HS 1201 soya beans" in text(page)
    form = opened(at, "/control-results").text
    assert (
        f'<option value="{HEIHE}" lang="zh-Hans">' in form
        and '<option value="1201">soya beans' in form
    )


def test_what_cannot_be_asked_is_said_beside_its_field_and_kept(at: Client) -> None:
    page = opened(at, asked("", "apples", "yesterday", "CN", "CN"))

    assert page.status_code == 400 and band(page) == []
    for sentence in (
        "Choose two different territories.",
        "Write the border crossing.",
        "Found 'apples', wanted 2, 4 or 6 digits",
        "Found 'yesterday', wanted a day of the calendar",
    ):
        assert sentence in text(page)
    assert 'value="apples"' in page.text and 'value="yesterday"' in page.text
