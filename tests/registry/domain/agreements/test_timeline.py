"""Whom an agreement links, in which direction, from which instant: its events read as law."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from registry.domain import commands as c
from registry.domain.agreements.events import Clause
from registry.domain.agreements.links import LinkState
from registry.domain.agreements.timeline import AgreementTimeline
from registry.domain.decisions import start_of_day
from registry.domain.values import AgreementKind, AgreementStatus, Direction, HsCode, Step
from tests.arrangements import FIRST, LATER, NOW, at, day, implemented, of, said, scope, state
from tests.law import AU, CN, RU, SG, TH
from tests.scenario import believed, noon

# ------------------------------------------------------------- each for itself


def test_a_pair_is_linked_from_the_day_on_which_the_recognising_side_implemented() -> None:
    # Acceptance case 8: signed 2017-11, China 2023-12-14, Australia on a day of its own.
    told = of(
        said(c.SignAgreement, "2017-11-01"),
        implemented(CN, "2023-12-14"),
        implemented(AU, "2022-07-01"),
        scope(CN, AU),
        scope(AU, CN),
    )

    assert state(told, CN, AU, "2018-06-01") == "NOT_IMPLEMENTED"
    assert state(told, CN, AU, "2023-01-01") == "LIVE"
    assert state(told, AU, CN, "2023-12-13") == "NOT_IMPLEMENTED"
    assert state(told, AU, CN, "2023-12-14") == "LIVE"


def test_its_day_begins_at_its_own_midnight() -> None:
    told = of(implemented(CN, "2023-12-14"), scope(AU, CN))

    assert state(told, AU, CN, datetime(2023, 12, 13, 15, 59, 59, tzinfo=UTC)) == "NOT_IMPLEMENTED"
    assert state(told, AU, CN, datetime(2023, 12, 13, 16, 0, tzinfo=UTC)) == "LIVE"


def test_of_a_plurilateral_a_pair_begins_with_the_later_of_the_two() -> None:
    # Acceptance case 9: the ASEAN arrangement, Thailand from 2024-08-19.
    told = of(
        implemented(SG, "2023-10-01"),
        implemented(TH, "2024-08-19"),
        implemented(CN, "2023-10-01"),
        scope(SG, TH),
        scope(TH, SG),
        scope(SG, CN),
        parties=(SG, TH, CN),
    )

    assert [state(told, SG, TH, on) for on in ("2024-08-18", "2024-08-19")] == [
        "NOT_IMPLEMENTED",
        "LIVE",
    ]
    assert state(told, TH, SG, "2024-08-18") == "NOT_IMPLEMENTED"
    assert state(told, SG, CN, "2024-01-01") == "LIVE"


# ----------------------------------------------------------------- uncertainty


@pytest.mark.parametrize(
    ("interval", "before", "inside", "after"),
    [
        (("2014-08-01", "2014-08-31"), "2014-07-31", "2014-08-15", "2014-08-31"),
        (("2014-01-01", "2014-12-31"), "2013-12-31", "2014-06-01", "2014-12-31"),
        (("2014-08-01", "2017-06-13"), "2014-07-31", "2015-01-01", "2017-07-01"),
    ],
)
def test_inside_an_interval_nobody_knows(
    interval: tuple[str, str], before: str, inside: str, after: str
) -> None:
    told = of(implemented(AU, *interval), scope(CN, AU))

    assert [state(told, CN, AU, on) for on in (before, inside, after)] == [
        "NOT_IMPLEMENTED",
        "UNCERTAIN",
        "LIVE",
    ]


def test_what_may_never_have_happened_stays_uncertain() -> None:
    told = of(implemented(AU, "2014-08-01", "never"), scope(CN, AU))

    assert state(told, CN, AU, "2200-01-01") == "UNCERTAIN"
    assert at(told, CN, AU, "2200-01-01")[0].valid_to is None


def test_a_clause_has_an_interval_of_its_own() -> None:
    told = of(
        implemented(AU, "2014-08-01"),
        scope(CN, AU, "2014-08-01", "2017-06-13", assumed=True),
    )

    assert state(told, CN, AU, "2014-07-31") is None
    assert state(told, CN, AU, "2015-01-01") == "UNCERTAIN"
    assert state(told, CN, AU, "2017-07-01") == "LIVE"
    assert at(told, CN, AU, "2017-07-01")[0].assumed


def test_conflicting_sources_leave_open_all_that_lies_between_them() -> None:
    told = of(
        implemented(AU, "2020-03-01"),
        said(c.SetDates, "2020-05-01", what=Step.IMPLEMENTED, side=AU, conflicting=True),
        scope(CN, AU),
    )

    assert [state(told, CN, AU, on) for on in ("2020-02-28", "2020-04-01", "2020-05-01")] == [
        "NOT_IMPLEMENTED",
        "UNCERTAIN",
        "LIVE",
    ]
    assert len([d for d in believed(told.dated, NOW) if d.what is Step.IMPLEMENTED]) == 2


def test_a_conflicting_source_told_first_stays_beside_the_step() -> None:
    told = of(
        said(c.SetDates, "2020-05-01", what=Step.IMPLEMENTED, side=AU, conflicting=True),
        implemented(AU, "2020-03-01"),
        scope(CN, AU),
    )

    assert state(told, CN, AU, "2020-04-01") == "UNCERTAIN"
    assert len([d for d in believed(told.dated, NOW) if d.what is Step.IMPLEMENTED]) == 2


def test_a_date_that_is_bettered_was_believed_until_then() -> None:
    told = of(
        implemented(AU, "2020-01-01", "2020-12-31"),
        scope(CN, AU),
        (LATER, said(c.SetDates, "2020-03-01", what=Step.IMPLEMENTED, side=AU)),
    )

    assert state(told, CN, AU, "2020-06-01", known=noon(FIRST)) == "UNCERTAIN"
    assert state(told, CN, AU, "2020-06-01") == "LIVE"


def test_when_it_ended_may_be_as_uncertain_as_when_it_began() -> None:
    told = of(
        implemented(AU, "2020-01-01"),
        scope(CN, AU),
        said(c.TerminateAgreement, "2024-01-01", "2024-12-31"),
    )

    assert [state(told, CN, AU, on) for on in ("2023-12-31", "2024-06-01", "2024-12-31")] == [
        "LIVE",
        "UNCERTAIN",
        "TERMINATED",
    ]


# ------------------------------------------------- suspension and the end


def test_a_side_that_suspends_stops_its_own_direction_and_no_other() -> None:
    told = of(
        implemented(CN, "2020-01-01"),
        implemented(AU, "2020-01-01"),
        scope(CN, AU),
        scope(AU, CN),
        said(c.SuspendAgreement, "2021-01-01", side=AU),
        said(c.ResumeAgreement, "2021-03-01", side=AU),
    )

    months = ("2020-12-31", "2021-02-01", "2021-03-01")
    assert [state(told, CN, AU, on) for on in months] == ["LIVE", "SUSPENDED", "LIVE"]
    assert [state(told, AU, CN, on) for on in months] == ["LIVE", "LIVE", "LIVE"]


def test_a_suspension_is_found_to_have_begun_earlier_and_ends_once() -> None:
    told = of(
        implemented(AU, "2020-01-01"),
        scope(CN, AU),
        said(c.SuspendAgreement, "2021-02-01", side=AU),
        said(c.SuspendAgreement, "2021-01-01", side=AU),
        said(c.ResumeAgreement, "2021-03-01", side=AU),
    )

    days = ("2020-12-31", "2021-01-15", "2021-02-15", "2021-03-01")
    assert [state(told, CN, AU, on) for on in days] == ["LIVE", "SUSPENDED", "SUSPENDED", "LIVE"]


def test_a_suspension_somewhere_in_a_month_is_uncertain_for_that_month() -> None:
    told = of(
        implemented(AU, "2020-01-01"),
        scope(CN, AU),
        said(c.SuspendAgreement, "2021-01-01", "2021-02-01", side=AU),
    )

    assert [state(told, CN, AU, on) for on in ("2021-01-15", "2021-02-01")] == [
        "UNCERTAIN",
        "SUSPENDED",
    ]


def test_after_its_end_an_agreement_links_nobody_and_says_why() -> None:
    told = of(
        implemented(AU, "2020-01-01"), scope(CN, AU), said(c.TerminateAgreement, "2024-01-01")
    )

    assert [state(told, CN, AU, on) for on in ("2023-12-31", "2024-01-01")] == [
        "LIVE",
        "TERMINATED",
    ]


# ---------------------------------------------------------------------- members


def test_who_accedes_is_linked_from_then_and_who_withdraws_until_then() -> None:
    told = of(
        *(implemented(side, "2020-01-01") for side in (SG, CN, AU)),
        scope(SG, CN),
        scope(AU, SG),
        said(c.AccedeToAgreement, "2022-01-01", member=TH),
        implemented(TH, "2022-01-01"),
        scope(SG, TH),
        scope(TH, AU),
        said(c.WithdrawFromAgreement, "2023-01-01", member=AU),
        parties=(SG, CN, AU),
    )

    assert [state(told, SG, TH, on) for on in ("2021-12-31", "2022-01-01")] == [None, "LIVE"]
    assert [state(told, AU, SG, on) for on in ("2022-12-31", "2023-01-01")] == ["LIVE", None]
    members = {m.party: (m.valid_from.year, m.valid_to) for m in believed(told.parties, NOW)}
    assert members[TH] == (2021, None)  # Bangkok's new year is still 2021 in Greenwich
    assert members[AU][1] == start_of_day(day("2023-01-01"), "Australia/Sydney")


def test_a_member_that_joined_some_time_in_a_year_is_uncertain_for_that_year() -> None:
    told = of(
        implemented(SG, "2020-01-01"),
        implemented(CN, "2020-01-01"),
        said(c.AccedeToAgreement, "2022-01-01", "2022-12-31", member=TH),
        implemented(TH, "2020-01-01"),
        scope(SG, TH),
        parties=(SG, CN),
    )

    assert [state(told, SG, TH, on) for on in ("2022-06-01", "2022-12-31")] == ["UNCERTAIN", "LIVE"]


# ------------------------------------------------------------------------ scope


def test_parties_without_a_clause_are_linked_and_nothing_is_inside() -> None:
    told = of(implemented(AU, "2020-01-01"))

    [link] = at(told, CN, AU, "2020-01-01")
    assert (link.ordinal, link.clause) == (0, Clause(CN, AU, ()))


def test_only_recognition_of_operators_links_without_a_clause() -> None:
    told = of(implemented(AU, "2020-01-01"), kind=AgreementKind.MUTUAL_ASSISTANCE)

    assert believed(told.links, NOW) == []


def test_a_clause_is_replaced_from_the_day_of_the_next_one_of_its_place() -> None:
    told = of(
        implemented(AU, "2020-01-01"),
        scope(CN, AU, "2020-01-01", types=("AEO",)),
        scope(CN, AU, "2022-01-01", types=("AEO", "STP")),
    )

    found = [at(told, CN, AU, on)[0].clause.types for on in ("2021-12-31", "2022-01-01")]
    assert found == [("AEO",), ("AEO", "STP")]


def test_clauses_hold_in_the_order_of_law_whatever_the_order_of_recording() -> None:
    told = of(
        implemented(AU, "2015-01-01"),
        scope(CN, AU, "2020-01-01", types=("NEW",)),
        (LATER, scope(CN, AU, "2015-01-01", types=("OLD",))),
    )

    assert state(told, CN, AU, "2019-12-31", known=noon(FIRST)) is None
    found = [at(told, CN, AU, on)[0].clause.types for on in ("2019-12-31", "2020-01-01")]
    assert found == [("OLD",), ("NEW",)]


def test_a_clause_said_again_for_the_same_day_takes_the_place_of_the_first() -> None:
    told = of(
        implemented(AU, "2020-01-01"),
        scope(CN, AU, "2020-01-01", types=("AEO",)),
        (LATER, scope(CN, AU, "2020-01-01", types=("STP",))),
    )

    assert at(told, CN, AU, "2020-06-01", known=noon(FIRST))[0].clause.types == ("AEO",)
    [now] = at(told, CN, AU, "2020-06-01")
    assert (now.clause.types, now.ordinal) == (("STP",), 1)


def test_while_nobody_knows_which_of_two_clauses_holds_neither_is_certain() -> None:
    told = of(
        implemented(AU, "2020-01-01"),
        scope(CN, AU, "2020-01-01", types=("AEO",)),
        scope(CN, AU, "2022-01-01", "2022-12-31", types=("STP",)),
    )

    assert [link.state for link in at(told, CN, AU, "2022-06-01")] == [LinkState.UNCERTAIN] * 2


def test_a_clause_may_say_itself_until_when_it_holds() -> None:
    told = of(implemented(AU, "2020-01-01"), scope(CN, AU, "2020-01-01", until=day("2021-01-01")))

    assert [state(told, CN, AU, on) for on in ("2020-12-31", "2021-01-01")] == ["LIVE", None]


def test_clauses_of_different_goods_or_directions_stand_beside_each_other() -> None:
    told = of(
        implemented(RU, "2014-08-01"),
        scope(CN, RU, hs=(HsCode("07"),)),
        scope(CN, RU, hs=(HsCode("08"),)),
        scope(CN, RU, direction=Direction.EXPORT),
        parties=(CN, RU),
        kind=AgreementKind.CONTROL_RESULTS,
    )

    assert [link.ordinal for link in at(told, CN, RU, "2015-01-01")] == [1, 2, 3]


# ------------------------------------------------------------- stages and sides


def stage(told: AgreementTimeline, on: str) -> AgreementStatus:
    instant = start_of_day(day(on), "UTC")
    [found] = [
        s.status
        for s in believed(told.stages, NOW)
        if s.valid_from <= instant and (s.valid_to is None or instant < s.valid_to)
    ]
    return found


def test_an_agreement_is_as_far_as_it_has_certainly_come() -> None:
    told = of(
        said(c.OpenNegotiation, "2015-01-01"),
        said(c.SignActionPlan, "2015-06-01"),
        said(c.SignAgreement, "2017-11-01", "2017-11-30"),
        said(c.StartPilot, "2020-01-01"),
        implemented(AU, "2022-07-02"),
        said(c.TerminateAgreement, "2025-01-01"),
    )

    days = "2014-01-01 2015-01-01 2015-06-01 2017-11-15 2017-11-30 2020-01-01 2022-07-02 2025-01-01"
    assert [stage(told, on).value for on in days.split()] == [
        "PROPOSED",
        "NEGOTIATING",
        "ACTION_PLAN",
        "ACTION_PLAN",
        "SIGNED",
        "PILOT",
        "IN_FORCE",
        "TERMINATED",
    ]


def test_an_agreement_is_suspended_when_every_side_is() -> None:
    told = of(
        implemented(CN, "2020-01-01"),
        implemented(AU, "2020-01-01"),
        said(c.SuspendAgreement, "2021-01-02", side=AU),
        said(c.SuspendAgreement, "2022-01-02", side=CN),
    )

    assert [stage(told, on).value for on in ("2021-06-01", "2022-06-01")] == [
        "IN_FORCE",
        "SUSPENDED",
    ]


def test_a_side_shows_the_day_it_implemented_only_where_that_is_certain() -> None:
    told = of(
        implemented(CN, "2023-12-14"),
        implemented(AU, "2017-11-01", "2026-11-21", assumed=True),
        said(c.SuspendAgreement, "2024-06-01", side=CN),
    )

    sides = believed(told.sides, NOW)
    assert {s.party: s.implemented_from for s in sides} == {CN: day("2023-12-14"), AU: None}
    assert [s.suspended for s in sides if s.party == CN] == [False, True]


def test_a_listing_or_a_meeting_is_noted_and_starts_nothing() -> None:
    told = of(
        said(c.NoteOnAgreement, "2023-06-02", what=Step.LISTED, text="listed by China"),
        scope(CN, AU),
    )

    assert state(told, CN, AU, "2024-01-01") == "NOT_IMPLEMENTED"
    assert [d.note for d in believed(told.dated, NOW)] == ["listed by China"]
