"""Divergences at the counter: what a territory was answered, and would not be answered any more."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.client import AUDITOR, Client
from tests.api.region import FRUIT, OPEN, SHUT, STEEL, operator, record, region

__all__ = ["region"]

LIST = """query ($in: AdministrationCode!, $from: DateTime!, $to: DateTime!, $first: Int = 50,
               $after: String) {
  divergences(in: $in, from: $from, to: $to, first: $first, after: $after) {
    pageInfo { hasNextPage endCursor }
    edges { cursor node { tin at answered correct
      because { position type knownAt legalGround payload } } } } }"""


def page(at: Client, territory: str, days: tuple[str, str], by: str = AUDITOR, **said: Any) -> Any:
    window = {"from": f"{days[0]}T00:00:00Z", "to": f"{days[1]}T00:00:00Z"}
    return at.ask(LIST, by, **{"in": territory}, **window, **said)["divergences"]


def told(at: Client, territory: str, days: tuple[str, str], by: str = AUDITOR) -> list[Any]:
    return [edge["node"] for edge in page(at, territory, days, by)["edges"]]


@pytest.mark.parametrize(
    ("territory", "tin"), [("CN", STEEL), ("KR", FRUIT), ("DE", FRUIT), ("CN", OPEN)]
)
def test_the_reason_is_a_node_to_who_was_told_it_and_nothing_else_of_the_operator_is(
    region: Client, territory: str, tin: str
) -> None:
    parts = "position type stream version knownAt effective decidedBy legalGround payload"
    ask = LIST.replace(
        "because { position type knownAt legalGround payload }", f"because {{ id {parts} }}"
    )
    node = f"query ($id: ID!) {{ node(id: $id) {{ id ... on Event {{ {parts} }} }} }}"
    window = {"from": "2010-01-01T00:00:00Z", "to": "2027-01-01T00:00:00Z"}
    partner = f"partner:{territory}"
    edges = region.ask(ask, partner, **{"in": territory}, **window)["divergences"]["edges"]
    told = {
        edge["node"]["because"]["id"]: edge["node"]["because"]
        for edge in edges
        if edge["node"]["tin"] == tin
    }
    for because in told.values():
        for by in (partner, f"officer:{territory}"):
            assert region.ask(node, by, id=because["id"])["node"] == because
    assert told or tin == OPEN
    history = f'{{ operator(tin: "{tin}") {{ history {{ edges {{ node {{ id type }} }} }} }} }}'
    others = region.ask(history, AUDITOR)["operator"]["history"]["edges"]
    for edge in others:
        shown = region.ask(node, partner, id=edge["node"]["id"])["node"]
        assert (shown is not None) == (edge["node"]["id"] in told), edge
        assert region.ask(node, None, id=edge["node"]["id"])["node"] is None
        assert region.ask(node, "partner:JP", id=edge["node"]["id"])["node"] is None


def test_a_suspension_of_the_first_that_was_recorded_on_the_tenth_is_listed(
    region: Client,
) -> None:
    [item] = told(region, "CN", ("2026-03-05", "2026-03-06"))

    assert (item["tin"], item["answered"], item["correct"]) == (
        STEEL,
        "RECOGNISED",
        "NOT_RECOGNISED",
    )
    assert item["at"] == "2026-03-05T00:00:00.000000Z"  # where it begins inside these days
    assert (item["because"]["type"], item["because"]["knownAt"][:10]) == (
        "operator.suspended",
        "2026-03-10",
    )
    assert item["because"]["payload"]["reason"] == "a criminal case"


def test_it_begins_on_its_day_of_effect_and_ends_when_it_was_known(region: Client) -> None:
    [whole] = told(region, "CN", ("2026-02-01", "2026-04-01"))
    assert whole["at"] == "2026-02-28T15:00:00.000000Z"  # a Korean first of March

    assert told(region, "CN", ("2026-03-11", "2026-04-01")) == []  # by then it was known
    assert told(region, "JP", ("2026-03-05", "2026-03-06")) == []  # no agreement, no difference


def test_the_customs_that_asked_hears_of_it_and_not_why_the_home_customs_decided(
    region: Client,
) -> None:
    [item] = told(region, "CN", ("2026-03-05", "2026-03-06"), "partner:CN")

    assert item["tin"] == STEEL
    assert item["because"]["type"] == "operator.suspended"
    assert item["because"]["legalGround"] == "REDACTED"
    assert set(item["because"]["payload"].values()) == {"REDACTED"}


def test_it_is_for_that_territory_and_for_auditors(region: Client) -> None:
    window = {"from": "2026-03-05T00:00:00Z", "to": "2026-03-06T00:00:00Z"}
    for subject in (None, "partner:KR", "officer:KR", f"company:{STEEL}"):
        assert region.error(LIST, subject, **{"in": "CN"}, **window)["code"] == "FORBIDDEN"


def test_days_that_end_before_they_begin_are_refused(region: Client) -> None:
    window = {"from": "2026-03-06T00:00:00Z", "to": "2026-03-06T00:00:00Z"}

    refused = region.error(LIST, AUDITOR, **{"in": "CN"}, **window)
    assert refused["code"] == "BAD_INPUT" and "after `from`" in refused["message"]
    refused = region.error(LIST, AUDITOR, **{"in": "CN"}, **window, after="nonsense")
    assert "is not a cursor of divergences" in refused["message"]


def test_an_operator_that_the_subject_may_not_see_never_appears(region: Client) -> None:
    """The French one never consented; late as its suspension is, no Chinese eye sees it."""
    stop = {
        "command": "suspend_authorisation",
        "reason": "late books",
        "effective": "2025-03-03",
        "decided": "2025-03-05",
        "legal_ground": "Art. 16",
        "known_at": "2025-03-06T02:00:00Z",
    }
    record(region.database, stop | {"tin": SHUT}, stop | {"tin": OPEN})

    days = ("2025-03-04", "2025-03-05")
    assert {item["tin"] for item in told(region, "CN", days, "partner:CN")} == {OPEN}


def test_what_was_granted_before_the_register_heard_of_it_was_answered_unknown(
    region: Client,
) -> None:
    late = operator("KR77777777", "Synthetic Late", "KR-AEO", "AA", "KRAEO7777", "2024-06-20")
    record(
        region.database,
        *(entry | {"effective": "2024-06-03", "legal_ground": "Art. 4"} for entry in late),
    )

    [item] = told(region, "CN", ("2024-06-01", "2024-07-01"))
    assert (item["tin"], item["answered"], item["correct"]) == (
        "KR77777777",
        "UNKNOWN",
        "RECOGNISED",
    )
    assert (item["at"], item["because"]["type"]) == (
        "2024-06-02T15:00:00.000000Z",
        "operator.granted",
    )


def test_an_agreement_that_ended_before_it_was_known_to_end_concerns_all_under_it(
    region: Client,
) -> None:
    line = {
        "command": "terminate_agreement",
        "agreement": "CN-KR-AEO",
        "effective": "2026-09-01",
        "source": "a gazette",
        "known_at": "2026-09-03T02:00:00Z",
    }
    days = ("2026-09-01", "2026-09-10")
    assert told(region, "KR", days, "partner:KR") == []
    record(region.database, line)

    [item] = [entry for entry in told(region, "KR", days) if entry["tin"] == FRUIT]
    assert (item["answered"], item["correct"]) == ("RECOGNISED", "NOT_RECOGNISED")
    assert item["because"]["type"] == "agreement.terminated"


def test_pages_follow_each_other_without_gap_or_repeat(region: Client) -> None:
    days = ("2016-01-01", "2026-11-01")
    whole = page(region, "CN", days, first=100)["edges"]
    assert len(whole) > 3
    pieces: list[Any] = []
    said: dict[str, Any] = {"first": 1}
    while True:
        piece = page(region, "CN", days, **said)
        pieces += piece["edges"]
        if not piece["pageInfo"]["hasNextPage"]:
            break
        said["after"] = piece["pageInfo"]["endCursor"]
    assert pieces == whole


def test_what_is_to_come_has_not_been_answered_yet(region: Client) -> None:
    assert told(region, "CN", ("2090-01-01", "2091-01-01")) == []
