"""What the feed of a territory tells: the new course of one operator's answer, at one position.

Here a belief is told by its place in the sequence, not by its instant: what was believed at a
position is compared with what was believed before it. Everything in this module is pure; the SQL
that brings the facts is in projections/reads/changes.py.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any, Generic, NamedTuple, TypeVar

import msgspec

from projections.reads.recognition import edges
from projections.reads.visibility import Sight
from registry.clocks import ALWAYS, NEVER_AT
from registry.disclosure import CERTIFIED
from registry.links import Link, LinkState
from registry.recognition import (
    ConsentLaw,
    Facts,
    Member,
    Question,
    Stretch,
    holds,
    recognise,
)
from registry.standing import Consented, Identified, Period
from registry.values import AdministrationCode, Outcome, ReasonCode, Tin

T = TypeVar("T")
Between = tuple[datetime, datetime]  # half open: the end is outside

#: No question is answered for an instant before it.
EARLIEST = datetime(1900, 1, 1, tzinfo=UTC)


class Held(msgspec.Struct, Generic[T], frozen=True):
    """A fact, believed from the event at `position` on, until the one at `position_to`."""

    fact: T
    position: int
    position_to: int | None = None


class Listed(msgspec.Struct, frozen=True):
    """The list of a home administration, as of an instant (UTC), received at a position."""

    administration: str
    as_of: datetime
    position: int


class Verdict(NamedTuple):
    """What is said of an operator for one instant of law."""

    outcome: Outcome
    reasons: tuple[ReasonCode, ...]


#: What is said of an operator that is unknown to the asker, or hidden from it.
HIDDEN = Verdict(Outcome.UNKNOWN, (ReasonCode.NO_INFORMATION,))


@dataclass(frozen=True)
class Step:
    """One place in the sequence at which an answer may have become another.

    `before` and `at` are instants (UTC): when the event at `previous` was recorded, and when the
    one at `position` was. Where both positions are the same, time alone has passed.
    """

    position: int
    previous: int
    before: datetime
    at: datetime


# --------------------------------------------------------------------- facts


@dataclass(frozen=True, slots=True)
class Moved:
    """A fact that an event took back (`before`) or put in place. `says`: all but when it holds."""

    fact: Stretch
    before: bool
    says: tuple[Any, ...]


@dataclass
class Way:
    """Everything ever believed of the law from one home territory to another. The same for all its
    operators, so what is worked out for one of them is kept for the others."""

    links: list[Held[Link]]
    members: list[Held[Member]]
    consent_laws: list[Held[ConsentLaw]]
    lists: list[Listed]
    _at: dict[int, Facts] = field(default_factory=dict)
    _moved: dict[int, list[Moved]] = field(default_factory=dict)
    _unlike: dict[int, list[Between]] = field(default_factory=dict)
    _edges: dict[int, set[datetime]] = field(default_factory=dict)
    _opened: dict[tuple[int, datetime], Opened | None] = field(default_factory=dict)

    def at(self, position: int) -> Facts:
        """What was believed of the law alone when everything up to this position was recorded."""
        if position not in self._at:
            lists = [each.as_of for each in self.lists if each.position <= position]
            self._at[position] = Facts(
                None,
                links=_then(self.links, position),
                members=_then(self.members, position),
                consent_laws=_then(self.consent_laws, position),
                list_as_of=max(lists, default=None),
            )
        return self._at[position]

    def moved(self, position: int) -> list[Moved]:
        if position not in self._moved:
            rows = (self.links, self.members, self.consent_laws)
            self._moved[position] = [each for held in rows for each in _moved(held, position)]
        return self._moved[position]

    def unlike(self, position: int) -> list[Between]:
        """Where the law says something else since the event at this position."""
        if position not in self._unlike:
            self._unlike[position] = (
                [(ALWAYS, NEVER_AT)] if self._list_counts(position)
                else _unlike(self.moved(position))
            )  # fmt: skip
        return self._unlike[position]

    def _list_counts(self, position: int) -> bool:
        """Was a list received here, and does a clause set a limit to the age of a list?"""
        return any(each.position == position for each in self.lists) and any(
            link.clause.max_age_hours is not None for link in self.at(position).links
        )

    def edges(self, position: int) -> set[datetime]:
        """Every instant at which an answer could change, by the law at this position."""
        if position not in self._edges:
            self._edges[position] = edges(self.at(position))
        return self._edges[position]

    def opened(
        self, home: AdministrationCode, asker: AdministrationCode, position: int, at: datetime
    ) -> Opened | None:
        """What the agreements of that instant open to the asker of this home's operators."""
        place = position, at
        if place not in self._opened:
            self._opened[place] = _opened(self.at(position), home, asker, at)
        return self._opened[place]


