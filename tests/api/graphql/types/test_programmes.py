"""Unknown is not none, at the counter: the grant after a revocation whose bar nobody knows."""

from __future__ import annotations

import html
import json
import re
from typing import Any
from uuid import uuid4

import pytest

from api.access.tokens import issue
from api.graphql.schema import core
from api.pages.query import COOKIE
from registry.domain.errors import GroundNeeded
from tests.api.client import AUDITOR, CHINA, KOREA, Client
from tests.api.graphql.planner.test_planner import _plain, _planned, _read, _run, _stock, _subject
from tests.api.region import operator, record, region

__all__ = ["region"]

BAR = "CN9000000009"
GROUND = "GACC Order 282, as the office reads it"
DAY = "2026-05-05T02:00:00Z"
AGAIN = [
    {
        "command": "revoke_authorisation",
        "tin": BAR,
        "reason": "fraud",
        "known_at": "2026-05-01T02:00:00Z",
    },
    {
        "command": "lodge_application",
        "tin": BAR,
        "programme": "CN-AEO",
        "type": "ACE",
        "known_at": "2026-05-04T02:00:00Z",
    },
    {"command": "accept_application", "tin": BAR, "known_at": "2026-05-04T03:00:00Z"},
]
GRANT = {
    "command": "grant_authorisation",
    "tin": BAR,
    "number": "AEOCN9000000009X",
    "known_at": DAY,
}
ASKED = """query ($tin: TIN!, $asOf: AsOf) {
  operator(tin: $tin, asOf: $asOf) {
    standing
    authorisations {
      number status flags deadlines { what due } unknownDeadlines { what rule }
    }
  }
  recognition(tin: $tin, in: KR, asOf: $asOf) {
    outcome reasons { code message facts { name value } }
  }
}"""
PROGRAMME = """query ($asOf: AsOf) { programme(code: "CN-AEO", asOf: $asOf) {
    rules { name state value unit source } } }"""


@pytest.fixture(scope="module")
def barred(region: Client) -> Client:
    """The region after the second grant, which said its ground."""
    record(
        region.database,
        *operator(BAR, "Synthetic Bar", "CN-AEO", "ACE", "AEOCN9000000009", "2018-06-04"),
    )
    record(region.database, *AGAIN)
    with pytest.raises(GroundNeeded, match="nobody knows bar_years of CN-AEO"):
        record(region.database, GRANT)
    record(region.database, GRANT | {"legal_ground": GROUND})
    return region


def asked(barred: Client, by: str) -> tuple[dict[str, Any], dict[str, Any]]:
    found = barred.ask(ASKED, by, tin=BAR, asOf={"at": "2026-06-01T00:00:00Z"})
    return found["operator"], found["recognition"]


def test_the_second_grant_is_marked_for_those_who_are_told_all_of_it(barred: Client) -> None:
    for by in (AUDITOR, CHINA):
        entry, recognition = asked(barred, by)
        [held] = [a for a in entry["authorisations"] if a["status"] == "VALID"]
        assert held["flags"] == ["bar_years_unknown"]
        assert {each["rule"] for each in held["unknownDeadlines"]} == {"review_years"}
        assert recognition["outcome"] == "RECOGNISED"
        [reason] = recognition["reasons"]
        assert {"name": "ruleUnknown", "value": "bar_years"} in reason["facts"]
        assert "decided although the rule on bar years is unknown" in reason["message"]


def test_a_partner_is_told_the_standing_and_not_what_the_home_customs_did_not_know(
    barred: Client,
) -> None:
    entry, recognition = asked(barred, KOREA)

    [held] = [a for a in entry["authorisations"] if a["status"] == "VALID"]
    assert (held["flags"], held["deadlines"], held["unknownDeadlines"]) == ([], [], [])
    [reason] = recognition["reasons"]
    assert recognition["outcome"] == "RECOGNISED"
    assert "nobody knows" not in reason["message"] and "ruleUnknown" not in str(reason["facts"])


@pytest.mark.parametrize("by", [AUDITOR, CHINA, KOREA])
def test_the_planned_answer_is_that_of_the_resolvers(barred: Client, by: str) -> None:
    document = _read(ASKED, in_full=True)
    variables = {"tin": BAR, "asOf": {"at": "2026-06-01T00:00:00Z", "knownAt": DAY}}
    context = barred.service.context(_subject(barred, by))
    [planned] = _run(barred, [_planned(barred, context, document, variables)])
    [stock] = _run(barred, [_stock(context, document, variables)])

    assert planned is not None and not stock.errors and core is not None
    assert _plain(planned) == json.dumps(stock.data)


def test_the_event_says_which_rules_nobody_knew(barred: Client) -> None:
    found = barred.ask(
        """query ($tin: TIN!) { operator(tin: $tin) { history(first: 100) {
             edges { node { type legalGround payload } } } } }""",
        AUDITOR,
        tin=BAR,
    )["operator"]["history"]["edges"]
    marked = [
        (item["node"]["type"], item["node"]["payload"]["rule_unknown"])
        for item in found
        if item["node"]["payload"].get("rule_unknown")
    ]

    assert ("operator.granted", ["bar_years", "review_years"]) in marked
    assert ("operator.revoked", ["bar_years"]) in marked
    assert ("operator.lodged", ["acceptance_days"]) in marked


def page(barred: Client, path: str) -> str:
    shown = {"cookie": f"{COOKIE}={issue(AUDITOR, barred.home)}"}
    answer = barred.request("GET", path, headers=shown)
    assert answer.status_code == 200, path
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", answer.text)).split())


def test_the_pages_say_so(barred: Client) -> None:
    about = page(barred, f"/operators/{BAR}?tab=all")
    assert "time without a new grant after a revocation unknown" in about
    assert "nobody knows the rule time from one review to the next of that day" in about
    rules = page(barred, "/programmes/CN-AEO")
    assert re.search(r"new grant after a revocation applies unknown", rules)
    assert re.search(r"length of the validity applies none", rules)


def test_a_rule_is_said_to_be_none_or_unknown_over_graphql(barred: Client) -> None:
    said = """mutation ($input: SetRuleInput!) { setRule(input: $input) {
      __typename ... on Refused { code message } ... on Recorded { events { payload } } } }"""

    def set_rule(**more: Any) -> dict[str, Any]:
        rule = {"commandId": str(uuid4()), "programme": "CN-AEO", "rule": "suspension_days"} | more
        answer = barred.ask(said, CHINA, input=rule)["setRule"]
        assert isinstance(answer, dict)
        return answer

    assert "wanted the value of suspension_days, or a state" in set_rule()["message"]
    assert "needs a legal ground or a source" in set_rule(state="NONE")["message"]
    told = set_rule(state="NONE", value="3", source="Order 282")
    assert "a rule that is NONE has none" in told["message"]
    for state in ("NONE", "UNKNOWN"):
        [event] = set_rule(state=state, source="Order 282")["events"]
        assert (event["payload"]["state"], event["payload"].get("value")) == (state, None)
    record(barred.database)
    found = barred.ask(PROGRAMME, None)["programme"]["rules"]
    assert {
        "name": "suspension_days",
        "state": "UNKNOWN",
        "value": "unknown",
        "unit": None,
        "source": "Order 282",
    } in found
