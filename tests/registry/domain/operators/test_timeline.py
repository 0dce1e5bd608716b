"""What an operator's events mean in law, on which day, as it was known when."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest

from registry.domain import commands as c
from registry.domain.bitemporal import TimedEvent
from registry.domain.decisions import start_of_day
from registry.domain.operators.deadlines import Deadline
from registry.domain.operators.events import Operator
from registry.domain.operators.timeline import OperatorTimeline, Period, build_timeline
from registry.domain.values import Role, Status, Tin
from tests.law import DE, FR, KR, UCC, due
from tests.samples import ACME, OTHER, REF, back, registered
from tests.scenario import Fact, believed, fact, noon, stream

NOW = noon(date(2026, 11, 21))
BERLIN = "Europe/Berlin"


def day(text: str) -> date:
    return date.fromisoformat(text)


def on(text: str, command: c.Command) -> tuple[date, c.Command]:
    """Decided and recorded on that day."""
    return day(text), command


LODGED = on("2025-06-02", c.LodgeApplication(tin=ACME, programme="EU-AEO", type="AEOF"))
ACCEPTED = on("2025-06-16", c.AcceptApplication(tin=ACME))
#: In effect on the fifth day after, the sixth of January.
GRANTED = on("2026-01-01", c.GrantAuthorisation(tin=ACME, number="DEAEOF1"))
PAST = (LODGED, ACCEPTED, GRANTED)


def acme(*words: tuple[date, c.Command], created: Fact = registered) -> OperatorTimeline:
    return build_timeline(stream(Operator, created, *words))


def stands(told: OperatorTimeline, at: str, known: str | None = None, zone: str = BERLIN) -> Period:
    """The one period of that civil day's beginning at home, as known at noon of another."""
    instant = start_of_day(day(at), zone)
    [found] = [
        p
        for p in believed(told.periods, noon(day(known)) if known else NOW)
        if p.valid_from <= instant and (p.valid_to is None or instant < p.valid_to)
    ]
    return found


def status(told: OperatorTimeline, at: str, known: str | None = None) -> Status:
    return stands(told, at, known).status


# -------------------------------------------------------------- one life


def test_a_grant_is_decided_first_and_in_effect_on_its_day() -> None:
    told = acme(*PAST)

    assert [
        (p.status, p.valid_from.astimezone(UTC), p.valid_to) for p in believed(told.periods, NOW)
    ] == [
        (
            Status.LODGED,
            datetime(2025, 6, 1, 22, tzinfo=UTC),
            start_of_day(day("2025-06-16"), BERLIN),
        ),
        (
            Status.ACCEPTED,
            datetime(2025, 6, 15, 22, tzinfo=UTC),
            start_of_day(day("2026-01-01"), BERLIN),
        ),
        (
            Status.GRANTED,
            datetime(2025, 12, 31, 23, tzinfo=UTC),
            start_of_day(day("2026-01-06"), BERLIN),
        ),
        (Status.VALID, datetime(2026, 1, 5, 23, tzinfo=UTC), None),
    ]


def test_a_korean_day_begins_at_three_in_the_afternoon_in_greenwich() -> None:
    created = fact(
        Operator.Registered,
        tin=Tin("KR1234567"),
        administration=KR,
        time_zone="Asia/Seoul",
        name="Hana",
        effective=day("2024-01-02"),
    )
    tin = Tin("KR1234567")
    told = acme(
        on("2024-02-01", c.LodgeApplication(tin=tin, programme="KR-AEO", type="AA")),
        on("2024-02-02", c.AcceptApplication(tin=tin)),
        on("2024-03-01", c.GrantAuthorisation(tin=tin, number="KRAA1")),
        created=created,
    )

    *_, last, after = believed(told.periods, NOW)
    assert (last.status, last.valid_from) == (Status.VALID, datetime(2024, 2, 29, 15, tzinfo=UTC))
    assert (after.status, after.valid_from) == (Status.EXPIRED, last.valid_to)


def test_nobody_knew_before_it_was_recorded() -> None:
    assert believed(acme(*PAST).periods, noon(day("2025-06-01"))) == []


# ------------------------------------------------- what reaches back, and how


