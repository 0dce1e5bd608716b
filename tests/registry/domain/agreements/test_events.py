"""What may happen to an agreement: steps, each side's own dates, scope."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from registry.domain import commands as c
from registry.domain.agreements.events import Agreement, Clause, Party
from registry.domain.errors import (
    BadValue,
    GroundNeeded,
    NotAParty,
    Refusal,
    WrongDates,
    WrongStatus,
)
from registry.domain.values import NEVER, AgreementKind, Dates, Direction, HsCode, Step
from tests.law import AU, CN, JP, SG, TH, TODAY, ZONES
from tests.scenario import Fact, fact, given, refused, when

ID = "CN-SG-AEO"
A_DAY = date(2012, 6, 1)


def proposed(*parties: Any, kind: AgreementKind = AgreementKind.AEO_MUTUAL_RECOGNITION) -> Fact:
    return fact(
        Agreement.Proposed,
        agreement=ID,
        kind=kind,
        title="China and Singapore",
        parties=tuple(Party(p, ZONES[p.text]) for p in parties or (CN, SG)),
        effective=A_DAY,
    )


def agreement(*later: Fact, parties: tuple[Any, ...] = (CN, SG)) -> Agreement:
    each_agreement: Agreement = given(Agreement, proposed(*parties), *later)
    return each_agreement


def dated(kind: type[Any], day: date = TODAY, **said: Any) -> Fact:
    return fact(kind, effective=day, dates=Dates.on(day), **said)


# -------------------------------------------------------------------- steps

STEPS: list[tuple[c.Command, Fact]] = [
    (c.OpenNegotiation(agreement=ID), dated(Agreement.NegotiationOpened)),
    (c.SignActionPlan(agreement=ID), dated(Agreement.ActionPlanSigned)),
    (c.SignAgreement(agreement=ID), dated(Agreement.Signed)),
    (c.StartPilot(agreement=ID), dated(Agreement.PilotStarted)),
    (c.ImplementAgreement(agreement=ID, side=SG), dated(Agreement.Implemented, side=SG)),
    (c.SuspendAgreement(agreement=ID, side=SG), dated(Agreement.Suspended, side=SG)),
    (
        c.TerminateAgreement(agreement=ID, notice=date(2026, 1, 5)),
        dated(Agreement.Terminated, notice=date(2026, 1, 5)),
    ),
    (
        c.AccedeToAgreement(agreement=ID, member=TH),
        dated(Agreement.Acceded, party=Party(TH, "Asia/Bangkok")),
    ),
    (
        c.SetDates(agreement=ID, what=Step.SIGNED, conflicting=True),
        dated(Agreement.DatesSet, what=Step.SIGNED, conflicting=True),
    ),
    (
        c.NoteOnAgreement(agreement=ID, what=Step.MEETING, text="in Harbin"),
        dated(Agreement.Noted, what=Step.MEETING, text="in Harbin"),
    ),
    (
        c.SetScope(agreement=ID, from_=CN, to=SG, types=("ACE",)),
        dated(Agreement.ScopeSet, clause=Clause(CN, SG, ("ACE",))),
    ),
]


@pytest.mark.parametrize(("command", "event"), STEPS, ids=lambda value: type(value).__name__)
def test_a_step_is_recorded_once(command: c.Command, event: Fact) -> None:
    new_agreement = agreement()

    assert when(new_agreement, command) == [event]
    assert when(new_agreement, command) == []


@pytest.mark.parametrize(("command", "event"), STEPS, ids=lambda value: type(value).__name__)
def test_of_a_terminated_agreement_only_the_record_can_be_bettered(
    command: c.Command, event: Fact
) -> None:
    new_agreement = agreement(dated(Agreement.Terminated, date(2026, 1, 1)))

    if isinstance(command, (c.SetDates, c.NoteOnAgreement)):
        assert when(new_agreement, command) == [event]
    elif isinstance(command, c.TerminateAgreement):
        assert "SetDates betters" in refused(WrongStatus, new_agreement, command)
    else:
        assert "only its record" in refused(WrongStatus, new_agreement, command)


def test_what_was_said_first_stands_again_when_it_is_said_last() -> None:
    new_agreement, first, other = agreement(), date(2020, 1, 1), date(2021, 1, 1)
    set_dates = [
        c.SetDates(agreement=ID, what=Step.SIGNED, effective=day, source="x")
        for day in (first, other, first, first)
    ]
    scope = [
        c.SetScope(agreement=ID, from_=CN, to=SG, types=types)
        for types in (("ACE",), ("CE",), ("ACE",), ("ACE",))
    ]

    for commands in (set_dates, scope):
        assert [len(when(new_agreement, command)) for command in commands] == [1, 1, 1, 0]


# A step is taken once. The same command again is nothing; anything else of it is refused, and leads
# to the command that betters a date.
ONCE: list[type[c.DatedCommand]] = [
    c.OpenNegotiation,
    c.SignActionPlan,
    c.SignAgreement,
    c.StartPilot,
    c.ImplementAgreement,
    c.TerminateAgreement,
]
OTHERWISE: list[dict[str, Any]] = [
    {"effective": date(2016, 5, 1)},
    {"effective": date(2015, 5, 1)},
    {"earliest": date(2016, 2, 1), "latest": date(2016, 2, 29)},
    {"source": "a newspaper"},
    {"assumed": True},
    {"note": "said again"},
]


@pytest.mark.parametrize("kind", ONCE)
@pytest.mark.parametrize("otherwise", OTHERWISE, ids=str)
def test_a_step_taken_is_bettered_and_not_taken_again(
    kind: type[c.DatedCommand], otherwise: dict[str, Any]
) -> None:
    side = {"side": SG} if kind is c.ImplementAgreement else {}
    said: dict[str, Any] = {"agreement": ID, "effective": date(2016, 2, 1), "source": "x", **side}
    new_agreement = agreement()
    assert len(when(new_agreement, kind(**said))) == 1
    assert when(new_agreement, kind(**said)) == []

    assert "SetDates betters that date" in refused(
        WrongStatus, new_agreement, kind(**said | otherwise)
    )
    assert when(new_agreement, kind(**said)) == []


def test_a_source_that_conflicts_is_kept_once_and_again_where_it_was_replaced() -> None:
    new_agreement = agreement()
    said: dict[str, Any] = {"agreement": ID, "what": Step.SIGNED, "source": "x"}
    one = c.SetDates(**said, conflicting=True, effective=date(2012, 6, 1))
    other = c.SetDates(**said, conflicting=True, effective=date(2012, 7, 1))
    instead = c.SetDates(**said, effective=date(2012, 8, 1))

    assert [len(when(new_agreement, each)) for each in (one, other, one, instead, one)] == [
        1,
        1,
        0,
        1,
        1,
    ]


def test_who_may_never_have_signed_can_sign() -> None:
    doubt = c.SetDates(
        agreement=ID, what=Step.SIGNED, earliest=date(2019, 4, 23), latest=NEVER, source="x"
    )
    new_agreement = agreement()
    when(new_agreement, doubt)

    assert len(when(new_agreement, c.SignAgreement(agreement=ID))) == 1


def test_until_the_day_of_its_end_everything_may_happen_to_an_agreement() -> None:
    new_agreement = agreement(dated(Agreement.Terminated, date(2027, 1, 1)))
    late = {"effective": date(2027, 1, 1)}

    assert len(when(new_agreement, c.SuspendAgreement(agreement=ID, side=SG))) == 1
    refused(WrongStatus, new_agreement, c.ImplementAgreement(agreement=ID, side=CN, **late))
    assert len(when(new_agreement, c.ImplementAgreement(agreement=ID, side=CN))) == 1


# --------------------------------------------------------------------- dates


def test_a_month_is_an_interval() -> None:
    sign = c.SignAgreement(
        agreement=ID, earliest=date(2012, 6, 1), latest=date(2012, 6, 30), assumed=True, source="x"
    )

    [done] = when(agreement(), sign)

    assert done.fields["dates"] == Dates(date(2012, 6, 1), date(2012, 6, 30))
    assert (done.fields["effective"], done.fields["assumed"]) == (date(2012, 6, 1), True)


def test_it_may_not_have_happened_at_all() -> None:
    sign = c.SignAgreement(agreement=ID, earliest=date(2012, 6, 1), latest=NEVER, source="x")

    assert when(agreement(), sign)[0].fields["dates"].latest is NEVER


def test_an_interval_does_not_end_before_it_begins() -> None:
    sign = c.SignAgreement(agreement=ID, earliest=date(2012, 6, 2), latest=date(2012, 6, 1))

    assert "before 2012-06-02, the earliest" in refused(WrongDates, agreement(), sign)


@pytest.mark.parametrize(
    ("earliest", "latest"),
    [(date.min, date(2012, 6, 1)), (date(2012, 6, 1), date(9999, 12, 30))],
)
def test_no_step_lies_beside_the_years_of_the_register(earliest: date, latest: date) -> None:
    sign = c.SignAgreement(agreement=ID, earliest=earliest, latest=latest, source="x")

    assert "1900-01-01 to 2200-01-01" in refused(WrongDates, agreement(), sign)


def test_an_old_fact_on_public_record_needs_its_source_or_its_ground() -> None:
    said = {"agreement": ID, "effective": date(2012, 6, 1)}

    refused(GroundNeeded, agreement(), c.SignAgreement(**said))
    [of_record] = when(agreement(), c.SignAgreement(**said, source="mofcom.gov.cn"))
    # Of an old fact nobody knows when it was decided, and nobody says so.
    assert "decided" not in of_record.fields


def test_each_side_implements_for_itself_and_every_other_step_is_one_of_all_together() -> None:
    for command in (
        c.SetDates(agreement=ID, what=Step.IMPLEMENTED),
        c.SetDates(agreement=ID, what=Step.SIGNED, side=SG),
    ):
        assert "each side implements for itself" in refused(BadValue, agreement(), command)


# ----------------------------------------------------------- sides and members


@pytest.mark.parametrize(
    "command",
    [
        c.ImplementAgreement(agreement=ID, side=JP),
        c.SuspendAgreement(agreement=ID, side=JP),
        c.ResumeAgreement(agreement=ID, side=JP),
        c.WithdrawFromAgreement(agreement=ID, member=JP),
        c.SetDates(agreement=ID, what=Step.IMPLEMENTED, side=JP),
        c.SetScope(agreement=ID, from_=CN, to=JP, types=("AEO",)),
        c.SetScope(agreement=ID, from_=JP, to=CN, types=("AEO",)),
    ],
)
def test_nobody_acts_in_an_agreement_of_others(command: c.Command) -> None:
    assert f"JP is not a party of {ID} (CN, SG)" in refused(NotAParty, agreement(), command)


def test_a_side_resumes_what_it_suspended_and_not_from_an_earlier_day() -> None:
    new_agreement = agreement()
    resume = c.ResumeAgreement(agreement=ID, side=SG)
    assert "nothing to resume" in refused(WrongStatus, new_agreement, resume)

    when(new_agreement, c.SuspendAgreement(agreement=ID, side=SG))
    early = c.ResumeAgreement(agreement=ID, side=SG, effective=date(2026, 3, 1), source="x")
    assert "counts from 2026-03-10" in refused(WrongDates, new_agreement, early)
    assert when(new_agreement, resume) == [dated(Agreement.Resumed, side=SG)]
    assert len(when(new_agreement, c.SuspendAgreement(agreement=ID, side=SG))) == 1


def test_a_member_that_withdrew_is_a_party_no_longer_and_may_come_back() -> None:
    new_agreement = agreement(parties=(SG, TH, AU))
    leave = c.WithdrawFromAgreement(agreement=ID, member=AU)

    assert when(new_agreement, leave) == [dated(Agreement.Withdrew, member=AU)]
    assert when(new_agreement, leave) == []
    other = c.WithdrawFromAgreement(agreement=ID, member=AU, note="said otherwise")
    refused(NotAParty, new_agreement, other)
    assert len(when(new_agreement, c.AccedeToAgreement(agreement=ID, member=AU))) == 1


def test_nobody_comes_back_before_it_withdrew() -> None:
    new_agreement = agreement(
        dated(Agreement.Withdrew, date(2026, 2, 1), member=AU), parties=(SG, TH, AU)
    )
    again = c.AccedeToAgreement(agreement=ID, member=AU, effective=date(2026, 1, 1), source="x")

    assert "counts from 2026-02-01" in refused(WrongDates, new_agreement, again)


def test_nobody_withdraws_before_it_acceded() -> None:
    new_agreement = agreement(dated(Agreement.Acceded, party=Party(TH, "Asia/Bangkok")))
    leave = c.WithdrawFromAgreement(agreement=ID, member=TH, effective=date(2026, 3, 1), source="x")

    refused(WrongDates, new_agreement, leave)


def back_in() -> Agreement:
    """Thailand implemented, withdrew and acceded again."""
    new_agreement = agreement(parties=(SG, TH, AU))
    for word in (
        c.ImplementAgreement(agreement=ID, side=TH, effective=date(2020, 1, 1), source="x"),
        c.WithdrawFromAgreement(agreement=ID, member=TH, effective=date(2022, 1, 1), source="x"),
        c.AccedeToAgreement(agreement=ID, member=TH, effective=date(2024, 1, 1), source="x"),
    ):
        assert len(when(new_agreement, word)) == 1
    return new_agreement


def test_who_comes_back_implements_anew_and_not_from_before_it_left() -> None:
    agreement = back_in()
    said: dict[str, Any] = {"agreement": ID, "side": TH, "source": "x"}

    early = c.ImplementAgreement(**said, effective=date(2021, 12, 31))
    assert "counts from 2022-01-01" in refused(WrongDates, agreement, early)
    assert len(when(agreement, c.ImplementAgreement(**said, effective=date(2024, 3, 1)))) == 1
    again = c.ImplementAgreement(**said, effective=date(2024, 4, 1))
    assert "implemented by TH from 2024-03-01 already" in refused(WrongStatus, agreement, again)


def test_the_date_of_a_term_is_bettered_also_of_one_that_is_over() -> None:
    agreement = back_in()
    said: dict[str, Any] = {
        "agreement": ID,
        "what": Step.IMPLEMENTED,
        "side": TH,
        "effective": date(2020, 2, 1),
        "source": "x",
    }

    # Of the one that is over, while none runs; it does not begin another.
    assert len(when(agreement, c.SetDates(**said))) == 1
    when(agreement, c.ImplementAgreement(agreement=ID, side=TH))
    assert [fact.fields["term"] for fact in when(agreement, c.SetDates(**said, term=1))] == [1]
    assert "term: found 3, and TH began 2" in refused(
        BadValue, agreement, c.SetDates(**said, term=3)
    )


def test_a_former_party_can_still_have_its_dates_bettered() -> None:
    new_agreement = agreement(
        dated(Agreement.Withdrew, date(2026, 2, 1), member=AU), parties=(SG, TH, AU)
    )
    better = c.SetDates(
        agreement=ID, what=Step.IMPLEMENTED, side=AU, effective=date(2020, 1, 1), source="x"
    )

    assert len(when(new_agreement, better)) == 1


def test_a_suspension_ends_with_the_membership_of_who_suspended() -> None:
    new_agreement = agreement(
        dated(Agreement.Suspended, date(2026, 1, 1), side=AU), parties=(SG, TH, AU)
    )
    when(new_agreement, c.WithdrawFromAgreement(agreement=ID, member=AU))
    when(new_agreement, c.AccedeToAgreement(agreement=ID, member=AU))

    refused(WrongStatus, new_agreement, c.ResumeAgreement(agreement=ID, side=AU))
    early = c.SuspendAgreement(agreement=ID, side=AU, effective=date(2026, 3, 1), source="x")
    assert "counts from 2026-03-10" in refused(WrongDates, new_agreement, early)
    assert len(when(new_agreement, c.SuspendAgreement(agreement=ID, side=AU))) == 1


# --------------------------------------------------------------------- scope


def test_a_clause_says_everything_that_limits_it() -> None:
    scope = c.SetScope(
        agreement=ID,
        from_=CN,
        to=SG,
        types=("ACE",),
        programmes=("CN-AEO",),
        direction=Direction.EXPORT,
        hs=(HsCode("07"),),
        crossings=("Heihe-Blagoveshchensk",),
        modes=("Road",),
        identifier_scheme="CN_REG",
        declaration_box="3/39",
        benefits=("fewer checks",),
        consent_required=True,
        max_age_hours=24,
        until=date(2027, 1, 1),
    )

    [done] = when(agreement(), scope)

    clause = done.fields["clause"]
    assert (clause.modes, clause.max_age_hours) == (("road",), 24)
    assert clause.place == (CN, SG, Direction.EXPORT, (HsCode("07"),), ("Heihe-Blagoveshchensk",))
    assert done.fields["until"] == date(2027, 1, 1)


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"from_": CN, "to": CN}, BadValue),
        ({"from_": CN, "to": SG, "until": TODAY}, WrongDates),
        (
            {
                "from_": CN,
                "to": SG,
                "earliest": date(2026, 4, 1),
                "latest": date(2026, 5, 1),
                "until": date(2026, 4, 1),
            },
            WrongDates,
        ),
        ({"from_": CN, "to": SG, "max_age_hours": 0}, BadValue),
        ({"from_": CN, "to": SG, "max_age_hours": 2_000_000_000}, BadValue),
    ],
)
def test_a_clause_that_cannot_be_is_refused(said: dict[str, Any], why: type[Refusal]) -> None:
    refused(why, agreement(), c.SetScope(agreement=ID, types=("ACE",), **said))
