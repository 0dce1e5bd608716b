"""The one sequence of events: who may read which, by pages that never skip and never repeat."""

from __future__ import annotations

from typing import Any

import pytest

from projections.engine.projector import Projector
from projections.reads import events as reads
from tests.api.client import ACME, AUDITOR, CHINA, KOREA, Client

EVENTS = """query ($filter: EventFilter, $first: Int, $after: String) {
  events(filter: $filter, first: $first, after: $after) {
    edges { cursor node {
      position stream version type recordedAt knownAt effective decidedBy payload corrects
      proof { text }
    } }
    pageInfo { hasNextPage endCursor }
  }
}"""


def page(counter: Client, by: str | None = AUDITOR, **variables: Any) -> dict[str, Any]:
    found: dict[str, Any] = counter.ask(EVENTS, by, **variables)["events"]
    return found


def types(counter: Client, by: str | None = AUDITOR, **filter: Any) -> list[str]:
    return [edge["node"]["type"] for edge in page(counter, by, filter=filter)["edges"]]


@pytest.fixture(scope="module", autouse=True)
def with_korean_and_german_operators(counter: Client) -> None:
    for by, tin in (("officer:KR", "KR1234567"), ("officer:DE", "DE123456789")):
        counter.tell("registerOperator", by, tin=tin, name=tin, roles=["EXPORTER"])
    Projector(counter.database).catch_up()


def test_an_auditor_reads_everything_in_the_order_of_recording(counter: Client) -> None:
    nodes = [edge["node"] for edge in page(counter)["edges"]]

    assert [node["position"] for node in nodes] == list(range(1, counter.last_position() + 1))
    assert nodes[0]["type"] == "administration.registered"
    assert nodes[0]["payload"]["administration"] == "CN"
    assert nodes[0]["knownAt"] == nodes[0]["recordedAt"]
    assert nodes[0]["recordedAt"].endswith("Z")
    assert nodes[0]["proof"] is None


@pytest.mark.parametrize("by", [None, KOREA])
def test_public_law_is_for_everybody_and_operators_are_not(counter: Client, by: str | None) -> None:
    nouns = {name.split(".")[0] for name in types(counter, by)}

    assert nouns == {"administration", "programme", "agreement"}


@pytest.mark.parametrize(
    ("by", "seen"),
    [
        (CHINA, {ACME}),
        ("officer:KR", {"KR1234567"}),
        ("officer:EU", {"DE123456789"}),
        ("officer:DE", {"DE123456789"}),
        (f"company:{ACME}", {ACME}),
        ("company:CN0000000001", set()),
        (AUDITOR, {ACME, "KR1234567", "DE123456789"}),
    ],
)
def test_operators_events_are_for_their_customs_and_themselves(
    counter: Client, by: str, seen: set[str]
) -> None:
    nodes = [edge["node"] for edge in page(counter, by)["edges"]]

    assert {n["payload"]["tin"] for n in nodes if n["type"] == "operator.registered"} == seen


def test_a_hidden_operators_events_are_asked_for_in_vain(counter: Client) -> None:
    assert types(counter, KOREA, tin=ACME) == []
    assert types(counter, KOREA, tin="CN0000000009") == []
    assert types(counter, CHINA, tin=ACME) == ["operator.registered"]


def test_filters_hold_together(counter: Client) -> None:
    assert types(counter, agreement="CN-KR-AEO") == ["agreement.proposed"]
    assert types(counter, agreement="CN-KR-AEO", tin=ACME) == []
    assert types(counter, types=["programme.registered"]) == ["programme.registered"]
    assert types(counter, administration="CN") == [
        "administration.registered",
        "programme.registered",
        "agreement.proposed",
        "operator.registered",
    ]
    last = counter.last_position()
    assert len(types(counter, afterPosition=last - 1)) == 1


def test_a_stretch_of_recording_is_half_open(counter: Client) -> None:
    nodes = [edge["node"] for edge in page(counter)["edges"]]
    start, end = nodes[3]["recordedAt"], nodes[6]["recordedAt"]

    found = page(counter, filter={"recordedFrom": start, "recordedTo": end})["edges"]

    assert [e["node"]["position"] for e in found] == [
        n["position"] for n in nodes if start <= n["recordedAt"] < end
    ]
    assert page(counter, filter={"recordedFrom": "2099-01-01T00:00:00Z"})["edges"] == []
    assert page(counter, filter={"recordedTo": "2001-01-01T00:00:00Z"})["edges"] == []


@pytest.mark.parametrize("size", [1, 2, 5, 100])
@pytest.mark.parametrize("window", [1, 3, 250_000])
def test_pages_together_are_the_whole(
    counter: Client, monkeypatch: pytest.MonkeyPatch, size: int, window: int
) -> None:
    monkeypatch.setattr(reads, "WINDOW", window)
    positions: list[int] = []
    after = None
    while True:
        found = page(counter, CHINA, first=size, after=after)
        positions += [edge["node"]["position"] for edge in found["edges"]]
        after = found["pageInfo"]["endCursor"]
        if not found["pageInfo"]["hasNextPage"]:
            break

    monkeypatch.undo()
    assert positions == [e["node"]["position"] for e in page(counter, CHINA, first=100)["edges"]]


def test_what_one_customs_answered_another_is_not_the_companys_to_read(counter: Client) -> None:
    counter.tell("lodgeApplication", CHINA, tin=ACME, programme="CN-AEO", type="ADVANCED")
    counter.tell("acceptApplication", CHINA, tin=ACME)
    counter.tell("startExamination", CHINA, tin=ACME)
    counter.tell("requestConsultation", CHINA, tin=ACME, asked="KR")
    counter.tell("recordConsultationReply", CHINA, tin=ACME, asked="KR", reply="a case is open")
    only = {"types": ["operator.consultation_replied"]}

    for by, reply in ((CHINA, "a case is open"), (f"company:{ACME}", "REDACTED")):
        [edge] = page(counter, by, filter=only)["edges"]
        assert edge["node"]["payload"]["reply"] == reply
