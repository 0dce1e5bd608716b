"""An end said in advance is law on its day, and the record of it changes nothing (domain.md, 2)."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import product
from string import ascii_uppercase
from typing import Any

import pytest

from registry.domain import commands as c
from registry.domain.bitemporal import TimedEvent
from registry.domain.decisions import Decision, start_of_day
from registry.domain.errors import AlreadyHeld, AlreadyRecorded, BadValue, WrongDates, WrongStatus
from registry.domain.operators import end_decisions
from registry.domain.operators.events import Operator
from registry.domain.operators.status_periods import Period, periods
from registry.domain.operators.timeline import OperatorTimeline, build_timeline
from registry.domain.programmes import Programme
from registry.domain.values import Status
from tests.law import PROGRAMMES, TODAY, UCC, programme
from tests.samples import ACME, REF, authorised, back, korean, operator, suspended
from tests.scenario import Fact, believed, fact, given, noon, refused, stream, when
from tests.worlds import Maker

HANA = korean()[0].fields["tin"]
FAR = noon(date(2100, 1, 1))


def day(text: str) -> date:
    return date.fromisoformat(text)


def on(past: Operator, at: str) -> Period:
    """How its only authorisation stands at the beginning of a civil day at home."""
    instant = start_of_day(day(at), past.time_zone)
    [found] = [
        p
        for p in periods(past.history, past.time_zone)
        if p.valid_from <= instant and (p.valid_to is None or instant < p.valid_to)
    ]
    return found


def stands(past: Operator, *days: str) -> list[str]:
    return [on(past, at).status.value for at in days]


def until(end: str, begin: str = "2026-02-02", **more: Any) -> Fact:
    return fact(
        Operator.Suspended,
        authorisation=REF,
        reason="audit",
        until=day(end),
        effective=day(begin),
        **more,
    )


# ----------------------------------------------------------------- the term


def test_the_last_day_of_the_term_is_valid_and_the_next_is_not() -> None:
    assert stands(operator(*korean()), "2026-04-01", "2026-04-02", "2040-01-01") == [
        "VALID",
        "EXPIRED",
        "EXPIRED",
    ]


def test_a_term_of_years_ends_on_the_day_before_the_anniversary() -> None:
    again = (
        fact(
            Operator.Lodged,
            authorisation="KR-AEO/2",
            programme="KR-AEO",
            type="AAA",
            effective=TODAY,
        ),
        fact(Operator.Accepted, authorisation="KR-AEO/2", effective=TODAY),
    )
    grant = c.GrantAuthorisation(tin=HANA, number="KRAAA2", type="AAA", effective=day("2028-02-29"))
    [done] = when(operator(*korean(*again)), grant)
    assert done.fields["valid_until"] == day("2033-02-28")

    [renewed] = when(operator(*korean()), c.RenewAuthorisation(tin=HANA))
    assert renewed.fields["valid_until"] == day("2031-04-01")


def test_a_renewal_written_down_late_puts_it_right_on_the_second_clock() -> None:
    told = build_timeline(
        stream(
            Operator,
            korean()[0],
            *[
                (day("2021-04-01"), command)
                for command in (
                    c.LodgeApplication(tin=HANA, programme="KR-AEO", type="AA"),
                    c.AcceptApplication(tin=HANA),
                    c.GrantAuthorisation(
                        tin=HANA,
                        number="KRAA1",
                        valid_until=day("2026-04-01"),
                        legal_ground="the Act",
                    ),
                )
            ],
            (
                day("2026-05-11"),
                c.RenewAuthorisation(tin=HANA, valid_until=day("2031-04-01"), **back("2026-03-20")),
            ),
        )
    )

    assert _status(told, "2026-05-01", known="2026-05-10") is Status.EXPIRED
    assert _status(told, "2026-05-01", known="2026-05-12") is Status.VALID
    assert _status(told, "2031-04-02", known="2026-05-12") is Status.EXPIRED


def test_the_record_of_an_end_does_not_stand_against_a_renewal() -> None:
    hana = operator(*korean())
    end = c.RecordEnd(tin=HANA, authorisation="KR-AEO/1", what="term", effective=day("2026-04-02"))
    assert len(when(hana, end, today=day("2026-04-03"))) == 1
    renew = c.RenewAuthorisation(tin=HANA, valid_until=day("2031-04-01"), **back("2026-04-01"))
    assert len(when(hana, renew, today=day("2026-04-20"))) == 1

    assert stands(hana, "2026-04-02", "2031-04-01", "2031-04-02") == ["VALID", "VALID", "EXPIRED"]


def test_a_term_goes_on_from_the_day_after_its_last_and_no_later() -> None:
    hana = operator(*korean())
    late = c.RenewAuthorisation(tin=HANA, effective=day("2026-04-03"))
    assert "EXPIRED on 2026-04-03 (its last day was 2026-04-01)" in refused(WrongStatus, hana, late)

    next_day = c.RenewAuthorisation(tin=HANA, effective=day("2026-04-02"))
    assert len(when(hana, next_day)) == 1
    assert stands(hana, "2026-04-01", "2026-04-02", "2031-04-01", "2031-04-02") == [
        "VALID",
        "VALID",
        "VALID",
        "EXPIRED",
    ]


def test_a_term_is_not_renewed_into_one_that_was_granted_meanwhile() -> None:
    again = fact(
        Operator.Lodged, authorisation="KR-AEO/2", programme="KR-AEO", type="AA", effective=TODAY
    )
    second = fact(
        Operator.Granted,
        authorisation="KR-AEO/2",
        number="KRAA2",
        type="AA",
        effective=day("2026-05-01"),
        valid_until=day("2031-04-30"),
    )
    renew = c.RenewAuthorisation(tin=HANA, authorisation="KRAA1", **back("2026-03-01"))
    refused(AlreadyHeld, operator(*korean(again, second)), renew, today=day("2026-06-01"))


@pytest.mark.parametrize(
    "command",
    [
        c.SuspendAuthorisation(tin=HANA, reason="audit"),
        c.RevokeAuthorisation(tin=HANA, reason="fraud"),
        c.SurrenderAuthorisation(tin=HANA),
        c.ChangeType(tin=HANA, type="AAA"),
        c.OpenReassessment(tin=HANA),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_has_expired_by_law_takes_no_further_decision(command: c.Command) -> None:
    said = refused(WrongStatus, operator(*korean()), command, today=day("2026-04-02"))
    assert "KRAA1 is EXPIRED (its last day was 2026-04-01)" in said
    assert len(when(operator(*korean()), command, today=day("2026-04-01"))) == 1


def test_an_end_that_was_recorded_by_the_old_law_stays_where_it_was_recorded() -> None:
    """A ledger of before has terms that ended by a decision, on the last day itself."""
    old = korean(fact(Operator.Expired, authorisation="KR-AEO/1", effective=day("2026-04-01")))
    assert stands(operator(*old), "2026-03-31", "2026-04-01") == ["VALID", "EXPIRED"]

    renewed = korean(
        fact(
            Operator.Renewed,
            authorisation="KR-AEO/1",
            effective=day("2026-06-01"),
            valid_until=day("2031-06-01"),
        )
    )
    assert stands(operator(*renewed), "2026-04-01", "2026-04-02", "2026-06-01") == [
        "VALID",
        "EXPIRED",
        "VALID",
    ]


# -------------------------------------------------------------- suspensions


def test_a_suspension_is_over_on_the_day_until_which_it_was_said() -> None:
    acme = operator(*authorised, until("2026-02-20"))
    assert stands(acme, "2026-02-19", "2026-02-20", "2030-01-01") == ["SUSPENDED", "VALID", "VALID"]

    lift = c.LiftSuspension(tin=ACME)
    assert "is VALID and cannot be released" in refused(WrongStatus, acme, lift)
    again = c.SuspendAuthorisation(tin=ACME, reason="audit")
    assert len(when(acme, again)) == 1
    assert stands(acme, "2026-03-09", "2026-03-10") == ["VALID", "SUSPENDED"]


def test_a_part_is_suspended_until_its_day_alone() -> None:
    acme = operator(*authorised, until("2026-02-20", part="S"))
    before, after = on(acme, "2026-02-19"), on(acme, "2026-02-20")
    assert (before.status, before.abroad) == (Status.VALID, Status.SUSPENDED)
    assert (after.status, after.abroad, after.flags) == (Status.VALID, Status.VALID, ())


def test_an_extension_written_down_late_counts_from_a_day_of_the_suspension() -> None:
    acme = operator(*authorised, until("2026-02-20"))
    extend = c.ExtendSuspension(tin=ACME, until=day("2026-06-01"))
    refused(WrongStatus, acme, extend)
    back_dated = c.ExtendSuspension(tin=ACME, until=day("2026-06-01"), **back("2026-02-19"))
    assert len(when(acme, back_dated)) == 1
    assert stands(acme, "2026-03-01", "2026-05-31", "2026-06-01") == [
        "SUSPENDED",
        "SUSPENDED",
        "VALID",
    ]


def test_a_suspension_does_not_outlast_the_term() -> None:
    hana = operator(
        *korean(
            fact(
                Operator.Suspended,
                authorisation="KR-AEO/1",
                reason="audit",
                until=day("2026-06-01"),
                effective=day("2026-03-01"),
            )
        )
    )
    assert stands(hana, "2026-04-01", "2026-04-02", "2026-06-01") == [
        "SUSPENDED",
        "EXPIRED",
        "EXPIRED",
    ]
    assert [by_law.what for by_law in end_decisions.ends_by_law(hana, day("2027-01-01"))] == [
        "term"
    ]


# ------------------------------------------------------ ends that lie ahead


@pytest.mark.parametrize("kind", [Operator.Revoked, Operator.Surrendered, Operator.Merged])
def test_what_ends_from_next_year_can_be_suspended_today(kind: type[Any]) -> None:
    ahead: dict[str, Any] = {
        Operator.Revoked: {"authorisation": REF, "reason": "fraud"},
        Operator.Surrendered: {"authorisation": REF},
        Operator.Merged: {"successor": HANA},
    }[kind]
    acme = operator(*authorised, fact(kind, effective=day("2027-01-01"), **ahead))
    after = on(acme, "2027-01-01").status.value

    assert len(when(acme, c.SuspendAuthorisation(tin=ACME, reason="audit"))) == 1
    assert stands(acme, "2026-03-09", "2026-03-10", "2026-12-31", "2027-01-01") == [
        "VALID",
        "SUSPENDED",
        "SUSPENDED",
        after,
    ]
    assert len(when(acme, c.LiftSuspension(tin=ACME), today=day("2026-06-01"))) == 1
    assert stands(acme, "2026-06-01", "2026-12-31", "2027-01-01") == ["VALID", "VALID", after]


def test_no_message_says_that_it_is_ended_before_its_day() -> None:
    revoked = fact(Operator.Revoked, authorisation=REF, reason="fraud", effective=day("2027-01-01"))
    acme = operator(*authorised, revoked)
    assert "is VALID and cannot" in refused(WrongStatus, acme, c.LiftSuspension(tin=ACME))
    later = c.SuspendAuthorisation(tin=ACME, reason="audit", effective=day("2027-01-01"))
    assert "is REVOKED on 2027-01-01" in refused(WrongStatus, acme, later)


def test_what_is_revoked_from_next_year_may_end_before_that() -> None:
    revoked = fact(Operator.Revoked, authorisation=REF, reason="fraud", effective=day("2027-01-01"))
    acme = operator(*authorised, revoked)
    assert len(when(acme, c.SurrenderAuthorisation(tin=ACME))) == 1
    assert stands(acme, "2026-03-09", "2026-03-10", "2027-01-01") == [
        "VALID",
        "SURRENDERED",
        "SURRENDERED",
    ]


# ------------------------------------------------------- ends by a decision

DECIDING = programme(
    "KR-AEO",
    ("A", "AA", "AAA"),
    ("validity_years", "5", "years", "2014-01-01", None, "Customs Act of Korea"),
    ("validity_end", "by decision", None, "2021-01-01", None, "Customs Act of Korea"),
    ("suspension_end", "by decision", None, "2021-01-01", None, "Customs Act of Korea"),
)


def deciding(monkeypatch: pytest.MonkeyPatch) -> Operator:
    """An authorisation of a programme in which nothing ends without a decision."""
    monkeypatch.setitem(PROGRAMMES, "KR-AEO", DECIDING)
    hana: Operator = given(Operator, korean()[0])
    for command in (
        c.LodgeApplication(tin=HANA, programme="KR-AEO", type="AA"),
        c.AcceptApplication(tin=HANA),
        c.GrantAuthorisation(tin=HANA, number="KRAA1", legal_ground="the Act"),
    ):
        when(hana, command, today=day("2021-04-02"))
    return hana


def test_a_term_that_takes_a_decision_leaves_it_open(monkeypatch: pytest.MonkeyPatch) -> None:
    hana = deciding(monkeypatch)
    assert stands(hana, "2026-04-01", "2026-04-02", "2040-01-01") == [
        "VALID",
        "DECISION_AWAITED",
        "DECISION_AWAITED",
    ]
    assert end_decisions.ends_by_law(hana, day("2040-01-01")) == []

    expire = c.ExpireAuthorisation(tin=HANA, effective=day("2026-04-10"), legal_ground="the Act")
    [done] = when(hana, expire, today=day("2026-05-01"))
    assert "by_law" not in done.fields
    assert stands(hana, "2026-04-02", "2026-04-10") == ["DECISION_AWAITED", "EXPIRED"]


def test_a_renewal_answers_the_decision_awaited(monkeypatch: pytest.MonkeyPatch) -> None:
    hana = deciding(monkeypatch)
    renew = c.RenewAuthorisation(tin=HANA)
    assert len(when(hana, renew, today=day("2026-05-01"))) == 1
    assert stands(hana, "2026-04-30", "2026-05-01") == ["DECISION_AWAITED", "VALID"]


def test_a_suspension_that_takes_a_decision_leaves_it_open(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hana = deciding(monkeypatch)
    suspend = c.SuspendAuthorisation(tin=HANA, reason="audit", until=day("2022-06-01"))
    when(hana, suspend, today=day("2022-03-01"))
    assert stands(hana, "2022-05-31", "2022-06-01") == ["SUSPENDED", "DECISION_AWAITED"]

    lift = c.LiftSuspension(tin=HANA)
    assert len(when(hana, lift, today=day("2022-06-15"))) == 1
    assert stands(hana, "2022-06-14", "2022-06-15") == ["DECISION_AWAITED", "VALID"]


def test_a_rule_of_ends_says_one_of_two_things() -> None:
    each_programme: Programme = programme("SG-STP", ("STP",))
    with pytest.raises(BadValue, match="by law or by decision"):
        each_programme.set_rule(Decision(TODAY, source="a test"), "validity_end", "by magic")


# ------------------------------------------------------ the record of an end


def test_the_clerk_records_what_ended_by_law_and_nothing_else() -> None:
    acme = operator(*authorised, until("2026-02-20"))
    end = c.RecordEnd(tin=ACME, authorisation=REF, what="suspension", effective=day("2026-02-20"))

    refused(
        WrongDates,
        operator(*authorised, until("2026-02-20")),
        c.RecordEnd(tin=ACME, authorisation=REF, what="suspension", effective=day("2026-02-21")),
    )
    refused(WrongDates, operator(*authorised, suspended), end)
    refused(
        WrongDates,
        operator(*authorised, until("2026-04-20")),
        c.RecordEnd(tin=ACME, authorisation=REF, what="suspension", effective=day("2026-04-20")),
    )
    [done] = when(acme, end)
    assert (done.type, done.fields["legal_ground"]) == (
        Operator.SuspensionEnded,
        "the decision that suspended it",
    )
    assert when(acme, end) == []
    other = c.RecordEnd(
        tin=ACME,
        authorisation=REF,
        what="suspension",
        effective=day("2026-02-20"),
        legal_ground=UCC,
    )
    refused(AlreadyRecorded, acme, other)


def test_an_end_that_another_event_brought_on_its_day_is_not_recorded_as_one_by_law() -> None:
    revoked = fact(Operator.Revoked, authorisation=REF, reason="fraud", effective=day("2026-02-20"))
    again = until("2026-03-01", begin="2026-02-20")
    for last in (revoked, again):
        acme = operator(*authorised, until("2026-02-20"), last)
        assert end_decisions.ends_by_law(acme, day("2026-02-28")) == []


# ------------------------------------------------------------- made-up lives

CODES = [a + b for a, b in product(ascii_uppercase, repeat=2)]
WORLDS = 120


def lives() -> list[list[TimedEvent[Any]]]:
    return [
        stream
        for n in range(WORLDS)
        for stream in Maker(20_000 + n, CODES[5 * n : 5 * n + 5]).make().operators
    ]


def test_what_is_believed_does_not_depend_on_how_it_was_told() -> None:
    """The stretches kept from event to event are those made at once of the events known by then."""
    stretches = 0
    for told in lives():
        whole = build_timeline(told).periods
        for n in range(1, len(told) + 1):
            if n < len(told) and told[n].known_at == told[n - 1].known_at:
                continue
            known = told[n - 1].known_at
            kept = believed(whole, known)
            anew = believed(build_timeline(told[:n]).periods, FAR)
            assert sorted(kept, key=_place) == sorted(anew, key=_place)
            stretches += len(anew)
    assert stretches > 1_000


def test_before_and_after_the_clerk_the_answers_are_equal_on_every_instant() -> None:
    recorded = 0
    for told in lives():
        first, *rest = [timed_event.event for timed_event in told]
        for today in (day("2020-06-01"), day("2021-06-01"), day("2030-01-01")):
            operator: Operator = given(
                Operator,
                Fact(Operator.Registered, _said(first)),
                *[Fact(type(e), _said(e)) for e in rest],
            )
            before = periods(operator.history, operator.time_zone)
            stood = {a.reference: a.status for a in operator.authorisations.values()}
            for end in end_decisions.unrecorded(operator, today):
                command = c.RecordEnd(
                    tin=operator.tin,
                    authorisation=end.authorisation,
                    what=end.what,
                    effective=end.day,
                    legal_ground="made up",
                )
                if operator.successor is None:
                    _record(operator, command, today)
                    recorded += 1
            assert periods(operator.history, operator.time_zone) == before
            assert {a.reference: a.status for a in operator.authorisations.values()} == stood
            assert operator.successor or end_decisions.unrecorded(operator, today) == []
    assert recorded > 50


def _record(operator: Operator, command: c.RecordEnd, today: date) -> None:
    by = Decision(today, command.effective, legal_ground="made up", programme=lambda _: DECIDING)
    end_decisions.record_end(operator, command, by)


def _said(event: Any) -> dict[str, Any]:
    envelope = ("originator_id", "originator_version", "originator_topic", "timestamp")
    return {name: value for name, value in vars(event).items() if name not in envelope}


def _place(period: Period) -> tuple[Any, ...]:
    return period.authorisation, period.valid_from


def _status(told: OperatorTimeline, at: str, known: str) -> Status:
    instant = noon(day(at)) - timedelta(hours=6)
    [found] = [
        p
        for p in believed(told.periods, noon(day(known)))
        if p.valid_from <= instant and (p.valid_to is None or instant < p.valid_to)
    ]
    return found.status


def test_the_record_of_an_end_names_the_authorisation_by_its_number_too() -> None:
    acme = operator(*authorised, until("2026-02-20"))
    [number] = {a.number for a in acme.authorisations.values()}
    end = c.RecordEnd(
        tin=ACME, authorisation=number, what="suspension", effective=day("2026-02-20")
    )
    [done] = when(acme, end)
    assert (done.type, done.fields["authorisation"]) == (Operator.SuspensionEnded, REF)
