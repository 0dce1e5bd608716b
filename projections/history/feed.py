"""What the feed of a territory tells: the new course of one operator's answer, at one position.

Here a belief is told by its place in the sequence, not by its instant: what was believed at a
position is compared with what was believed before it. Everything in this module is pure; the SQL
that brings the facts is in projections/history/change_facts.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import pairwise
from typing import NamedTuple

from projections.history.belief_history import BeliefChange, Between, Past, own_edges, sees, unlike
from projections.reads.recognition import edges
from projections.reads.visibility import VisibilityScope
from registry.domain.bitemporal import ALWAYS, NEVER_AT
from registry.domain.recognition import Basis, Question, RecognitionFacts, recognise
from registry.domain.values import AdministrationCode, Outcome, ReasonCode, Tin

#: No question is answered for an instant before it.
EARLIEST = datetime(1900, 1, 1, tzinfo=UTC)


class FeedVerdict(NamedTuple):
    """What is said of an operator for one instant of law."""

    outcome: Outcome
    reasons: tuple[ReasonCode, ...]
    #: Of who asks for details: what the answer rests on, with identifier and declaration box.
    bases: tuple[Basis, ...] = ()


#: What is said of an operator that is unknown to the asker, or hidden from it.
HIDDEN = FeedVerdict(Outcome.UNKNOWN, (ReasonCode.NO_INFORMATION,))


@dataclass(frozen=True)
class FeedStep:
    """One place in the sequence at which an answer may have become another.

    `before` and `at` are instants (UTC): when the event at `previous` was recorded, and when the
    one at `position` was. Where both positions are the same, time alone has passed.
    """

    position: int
    previous: int
    before: datetime
    at: datetime


# ------------------------------------------------------------------- changes


@dataclass(frozen=True)
class CourseStretch:
    """A stretch of law [from, to) in UTC, and what is said of it. `to` None: no end is known.

    `facts`: those that the reasons speak of; of what is hidden there are none.
    """

    from_: datetime
    to: datetime | None
    verdict: FeedVerdict
    facts: RecognitionFacts


@dataclass(frozen=True)
class Change:
    """From `effective_from` on (in law, UTC) the answer takes another course than was told before.

    `facts`: what is believed since. `hidden_from`: from that instant of law on nothing is told,
    because the operator is hidden from the asker since. `details`: the course is told by its bases,
    too.
    """

    position: int
    tin: Tin
    was: Outcome
    effective_from: datetime
    facts: RecognitionFacts
    territory: AdministrationCode
    hidden_from: datetime | None = None
    details: bool = False

    @property
    def now(self) -> Outcome:
        return self.verdict(self.effective_from).outcome

    def verdict(self, at: datetime) -> FeedVerdict:
        if self.hidden_from is not None and at >= self.hidden_from:
            return HIDDEN
        return _verdict(self.facts, self.territory, at, self.details)

    def course(self) -> list[CourseStretch]:
        """The whole answer from `effective_from` on; the last stretch has no end."""
        first, hidden = self.effective_from, self.hidden_from
        cuts = {first} | {edge for edge in edges(self.facts) if edge > first}
        if hidden is not None:
            cuts = {cut for cut in cuts if cut < hidden} | {max(first, hidden)}
        found: list[CourseStretch] = []
        for start in sorted(cuts):
            said = self.verdict(start)
            if found and found[-1].verdict == said:
                continue
            if found:
                last = found[-1]
                found[-1] = CourseStretch(last.from_, start, last.verdict, last.facts)
            shown = hidden is None or start < hidden
            found.append(
                CourseStretch(start, None, said, self.facts if shown else RecognitionFacts(None))
            )
        return found


def _verdict(
    facts: RecognitionFacts, territory: AdministrationCode, at: datetime, details: bool = False
) -> FeedVerdict:
    answer = recognise(facts, Question(territory, at))
    return FeedVerdict(answer.outcome, answer.reasons, answer.bases if details else ())


def change(
    past: Past,
    territory: AdministrationCode,
    step: FeedStep,
    sight: VisibilityScope,
    *,
    details: bool = False,
) -> Change | None:
    """What the asker is told of an operator at a step; None where it is told nothing.

    Three cases. What it sees before and after: told from the first instant that is answered
    otherwise (`details`: by other bases, too). What it sees only since: told where it is
    recognised, and from now on. What is hidden from it since: told once that it is so, and nothing
    that was recorded later.
    """
    passed = step.position == step.previous
    own = [] if passed else past.moved(step.position)
    stretches = [] if passed else _stretches(past, own, step.position)
    if not stretches and past.sight is past.way and _alike(past, step, sight):
        return None
    before, after = past.at(step.previous), past.at(step.position)
    saw = sees(past, before, sight, step.previous, step.before)
    seen = sees(past, after, sight, step.position, step.at)
    if saw and not seen:
        hides = _hides(past, territory, step, sight, before, after)
        return replace(hides, details=details) if hides else None
    was, first = HIDDEN.outcome, None
    if saw:
        cuts = past.way.edges(step.previous) | past.way.edges(step.position)
        cuts |= own_edges(before) | own_edges(after)
        first = _first_unlike(before, after, territory, stretches, cuts, details)
        was = _verdict(before, territory, first).outcome if first else was
    elif seen:
        first = _first_to_tell(after, territory, step.at)
    if first is None:
        return None
    return Change(step.position, past.tin, was, first, after, territory, details=details)


def renewed(
    past: Past, territory: AdministrationCode, step: FeedStep, sight: VisibilityScope
) -> Change | None:
    """The same course once more, for who keeps an operator's particulars and is to read them again;
    None where the asker did not see the operator before, or does not since."""
    before, after = past.at(step.previous), past.at(step.position)
    if not sees(past, before, sight, step.previous, step.before):
        return None
    if not sees(past, after, sight, step.position, step.at):
        return None
    was = _verdict(after, territory, step.at).outcome
    return Change(step.position, past.tin, was, step.at, after, territory, details=True)


def _alike(past: Past, step: FeedStep, sight: VisibilityScope) -> bool:
    """Whether the asker may see the same at both instants: by law, and with no consent between."""
    if sight.role == "auditor":
        return True
    asker, home = AdministrationCode(sight.administration or ""), past.administration
    way = past.sight
    return way.opened(home, asker, step.previous, step.before) == way.opened(
        home, asker, step.position, step.at
    ) and not any(
        step.before < edge <= step.at
        for each in past.consents
        for edge in (each.fact.valid_from, each.fact.valid_to)
        if edge
    )


def _stretches(past: Past, own: list[BeliefChange], position: int) -> list[Between]:
    """Where the event at this position may have made an answer another one."""
    law = past.way.unlike(position)
    if not own:
        return law
    if law and law[0] == (ALWAYS, NEVER_AT):
        return law
    return unlike(own + past.way.moved(position))


def _first_unlike(
    before: RecognitionFacts,
    after: RecognitionFacts,
    territory: AdministrationCode,
    stretches: list[Between],
    cuts: set[datetime],
    details: bool,
) -> datetime | None:
    for start, end in stretches:
        first = max(start, EARLIEST)
        for cut in sorted({first} | {edge for edge in cuts if first < edge < end}):
            was = _verdict(before, territory, cut, details)
            if was != _verdict(after, territory, cut, details):
                return cut
    return None


def _first_to_tell(
    after: RecognitionFacts, territory: AdministrationCode, now: datetime
) -> datetime | None:
    """Of an operator that the asker did not see before: the first instant at which it is
    recognised, or whose answer differs from that for an unknown operator."""
    for start, end in _pieces(edges(after)):
        said = _verdict(after, territory, start)
        if said.outcome is Outcome.RECOGNISED:
            return start
        if said != HIDDEN and end > now:
            return max(start, now)
    return None


def _hides(
    past: Past,
    territory: AdministrationCode,
    step: FeedStep,
    sight: VisibilityScope,
    before: RecognitionFacts,
    after: RecognitionFacts,
) -> Change | None:
    """The change that tells the asker that an operator is now hidden, by an event or by a day."""
    by_time = not sees(past, before, sight, step.previous, step.at)
    if by_time:
        after, hidden = before, _hidden_since(past, before, step, sight)
    else:
        hidden = step.at
    change = Change(
        step.position, past.tin, HIDDEN.outcome, hidden, after, territory, hidden_from=hidden
    )
    for start, end in _pieces(edges(before) | edges(after) | {hidden}):
        if by_time and end <= hidden:
            continue
        was = _verdict(before, territory, start)
        if was != change.verdict(start):
            return Change(step.position, past.tin, was.outcome, start, after, territory, hidden)
    return None


def _hidden_since(
    past: Past, facts: RecognitionFacts, step: FeedStep, sight: VisibilityScope
) -> datetime:
    """The instant, after `step.before`, since when the operator has been hidden at `step.at`."""
    law = past.sight.edges(step.previous)
    between = sorted(edge for edge in law | own_edges(facts) if step.before < edge <= step.at)
    since = step.at
    for edge in reversed(between):
        if sees(past, facts, sight, step.previous, edge):
            break
        since = edge
    return since


def _pieces(cuts: set[datetime]) -> Iterator[Between]:
    """The whole of time that is asked about, cut at these instants."""
    return pairwise([EARLIEST, *sorted(cut for cut in cuts if cut > EARLIEST), NEVER_AT])
