"""The table of access, as it is kept: each role asks for each field of an operator, and is given
what the pure decision says. `./aeo test tests/api/access/test_access_report.py -s` prints the
report."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import pytest
from graphql import GraphQLObjectType, get_named_type, is_leaf_type

from api.access.permissions import FIELDS, Reader
from api.access.policy import PUBLIC, Action, Subject, decide
from api.access.policy import operator as about
from api.access.visibility import Disclosure, field_disclosure
from api.graphql.schema import core
from registry.domain.values import AdministrationCode, Tin
from tests.api.client import Client
from tests.api.graphql.planner.test_planner import _subject
from tests.api.region import Line, consent, operator, record, region

__all__ = ["region"]

#: An operator of the Union that consents to China alone, and one that does not exist.
LOOKED_AT, NOBODY = "DE7777777", "DE7777778"
#: By role: who asks, in which territory, and whether it sees the operator.
ROLES: dict[str, tuple[str, str, bool]] = {
    "home officer": ("officer:DE", "CN", True),
    "officer of the bloc": ("officer:EU", "CN", True),
    "the operator": (f"company:{LOOKED_AT}", "CN", True),
    "auditor": ("auditor:*", "CN", True),
    "partner with consent": ("partner:CN", "CN", True),
    "officer abroad with consent": ("officer:CN", "CN", True),
    "partner without consent": ("partner:KR", "KR", False),
    "officer abroad without consent": ("officer:KR", "KR", False),
    "another company": ("company:CN1234567890", "CN", False),
    "public, published": ("public", "CN", True),
}
PATHS = {
    "Operator": "operator(tin: TIN) { %s }",
    "Authorisation": "operator(tin: TIN) { authorisations { %s } }",
    "StatusPeriod": "operator(tin: TIN) { periods(first: 20) { %s } }",
    "Identifier": "operator(tin: TIN) { identifiers { %s } }",
    "Recognition": "recognition(tin: TIN, in: IN) { %s }",
}
#: Of a recognition, what says something of the operator.
ABOUT = ("outcome", "legal", "operational", "reasons", "bases")


def _lines() -> list[Line]:
    at = {"tin": LOOKED_AT, "known_at": "2025-02-01T02:00:00Z"}
    lodged = {"command": "lodge_application", "programme": "EU-AEO", "type": "AEOC"}
    # The second application is decided by a rule that nobody knew when the first was lodged.
    rule = {"command": "set_rule", "programme": "EU-AEO", "rule": "decision_days", "value": "90"}
    known = {"effective": "2025-03-01", "known_at": "2025-03-01T02:00:00Z", "source": "a law"}
    later = {"tin": LOOKED_AT, "known_at": "2025-04-01T02:00:00Z"}
    identifier = {"command": "add_identifier", "scheme": "EORI", "value": "DE7777777"}
    return [
        *operator(LOOKED_AT, "Synthetic Optics", "EU-AEO", "AEOF", "DEAEOF7777", "2024-01-08"),
        consent(LOOKED_AT, "2024-01-09", partner="CN"),
        consent(LOOKED_AT, "2024-01-09", publication=True),
        {**identifier, **at},
        {"command": "amend_particulars", "address": "1 Quay", "name": "Synthetic Optic", **at},
        {**lodged, **at},
        {"command": "accept_application", **at},
        {"command": "withdraw_application", **at},
        {**rule, "unit": "days", **known},
        {**lodged, **later},
        {"command": "accept_application", **later},
    ]


@dataclass(frozen=True)
class Seen:
    """What a role was given of a field, and what the decision says."""

    role: str
    type: str
    field: str
    given: Disclosure
    decided: Disclosure


def _selected(type: str, field: str) -> str:
    named = core.type_map[type]
    assert isinstance(named, GraphQLObjectType)
    if is_leaf_type(get_named_type(named.fields[field].type)):
        return field
    return f"{field} {{ {'code' if field == 'reasons' else '__typename'} }}"


def _answer(region: Client, subject: str, territory: str, type: str, field: str, tin: str) -> Any:
    document = PATHS[type] % _selected(type, field)
    document = document.replace("TIN", f'"{tin}"').replace("IN)", f'"{territory}")')
    body = region.post(f"{{ {document} }}", None if subject == "public" else subject).json()
    codes = [error["extensions"]["code"] for error in body.get("errors", ())]
    assert not set(codes) - {"FORBIDDEN"}, (document, body)
    return codes or json.loads(json.dumps(body["data"]).replace(tin, "?"))


def _values(answer: Any) -> list[Any]:
    """The leaves of an answer, without the path to them."""
    found: list[Any] = list(answer.values()) if isinstance(answer, dict) else [answer]
    while any(isinstance(item, list | dict) for item in found):
        found = [
            leaf
            for item in found
            for leaf in (
                item.values()
                if isinstance(item, dict)
                else item
                if isinstance(item, list)
                else [item]
            )
        ]
    return [leaf for leaf in found if leaf is not None]


def _given(answer: Any, absent: Any, at_home: Any) -> Disclosure:
    if answer == ["FORBIDDEN"]:
        return Disclosure.REDACTED
    if answer == absent:
        return Disclosure.ABSENT
    if "REDACTED" in _values(answer) or (_values(at_home) and not _values(answer)):
        return Disclosure.REDACTED
    return Disclosure.VISIBLE


def _decided(subject: Subject, sees: bool, territory: str, type: str, field: str) -> Disclosure:
    tin = Tin(LOOKED_AT)
    question = about(tin, AdministrationCode(territory))
    asks = type == "Recognition"
    if asks and not decide(subject, Action.ASK_RECOGNITION, question).allowed:
        return Disclosure.REDACTED
    return field_disclosure(subject, about(tin), type, field) if sees else Disclosure.ABSENT


def _seen(region: Client) -> list[Seen]:
    found = []
    for type in PATHS:
        for field, reader in FIELDS[type].items():
            own = reader in (Reader.OWN, Reader.LAW) or (
                type == "Recognition" and field not in ABOUT
            )
            if own:
                continue
            home = _answer(region, "officer:DE", "CN", type, field, LOOKED_AT)
            for role, (name, territory, sees) in ROLES.items():
                answer = _answer(region, name, territory, type, field, LOOKED_AT)
                absent = _answer(region, name, territory, type, field, NOBODY)
                subject = PUBLIC if name == "public" else _subject(region, name)
                found.append(
                    Seen(
                        role,
                        type,
                        field,
                        _given(answer, absent, home),
                        _decided(subject, sees, territory, type, field),
                    )
                )
    return found


@pytest.fixture
def looked_at(region: Client) -> Client:
    record(region.database, *_lines())
    return region


def test_each_role_is_given_of_each_field_what_the_decision_says(looked_at: Client) -> None:
    seen = _seen(looked_at)

    roles = list(ROLES)
    print(f"\n| Field | {' | '.join(roles)} |\n|---{'|---' * len(roles)}|")
    by_field: dict[str, dict[str, str]] = {}
    for each in seen:
        by_field.setdefault(f"{each.type}.{each.field}", {})[each.role] = each.given.value
    for field, by_role in by_field.items():
        print(f"| {field} | " + " | ".join(by_role[role] for role in roles) + " |")

    differing = [
        f"{e.role} {e.type}.{e.field}: given {e.given.value}, decided {e.decided.value}"
        for e in seen
        if e.given is not e.decided
    ]
    assert not differing, "\n".join(differing)
    assert {each.given for each in seen} == set(Disclosure)