def test_a_suspension_written_down_late_leaves_both_beliefs_standing() -> None:
    # Acceptance case 12.
    suspend = c.SuspendAuthorisation(tin=ACME, reason="a case", **back("2026-03-01"))
    told = acme(*PAST, on("2026-03-10", suspend))

    assert status(told, "2026-03-05", known="2026-03-06") is Status.VALID
    assert status(told, "2026-03-05", known="2026-03-11") is Status.SUSPENDED
    assert status(told, "2026-02-28", known="2026-03-11") is Status.VALID
    assert stands(told, "2026-03-05").ground == f"{UCC}; a case"


def test_an_annulment_reaches_back_to_the_day_of_effect_and_the_old_belief_stays() -> None:
    # Acceptance case 13.
    told = acme(*PAST, on("2026-05-04", c.AnnulAuthorisation(tin=ACME, legal_ground=UCC)))

    for february in ("2026-01-06", "2026-02-15", "2026-05-04", "2026-07-01"):
        assert status(told, february, known="2026-06-01") is Status.ANNULLED
    assert status(told, "2026-02-15", known="2026-03-01") is Status.VALID
    assert status(told, "2025-12-01", known="2026-06-01") is Status.ACCEPTED


def test_a_revocation_does_not_reach_back() -> None:
    revoke = c.RevokeAuthorisation(tin=ACME, reason="fraud")
    told = acme(*PAST, on("2026-05-04", revoke))

    assert status(told, "2026-05-03") is Status.VALID
    assert status(told, "2026-05-04") is Status.REVOKED


def test_what_was_suspended_in_between_was_void_too_once_it_is_annulled() -> None:
    told = acme(
        *PAST,
        on("2026-02-02", c.SuspendAuthorisation(tin=ACME, reason="late")),
        on("2026-02-20", c.LiftSuspension(tin=ACME)),
        on("2026-05-04", c.AnnulAuthorisation(tin=ACME, legal_ground=UCC)),
    )

    assert status(told, "2026-02-10", known="2026-03-01") is Status.SUSPENDED
    assert status(told, "2026-02-10") is Status.ANNULLED


def test_an_end_that_reaches_behind_a_suspension_takes_its_place() -> None:
    told = acme(
        *PAST,
        on("2026-03-02", c.SuspendAuthorisation(tin=ACME, reason="late")),
        on("2026-03-20", c.RevokeAuthorisation(tin=ACME, reason="fraud", **back("2026-02-01"))),
    )

    assert status(told, "2026-03-10") is Status.REVOKED
    assert status(told, "2026-03-10", known="2026-03-11") is Status.SUSPENDED


# -------------------------------------------------------------------- parts


def test_losing_the_security_part_leaves_it_valid_at_home_and_suspended_abroad() -> None:
    told = acme(
        *PAST,
        on("2026-02-02", c.SuspendAuthorisation(tin=ACME, reason="no fence", part="S")),
        on("2026-02-20", c.LiftSuspension(tin=ACME)),
    )

    between, after = stands(told, "2026-02-10"), stands(told, "2026-02-20")
    assert (between.status, between.abroad) == (Status.VALID, Status.SUSPENDED)
    assert between.flags == ("part_S_suspended",)
    assert (after.status, after.abroad, after.flags) == (Status.VALID, Status.VALID, ())


def test_losing_the_customs_part_is_nothing_to_partners() -> None:
    told = acme(
        *PAST, on("2026-02-02", c.SuspendAuthorisation(tin=ACME, reason="no books", part="C"))
    )

    assert stands(told, "2026-02-10").abroad is Status.VALID


def test_a_part_and_then_the_whole() -> None:
    told = acme(
        *PAST,
        on("2026-02-02", c.SuspendAuthorisation(tin=ACME, reason="no fence", part="S")),
        on("2026-02-10", c.SuspendAuthorisation(tin=ACME, reason="nothing left")),
    )

    assert stands(told, "2026-02-09").status is Status.VALID
    assert stands(told, "2026-02-10").status is Status.SUSPENDED


# ------------------------------------- what changes nothing of the standing


def test_reassessment_and_remediation_are_flags_and_end_nothing() -> None:
    told = acme(
        *PAST,
        on("2026-02-02", c.OpenReassessment(tin=ACME)),
        on("2026-03-02", c.CloseReassessment(tin=ACME, remediation=True)),
        on("2026-06-01", c.OpenReassessment(tin=ACME)),
        on("2026-06-20", c.CloseReassessment(tin=ACME)),
    )

    turns = ("2026-02-02", "2026-03-02", "2026-06-01", "2026-06-20")
    assert [stands(told, at).flags for at in turns] == [
        ("under_reassessment",),
        ("remediation",),
        ("remediation", "under_reassessment"),
        (),
    ]
    assert {status(told, at) for at in turns} == {Status.VALID}


