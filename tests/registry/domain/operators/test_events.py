"""What operators are called and known by, whom they let look, and what becomes of them as firms."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from registry.domain import commands as c
from registry.domain.errors import (
    AlreadyRecorded,
    BadValue,
    GroundNeeded,
    OverrideNeeded,
    Superseded,
    WrongDates,
    WrongForm,
    WrongStatus,
)
from registry.domain.operators.events import Operator
from registry.domain.values import Role, Status, Tin
from tests.law import KR, TODAY, UCC
from tests.samples import (
    ACME,
    OTHER,
    REF,
    authorised,
    back,
    merged,
    operator,
    registered,
    revoked,
)
from tests.scenario import fact, refused, when

LEI = "5493001KJTIIGC8Y1R12"


# -------------------------------------------------------------- particulars


def test_a_new_name_is_recorded_and_the_same_name_is_not() -> None:
    acme = operator()

    assert when(acme, c.AmendParticulars(tin=ACME, name_="Acme AG")) == [
        fact(Operator.Amended, name="Acme AG", effective=TODAY)
    ]
    assert when(acme, c.AmendParticulars(tin=ACME, name_="Acme AG")) == []


def test_only_what_is_different_is_recorded() -> None:
    amend = c.AmendParticulars(tin=ACME, name_="Acme", address="1 Quay", roles=(Role.EXPORTER,))

    assert when(operator(), amend) == [fact(Operator.Amended, address="1 Quay", effective=TODAY)]


def test_a_name_of_an_earlier_day_is_not_the_last_word_and_the_next_is_not_dropped() -> None:
    acme = operator()
    when(acme, c.AmendParticulars(tin=ACME, name_="Acme AG", **back("2026-03-01")))
    when(acme, c.AmendParticulars(tin=ACME, name_="Acme GmbH", **back("2026-02-01")))
    assert acme.particulars.name == "Acme AG"

    amend = c.AmendParticulars(tin=ACME, name_="Acme GmbH", address="1 Quay")
    said = {"name": "Acme GmbH", "address": "1 Quay"}
    assert when(acme, amend) == [fact(Operator.Amended, effective=TODAY, **said)]
    assert when(acme, amend) == []


def test_a_decision_that_reaches_back_needs_its_legal_ground() -> None:
    amend = c.AmendParticulars(tin=ACME, name_="Acme AG", effective=date(2026, 3, 9))

    said = refused(GroundNeeded, operator(), amend)

    assert "2026-03-09 is before 2026-03-10" in said


def test_a_source_is_no_legal_ground_where_an_operator_is_concerned() -> None:
    amend = c.AmendParticulars(
        tin=ACME, name_="Acme AG", effective=date(2026, 3, 9), source="a letter"
    )
    refused(GroundNeeded, operator(), amend)


def test_a_ground_lets_a_decision_reach_back_and_is_kept_with_it() -> None:
    amend = c.AmendParticulars(tin=ACME, name_="Acme AG", **back("2026-03-01"))

    assert when(operator(), amend) == [
        fact(Operator.Amended, name="Acme AG", effective=date(2026, 3, 1), legal_ground=UCC)
    ]


def test_nothing_was_decided_tomorrow() -> None:
    amend = c.AmendParticulars(tin=ACME, name_="Acme AG", decided=date(2026, 3, 11))

    assert "decided: found 2026-03-11" in refused(WrongDates, operator(), amend)


# -------------------------------------------------------------- identifiers


def test_an_operator_may_have_as_many_mids_as_importers_made_for_it() -> None:
    acme = operator()

    for mid in ("DEACM1BER", "DEACM12BER"):
        added = when(acme, c.AddIdentifier(tin=ACME, scheme="MID", value=mid))
        assert added == [fact(Operator.IdentifierAdded, scheme="MID", value=mid, effective=TODAY)]


def test_the_same_identifier_is_recorded_once() -> None:
    acme, add = operator(), c.AddIdentifier(tin=ACME, scheme="EORI", value="DE8934842")

    assert len(when(acme, add)) == 1
    assert when(acme, add) == []


def test_the_same_identifier_verified_by_somebody_is_news() -> None:
    acme = operator()
    when(acme, c.AddIdentifier(tin=ACME, scheme="EORI", value="DE8934842"))

    [news] = when(
        acme, c.AddIdentifier(tin=ACME, scheme="EORI", value="DE8934842", verified_by="customs")
    )

    assert news.fields["verified_by"] == "customs"


def test_a_number_that_cannot_be_of_its_scheme_is_refused() -> None:
    add = c.AddIdentifier(tin=ACME, scheme="EORI", value="8934842")

    assert "not of the form of EORI" in refused(WrongForm, operator(), add)


def test_a_failed_check_digit_needs_a_reason_and_the_reason_is_kept() -> None:
    wrong = LEI[:-1] + "3"
    add = c.AddIdentifier(tin=ACME, scheme="LEI", value=wrong)
    assert "the check digit of LEI" in refused(OverrideNeeded, operator(), add)

    why = "issued so: letter of the LOU of 2026-02-01"
    [added] = when(operator(), c.AddIdentifier(tin=ACME, scheme="LEI", value=wrong, override=why))

    assert added.fields["override"] == why


def test_an_identifier_is_ended_once_and_never_before_it_began() -> None:
    acme = operator()
    when(acme, c.AddIdentifier(tin=ACME, scheme="LEI", value=LEI, effective=date(2026, 3, 10)))
    end = c.EndIdentifier(tin=ACME, scheme="LEI", value=LEI, **back("2026-03-01"))
    assert "counts from 2026-03-10" in refused(WrongDates, acme, end)

    end = c.EndIdentifier(tin=ACME, scheme="LEI", value=LEI)
    assert when(acme, end) == [
        fact(Operator.IdentifierEnded, scheme="LEI", value=LEI, effective=TODAY)
    ]
    assert when(acme, end) == []
    refused(AlreadyRecorded, acme, c.EndIdentifier(tin=ACME, scheme="LEI", value=LEI, source="x"))
    assert "has no identifier LEI" in refused(WrongStatus, operator(), end)


def test_an_identifier_that_ends_before_it_begins_is_none() -> None:
    add = c.AddIdentifier(tin=ACME, scheme="LEI", value=LEI, valid_to=TODAY)

    assert "validTo" in refused(WrongDates, operator(), add)


# ------------------------------------------------------------------ consent


@pytest.mark.parametrize("to", [{"partner": KR}, {"publication": True}])
def test_consent_is_given_and_withdrawn_once_each(to: dict[str, Any]) -> None:
    acme, partner = operator(), to.get("partner")
    give, take = c.GiveConsent(tin=ACME, **to), c.WithdrawConsent(tin=ACME, **to)

    assert when(acme, give) == [fact(Operator.ConsentGiven, partner=partner, effective=TODAY)]
    assert when(acme, give) == []
    assert when(acme, take) == [fact(Operator.ConsentWithdrawn, partner=partner, effective=TODAY)]
    assert when(acme, take) == []


@pytest.mark.parametrize("to", [{}, {"partner": KR, "publication": True}])
def test_consent_goes_to_one_addressee(to: dict[str, Any]) -> None:
    assert "wanted one of them" in refused(BadValue, operator(), c.GiveConsent(tin=ACME, **to))


def test_a_withdrawal_from_before_the_consent_would_leave_it_standing_and_is_refused() -> None:
    acme = operator(registered, fact(Operator.ConsentGiven, partner=KR, effective=TODAY))
    take = c.WithdrawConsent(tin=ACME, partner=KR, **back("2026-03-01"))

    assert "consent to KR counts from 2026-03-10" in refused(WrongDates, acme, take)


# ------------------------------------------------------- mergers and splits


def test_what_an_operator_held_is_superseded_when_it_is_merged() -> None:
    acme = operator(*authorised)

    assert when(acme, c.MergeInto(tin=ACME, successor=OTHER, reason="bought")) == [
        fact(Operator.Merged, successor=OTHER, reason="bought", effective=TODAY)
    ]
    assert acme.authorisations[REF].status is Status.SUPERSEDED


def test_a_merger_leaves_what_had_ended_as_it_was() -> None:
    acme = operator(*authorised, revoked)

    when(acme, c.MergeInto(tin=ACME, successor=OTHER))

    assert acme.authorisations[REF].status is Status.REVOKED


def test_merging_twice_is_recorded_once_and_only_once() -> None:
    acme = operator(*authorised, merged)
    same = c.MergeInto(tin=ACME, successor=OTHER, effective=date(2026, 2, 2))

    assert when(acme, same) == []
    refused(AlreadyRecorded, acme, c.MergeInto(tin=ACME, successor=OTHER))
    again = c.MergeInto(tin=ACME, successor=Tin("DE22"))
    assert f"was merged into {OTHER}" in refused(Superseded, acme, again)


def test_nobody_is_merged_into_or_split_from_itself() -> None:
    refused(WrongStatus, operator(), c.MergeInto(tin=ACME, successor=ACME))
    refused(WrongStatus, operator(), c.SplitFrom(tin=ACME, origin=ACME))


def test_a_merger_does_not_reach_behind_the_grant() -> None:
    merge = c.MergeInto(tin=ACME, successor=OTHER, **back("2025-09-01"))

    assert "counts from 2025-09-15" in refused(WrongDates, operator(*authorised), merge)


def test_a_split_is_recorded_once() -> None:
    acme = operator()

    assert when(acme, c.SplitFrom(tin=ACME, origin=OTHER)) == [
        fact(Operator.Split, origin=OTHER, effective=TODAY)
    ]
    assert when(acme, c.SplitFrom(tin=ACME, origin=OTHER)) == []


@pytest.mark.parametrize(
    "command",
    [
        c.AmendParticulars(tin=ACME, name_="Acme AG"),
        c.GiveConsent(tin=ACME, partner=KR),
        c.LodgeApplication(tin=ACME, programme="EU-AEO", type="AEOC"),
        c.SplitFrom(tin=ACME, origin=OTHER),
    ],
)
def test_a_merged_operator_is_asked_of_its_successor(command: c.Command) -> None:
    acme = operator(*authorised, merged)

    assert f"was merged into {OTHER}" in refused(Superseded, acme, command)
