"""Four eyes: what a programme's rules put under it is proposed by one person, and decided with
another; the same facts then, and never without both."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest
from msgspec.structs import replace

from registry.application.proposals import decide_on_proposal, proposed_instead
from registry.domain import commands as c
from registry.domain.decisions import Decision
from registry.domain.errors import (
    AlreadyRecorded,
    BadValue,
    OwnProposal,
    PersonNeeded,
    ProposalClosed,
    Refusal,
    UnknownPosition,
    UnknownProposal,
    WrongDates,
    WrongStatus,
)
from registry.domain.operators.events import Operator
from registry.domain.operators.proposals import COMMAND_OF_EVENT
from registry.domain.programme_rules import SECOND_PERSON_COMMANDS
from registry.domain.programmes import Programme
from tests.law import PROGRAMMES, TODAY, UCC, programme
from tests.registry.domain.command_values import first, others
from tests.registry.domain.standings import named, things
from tests.samples import ACME, REF, applicant, authorised
from tests.scenario import ANNA, BO, Fact, decide, fact, given, recorded

EVERY = "+".join(sorted(SECOND_PERSON_COMMANDS))
PROPOSED = UUID(int=7)
REVOKE = c.RevokeAuthorisation(tin=ACME, reason="fraud", command_id=PROPOSED)


overdue = fact(
    Operator.Granted,
    authorisation=REF,
    number="DEAEOF1",
    type="AEOF",
    effective=date(2025, 9, 15),
    valid_until=date(2026, 2, 25),
    ends_by_decision=True,
)


def under_four_eyes(value: str = EVERY, days: str | None = None) -> dict[str, Programme]:
    rules = [("second_person", value, None, "2008-01-01", None, "an order")]
    rules += [("second_person_days", days, "days", "2008-01-01", None, "an order")] if days else []
    return {code: programme(code, found.types[0][1], *rules) for code, found in PROGRAMMES.items()}


LAW = under_four_eyes()


def by(command: c.Command, today: date, law: dict[str, Programme]) -> Decision:
    return Decision(
        today=today,
        effective=command.effective,
        decided=command.decided,
        legal_ground=command.legal_ground,
        source=command.source,
        programme=law.__getitem__,
    )


def decided(operator: Operator, command: c.Command, today: date) -> Operator:
    decide(operator, command, today)
    return operator


def send(
    operator: Operator,
    command: c.Command,
    person: str | None,
    today: date = TODAY,
    law: dict[str, Programme] = LAW,
) -> list[Fact]:
    """What one person's command makes the operator record, through the one door."""
    if isinstance(command, c.ProposalCommand):
        decide_on_proposal(
            operator,
            command,
            by(command, today, law),
            person,
            lambda proposed, _: decided(operator, proposed, today),
        )
    elif not proposed_instead(
        operator,
        command,
        by(command, today, law),
        person,
        lambda trial: decide(trial, command, today),
    ):
        decide(operator, command, today)
    return recorded(operator)


def refused(why: type[Refusal], operator: Operator, command: c.Command, person: str | None) -> str:
    version = operator.version
    with pytest.raises(why) as refusal:
        send(operator, command, person)
    assert operator.version == version
    return str(refusal.value)


def confirm(**given: Any) -> c.ConfirmProposal:
    return c.ConfirmProposal(**({"tin": ACME, "proposal": PROPOSED} | given))


def proposed() -> Operator:
    operator: Operator = given(Operator, *authorised)
    [fact] = send(operator, REVOKE, ANNA)
    assert fact.type is Operator.DecisionProposed
    return operator


# ------------------------------------------------------------- every command


def allowed(kind: type[c.Command]) -> Iterator[tuple[Any, c.Command, list[Fact]]]:
    """Each standing in which this command is recorded, with what is then recorded."""
    made = list(things("operator").values())
    made.append(lambda: given(Operator, *authorised, named))
    for make in made:
        for command in (first(kind), *others(first(kind))):
            operator = make()
            try:
                decide(operator, command)
            except Refusal:
                continue
            if facts := recorded(operator):
                yield make, command, facts
                break


