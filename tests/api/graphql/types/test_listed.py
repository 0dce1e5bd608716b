"""An operator that is known from a published list, at every door: GraphQL by both ways of reading,
and its page."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from api.access.tokens import issue
from api.pages.query import COOKIE
from projections.checking.check import check
from projections.engine.projector import Projector
from tests.api.client import AUDITOR, CHINA, KOREA, Client

TIN = "CN3301960007"
ASKED = """
query ($tin: TIN!, $at: DateTime) {
  recognition(tin: $tin, in: KR, asOf: {at: $at}) {
    outcome legal reasons { code message } bases { agreement { code } authorisation assumed } }
  operator(tin: $tin, asOf: {at: $at}) {
    standing standingAbroad authorisations { number type status statusAbroad flags effectiveFrom }
    recognisedIn { in outcome reasons { code } bases { agreement { code } assumed } }
    periods(first: 50) { status validFrom validTo recordedTo } }
}"""
LIST = {"tin": TIN, "programme": "CN-AEO", "type": "ACE", "list": "cn-list"}


@pytest.fixture(scope="module")
def doors(world: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Client, ...]]:
    """The planner, and the resolvers that it is held against."""
    home: Path = tmp_path_factory.mktemp("home")
    with Client(world, home) as planned, Client(world, home, planner=False) as resolved:
        yield planned, resolved


def told(doors: tuple[Client, ...], at: str | None = None, by: str = AUDITOR) -> Any:
    """What both say alike."""
    said = [door.ask(ASKED, by, tin=TIN, at=at) for door in doors]
    assert said[0] == said[1]
    return said[0]


def codes(found: dict[str, Any]) -> list[str]:
    return [reason["code"] for reason in found["reasons"]]


def test_a_listed_operator_is_recognised_as_assumed_and_unknown_before(
    doors: tuple[Client, ...],
) -> None:
    counter = doors[0]
    counter.tell("registerOperator", CHINA, tin=TIN, name="宁波有限公司", roles=["EXPORTER"])
    done = counter.tell("listOperator", CHINA, **LIST, readOn="2026-05-01")
    assert [event["type"] for event in done["events"]] == ["operator.listed"]
    Projector(counter.database).catch_up()

    now = told(doors)
    assert now["recognition"]["outcome"] == "RECOGNISED"
    assert [basis["assumed"] for basis in now["recognition"]["bases"]] == [True]
    assert now["operator"]["standing"] == "VALID"
    [held] = now["operator"]["authorisations"]
    assert (held["status"], held["flags"], held["effectiveFrom"]) == ("VALID", ["listed"], None)
    for by in (AUDITOR, KOREA):
        assert told(doors, by=by)["operator"]["standingAbroad"] == "LISTED"
        before = told(doors, at="2026-04-29T00:00:00Z", by=by)["operator"]
        assert (before["standing"], before["standingAbroad"]) == ("UNCERTAIN", "UNCERTAIN")
    korea = next(item for item in now["operator"]["recognisedIn"] if item["in"] == "KR")
    assert korea["bases"][0]["assumed"] is True

    before = told(doors, at="2026-04-29T00:00:00Z")
    assert before["recognition"]["outcome"] == "UNKNOWN"
    assert codes(before["recognition"]) == ["DATE_UNCERTAIN"]
    message = before["recognition"]["reasons"][0]["message"]
    assert "no published list says" in message and "2026-05-01" in message
    assert before["operator"]["standing"] == "UNCERTAIN"


def test_what_a_later_list_leaves_out_is_an_end_between_the_two(
    doors: tuple[Client, ...],
) -> None:
    counter = doors[0]
    counter.tell("listOperator", CHINA, **LIST, readOn="2026-06-01", absent=True)
    Projector(counter.database).catch_up()

    between = told(doors, at="2026-05-15T00:00:00Z")
    assert (between["recognition"]["outcome"], codes(between["recognition"])) == (
        "UNKNOWN",
        ["DATE_UNCERTAIN"],
    )
    assert told(doors, by=KOREA)["operator"]["standingAbroad"] == "DELISTED"
    after = told(doors, at="2026-06-02T00:00:00Z")
    assert (after["recognition"]["outcome"], codes(after["recognition"])) == (
        "NOT_RECOGNISED",
        ["AUTHORISATION_ENDED"],
    )
    assert after["operator"]["standing"] == "DELISTED"
    believed = [period for period in after["operator"]["periods"] if period["recordedTo"] is None]
    assert [item["status"] for item in believed] == ["DELISTED", "UNCERTAIN", "VALID", "UNCERTAIN"]


def test_the_page_says_it_in_words_and_the_read_models_hold(doors: tuple[Client, ...]) -> None:
    counter = doors[0]
    shown = {"cookie": f"{COOKIE}={issue(AUDITOR, counter.home)}"}
    page = counter.request("GET", f"/operators/{TIN}?tab=all", headers=shown)
    assert page.status_code == 200
    assert "no longer on the list" in page.text
    assert "not known: between two lists" in page.text
    wrong = [finding for finding in check(counter.database, streams=5) if not finding.good]
    assert wrong == []
