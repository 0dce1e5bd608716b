"""Who may do what: the whole table, and the sentence that goes with each no."""

from __future__ import annotations

import pytest

from api.access.permissions import PERMISSIONS
from api.access.policy import (
    DISPUTE_COMMANDS,
    OWN_COMMANDS,
    PUBLIC,
    Action,
    Resource,
    Subject,
    SubjectRole,
    decide,
    named,
    operator,
)
from registry.domain import commands as c
from registry.domain.values import AdministrationCode, Tin
from tests.api.client import Client

CN, KR, DE, EU = map(AdministrationCode, ("CN", "KR", "DE", "EU"))
ACME, HAFEN = Tin("CN1234567890"), Tin("DE123456789")

SUBJECTS = {
    "public": PUBLIC,
    "partner KR": Subject(
        SubjectRole.PARTNER, "partner:KR", KR, own=frozenset({KR}), reach=frozenset({KR})
    ),
    "officer CN": Subject(
        SubjectRole.OFFICER, "officer:CN", CN, own=frozenset({CN}), reach=frozenset({CN})
    ),
    "officer EU": Subject(
        SubjectRole.OFFICER, "officer:EU", EU, own=frozenset({EU, DE}), reach=frozenset({EU, DE})
    ),
    "officer DE": Subject(
        SubjectRole.OFFICER, "officer:DE", DE, own=frozenset({DE}), reach=frozenset({DE, EU})
    ),
    "company": Subject(SubjectRole.COMPANY, f"company:{ACME}", tin=ACME),
    "auditor": Subject(SubjectRole.AUDITOR, "auditor:*"),
}
ACME_IN_KOREA, HAFEN_IN_CHINA = operator(ACME, KR), operator(HAFEN, CN)
HAFEN_IN_THE_UNION, ACME_IN_GERMANY = operator(HAFEN, EU), operator(ACME, DE)
SUSPEND = Resource(frozenset({CN}), ACME, command=c.SuspendAuthorisation)
SUSPEND_HAFEN = Resource(frozenset({DE}), HAFEN, command=c.SuspendAuthorisation)
CONSENT = Resource(frozenset({CN}), ACME, command=c.GiveConsent)
FOREIGN_CONSENT = Resource(frozenset({DE}), HAFEN, command=c.GiveConsent)
SIGN = Resource(frozenset({CN, KR}), command=c.SignAgreement)
IN_CHINA, IN_THE_UNION = Resource(territory=CN), Resource(territory=EU)

#: Who may. Everybody else may not: the table is whole.
MAY: list[tuple[Action, Resource, set[str]]] = [
    (Action.ASK_RECOGNITION, ACME_IN_KOREA, {"partner KR", "officer CN", "company", "auditor"}),
    (Action.ASK_RECOGNITION, HAFEN_IN_CHINA, {"officer CN", "officer EU", "officer DE", "auditor"}),
    (Action.ASK_RECOGNITION, HAFEN_IN_THE_UNION, {"officer EU", "officer DE", "auditor"}),
    (
        Action.ASK_RECOGNITION,
        ACME_IN_GERMANY,
        {"officer CN", "officer EU", "officer DE", "company", "auditor"},
    ),
    (Action.LIST_OPERATORS, Resource(), set(SUBJECTS) - {"public"}),
    (Action.FOLLOW_CHANGES, IN_CHINA, {"officer CN", "auditor"}),
    (Action.FOLLOW_CHANGES, IN_THE_UNION, {"officer EU", "officer DE", "auditor"}),
    (Action.TAKE_COPY, IN_CHINA, {"officer CN", "auditor"}),
    (Action.TAKE_COPY, IN_THE_UNION, {"officer EU", "auditor"}),
    (Action.READ_READERS, operator(ACME), {"officer CN", "company", "auditor"}),
    (Action.READ_READERS, operator(HAFEN), {"officer EU", "officer DE", "auditor"}),
    (Action.READ_GROUND, operator(ACME), {"officer CN", "company", "auditor"}),
    (Action.READ_GROUND, operator(HAFEN), {"officer EU", "officer DE", "auditor"}),
    (Action.READ_NOTES, operator(ACME), {"officer CN", "auditor"}),
    (Action.READ_EVENTS, operator(ACME), {"officer CN", "company", "auditor"}),
    (Action.READ_CLIENTS, Resource(frozenset({CN})), {"officer CN", "auditor"}),
    (Action.READ_PERSONS, operator(ACME), {"officer CN", "company"}),
    (Action.RECORD, SUSPEND, {"officer CN"}),
    (Action.RECORD, SUSPEND_HAFEN, {"officer EU", "officer DE"}),
    (Action.RECORD, CONSENT, {"officer CN", "company"}),
    (Action.RECORD, FOREIGN_CONSENT, {"officer EU", "officer DE"}),
    (Action.RECORD, SIGN, {"officer CN"}),
    (Action.RECORD, Resource(), set()),
]


