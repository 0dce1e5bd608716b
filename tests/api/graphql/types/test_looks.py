"""Who asked about an operator: told to its home customs, to itself and to auditors."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.client import AUDITOR, KOREA, Client
from tests.api.region import FRUIT, SHUT, region

__all__ = ["region"]

ASK = """query ($tin: TIN!) { recognition(tin: $tin, in: "KR") { outcome } }"""
HOME = f"officer:{FRUIT[:2]}"
LOOKS = """query ($tin: TIN!, $first: Int, $after: String) { operator(tin: $tin) {
  looks(first: $first, after: $after) {
    edges { node { administration askedBy purpose operation in outcome } }
    pageInfo { hasNextPage endCursor } } } }"""


def looks(at: Client, by: str | None, **paging: Any) -> dict[str, Any]:
    found: dict[str, Any] = at.ask(LOOKS, by, tin=FRUIT, **paging)["operator"]["looks"]
    return found


def settled(at: Client, entries: int) -> None:
    """The read log is written beside the answers."""
    for _ in range(200):
        if len(looks(at, AUDITOR, first=100)["edges"]) >= entries:
            return
        at.pause(0.05)
    raise AssertionError("the read log was not written")


@pytest.fixture(scope="module")
def asked(region: Client) -> Client:
    """Korea asks three times, and the home customs and the operator once each."""
    for purpose in ("declaration 1", "declaration 2", "declaration 3"):
        region.post(ASK, KOREA, {"Purpose": purpose}, tin=FRUIT)
    for at_home in (HOME, f"company:{FRUIT}"):
        region.ask(ASK, at_home, tin=FRUIT)
    settled(region, 3)
    return region


@pytest.mark.parametrize(
    ("by", "subject"), [(HOME, KOREA), (AUDITOR, KOREA), (f"company:{FRUIT}", "REDACTED")]
)
def test_a_partners_question_is_shown_with_its_purpose(
    asked: Client, by: str, subject: str
) -> None:
    found = [edge["node"] for edge in looks(asked, by)["edges"]]

    assert found[0] == {
        "administration": "KR",
        "askedBy": subject,
        "purpose": "declaration 3",
        "operation": "recognition",
        "in": "KR",
        "outcome": "RECOGNISED",
    }
    assert [look["purpose"] for look in found] == [f"declaration {n}" for n in (3, 2, 1)]


def test_pages_of_looks_join_without_a_gap(asked: Client) -> None:
    first = looks(asked, HOME, first=2)
    rest = looks(asked, HOME, first=2, after=first["pageInfo"]["endCursor"])

    assert first["pageInfo"]["hasNextPage"] and not rest["pageInfo"]["hasNextPage"]
    purposes = [edge["node"]["purpose"] for edge in first["edges"] + rest["edges"]]
    assert purposes == [f"declaration {n}" for n in (3, 2, 1)]


@pytest.mark.parametrize("by", [KOREA, "officer:KR"])
def test_customs_that_see_the_operator_are_not_told_who_else_asked(asked: Client, by: str) -> None:
    error = asked.error(LOOKS, by, tin=FRUIT)

    assert error["code"] == "FORBIDDEN"
    assert error["message"].endswith("the home customs, the operator and auditors may")


@pytest.mark.parametrize("by", [KOREA, "company:CN9999999999", None])
def test_an_operator_that_is_not_visible_has_no_looks_to_speak_of(
    asked: Client, by: str | None
) -> None:
    """Absent and invisible are the same: no error that one of them alone would have."""
    hidden, absent = (
        asked.post(LOOKS, by, tin=tin).json() for tin in (SHUT, SHUT[:2] + "0000000001")
    )

    assert hidden == absent == {"data": {"operator": None}}
