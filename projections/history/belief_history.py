"""Everything ever believed about an operator and the law towards one territory.

Divergences, corrected answers and the change feed all walk this history over transaction time: they
take the facts as they were believed before and after, and ask the recognition rule where the two
differ. Transaction time is given either as a position in the sequence of events (everything up to
that position was recorded) or as an instant in UTC (everything known by then, also what an import
says was known earlier). All functions are pure; projections/history/belief_history_sql.py reads
the facts.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from itertools import pairwise
from typing import Any, Generic, NamedTuple, TypeVar

import msgspec

from projections.history.agreement_access import AgreementAccess, agreement_access
from projections.reads.recognition import edges
from registry.domain.agreements.links import Link
from registry.domain.bitemporal import ALWAYS, NEVER_AT
from registry.domain.consent import Consented, ConsentLaw
from registry.domain.disclosure import CERTIFIED
from registry.domain.operators.timeline import Identified, Period
from registry.domain.recognition import (
    Member,
    Question,
    RecognitionFacts,
    ValidInterval,
    recognise,
)
from registry.domain.values import AdministrationCode, Outcome, Tin

T = TypeVar("T")
TimeInterval = tuple[datetime, datetime]  # Half open: the end is outside.
TransactionTime = int | datetime  # A position, or an instant in UTC.
AnyTime = TypeVar("AnyTime", int, datetime)
#: A list is stale from one microsecond after its maximum age.
_INSTANT = timedelta(microseconds=1)
#: A fact without its valid time: two facts with equal contents say the same.
Content = tuple[Any, ...]


class BelievedFact(msgspec.Struct, Generic[T], frozen=True, gc=False):
    """A fact, believed from the event at `position` until the one at `position_to`; by instants
    (UTC), from `recorded_from` until `recorded_to`."""

    fact: T
    position: int
    recorded_from: datetime
    position_to: int | None = None
    recorded_to: datetime | None = None


class ListReceipt(msgspec.Struct, frozen=True, gc=False):
    """The last list of a home administration, as of an instant (UTC), and the cadence that its
    source declared: received or declared at a position and known since `recorded_from`."""

    administration: str
    as_of: datetime
    position: int
    recorded_from: datetime
    cadence_hours: int | None = None


def believed_at(facts: Iterable[BelievedFact[T]], time: TransactionTime) -> list[T]:
    """Those facts that were believed at a transaction time."""
    if isinstance(time, datetime):
        return [
            row.fact
            for row in facts
            if row.recorded_from <= time and (row.recorded_to is None or time < row.recorded_to)
        ]
    return [
        row.fact
        for row in facts
        if row.position <= time and (row.position_to is None or time < row.position_to)
    ]


def content(fact: Any) -> Content:
    """All fields of a fact except its valid time."""
    names = getattr(fact, "__struct_fields__", None) or tuple(fact.__dataclass_fields__)
    values = (getattr(fact, name) for name in names if name not in ("valid_from", "valid_to"))
    return (type(fact), *values)


def valid_time_edges(facts: Iterable[ValidInterval]) -> set[datetime]:
    """The instants of valid time at which one of these facts begins or ends."""
    return {edge for fact in facts for edge in (fact.valid_from, fact.valid_to) if edge}


def instants_of(facts: Iterable[BelievedFact[Any]]) -> set[datetime]:
    """The instants of transaction time at which what is believed of these facts changed."""
    return {time for fact in facts for time in (fact.recorded_from, fact.recorded_to) if time}


def positions_of(facts: Iterable[BelievedFact[Any]]) -> set[int]:
    """The positions at which what is believed of these facts changed."""
    return {place for fact in facts for place in (fact.position, fact.position_to) if place}


# --------------------------------------------------------------- differences


@dataclass(frozen=True, slots=True)
class ComparedFact:
    """What one of two compared states says over an interval of valid time. `after`: it is the later
    one of the two."""

    interval: TimeInterval
    after: bool
    content: Content


def changed_facts(facts: Iterable[BelievedFact[Any]], position: int) -> list[ComparedFact]:
    """The facts that the event at this position ended or introduced."""
    return [
        ComparedFact(
            (row.fact.valid_from, row.fact.valid_to or NEVER_AT),
            row.position == position,
            content(row.fact),
        )
        for row in facts
        if position in (row.position, row.position_to) and row.position != row.position_to
    ]


def differing_intervals(facts: Sequence[ComparedFact]) -> list[TimeInterval]:
    """The intervals of valid time in which the two states say different things; elsewhere no result
    changes. Sorted; none adjoins the next."""
    found: list[TimeInterval] = []
    for start, end in pairwise(sorted({edge for row in facts for edge in row.interval})):
        valid = [row for row in facts if row.interval[0] <= start < row.interval[1]]
        before = {row.content for row in valid if not row.after}
        if before == {row.content for row in valid if row.after}:
            continue
        if found and found[-1][1] == start:
            found[-1] = (found[-1][0], end)
        else:
            found.append((start, end))
    return found


def last_change(
    believed: Callable[[AnyTime], RecognitionFacts],
    asked: Question,
    outcome: Outcome,
    times: Iterable[AnyTime],
) -> AnyTime | None:
    """The transaction time since which a question has had this outcome.

    `times`: the transaction times at which beliefs changed; the earliest is only compared with.
    None where the outcome was the same at all of them.
    """
    for before, time in reversed(list(pairwise(sorted(times)))):
        if recognise(believed(before), asked).outcome is not outcome:
            return time
    return None


def then_and_now(facts: Iterable[BelievedFact[Any]], window: TimeInterval) -> list[ComparedFact]:
    """What facts say in a window of valid time, as each instant was known at that very instant, and
    as it is known now; without those that say the same in both."""
    found: list[ComparedFact] = []
    for believed in facts:
        start, end = believed.fact.valid_from, believed.fact.valid_to or NEVER_AT
        known_to = believed.recorded_to or NEVER_AT
        then = _overlap((max(start, believed.recorded_from), min(end, known_to)), window)
        now = _overlap((start, end), window) if believed.recorded_to is None else None
        if then == now:
            continue
        stated = content(believed.fact)
        found += [
            ComparedFact(interval, after, stated)
            for interval, after in ((then, False), (now, True))
            if interval
        ]
    return found


def _overlap(one: TimeInterval, other: TimeInterval) -> TimeInterval | None:
    since, to = max(one[0], other[0]), min(one[1], other[1])
    return (since, to) if since < to else None


# ----------------------------------------------------------------- histories


@dataclass
class LawBeliefs:
    """Everything ever believed about the law from one home territory to another.

    It is the same for all operators of the home territory, so computed results are cached in it.
    `programmes`: those that the parties administer, which are all that a difference of the law
    between these territories can come from.
    """

    links: list[BelievedFact[Link]]
    members: list[BelievedFact[Member]]
    consent_laws: list[BelievedFact[ConsentLaw]]
    lists: list[ListReceipt]
    programmes: frozenset[str]
    _at: dict[tuple[type, int], RecognitionFacts] = field(default_factory=dict)
    _changes: dict[int, list[ComparedFact]] = field(default_factory=dict)
    _changed: dict[int, list[TimeInterval]] = field(default_factory=dict)
    _corrected: dict[TimeInterval, list[TimeInterval]] = field(default_factory=dict)
    _edges: dict[int, set[datetime]] = field(default_factory=dict)
    _access: dict[tuple[int, datetime], AgreementAccess | None] = field(default_factory=dict)

    @cached_property
    def facts(self) -> list[BelievedFact[Any]]:
        """All facts except lists."""
        return [*self.links, *self.members, *self.consent_laws]

    @cached_property
    def facts_of_parties(self) -> list[BelievedFact[Any]]:
        """The facts without the consent laws of programmes that other parties administer."""
        laws = [row for row in self.consent_laws if row.fact.programme in self.programmes]
        return [*self.links, *self.members, *laws]

    @cached_property
    def instants(self) -> list[datetime]:
        """The instants of transaction time at which beliefs changed, sorted."""
        return sorted(instants_of(self.facts) | {row.recorded_from for row in self.lists})

    @cached_property
    def positions(self) -> list[int]:
        """The positions at which beliefs changed, sorted."""
        return sorted(positions_of(self.facts) | {row.position for row in self.lists})

    @cached_property
    def age_limits(self) -> set[int]:
        """The ages, in hours, past which a list may be stale: by a clause or by a cadence."""
        limits = [
            *(link.fact.clause.max_age_hours for link in self.links),
            *(row.cadence_hours for row in self.lists),
        ]
        return {hours for hours in limits if hours is not None}

    @cached_property
    def edges_ever(self) -> set[datetime]:
        """Every instant at which a result could change, by anything that was ever believed of the
        law, or because a belief or a list came."""
        stale = {
            row.as_of + timedelta(hours=hours) + _INSTANT
            for row in self.lists
            for hours in self.age_limits
        }
        facts = self.facts_of_parties
        return valid_time_edges(row.fact for row in facts) | {*self.instants} | stale

    def at(self, time: TransactionTime) -> RecognitionFacts:
        """What was believed about the law at a transaction time."""
        if isinstance(time, datetime):
            place = bisect_right(self.instants, time)
            lists = [row for row in self.lists if row.recorded_from <= time]
        else:
            place = bisect_right(self.positions, time)
            lists = [row for row in self.lists if row.position <= time]
        key = type(time), place
        if key not in self._at:
            last = max(lists, key=lambda row: row.position, default=None)
            self._at[key] = RecognitionFacts(
                None,
                links=believed_at(self.links, time),
                members=believed_at(self.members, time),
                consent_laws=believed_at(self.consent_laws, time),
                list_as_of=last.as_of if last else None,
                list_cadence=last.cadence_hours if last else None,
            )
        return self._at[key]

    def changes_at(self, position: int) -> list[ComparedFact]:
        """The facts of the law that the event at this position ended or introduced."""
        if position not in self._changes:
            self._changes[position] = changed_facts(self.facts_of_parties, position)
        return self._changes[position]

    def changed_intervals(self, position: int) -> list[TimeInterval]:
        """The intervals of valid time in which the event at this position changed the law."""
        if position not in self._changed:
            self._changed[position] = (
                [(ALWAYS, NEVER_AT)]
                if self._list_counts(position)
                else differing_intervals(self.changes_at(position))
            )
        return self._changed[position]

    def _list_counts(self, position: int) -> bool:
        """True where a list was received or a cadence declared at this position, and a clause or
        a cadence limits the age of lists."""
        return any(row.position == position for row in self.lists) and (
            any(row.cadence_hours is not None for row in self.lists)
            or any(link.clause.max_age_hours is not None for link in self.at(position).links)
        )

    def corrected_intervals(self, window: TimeInterval) -> list[TimeInterval]:
        """Where, in a window of valid time, the law or the age of the home administration's list
        was not known on the day as it is known now."""
        if window not in self._corrected:
            found = differing_intervals(then_and_now(self.facts_of_parties, window))
            listed = max((row.recorded_from for row in self.lists), default=ALWAYS)
            if self.age_limits and listed > window[0]:
                found.append((window[0], min(listed, window[1])))
            self._corrected[window] = found
        return self._corrected[window]

    def edges(self, position: int) -> set[datetime]:
        """Every instant at which a result could change, by the law believed at this position."""
        if position not in self._edges:
            self._edges[position] = edges(self.at(position))
        return self._edges[position]

    def access(
        self, home: AdministrationCode, partner: AdministrationCode, position: int, at: datetime
    ) -> AgreementAccess | None:
        """What the agreements at that instant let the subject see of this home's operators."""
        place = position, at
        if place not in self._access:
            self._access[place] = agreement_access(self.at(position), home, partner, at)
        return self._access[place]


