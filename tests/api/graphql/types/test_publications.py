"""Claims beside the register's own count, and goals with a three-valued answer, at the counter."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from tests.api.client import Client
from tests.api.region import record, region

__all__ = ["region"]

CLAIMS = """query ($subject: AdministrationCode, $measure: String) {
  claims(subject: $subject, measure: $measure) {
    measure value asOf source registryCount difference explanation } }"""


def claims(at: Client, measure: str) -> list[dict[str, Any]]:
    found = at.ask(CLAIMS, None, subject="CN", measure=measure)["claims"]
    assert isinstance(found, list)
    return found


def test_a_claim_stands_beside_the_registers_own_count_and_is_never_bent(region: Client) -> None:
    in_november, in_january = claims(region, "aeo_partner_territories_signed")

    assert in_january["registryCount"] == 5  # Korea, Australia, and three of the Union
    assert in_january["difference"] == 1
    assert in_january["explanation"] == (
        "Claimed 6, on record 5 territories on 2018-01-31: AU, EU (3), KR."
        " At least 1 of those claimed are unknown to the register."
    )
    # In the middle of November nobody says whether Australia had signed.
    assert (in_november["registryCount"], in_november["difference"]) == (4, 0)
    assert "AU between 2017-11-01 and 2017-11-30" in in_november["explanation"]


def test_an_economy_is_a_bloc_once(region: Client) -> None:
    [claim] = claims(region, "aeo_partner_economies_signed")

    assert (claim["registryCount"], claim["difference"]) == (3, 0)
    assert claim["explanation"].endswith("The two agree.")


def test_what_the_register_does_not_count_it_leaves_open(region: Client) -> None:
    [trains] = claims(region, "trains")

    assert (trains["registryCount"], trains["difference"], trains["explanation"]) == (
        None,
        None,
        None,
    )


def test_documents_and_partners_of_every_kind_are_counted(region: Client) -> None:
    said = {"command": "publish_claim", "subject": "CN", "as_of": "2018-02-02", "source": "a paper"}
    record(
        region.database,
        said | {"measure": "cooperation_documents", "value": 205},
        said | {"measure": "cooperation_partners", "value": 163},
    )

    [documents] = claims(region, "cooperation_documents")
    [countries] = claims(region, "cooperation_partners")
    assert documents["registryCount"] == 4  # KR, EU, AU, and the results of controls with RU
    assert countries["registryCount"] == 6  # AU DE FR GB KR RU


def test_a_goal_for_all_is_missed_by_one_and_one_for_the_willing_may_be_unknown(
    region: Client,
) -> None:
    every, willing = region.ask("{ targets(owner: CN) { target text met explanation } }")["targets"]

    assert (every["target"], every["met"]) == ("all", "NOT_MET")
    assert every["explanation"] == (
        "2 of 3 states had signed by 2017-12-31, and the text says all."
        " No signature by then is on record of KZ."
    )
    assert (willing["target"], willing["met"]) == ("willing", "UNKNOWN")
    assert "Whether these were willing no source says: KZ." in willing["explanation"]


def test_a_goal_has_its_reason_as_data_and_each_state_with_its_signatures(region: Client) -> None:
    [every, _willing] = region.ask(
        """{ targets(owner: CN) { states reason { code message facts { name value zone } }
          progress { state standing signatures { agreement signed { earliest latest } } } } }"""
    )["targets"]

    assert every["reason"]["code"] == "NOT_SIGNED"
    facts = {fact["name"]: (fact["value"], fact["zone"]) for fact in every["reason"]["facts"]}
    assert facts == {
        "signedStates": ("2", None),
        "states": ("3", None),
        "by": ("2017-12-31", "Asia/Shanghai"),
        "deadline": ("2017-12-31", "Asia/Shanghai"),
        "notSigned": ("KZ", None),
    }
    assert [each["state"] for each in every["progress"]] == every["states"]
    standings = {each["state"]: each for each in every["progress"]}
    assert (standings["KZ"]["standing"], standings["KZ"]["signatures"]) == ("NOT_SIGNED", [])
    [korea] = standings["KR"]["signatures"]
    assert (korea["agreement"], standings["KR"]["standing"]) == ("CN-KR-AEO", "SIGNED")


def test_a_published_count_is_compared_in_data_too(region: Client) -> None:
    ask = """{ claims(subject: CN, measure: "aeo_partner_territories_signed") {
      reason { code facts { name value item zone } } } }"""
    in_november, in_january = [each["reason"] for each in region.ask(ask)["claims"]]

    assert (in_november["code"], in_january["code"]) == ("AGREES", "NOT_ON_RECORD")
    items = [(f["name"], f["value"]) for f in in_january["facts"] if f["item"]]
    assert items == [("party", "AU"), ("party", "EU"), ("members", "3"), ("party", "KR")]
    uncertain = {f["name"]: f["value"] for f in in_november["facts"] if f["item"]}
    assert uncertain["uncertainParty"] == "AU" and uncertain["latest"] == "2017-11-30"


@pytest.mark.parametrize("what", ["territories", "economies"])
@pytest.mark.parametrize("stage", ["signed", "implemented"])
def test_the_steps_of_the_count_are_the_days_on_which_the_partners_changed(
    region: Client, what: str, stage: str
) -> None:
    """On each step's day, and on the day before it, the count is that of the partners."""
    ask = """query ($measure: String!) {
      countSteps(subject: CN, measure: $measure) { day count } }"""
    steps = region.ask(ask, measure=f"aeo_partner_{what}_{stage}")["countSteps"]
    partners = """query ($at: DateTime, $status: AgreementStatus!) { partners(of: CN,
      asOf: {at: $at}, status: $status) { administration { code } blocs } }"""
    status = "IN_FORCE" if stage == "implemented" else "SIGNED_OR_LATER"

    def counted(day: date) -> int:
        at = f"{day}T15:59:59Z"  # the end of the day in China
        rows = region.ask(partners, at=at, status=status)["partners"]
        if what == "territories":
            return len(rows)
        return len({bloc for row in rows for bloc in row["blocs"]}) + sum(
            not row["blocs"] for row in rows
        )

    assert len(steps) > 1 and [step["day"] for step in steps] == sorted(
        {step["day"] for step in steps}
    )
    before = 0
    for step in steps:
        day = date.fromisoformat(step["day"])
        assert (counted(day - timedelta(1)), counted(day)) == (before, step["count"]), step
        before = step["count"]
    assert region.ask(ask, measure="aeo_operators")["countSteps"] == []


