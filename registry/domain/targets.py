"""Judges whether a target was met: met, not met or unknown, with the states that decide it.

A text says "all" or "those who are willing". The record has signatures, with an interval of dates
if a source gives no day. Willingness is never assumed without a source.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from registry.domain.values import AdministrationCode, Dates, TargetOutcome


@dataclass(frozen=True)
class Goal:
    """The target of a document. `willing`: the states known to be willing, each with its source.

    `condition`: "all", "willing", or None if the text has none.
    """

    relation: str | None
    condition: str | None
    deadline: date | None
    states: Sequence[AdministrationCode]
    willing: Mapping[str, str]


@dataclass(frozen=True)
class Judgement:
    """The outcome with an explanation."""

    met: TargetOutcome
    explanation: str


def judge(
    goal: Goal, signed: Mapping[AdministrationCode, Sequence[Dates]], today: date
) -> Judgement:
    """Judges the target.

    `signed`: for each state, when each agreement of that relation with the owner was signed.
    `today`: the day of the question. A target whose deadline is in the future can be met but not
    missed.
    """
    if not goal.states or goal.relation is None:
        return Judgement(
            TargetOutcome.UNKNOWN,
            "The text names no states that could be counted: whether it was met nobody can say.",
        )
    if goal.deadline is None:
        return Judgement(
            TargetOutcome.UNKNOWN, "The text sets no day by which it was to be reached."
        )
    by = min(goal.deadline, today)
    inside = [s for s in goal.states if any(d.latest <= by for d in signed.get(s, ()))]
    perhaps = [
        s
        for s in goal.states
        if s not in inside and any(d.earliest <= by < d.latest for d in signed.get(s, ()))
    ]
    without = [s for s in goal.states if s not in inside and s not in perhaps]
    counted = f"{len(inside)} of {len(goal.states)} states had signed by {by}"
    if goal.deadline > today and (without or perhaps):
        return Judgement(
            TargetOutcome.UNKNOWN, f"{counted}; the deadline, {goal.deadline}, is still ahead."
        )
    if goal.condition == "willing":
        return _willing(goal, inside, perhaps, without, counted)
    if without:
        return Judgement(
            TargetOutcome.NOT_MET,
            f"{counted}, and the text says all. No signature by then is on record of "
            f"{_names(without)}{_unclear(perhaps)}.",
        )
    if perhaps:
        return Judgement(TargetOutcome.UNKNOWN, f"{counted}{_unclear(perhaps)}.")
    return Judgement(TargetOutcome.MET, f"{counted}: all of them.")


def _willing(
    goal: Goal,
    inside: Sequence[AdministrationCode],
    perhaps: Sequence[AdministrationCode],
    without: Sequence[AdministrationCode],
    counted: str,
) -> Judgement:
    """Judges a target whose condition is willingness."""
    missed = [s for s in without if s.text in goal.willing]
    silent = [s for s in without if s.text not in goal.willing]
    if missed:
        return Judgement(
            TargetOutcome.NOT_MET,
            f"{counted}. Known to be willing, and without a signature by then on record: "
            f"{_names(missed)}{_unclear(perhaps)}.",
        )
    if silent or perhaps:
        silence = f" Whether these were willing no source says: {_names(silent)}." if silent else ""
        return Judgement(TargetOutcome.UNKNOWN, f"{counted}{_unclear(perhaps)}.{silence}")
    return Judgement(TargetOutcome.MET, f"{counted}: all of them, and so all who were willing.")


def _names(states: Sequence[AdministrationCode]) -> str:
    """The states in alphabetical order."""
    return ", ".join(sorted(s.text for s in states))


def _unclear(states: Sequence[AdministrationCode]) -> str:
    """The clause of the explanation about states with uncertain dates; empty if there are none."""
    if not states:
        return ""
    return f"; whether before or after that day no source says of {_names(states)}"
