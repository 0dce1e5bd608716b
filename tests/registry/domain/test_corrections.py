"""What was recorded wrongly is put right by another record, and stays as it was written."""

from __future__ import annotations

from datetime import date

import pytest

from registry.domain import commands as c
from registry.domain.errors import (
    AlreadyHeld,
    AlreadyRecorded,
    BadValue,
    NotOffered,
    Refusal,
    UnknownPosition,
    WrongDates,
    WrongForm,
    WrongStatus,
)
from registry.domain.operators.events import Operator
from registry.domain.values import Status
from tests.law import KR, TODAY
from tests.samples import (
    ACME,
    OTHER,
    REF,
    accepted,
    applicant,
    authorised,
    lodged,
    merged,
    operator,
    registered,
    revoked,
    suspended,
)
from tests.scenario import Fact, fact, refused, when


def correct(position: int, why: str = "a slip", **what: str) -> c.CorrectRecord:
    """Of this stream: here an event's position is its version."""
    return c.CorrectRecord(tin=ACME, position=position, what=what, why=why)


def test_a_bar_and_a_legal_ground_are_put_right_where_a_second_command_is_refused() -> None:
    acme = operator(*authorised, revoked)
    shorter = c.RevokeAuthorisation(
        tin=ACME,
        reason="fraud",
        effective=date(2026, 2, 2),
        barred_until=date(2027, 2, 2),
        legal_ground="UCC",
    )
    assert "barredUntil: found 2027-02-02" in refused(AlreadyRecorded, acme, shorter)

    assert len(when(acme, correct(6, barred_until="2027-02-02", legal_ground="UCC"))) == 1

    assert acme.barred == {"EU-AEO": date(2027, 2, 2)}
    assert when(acme, shorter) == []
    refused(WrongDates, acme, correct(6, barred_until="2026-02-01"))


def test_a_correction_puts_an_event_right_and_leaves_it_written() -> None:
    acme = operator(*authorised)

    assert when(acme, correct(5, number="DEAEOF7")) == [
        fact(
            Operator.Corrected,
            corrects=5,
            version=5,
            what={"number": "DEAEOF7"},
            why="a slip",
            effective=TODAY,
        )
    ]
    assert acme.authorisations[REF].number == "DEAEOF7"
    assert acme.history[3].number == "DEAEOF1"  # type: ignore[attr-defined]


def test_a_correction_said_twice_is_recorded_once() -> None:
    acme = operator(*authorised)
    when(acme, correct(5, number="DEAEOF7"))

    assert when(acme, correct(5, number="DEAEOF7")) == []


def test_a_correction_can_be_taken_back_by_another() -> None:
    acme = operator(*authorised)
    when(acme, correct(5, number="DEAEOF7"))

    assert len(when(acme, correct(5, number="DEAEOF1"))) == 1
    assert acme.authorisations[REF].number == "DEAEOF1"


def test_what_was_voided_never_was_and_can_be_brought_back() -> None:
    acme = operator(*authorised, suspended)

    when(acme, correct(6, void="true"))
    assert acme.authorisations[REF].status is Status.VALID

    when(acme, correct(6, void="false"))
    assert acme.authorisations[REF].status is Status.SUSPENDED


def test_a_voided_merger_gives_the_operator_back_to_itself() -> None:
    acme = operator(*authorised, merged)

    when(acme, correct(6, void="true"))

    assert acme.successor is None
    assert acme.authorisations[REF].status is Status.VALID
    assert len(when(acme, c.AmendParticulars(tin=ACME, name_="Acme AG"))) == 1


def test_a_voided_merger_is_not_brought_back_but_made_again() -> None:
    # The successor may have been merged into this one since, and each would lead to the other.
    acme = operator(*authorised, merged)
    when(acme, correct(6, void="true"))

    assert "merge it again" in refused(WrongStatus, acme, correct(6, void="false"))
    assert len(when(acme, c.MergeInto(tin=ACME, successor=OTHER))) == 1


def test_a_voided_revocation_takes_its_bar_with_it() -> None:
    acme = operator(*authorised, revoked)

    when(acme, correct(6, void="true"))

    assert acme.barred == {}


@pytest.mark.parametrize(
    ("what", "why"),
    [
        ({"status": "VALID"}, "operator.granted has no 'status'"),
        ({"until": "2026-01-01"}, "operator.granted has no 'until'"),
        ({"effective": "soon"}, "what.effective: found 'soon'"),
        ({"void": "perhaps"}, "wanted true or false"),
        ({}, "wanted at least one field"),
    ],
)
def test_a_correction_that_cannot_be_read_is_refused(what: dict[str, str], why: str) -> None:
    assert why in refused(BadValue, operator(*authorised), correct(5, **what))


