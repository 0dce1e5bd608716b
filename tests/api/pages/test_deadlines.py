"""The calendar of statutory deadlines: who reads which, how each stands, and the file."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from tests.api.client import AUDITOR, Client
from tests.api.pages.test_pages import opened, read, text

STEEL = "CN0000000012"


@pytest.fixture(scope="module")
def at(world: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    home: Path = tmp_path_factory.mktemp("home")
    with Client(world, home) as client:
        yield client


@pytest.mark.parametrize(
    ("tin", "month", "day", "state", "words"),
    [
        (STEEL, "2022-03", "2022-03-18", "missed", "missed"),
        ("USSYNTHETIC0001", "2015-04", "2015-04-04", "late", "met late"),
        ("USSYNTHETIC0001", "2011-04", "2011-04-20", "met", "met in time"),
    ],
)
def test_a_deadline_stands_on_its_day_with_its_state(
    at: Client, tin: str, month: str, day: str, state: str, words: str
) -> None:
    page = opened(at, f"/deadlines?month={month}&state={state}", AUDITOR)
    [cell] = re.findall(rf'<a href="([^"]*day={day}[^"]*)#list">(.*?)</a>', page.text)

    assert re.search(rf'{int(day[-2:])}</span><span class="tone-\w+ many">1 ', cell[1])
    assert words in cell[1]
    assert tin in read(at, f"/deadlines?day={day}&state={state}", AUDITOR)
    others = {"missed", "due", "late", "met"} - {state}
    for other in others:
        assert tin not in read(at, f"/deadlines?day={day}&state={other}", AUDITOR)


def test_home_customs_read_their_own_an_operator_its_own_and_nobody_else_reads_any(
    at: Client,
) -> None:
    address = "/deadlines?month=2022-03"

    assert STEEL in read(at, address, "officer:CN") and STEEL in read(at, address, AUDITOR)
    assert STEEL in read(at, address, f"company:{STEEL}")
    for by in ("officer:KR", "company:CN1234567890"):
        assert STEEL not in read(at, address, by)
    for other in ("partner:KR", None):
        page = opened(at, address, other)
        assert page.status_code == 403 and STEEL not in page.text
        assert "Deadlines are shown to the home customs" in text(page)


def test_the_list_goes_on_by_pages_and_the_file_has_all_of_it(
    at: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = "/deadlines?month=2018-09&administration=CN&state=met"
    whole = re.findall(r"/audit\?of=(\w+)", opened(at, address, AUDITOR).text)
    monkeypatch.setattr("api.pages.deadlines.SIZE", 1)
    monkeypatch.setattr("api.pages.deadlines.FILE_SIZE", 1)
    found: list[str] = []
    following: str | None = address
    while following:
        page = opened(at, following, AUDITOR).text
        found += re.findall(r"/audit\?of=(\w+)", page)
        more = re.search(r'href="(/deadlines[^"]*)#list" rel="next"', page)
        following = more[1].replace("&amp;", "&") if more else None
    answer = opened(at, f"{address}&format=csv", AUDITOR)
    rows = list(csv.DictReader(StringIO(answer.content.decode("utf-8-sig"))))

    assert len(whole) >= 2 and found == whole == [row["tin"] for row in rows]
    assert 'filename="deadlines-2018-09.csv"' in answer.headers["content-disposition"]
    assert {row["state"] for row in rows} == {"met"}


def test_what_cannot_be_read_is_named_at_its_field(at: Client) -> None:
    page = opened(
        at, "/deadlines?month=2026-13&administration=xyz&kind=x&state=x&day=x&after=x", AUDITOR
    )

    assert page.status_code == 400
    for words in ("is no month", "is no kind of deadline", "is no state", "is no day", "cursor"):
        assert words in text(page)


def test_the_same_deadlines_are_asked_for_in_data_page_by_page(at: Client) -> None:
    ask = """query ($filter: DeadlineFilter, $first: Int, $after: String) {
      deadlines(filter: $filter, first: $first, after: $after) {
        edges { node { tin administration authorisation metOn deadline { what due met overdue } } }
        pageInfo { hasNextPage endCursor } } }"""
    march = {"dueFrom": "2022-03-01", "dueTo": "2022-03-31"}

    def listed(by: str, **variables: Any) -> list[tuple[str, str]]:
        rows: list[tuple[str, str]] = []
        after = None
        while True:
            page = at.ask(ask, by, first=3, after=after, **variables)["deadlines"]
            rows += [(each["node"]["deadline"]["due"], each["node"]["tin"])
                     for each in page["edges"]]  # fmt: skip
            if not page["pageInfo"]["hasNextPage"]:
                return rows
            after = page["pageInfo"]["endCursor"]

    missed = opened(at, "/deadlines?month=2022-03&state=missed&format=csv", AUDITOR)
    file = list(csv.DictReader(StringIO(missed.content.decode("utf-8-sig"))))
    everything = listed(AUDITOR, filter=march | {"overdue": True})
    assert everything == [(row["due"], row["tin"]) for row in file]
    assert ("2022-03-18", STEEL) in everything
    assert set(listed("officer:CN", filter=march)) == {
        row for row in listed(AUDITOR, filter=march) if row[1].startswith("CN")
    }
    assert {tin for _, tin in listed(f"company:{STEEL}")} == {STEEL}
    [late] = at.ask(ask, AUDITOR, filter={"dueFrom": "2015-04-04", "dueTo": "2015-04-04"})[
        "deadlines"
    ]["edges"]
    assert late["node"]["metOn"] > "2015-04-04"
    assert (late["node"]["deadline"]["met"], late["node"]["deadline"]["overdue"]) == (False, False)
    for by in ("partner:KR", None):
        assert at.error(ask, by)["code"] == "FORBIDDEN"
    wrong = at.error(ask, AUDITOR, filter={"open": False, "overdue": True})
    assert "is not overdue" in wrong["message"]
    assert at.error(ask, AUDITOR, after="no cursor")["code"] == "BAD_INPUT"
