"""What stands is found to have begun earlier: recorded, and on both clocks the days are other.

The first cases of issue 10: a suspension, revocation, consent and termination of an earlier day
were answered as recorded, and were dropped.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import pytest

from registry.domain import commands as c
from registry.domain.bitemporal import TimedEvent
from registry.domain.decisions import start_of_day
from registry.domain.errors import AlreadyRecorded, GroundNeeded, WrongDates
from registry.domain.operators.events import Operator
from registry.domain.operators.timeline import build_timeline
from registry.domain.values import Role, Status
from tests.law import KR, UCC
from tests.samples import ACME, registered
from tests.scenario import believed, decide, noon, refused, stream

GRANTED: tuple[tuple[date, c.Command], ...] = (
    (date(2025, 6, 2), c.LodgeApplication(tin=ACME, programme="EU-AEO", type="AEOF")),
    (date(2025, 6, 16), c.AcceptApplication(tin=ACME)),
    (date(2025, 9, 10), c.GrantAuthorisation(tin=ACME, number="DEAEOF1")),
)
MAY, APRIL = date(2026, 5, 1), date(2026, 4, 1)
FIRST, SECOND = date(2026, 5, 4), date(2026, 5, 20)  # when each was recorded
BEFORE, AFTER = noon(date(2026, 5, 10)), noon(date(2026, 5, 21))
BETWEEN = start_of_day(date(2026, 4, 15), "Europe/Berlin")


def back(day: date, **said: Any) -> dict[str, Any]:
    return {"tin": ACME, "effective": day, "legal_ground": UCC, **said}


def past(*words: tuple[date, c.Command]) -> list[TimedEvent[Any]]:
    return stream(Operator, registered, *GRANTED, *words)


def standing(events: list[TimedEvent[Any]], at: datetime, known: datetime) -> list[Any]:
    found = believed(build_timeline(events).periods, known)
    return [p for p in found if p.valid_from <= at and (p.valid_to is None or at < p.valid_to)]


EARLIER: list[tuple[str, type[c.Command], dict[str, Any], str, str]] = [
    ("suspension", c.SuspendAuthorisation, {"reason": "audit"}, "VALID", "SUSPENDED"),
    (
        "suspension of a part",
        c.SuspendAuthorisation,
        {"reason": "audit", "part": "S"},
        "VALID",
        "SUSPENDED",
    ),
    (
        "suspension with an end",
        c.SuspendAuthorisation,
        {"reason": "audit", "until": date(2026, 12, 1)},
        "VALID",
        "SUSPENDED",
    ),
    ("revocation", c.RevokeAuthorisation, {"reason": "fraud"}, "VALID", "REVOKED"),
    ("surrender", c.SurrenderAuthorisation, {}, "VALID", "SURRENDERED"),
]


@pytest.mark.parametrize(
    ("kind", "said", "was", "then"),
    [item[1:] for item in EARLIER],
    ids=[item[0] for item in EARLIER],
)
def test_of_an_earlier_day_it_is_recorded_and_changes_the_days_between(
    kind: type[c.Command], said: dict[str, Any], was: str, then: str
) -> None:
    events = past((FIRST, kind(**back(MAY, **said))), (SECOND, kind(**back(APRIL, **said))))

    assert len(events) == len(past()) + 2
    assert [p.abroad for p in standing(events, BETWEEN, BEFORE)] == [Status(was)]
    assert [p.abroad for p in standing(events, BETWEEN, AFTER)] == [Status(then)]
    later = start_of_day(date(2026, 5, 5), "Europe/Berlin")
    for known in (BEFORE, AFTER):
        assert [p.abroad for p in standing(events, later, known)] == [Status(then)]


@pytest.mark.parametrize("kind", [item[1] for item in EARLIER])
def test_an_earlier_day_needs_its_legal_ground(kind: type[c.Command]) -> None:
    said = {} if kind is c.SurrenderAuthorisation else {"reason": "audit"}
    acme = folded(past((FIRST, kind(**back(MAY, **said)))))

    refused(GroundNeeded, acme, kind(**back(APRIL, **said) | {"legal_ground": None}), SECOND)


def test_a_type_and_roles_are_found_to_have_been_so_earlier() -> None:
    events = past(
        (FIRST, c.ChangeType(**back(MAY, type="AEOS"))),
        (FIRST, c.AmendRoles(**back(MAY, roles=(Role.CARRIER,)))),
        (SECOND, c.ChangeType(**back(APRIL, type="AEOS"))),
        (SECOND, c.AmendRoles(**back(APRIL, roles=(Role.CARRIER,)))),
    )

    [was], [then] = standing(events, BETWEEN, BEFORE), standing(events, BETWEEN, AFTER)
    assert (was.type, then.type) == ("AEOF", "AEOS")
    assert (was.roles, then.roles) == ((Role.EXPORTER,), (Role.CARRIER,))


def test_consent_and_its_withdrawal_are_found_to_be_earlier() -> None:
    given = past(
        (FIRST, c.GiveConsent(**back(MAY, partner=KR))),
        (SECOND, c.GiveConsent(**back(APRIL, partner=KR))),
    )
    [was], [then] = (believed(build_timeline(given).consents, known) for known in (BEFORE, AFTER))
    assert (was.valid_from, then.valid_from) == (
        start_of_day(MAY, "Europe/Berlin"),
        start_of_day(APRIL, "Europe/Berlin"),
    )

    taken = past(
        (date(2026, 3, 2), c.GiveConsent(tin=ACME, partner=KR)),
        (FIRST, c.WithdrawConsent(**back(MAY, partner=KR))),
        (SECOND, c.WithdrawConsent(**back(APRIL, partner=KR))),
    )
    [was], [then] = (believed(build_timeline(taken).consents, known) for known in (BEFORE, AFTER))
    assert (was.valid_to, then.valid_to) == (
        start_of_day(MAY, "Europe/Berlin"),
        start_of_day(APRIL, "Europe/Berlin"),
    )


def test_a_consent_is_not_found_to_be_earlier_than_a_withdrawal_that_was_between() -> None:
    acme = folded(
        past(
            (date(2026, 3, 2), c.GiveConsent(tin=ACME, partner=KR)),
            (date(2026, 4, 20), c.WithdrawConsent(tin=ACME, partner=KR)),
            (FIRST, c.GiveConsent(**back(MAY, partner=KR))),
        )
    )

    refused(WrongDates, acme, c.GiveConsent(**back(APRIL, partner=KR)), SECOND)


def test_a_revocation_is_followed_by_a_longer_bar_and_by_no_shorter_one() -> None:
    revoke = back(MAY, reason="fraud")
    acme = folded(past((FIRST, c.RevokeAuthorisation(**revoke))))
    assert acme.barred["EU-AEO"] > date(2029, 4, 1)

    longer = c.RevokeAuthorisation(**revoke, barred_until=date(2031, 1, 1))
    decide(acme, longer, SECOND)
    assert acme.barred == {"EU-AEO": date(2031, 1, 1)}
    acme.collect_events()

    shorter = c.RevokeAuthorisation(**revoke, barred_until=date(2030, 1, 1))
    assert "barredUntil: found 2030-01-01" in refused(AlreadyRecorded, acme, shorter, SECOND)
    # From an earlier day, the bar that was said stays.
    decide(acme, c.RevokeAuthorisation(**back(APRIL, reason="fraud")), SECOND)
    [earlier] = acme.collect_events()
    assert isinstance(earlier, Operator.Revoked)
    assert (earlier.effective, earlier.barred_until) == (APRIL, date(2031, 1, 1))


def test_an_earlier_beginning_says_the_end_that_stands() -> None:
    suspend = back(MAY, reason="audit", until=date(2026, 12, 1))
    acme = folded(past((FIRST, c.SuspendAuthorisation(**suspend))))

    for until in (None, date(2026, 11, 1), date(2027, 1, 1)):
        other = c.SuspendAuthorisation(**suspend | {"effective": APRIL, "until": until})
        assert "until: found" in refused(AlreadyRecorded, acme, other, SECOND)


def folded(events: list[TimedEvent[Any]]) -> Any:
    """The operator after these events."""
    acme: Any = None
    for event in events:
        acme = event.event.mutate(acme)
    return acme
