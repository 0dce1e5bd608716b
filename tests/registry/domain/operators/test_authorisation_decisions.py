"""What an authorisation may go through, command by command, and what is refused on the way."""

from __future__ import annotations

from datetime import date

import pytest

from registry.domain import commands as c
from registry.domain.errors import (
    AlreadyRecorded,
    BadValue,
    NotOffered,
    Refusal,
    WrongDates,
    WrongStatus,
)
from registry.domain.operators.events import Operator
from registry.domain.values import Role, Status, Tin
from tests.law import FR, TODAY, UCC, due
from tests.samples import (
    ACME,
    REF,
    accepted,
    applicant,
    authorised,
    back,
    ended,
    korean,
    lodged,
    operator,
    registered,
    revoked,
    suspended,
)
from tests.scenario import Fact, fact, refused, when

HANA = Tin("KR1234567")
PASTS: dict[str, tuple[Fact, ...]] = {
    "NONE": (registered,),
    "LODGED": (registered, lodged),
    "ACCEPTED": (registered, lodged, accepted),
    "UNDER_EXAMINATION": applicant,
    "VALID": authorised,
    "SUSPENDED": (*authorised, suspended),
    "REVOKED": (*authorised, revoked),
    "ANNULLED": (*authorised, ended(Operator.Annulled)),
    "SURRENDERED": (*authorised, ended(Operator.Surrendered)),
    "EXPIRED": (*authorised, ended(Operator.Expired)),
    "NOT_ACCEPTED": (registered, lodged, ended(Operator.NotAccepted)),
    "WITHDRAWN": (registered, lodged, ended(Operator.Withdrawn)),
    "REFUSED": (*applicant, ended(Operator.Refused)),
}
PENDING = "LODGED ACCEPTED UNDER_EXAMINATION"
IN_USE = "VALID SUSPENDED"
#: Each command, where it records one event, and where the like was recorded before: there it is
#: refused, unless it is the identical one. Everywhere else it is refused.
WHERE: list[tuple[c.Command, str, str]] = [
    (c.AcceptApplication(tin=ACME), "LODGED", "ACCEPTED UNDER_EXAMINATION"),
    (c.RejectApplication(tin=ACME), "LODGED", "NOT_ACCEPTED"),
    (c.WithdrawApplication(tin=ACME), PENDING, "WITHDRAWN"),
    (c.StartExamination(tin=ACME), "ACCEPTED", "UNDER_EXAMINATION"),
    (c.RequestConsultation(tin=ACME, asked=FR), f"{PENDING} {IN_USE}", ""),
    (c.ExtendDeadline(tin=ACME, reason="premises"), "ACCEPTED UNDER_EXAMINATION", ""),
    (c.GrantAuthorisation(tin=ACME, number="N1"), "ACCEPTED UNDER_EXAMINATION", ""),
    (
        c.GrantAuthorisation(tin=ACME, number="DEAEOF1", decided=TODAY),
        "ACCEPTED UNDER_EXAMINATION",
        IN_USE,
    ),
    (c.RefuseApplication(tin=ACME), PENDING, "REFUSED"),
    (c.ChangeType(tin=ACME, type="AEOS"), IN_USE, ""),
    (c.ChangeType(tin=ACME, type="AEOF"), "", IN_USE),
    (c.AmendRoles(tin=ACME, roles=(Role.CARRIER,)), IN_USE, ""),
    (c.AmendRoles(tin=ACME, roles=(Role.EXPORTER,)), "", IN_USE),
    (c.OpenReassessment(tin=ACME), IN_USE, ""),
    (c.CloseReassessment(tin=ACME), "", ""),
    (c.RenewAuthorisation(tin=ACME, valid_until=date(2030, 1, 1)), IN_USE, ""),
    (c.SuspendAuthorisation(tin=ACME, reason="late"), "VALID", "SUSPENDED"),
    (c.ExtendSuspension(tin=ACME, until=date(2026, 5, 1)), "SUSPENDED", ""),
    (c.LiftSuspension(tin=ACME), "SUSPENDED", ""),
    (c.RevokeAuthorisation(tin=ACME, reason="fraud"), IN_USE, "REVOKED"),
    (c.AnnulAuthorisation(tin=ACME, legal_ground=UCC), IN_USE, "ANNULLED"),
    (c.SurrenderAuthorisation(tin=ACME), IN_USE, "SURRENDERED"),
    (c.ExpireAuthorisation(tin=ACME), "", "EXPIRED"),
]


