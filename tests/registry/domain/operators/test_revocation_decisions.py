"""How an authorisation is revoked, annulled or surrendered, and what that bars."""

from __future__ import annotations

from datetime import date

from registry.domain import commands as c
from registry.domain.errors import (
    AlreadyHeld,
    Barred,
    GroundNeeded,
    WrongDates,
)
from registry.domain.operators.events import Operator
from tests.law import TODAY, UCC
from tests.registry.domain.operators.test_authorisation_decisions import HANA
from tests.samples import (
    ACME,
    authorised,
    back,
    korean,
    operator,
    registered,
    revoked,
    suspended,
)
from tests.scenario import fact, refused, when


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
