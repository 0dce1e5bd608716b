"""From the application to the grant: what is due, what the law of the day says, what bars."""

from __future__ import annotations

from datetime import date

import pytest

from registry.domain import commands as c
from registry.domain.errors import (
    AlreadyHeld,
    BadValue,
    Barred,
    NotOffered,
    UnknownAuthorisation,
    WrongDates,
    WrongStatus,
)
from registry.domain.operators.events import Operator
from registry.domain.values import Tin
from tests.law import FR, TODAY, due
from tests.samples import (
    ACME,
    REF,
    accepted,
    applicant,
    authorised,
    back,
    ended,
    granted,
    korean,
    lodged,
    operator,
    registered,
    revoked,
)
from tests.scenario import Fact, fact, refused, when

HANA = Tin("KR1234567")


# --------------------------------------------------------------- application


def test_an_application_sets_the_day_by_which_it_must_be_accepted() -> None:
    acme = operator(registered)
    lodge = c.LodgeApplication(tin=ACME, programme="EU-AEO", type="AEOF", effective=TODAY)

    assert when(acme, lodge) == [
        fact(
            Operator.Lodged,
            authorisation=REF,
            programme="EU-AEO",
            type="AEOF",
            effective=TODAY,
            due=due("acceptance", "2026-04-09"),
        )
    ]
    assert when(acme, lodge) == []


def test_a_type_that_the_programme_does_not_have_cannot_be_applied_for() -> None:
    lodge = c.LodgeApplication(tin=ACME, programme="EU-AEO", type="AEO9")

    assert "offers AEOC, AEOF, AEOS" in refused(NotOffered, operator(registered), lodge)


def test_acceptance_sets_the_day_by_which_it_must_be_decided() -> None:
    [fact_] = when(operator(registered, lodged), c.AcceptApplication(tin=ACME))

    assert fact_.fields["due"] == due("decision", "2026-07-08")


def test_of_two_applications_the_one_that_is_meant_is_the_one_that_can_be() -> None:
    second = fact(lodged.type, **lodged.fields | {"authorisation": "EU-AEO/2", "type": "AEOC"})
    acme = operator(registered, lodged, accepted, second)

    [done] = when(acme, c.AcceptApplication(tin=ACME))

    assert done.fields["authorisation"] == "EU-AEO/2"


def test_of_two_that_could_be_meant_one_must_be_named() -> None:
    second = fact(lodged.type, **lodged.fields | {"authorisation": "EU-AEO/2", "type": "AEOC"})
    acme = operator(registered, lodged, second)

    said = refused(UnknownAuthorisation, acme, c.AcceptApplication(tin=ACME))
    assert "several (EU-AEO/1, EU-AEO/2); name one" in said

    named = c.AcceptApplication(tin=ACME, authorisation="EU-AEO/2")
    assert when(acme, named)[0].fields["authorisation"] == "EU-AEO/2"


def test_an_earlier_refusal_does_not_stand_in_the_way_of_the_next() -> None:
    no = ended(Operator.Refused)
    again = fact(
        lodged.type,
        **lodged.fields | {"authorisation": "EU-AEO/2", "effective": date(2026, 2, 9)},
    )
    acme = operator(*applicant, no, again)

    assert when(acme, c.RefuseApplication(tin=ACME))[0].fields["authorisation"] == "EU-AEO/2"


def test_what_nobody_has_cannot_be_named() -> None:
    command = c.SurrenderAuthorisation(tin=ACME, authorisation="N9")

    assert "has no authorisation N9" in refused(
        UnknownAuthorisation, operator(*authorised), command
    )


def test_a_step_is_not_taken_before_the_one_it_follows() -> None:
    early = c.StartExamination(tin=ACME, **back("2025-06-10"))
    acme = operator(registered, lodged, accepted)

    assert "counts from 2025-06-16" in refused(WrongDates, acme, early)


def test_a_partner_is_consulted_once_and_answers_once() -> None:
    acme = operator(*applicant)
    ask = c.RequestConsultation(tin=ACME, asked=FR)
    reply = c.RecordConsultationReply(tin=ACME, asked=FR, reply="no objection")

    assert "no reply is awaited" in refused(WrongStatus, acme, reply)
    assert [len(when(acme, command)) for command in (ask, ask, reply, reply, ask)] == [
        1,
        0,
        1,
        0,
        1,
    ]


# ---------------------------------------------------------------- extensions


def test_more_time_is_what_the_rule_allows_and_moves_the_day() -> None:
    [more] = when(operator(*applicant), c.ExtendDeadline(tin=ACME, reason="premises"))

    assert more.fields["days"] == 60
    assert more.fields["due"] == due("decision", "2025-12-13")


def test_more_time_may_be_given_in_parts_but_no_more_than_the_rule_allows() -> None:
    acme = operator(*applicant)
    first = c.ExtendDeadline(tin=ACME, days=40, reason="premises")
    second = c.ExtendDeadline(tin=ACME, days=20, reason="accounts")

    assert [len(when(acme, command)) for command in (first, first, second, first)] == [1, 0, 1, 0]
    third = c.ExtendDeadline(tin=ACME, days=1, reason="more")
    assert "found 1, and the programme's rules leave 0" in refused(WrongDates, acme, third)


