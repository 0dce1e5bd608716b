"""An answer with a receipt is the same without the GraphQL executor as through its resolvers."""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode
from typing import Any

import pytest
from graphql import OperationDefinitionNode

from api.graphql.limits import read
from api.graphql.planner.receipt_answers import LEAVES, OBJECTS, parse
from api.graphql.schema import core
from tests.api.client import AUDITOR, Client
from tests.api.graphql.types.test_corrected_answers import NEW, small
from tests.api.region import region

__all__ = ["region", "small"]

CHINA, UNKNOWN = "partner:CN", "CN0000000009"
FIELDS = """__typename tin in outcome legal operational at knownAt position validFrom validTo
  reasons { code message facts { name value zone item } }
  bases { authorisation since identifierScheme identifier declarationBox benefits assumed }
  signed: receipt { id issuedAt jwt }"""
ONE = f"""query (
  $tin: TIN!, $in: AdministrationCode!, $asOf: AsOf, $consignment: ConsignmentInput) {{
  answer: recognition(tin: $tin, in: $in, asOf: $asOf, consignment: $consignment, receipt: true) {{
    ...Whole }} }}
  fragment Whole on Recognition {{ {FIELDS} }}"""
MANY = f"""query ($tins: [TIN!]!, $in: AdministrationCode!) {{
  recognitions(tins: $tins, in: $in, receipt: true) {{ {FIELDS} }} }}"""


def by_resolvers(document: str) -> str:
    """The same document as one that is left to the executor: a variable decides over a field."""
    return document.replace("query (", "query ($yes: Boolean = true, ").replace(
        "legal", "legal @include(if: $yes)", 1
    )


def taken(document: str) -> bool:
    checked = read(core, document)
    assert checked.node is not None, checked.errors
    [operation, *_] = checked.node.definitions
    assert isinstance(operation, OperationDefinitionNode)
    given = {"tin": NEW, "tins": [NEW], "in": "CN"}
    return parse(core, checked, operation, given) is not None


def plain(value: Any) -> Any:
    """An answer without what differs from one request to the next."""
    if isinstance(value, list):
        return [plain(each) for each in value]
    if not isinstance(value, dict):
        return value
    found = {name: plain(each) for name, each in value.items()}
    for name in ("knownAt", "at", "issuedAt", "requestId"):
        found.pop(name, None)
    if "jwt" in found:
        found["jwt"] = _claims(found["jwt"])
        del found["id"]
    for reason in found.get("reasons") or ():
        reason.pop("message")  # names the instant of the request
        reason["facts"] = [each for each in reason["facts"] if each["name"] != "at"]
    return found


def _claims(receipt: str) -> Any:
    signed, *own = receipt.split("~")
    parts = [signed.split(".")[1], *own[:1]]
    claims, *leaf = (json.loads(urlsafe_b64decode(part + "==")) for part in parts)
    subject = claims["credentialSubject"]
    of_answer = leaf[0] if leaf else subject
    return {
        "type": claims["type"],
        "issuer": claims["issuer"],
        "askedBy": subject["askedBy"],
        "purpose": subject["purpose"],
        "position": subject["position"],
        "in": of_answer["question"]["in"],
        "consignment": of_answer["question"]["consignment"],
        "tin": of_answer["question"]["tin"],
        "outcome": of_answer["answer"]["outcome"],
        "codes": [reason["code"] for reason in of_answer["answer"]["reasons"]],
        "bases": of_answer["answer"]["bases"],
        "validFrom": of_answer["answer"]["validFrom"],
        "validTo": of_answer["answer"]["validTo"],
    }


def test_what_the_fast_path_takes_and_what_it_leaves_to_the_executor() -> None:
    assert taken(ONE) and taken(MANY)
    assert not taken(by_resolvers(ONE)) and not taken(by_resolvers(MANY))
    assert not taken(ONE.replace("since", "since agreement { id }"))
    assert not taken(ONE.replace(", receipt: true", ""))
    assert not taken(ONE.replace("answer:", "viewer { subject } answer:"))


def test_every_field_of_an_answer_but_the_agreement_has_its_value() -> None:
    for name, leaves in LEAVES.items():
        fields = leaves.keys() | OBJECTS.get(name, {}).keys()
        assert fields == set(core.type_map[name].fields) - {"agreement"}  # type: ignore[attr-defined]


@pytest.mark.parametrize("by", [CHINA, "officer:CN", "officer:PE", AUDITOR, f"company:{NEW}", None])
@pytest.mark.parametrize(
    "given",
    [
        {"tin": NEW, "in": "CN"},
        {"tin": UNKNOWN, "in": "CN"},
        {"tin": NEW, "in": "PE"},
        {"tin": NEW, "in": "CN", "asOf": {"at": "2020-01-01T00:00:00Z"}},
        {"tin": NEW, "in": "CN", "asOf": {"at": "1500-01-01T00:00:00Z"}},
        {"tin": NEW, "in": "CN", "consignment": {"role": "IMPORTER", "hs": "850110"}},
        {"tin": NEW, "in": "CN", "consignment": {"crossing": "满洲里", "mode": "road"}},
        {"tin": NEW, "in": "CN", "consignment": {"crossing": "x" * 101}},
    ],
)
def test_one_answer_is_the_same_on_both_ways(
    small: Client, by: str | None, given: dict[str, Any]
) -> None:
    purpose = {"Purpose": "declaration 7"}
    found, expected = (
        small.post(document, by, purpose, **given).json() for document in (ONE, by_resolvers(ONE))
    )
    found.pop("extensions", None)
    for answer in (found, expected):
        for error in answer.get("errors", ()):
            error.pop("locations"), error["extensions"].pop("requestId")
    assert plain(found) == plain(expected)


@pytest.mark.parametrize("by", [CHINA, AUDITOR, "officer:CN", None])
@pytest.mark.parametrize("tins", [[NEW, UNKNOWN, NEW], [NEW], []])
def test_many_answers_are_the_same_on_both_ways(
    small: Client, by: str | None, tins: list[str]
) -> None:
    given = {"tins": tins, "in": "CN"}
    found, expected = (
        small.post(document, by, {}, **given).json() for document in (MANY, by_resolvers(MANY))
    )
    for answer in (found, expected):
        for error in answer.get("errors", ()):
            error.pop("locations"), error["extensions"].pop("requestId")
    assert plain(found) == plain(expected)