class OwnFacts(NamedTuple):
    """What was believed at one transaction time about an operator, apart from the law."""

    periods: list[Period]
    identifiers: list[Identified]
    consents: list[Consented]


@dataclass
class OperatorPast:
    """Everything ever believed about an operator, apart from the law. `registered`: the instant
    (UTC) since which it has been known.

    What is computed from it at a position is cached, because the change feed asks for it once for
    each territory.
    """

    tin: Tin
    administration: AdministrationCode
    registered: datetime
    periods: list[BelievedFact[Period]]
    identifiers: list[BelievedFact[Identified]]
    consents: list[BelievedFact[Consented]]
    _at: dict[int, OwnFacts] = field(default_factory=dict)
    _edges: dict[int, set[datetime]] = field(default_factory=dict)
    _changes: dict[int, list[ComparedFact]] = field(default_factory=dict)
    _changed: dict[int, list[TimeInterval]] = field(default_factory=dict)
    _certified: dict[int, bool] = field(default_factory=dict)

    @cached_property
    def facts(self) -> list[BelievedFact[Any]]:
        """All facts about the operator itself."""
        return [*self.periods, *self.identifiers, *self.consents]

    def at(self, time: TransactionTime) -> OwnFacts:
        """What was believed at a transaction time."""
        found = self._at.get(time) if isinstance(time, int) else None
        if found is None:
            found = OwnFacts(
                believed_at(self.periods, time),
                believed_at(self.identifiers, time),
                believed_at(self.consents, time),
            )
            if isinstance(time, int):
                self._at[time] = found
        return found

    def edges(self, position: int) -> set[datetime]:
        """The instants of valid time at which a fact that was believed at this position begins or
        ends, without those that never come."""
        if position not in self._edges:
            own = self.at(position)
            found = valid_time_edges((*own.periods, *own.identifiers, *own.consents))
            self._edges[position] = {edge for edge in found if ALWAYS < edge < NEVER_AT}
        return self._edges[position]

    def changes_at(self, position: int) -> list[ComparedFact]:
        """The facts that the event at this position ended or introduced."""
        if position not in self._changes:
            self._changes[position] = changed_facts(self.facts, position)
        return self._changes[position]

    def changed_intervals(self, position: int) -> list[TimeInterval]:
        """The intervals of valid time in which the event at this position changed a fact."""
        if position not in self._changed:
            self._changed[position] = differing_intervals(self.changes_at(position))
        return self._changed[position]

    def certified(self, position: int) -> bool:
        """True where anything was granted by then. Before that only the home administration may see
        the operator."""
        if position not in self._certified:
            self._certified[position] = any(
                row.position <= position and row.fact.status in CERTIFIED for row in self.periods
            )
        return self._certified[position]

    def consent_edges(self) -> set[datetime]:
        """The instants at which a consent begins or ends."""
        return valid_time_edges(row.fact for row in self.consents)

    def beliefs(self, law: LawBeliefs, subject_law: LawBeliefs) -> OperatorBeliefs:
        """The same with the law towards a territory, and towards the subject's own."""
        return OperatorBeliefs(self, law, subject_law)


