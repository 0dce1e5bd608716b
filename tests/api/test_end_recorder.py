"""What was said to end has ended at every door, whether the clerk has been there or not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from api.end_recorder import EndRecorder
from projections.engine.projector import Projector
from tests.api.client import AUDITOR, Client

HANA = "KRSYNTHETIC0001"
ASKED = """
query ($tin: TIN!, $at: DateTime, $knownAt: DateTime, $more: Boolean = false) {
  recognition(tin: $tin, in: CN, asOf: {at: $at, knownAt: $knownAt}) {
    outcome legal reasons { code message } bases { authorisation since } }
  operator(tin: $tin, asOf: {at: $at, knownAt: $knownAt}) {
    standing authorisations { status validUntil flags }
    recognisedIn { in outcome reasons { code } }
    periods(first: 50) @include(if: $more) { status validFrom validTo recordedFrom recordedTo } }
}"""
HISTORY = """query ($tin: TIN!) {
  operator(tin: $tin) { history(first: 100) { edges { node { type effective } } } } }"""
INSTANTS = (
    "2014-01-14T14:59:59Z",
    "2014-01-14T15:00:00Z",
    "2018-06-01T00:00:00Z",
    # The sixteenth of January 2019 begins in Seoul.
    "2019-01-15T14:59:59.999999Z",
    "2019-01-15T15:00:00Z",
    "2026-11-29T00:00:00Z",
    None,
)


@pytest.fixture(scope="module")
def at(world: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    home: Path = tmp_path_factory.mktemp("home")
    with Client(world, home) as client:
        yield client


def told(where: Client, **said: Any) -> Any:
    return where.ask(ASKED, AUDITOR, tin=HANA, **said)


def everything(at: Client) -> list[Any]:
    return [told(at, at=instant) for instant in INSTANTS]


def test_a_term_until_2019_is_recognised_on_its_last_day_and_never_after(at: Client) -> None:
    last = told(at, at="2019-01-15T14:59:59Z")
    assert last["recognition"]["outcome"] == "RECOGNISED"
    for instant in INSTANTS[4:]:
        found = told(at, at=instant)
        assert found["recognition"]["outcome"] == "NOT_RECOGNISED"
        assert [r["code"] for r in found["recognition"]["reasons"]] == ["AUTHORISATION_ENDED"]
        assert found["operator"]["standing"] == "EXPIRED"
        assert {item["outcome"] for item in found["operator"]["recognisedIn"]} == {"NOT_RECOGNISED"}


def test_before_and_after_the_clerk_every_door_says_the_same(at: Client) -> None:
    before = everything(at)
    more = told(at, more=True)["operator"]["periods"]
    assert EndRecorder(at.database).catch_up() > 0
    Projector(at.database).catch_up()
    assert everything(at) == before
    assert told(at, more=True)["operator"]["periods"] == more

    history = at.ask(HISTORY, AUDITOR, tin=HANA)["operator"]["history"]["edges"]
    assert {"type": "operator.expired", "effective": "2019-01-16"} in [e["node"] for e in history]


def test_the_sentence_says_since_when(at: Client) -> None:
    [reason] = told(at)["recognition"]["reasons"]
    assert "KRAEO0001: expired since 2019-01-16" in reason["message"]
