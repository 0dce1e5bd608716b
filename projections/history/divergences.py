"""Results that were right by what was known on their day and were corrected by later knowledge.

Each instant is evaluated twice: as known at that very instant, and as known now. The rule is
evaluated only where the facts behind the two results differ. All functions are pure.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any, Generic, TypeVar

import msgspec

from registry.domain.agreements.timeline import Link
from registry.domain.bitemporal import ALWAYS, NEVER_AT
from registry.domain.operators.timeline import Consented, Identified, Period
from registry.domain.recognition import (
    ConsentLaw,
    Member,
    Question,
    RecognitionFacts,
    RecognitionResult,
    is_valid_at,
    recognise,
)
from registry.domain.values import AdministrationCode, Outcome, Tin

T = TypeVar("T")
TimeInterval = tuple[datetime, datetime]  # Half open.

#: A list is stale from one microsecond after its maximum age.
_INSTANT = timedelta(microseconds=1)


class Believed(msgspec.Struct, Generic[T], frozen=True, gc=False):
    """A fact with the instants between which it was believed, and the positions of the events that
    began and ended that."""

    fact: T
    position: int
    recorded_from: datetime
    position_to: int | None = None
    recorded_to: datetime | None = None


class ListFreshness(msgspec.Struct, frozen=True, gc=False):
    """A received list of the home administration: its as-of instant, and since when it was
    known."""

    administration: str
    as_of: datetime
    position: int
    recorded_from: datetime


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


@dataclass
class BelievedLaw:
    """Everything ever believed about the law from one home territory to the territory asked
    about."""

    links: list[Believed[Link]]
    members: list[Believed[Member]]
    consent_laws: list[Believed[ConsentLaw]]
    lists: list[ListFreshness]
    edges: list[datetime] = field(default_factory=list)
    belief_edges: list[datetime] = field(default_factory=list)
    _known: dict[int, RecognitionFacts] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.edges = sorted(_edges(self.facts) | self._stale_from() | self._list_beliefs())
        self.belief_edges = sorted(_beliefs(self.facts) | self._list_beliefs())

    @property
    def facts(self) -> list[Believed[Any]]:
        return [*self.links, *self.members, *self.consent_laws]

    def at(self, known: datetime) -> RecognitionFacts:
        """What was known about the law at an instant; cached, since it is the same for every
        operator."""
        place = bisect_right(self.belief_edges, known)
        if place not in self._known:
            lists = [list_.as_of for list_ in self.lists if list_.recorded_from <= known]
            self._known[place] = RecognitionFacts(
                None,
                links=_known_at(self.links, known),
                members=_known_at(self.members, known),
                consent_laws=_known_at(self.consent_laws, known),
                list_as_of=max(lists, default=None),
            )
        return self._known[place]

    def differing_intervals(self, window: TimeInterval) -> list[TimeInterval]:
        """Where the law, or the age of the home administration's list, was not known as it is
        now."""
        found = _differing(self.facts, window)
        if self._limits() and (listed := max(self._list_beliefs(), default=ALWAYS)) > window[0]:
            found.append((window[0], min(listed, window[1])))
        return found

    def _limits(self) -> set[int]:
        return {
            hours for link in self.links if (hours := link.fact.clause.max_age_hours) is not None
        }

    def _stale_from(self) -> set[datetime]:
        return {
            list_.as_of + timedelta(hours=hours) + _INSTANT
            for list_ in self.lists
            for hours in self._limits()
        }

    def _list_beliefs(self) -> set[datetime]:
        return {list_.recorded_from for list_ in self.lists}


@dataclass
class DivergenceHistory:
    """Everything ever believed about an operator and the law towards one territory."""

    tin: Tin
    administration: AdministrationCode
    registered: datetime
    periods: list[Believed[Period]]
    identifiers: list[Believed[Identified]]
    consents: list[Believed[Consented]]
    law: BelievedLaw

    @property
    def facts(self) -> list[Believed[Any]]:
        return [*self.periods, *self.identifiers, *self.consents]

    def at(self, known: datetime) -> RecognitionFacts:
        """What was known at an instant; NEVER_AT stands for now."""
        if known < self.registered:
            return RecognitionFacts(None)
        law = self.law.at(known)
        return RecognitionFacts(
            self.tin,
            self.administration,
            _known_at(self.periods, known),
            _known_at(self.identifiers, known),
            _known_at(self.consents, known),
            law.links,
            law.members,
            law.consent_laws,
            law.list_as_of,
        )


def divergences(
    history: DivergenceHistory, territory: AdministrationCode, window: TimeInterval
) -> list[Divergence]:
    """Every interval in the window in which a territory was answered otherwise than it would be
    now.

    Sorted; in each, both results and the event between them stay the same. That an operator was not
    yet registered counts only where it is now recognised for those days: before that nobody had
    anything to ask about.
    """
    own = history.facts
    intervals = _differing(own, window) + history.law.differing_intervals(window)
    if window[0] < history.registered:
        intervals.append((window[0], min(history.registered, window[1])))
    if not intervals:
        return []
    edges = {window[0], history.registered, *history.law.edges} | _edges(own)
    now = history.at(NEVER_AT)
    found: list[Divergence] = []
    for first, end in _merged(intervals):
        inside = sorted({first, end} | {edge for edge in edges if first < edge < end})
        for at, until in pairwise(inside):
            asked = Question(territory, at)
            then, correct = history.at(at), recognise(now, asked)
            answered = recognise(then, asked).outcome
            if answered is correct.outcome:
                continue
            if then.tin is None and correct.outcome is not Outcome.RECOGNISED:
                continue
            event_position = _deciding_event(history, asked, correct)
            divergence = Divergence(
                history.tin, at, until, answered, correct.outcome, event_position
            )
            last = found[-1] if found else None
            if last and last == replace(divergence, at=last.at, until=at):
                found[-1] = replace(last, until=until)
            else:
                found.append(divergence)
    return found


def _deciding_event(history: DivergenceHistory, asked: Question, correct: RecognitionResult) -> int:
    """The position of the event since which the result for that instant has been the present one.

    Where several events were recorded at the same instant, the last one with a fact valid at that
    instant of valid time.
    """
    facts = [*history.facts, *history.law.facts]
    later = (
        _beliefs(facts)
        | {list_.recorded_from for list_ in history.law.lists}
        | {history.registered}
    )
    instants = sorted(known for known in later if known > asked.at)
    known = next(
        known
        for before, known in reversed(list(pairwise([asked.at, *instants])))
        if recognise(history.at(before), asked).outcome is not correct.outcome
    )
    moved = [
        (is_valid_at(fact.fact, asked.at), place)
        for fact in facts
        for instant, place in (
            (fact.recorded_from, fact.position),
            (fact.recorded_to, fact.position_to or 0),
        )
        if instant == known
    ]
    moved += [(True, list_.position) for list_ in history.law.lists if list_.recorded_from == known]
    return max(moved)[1]


def _known_at(held: Iterable[Believed[T]], known: datetime) -> list[T]:
    return [
        believed.fact
        for believed in held
        if believed.recorded_from <= known
        and (believed.recorded_to is None or known < believed.recorded_to)
    ]


def _beliefs(facts: Iterable[Believed[Any]]) -> set[datetime]:
    return {known for fact in facts for known in (fact.recorded_from, fact.recorded_to) if known}


def _edges(facts: Iterable[Believed[Any]]) -> set[datetime]:
    facts = list(facts)
    law = {edge for fact in facts for edge in (fact.fact.valid_from, fact.fact.valid_to) if edge}
    return law | _beliefs(facts)


def _differing(facts: Iterable[Believed[Any]], window: TimeInterval) -> list[TimeInterval]:
    """Where the facts as known at the time differ from those known now."""
    # (interval, known now, content)
    facts_in_window: list[tuple[TimeInterval, bool, tuple[Any, ...]]] = []
    for believed in facts:
        fact = believed.fact
        end = fact.valid_to or NEVER_AT
        then = _overlap(
            (
                max(fact.valid_from, believed.recorded_from),
                min(end, believed.recorded_to or NEVER_AT),
            ),
            window,
        )
        now = _overlap((fact.valid_from, end), window) if believed.recorded_to is None else None
        if then == now:
            continue
        content = _content(fact)
        facts_in_window += [
            (where, known_now, content)
            for where, known_now in ((then, False), (now, True))
            if where
        ]
    marks = sorted({mark for where, _, _ in facts_in_window for mark in where})
    found: list[TimeInterval] = []
    for mark, end in pairwise(marks):
        held = [
            (now, content) for (since, to), now, content in facts_in_window if since <= mark < to
        ]
        if {content for now, content in held if now} != {
            content for now, content in held if not now
        }:
            found.append((mark, end))
    return found


def _overlap(one: TimeInterval, other: TimeInterval) -> TimeInterval | None:
    since, to = max(one[0], other[0]), min(one[1], other[1])
    return (since, to) if since < to else None


def _merged(intervals: list[TimeInterval]) -> list[TimeInterval]:
    found: list[TimeInterval] = []
    for since, to in sorted(intervals):
        if found and since <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], to))
        else:
            found.append((since, to))
    return found


def _content(fact: Any) -> tuple[Any, ...]:
    names = getattr(fact, "__struct_fields__", None) or tuple(fact.__dataclass_fields__)
    values = (getattr(fact, name) for name in names if name not in ("valid_from", "valid_to"))
    return (type(fact), *values)