added = fact(Operator.IdentifierAdded, scheme="EORI", value="DE8934842", effective=date(2025, 2, 3))


@pytest.mark.parametrize(
    ("past", "what", "why"),
    [
        (authorised, {"effective": "9999-12-31"}, WrongDates),
        (authorised, {"decided": "2026-03-11"}, WrongDates),
        (authorised, {"valid_until": "2025-09-15"}, WrongDates),
        (authorised, {"type": "AEO9"}, NotOffered),
        (authorised, {"number": " "}, BadValue),
        ((*authorised, suspended), {"until": "2026-02-02"}, WrongDates),
        ((*authorised, suspended), {"reason": ""}, BadValue),
        ((registered, added), {"value": "no EORI"}, WrongForm),
        ((registered, added), {"value": " DE8934842"}, Refusal),
    ],
)
def test_what_could_not_have_been_said_at_once_is_no_correction(
    past: tuple[Fact, ...], what: dict[str, str], why: type[Refusal]
) -> None:
    refused(why, operator(*past), correct(len(past), **what))


def test_an_identifier_that_was_ended_does_not_stand_on_by_a_correction() -> None:
    ended = fact(
        Operator.IdentifierEnded, scheme="EORI", value="DE8934842", effective=date(2025, 3, 3)
    )
    for what in ({"value": "DE1234567"}, {"effective": "2025-03-04"}, {"void": "true"}):
        acme = operator(registered, added, ended)
        assert "correct its end" in refused(WrongDates, acme, correct(2, **what))
    assert len(when(operator(registered, added, ended), correct(3, void="true"))) == 1


@pytest.mark.parametrize("name", ["", "  ", "A" * 501])
def test_an_operator_is_not_amended_to_no_name(name: str) -> None:
    refused(BadValue, operator(registered), c.AmendParticulars(tin=ACME, name_=name))


def test_a_correction_says_why() -> None:
    refused(BadValue, operator(*authorised), correct(5, why=" ", number="DEAEOF7"))


@pytest.mark.parametrize("version", [1, 99])
def test_only_a_later_event_of_the_operator_can_be_corrected(version: int) -> None:
    refused(UnknownPosition, operator(*authorised), correct(version, void="true"))


def test_a_correction_is_not_corrected_but_what_it_corrects_is() -> None:
    acme = operator(*authorised)
    when(acme, correct(5, number="DEAEOF7"))

    assert "correct 5, which it corrects" in refused(UnknownPosition, acme, correct(6, void="true"))


def test_what_others_rest_on_is_not_taken_away() -> None:
    assert "rest on it" in refused(WrongStatus, operator(*applicant), correct(2, void="true"))
    suspension = operator(*authorised, suspended)
    assert "rest on its grant" in refused(WrongStatus, suspension, correct(5, void="true"))


def test_a_corrected_day_must_keep_the_order_of_what_follows() -> None:
    acme = operator(*authorised, suspended)

    said = refused(WrongDates, acme, correct(5, effective="2026-02-20"))

    assert "SUSPENDED by what was recorded last, and would be VALID by the dates" in said


def test_a_correction_does_not_bring_a_withdrawn_consent_back() -> None:
    acme = operator(
        registered,
        fact(Operator.ConsentGiven, partner=KR, effective=date(2026, 2, 2)),
        fact(Operator.ConsentWithdrawn, partner=KR, effective=date(2026, 3, 2)),
    )

    said = refused(WrongDates, acme, correct(3, effective="2026-02-01"))

    assert "withdrawn before it was given" in said


def test_a_correction_does_not_make_a_second_valid_authorisation() -> None:
    again = [
        fact(f.type, **f.fields | {"authorisation": "EU-AEO/2", "effective": date(2026, 2, 3)})
        for f in (lodged, accepted)
    ]
    second = fact(
        Operator.Granted,
        authorisation="EU-AEO/2",
        number="DEAEOF2",
        type="AEOF",
        effective=date(2026, 2, 9),
    )
    gone = fact(Operator.Surrendered, authorisation=REF, effective=date(2026, 2, 2))
    acme = operator(*authorised, gone, *again, second)

    assert "no second authorisation" in refused(AlreadyHeld, acme, correct(6, void="true"))


def test_a_voided_application_keeps_its_reference() -> None:
    acme = operator(registered, lodged)
    when(acme, correct(2, void="true"))

    [again] = when(acme, c.LodgeApplication(tin=ACME, programme="EU-AEO", type="AEOF"))

    assert again.fields["authorisation"] == "EU-AEO/2"


def test_what_has_ended_can_still_be_corrected_and_merged() -> None:
    acme = operator(*authorised, revoked)

    assert len(when(acme, correct(6, reason="repeated fraud"))) == 1
    assert len(when(acme, c.MergeInto(tin=ACME, successor=OTHER))) == 1