@dataclass
class Past:
    """Everything ever believed of an operator and of its way into one territory.

    `sight`: the way into the territory of the asker, by which the asker may see the operator.
    """

    tin: Tin
    administration: AdministrationCode
    periods: list[Held[Period]]
    identifiers: list[Held[Identified]]
    consents: list[Held[Consented]]
    way: Way
    sight: Way

    def at(self, position: int) -> Facts:
        """What was believed when everything up to this position was recorded."""
        law = self.way.at(position)
        return Facts(
            self.tin, self.administration, _then(self.periods, position),
            _then(self.identifiers, position), _then(self.consents, position),
            law.links, law.members, law.consent_laws, law.list_as_of,
        )  # fmt: skip

    def certified(self, position: int) -> bool:
        """Was anything granted by then? Before that nobody abroad hears of the operator."""
        return any(
            each.position <= position and each.fact.status in CERTIFIED for each in self.periods
        )

    def moved(self, position: int) -> list[Moved]:
        own = (self.periods, self.identifiers, self.consents)
        return [each for held in own for each in _moved(held, position)]


def _then(held: list[Held[T]], position: int) -> list[T]:
    return [
        each.fact
        for each in held
        if each.position <= position and (each.position_to is None or each.position_to > position)
    ]


def _moved(held: Sequence[Held[Any]], position: int) -> list[Moved]:
    return [
        Moved(each.fact, each.position != position, _says(each.fact))
        for each in held
        if position in (each.position, each.position_to) and each.position != each.position_to
    ]


def _own_edges(facts: Facts) -> set[datetime]:
    own: tuple[Sequence[Stretch], ...] = (facts.periods, facts.identifiers, facts.consents)
    found = {edge for held in own for each in held for edge in (each.valid_from, each.valid_to)}
    return {edge for edge in found if edge and ALWAYS < edge < NEVER_AT}


def _unlike(moved: list[Moved]) -> list[Between]:
    """Where what holds says something else before and after; elsewhere every answer stays."""
    marks = {each.fact.valid_from for each in moved}
    marks |= {each.fact.valid_to or NEVER_AT for each in moved}
    found: list[Between] = []
    for mark, end in pairwise(sorted(marks)):
        there = [each for each in moved if holds(each.fact, mark)]
        before = {each.says for each in there if each.before}
        if before == {each.says for each in there if not each.before}:
            continue
        if found and found[-1][1] == mark:
            found[-1] = (found[-1][0], end)
        else:
            found.append((mark, end))
    return found


def _says(fact: Any) -> tuple[Any, ...]:
    names = getattr(fact, "__struct_fields__", None) or tuple(fact.__dataclass_fields__)
    said = (getattr(fact, name) for name in names if name not in ("valid_from", "valid_to"))
    return (type(fact), *said)


# --------------------------------------------------------------------- sight


@dataclass(frozen=True)
class Opened:
    """What agreements open to an asker: with or without consent, and to whom consent may be."""

    consent_required: bool
    consent_to: frozenset[AdministrationCode]
    consent_laws: frozenset[str]  # programmes whose own law asks for consent


def _opened(
    law: Facts, home: AdministrationCode, asker: AdministrationCode, at: datetime
) -> Opened | None:
    def covers(party: AdministrationCode, code: AdministrationCode) -> bool:
        return party == code or any(
            m.bloc == party and m.member == code and holds(m, at) for m in law.members
        )

    links = [
        link
        for link in law.links
        if link.state in (LinkState.LIVE, LinkState.UNCERTAIN) and holds(link, at)
        and covers(link.clause.from_, home) and covers(link.clause.to, asker)
    ]  # fmt: skip
    if not links:
        return None
    return Opened(
        all(link.clause.consent_required for link in links),
        # Consent to a bloc counts for its members' own agreements of that day.
        frozenset({asker, *(m.bloc for m in law.members if covers(m.bloc, asker))}),
        frozenset(each.programme for each in law.consent_laws if holds(each, at)),
    )


def sees(past: Past, facts: Facts, sight: Sight, position: int, at: datetime) -> bool:
    """May the asker see this operator at that instant (UTC), by what was believed at a position?

    The same as VISIBLE in projections/reads/visibility.py, of partners, officers and auditors.
    """
    if sight.role == "auditor":
        return True
    if sight.administration is None or sight.role not in ("partner", "officer"):
        return False
    asker, home = AdministrationCode(sight.administration), past.administration
    if sight.role == "officer" and (
        home == asker
        or any(
            m.bloc == asker and m.member == home and holds(m, at)
            for m in past.sight.at(position).members
        )
    ):
        return True
    opened = past.sight.opened(home, asker, position, at)
    if opened is None or not past.certified(position):
        return False
    if not opened.consent_required and opened.consent_laws.isdisjoint(
        period.programme for period in facts.periods
    ):
        return True
    return any(c.partner in opened.consent_to and holds(c, at) for c in facts.consents)


# ------------------------------------------------------------------- changes


