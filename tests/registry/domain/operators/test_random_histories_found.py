"""What begins while a merger lies ahead ends on the day of the merger, and until then it stands;
and other commands that came to nothing, or to a fault, in random histories."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from msgspec.structs import replace

from registry.domain import commands as c
from registry.domain.decisions import start_of_day
from registry.domain.errors import AlreadyHeld, WrongDates, WrongStatus
from registry.domain.operators.events import Operator
from registry.domain.operators.status_periods import Period
from registry.domain.operators.timeline import build_timeline
from registry.domain.values import Status
from tests.law import PROGRAMMES, TODAY, programme
from tests.samples import ACME, OTHER, authorised, operator, registered, suspended
from tests.scenario import believed, noon, refused, stream, when

MERGER = date(2026, 9, 1)
MERGE = c.MergeInto(tin=ACME, successor=OTHER, effective=MERGER)
LODGE = c.LodgeApplication(tin=ACME, programme="EU-AEO", type="AEOC")
ACCEPT = c.AcceptApplication(tin=ACME)
GRANT = c.GrantAuthorisation(tin=ACME, number="DEAEOC9", effective=date(2026, 4, 1))
LISTED = c.ListOperator(tin=ACME, programme="EU-AEO", type="AEOC", list_="eu", read_on=TODAY)

#: In which order the merger and what begins are recorded.
ORDERS: dict[str, tuple[c.Command, ...]] = {
    "lodged before, granted after": (LODGE, ACCEPT, MERGE, GRANT),
    "lodged and granted after": (MERGE, LODGE, ACCEPT, GRANT),
    "all before": (LODGE, ACCEPT, GRANT, MERGE),
    "listed after": (MERGE, LISTED),
    "listed before": (LISTED, MERGE),
}


@pytest.mark.parametrize("order", ORDERS)
def test_whenever_it_began_it_is_superseded_from_the_day_of_the_merger(order: str) -> None:
    commands = ORDERS[order]
    told = build_timeline(
        stream(
            Operator,
            registered,
            *((TODAY + timedelta(n), command) for n, command in enumerate(commands)),
        )
    )
    periods = believed(told.periods, noon(date(2026, 12, 1)))
    assert _on(periods, MERGER - timedelta(1)) is Status.VALID
    assert _on(periods, MERGER) is Status.SUPERSEDED


@pytest.mark.parametrize("order", ORDERS)
def test_its_record_can_still_be_corrected(order: str) -> None:
    acme = operator(registered)
    for command in ORDERS[order]:
        assert len(when(acme, command)) == 1
    amended = c.AmendParticulars(tin=ACME, name_="Acme AG", effective=TODAY)
    assert len(when(acme, amended)) == 1
    position = acme.version
    right = c.CorrectRecord(
        tin=ACME,
        position=position,
        what={"effective": "2026-03-01"},
        why="a slip",
        legal_ground="UCC",
    )
    assert len(when(acme, right)) == 1


# ------------------------------------------------- corrections that would change nothing


def test_an_annulment_has_no_day_of_its_own_that_could_be_corrected() -> None:
    acme = operator(*authorised)
    when(acme, c.AnnulAuthorisation(tin=ACME, reason="fraud", legal_ground="UCC"))
    later = c.CorrectRecord(
        tin=ACME, position=acme.version, what={"effective": "2026-03-01"}, why="a slip"
    )
    said = refused(WrongDates, acme, later)
    assert "an annulment counts from the day of effect of the grant" in said


def test_what_was_never_voided_is_not_brought_back() -> None:
    acme = operator(*authorised, suspended)
    back = c.CorrectRecord(tin=ACME, position=6, what={"void": "false"}, why="a slip")
    assert "6 was never voided" in refused(WrongStatus, acme, back)
    when(acme, c.CorrectRecord(tin=ACME, position=6, what={"void": "true"}, why="a slip"))
    assert len(when(acme, back)) == 1


def test_the_same_release_is_recorded_once_though_a_decision_is_awaited_since(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its term is over, and its programme's rule wants a decision of the end of a term."""
    deciding = programme(
        "EU-AEO",
        ("AEOC", "AEOS", "AEOF"),
        ("validity_end", "by decision", None, "2008-01-01", None, "UCC"),
        none=("bar_years", "suspension_days", "review_years"),
    )
    monkeypatch.setitem(PROGRAMMES, "EU-AEO", deciding)
    acme = operator(registered)
    for day, command in (
        (date(2025, 1, 1), LODGE),
        (date(2025, 1, 2), ACCEPT),
        (
            date(2025, 1, 3),
            c.GrantAuthorisation(
                tin=ACME,
                number="DEAEOC9",
                effective=date(2025, 1, 3),
                legal_ground="UCC",
                valid_until=date(2026, 1, 31),
            ),
        ),
        (date(2026, 1, 1), c.SuspendAuthorisation(tin=ACME, reason="audit")),
    ):
        assert len(when(acme, command, today=day)) == 1
    lift = c.LiftSuspension(tin=ACME)
    assert len(when(acme, lift, today=TODAY)) == 1
    assert when(acme, lift, today=TODAY) == []


def test_a_number_known_from_a_list_is_not_granted_beside_it() -> None:
    acme = operator(registered)
    for command in (replace(LISTED, number="DEAEOC9"), LODGE, ACCEPT):
        assert len(when(acme, command)) == 1
    said = refused(AlreadyHeld, acme, GRANT)
    assert "holds DEAEOC9 (AEOC), which is VALID and known from list eu" in said


def _on(periods: list[Period], day: date) -> Status:
    at = start_of_day(day, "Europe/Berlin")
    [found] = [
        p.status for p in periods if p.valid_from <= at and (p.valid_to is None or at < p.valid_to)
    ]
    return found
