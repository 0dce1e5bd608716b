"""Disputes: the operator, or the customs of another territory, says that a record is wrong; the
home customs answers and closes. Nothing is decided by it."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest

from registry.domain import commands as c
from registry.domain.errors import (
    AlreadyRecorded,
    BadValue,
    DisputeClosed,
    OthersDispute,
    UnknownDispute,
    UnknownPosition,
    WrongDates,
)
from registry.domain.operators.events import Operator
from registry.domain.operators.status_periods import periods
from registry.domain.values import AdministrationCode, DisputeKind, DisputeOutcome
from tests.law import DE, KR, TODAY
from tests.samples import ACME, authorised, merged, registered
from tests.scenario import Fact, fact, given, recorded, refused, when

ID, OF_KOREA = UUID(int=5), UUID(int=6)
DUE = TODAY + timedelta(days=30)  # where no rule says else


def opening(**other: Any) -> c.OpenDispute:
    said = {"tin": ACME, "kind": DisputeKind.NOT_US, "statement": "We are another Acme."}
    return c.OpenDispute(**(said | {"command_id": ID} | other))


def opened(**other: Any) -> Fact:
    said = {"dispute": ID, "kind": DisputeKind.NOT_US, "statement": "We are another Acme."}
    return fact(Operator.DisputeOpened, **said | {"answer_due": DUE, "effective": TODAY} | other)


by_korea = opened(dispute=OF_KOREA, opened_by=KR, decided_by=KR)


def about(kind: type[c.DisputeCommand], id: UUID = ID, **said: Any) -> Any:
    return kind(tin=ACME, dispute=id, **said)


def test_the_operator_says_that_a_record_is_of_another_firm() -> None:
    [event] = when(given(Operator, *authorised), opening())

    assert event == opened()


def test_another_administration_is_named_as_the_opener_and_the_home_customs_is_not() -> None:
    [foreign] = when(given(Operator, *authorised), opening(decided_by=KR))
    [home] = when(given(Operator, *authorised), opening(decided_by=DE))

    assert foreign.fields["opened_by"] == KR
    assert "opened_by" not in home.fields and home.fields["in_its_name"]


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"statement": "  "}, "statement: found 2 characters"),
        ({"statement": "x" * 501}, "statement: found 501 characters, wanted 1 to 500"),
        ({"kind": DisputeKind.WRONG_RECORD}, "position: found nothing, wanted the event"),
        (
            {"kind": DisputeKind.WRONG_RECORD, "decided_by": KR},
            "receipt: found nothing, wanted the receipt",
        ),
        ({"kind": DisputeKind.NOT_RECOGNISED}, "territory: found nothing, wanted where"),
        ({"position": 2, "decided_by": KR}, "position: found 2, and the events of an operator"),
    ],
)
def test_a_dispute_says_what_it_is_about(said: dict[str, Any], why: str) -> None:
    assert why in refused(BadValue, given(Operator, *authorised), opening(**said))


def test_it_is_opened_on_the_day_and_once() -> None:
    at = given(Operator, *authorised, opened())

    late = opening(command_id=OF_KOREA, statement="Late.", effective=date(2026, 3, 2))
    refused(WrongDates, at, late)
    assert when(at, opening(command_id=OF_KOREA)) == []  # the same is open already
    ground = opening(command_id=OF_KOREA, legal_ground="Art. 16")
    assert str(ID) in refused(AlreadyRecorded, at, ground)
    assert len(when(at, opening(command_id=OF_KOREA, statement="We moved."))) == 1


def test_home_answers_and_closes_and_what_is_closed_stays_closed() -> None:
    at = given(Operator, *authorised, opened())

    [answer] = when(at, about(c.AnswerDispute, answer="We look into it."))
    assert answer.type is Operator.DisputeAnswered
    assert when(at, about(c.AnswerDispute, answer="We look into it.")) == []
    upheld = about(c.CloseDispute, outcome=DisputeOutcome.UPHELD, reason="It was corrected.")
    [closed] = when(at, upheld)
    assert closed.type is Operator.DisputeClosed and when(at, upheld) == []

    for late in (about(c.AnswerDispute, answer="No."), about(c.WithdrawDispute)):
        assert "it was upheld as of" in refused(DisputeClosed, at, late)
    other = about(c.CloseDispute, outcome=DisputeOutcome.REJECTED, reason="It stands.")
    refused(AlreadyRecorded, at, other)
    assert len(when(at, opening(command_id=OF_KOREA))) == 1  # what is closed can be said again


def test_only_the_opener_withdraws_and_learns_of_no_other_dispute() -> None:
    at = given(Operator, *authorised, opened(), by_korea)

    refused(OthersDispute, at, about(c.WithdrawDispute, OF_KOREA))
    nothing = refused(UnknownDispute, at, about(c.WithdrawDispute, decided_by=KR))
    absent = about(c.WithdrawDispute, UUID(int=99), decided_by=KR)
    assert nothing.replace(str(ID), "ID") == refused(UnknownDispute, at, absent).replace(
        str(UUID(int=99)), "ID"
    )
    [event] = when(at, about(c.WithdrawDispute, OF_KOREA, decided_by=KR, reason="We found it."))
    assert event.fields["opened_by"] == KR
    assert "withdrawn as of" in refused(
        DisputeClosed, at, about(c.AnswerDispute, OF_KOREA, answer="Good.")
    )


def test_home_withdraws_what_it_opened_for_the_operator_and_nothing_that_the_operator_opened() -> (
    None
):
    in_its_name = opened(dispute=OF_KOREA, in_its_name=True)
    at = given(Operator, *authorised, opened(), in_its_name)

    why = refused(OthersDispute, at, about(c.WithdrawDispute, decided_by=DE))
    assert f"{ACME} opened it itself, and withdraws it; answer or close it" in why
    [event] = when(at, about(c.WithdrawDispute, OF_KOREA, decided_by=DE))
    assert event.type is Operator.DisputeWithdrawn
    again = given(Operator, *authorised, in_its_name)
    assert len(when(again, about(c.WithdrawDispute, OF_KOREA))) == 1  # it is the operator's name


def test_a_dispute_changes_no_status_and_is_no_record_to_correct() -> None:
    at = given(Operator, *authorised)
    before = periods(at.history, at.time_zone)
    version = at.version + 1
    for command in (
        opening(),
        about(c.AnswerDispute, answer="We look into it."),
        about(c.CloseDispute, outcome=DisputeOutcome.UPHELD, reason="It was corrected."),
    ):
        when(at, command)

    assert periods(at.history, at.time_zone) == before
    void = c.CorrectRecord(tin=ACME, position=version, what={"void": "true"}, why="a trial")
    assert "is of a dispute" in refused(UnknownPosition, at, void)


def test_a_correction_leaves_disputes_as_they_are() -> None:
    at = given(Operator, *authorised, opened())
    suspend = c.SuspendAuthorisation(tin=ACME, reason="a debt")
    when(at, suspend)
    version = at.version
    when(at, c.CorrectRecord(tin=ACME, position=version, what={"void": "true"}, why="misread"))

    assert set(at.disputes) == {ID} and at.disputes[ID].closed is None


@pytest.mark.parametrize("file", [(registered,), (*authorised, merged)])
def test_a_firm_without_an_authorisation_or_merged_into_another_can_dispute(
    file: tuple[Fact, ...],
) -> None:
    operator = given(Operator, *file)

    [event] = when(operator, opening())

    assert event.fields["answer_due"] == DUE
    assert recorded(operator) == []


def test_an_administration_is_a_code_in_the_state_of_a_dispute() -> None:
    at = given(Operator, *authorised, by_korea)

    assert at.disputes[OF_KOREA].opened.opened_by == AdministrationCode("KR")