@dataclass(frozen=True)
class CourseStretch:
    """A stretch of law [from, to) in UTC, and what is said of it. `to` None: no end is known.

    `facts`: those that the reasons speak of; of what is hidden there are none.
    """

    from_: datetime
    to: datetime | None
    verdict: Verdict
    facts: Facts


@dataclass(frozen=True)
class Change:
    """From `effective_from` on (in law, UTC) the answer takes another course than was told before.

    `facts`: what is believed since. `hidden_from`: from that instant of law on nothing is told,
    because the operator is hidden from the asker since.
    """

    position: int
    tin: Tin
    was: Outcome
    effective_from: datetime
    facts: Facts
    territory: AdministrationCode
    hidden_from: datetime | None = None

    @property
    def now(self) -> Outcome:
        return self.verdict(self.effective_from).outcome

    def verdict(self, at: datetime) -> Verdict:
        if self.hidden_from is not None and at >= self.hidden_from:
            return HIDDEN
        return _verdict(self.facts, self.territory, at)

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
            found.append(CourseStretch(start, None, said, self.facts if shown else Facts(None)))
        return found


def _verdict(facts: Facts, territory: AdministrationCode, at: datetime) -> Verdict:
    answer = recognise(facts, Question(territory, at))
    return Verdict(answer.outcome, answer.reasons)


def change(past: Past, territory: AdministrationCode, step: Step, sight: Sight) -> Change | None:
    """What the asker is told of an operator at a step; None where it is told nothing.

    Three cases. What it sees before and after: told from the first instant that is answered
    otherwise. What it sees only since: told where it is recognised, and from now on. What is
    hidden from it since: told once that it is so, and nothing that was recorded later.
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
        return _hides(past, territory, step, sight, before, after)
    was, first = HIDDEN.outcome, None
    if saw:
        cuts = past.way.edges(step.previous) | past.way.edges(step.position)
        cuts |= _own_edges(before) | _own_edges(after)
        first = _first_unlike(before, after, territory, stretches, cuts)
        was = _verdict(before, territory, first).outcome if first else was
    elif seen:
        first = _first_to_tell(after, territory, step.at)
    return Change(step.position, past.tin, was, first, after, territory) if first else None


def _alike(past: Past, step: Step, sight: Sight) -> bool:
    """Does the law open the same at both instants, and is no consent to begin or to end between?"""
    if sight.role == "auditor":
        return True
    asker, home = AdministrationCode(sight.administration or ""), past.administration
    way = past.sight
    return (
        way.opened(home, asker, step.previous, step.before)
        == way.opened(home, asker, step.position, step.at)
        and not any(
            step.before < edge <= step.at
            for each in past.consents
            for edge in (each.fact.valid_from, each.fact.valid_to)
            if edge
        )
    )


def _stretches(past: Past, own: list[Moved], position: int) -> list[Between]:
    """Where the event at this position may have made an answer another one."""
    law = past.way.unlike(position)
    if not own:
        return law
    if law and law[0] == (ALWAYS, NEVER_AT):
        return law
    return _unlike(own + past.way.moved(position))


def _first_unlike(
    before: Facts, after: Facts, territory: AdministrationCode, stretches: list[Between],
    cuts: set[datetime],
) -> datetime | None:  # fmt: skip
    for start, end in stretches:
        first = max(start, EARLIEST)
        for cut in sorted({first} | {edge for edge in cuts if first < edge < end}):
            if _verdict(before, territory, cut) != _verdict(after, territory, cut):
                return cut
    return None


def _first_to_tell(
    after: Facts, territory: AdministrationCode, now: datetime
) -> datetime | None:
    """Of an operator that is seen only since: the first instant at which it is recognised, or from
    which on something else is said of it than of an unknown one."""
    for start, end in _pieces(edges(after)):
        said = _verdict(after, territory, start)
        if said.outcome is Outcome.RECOGNISED:
            return start
        if said != HIDDEN and end > now:
            return max(start, now)
    return None


def _hides(
    past: Past, territory: AdministrationCode, step: Step, sight: Sight, before: Facts,
    after: Facts,
) -> Change | None:  # fmt: skip
    """The asker hears that an operator is hidden from it, by an event or because time passed."""
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
            return Change(
                step.position, past.tin, was.outcome, start, after, territory, hidden
            )
    return None


def _hidden_since(past: Past, facts: Facts, step: Step, sight: Sight) -> datetime:
    """The instant, after `step.before`, since when the operator has been hidden at `step.at`."""
    law = past.sight.edges(step.previous)
    between = sorted(edge for edge in law | _own_edges(facts) if step.before < edge <= step.at)
    since = step.at
    for edge in reversed(between):
        if sees(past, facts, sight, step.previous, edge):
            break
        since = edge
    return since


def _pieces(cuts: set[datetime]) -> Iterator[Between]:
    """The whole of time that is asked about, cut at these instants."""
    return pairwise([EARLIEST, *sorted(cut for cut in cuts if cut > EARLIEST), NEVER_AT])
