"""The change feed of a territory: how the results for one operator change at one position.

Transaction time is a position in the sequence of events here: what was believed at a position is
compared with what was believed before it. All functions are pure;
projections/history/belief_history_sql.py reads the facts.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import NamedTuple

from projections.history.belief_history import (
    OperatorBeliefs,
    TimeInterval,
    differing_intervals,
    valid_time_edges,
)
from projections.history.visibility_history import can_see
from projections.reads.recognition import edges
from projections.reads.visibility import VisibilityScope
from registry.domain.bitemporal import ALWAYS, NEVER_AT
from registry.domain.recognition import Basis, Question, RecognitionFacts, recognise
from registry.domain.values import AdministrationCode, Outcome, ReasonCode, Tin

#: No query is answered for an earlier instant.
EARLIEST = datetime(1900, 1, 1, tzinfo=UTC)


class FeedVerdict(NamedTuple):
    """The result for an operator at one instant of valid time."""

    outcome: Outcome
    reasons: tuple[ReasonCode, ...]
    #: Only where details are asked for: the bases of the result, with identifier and declaration
    #: box.
    bases: tuple[Basis, ...] = ()


#: The result for an operator that is unknown to the subject, or hidden from it.
HIDDEN = FeedVerdict(Outcome.UNKNOWN, (ReasonCode.NO_INFORMATION,))


@dataclass(frozen=True)
class FeedStep:
    """One position in the sequence at which a result may have changed.

    `before` and `at` are the instants (UTC) at which the events at `previous` and at `position`
    were recorded. Where both positions are the same, only time has passed.
    """

    position: int
    previous: int
    before: datetime
    at: datetime


# ------------------------------------------------------------------- changes


@dataclass(frozen=True)
class CourseInterval:
    """An interval of valid time [from, to) in UTC and its result. `to` is None where no end is
    known.

    `facts`: those that the reasons refer to; none where the operator is hidden.
    """

    from_: datetime
    to: datetime | None
    verdict: FeedVerdict
    facts: RecognitionFacts


@dataclass(frozen=True)
class Change:
    """From `effective_from` on (valid time, UTC) the result differs from the one sent before.

    `facts`: what is believed since. `hidden_from`: from this instant of valid time on nothing is
    shown, because the operator is now hidden from the subject. `details`: the bases are part of the
    result.
    """

    position: int
    tin: Tin
    was: Outcome
    effective_from: datetime
    facts: RecognitionFacts
    territory: AdministrationCode
    hidden_from: datetime | None = None
    details: bool = False
    #: The result at `effective_from`, where it is known already.
    first: FeedVerdict | None = field(default=None, compare=False, repr=False)

    @property
    def hidden_facts(self) -> RecognitionFacts:
        """What the subject is told where the operator is hidden: nothing, but that it was
        recognised until a consent was withdrawn."""
        hidden, members = self.hidden_from, self.facts.members
        parties = {self.territory, *(m.bloc for m in members if m.member == self.territory)}
        consents = [c for c in self.facts.consents if c.general or c.partner in parties]
        if hidden is None or not any(c.valid_to and c.valid_to <= hidden for c in consents):
            return RecognitionFacts(None)
        before = _verdict(self.facts, self.territory, hidden - timedelta(microseconds=1))
        recognised = self.was is Outcome.RECOGNISED or before.outcome is Outcome.RECOGNISED
        return RecognitionFacts(None, withdrawn=hidden if recognised else None)

    @property
    def now(self) -> Outcome:
        """The outcome from `effective_from` on."""
        return (self.first or self.verdict(self.effective_from)).outcome

    def verdict(self, at: datetime) -> FeedVerdict:
        """Returns the recognition result at an instant of valid time, as the subject may see it."""
        if self.hidden_from is not None and at >= self.hidden_from:
            return HIDDEN
        return _verdict(self.facts, self.territory, at, self.details)

    def course(self) -> list[CourseInterval]:
        """The results from `effective_from` on; the last interval has no end."""
        first, hidden = self.effective_from, self.hidden_from
        boundaries = {first} | {edge for edge in edges(self.facts) if edge > first}
        if hidden is not None:
            boundaries = {boundary for boundary in boundaries if boundary < hidden} | {
                max(first, hidden)
            }
        found: list[CourseInterval] = []
        for start in sorted(boundaries):
            verdict = self.verdict(start)
            if found and found[-1].verdict == verdict:
                continue
            if found:
                last = found[-1]
                found[-1] = CourseInterval(last.from_, start, last.verdict, last.facts)
            shown = hidden is None or start < hidden
            found.append(
                CourseInterval(start, None, verdict, self.facts if shown else self.hidden_facts)
            )
        return found


def _verdict(
    facts: RecognitionFacts, territory: AdministrationCode, at: datetime, details: bool = False
) -> FeedVerdict:
    answer = recognise(facts, Question(territory, at))
    return FeedVerdict(answer.outcome, answer.reasons, answer.bases if details else ())


def change(
    beliefs: OperatorBeliefs,
    territory: AdministrationCode,
    step: FeedStep,
    scope: VisibilityScope,
    *,
    details: bool = False,
) -> Change | None:
    """The change that the subject is shown of an operator at a step, or None.

    There are three cases. The subject sees the operator before and after: the change starts at the
    first instant with a different result (with `details`, also with different bases). It sees the
    operator only afterwards: shown where it is recognised, and from now on. The operator is hidden
    from it afterwards: that is shown once, and nothing that was recorded later.
    """
    only_time = step.position == step.previous
    intervals = [] if only_time else _changed_intervals(beliefs, step.position)
    if not intervals and beliefs.subject_law is beliefs.law and _same_access(beliefs, step, scope):
        return None
    before, after = beliefs.at(step.previous), beliefs.at(step.position)
    visible_before = can_see(beliefs, before, scope, step.previous, step.before)
    visible_after = can_see(beliefs, after, scope, step.position, step.at)
    if visible_before and not visible_after:
        hidden = _hidden_change(beliefs, territory, step, scope, before, after)
        return replace(hidden, details=details) if hidden else None
    if visible_before:
        found = _first_difference(beliefs, before, after, territory, intervals, step, details)
        if found is None:
            return None
        was, first, now = found.was.outcome, found.at, found.now
    else:
        disclosed = _first_disclosed(after, territory, step.at) if visible_after else None
        if disclosed is None:
            return None
        was, first, now = HIDDEN.outcome, disclosed, None
    place = step.position, beliefs.tin, was, first, after, territory
    return Change(*place, details=details, first=now)


def particulars_change(
    beliefs: OperatorBeliefs, territory: AdministrationCode, step: FeedStep, scope: VisibilityScope
) -> Change | None:
    """A change without a different result, for a client that keeps the particulars of operators and
    has to read them again. None where the subject does not see the operator before and after."""
    before, after = beliefs.at(step.previous), beliefs.at(step.position)
    if not can_see(beliefs, before, scope, step.previous, step.before):
        return None
    if not can_see(beliefs, after, scope, step.position, step.at):
        return None
    was = _verdict(after, territory, step.at).outcome
    return Change(step.position, beliefs.tin, was, step.at, after, territory, details=True)


def _same_access(beliefs: OperatorBeliefs, step: FeedStep, scope: VisibilityScope) -> bool:
    """True where agreements let the subject see the same at both instants, and no consent begins or
    ends in between."""
    if scope.role == "auditor":
        return True
    partner, home = AdministrationCode(scope.administration or ""), beliefs.administration
    law = beliefs.subject_law
    return law.access(home, partner, step.previous, step.before) == law.access(
        home, partner, step.position, step.at
    ) and not any(
        step.before < edge <= step.at
        for row in beliefs.consents
        for edge in (row.fact.valid_from, row.fact.valid_to)
        if edge
    )


def _changed_intervals(beliefs: OperatorBeliefs, position: int) -> list[TimeInterval]:
    """The intervals of valid time in which the event at this position may have changed a result."""
    own = beliefs.past.changes_at(position)
    law = beliefs.law.changed_intervals(position)
    if not own or (law and law[0] == (ALWAYS, NEVER_AT)):
        return law
    changed = beliefs.law.changes_at(position)
    return (
        differing_intervals(own + changed) if changed else beliefs.past.changed_intervals(position)
    )


def _own_edges(facts: RecognitionFacts) -> set[datetime]:
    own = valid_time_edges((*facts.periods, *facts.identifiers, *facts.consents))
    return {edge for edge in own if ALWAYS < edge < NEVER_AT}


class _Difference(NamedTuple):
    """An instant of valid time, and the results there before and after."""

    at: datetime
    was: FeedVerdict
    now: FeedVerdict


def _first_difference(
    beliefs: OperatorBeliefs,
    before: RecognitionFacts,
    after: RecognitionFacts,
    territory: AdministrationCode,
    intervals: list[TimeInterval],
    step: FeedStep,
    details: bool,
) -> _Difference | None:
    """Where the results before and after a step begin to differ, in these intervals."""
    boundaries: set[datetime] | None = None
    for start, end in intervals:
        first = max(start, EARLIEST)
        if found := _difference(before, after, territory, first, details):
            return found
        if boundaries is None:  # Most steps differ at once, and need none.
            boundaries = beliefs.law.edges(step.previous) | beliefs.law.edges(step.position)
            boundaries |= beliefs.past.edges(step.previous) | beliefs.past.edges(step.position)
        for boundary in sorted(edge for edge in boundaries if first < edge < end):
            if found := _difference(before, after, territory, boundary, details):
                return found
    return None


def _difference(
    before: RecognitionFacts,
    after: RecognitionFacts,
    territory: AdministrationCode,
    at: datetime,
    details: bool,
) -> _Difference | None:
    was = _verdict(before, territory, at, details)
    now = _verdict(after, territory, at, details)
    return None if was == now else _Difference(at, was, now)


def _first_disclosed(
    after: RecognitionFacts, territory: AdministrationCode, now: datetime
) -> datetime | None:
    """For an operator that becomes visible: the first instant at which it is recognised, or has a
    result that differs from that of an unknown operator."""
    for start, end in _intervals(edges(after)):
        verdict = _verdict(after, territory, start)
        if verdict.outcome is Outcome.RECOGNISED:
            return start
        if verdict != HIDDEN and end > now:
            return max(start, now)
    return None


def _hidden_change(
    beliefs: OperatorBeliefs,
    territory: AdministrationCode,
    step: FeedStep,
    scope: VisibilityScope,
    before: RecognitionFacts,
    after: RecognitionFacts,
) -> Change | None:
    """The change that tells the subject that an operator is now hidden, by an event or because time
    passed."""
    hidden_by_time = not can_see(beliefs, before, scope, step.previous, step.at)
    if hidden_by_time:
        after, hidden = before, _hidden_since(beliefs, before, step, scope)
    else:
        hidden = step.at
    change = Change(
        step.position, beliefs.tin, HIDDEN.outcome, hidden, after, territory, hidden_from=hidden
    )
    for start, end in _intervals(edges(before) | edges(after) | {hidden}):
        if hidden_by_time and end <= hidden:
            continue
        was = _verdict(before, territory, start)
        if was != change.verdict(start):
            return Change(step.position, beliefs.tin, was.outcome, start, after, territory, hidden)
    return None


def _hidden_since(
    beliefs: OperatorBeliefs, facts: RecognitionFacts, step: FeedStep, scope: VisibilityScope
) -> datetime:
    """The instant after `step.before` since which the operator has been hidden at `step.at`."""
    law = beliefs.subject_law.edges(step.previous)
    between = sorted(edge for edge in law | _own_edges(facts) if step.before < edge <= step.at)
    since = step.at
    for edge in reversed(between):
        if can_see(beliefs, facts, scope, step.previous, edge):
            break
        since = edge
    return since


def _intervals(boundaries: set[datetime]) -> Iterator[TimeInterval]:
    """The whole of time that can be asked about, divided at these instants."""
    return pairwise(
        [
            EARLIEST,
            *sorted(boundary for boundary in boundaries if boundary > EARLIEST),
            NEVER_AT,
        ]
    )
