"""Judges whether a target was met: met, not met or unknown, with the states that decide it.

A text says "all" or "those who are willing". The record has signatures, with an interval of dates
if a source gives no day. Willingness is never assumed without a source.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from registry.domain.values import AdministrationCode, Dates, TargetOutcome, Term


class TargetReasonCode(Term):
    """Why a target counts as met, not met or unknown."""

    NO_STATES = "NO_STATES"
    NO_DEADLINE = "NO_DEADLINE"
    DEADLINE_AHEAD = "DEADLINE_AHEAD"
    EVERY_SIGNED = "EVERY_SIGNED"
    NOT_SIGNED = "NOT_SIGNED"
    EVERY_WILLING_SIGNED = "EVERY_WILLING_SIGNED"
    WILLING_NOT_SIGNED = "WILLING_NOT_SIGNED"
    WILLINGNESS_UNKNOWN = "WILLINGNESS_UNKNOWN"
    DATES_UNCERTAIN = "DATES_UNCERTAIN"


class TargetStanding(Term):
    """Whether a state of a target had signed by the day that counts."""

    SIGNED = "SIGNED"
    UNCERTAIN = "UNCERTAIN"
    NOT_SIGNED = "NOT_SIGNED"
    WILLINGNESS_UNKNOWN = "WILLINGNESS_UNKNOWN"


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
    """The outcome with its reason and the standing of each state, in the order of the target.

    `by`: the day by which the signatures were counted. None where nothing was counted.
    """

    met: TargetOutcome
    reason: TargetReasonCode
    by: date | None = None
    standings: Mapping[AdministrationCode, TargetStanding] | None = None

    def states(self, standing: TargetStanding) -> list[AdministrationCode]:
        """Returns the states that stand so, sorted by their codes."""
        found = (self.standings or {}).items()
        return sorted((s for s, each in found if each is standing), key=lambda s: s.text)


def judge(
    goal: Goal, signed: Mapping[AdministrationCode, Sequence[Dates]], today: date
) -> Judgement:
    """Judges the target.

    `signed`: for each state, when each agreement of that relation with the owner was signed.
    `today`: the day of the question. A target whose deadline is in the future can be met but not
    missed.
    """
    if not goal.states or goal.relation is None:
        return Judgement(TargetOutcome.UNKNOWN, TargetReasonCode.NO_STATES)
    if goal.deadline is None:
        return Judgement(TargetOutcome.UNKNOWN, TargetReasonCode.NO_DEADLINE)
    by = min(goal.deadline, today)
    standings = {state: _standing(goal, state, signed.get(state, ()), by) for state in goal.states}
    met, reason = _outcome(goal, set(standings.values()), ahead=goal.deadline > today)
    return Judgement(met, reason, by, standings)


def _standing(
    goal: Goal, state: AdministrationCode, signatures: Sequence[Dates], by: date
) -> TargetStanding:
    """Returns whether a state had signed by a day. Where the text asks for those who are willing,
    the willingness of a state that had not signed is known only where a source says so."""
    if any(d.latest <= by for d in signatures):
        return TargetStanding.SIGNED
    if any(d.earliest <= by < d.latest for d in signatures):
        return TargetStanding.UNCERTAIN
    if goal.condition == "willing" and state.text not in goal.willing:
        return TargetStanding.WILLINGNESS_UNKNOWN
    return TargetStanding.NOT_SIGNED


def _outcome(
    goal: Goal, standings: set[TargetStanding], *, ahead: bool
) -> tuple[TargetOutcome, TargetReasonCode]:
    """Returns the outcome and its reason. `ahead`: the deadline has not passed."""
    willing = goal.condition == "willing"
    if standings == {TargetStanding.SIGNED}:
        every = TargetReasonCode.EVERY_WILLING_SIGNED if willing else TargetReasonCode.EVERY_SIGNED
        return TargetOutcome.MET, every
    if ahead:
        return TargetOutcome.UNKNOWN, TargetReasonCode.DEADLINE_AHEAD
    if TargetStanding.NOT_SIGNED in standings:
        missed = TargetReasonCode.WILLING_NOT_SIGNED if willing else TargetReasonCode.NOT_SIGNED
        return TargetOutcome.NOT_MET, missed
    if TargetStanding.WILLINGNESS_UNKNOWN in standings:
        return TargetOutcome.UNKNOWN, TargetReasonCode.WILLINGNESS_UNKNOWN
    return TargetOutcome.UNKNOWN, TargetReasonCode.DATES_UNCERTAIN