@dataclass
class OperatorBeliefs:
    """Everything ever believed about an operator and the law towards one territory.

    `subject_law`: the law towards the subject's own territory, which decides whether it may see the
    operator.
    """

    past: OperatorPast
    law: LawBeliefs
    subject_law: LawBeliefs

    @property
    def tin(self) -> Tin:
        """The operator's TIN."""
        return self.past.tin

    @property
    def administration(self) -> AdministrationCode:
        """The operator's home administration."""
        return self.past.administration

    @property
    def registered(self) -> datetime:
        """The instant (UTC) since which the operator has been known."""
        return self.past.registered

    @property
    def periods(self) -> list[BelievedFact[Period]]:
        """Its authorisations, by intervals of valid time."""
        return self.past.periods

    @property
    def consents(self) -> list[BelievedFact[Consented]]:
        """Its consents to sharing."""
        return self.past.consents

    @property
    def own_facts(self) -> list[BelievedFact[Any]]:
        """All facts about the operator itself."""
        return self.past.facts

    @cached_property
    def facts(self) -> list[BelievedFact[Any]]:
        """Its own facts and those of the law; of consent laws, those of its own programmes."""
        programmes = {row.fact.programme for row in self.periods}
        laws = [row for row in self.law.consent_laws if row.fact.programme in programmes]
        return [*self.own_facts, *self.law.links, *self.law.members, *laws]

    def at(self, time: TransactionTime) -> RecognitionFacts:
        """What was believed at a transaction time, where the operator was registered by then."""
        law, own = self.law.at(time), self.past.at(time)
        return RecognitionFacts(
            self.past.tin,
            self.past.administration,
            own.periods,
            own.identifiers,
            own.consents,
            law.links,
            law.members,
            law.consent_laws,
            law.list_as_of,
            law.list_cadence,
        )

    def certified(self, position: int) -> bool:
        """True where anything was granted by then. Before that only the home administration may see
        the operator."""
        return self.past.certified(position)
