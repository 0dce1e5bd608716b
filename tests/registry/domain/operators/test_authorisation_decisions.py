"""What an authorisation may go through, command by command, and what is refused on the way."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from registry.domain import commands as c
from registry.domain.errors import (
    AlreadyHeld,
    AlreadyRecorded,
    BadValue,
    Barred,
    GroundNeeded,
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
    granted,
    korean,
    lodged,
    lost_s,
    operator,
    registered,
    revoked,
    suspended,
)
from tests.scenario import Fact, fact, refused, when

HANA = Tin("KR1234567")


# ------------------------------------------------- every command, everywhere

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


# --------------------------------------------------------------- suspension


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


# ------------------------------------------- type, roles, review and renewal


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


# ---------------------------------------------------------------------- ends


def test_a_revocation_bars_for_as_long_as_the_programme_says() -> None:
    [done] = when(operator(*authorised), c.RevokeAuthorisation(tin=ACME, reason="fraud"))

    assert done.fields["barred_until"] == date(2029, 3, 10)


def test_a_revocation_may_bar_for_longer_but_not_into_the_past() -> None:
    longer = c.RevokeAuthorisation(tin=ACME, reason="fraud", barred_until=date(2031, 1, 1))
    none = c.RevokeAuthorisation(tin=ACME, reason="fraud", barred_until=date(2026, 1, 1))

    assert when(operator(*authorised), longer)[0].fields["barred_until"] == date(2031, 1, 1)
    refused(WrongDates, operator(*authorised), none)


def test_of_two_revocations_the_longer_bar_holds() -> None:
    past = [
        fact(kind, authorisation=f"EU-AEO/{n}", effective=date(2025, 6, n), **said)
        for n, type in ((1, "AEOC"), (2, "AEOS"))
        for kind, said in (
            (Operator.Lodged, {"programme": "EU-AEO", "type": type}),
            (Operator.Granted, {"number": type, "type": type}),
        )
    ]
    again = [
        fact(
            Operator.Lodged,
            authorisation="EU-AEO/3",
            programme="EU-AEO",
            type="AEOC",
            effective=TODAY,
        ),
        fact(Operator.Accepted, authorisation="EU-AEO/3", effective=TODAY),
    ]
    acme = operator(
        registered,
        *past,
        revoked,
        fact(
            Operator.Revoked,
            authorisation="EU-AEO/2",
            reason="fraud",
            barred_until=date(2026, 3, 1),
            effective=date(2026, 2, 3),
        ),
        *again,
    )

    grant = c.GrantAuthorisation(tin=ACME, number="DEAEOC2")
    assert "barred until 2029-02-02" in refused(Barred, acme, grant)


def test_what_ends_on_a_day_to_come_is_held_until_then() -> None:
    acme = operator(*authorised)
    for command in (
        c.SurrenderAuthorisation(tin=ACME, effective=date(2026, 9, 1)),
        c.LodgeApplication(tin=ACME, programme="EU-AEO", type="AEOS"),
        c.AcceptApplication(tin=ACME),
    ):
        when(acme, command)

    early = c.GrantAuthorisation(tin=ACME, number="DEAEOS2", effective=date(2026, 8, 31))
    assert "which is VALID until 2026-09-01" in refused(AlreadyHeld, acme, early)
    after = c.GrantAuthorisation(tin=ACME, number="DEAEOS2", effective=date(2026, 9, 1))
    assert len(when(acme, after)) == 1
    put_right = c.CorrectRecord(tin=ACME, position=5, what={"number": "DEAEOF7"}, why="a slip")
    assert len(when(acme, put_right)) == 1


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


def test_what_is_granted_has_a_number() -> None:
    refused(BadValue, operator(*applicant), c.GrantAuthorisation(tin=ACME, number=" "))


def test_an_authorisation_does_not_expire_on_a_day_to_come() -> None:
    expire = c.ExpireAuthorisation(tin=HANA, effective=date(2100, 1, 1))

    refused(WrongDates, operator(*korean()), expire, today=date(2026, 5, 1))


def test_an_end_may_reach_behind_a_suspension_but_not_behind_the_grant() -> None:
    behind = c.RevokeAuthorisation(tin=ACME, reason="fraud", **back("2026-01-20"))
    before = c.RevokeAuthorisation(tin=ACME, reason="fraud", **back("2025-09-01"))

    assert len(when(operator(*authorised, suspended), behind)) == 1
    refused(WrongDates, operator(*authorised, suspended), before)


def test_an_annulment_counts_from_the_day_of_effect_of_the_grant() -> None:
    [done] = when(operator(*authorised), c.AnnulAuthorisation(tin=ACME, legal_ground=UCC))

    assert done.fields["effective"] == date(2025, 9, 15)


def test_an_annulment_needs_its_ground_and_takes_no_other_day() -> None:
    refused(GroundNeeded, operator(*authorised), c.AnnulAuthorisation(tin=ACME))
    other = c.AnnulAuthorisation(tin=ACME, **back("2025-12-01"))
    assert "the grant, 2025-09-15" in refused(WrongDates, operator(*authorised), other)


def test_an_authorisation_expires_when_somebody_records_it_and_never_before_its_end() -> None:
    expire, after = c.ExpireAuthorisation(tin=HANA), date(2026, 4, 2)

    assert "until 2026-04-01 and cannot expire" in refused(WrongDates, operator(*korean()), expire)
    assert "without end" in refused(WrongDates, operator(*authorised), expire)
    [done] = when(operator(*korean()), expire, today=date(2026, 4, 20))
    assert (done.fields["effective"], done.fields["by_law"]) == (after, True)
    # However late it is written down, the term that was set is ground enough.
    assert done.fields["legal_ground"] == "Customs Act of Korea"