@pytest.mark.parametrize("who", SUBJECTS)
@pytest.mark.parametrize(("action", "about", "may"), MAY)
def test_the_table(action: Action, about: Resource, may: set[str], who: str) -> None:
    verdict = decide(SUBJECTS[who], action, about)

    assert verdict.allowed == (who in may)
    assert bool(verdict.reason) != verdict.allowed


@pytest.mark.parametrize("action", Action)
@pytest.mark.parametrize("who", SUBJECTS)
def test_about_nothing_in_particular_nobody_gets_more_than_the_role_gives(
    who: str, action: Action
) -> None:
    everything = {
        "auditor": set(Action) - {Action.RECORD, Action.READ_PERSONS, Action.CERTIFY},
        "public": set(),
    }
    # Every customs may ask what was answered, and what is disputed: it is told of its own.
    own = {Action.READ_LOOKS, Action.READ_DISPUTES}
    customs = own if who.startswith(("partner", "officer")) else set()
    allowed = everything.get(who, {Action.LIST_OPERATORS} | customs)

    assert decide(SUBJECTS[who], action, Resource()).allowed == (action in allowed)


@pytest.mark.parametrize("command", c.COMMANDS.values())
def test_a_company_gives_of_all_commands_only_its_own(command: type[c.Command]) -> None:
    about = Resource(frozenset({CN}), ACME, command=command)

    assert decide(SUBJECTS["company"], Action.RECORD, about).allowed == (command in OWN_COMMANDS)
    assert decide(SUBJECTS["officer CN"], Action.RECORD, about).allowed
    for nobody in ("public", "auditor"):
        assert not decide(SUBJECTS[nobody], Action.RECORD, about).allowed
    for customs in ("partner KR", "officer DE"):  # of another administration
        allowed = decide(SUBJECTS[customs], Action.RECORD, about).allowed
        assert allowed == (command in DISPUTE_COMMANDS)


def test_every_action_has_a_permission() -> None:
    assert set(PERMISSIONS) == set(Action)
    for permission in PERMISSIONS.values():
        assert permission.relations and set(permission.limits) <= set(permission.relations)


def test_a_refusal_says_who_asked_and_who_may() -> None:
    verdict = decide(SUBJECTS["partner KR"], Action.RECORD, SIGN)

    assert verdict.reason == "partner:KR may not change the register: officers of CN, KR may"


def test_northern_ireland_is_the_united_kingdoms() -> None:
    about = operator(Tin("XI123456789000"))

    assert about.home == frozenset({AdministrationCode("GB")})


@pytest.mark.parametrize(
    ("subject", "role"),
    [
        ("officer:CN", SubjectRole.OFFICER),
        ("partner:KR", SubjectRole.PARTNER),
        ("auditor:*", SubjectRole.AUDITOR),
        ("company:CN1234567890", SubjectRole.COMPANY),
    ],
)
def test_a_subject_names_one_of_four(subject: str, role: SubjectRole) -> None:
    assert (named(subject).role, named(subject).id) == (role, subject)


@pytest.mark.parametrize(
    "subject",
    ["", "officer", "officer:", "officer:ZZ", "auditor:CN", "company:x", "public:", "clerk:*"],
)
def test_any_other_subject_is_nobody(subject: str) -> None:
    with pytest.raises(ValueError):
        named(subject)


def test_whoever_asks_can_ask_who_the_register_takes_them_for(counter: Client) -> None:
    question = "{ viewer { subject role administration operator mayAsk } }"

    public = counter.ask(question)["viewer"]
    officer = counter.ask(question, "officer:DE")["viewer"]
    company = counter.ask(question, f"company:{ACME}")["viewer"]

    assert (public["role"], public["administration"], public["operator"]) == ("public", None, None)
    assert (officer["role"], officer["administration"]) == ("officer", "DE")
    assert (company["operator"], "list operators" in company["mayAsk"]) == (ACME.text, True)
    assert "change the register" in officer["mayAsk"]
    assert not any("change the register" in item["mayAsk"] for item in (public, company))


def test_a_member_reaches_its_bloc_and_a_bloc_its_members(counter: Client) -> None:
    question = """query ($in: AdministrationCode!) {
      recognition(tin: "CN1234567890", in: $in) { outcome }
    }"""
    for by in ("officer:DE", "partner:DE", "officer:EU"):
        for territory in ("DE", "EU"):
            assert "errors" not in counter.post(question, by, **{"in": territory}).json()

    refused = counter.error(question, "partner:KR", **{"in": "EU"})
    assert refused["code"] == "FORBIDDEN"
    assert refused["message"].startswith("partner:KR may not ask whether an operator is recognised")