@pytest.mark.parametrize("standing", PASTS)
@pytest.mark.parametrize(
    ("command", "records", "repeats"), WHERE, ids=lambda value: str(value)[:40]
)
def test_a_command_refuses_or_records_one_event_or_nothing(
    command: c.Command, records: str, repeats: str, standing: str
) -> None:
    acme = operator(*PASTS[standing])

    if standing in records.split():
        assert len(when(acme, command)) == 1
    elif standing in repeats.split():
        refused(AlreadyRecorded, acme, command)
    else:
        refused(Refusal, acme, command)


def test_every_command_about_an_authorisation_is_in_that_table() -> None:
    elsewhere = {c.LodgeApplication, c.RecordConsultationReply}
    about = {kind for kind in c.COMMANDS.values() if issubclass(kind, c.AuthorisationCommand)}
    assert about - elsewhere <= {type(command) for command, *_ in WHERE}


def test_a_reassessment_is_opened_once_closed_once_and_ends_nothing() -> None:
    acme = operator(*authorised)
    begin, close = c.OpenReassessment(tin=ACME), c.CloseReassessment(tin=ACME, remediation=True)

    assert [len(when(acme, command)) for command in (begin, begin, close, close)] == [1, 0, 1, 0]
    assert acme.authorisations[REF].status is Status.VALID
    assert acme.authorisations[REF].remediation
    assert "under no reassessment" in refused(WrongStatus, operator(*authorised), close)


def test_a_type_is_changed_to_one_that_the_programme_has() -> None:
    refused(NotOffered, operator(*authorised), c.ChangeType(tin=ACME, type="AEO9"))


def test_a_type_is_not_changed_before_the_grant() -> None:
    change = c.ChangeType(tin=ACME, type="AEOS", **back("2025-09-01"))

    refused(WrongDates, operator(*authorised), change)


def test_a_renewal_adds_a_term_to_the_last_and_asked_for_again_adds_none() -> None:
    hana = operator(*korean())
    renew = c.RenewAuthorisation(tin=HANA)

    [done] = when(hana, renew)
    assert done.fields["valid_until"] == date(2031, 4, 1)
    assert when(hana, renew) == []


def test_where_the_programme_sets_no_term_there_is_none_to_renew() -> None:
    refused(NotOffered, operator(*authorised), c.RenewAuthorisation(tin=ACME))


def test_what_is_valid_without_end_is_renewed_to_no_later_day() -> None:
    hana = operator(*korean())

    assert len(when(hana, c.RenewAuthorisation(tin=HANA, valid_until=date.max))) == 1
    refused(AlreadyRecorded, hana, c.RenewAuthorisation(tin=HANA, effective=date(2026, 3, 11)))


def test_a_deadline_is_extended_no_further_than_the_calendar_goes() -> None:
    lodged = fact(
        Operator.Lodged,
        authorisation="JP-AEO/1",
        programme="JP-AEO",
        type="AEO",
        effective=date(2020, 2, 3),
    )
    accepted = fact(
        Operator.Accepted,
        authorisation="JP-AEO/1",
        due=due("decision", "2020-06-01"),
        effective=date(2020, 2, 4),
    )
    hana = operator(korean()[0], lodged, accepted)

    for days in (3_000_000, 10**10):  # nobody knows a limit of the law
        more = c.ExtendDeadline(tin=HANA, days=days, reason="a fire", legal_ground="an order")
        assert "leave 36525" in refused(WrongDates, hana, more)


def test_a_renewal_ends_after_it_begins() -> None:
    renew = c.RenewAuthorisation(tin=HANA, valid_until=TODAY)

    refused(WrongDates, operator(*korean()), renew)


def test_what_is_granted_has_a_number() -> None:
    refused(BadValue, operator(*applicant), c.GrantAuthorisation(tin=ACME, number=" "))
