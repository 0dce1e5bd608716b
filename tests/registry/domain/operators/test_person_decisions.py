"""Whom an operator names to its customs: a pseudonym that comes, ends, and leads to nobody."""

from __future__ import annotations

from datetime import date
from uuid import UUID

from registry.domain import commands as c
from registry.domain.errors import (
    BadValue,
    GroundNeeded,
    Superseded,
    UnknownPerson,
    UnknownPosition,
    WrongDates,
    WrongStatus,
)
from registry.domain.operators.events import Operator
from registry.domain.operators.person_decisions import Contact, contacts
from registry.domain.values import ContactRole
from tests.law import TODAY, UCC
from tests.samples import ACME, back, merged, operator, registered
from tests.scenario import Fact, fact, refused, when

SHE = UUID("5f0c1c9e-0c53-4f6d-9a5f-6d1f3c1c9e0c")
ROLE = ContactRole.CUSTOMS_CONTACT
SEAL = "ab" * 32
ASKED = "GDPR Art. 17(1)(a)"
FEBRUARY = date(2026, 2, 2)

NAME = c.NameContact(tin=ACME, person=SHE, role=ROLE, commitment=SEAL)
END = c.EndContact(tin=ACME, person=SHE)
ERASE = c.ErasePerson(tin=ACME, person=SHE, ground=ASKED)

named = fact(Operator.ContactNamed, person=SHE, role=ROLE, commitment=SEAL, effective=FEBRUARY)
ended = fact(Operator.ContactEnded, person=SHE, effective=date(2026, 3, 2))
erased = fact(Operator.PersonErased, person=SHE, ground=ASKED, effective=date(2026, 3, 3))


def who(*past: Fact) -> Contact:
    return contacts(operator(registered, *past).history)[SHE]


def test_a_contact_is_named_once_however_often_it_is_said() -> None:
    acme = operator()

    assert when(acme, NAME) == [
        fact(Operator.ContactNamed, person=SHE, role=ROLE, commitment=SEAL, effective=TODAY)
    ]
    assert when(acme, NAME) == []


def test_a_pseudonym_is_not_used_a_second_time() -> None:
    other = c.NameContact(tin=ACME, person=SHE, role=ContactRole.IN_CHARGE, commitment=SEAL)

    assert "was named before" in refused(WrongStatus, operator(registered, named), other)
    assert refused(WrongStatus, operator(registered, named, ended), NAME)
    assert refused(WrongStatus, operator(registered, named, erased), NAME)


def test_a_name_is_no_commitment_and_is_not_repeated() -> None:
    slip = c.NameContact(tin=ACME, person=SHE, role=ROLE, commitment="Zhang Wei")

    assert "Zhang" not in refused(BadValue, operator(), slip)


def test_a_contact_that_reaches_back_needs_its_ground() -> None:
    said = {"tin": ACME, "person": SHE, "role": ROLE, "commitment": SEAL}

    refused(GroundNeeded, operator(), c.NameContact(**said, effective=FEBRUARY))
    [contact] = when(operator(), c.NameContact(**said, **back("2026-02-02")))
    assert contact.fields["effective"] == FEBRUARY


def test_a_contact_ends_once_and_never_before_it_began() -> None:
    early = c.EndContact(tin=ACME, person=SHE, **back("2026-02-01"))

    assert refused(WrongDates, operator(registered, named), early)
    acme = operator(registered, named)
    assert when(acme, END) == [fact(Operator.ContactEnded, person=SHE, effective=TODAY)]
    assert when(acme, END) == []
    refused(UnknownPerson, operator(), END)


def test_whoever_was_named_is_erased_once_whether_or_not_they_are_still_a_contact() -> None:
    erasure = fact(Operator.PersonErased, person=SHE, ground=ASKED, effective=TODAY)

    for past in ((named,), (named, ended), (named, merged)):
        acme = operator(registered, *past)
        assert when(acme, ERASE) == [erasure]
        assert when(acme, ERASE) == []


def test_whom_nobody_named_cannot_be_erased() -> None:
    refused(UnknownPerson, operator(), ERASE)


def test_an_erasure_counts_from_the_day_on_which_it_is_done_and_says_why() -> None:
    acme = operator(registered, named)
    said = {"tin": ACME, "person": SHE}

    refused(WrongDates, acme, c.ErasePerson(**said, ground=ASKED, **back("2026-03-01")))
    refused(BadValue, acme, c.ErasePerson(**said, ground=" "))


def test_an_operator_that_was_merged_names_nobody_any_more() -> None:
    refused(Superseded, operator(registered, merged), NAME)


def test_an_erasure_is_not_corrected_away() -> None:
    acme = operator(registered, named, erased)
    undo = c.CorrectRecord(tin=ACME, position=3, what={"void": "true"}, why="a slip")

    assert "stays gone" in refused(UnknownPosition, acme, undo)


def test_a_naming_that_was_voided_names_nobody_and_its_person_can_be_erased() -> None:
    acme = operator(registered, named)
    void = c.CorrectRecord(
        tin=ACME, position=2, what={"void": "true"}, why="another firm's", legal_ground=UCC
    )
    when(acme, void)

    assert contacts(acme.history) == {}
    assert len(when(acme, ERASE)) == 1


def test_what_the_events_say_of_a_person() -> None:
    assert who(named) == Contact(SHE, ROLE, SEAL, FEBRUARY)
    assert who(named, ended).until == date(2026, 3, 2)
    gone = who(named, erased)
    assert (gone.until, gone.erased) == (date(2026, 3, 3), date(2026, 3, 3))
    assert who(named, ended, erased).until == date(2026, 3, 2)
