"""Answers that were right by what was known on their day, and that later knowledge put right.

A day is asked about twice: as it was known at that very instant, and as it is known now. The rule
is asked only where the facts behind the two answers are not the same.
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
Between = tuple[datetime, datetime]  # the end is outside

#: After this long a list is stale from the next instant on.
_INSTANT = timedelta(microseconds=1)


class Believed(msgspec.Struct, Generic[T], frozen=True, gc=False):
    """A fact, with the instants between which it was believed, and the events that made it so."""

    fact: T
    position: int
    recorded_from: datetime
    position_to: int | None = None
    recorded_to: datetime | None = None


class ListFreshness(msgspec.Struct, frozen=True, gc=False):
    """A list of the home administration was received: how fresh it was, and since when known."""

    administration: str
    as_of: datetime
    position: int
    recorded_from: datetime


@dataclass(frozen=True)
class Divergence:
    """From `at` on (in law, UTC) the answer given was another than the one that is known now.

    `because`: the position of the event by which it came to be known for good.
    """

    tin: Tin
    at: datetime
    until: datetime
    answered: Outcome
    correct: Outcome
    because: int


@dataclass
class DivergenceLaw:
    """All that was ever believed of the law from one home territory into the one asked about."""

    links: list[Believed[Link]]
    members: list[Believed[Member]]
    laws: list[Believed[ConsentLaw]]
    lists: list[ListFreshness]
    edges: list[datetime] = field(default_factory=list)
    beliefs: list[datetime] = field(default_factory=list)
    _known: dict[int, RecognitionFacts] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.edges = sorted(_edges(self.facts) | self._stale_from() | self._list_beliefs())
        self.beliefs = sorted(_beliefs(self.facts) | self._list_beliefs())

    @property
    def facts(self) -> list[Believed[Any]]:
        return [*self.links, *self.members, *self.laws]

    def at(self, known: datetime) -> RecognitionFacts:
        """What was known of the law at an instant; kept, as it is the same for every operator."""
        place = bisect_right(self.beliefs, known)
        if place not in self._known:
            lists = [list_.as_of for list_ in self.lists if list_.recorded_from <= known]
            self._known[place] = RecognitionFacts(
                None,
                links=_then(self.links, known),
                members=_then(self.members, known),
                consent_laws=_then(self.laws, known),
                list_as_of=max(lists, default=None),
            )
        return self._known[place]

    def unlike(self, window: Between) -> list[Between]:
        """Where the law, or how fresh the home's list was, was not known as it is now."""
        found = _unlike(self.facts, window)
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
    """All that was ever believed of an operator and of its way into one territory."""

    tin: Tin
    administration: AdministrationCode
    registered: datetime
    periods: list[Believed[Period]]
    identifiers: list[Believed[Identified]]
    consents: list[Believed[Consented]]
    way: DivergenceLaw

    @property
    def facts(self) -> list[Believed[Any]]:
        return [*self.periods, *self.identifiers, *self.consents]

    def at(self, known: datetime) -> RecognitionFacts:
        """What was known at an instant, with NEVER_AT: what is known now."""
        if known < self.registered:
            return RecognitionFacts(None)
        law = self.way.at(known)
        return RecognitionFacts(
            self.tin,
            self.administration,
            _then(self.periods, known),
            _then(self.identifiers, known),
            _then(self.consents, known),
            law.links,
            law.members,
            law.consent_laws,
            law.list_as_of,
        )


def divergences(
    past: DivergenceHistory, territory: AdministrationCode, window: Between
) -> list[Divergence]:
    """Every stretch of these days on which a territory was answered otherwise than it would be now.

    In order, each as long as both answers and the event between them stay the same. That an
    operator was not registered yet counts only where it is recognised now for those days: before
    that nobody had anything to ask about.
    """
    own = past.facts
    stretches = _unlike(own, window) + past.way.unlike(window)
    if window[0] < past.registered:
        stretches.append((window[0], min(past.registered, window[1])))
    if not stretches:
        return []
    cuts = {window[0], past.registered, *past.way.edges} | _edges(own)
    now = past.at(NEVER_AT)
    found: list[Divergence] = []
    for first, end in _joined(stretches):
        inside = sorted({first, end} | {cut for cut in cuts if first < cut < end})
        for at, until in pairwise(inside):
            asked = Question(territory, at)
            then, correct = past.at(at), recognise(now, asked)
            answered = recognise(then, asked).outcome
            if answered is correct.outcome:
                continue
            if then.tin is None and correct.outcome is not Outcome.RECOGNISED:
                continue
            because = _because(past, asked, correct)
            divergence = Divergence(past.tin, at, until, answered, correct.outcome, because)
            last = found[-1] if found else None
            if last and last == replace(divergence, at=last.at, until=at):
                found[-1] = replace(last, until=until)
            else:
                found.append(divergence)
    return found


def _because(past: DivergenceHistory, asked: Question, correct: RecognitionResult) -> int:
    """The event since which the answer about that day has been what it is now.

    Where several were known at the same instant, the last of them that says something of the day.
    """
    facts = [*past.facts, *past.way.facts]
    later = _beliefs(facts) | {list_.recorded_from for list_ in past.way.lists} | {past.registered}
    beliefs = sorted(known for known in later if known > asked.at)
    known = next(
        known
        for before, known in reversed(list(pairwise([asked.at, *beliefs])))
        if recognise(past.at(before), asked).outcome is not correct.outcome
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
    moved += [(True, list_.position) for list_ in past.way.lists if list_.recorded_from == known]
    return max(moved)[1]


def _then(held: Iterable[Believed[T]], known: datetime) -> list[T]:
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


def _unlike(facts: Iterable[Believed[Any]], window: Between) -> list[Between]:
    """Where what held as it was known on the day says something else than what is known now."""
    there: list[tuple[Between, bool, tuple[Any, ...]]] = []  # where, now, what it says
    for believed in facts:
        fact = believed.fact
        end = fact.valid_to or NEVER_AT
        then = _both(
            (
                max(fact.valid_from, believed.recorded_from),
                min(end, believed.recorded_to or NEVER_AT),
            ),
            window,
        )
        now = _both((fact.valid_from, end), window) if believed.recorded_to is None else None
        if then == now:
            continue
        says = _says(fact)
        there += [
            (where, known_now, says) for where, known_now in ((then, False), (now, True)) if where
        ]
    marks = sorted({mark for where, _, _ in there for mark in where})
    found: list[Between] = []
    for mark, end in pairwise(marks):
        held = [(now, says) for (since, to), now, says in there if since <= mark < to]
        if {says for now, says in held if now} != {says for now, says in held if not now}:
            found.append((mark, end))
    return found


def _both(one: Between, other: Between) -> Between | None:
    since, to = max(one[0], other[0]), min(one[1], other[1])
    return (since, to) if since < to else None


def _joined(stretches: list[Between]) -> list[Between]:
    found: list[Between] = []
    for since, to in sorted(stretches):
        if found and since <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], to))
        else:
            found.append((since, to))
    return found


def _says(fact: Any) -> tuple[Any, ...]:
    names = getattr(fact, "__struct_fields__", None) or tuple(fact.__dataclass_fields__)
    said = (getattr(fact, name) for name in names if name not in ("valid_from", "valid_to"))
    return (type(fact), *said)
