"""Was the goal met? A text that says "all" and one that says "willing" may have two answers."""

from __future__ import annotations

from datetime import date
from typing import Any

from registry.domain.targets import Goal, Judgement, TargetReasonCode, TargetStanding, judge
from registry.domain.values import NEVER, AdministrationCode, Dates, TargetOutcome

KR, DE, KZ, JO = map(AdministrationCode, ("KR", "DE", "KZ", "JO"))
DEADLINE = date(2020, 12, 31)
LATER = date(2026, 11, 21)
SIGNED = {KR: [Dates.on(date(2013, 6, 27))], DE: [Dates.on(date(2014, 5, 16))]}


def asked(
    condition: str, states: tuple[AdministrationCode, ...] = (KR, DE, KZ), **said: Any
) -> Goal:
    whole: dict[str, Any] = {
        "relation": "AEO_MUTUAL_RECOGNITION",
        "condition": condition,
        "deadline": DEADLINE,
        "states": states,
        "willing": {},
    }
    return Goal(**whole | said)


def met(goal: Goal, also: dict[AdministrationCode, list[Dates]] | None = None) -> Judgement:
    return judge(goal, SIGNED | (also or {}), LATER)


def test_all_means_all() -> None:
    assert met(asked("all", (KR, DE))).met is TargetOutcome.MET

    missed = met(asked("all"))
    assert missed.met is TargetOutcome.NOT_MET
    assert (missed.reason, missed.by) == (TargetReasonCode.NOT_SIGNED, DEADLINE)
    assert missed.states(TargetStanding.SIGNED) == [DE, KR]
    assert missed.states(TargetStanding.NOT_SIGNED) == [KZ]


def test_a_signature_that_came_too_late_is_none() -> None:
    late = {KZ: [Dates.on(date(2021, 1, 1))]}

    assert met(asked("all"), late).met is TargetOutcome.NOT_MET


def test_where_the_dates_span_the_deadline_nobody_knows() -> None:
    perhaps = {KZ: [Dates(date(2019, 4, 1), NEVER)]}
    answer = met(asked("all"), perhaps)

    assert answer.met is TargetOutcome.UNKNOWN
    assert answer.reason is TargetReasonCode.DATES_UNCERTAIN
    assert answer.states(TargetStanding.UNCERTAIN) == [KZ]


def test_of_two_agreements_the_better_one_counts() -> None:
    both = {KZ: [Dates(date(2019, 4, 1), NEVER), Dates.on(date(2019, 4, 24))]}

    assert met(asked("all"), both).met is TargetOutcome.MET


def test_of_the_willing_only_those_known_to_be_can_be_missed() -> None:
    silent = met(asked("willing"))
    assert silent.met is TargetOutcome.UNKNOWN
    assert silent.reason is TargetReasonCode.WILLINGNESS_UNKNOWN
    assert silent.states(TargetStanding.WILLINGNESS_UNKNOWN) == [KZ]

    missed = met(asked("willing", willing={"KZ": "said so in 2018"}))
    assert missed.met is TargetOutcome.NOT_MET
    assert missed.reason is TargetReasonCode.WILLING_NOT_SIGNED
    assert missed.states(TargetStanding.NOT_SIGNED) == [KZ]
    assert met(asked("willing", (KR, DE))).met is TargetOutcome.MET


def test_a_goal_whose_day_lies_ahead_may_be_met_and_is_not_missed() -> None:
    today = date(2019, 1, 1)

    assert judge(asked("all"), SIGNED, today).met is TargetOutcome.UNKNOWN
    assert judge(asked("all", (KR, DE)), SIGNED, today).met is TargetOutcome.MET


def test_a_text_without_states_or_without_a_day_cannot_be_judged() -> None:
    assert met(asked("all", ())).met is TargetOutcome.UNKNOWN
    assert met(asked("all", ())).reason is TargetReasonCode.NO_STATES
    assert met(asked("all", relation=None)).met is TargetOutcome.UNKNOWN
    assert met(asked("all", deadline=None)).reason is TargetReasonCode.NO_DEADLINE