def test_before_its_day_a_goal_is_not_missed(region: Client) -> None:
    as_of = {"at": "2017-06-01T00:00:00Z"}
    targets = region.ask("query ($asOf: AsOf) { targets(asOf: $asOf) { met } }", None, asOf=as_of)

    assert [target["met"] for target in targets["targets"]] == ["UNKNOWN", "UNKNOWN"]


def test_a_document_is_found_by_its_words_and_names_what_it_led_to(region: Client) -> None:
    ask = """query ($contains: String, $party: AdministrationCode) {
      documents(contains: $contains, party: $party) { edges { node {
        code title date measures parties agreements { code } targets { target } source } } } }"""

    [edge] = region.ask(ask, None, contains="SMART plan", party="CN")["documents"]["edges"]
    assert edge["node"] == {
        "code": "PLAN-2018",
        "title": "A plan for 2018 to 2020",
        "date": "2018-02-02",
        "measures": ["smart customs"],
        "parties": ["CN"],
        "agreements": [{"code": "CN-KZ-AEO"}],
        "targets": [{"target": "all"}, {"target": "willing"}],
        "source": "a gazette",
    }
    assert region.ask(ask, None, contains="smart%plan")["documents"]["edges"] == []
    assert region.ask(ask, None, party="KR")["documents"]["edges"] == []
