"""When an authorisation is suspended, for how long, and when that is lifted."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from registry.domain import commands as c
from registry.domain.errors import (
    AlreadyRecorded,
    BadValue,
    NotOffered,
    WrongDates,
    WrongStatus,
)
from registry.domain.operators.events import Operator
from tests.law import TODAY, due
from tests.samples import (
    ACME,
    REF,
    applicant,
    authorised,
    back,
    granted,
    korean,
    lost_s,
    operator,
    suspended,
)
from tests.scenario import Fact, fact, refused, when


def test_an_authorised_operator_can_be_suspended_once() -> None:
    acme = operator(*authorised)
    suspend = c.SuspendAuthorisation(tin=ACME, reason="audit overdue")

    assert when(acme, suspend) == [
        fact(
            Operator.Suspended,
            authorisation=REF,
            reason="audit overdue",
            effective=TODAY,
            due=due("end of suspension", "2026-04-09"),
        )
    ]
    assert when(acme, suspend) == []


def test_losing_the_security_part_is_what_partners_see() -> None:
    def lose(part: str) -> Fact:
        suspend = c.SuspendAuthorisation(tin=ACME, reason="no fence", part=part)
        return when(operator(*authorised), suspend)[0]

    assert (lose("S").fields["part"], lose("S").fields.get("abroad", True)) == ("S", True)
    assert (lose("C").fields["part"], lose("C").fields["abroad"]) == ("C", False)


def test_a_part_of_what_is_suspended_is_suspended_and_the_whole_of_a_part_is_not() -> None:
    s = c.SuspendAuthorisation(tin=ACME, reason="no fence", part="S")
    whole = c.SuspendAuthorisation(tin=ACME, reason="no fence")
    other = c.SuspendAuthorisation(tin=ACME, reason="no books", part="C")

    refused(AlreadyRecorded, operator(*authorised, suspended), s)
    refused(AlreadyRecorded, operator(*authorised, lost_s), s)
    assert len(when(operator(*authorised, lost_s), whole)) == 1
    assert "suspend it without naming a part" in refused(
        WrongStatus, operator(*authorised, lost_s), other
    )


def test_the_only_part_of_an_authorisation_is_the_whole_of_it() -> None:
    only_c = fact(granted.type, **granted.fields | {"type": "AEOC"})
    suspend = c.SuspendAuthorisation(tin=ACME, reason="no books", part="C")

    [done] = when(operator(*applicant, only_c), suspend)

    assert "part" not in done.fields


@pytest.mark.parametrize(("past", "part"), [(authorised, "X"), (korean(), "AA")])
def test_a_part_that_there_is_not_cannot_be_suspended(past: Any, part: str) -> None:
    suspend = c.SuspendAuthorisation(tin=ACME, reason="late", part=part)

    assert "has no part" in refused(NotOffered, operator(*past), suspend)


def test_a_suspension_says_why_and_does_not_end_before_it_begins() -> None:
    refused(BadValue, operator(*authorised), c.SuspendAuthorisation(tin=ACME))
    refused(
        WrongDates,
        operator(*authorised),
        c.SuspendAuthorisation(tin=ACME, reason="late", until=TODAY),
    )


def test_a_suspension_does_not_reach_behind_the_grant_nor_behind_the_last_lifting() -> None:
    lifted = fact(Operator.SuspensionLifted, authorisation=REF, effective=date(2026, 2, 20))
    early = c.SuspendAuthorisation(tin=ACME, reason="late", **back("2025-09-14"))
    between = c.SuspendAuthorisation(tin=ACME, reason="late", **back("2026-01-20"))

    assert "counts from 2025-09-15" in refused(WrongDates, operator(*authorised), early)
    again = operator(*authorised, suspended, lifted)
    assert "counts from 2026-02-20" in refused(WrongDates, again, between)


def test_a_suspension_is_not_lifted_before_it_began() -> None:
    lift = c.LiftSuspension(tin=ACME, **back("2026-02-01"))

    assert "counts from 2026-02-02" in refused(WrongDates, operator(*authorised, suspended), lift)


def test_a_suspension_is_made_longer_once_and_never_shorter() -> None:
    acme = operator(*authorised, suspended)
    longer = c.ExtendSuspension(tin=ACME, until=date(2026, 6, 1))

    [done] = when(acme, longer)
    assert done.fields["due"] == due("end of suspension", "2026-06-01", "the decision")
    assert when(acme, longer) == []
    shorter = c.ExtendSuspension(tin=ACME, until=date(2026, 5, 1))
    assert "before 2026-06-01" in refused(WrongDates, acme, shorter)


def test_a_suspension_is_not_extended_to_a_day_gone_by() -> None:
    short = fact(
        Operator.Suspended,
        authorisation=REF,
        reason="audit",
        until=date(2026, 2, 20),
        effective=date(2026, 2, 2),
    )
    extend = c.ExtendSuspension(tin=ACME, until=date(2026, 3, 1))

    assert "is VALID and cannot" in refused(WrongStatus, operator(*authorised, short), extend)
