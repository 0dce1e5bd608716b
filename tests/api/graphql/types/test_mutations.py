"""Changing the register at the counter: who may, what is answered, nothing half done."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from graphql import GraphQLList, GraphQLNonNull, coerce_input_value
from msgspec import structs
from strawberry.utils.str_converters import to_camel_case

from api.graphql.schema import core
from api.graphql.types.command_inputs import INPUTS, input_class
from api.graphql.types.mutations import read as read_input
from registry.domain import commands
from tests.api.client import ACME, AUDITOR, CHINA, KOREA, Client


def test_an_officer_registers_an_operator_of_its_own(counter: Client) -> None:
    outcome = counter.tell(
        "registerOperator", CHINA, tin="AEOCN2000000001", name="Harbour", roles=["CARRIER"]
    )

    assert outcome["__typename"] == "Recorded"
    [event] = outcome["events"]
    assert event["type"] == "operator.registered"
    assert event["position"] == outcome["position"] == counter.last_position()
    assert event["payload"]["tin"] == "CN2000000001"
    assert event["payload"]["decided_by"] == "CN"


def test_the_same_command_again_is_answered_with_the_first_result(counter: Client) -> None:
    said = {"tin": "CN2000000002", "name": "Twice", "roles": [], "commandId": str(uuid4())}
    first = counter.tell("registerOperator", CHINA, **said)

    assert counter.tell("registerOperator", CHINA, **said) == first
    assert counter.last_position() == first["position"]


def test_what_was_so_already_records_nothing_and_says_where_the_register_stands(
    counter: Client,
) -> None:
    consent = {"tin": ACME, "partner": "KR"}
    counter.tell("giveConsent", CHINA, **consent)
    before = counter.last_position()

    outcome = counter.tell("giveConsent", CHINA, **consent)

    assert (outcome["__typename"], outcome["events"]) == ("Recorded", [])
    assert outcome["position"] == before == counter.last_position()


def test_a_grant_while_a_consultation_is_open_is_recorded_and_warned_of(counter: Client) -> None:
    tin, programme = "CN2000000077", "CN-AEO"
    counter.tell("registerOperator", CHINA, tin=tin, name="Asked", roles=[])
    for mutation, said in (
        ("lodgeApplication", {"programme": programme, "type": "ADVANCED"}),
        ("acceptApplication", {}),
        ("requestConsultation", {"asked": "KR"}),
        ("requestConsultation", {"asked": "AU"}),
        ("recordConsultationReply", {"asked": "AU", "reply": "no objection"}),
    ):
        assert counter.tell(mutation, CHINA, tin=tin, **said)["warnings"] == []
    grant = {"tin": tin, "number": "CN77", "commandId": str(uuid4())}
    grant["legalGround"] = "Order 282"

    outcome = counter.tell("grantAuthorisation", CHINA, **grant)

    [warning] = outcome["warnings"]
    assert warning["code"] == "CONSULTATION_OPEN"
    assert "KR was asked" in warning["message"] and "AU" not in warning["message"]
    assert [event["type"] for event in outcome["events"]] == ["operator.granted"]
    assert counter.tell("grantAuthorisation", CHINA, **grant) == outcome


def test_a_correction_voids_a_record_by_a_truth_value_as_the_schema_says(counter: Client) -> None:
    tin = "CN2000000078"
    counter.tell("registerOperator", CHINA, tin=tin, name="Void", roles=[])
    given = counter.tell("giveConsent", CHINA, tin=tin, partner="KR")
    document = f"""mutation {{ correctRecord(input: {{
        commandId: "{uuid4()}", tin: "{tin}", position: {given["position"]},
        what: {{void: true}}, why: "of another operator"
    }}) {{ ... on Recorded {{ events {{ payload }} }} ... on Refused {{ message }} }} }}"""

    outcome = counter.ask(document, CHINA)["correctRecord"]

    assert outcome["events"][0]["payload"]["what"] == {"void": "true"}


def test_a_split_from_a_company_that_was_merged_away_is_refused(counter: Client) -> None:
    gone, heir, part = "CN2000000081", "CN2000000082", "CN2000000083"
    for tin in (gone, heir, part):
        counter.tell("registerOperator", CHINA, tin=tin, name=tin, roles=[])
    counter.tell("mergeInto", CHINA, tin=gone, successor=heir)

    outcome = counter.tell("splitFrom", CHINA, tin=part, origin=gone)

    assert (outcome["__typename"], outcome["code"]) == ("Refused", "SUPERSEDED")
    assert f"{gone} was merged into {heir}" in outcome["message"]
    before = {"effective": "2020-01-01", "legalGround": "a contract of that day"}
    outcome = counter.tell("splitFrom", CHINA, tin=part, origin=gone, **before)
    assert outcome["__typename"] == "Recorded"


def test_a_refusal_is_an_answer_with_both_facts(counter: Client) -> None:
    outcome = counter.tell("liftSuspension", CHINA, tin=ACME)

    assert outcome["__typename"] == "Refused"
    assert outcome["code"] == "UNKNOWN_AUTHORISATION"
    assert ACME in outcome["message"]


@pytest.mark.parametrize("by", [None, KOREA, AUDITOR, "officer:KR", f"company:{ACME}"])
def test_nobody_else_may_register_an_operator(counter: Client, by: str | None) -> None:
    before = counter.last_position()

    outcome = counter.tell("registerOperator", by, tin="CN2000000003", name="X", roles=["OTHER"])

    assert outcome == {
        "__typename": "Refused",
        "code": "FORBIDDEN",
        "message": f"{by or 'the public'} may not change the register: officers of CN may",
        "path": None,
    }
    assert counter.last_position() == before


def test_a_company_gives_its_own_consent_and_no_other(counter: Client) -> None:
    company = f"company:{ACME}"

    assert counter.tell("giveConsent", company, tin=ACME, publication=True)["events"]

    other = counter.tell("giveConsent", company, tin="CN2000000001", publication=True)
    assert other["code"] == "FORBIDDEN"


def test_a_company_applies_and_its_customs_decide(counter: Client) -> None:
    company, application = f"company:{ACME}", {"tin": ACME, "programme": "CN-AEO"}

    lodged = counter.tell("lodgeApplication", company, **application, type="ADVANCED")

    assert lodged["events"][0]["type"] == "operator.lodged"
    assert counter.tell("acceptApplication", company, tin=ACME)["code"] == "FORBIDDEN"
    assert counter.tell("acceptApplication", CHINA, tin=ACME)["__typename"] == "Recorded"


def test_each_party_implements_for_itself(counter: Client) -> None:
    said = {"agreement": "CN-KR-AEO", "effective": "2014-04-01", "source": "a notice"}
    counter.tell("signAgreement", "officer:KR", **said | {"effective": "2013-06-27"})

    for_the_other = counter.tell("implementAgreement", CHINA, side="KR", **said)
    for_itself = counter.tell("implementAgreement", CHINA, side="CN", **said)
    stranger = counter.tell("signAgreement", "officer:AU", **said)

    assert for_the_other["code"] == stranger["code"] == "FORBIDDEN"
    assert for_itself["events"][0]["type"] == "agreement.implemented"


def test_whoever_recognises_sets_the_scope(counter: Client) -> None:
    clause = {
        "agreement": "CN-KR-AEO",
        "from": "CN",
        "to": "KR",
        "types": ["ADVANCED"],
        "effective": "2014-04-01",
        "source": "a notice",
    }

    assert counter.tell("setScope", CHINA, **clause)["code"] == "FORBIDDEN"

    outcome = counter.tell("setScope", "officer:KR", **clause)
    assert outcome["events"][0]["payload"]["clause"]["types"] == ["ADVANCED"]


def test_an_officer_of_a_bloc_acts_for_its_members(counter: Client) -> None:
    said = {"tin": "DE123456789", "name": "Hafen", "roles": ["IMPORTER"]}

    assert counter.tell("registerOperator", "officer:EU", **said)["__typename"] == "Recorded"


def test_one_agreement_is_proposed_by_one_of_its_parties(counter: Client) -> None:
    said = {"kind": "AEO_MUTUAL_RECOGNITION", "title": "Australia and Korea"}

    stranger = counter.tell("proposeAgreement", CHINA, parties=["AU", "KR"], **said)
    party = counter.tell("proposeAgreement", "officer:AU", parties=["AU", "KR"], **said)

    assert stranger["code"] == "FORBIDDEN"
    assert party["events"][0]["payload"]["agreement"] == "AU-KR-AEO"


def test_two_commands_in_one_document_are_each_answered(counter: Client) -> None:
    document = """mutation ($a: RegisterOperatorInput!, $b: RegisterOperatorInput!) {
      a: registerOperator(input: $a) { __typename }
      b: registerOperator(input: $b) { __typename ... on Refused { code } }
    }"""
    said = {"tin": "CN2000000009", "name": "Once", "roles": []}

    answer = counter.ask(
        document, CHINA, a=said | {"commandId": str(uuid4())}, b=said | {"commandId": str(uuid4())}
    )

    assert answer == {
        "a": {"__typename": "Recorded"},
        "b": {"__typename": "Refused", "code": "ALREADY_REGISTERED"},
    }


SAMPLES: dict[str, Any] = {
    "ID": "AB-1",
    "String": "text",
    "Int": 5,
    "Position": 7,
    "Boolean": True,
    "TIN": ACME,
    "AdministrationCode": "KR",
    "HSCode": "0808",
    "Date": "2026-03-01",
    "DateTime": "2026-03-01T12:00:00Z",
    "JSON": {"office": "Harbin"},
    "Role": "EXPORTER",
    "Direction": "EXPORT",
    "AgreementKind": "GREEN_LANE",
    "Pillar": "INFORMATION_EXCHANGE",
    "Step": "MEETING",
    "Sense": "UNION",
    "ContactRole": "IN_CHARGE",
    "RuleState": "UNKNOWN",
    "DataChannel": "LIST",
    "DisputeKind": "NOT_US",
    "DisputeOutcome": "UPHELD",
}
#: An id that is not just any text.
IDS: dict[str, Any] = {
    "proposal": "5f0c1c9e-0c53-4f6d-9a5f-6d1f3c1c9e0d",
    "person": "5f0c1c9e-0c53-4f6d-9a5f-6d1f3c1c9e0c",
    "dispute": "5f0c1c9e-0c53-4f6d-9a5f-6d1f3c1c9e0e",
    "receipt": "5f0c1c9e-0c53-4f6d-9a5f-6d1f3c1c9e0f",
}
#: Original names: by language tag, and by the text here.
IDS |= {field: {"zh": {"green lane": "绿色通道"}} for field in ("names", "measureNames")}


def sample(kind: Any) -> Any:
    if isinstance(kind, GraphQLNonNull):
        return sample(kind.of_type)
    return [sample(kind.of_type)] if isinstance(kind, GraphQLList) else SAMPLES[kind.name]


def python_names(kind: type[commands.Command], said: dict[str, Any]) -> dict[str, Any]:
    names = {to_camel_case(f.encode_name): f.name for f in structs.fields(input_class(kind))}
    return {names[field]: value for field, value in said.items()}


@pytest.mark.parametrize("name", commands.COMMANDS)
def test_every_field_of_every_command_can_be_said(counter: Client, name: str) -> None:
    kind = commands.COMMANDS[name]
    mutation = to_camel_case(name)
    assert core.mutation_type is not None
    wanted = core.mutation_type.fields[mutation].args["input"].type.of_type
    said = {
        field: IDS.get(field) or sample(each_field.type)
        for field, each_field in wanted.fields.items()
    }
    said |= {"commandId": str(uuid4())}
    if kind is not commands.TerminateAgreement:
        said.pop("notice", None)

    made = INPUTS[input_class(kind)](**python_names(kind, coerce_input_value(said, wanted)))
    heard = read_input(kind, made)

    spoken = commands.plain(heard) | {"command": None}
    own = {f.encode_name for f in structs.fields(kind)} - {"decided_by", "known_at", "source"}
    assert own <= spoken.keys()
    assert spoken["command_id"] == said["commandId"]


def test_an_administration_registers_itself(counter: Client) -> None:
    outcome = counter.tell(
        "registerAdministration",
        "officer:NZ",
        administration="NZ",
        name="New Zealand Customs",
        timeZone="Pacific/Auckland",
    )

    assert outcome["__typename"] == "Recorded", outcome