@pytest.mark.parametrize("name", sorted(SECOND_PERSON_COMMANDS))
def test_what_needs_two_persons_is_proposed_and_then_recorded_as_one_alone_would_have(
    name: str,
) -> None:
    tried = 0
    for make, command, facts in allowed(c.COMMANDS[name]):
        operator, sent = make(), replace(command, command_id=PROPOSED)
        if not operator.authorisations and not isinstance(command, c.ListOperator):
            continue  # of no programme
        if any(fact.fields.get("by_law") for fact in facts):
            assert send(operator, sent, None) == facts  # the law decided it
            tried += 1
            continue
        refused(PersonNeeded, operator, sent, None)
        [proposal] = send(operator, sent, ANNA)
        assert proposal.type is Operator.DecisionProposed
        assert c.read(proposal.fields["command"]) == sent
        refused(OwnProposal, operator, confirm(), ANNA)
        confirmation, *decided = send(operator, confirm(), BO)
        assert confirmation.fields["proposer"] == ANNA
        assert confirmation.fields["confirmer"] == BO
        assert decided == facts
        tried += 1
    assert tried, f"{name} is recorded in none of these standings"


def test_every_event_of_such_a_command_is_known_by_its_command() -> None:
    assert set(COMMAND_OF_EVENT.values()) == SECOND_PERSON_COMMANDS


def test_what_no_rule_names_is_decided_by_one() -> None:
    law = under_four_eyes("grant_authorisation")
    [fact] = send(given(Operator, *authorised), REVOKE, None, law=law)
    assert fact.type is Operator.Revoked


def test_an_end_that_a_rule_leaves_to_a_decision_needs_two() -> None:
    operator = given(Operator, *applicant, overdue)
    expire = c.ExpireAuthorisation(tin=ACME, command_id=PROPOSED)
    [fact] = send(operator, expire, ANNA)
    assert fact.type is Operator.DecisionProposed


def test_a_command_that_would_be_refused_proposes_nothing() -> None:
    operator = given(Operator, *authorised)
    lift = c.LiftSuspension(tin=ACME, command_id=PROPOSED)
    refused(WrongStatus, operator, lift, ANNA)
    assert operator.proposals == {}


def test_a_correction_needs_two_where_the_corrected_event_does() -> None:
    law = under_four_eyes("grant_authorisation")
    grant = next(n for n, fact in enumerate(authorised, start=1) if fact.type is Operator.Granted)
    void = c.CorrectRecord(
        tin=ACME, position=grant, what={"void": "true"}, why="forged", command_id=PROPOSED
    )
    [fact] = send(given(Operator, *authorised), void, ANNA, law=law)
    assert fact.type is Operator.DecisionProposed
    assert fact.fields["programme"] == "EU-AEO"


# ------------------------------------------------------------- proposals


def test_of_two_confirmations_the_second_is_told_of_the_first_and_the_same_again_is_nothing() -> (
    None
):
    operator = proposed()
    assert len(send(operator, confirm(), BO)) == 2
    assert send(operator, confirm(), BO) == []
    assert "confirmed as of 2026-03-10" in refused(ProposalClosed, operator, confirm(), "carl")


def test_a_proposal_whose_last_day_is_over_is_not_confirmed() -> None:
    operator = given(Operator, *authorised)
    law = under_four_eyes(days="5")
    [fact] = send(operator, REVOKE, ANNA, law=law)
    assert fact.fields["expires"] == TODAY + timedelta(days=5)
    with pytest.raises(ProposalClosed, match="2026-03-15 was its last day"):
        send(operator, confirm(), BO, TODAY + timedelta(days=6), law)
    assert len(send(operator, confirm(), BO, TODAY + timedelta(days=5), law)) == 2


def test_a_decision_that_the_file_no_longer_allows_is_refused_with_its_own_code() -> None:
    operator = proposed()
    decide(operator, c.SurrenderAuthorisation(tin=ACME))
    operator.collect_events()
    with pytest.raises(WrongStatus, match="revoke_authorisation cannot be recorded as it was"):
        send(operator, confirm(), BO)


