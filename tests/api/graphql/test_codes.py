"""Every code that the service gives: listed once, described, and with the field at fault."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest

from api.graphql.codes import ERRORS, REFUSALS, RefusalCode, field_at_fault, kinds
from api.graphql.executor import LATER
from api.graphql.schema import core
from api.graphql.types.command_inputs import SPELLED
from registry.domain import commands as c
from registry.domain.errors import Refusal
from registry.paths import DOCS, ROOT
from tests.api.client import ACME, AUDITOR, CHINA, Client
from tests.registry.domain.command_values import first, others
from tests.registry.domain.standings import things
from tests.registry.domain.test_no_command_is_silent import KINDS
from tests.scenario import when


def test_every_kind_of_refusal_has_one_described_code() -> None:
    described = core.type_map["RefusalCode"].values  # type: ignore[attr-defined]

    assert len(REFUSALS) == len(kinds()) == len(RefusalCode)
    assert set(REFUSALS) == {code.value for code in RefusalCode} == set(described)
    for code, meaning in REFUSALS.items():
        assert len(meaning) > 20 and described[code].description == meaning, code


def emitted() -> Iterator[tuple[str, str]]:
    """Every code of an error that the source names, and the file."""
    for file in sorted((ROOT / "api").rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            found: list[Any] = []
            match node:
                case ast.Call(func=ast.Name(id="RequestDeclined" | "Unanswered" | "_error")):
                    found = node.args[:2]
                case ast.Call(func=ast.Attribute(attr="unavailable")):
                    found = node.args[:1]
                case ast.Dict():
                    found = [
                        value
                        for key, value in zip(node.keys, node.values, strict=True)
                        if isinstance(key, ast.Constant) and key.value == "code"
                    ]
                case ast.Assign(targets=[ast.Name(id="code")]):
                    found = [*ast.walk(node.value)]
                case ast.Assign(targets=[ast.Tuple(elts=[ast.Name(id="code"), _])]):
                    found = [*ast.walk(node.value)]
            for each in found:
                if isinstance(each, ast.Constant) and isinstance(each.value, str):
                    code = each.value
                    if code.replace("_", "").isalpha() and code.isupper() and len(code) > 2:
                        yield code, file.name
    for code, _ in LATER.values():
        yield code, "counter.py"


def test_every_code_of_an_error_in_the_source_is_listed_and_every_listed_one_is_given() -> None:
    found = dict(emitted())

    assert set(found) == set(ERRORS), found


def test_the_table_of_codes_in_the_reference_is_the_one_in_the_source() -> None:
    told = (DOCS / "reference" / "codes.md").read_text(encoding="utf-8")

    for code, error in ERRORS.items():
        assert f"| `{code}` | {error.status} | {error.meaning} |" in told
    for code, meaning in REFUSALS.items():
        assert f"| `{code}` | {meaning} |" in told


# ------------------------------------------------------ the field that is at fault


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_whatever_a_command_is_refused_for_names_one_of_its_fields(kind: type[c.Command]) -> None:
    """Every command, each of its fields with other values, in every standing."""
    fields = SPELLED[kind]
    spelled = {python: name for name, python in fields.items()}
    for standing, make in things(kind.noun).items():
        for command in (first(kind), *others(first(kind))):
            given = [spelled.get(k, "") for k, v in c.plain(command).items() if v is not None]
            try:
                when(make(), command)
            except Refusal as refusal:
                path = field_at_fault(refusal, fields, given)
                assert path and path[0] in fields, (standing, command, str(refusal))


LEI = "5493001KJTIIGC8Y1R12"
NOBODY, LAW = "CN7777777777", "Order 237, Art. 9"


def refused(counter: Client, mutation: str, **said: Any) -> tuple[str, list[str] | None]:
    outcome = counter.tell(mutation, CHINA, **said)
    assert outcome["__typename"] == "Refused", outcome
    return outcome["code"], outcome["path"]


@pytest.mark.parametrize(
    ("mutation", "said", "code", "path"),
    [
        ("giveConsent", {"tin": ACME, "commandId": "one"}, "BAD_VALUE", ["commandId"]),
        ("giveConsent", {"tin": ACME}, "BAD_VALUE", ["partner"]),
        ("amendParticulars", {"tin": ACME, "name": "x\u202ey"}, "BAD_VALUE", ["name"]),
        (
            "setScope",
            {
                "agreement": "CN-KR-AEO",
                "from": "KR",
                "to": "CN",
                "types": ["AEO"],
                "benefits": ["a", "b\u202e"],
            },
            "BAD_VALUE",
            ["benefits"],
        ),
        ("giveConsent", {"tin": NOBODY, "partner": "KR"}, "UNKNOWN_OPERATOR", ["tin"]),
        (
            "mergeInto",
            {"tin": ACME, "successor": "KR7777777777"},
            "UNKNOWN_OPERATOR",
            ["successor"],
        ),
        ("splitFrom", {"tin": ACME, "origin": "CN7777777776"}, "UNKNOWN_OPERATOR", ["origin"]),
        ("acceptApplication", {"tin": ACME}, "UNKNOWN_AUTHORISATION", ["tin"]),
        (
            "acceptApplication",
            {"tin": ACME, "authorisation": "No. 1"},
            "UNKNOWN_AUTHORISATION",
            ["authorisation"],
        ),
        (
            "signAgreement",
            {"agreement": "CN-XX", "source": "-"},
            "UNKNOWN_AGREEMENT",
            ["agreement"],
        ),
        (
            "lodgeApplication",
            {"tin": ACME, "programme": "CN-NONE", "type": "A"},
            "UNKNOWN_PROGRAMME",
            ["programme"],
        ),
        ("amendDocument", {"document": "NO-PLAN", "title": "x", "source": "-"}, "FORBIDDEN", None),
        (
            "retractClaim",
            {"subject": "CN", "measure": "partners", "asOf": "2018-02-01", "why": "misread"},
            "UNKNOWN_CLAIM",
            ["measure"],
        ),
        (
            "joinBloc",
            {"administration": "CN", "member": "KR", "source": "-"},
            "NOT_A_MEMBER",
            ["member"],
        ),
        (
            "proposeAgreement",
            {
                "kind": "AEO_MUTUAL_RECOGNITION",
                "title": "t",
                "source": "-",
                "parties": ["CN", "BR"],
            },
            "UNKNOWN_ADMINISTRATION",
            ["parties"],
        ),
        (
            "correctRecord",
            {"tin": ACME, "position": 1, "what": {"number": "1"}, "why": "misread"},
            "UNKNOWN_POSITION",
            ["position"],
        ),
        (
            "registerOperator",
            {"tin": ACME, "name": "Again", "roles": []},
            "ALREADY_REGISTERED",
            ["tin"],
        ),
        (
            "lodgeApplication",
            {"tin": ACME, "programme": "CN-AEO", "type": "B"},
            "NOT_OFFERED",
            ["type"],
        ),
        (
            "giveConsent",
            {"tin": ACME, "partner": "KR", "effective": "2020-01-01"},
            "GROUND_NEEDED",
            ["effective"],
        ),
        (
            "giveConsent",
            {"tin": ACME, "partner": "KR", "effective": "1800-01-01"},
            "WRONG_DATES",
            ["effective"],
        ),
        ("addIdentifier", {"tin": ACME, "scheme": "LEI", "value": "12"}, "WRONG_FORM", ["value"]),
        ("addIdentifier", {"tin": ACME, "scheme": "XXX", "value": "12"}, "WRONG_FORM", ["scheme"]),
        (
            "addIdentifier",
            {"tin": ACME, "scheme": "LEI", "value": LEI[:-1] + "3"},
            "OVERRIDE_NEEDED",
            ["value"],
        ),
        (
            "giveConsent",
            {"tin": ACME, "partner": "KR", "expectedVersion": 99},
            "STALE_VERSION",
            ["expectedVersion"],
        ),
        (
            "giveConsent",
            {"tin": ACME, "partner": "KR", "signature": "CN x"},
            "SIGNATURE_INVALID",
            ["signature"],
        ),
        ("endContact", {"tin": ACME, "person": str(uuid4())}, "UNKNOWN_PERSON", ["person"]),
        ("withdrawConsent", {"tin": ACME, "partner": "AU"}, "WRONG_STATUS", ["partner"]),
        ("endIdentifier", {"tin": ACME, "scheme": "LEI", "value": LEI}, "WRONG_STATUS", ["value"]),
    ],
)
def test_a_refusal_at_the_counter_names_the_field(
    counter: Client, mutation: str, said: dict[str, Any], code: str, path: list[str] | None
) -> None:
    assert refused(counter, mutation, **said) == (code, path)


def test_who_may_not_do_it_is_refused_for_no_field(counter: Client) -> None:
    outcome = counter.tell("giveConsent", AUDITOR, tin=ACME, partner="KR")

    assert (outcome["code"], outcome["path"]) == ("FORBIDDEN", None)


def test_what_is_kept_of_a_person_is_refused_with_its_field(counter: Client) -> None:
    document = """mutation ($tin: TIN!, $who: JSON!) {
        keepParticulars(tin: $tin, particulars: $who) { ... on Refused { code path } } }"""

    for who in ({}, {"name": "A. Person", "colour": "red"}):
        outcome = counter.ask(document, CHINA, tin=ACME, who=who)["keepParticulars"]
        assert outcome == {"code": "BAD_VALUE", "path": ["particulars"]}
    unknown = counter.ask(document, CHINA, tin=NOBODY, who={"name": "A. Person"})
    assert unknown["keepParticulars"] == {"code": "UNKNOWN_OPERATOR", "path": ["tin"]}


def test_both_ways_of_answering_a_command_name_the_field(counter: Client) -> None:
    """With the input in a variable a command is answered without the executor."""
    fields = "{ ... on Refused { code path } }"
    input = f'commandId: "{uuid4()}", tin: "{ACME}", partner: "KR", effective: "1800-01-01"'
    in_place = counter.ask(f"mutation {{ giveConsent(input: {{ {input} }}) {fields} }}", CHINA)
    in_variable = counter.ask(
        f"mutation ($input: ConsentInput!) {{ giveConsent(input: $input) {fields} }}",
        CHINA,
        input={"commandId": str(uuid4()), "tin": ACME, "partner": "KR", "effective": "1800-01-01"},
    )

    assert in_place == in_variable
    assert in_place["giveConsent"] == {"code": "WRONG_DATES", "path": ["effective"]}