@pytest.mark.parametrize("days", [61, -5])
def test_more_time_than_that_is_refused(days: int) -> None:
    more = c.ExtendDeadline(tin=ACME, days=days, reason="premises")

    assert "leave 60" in refused(WrongDates, operator(*applicant), more)


def test_more_time_needs_a_reason_in_words() -> None:
    refused(BadValue, operator(*applicant), c.ExtendDeadline(tin=ACME, reason=" "))


# --------------------------------------------------------------------- grant


@pytest.mark.parametrize(
    ("code", "country", "type", "decided", "effect"),
    [
        # The fifth day after the decision: UCC Delegated Act 2015/2446, Art. 29.
        ("EU-AEO", "DE", "AEOC", "2026-03-09", "2026-03-14"),
        # Ten working days, while the law was that of 2006: over two weekends.
        ("EU-AEO", "GB", "AEOF", "2014-03-05", "2014-03-19"),
        # Switzerland: the day of notification.
        ("CH-AEO", "CH", "AEO", "2026-03-10", "2026-03-10"),
    ],
)
def test_a_grant_takes_effect_on_the_day_that_the_law_of_the_decision_says(
    code: str, country: str, type: str, decided: str, effect: str
) -> None:
    today = date.fromisoformat(decided)
    acme = operator(
        registered,
        fact(
            Operator.Lodged,
            authorisation=f"{code}/1",
            programme=code,
            type=type,
            effective=date(2013, 1, 7),
        ),
        fact(Operator.Accepted, authorisation=f"{code}/1", effective=date(2013, 2, 1)),
    )

    [done] = when(acme, c.GrantAuthorisation(tin=Tin(f"{country}1"), number="N1"), today)

    assert done.fields["effective"] == date.fromisoformat(effect)


def test_the_day_of_effect_may_be_another_when_the_decision_says_so() -> None:
    grant = c.GrantAuthorisation(tin=ACME, number="N1", effective=date(2026, 4, 1))

    assert when(operator(*applicant), grant)[0].fields["effective"] == date(2026, 4, 1)


def test_a_grant_counts_from_no_day_before_its_application() -> None:
    grant = c.GrantAuthorisation(tin=ACME, number="N1", **back("2025-06-20"))

    assert "counts from 2025-07-01" in refused(WrongDates, operator(*applicant), grant)


def test_a_grant_takes_over_the_operator_s_roles_and_the_programme_s_term() -> None:
    past = korean(fact(Operator.Surrendered, authorisation="KR-AEO/1", effective=TODAY))
    again = fact(
        Operator.Lodged, authorisation="KR-AEO/2", programme="KR-AEO", type="AAA", effective=TODAY
    )
    accepted_too = fact(Operator.Accepted, authorisation="KR-AEO/2", effective=TODAY)
    hana = operator(*past, again, accepted_too)

    [done] = when(hana, c.GrantAuthorisation(tin=HANA, number="KRAAA1"))

    assert done.fields["valid_until"] == date(2031, 3, 9)
    assert done.fields["due"] == (
        *due("renewal", "2031-03-09", "Customs Act of Korea"),
        *due("review", "2027-03-10", "Customs Act of Korea"),
    )


def test_a_grant_that_ends_before_it_begins_is_none() -> None:
    grant = c.GrantAuthorisation(tin=ACME, number="N1", valid_until=TODAY)

    assert "validUntil" in refused(WrongDates, operator(*applicant), grant)


def second_application(type: str, *first: Fact) -> Operator:
    more = [
        fact(item.type, **item.fields | {"authorisation": "EU-AEO/2", "effective": TODAY})
        for item in (fact(lodged.type, **lodged.fields | {"type": type}), accepted)
    ]
    return operator(*first, *more)


def test_nobody_is_granted_anything_while_barred_after_a_revocation() -> None:
    acme = second_application("AEOC", *authorised, revoked)
    grant = c.GrantAuthorisation(tin=ACME, number="N2")

    assert "is barred until 2029-02-02" in refused(Barred, acme, grant)
    assert len(when(acme, grant, today=date(2029, 2, 2))) == 1


@pytest.mark.parametrize("type", ["AEOF", "AEOC", "AEOS"])
def test_a_full_authorisation_leaves_no_part_to_be_granted_again(type: str) -> None:
    acme = second_application(type, *authorised)

    said = refused(AlreadyHeld, acme, c.GrantAuthorisation(tin=ACME, number="N2"))

    assert f"holds DEAEOF1 (AEOF), which is VALID: no second authorisation of type {type}" in said


def test_two_parts_can_be_held_apart_but_neither_can_then_become_the_whole() -> None:
    only_c = fact(granted.type, **granted.fields | {"number": "DEC", "type": "AEOC"})
    acme = second_application("AEOS", *applicant, only_c)

    assert len(when(acme, c.GrantAuthorisation(tin=ACME, number="DES"))) == 1
    change = c.ChangeType(tin=ACME, authorisation="DEC", type="AEOF", effective=date(2026, 4, 1))
    assert "holds DES (AEOS)" in refused(AlreadyHeld, acme, change)


def test_a_number_that_is_held_is_not_given_to_another_application() -> None:
    acme = second_application("AEOC", *authorised)
    grant = c.GrantAuthorisation(tin=ACME, number="DEAEOF1", authorisation="EU-AEO/2")

    assert "number: " in refused(AlreadyHeld, acme, grant)
