"""Administrations and programmes at the counter: members, types and rules of a day."""

from __future__ import annotations

from typing import Any

from registry.domain.programme_rules import MEANINGS
from tests.api.client import Client
from tests.api.region import region

__all__ = ["region"]

MEMBERS = """query ($asOf: AsOf) { administration(code: EU, asOf: $asOf) {
    bloc members { code } operatorCount
    memberships { member sense validFrom validTo ground } } }"""
PROGRAMME = """query ($asOf: AsOf) { programme(code: "CN-AEO", asOf: $asOf) {
    administration types operatorCount
    rules { name state value unit validFrom validTo source } allRules { value } } }"""


def test_the_members_of_a_bloc_are_those_of_its_customs_territory_that_day(region: Client) -> None:
    def members(at: str) -> list[str]:
        item = region.ask(MEMBERS, None, asOf={"at": at})["administration"]
        return [member["code"] for member in item["members"]]

    assert members("1970-01-01T00:00:00Z") == ["DE", "FR"]
    assert members("2020-12-31T22:59:00Z") == ["DE", "FR", "GB"]
    assert members("2020-12-31T23:00:00Z") == ["DE", "FR"]


def test_each_membership_keeps_the_law_by_which_it_began_and_ended(region: Client) -> None:
    item = region.ask(MEMBERS, None)["administration"]

    [kingdom] = [m for m in item["memberships"] if m["member"] == "GB"]
    assert kingdom["validTo"] == "2020-12-31T23:00:00.000000Z"
    assert "Withdrawal Agreement Art. 126" in kingdom["ground"]
    assert item["operatorCount"] == 2  # its members' operators


def test_before_a_departure_was_known_nobody_had_left(region: Client) -> None:
    as_of = {"at": "2021-06-01T00:00:00Z", "knownAt": "2020-06-01T00:00:00Z"}
    item = region.ask(MEMBERS, None, asOf=as_of)["administration"]

    assert [member["code"] for member in item["members"]] == ["DE", "FR", "GB"]


def test_all_administrations_come_by_code_with_their_programmes(region: Client) -> None:
    found = region.ask("{ administrations { code name programmes { code } members { code } } }")
    codes = [administration["code"] for administration in found["administrations"]]

    assert codes == sorted(codes) and len(codes) == 10
    china = next(
        administration
        for administration in found["administrations"]
        if administration["code"] == "CN"
    )
    assert china == {
        "code": "CN",
        "name": "Customs of CN",
        "programmes": [{"code": "CN-AEO"}],
        "members": [],
    }


def test_an_administration_that_nobody_registered_is_null(region: Client) -> None:
    assert region.ask("{ administration(code: BR) { name } }") == {"administration": None}


def test_a_programme_has_the_types_and_rules_of_the_day(region: Client) -> None:
    def on(at: str) -> dict[str, Any]:
        item = region.ask(PROGRAMME, None, asOf={"at": at})["programme"]
        assert isinstance(item, dict)
        return item

    old, new = on("2020-01-01T00:00:00Z"), on("2026-06-01T00:00:00Z")
    assert (old["types"], new["types"]) == (["ACE", "GENERAL"], ["ACE", "CE"])
    assert [rule for rule in old["rules"] if rule["state"] == "VALUE"] == [
        {
            "name": "decision_days",
            "state": "VALUE",
            "value": "60",
            "unit": "days",
            "validFrom": "2008-01-01",
            "validTo": "2021-11-01",
            "source": "a gazette",
        }
    ]
    found = {rule["name"]: rule["value"] for rule in new["rules"]}
    assert found == dict.fromkeys(MEANINGS, "unknown") | {
        "decision_days": "90",
        "effect_after": "none",
        "validity_years": "none",
    }
    assert [rule["value"] for rule in new["allRules"]] == ["60", "90", "none", "none"]
    assert (on("2015-01-01T00:00:00Z")["operatorCount"], old["operatorCount"]) == (0, 3)


def test_an_unknown_programme_is_null(region: Client) -> None:
    assert region.ask('{ programme(code: "ZZ-AEO") { name } }') == {"programme": None}
