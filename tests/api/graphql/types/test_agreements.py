"""Agreements at the counter: steps, sides and doubts; who is whose partner; results of controls."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.client import Client
from tests.api.region import region

__all__ = ["region"]

PARTNERS = """
query ($of: AdministrationCode!, $kind: AgreementKind, $status: AgreementStatus, $asOf: AsOf) {
  partners(of: $of, kind: $kind, status: $status, asOf: $asOf) {
    administration { code } agreements { code } recognises recognisedBy blocs
  }
}"""
LIST = """
query ($filter: AgreementFilter, $asOf: AsOf, $first: Int, $after: String) {
  agreements(filter: $filter, asOf: $asOf, first: $first, after: $after) {
    totalCount pageInfo { hasNextPage endCursor } edges { node { code } }
  }
}"""


def day(at: str) -> dict[str, str]:
    return {"at": f"{at}T12:00:00Z"}


def found(at: Client, as_of: dict[str, str] | None = None, **filter: Any) -> list[str]:
    page = at.ask(LIST, None, filter=filter, asOf=as_of)["agreements"]
    ids = [edge["node"]["code"] for edge in page["edges"]]
    assert page["totalCount"] == len(ids)
    return ids


def partners(at: Client, of: str, **said: Any) -> dict[str, dict[str, Any]]:
    rows = at.ask(PARTNERS, None, of=of, **said)["partners"]
    codes = [row["administration"]["code"] for row in rows]
    assert codes == sorted(set(codes))
    return dict(zip(codes, rows, strict=True))


def test_an_agreement_shows_each_side_each_date_and_its_clauses(region: Client) -> None:
    item = region.ask(
        """{ agreement(id: "CN-AU-AEO") { kind status parties { code }
             sides { party implementedFrom suspended }
             dates { what side earliest latest source assumed }
             scopes { from to types state validFrom validTo } } }""",
        None,
    )["agreement"]

    assert (item["kind"], item["status"]) == ("AEO_MUTUAL_RECOGNITION", "IN_FORCE")
    assert [party["code"] for party in item["parties"]] == ["AU", "CN"]
    assert item["sides"] == [
        {"party": "AU", "implementedFrom": None, "suspended": False},  # two sources differ
        {"party": "CN", "implementedFrom": "2023-12-14", "suspended": False},
    ]
    australian = [date for date in item["dates"] if date["side"] == "AU"]
    # Two sources of one day that do not agree are two rows.
    assert {(d["earliest"], d["latest"], d["source"]) for d in australian} == {
        ("2017-12-01", "2018-03-01", "a gazette"),
        ("2018-03-01", "2018-03-01", "a minister"),
    }
    assert [(c["from"], c["to"], c["types"], c["state"]) for c in item["scopes"]] == [
        ("CN", "AU", ["ACE"], "LIVE"),
        ("AU", "CN", ["AEO"], "LIVE"),
    ]


def test_its_status_is_what_is_certain_by_that_day(region: Client) -> None:
    ask = 'query ($asOf: AsOf) { agreement(id: "CN-AU-AEO", asOf: $asOf) { status } }'

    def status(at: str, known: str | None = None) -> str | None:
        as_of = day(at) | ({"knownAt": f"{known}T00:00:00Z"} if known else {})
        item = region.ask(ask, None, asOf=as_of)["agreement"]
        return item and item["status"]

    assert status("2013-01-01") == "PROPOSED"
    assert status("2017-11-15") == "PROPOSED"  # signed some day of that November
    assert status("2018-01-01") == "SIGNED"
    assert status("2018-06-01") == "IN_FORCE"
    assert status("2018-06-01", known="2015-01-01") is None  # nobody had heard of it


def test_everything_recorded_of_it_is_everybodys(region: Client) -> None:
    item = region.ask(
        '{ agreement(id: "CN-KR-AEO") { history(first: 2) { edges { node { type } } '
        "pageInfo { hasNextPage } } } }",
        None,
    )["agreement"]["history"]

    assert [e["node"]["type"] for e in item["edges"]] == ["agreement.proposed", "agreement.signed"]
    assert item["pageInfo"]["hasNextPage"]


def test_agreements_are_found_by_party_kind_status_pillar_and_words(region: Client) -> None:
    assert found(region, party="KR") == ["CN-KR-AEO"]
    assert found(region, party="DE") == ["CN-EU-AEO"]  # through its bloc
    assert found(region, party="GB") == []
    assert found(region, day("2020-06-01"), party="GB") == ["CN-EU-AEO"]
    assert found(region, between=["FR", "CN"]) == ["CN-EU-AEO"]
    assert found(region, kind="CONTROL_RESULTS") == ["CN-RU-CONTROL"]
    assert found(region, status="NEGOTIATING") == ["CN-KZ-AEO"]
    assert found(region, pillar="CONTROL_RECOGNITION") == ["CN-KR-AEO"]
    assert found(region, contains="MUTUAL 海关") == ["CN-KR-AEO"]
    assert found(region, contains="100%") == []
    assert found(region, kind="AEO_MUTUAL_RECOGNITION", status="SIGNED_OR_LATER") == [
        "CN-AU-AEO",
        "CN-EU-AEO",
        "CN-KR-AEO",
    ]


def test_pages_of_agreements_follow_each_other(region: Client) -> None:
    first = region.ask(LIST, None, first=3)["agreements"]
    after = first["pageInfo"]["endCursor"]
    second = region.ask(LIST, None, first=3, after=after)["agreements"]

    ids = [edge["node"]["code"] for page in (first, second) for edge in page["edges"]]
    assert ids == sorted(ids) and len(ids) == first["totalCount"] == 5
    assert (first["pageInfo"]["hasNextPage"], second["pageInfo"]["hasNextPage"]) == (True, False)


def test_a_bloc_is_its_members_of_the_day(region: Client) -> None:
    assert set(partners(region, "CN", asOf=day("2018-02-01"))) == {"AU", "DE", "FR", "GB", "KR"}
    last = {"at": "2020-12-31T22:59:00Z"}
    first = {"at": "2020-12-31T23:00:00Z"}
    assert set(partners(region, "CN", asOf=last)) - set(partners(region, "CN", asOf=first)) == {
        "GB"
    }


def test_a_member_has_the_partners_of_its_bloc(region: Client) -> None:
    assert {code: row["agreements"] for code, row in partners(region, "DE").items()} == {
        "CN": [{"code": "CN-EU-AEO"}]
    }
    assert set(partners(region, "EU")) == {"CN"}


def test_who_recognises_whom_is_told_for_each_side(region: Client) -> None:
    australia = partners(region, "CN", asOf=day("2018-06-01"))["AU"]
    assert (australia["recognises"], australia["recognisedBy"]) == (False, True)

    australia = partners(region, "CN", asOf=day("2024-06-01"))["AU"]
    assert (australia["recognises"], australia["recognisedBy"]) == (True, True)
    assert partners(region, "CN")["DE"]["blocs"] == ["EU"]


def test_partners_of_another_status_and_kind(region: Client) -> None:
    assert set(partners(region, "CN", status="NEGOTIATING")) == {"KZ"}
    assert set(partners(region, "CN", kind="CONTROL_RESULTS")) == {"RU"}
    assert partners(region, "JP") == {}


@pytest.mark.parametrize(
    ("exporter", "importer", "crossing", "hs", "at", "answer"),
    [
        ("CN", "RU", "Heihe-Blagoveshchensk", "0702", "2015-01-01", "RECOGNISED IN_FORCE"),
        ("CN", "RU", "blagoveshchensk - heihe", "07", "2015-01-01", "RECOGNISED IN_FORCE"),
        ("CN", "RU", "Heihe", "4407", "2015-01-01", "NOT_RECOGNISED DIRECTION_OUT_OF_SCOPE"),
        ("CN", "RU", "Heihe", "8703", "2015-01-01", "NOT_RECOGNISED GOODS_OUT_OF_SCOPE"),
        ("CN", "RU", "Suifenhe", "07", "2015-01-01", "NOT_RECOGNISED CROSSING_OUT_OF_SCOPE"),
        ("CN", "RU", "Heihe", "07", "2014-01-01", "NOT_RECOGNISED AGREEMENT_NOT_IMPLEMENTED"),
        ("CN", "KR", "Heihe", "07", "2015-01-01", "NOT_RECOGNISED NO_AGREEMENT"),
    ],
)
def test_the_results_of_controls(
    region: Client, exporter: str, importer: str, crossing: str, hs: str, at: str, answer: str
) -> None:
    item = region.ask(
        """query ($from: AdministrationCode!, $to: AdministrationCode!, $crossing: String!,
                  $hs: HSCode!, $asOf: AsOf) {
          controlResult(from: $from, to: $to, crossing: $crossing, hs: $hs, asOf: $asOf) {
            outcome reasons { code message } clauses { hs assumed } agreement { code } } }""",
        None,
        **{"from": exporter},
        to=importer,
        crossing=crossing,
        hs=hs,
        asOf=day(at),
    )["controlResult"]

    assert f"{item['outcome']} {item['reasons'][0]['code']}" == answer
    assert item["reasons"][0]["message"].endswith(".")
    if item["outcome"] == "RECOGNISED":
        assert item["clauses"] == [{"hs": ["07", "08"], "assumed": True}]
        assert item["agreement"] == {"code": "CN-RU-CONTROL"}