def test_type_roles_and_term_change_from_their_own_day() -> None:
    told = acme(
        *PAST,
        on("2026-02-02", c.ChangeType(tin=ACME, type="AEOS")),
        on("2026-03-02", c.AmendRoles(tin=ACME, roles=(Role.CARRIER,))),
        on("2026-04-02", c.RenewAuthorisation(tin=ACME, valid_until=day("2030-01-01"))),
    )

    before, after = stands(told, "2026-02-01"), stands(told, "2026-04-02")
    assert (before.type, before.roles, before.valid_until) == ("AEOF", (Role.EXPORTER,), None)
    assert (after.type, after.roles) == ("AEOS", (Role.CARRIER,))
    assert after.valid_until == day("2030-01-01")
    assert stands(told, "2026-03-02").roles == (Role.CARRIER,)


def test_an_authorisation_past_its_term_has_expired_before_anybody_records_it() -> None:
    told = acme(
        *PAST,
        on("2026-02-02", c.RenewAuthorisation(tin=ACME, valid_until=day("2026-06-01"))),
        on("2026-09-01", c.ExpireAuthorisation(tin=ACME)),
    )

    for known in ("2026-03-01", "2026-08-31", "2026-09-02"):
        assert status(told, "2026-06-01", known) is Status.VALID
        assert status(told, "2026-06-02", known) is Status.EXPIRED


# -------------------------------------------------------------- corrections


def test_a_corrected_day_is_believed_from_the_correction_on() -> None:
    position = 4  # of the grant: registered, lodged, accepted, granted
    correct = c.CorrectRecord(
        tin=ACME,
        position=position,
        what={"effective": "2026-01-10"},
        why="miscounted",
        legal_ground=UCC,
    )
    told = acme(*PAST, on("2026-02-02", correct))

    assert status(told, "2026-01-08", known="2026-02-01") is Status.VALID
    assert status(told, "2026-01-08", known="2026-02-03") is Status.GRANTED


def test_what_is_voided_is_believed_no_longer_and_was_believed() -> None:
    suspend = c.SuspendAuthorisation(tin=ACME, reason="the wrong firm")
    void = c.CorrectRecord(tin=ACME, position=5, what={"void": "true"}, why="the wrong firm")
    told = acme(*PAST, on("2026-02-02", suspend), on("2026-02-09", void))

    assert status(told, "2026-02-05", known="2026-02-05") is Status.SUSPENDED
    assert status(told, "2026-02-05", known="2026-02-10") is Status.VALID


def test_an_annulment_follows_a_corrected_grant() -> None:
    told = acme(
        *PAST,
        on("2026-05-04", c.AnnulAuthorisation(tin=ACME, legal_ground=UCC)),
        on(
            "2026-06-01",
            c.CorrectRecord(
                tin=ACME, position=4, what={"effective": "2026-01-04"}, why="miscounted"
            ),
        ),
    )

    assert status(told, "2026-01-05", known="2026-05-20") is Status.GRANTED
    assert status(told, "2026-01-05") is Status.ANNULLED


# ------------------------------------------- names, identifiers and consents


def test_a_new_name_counts_from_its_day_and_a_merger_points_on() -> None:
    told = acme(
        *PAST,
        on("2026-02-02", c.AmendParticulars(tin=ACME, name_="Acme AG")),
        on("2026-03-02", c.MergeInto(tin=ACME, successor=OTHER)),
    )

    names = [(n.particulars.name, n.successor, n.valid_from) for n in believed(told.names, NOW)]
    assert names == [
        ("Acme", None, start_of_day(day("2025-01-02"), BERLIN)),
        ("Acme AG", None, start_of_day(day("2026-02-02"), BERLIN)),
        ("Acme AG", OTHER, start_of_day(day("2026-03-02"), BERLIN)),
    ]
    assert status(told, "2026-03-02") is Status.SUPERSEDED


def test_an_identifier_holds_to_its_end_and_one_said_anew_follows_itself() -> None:
    def eori(**said: Any) -> c.AddIdentifier:
        return c.AddIdentifier(tin=ACME, scheme="EORI", value="DE8934842", **said)

    told = acme(
        on("2025-02-03", eori(valid_to=day("2027-01-01"))),
        on("2026-02-02", eori(verified_by="customs")),
        on("2026-03-02", c.EndIdentifier(tin=ACME, scheme="EORI", value="DE8934842")),
    )

    held = [(i.verified_by, i.valid_from, i.valid_to) for i in believed(told.identifiers, NOW)]
    one, two, three = (
        start_of_day(day(d), BERLIN) for d in ("2025-02-03", "2026-02-02", "2026-03-02")
    )
    assert held == [(None, one, two), ("customs", two, three)]


