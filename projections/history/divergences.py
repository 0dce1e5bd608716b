"""Results that were right by what was known on their day and were corrected by later knowledge.

Each instant is evaluated twice: as known at that very instant, and as known now. The rule is
evaluated only where the facts behind the two results differ. All functions are pure.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from itertools import pairwise

from projections.history.belief_history import (
    OperatorBeliefs,
    TimeInterval,
    differing_intervals,
    instants_of,
    last_change,
    then_and_now,
    valid_time_edges,
)
from registry.domain.bitemporal import NEVER_AT
from registry.domain.recognition import Question, RecognitionFacts, is_valid_at, recognise
from registry.domain.values import AdministrationCode, Outcome, Tin


@dataclass(frozen=True)
class Divergence:
    """From `at` until `until` (valid time, UTC) the result given differed from the one known now.

    `event_position`: the position of the event since which the correct result has been known.
    """

    tin: Tin
    at: datetime
    until: datetime
    answered: Outcome
    correct: Outcome
    event_position: int


def divergences(
    beliefs: OperatorBeliefs, territory: AdministrationCode, window: TimeInterval
) -> list[Divergence]:
    """Every interval in the window in which a territory was answered otherwise than it would be
    now.

    Sorted; in each, both results and the event between them stay the same. That an operator was not
    yet registered counts only where it is now recognised for those days: before that nobody had
    anything to ask about.
    """
    own = beliefs.own_facts
    intervals = differing_intervals(then_and_now(own, window))
    intervals += beliefs.law.corrected_intervals(window)
    if window[0] < beliefs.registered:
        intervals.append((window[0], min(beliefs.registered, window[1])))
    if not intervals:
        return []
    edges = {window[0], beliefs.registered, *beliefs.law.edges_ever, *instants_of(own)}
    edges |= valid_time_edges(row.fact for row in own)
    now = _known(beliefs, NEVER_AT)
    found: list[Divergence] = []
    for first, end in _merged(intervals):
        inside = sorted({first, end} | {edge for edge in edges if first < edge < end})
        for at, until in pairwise(inside):
            asked = Question(territory, at)
            then, correct = _known(beliefs, at), recognise(now, asked).outcome
            answered = recognise(then, asked).outcome
            if answered is correct:
                continue
            if then.tin is None and correct is not Outcome.RECOGNISED:
                continue
            event_position = _deciding_event(beliefs, asked, correct)
            divergence = Divergence(beliefs.tin, at, until, answered, correct, event_position)
            last = found[-1] if found else None
            if last and last == replace(divergence, at=last.at, until=at):
                found[-1] = replace(last, until=until)
            else:
                found.append(divergence)
    return found


def _known(beliefs: OperatorBeliefs, instant: datetime) -> RecognitionFacts:
    """What was known at an instant; NEVER_AT stands for now."""
    return RecognitionFacts(None) if instant < beliefs.registered else beliefs.at(instant)


def _deciding_event(beliefs: OperatorBeliefs, asked: Question, correct: Outcome) -> int:
    """The position of the event since which the result for that instant has been the present one.

    Where several events were recorded at the same instant, the last one with a fact valid at that
    instant of valid time.
    """
    later = {*instants_of(beliefs.own_facts), *beliefs.law.instants, beliefs.registered}
    instants = [asked.at, *(known for known in later if known > asked.at)]
    known = last_change(lambda instant: _known(beliefs, instant), asked, correct, instants)
    moved = [
        (is_valid_at(row.fact, asked.at), position)
        for row in beliefs.facts
        for instant, position in (
            (row.recorded_from, row.position),
            (row.recorded_to, row.position_to or 0),
        )
        if instant == known
    ]
    moved += [(True, row.position) for row in beliefs.law.lists if row.recorded_from == known]
    return max(moved)[1]


def _merged(intervals: list[TimeInterval]) -> list[TimeInterval]:
    found: list[TimeInterval] = []
    for since, to in sorted(intervals):
        if found and since <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], to))
        else:
            found.append((since, to))
    return found