def test_a_proposal_is_rejected_by_another_and_withdrawn_by_its_author() -> None:
    reject = c.RejectProposal(tin=ACME, proposal=PROPOSED, reason="no proof")
    withdraw = c.WithdrawProposal(tin=ACME, proposal=PROPOSED)
    operator = proposed()
    refused(OwnProposal, operator, reject, ANNA)
    refused(OwnProposal, operator, withdraw, BO)
    refused(PersonNeeded, operator, reject, None)
    refused(BadValue, operator, replace(reject, reason=" "), BO)
    [fact] = send(operator, reject, BO)
    assert (fact.type, fact.fields["rejecter"]) == (Operator.ProposalRejected, BO)
    refused(ProposalClosed, operator, confirm(), BO)
    refused(ProposalClosed, operator, withdraw, ANNA)

    operator = proposed()
    [fact] = send(operator, withdraw, ANNA)
    assert fact.type is Operator.ProposalWithdrawn
    refused(ProposalClosed, operator, confirm(), BO)


def test_the_same_is_not_proposed_twice_while_it_waits() -> None:
    operator = proposed()
    again = replace(REVOKE, command_id=UUID(int=8))
    assert str(PROPOSED) in refused(AlreadyRecorded, operator, again, BO)
    send(operator, c.WithdrawProposal(tin=ACME, proposal=PROPOSED), ANNA)
    assert len(send(operator, again, BO)) == 1


def test_a_proposal_decides_nothing_and_no_correction_reaches_it() -> None:
    operator = proposed()
    assert (
        operator.authorisations[REF].status
        == given(Operator, *authorised).authorisations[REF].status
    )
    void = c.CorrectRecord(tin=ACME, position=operator.version, what={"void": "true"}, why="no")
    refused(UnknownPosition, operator, void, ANNA)
    refused(UnknownProposal, operator, confirm(proposal=UUID(int=9)), BO)


# ------------------------------------------------------------- the rule


def rule(value: str, effective: date | None = None) -> list[Fact]:
    found = under_four_eyes("grant_authorisation+revoke_authorisation")["KR-AEO"]
    found.set_rule(Decision(TODAY, effective, legal_ground=UCC), "second_person", value)
    return recorded(found)


def test_no_command_leaves_the_rule_before_the_day_after() -> None:
    with pytest.raises(WrongDates, match="revoke_authorisation may do without a second person"):
        rule("grant_authorisation")
    with pytest.raises(WrongDates):
        rule("grant_authorisation", date(2026, 1, 1))
    assert rule("grant_authorisation", TODAY + timedelta(days=1))
    assert rule(EVERY)


def test_the_rule_names_commands_that_there_are() -> None:
    with pytest.raises(BadValue, match="grant_authorization"):
        rule("grant_authorization")


def test_nobody_ends_alone_by_a_surrender_what_two_must_revoke() -> None:
    surrender = c.SurrenderAuthorisation(tin=ACME, command_id=PROPOSED)
    operator = given(Operator, *authorised)
    law = under_four_eyes("revoke_authorisation+surrender_authorisation")
    with pytest.raises(PersonNeeded):
        send(operator, surrender, None, law=law)
    [proposal] = send(operator, surrender, ANNA, law=law)
    assert proposal.type is Operator.DecisionProposed
    assert [fact.type for fact in send(operator, confirm(), BO, law=law)] == [
        Operator.ProposalConfirmed,
        Operator.Surrendered,
    ]


def test_no_confirmation_is_dated_before_it_is_made() -> None:
    operator = given(Operator, *authorised)
    send(operator, REVOKE, ANNA)
    for day in (TODAY - timedelta(days=400), TODAY - timedelta(days=1)):
        assert "decided: found" in refused(WrongDates, operator, confirm(decided=day), BO)
    [confirmation, _] = send(operator, confirm(decided=TODAY), BO)
    assert confirmation.type is Operator.ProposalConfirmed
