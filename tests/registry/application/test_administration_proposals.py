"""Two persons for what concerns no operator: programmes, agreements and the rule itself. One person
makes a rule stricter; nobody makes it looser, or goes around it, alone."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from msgspec.structs import replace
from psycopg.conninfo import make_conninfo

from registry.application.bulk_import import History, record_histories
from registry.application.execute import Receipt
from registry.application.registry import Registry
from registry.domain import commands as c
from registry.domain.administrations import Administration
from registry.domain.agreements.events import Agreement
from registry.domain.errors import (
    AlreadyRecorded,
    BadValue,
    OwnProposal,
    PersonNeeded,
    ProposalClosed,
    Refusal,
    StaleVersion,
    UnknownProposal,
    WrongDates,
)
from registry.domain.operators.events import Operator
from registry.domain.programmes import Programme
from registry.domain.values import AgreementKind, RuleState, Step, Tin
from registry.ledger.database import environment
from tests.law import CN, KR

CLERK, ANNA, BO = "officer:CN", "anna", "bo"
GROUND = {"legal_ground": "Order 282"}
TODAY = date.today()
LATER = TODAY + timedelta(days=3)
EVERYTHING = ("set_rule", "set_types", "set_scope", "implement_agreement", "suspend_agreement")
BEGUN: list[c.Command] = [
    c.RegisterAdministration(administration=KR, name_="Korea", time_zone="UTC"),
    c.RegisterAdministration(administration=CN, name_="China", time_zone="UTC"),
    c.RegisterProgramme(programme="CN-AEO", administration=CN, name_="AEO", types=("A",)),
    c.ProposeAgreement(
        parties=(KR, CN), kind=AgreementKind.AEO_MUTUAL_RECOGNITION, title="Korea and China"
    ),
]
AGREEMENT = "KR-CN-AEO"


@pytest.fixture
def registry(server: str, blank_register: str) -> Iterator[Registry]:
    name = f"two_persons_{uuid4().hex[:8]}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {blank_register} STRATEGY file_copy")
        new_registry = Registry(environment(make_conninfo(server, dbname=name)))
        for command in BEGUN:
            new_registry.execute(command, CLERK)
        yield new_registry
        new_registry.close()
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


def require(registry: Registry, *commands: str, **said: Any) -> Receipt:
    person = said.pop("person", None)
    command = c.RequireSecondPerson(administration=CN, commands=commands, **said)
    return registry.execute(command, CLERK, person=person)


def proposed(registry: Registry, command: c.Command, **said: Any) -> UUID:
    """What Anna alone can do with this command: propose it."""
    with pytest.raises(PersonNeeded, match=f"{command.name} needs two persons by the rules of"):
        registry.execute(command, CLERK, **said)
    receipt = registry.execute(command, CLERK, person=ANNA, **said)
    assert isinstance(receipt.proposed, Administration.DecisionProposed)
    return receipt.proposed.proposal


def confirm(registry: Registry, proposal: UUID, person: str | None = BO, **said: Any) -> Receipt:
    command = c.ConfirmAdministrationProposal(administration=CN, proposal=proposal, **said)
    return registry.execute(command, CLERK, person=person)


def last(registry: Registry, kind: Any, *key: Any) -> list[Any]:
    return list(registry.events.get(kind.create_id(*key)))


COMMANDS: dict[str, tuple[c.Command, Any, tuple[Any, ...], Any]] = {
    "a rule": (
        c.SetRule(programme="CN-AEO", rule="bar_years", value="3"),
        Programme,
        ("CN-AEO",),
        Programme.RuleSet,
    ),
    "the types": (
        c.SetTypes(programme="CN-AEO", types=("A", "B")),
        Programme,
        ("CN-AEO",),
        Programme.TypesSet,
    ),
    "the scope": (
        c.SetScope(agreement=AGREEMENT, from_=KR, to=CN, types=("*",)),
        Agreement,
        (AGREEMENT,),
        Agreement.ScopeSet,
    ),
    "its side": (
        c.ImplementAgreement(agreement=AGREEMENT, side=CN),
        Agreement,
        (AGREEMENT,),
        Agreement.Implemented,
    ),
}


@pytest.mark.parametrize("what", COMMANDS)
def test_what_the_rule_names_is_proposed_by_one_and_recorded_with_another(
    registry: Registry, what: str
) -> None:
    command, kind, key, event = COMMANDS[what]
    require(registry, *EVERYTHING)
    version = len(last(registry, kind, *key))

    proposal = proposed(registry, command)

    assert len(last(registry, kind, *key)) == version
    with pytest.raises(OwnProposal):
        confirm(registry, proposal, ANNA)
    with pytest.raises(PersonNeeded):
        confirm(registry, proposal, None)
    with pytest.raises(AlreadyRecorded, match=str(proposal)):
        registry.execute(replace(command, command_id=uuid4()), CLERK, person=BO)
    once = uuid4()
    receipt = confirm(registry, proposal, command_id=once)
    first, second = receipt.positions
    assert second == first + 1 and receipt.version == version + 1
    assert type(last(registry, kind, *key)[-1]) is event
    confirmation = last(registry, Administration, CN)[-1]
    assert (confirmation.proposer, confirmation.confirmer) == (ANNA, BO)
    again = confirm(registry, proposal, command_id=once)
    assert again.repeated and (again.stream, again.version) == (receipt.stream, receipt.version)
    with pytest.raises(ProposalClosed):
        confirm(registry, proposal, "carl")


def test_a_new_programme_and_a_new_agreement_can_need_two_persons(registry: Registry) -> None:
    require(registry, "register_programme", "propose_agreement")
    new = c.RegisterProgramme(programme="CN-B", administration=CN, name_="B", types=("A",))
    proposal = proposed(registry, new)
    assert last(registry, Programme, "CN-B") == []
    confirm(registry, proposal)
    assert registry.programme("CN-B").name == "B"


def test_the_other_side_of_an_agreement_decides_for_itself(registry: Registry) -> None:
    require(registry, *EVERYTHING, "sign_agreement")
    for command in (
        c.SetScope(agreement=AGREEMENT, from_=CN, to=KR, types=("*",)),
        c.ImplementAgreement(agreement=AGREEMENT, side=KR),
    ):
        assert registry.execute(command, "officer:KR").proposed is None
    sign = c.SignAgreement(agreement=AGREEMENT)
    proposed(registry, sign, decided_by=CN)
    korean = replace(sign, command_id=uuid4())
    assert registry.execute(korean, "officer:KR", decided_by=KR).proposed is None


def test_what_would_be_refused_proposes_nothing_and_what_stands_already_needs_nobody(
    registry: Registry,
) -> None:
    types = c.SetTypes(programme="CN-AEO", types=("A", "B"))
    registry.execute(types, CLERK)
    require(registry, *EVERYTHING)
    assert registry.execute(replace(types, command_id=uuid4()), CLERK).positions == []
    with pytest.raises(BadValue):
        registry.execute(c.SetRule(programme="CN-AEO", rule="no"), CLERK, person=ANNA)
    with pytest.raises(StaleVersion):
        command = c.SetTypes(programme="CN-AEO", types=("C",), expected_version=1)
        registry.execute(command, CLERK, person=ANNA)
    assert registry.administration(CN, 0).proposals == {}


def test_one_person_makes_the_rule_stricter_and_nobody_alone_looser(registry: Registry) -> None:
    require(registry, "set_scope")
    require(registry, "set_scope", "set_rule")
    for commands in (("set_rule",), ()):
        with pytest.raises(WrongDates, match="set_scope may do without a second person from a day"):
            require(registry, *commands, person=ANNA)
        with pytest.raises(PersonNeeded):
            require(registry, *commands, effective=LATER)
    looser = c.RequireSecondPerson(administration=CN, commands=(), effective=LATER)
    proposal = proposed(registry, looser)
    assert last(registry, Administration, CN)[-1].command["commands"] == []
    # A rule of a later day, which the proposal would replace on that day, is not lost meanwhile.
    confirm(registry, proposal)
    rule, administration = looser, registry.administration(CN, 0)
    assert rule.effective == LATER and len(administration.second_person) == 3
    # From that day on one person can make it strict again, and then it is strict.
    require(registry, "set_scope", effective=LATER)
    with pytest.raises(PersonNeeded):
        require(registry, effective=LATER + timedelta(days=1))


def test_the_rule_of_a_programme_is_loosened_by_two_persons_only(registry: Registry) -> None:
    """Whether or not the administration has a rule of its own."""
    rule = {"programme": "CN-AEO", "rule": "second_person", "source": "an order"}
    strict = "grant_authorisation+revoke_authorisation"
    registry.execute(c.SetRule(**rule, value=strict, effective=date(2026, 3, 1)), CLERK)
    looser: list[dict[str, Any]] = [
        {"value": "grant_authorisation", "effective": LATER},
        {"state": RuleState.NONE, "effective": LATER},
        {"state": RuleState.UNKNOWN, "effective": LATER},
        {"value": "grant_authorisation", "effective": LATER, "until": LATER + timedelta(days=1)},
    ]
    for said in looser:
        with pytest.raises(PersonNeeded):
            registry.execute(c.SetRule(**rule | said), CLERK)
    with pytest.raises(WrongDates):
        command = c.SetRule(**rule | {"value": "grant_authorisation"})
        registry.execute(command, CLERK, person=ANNA)
    proposal = proposed(registry, c.SetRule(**rule | looser[0]))
    confirm(registry, proposal)
    programme = registry.programme("CN-AEO")
    assert programme.rules_on(TODAY).second_person == set(strict.split("+"))
    assert programme.rules_on(LATER).second_person == {"grant_authorisation"}
    assert registry.execute(c.SetRule(**rule, value=strict, effective=LATER), CLERK).positions


def test_a_new_programme_comes_under_what_the_others_want_two_persons_for(
    registry: Registry,
) -> None:
    rule = {"programme": "CN-AEO", "rule": "second_person", "source": "an order"}
    registry.execute(c.SetRule(**rule, value="grant_authorisation"), CLERK)
    future = c.SetRule(**rule, value="grant_authorisation+revoke_authorisation", effective=LATER)
    registry.execute(future, CLERK)
    new = {"administration": CN, "name_": "AEO, second edition", "types": ("A",)}
    for code, day in (("CN-AEO-2", None), ("CN-AEO-3", date(2030, 1, 1))):
        registry.execute(c.RegisterProgramme(programme=code, effective=day, **new), CLERK)
        found = registry.programme(code).rules_on(TODAY).second_person
        assert found == {"grant_authorisation", "revoke_authorisation"}
    korean = c.RegisterProgramme(programme="KR-AEO", administration=KR, name_="K", types=("A",))
    registry.execute(korean, CLERK)
    assert registry.programme("KR-AEO").rules_on(TODAY).second_person == set()


def test_the_rule_covers_operators_of_whatever_programme_and_of_none(registry: Registry) -> None:
    require(registry, "merge_into", "grant_authorisation", proposal_days=9)
    tin, other = Tin("CN1000000001"), Tin("CN1000000002")
    for each in (tin, other):
        registry.execute(c.RegisterOperator(tin=each, name_="Acme"), CLERK)
    merge = c.MergeInto(tin=tin, successor=other, **GROUND)
    with pytest.raises(PersonNeeded, match="merge_into needs two persons by the rules of CN"):
        registry.execute(merge, CLERK)
    receipt = registry.execute(merge, CLERK, person=ANNA)
    assert isinstance(receipt.proposed, Operator.DecisionProposed)
    assert receipt.proposed.programme == "CN"
    assert receipt.proposed.expires == TODAY + timedelta(days=9)
    confirmed = c.ConfirmProposal(tin=tin, proposal=receipt.proposed.proposal)
    assert len(registry.execute(confirmed, CLERK, person=BO).positions) == 2
    for command in (
        c.LodgeApplication(tin=other, programme="CN-AEO", type="A"),
        c.AcceptApplication(tin=other),
    ):
        registry.execute(command, CLERK)
    with pytest.raises(PersonNeeded):
        registry.execute(c.GrantAuthorisation(tin=other, number="N1", **GROUND), CLERK)


def test_a_proposal_is_rejected_withdrawn_or_too_late(registry: Registry) -> None:
    require(registry, *EVERYTHING)
    proposal = proposed(registry, COMMANDS["the types"][0])
    named = {"administration": CN, "proposal": proposal}
    with pytest.raises(OwnProposal):
        withdraw = c.WithdrawAdministrationProposal(**named)
        registry.execute(withdraw, CLERK, person=BO)
    with pytest.raises(UnknownProposal, match="CN has no proposal"):
        confirm(registry, uuid4())
    # Decided otherwise meanwhile, by what is recorded with another confirmation.
    second = proposed(registry, c.SetTypes(programme="CN-AEO", types=("A", "B"), source="a law"))
    confirm(registry, second)
    rejected = c.RejectAdministrationProposal(**named, reason="no proof")
    registry.execute(rejected, CLERK, person=BO)
    with pytest.raises(ProposalClosed, match="it was rejected"):
        confirm(registry, proposal)


def test_a_command_that_is_not_there_cannot_be_named(registry: Registry) -> None:
    for name in ("set_scoop", "receive_list", "revoke_client", "confirm_administration_proposal"):
        with pytest.raises(BadValue, match=name):
            require(registry, name)
    with pytest.raises(BadValue, match="has no rule to end"):
        require(registry)
    with pytest.raises(BadValue, match="proposalDays"):
        require(registry, "set_scope", proposal_days=0)


def test_dates_and_notes_of_an_agreement_can_be_named_too(registry: Registry) -> None:
    require(registry, "set_dates", "note_on_agreement", "terminate_agreement")
    note = c.NoteOnAgreement(agreement=AGREEMENT, what=Step.MEETING, text="in Beijing")
    confirm(registry, proposed(registry, note, decided_by=CN))
    with pytest.raises(Refusal):
        registry.execute(c.TerminateAgreement(agreement=AGREEMENT), CLERK, decided_by=CN)


def test_a_history_comes_in_only_with_what_was_decided_before_the_rule(registry: Registry) -> None:
    """An import is no way around the administration's rule of the day of each decision; what the
    rule does not name, and what another person confirmed, stands in no history's way."""
    known = datetime.now(UTC) - timedelta(days=400)
    past = {"known_at": known, "effective": known.date(), **GROUND}

    def granted(number: int, at: datetime) -> History:
        tin, operator = Tin(f"CN300000000{number}"), None
        facts = registry._references.no_older_than()
        for command in (
            c.RegisterOperator(tin=tin, name_="Old", **past),
            c.LodgeApplication(tin=tin, programme="CN-AEO", type="A", **past),
            c.AcceptApplication(tin=tin, **past),
            c.GrantAuthorisation(tin=tin, number=f"H{number}", **past),
        ):
            operator = registry.decide_on(operator, command, facts=facts)
        assert isinstance(operator, Operator)
        instants = [known] * (len(operator.pending_events) - 1) + [at]
        return History(operator, instants, uuid4(), "loader")

    require(registry, "set_scope", effective=TODAY - timedelta(days=9), **GROUND)
    assert record_histories(registry, [granted(1, datetime.now(UTC))])
    first = TODAY - timedelta(days=5)
    require(registry, "set_scope", "grant_authorisation", effective=first, **GROUND)
    registry._references.discard(Administration.create_id(CN))
    with pytest.raises(PersonNeeded, match=f"CN wants a second person since {first}, and what"):
        record_histories(registry, [granted(2, known), granted(3, datetime.now(UTC))])
    assert not registry.recorder.select_events(Operator.create_id(Tin("CN3000000002")), limit=1)
    assert record_histories(registry, [granted(2, known)])

    now, facts = datetime.now(UTC), registry._references.no_older_than()
    later = {"known_at": now, **GROUND}
    suspended = granted(4, known)
    suspend = c.SuspendAuthorisation(tin=Tin("CN3000000004"), reason="late", **later)
    registry.decide_on(suspended.operator, suspend, facts=facts)
    instants = [*suspended.known, now]
    assert record_histories(registry, [History(suspended.operator, instants, uuid4(), "loader")])
    # Two persons revoked it in the earlier register, which has the same streams.
    revoked = granted(5, known)
    require(registry, "set_scope", "revoke_authorisation", "grant_authorisation", effective=first,
            **GROUND)  # fmt: skip
    registry._references.discard(Administration.create_id(CN))
    facts = registry._references.no_older_than()
    tin = Tin("CN3000000005")
    revoke = c.RevokeAuthorisation(tin=tin, reason="fraud", command_id=uuid4(), **later)
    registry.decide_on(revoked.operator, revoke, facts=facts, person=ANNA)
    confirmed = c.ConfirmProposal(tin=tin, proposal=c.id_of_line(revoke), known_at=now)
    with pytest.raises(OwnProposal):
        registry.decide_on(revoked.operator, confirmed, facts=facts, person=ANNA)
    registry.decide_on(revoked.operator, confirmed, facts=facts, person=BO)
    kinds = [type(event) for event in revoked.operator.pending_events][-3:]
    assert kinds == [Operator.DecisionProposed, Operator.ProposalConfirmed, Operator.Revoked]
    instants = [*revoked.known, now, now, now]
    assert record_histories(registry, [History(revoked.operator, instants, uuid4(), "loader")])