def test_consent_holds_from_its_day_to_its_withdrawal() -> None:
    told = acme(
        on("2026-02-02", c.GiveConsent(tin=ACME, partner=KR)),
        on("2026-02-02", c.GiveConsent(tin=ACME, publication=True)),
        on("2026-03-02", c.WithdrawConsent(tin=ACME, partner=KR)),
    )

    held = {i.partner: i.valid_to for i in believed(told.consents, NOW)}
    assert held == {KR: start_of_day(day("2026-03-02"), BERLIN), None: None}


# ---------------------------------------------------------------- deadlines


def deadlines(*words: tuple[date, c.Command]) -> dict[str, Deadline]:
    return {deadline.what: deadline for deadline in acme(*words).deadlines}


def test_a_deadline_that_was_missed_is_an_alert_and_decides_nothing() -> None:
    told = acme(LODGED)

    assert told.deadlines == [
        Deadline(REF, "acceptance", day("2025-07-02"), "Union Customs Code (Regulation 952/2013)")
    ]
    assert status(told, "2026-11-01") is Status.LODGED


def test_a_deadline_is_met_by_what_it_was_set_for() -> None:
    found = deadlines(*PAST)

    assert found["acceptance"].met_on == day("2025-06-16")
    # On the day of the decision, not on that of its effect.
    assert found["decision"].met_on == day("2026-01-01")


def test_more_time_takes_the_place_of_the_first_deadline() -> None:
    told = acme(LODGED, ACCEPTED, on("2025-07-01", c.ExtendDeadline(tin=ACME, reason="premises")))

    decision = [
        (deadline.due, deadline.dropped)
        for deadline in told.deadlines
        if deadline.what == "decision"
    ]
    assert decision == [(day("2025-10-14"), True), (day("2025-12-13"), False)]


@pytest.mark.parametrize(
    "end",
    [
        c.RevokeAuthorisation(tin=ACME, reason="fraud"),
        c.SurrenderAuthorisation(tin=ACME),
        c.MergeInto(tin=ACME, successor=OTHER),
    ],
)
def test_what_a_deadline_was_for_may_come_to_an_end_first(end: c.Command) -> None:
    suspend = c.SuspendAuthorisation(tin=ACME, reason="late", until=day("2026-04-01"))
    found = deadlines(*PAST, on("2026-02-02", suspend), on("2026-03-02", end))

    assert found["end of suspension"].dropped
    assert found["end of suspension"].met_on is None


def test_each_partner_that_is_consulted_has_a_day_for_its_own_reply() -> None:
    consulted = [
        on("2025-07-01", c.RequestConsultation(tin=ACME, asked=FR)),
        on("2025-07-02", c.RequestConsultation(tin=ACME, asked=KR)),
        on("2025-07-21", c.RecordConsultationReply(tin=ACME, asked=KR, reply="no objection")),
    ]

    def of(*words: tuple[date, c.Command]) -> list[tuple[date | None, date | None, bool]]:
        return [
            (deadline.due, deadline.met_on, deadline.dropped)
            for deadline in acme(LODGED, ACCEPTED, *words).deadlines
            if deadline.what == "consultation"
        ]

    answered = day("2025-09-20"), day("2025-07-21"), False
    assert of(*consulted) == [(day("2025-09-19"), None, False), answered]
    refuse = c.RefuseApplication(tin=ACME, reason="debts")
    assert of(*consulted, on("2025-08-01", refuse)) == [(day("2025-09-19"), None, True), answered]


def test_a_voided_event_sets_no_deadline() -> None:
    void = c.CorrectRecord(tin=ACME, position=2, what={"void": "true"}, why="the wrong firm")

    assert acme(LODGED, on("2025-06-03", void)).deadlines == []


def test_the_first_event_is_kept_with_its_place() -> None:
    told = acme(*PAST)

    assert isinstance(told.registered, TimedEvent)
    assert (told.tin, told.registered.event.administration, told.last) == (ACME, DE, 4)
    assert due("acceptance", "2025-07-02")[0].due == told.deadlines[0].due
