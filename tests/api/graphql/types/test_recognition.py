"""Recognition, asked at the counter: every answer with its reason, and never a silent no."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.client import AUDITOR, Client
from tests.api.region import (
    FRUIT,
    OLD,
    OPEN,
    QUIET,
    SHUT,
    STEEL,
    agreement,
    clause,
    consent,
    record,
    region,
    step,
)

__all__ = ["region"]

QUESTION = """
query ($tin: TIN!, $in: AdministrationCode!, $asOf: AsOf, $consignment: ConsignmentInput) {
  recognition(tin: $tin, in: $in, asOf: $asOf, consignment: $consignment) {
    tin in outcome legal operational reasons { code message } validFrom validTo
    bases { agreement { code } authorisation since declarationBox benefits assumed }
  }
}"""


def ask(at: Client, tin: str, into: str, by: str = AUDITOR, **said: Any) -> dict[str, Any]:
    found: dict[str, Any] = at.ask(QUESTION, by, tin=tin, **{"in": into}, **said)["recognition"]
    return found


def verdict(answer: dict[str, Any]) -> tuple[str, list[str]]:
    return answer["outcome"], [reason["code"] for reason in answer["reasons"]]


def test_a_valid_chinese_exporter_is_recognised_in_korea_with_its_basis(region: Client) -> None:
    answer = ask(region, FRUIT, "KR")

    assert verdict(answer) == ("RECOGNISED", ["IN_FORCE"])
    [basis] = answer["bases"]
    assert basis["agreement"]["code"] == "CN-KR-AEO"
    assert basis["authorisation"] == "AEOCN1234567890"
    assert basis["benefits"] == ["fewer inspections"]
    assert (answer["validFrom"], answer["validTo"]) == ("2016-05-01T16:00:00.000000Z", None)


def test_each_side_of_an_agreement_counts_from_its_own_day(region: Client) -> None:
    before = ask(region, FRUIT, "AU", asOf={"at": "2018-06-01T00:00:00Z"})
    assert verdict(before)[0] == "RECOGNISED"

    record(
        region.database,
        {
            "command": "register_operator",
            "tin": "AU777",
            "name": "Wine",
            "source": "synthetic",
            "known_at": "2017-01-01T00:00:00Z",
        },
        {
            "command": "lodge_application",
            "tin": "AU777",
            "programme": "AU-ATT",
            "type": "AEO",
            "known_at": "2017-01-01T00:00:00Z",
        },
        {"command": "accept_application", "tin": "AU777", "known_at": "2017-01-01T00:00:00Z"},
        {"command": "start_examination", "tin": "AU777", "known_at": "2017-01-01T00:00:00Z"},
        {
            "command": "grant_authorisation",
            "tin": "AU777",
            "number": "ATT777",
            "known_at": "2017-01-01T00:00:00Z",
        },
    )
    early = ask(region, "AU777", "CN", asOf={"at": "2018-06-01T00:00:00Z"})
    assert verdict(early) == ("NOT_RECOGNISED", ["AGREEMENT_NOT_IMPLEMENTED"])
    assert early["reasons"][0]["message"] == (
        "CN-AU-AEO: China had not implemented it on 2018-06-01."
    )
    # The answer holds until China began, at midnight in Shanghai.
    assert early["validTo"] == "2023-12-13T16:00:00.000000Z"
    assert verdict(ask(region, "AU777", "CN", asOf={"at": "2024-01-01T00:00:00Z"})) == (
        "RECOGNISED",
        ["IN_FORCE"],
    )


def test_between_the_dates_of_two_sources_nobody_knows(region: Client) -> None:
    answer = ask(region, FRUIT, "AU", asOf={"at": "2018-02-01T00:00:00Z"})

    assert verdict(answer) == ("UNKNOWN", ["DATE_UNCERTAIN"])
    assert answer["reasons"][0]["message"] == (
        "CN-AU-AEO: no source says whether it was in force in Australia on 2018-02-01;"
        " the dates leave open 2017-12-01 to 2018-03-01."
    )
    assert answer["validTo"] == "2018-02-28T13:00:00.000000Z"


def test_a_suspension_recorded_late_shows_from_its_day_to_who_asks_later(region: Client) -> None:
    day = {"at": "2026-03-05T00:00:00Z"}
    before = ask(region, STEEL, "CN", asOf={**day, "knownAt": "2026-03-06T00:00:00Z"})
    after = ask(region, STEEL, "CN", asOf={**day, "knownAt": "2026-03-11T00:00:00Z"})

    assert verdict(before) == ("RECOGNISED", ["IN_FORCE"])
    assert before["bases"][0]["declarationBox"] == "consignor code"
    assert verdict(after) == ("NOT_RECOGNISED", ["AUTHORISATION_SUSPENDED"])
    assert after["reasons"][0]["message"] == (
        "KRAEO2222: suspended since 2026-03-01 and still on 2026-03-05."
    )


@pytest.mark.parametrize(
    ("tin", "into", "reason"),
    [
        (FRUIT, "JP", "No agreement on record linked China to Japan on 2024-01-01."),
        (FRUIT, "CN", "China is the operator's own territory."),
        (OPEN, "FR", "Germany and France were one customs territory on 2024-01-01."),
        (
            SHUT,
            "CN",
            "FR4444444 had given no consent to China on 2024-01-01; CN-EU-AEO requires it.",
        ),
        (
            "CN9",
            "KR",
            "The register has no information for you about this operator in South Korea.",
        ),
    ],
)
def test_every_reason_is_a_sentence(region: Client, tin: str, into: str, reason: str) -> None:
    answer = ask(region, tin, into, asOf={"at": "2024-01-01T00:00:00Z"})

    assert [reason["message"] for reason in answer["reasons"]] == [reason]


def test_what_is_asked_of_the_consignment_narrows_the_answer(region: Client) -> None:
    sends = ask(region, OPEN, "CN", consignment={"role": "EXPORTER", "hs": "0702"})
    receives = ask(region, OPEN, "CN", consignment={"role": "IMPORTER"})

    assert verdict(sends) == ("RECOGNISED", ["IN_FORCE"])  # the clause names no goods: all
    assert verdict(receives) == ("NOT_RECOGNISED", ["ROLE_OUT_OF_SCOPE"])
    assert (
        receives["reasons"][0]["message"]
        == f"{OPEN}: authorised as EXPORTER; the question is about IMPORTER."
    )


def test_a_hidden_operator_answers_exactly_as_an_unknown_one(region: Client) -> None:
    hidden = ask(region, SHUT, "CN", "partner:CN", asOf={"at": "2024-01-01T00:00:00Z"})
    unknown = ask(region, "FR999", "CN", "partner:CN", asOf={"at": "2024-01-01T00:00:00Z"})

    assert verdict(hidden) == ("UNKNOWN", ["NO_INFORMATION"])
    assert {**hidden, "tin": ""} == {**unknown, "tin": ""}


def test_the_partner_asks_for_its_own_territory_and_for_no_other(region: Client) -> None:
    assert ask(region, FRUIT, "KR", "partner:KR")["outcome"] == "RECOGNISED"

    refused = region.error(QUESTION, "partner:KR", tin=FRUIT, **{"in": "AU"})
    assert refused["code"] == "FORBIDDEN"
    assert "the customs of that territory" in refused["message"]


def test_the_operator_and_its_home_customs_ask_for_any_territory(region: Client) -> None:
    for by in (f"company:{FRUIT}", "officer:CN"):
        assert ask(region, FRUIT, "AU", by)["outcome"] == "RECOGNISED"


def test_the_public_is_told_no_recognition(region: Client) -> None:
    refused = region.error(QUESTION, None, tin=FRUIT, **{"in": "KR"})

    assert refused["code"] == "FORBIDDEN"


def test_many_at_once_answer_in_the_order_asked(region: Client) -> None:
    tins = [QUIET, "CN9", FRUIT, QUIET]
    found = region.ask(
        "query ($tins: [TIN!]!) { recognitions(tins: $tins, in: KR) { tin outcome } }",
        "partner:KR",
        tins=tins,
    )["recognitions"]

    assert [item["tin"] for item in found] == tins
    assert [item["outcome"] for item in found] == [
        "RECOGNISED",
        "UNKNOWN",
        "RECOGNISED",
        "RECOGNISED",
    ]


def test_more_than_a_thousand_keys_are_refused_with_both_numbers(region: Client) -> None:
    refused = region.error(
        "query ($tins: [TIN!]!) { recognitions(tins: $tins, in: KR) { tin } }",
        AUDITOR,
        tins=[f"CN{n}" for n in range(1_001)],
    )

    assert refused["message"] == "tins: found 1001 keys, wanted at most 1000"


def test_what_will_be_known_nobody_knows_and_the_far_future_has_no_law_yet(region: Client) -> None:
    later = {"knownAt": "2999-01-01T00:00:00Z"}
    refused = region.error(QUESTION, AUDITOR, tin=FRUIT, **{"in": "KR"}, asOf=later)
    assert refused["message"].startswith("knownAt: 2999-01-01T00:00:00.000000Z is in the future")

    far = region.error(
        QUESTION, AUDITOR, tin=FRUIT, **{"in": "KR"}, asOf={"at": "2999-01-01T00:00:00Z"}
    )
    assert "more than ten years ahead" in far["message"]


def test_a_merged_operator_is_recognised_no_longer(region: Client) -> None:
    before = ask(region, OLD, "KR", asOf={"at": "2024-12-01T00:00:00Z"})
    after = ask(region, OLD, "KR")

    assert verdict(before) == ("RECOGNISED", ["IN_FORCE"])
    assert verdict(after) == ("NOT_RECOGNISED", ["AUTHORISATION_ENDED"])
    assert before["validTo"] == after["validFrom"]


def test_consent_given_opens_and_withdrawn_shuts(region: Client) -> None:
    assert verdict(ask(region, SHUT, "CN"))[1] == ["NO_CONSENT"]
    assert verdict(ask(region, SHUT, "CN", "partner:CN"))[1] == ["NO_INFORMATION"]

    record(region.database, consent(SHUT, "2026-06-01", partner="CN"))
    assert verdict(ask(region, SHUT, "CN", "partner:CN")) == ("RECOGNISED", ["IN_FORCE"])

    record(
        region.database,
        {
            "command": "withdraw_consent",
            "tin": SHUT,
            "partner": "CN",
            "known_at": "2026-07-01T02:00:00Z",
        },
    )
    assert verdict(ask(region, SHUT, "CN", "partner:CN")) == ("UNKNOWN", ["NO_INFORMATION"])


# ------------------------------------------------- agreements that linked the two before

ENDED = """query ($tin: TIN!, $in: AdministrationCode!, $asOf: AsOf) {
    recognition(tin: $tin, in: $in, asOf: $asOf) {
        outcome reasons { code message facts { name value zone } } } }"""


def test_after_a_withdrawal_an_end_of_a_clause_and_a_blocs_loss_the_ended_agreement_is_named(
    region: Client,
) -> None:
    withdrawn = "CN-JP-AEO"
    record(
        region.database,
        agreement(withdrawn),
        *(step("implement_agreement", withdrawn, "2015-01-01", side=side) for side in ("CN", "JP")),
        clause(withdrawn, "CN", "JP", "ACE"),
        step("withdraw_from_agreement", withdrawn, "2020-05-01", member="JP"),
        agreement("CN-RU-AEO"),
        *(
            step("implement_agreement", "CN-RU-AEO", "2015-01-01", side=literal)
            for literal in ("CN", "RU")
        ),
        clause("CN-RU-AEO", "CN", "RU", "ACE", until="2021-03-01"),
    )
    for there, name, until, zone in (
        ("JP", withdrawn, "2020-05-01", "Asia/Tokyo"),
        ("RU", "CN-RU-AEO", "2021-03-01", "Europe/Moscow"),
        ("GB", "CN-EU-AEO", "2020-12-31 23:00 UTC", None),
    ):
        before, after = (
            region.ask(ENDED, AUDITOR, tin=FRUIT, **{"in": there, "asOf": {"at": at}})[
                "recognition"
            ]
            for at in ("2019-01-01T12:00:00Z", "2022-01-01T12:00:00Z")
        )
        assert before["outcome"] == "RECOGNISED"
        [reason] = after["reasons"]
        assert (after["outcome"], reason["code"]) == ("NOT_RECOGNISED", "NO_AGREEMENT")
        facts = {fact["name"]: fact for fact in reason["facts"]}
        assert facts["agreement"]["value"] == name
        assert facts["until"]["zone"] == zone
        assert reason["message"].endswith(f"; {name} did until {until}.")


def test_where_no_agreement_ever_linked_the_two_none_is_named(region: Client) -> None:
    said = {"in": "KR", "asOf": {"at": "2010-01-01T12:00:00Z"}}
    for reason in region.ask(ENDED, AUDITOR, tin=FRUIT, **said)["recognition"]["reasons"]:
        assert not [fact for fact in reason["facts"] if fact["name"] == "until"]


# ------------------------------------- a law of general consent, from here on in this region

TOLD = """query ($tin: TIN!, $asOf: AsOf) { recognition(tin: $tin, in: CN, asOf: $asOf) {
    reasons { message facts { name value } } } }"""


def told(at: Client, tin: str, by: str, **said: Any) -> tuple[str, list[tuple[str, str]]]:
    """The sentence of the only reason, and the facts that it rests on."""
    [reason] = at.ask(TOLD, by, tin=tin, **said)["recognition"]["reasons"]
    return reason["message"], [(fact["name"], fact["value"]) for fact in reason["facts"]]


def test_a_general_consent_reaches_whoever_was_found_adequate_until_it_is_withdrawn(
    region: Client,
) -> None:
    law = {
        "command": "set_rule",
        "programme": "EU-AEO",
        "effective": "2008-01-01",
        "source": "a page of TAXUD",
        "known_at": "2026-08-01T02:00:00Z",
    }
    record(region.database, law | {"rule": "sharing_consent", "value": "general"})
    give = {"proof": "a questionnaire", "general": True}
    record(region.database, consent(SHUT, "2026-08-02", **give))
    assert verdict(ask(region, SHUT, "CN", "partner:CN")) == ("UNKNOWN", ["NO_INFORMATION"])
    message, facts = told(region, SHUT, AUDITOR)
    assert {("consentGiven", "general"), ("notFoundAdequate", "CN")} < set(facts)
    assert f"the general consent of {SHUT} reaches partners that were found adequate" in message

    record(region.database, law | {"rule": "adequate.CN", "value": "adequate"})
    assert verdict(ask(region, SHUT, "CN", "partner:CN")) == ("RECOGNISED", ["IN_FORCE"])

    take = {"known_at": "2026-09-01T02:00:00Z", "command": "withdraw_consent", "tin": SHUT}
    record(region.database, take | give)
    assert verdict(ask(region, SHUT, "CN", "partner:CN")) == ("UNKNOWN", ["NO_INFORMATION"])
    message, facts = told(region, SHUT, AUDITOR)
    assert "had given no general consent on " in message
    assert "; it was withdrawn as of 2026-09-01; " in message
    assert ("consentLaw", "general") in facts
    # The partner is told until when it was recognised, for a day before, too, and nothing else.
    for asked in ({}, {"asOf": {"at": "2026-08-15T00:00:00Z"}}):
        message, facts = told(region, SHUT, "partner:CN", **asked)
        assert (
            "recognised there until 2026-09-01 02:00 UTC, when it withdrew its consent" in message
        )
        assert dict(facts)["recognisedUntil"].startswith("2026-09-01T02:00")
        assert {name for name, _ in facts} == {"at", "territory", "recognisedUntil"}
