"""All that was ever believed of an operator and of its way into one territory, and who may see it.

Here a belief is told by its place in the sequence, not by its instant: an event at a position is
compared with everything recorded before that position. Everything in this module is pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise
from typing import Any, Generic, TypeVar

import msgspec

from projections.reads.recognition import edges
from projections.reads.visibility import VisibilityScope
from registry.domain.agreements.timeline import Link, LinkState
from registry.domain.bitemporal import ALWAYS, NEVER_AT
from registry.domain.disclosure import CERTIFIED
from registry.domain.operators.timeline import Consented, Identified, Period
from registry.domain.recognition import (
    ConsentLaw,
    Member,
    RecognitionFacts,
    ValidInterval,
    is_valid_at,
)
from registry.domain.values import AdministrationCode, Tin

T = TypeVar("T")
Between = tuple[datetime, datetime]  # half open: the end is outside


class BelievedFact(msgspec.Struct, Generic[T], frozen=True):
    """A fact, believed from the event at `position` on, until the one at `position_to`."""

    fact: T
    position: int
    position_to: int | None = None


class ListReceipt(msgspec.Struct, frozen=True):
    """The list of a home administration, as of an instant (UTC), received at a position."""

    administration: str
    as_of: datetime
    position: int


# --------------------------------------------------------------------- facts


@dataclass(frozen=True, slots=True)
class BeliefChange:
    """A fact that an event took back (`before`) or put in place. `says`: all but when it holds."""

    fact: ValidInterval
    before: bool
    says: tuple[Any, ...]


@dataclass
class Way:
    """Everything ever believed of the law from one home territory to another. The same for all its
    operators, so what is worked out for one of them is kept for the others."""

    links: list[BelievedFact[Link]]
    members: list[BelievedFact[Member]]
    consent_laws: list[BelievedFact[ConsentLaw]]
    lists: list[ListReceipt]
    _at: dict[int, RecognitionFacts] = field(default_factory=dict)
    _moved: dict[int, list[BeliefChange]] = field(default_factory=dict)
    _unlike: dict[int, list[Between]] = field(default_factory=dict)
    _edges: dict[int, set[datetime]] = field(default_factory=dict)
    _opened: dict[tuple[int, datetime], Opened | None] = field(default_factory=dict)

    def at(self, position: int) -> RecognitionFacts:
        """What was believed of the law alone when everything up to this position was recorded."""
        if position not in self._at:
            lists = [each.as_of for each in self.lists if each.position <= position]
            self._at[position] = RecognitionFacts(
                None,
                links=_then(self.links, position),
                members=_then(self.members, position),
                consent_laws=_then(self.consent_laws, position),
                list_as_of=max(lists, default=None),
            )
        return self._at[position]

    def moved(self, position: int) -> list[BeliefChange]:
        if position not in self._moved:
            rows = (self.links, self.members, self.consent_laws)
            self._moved[position] = [each for held in rows for each in _moved(held, position)]
        return self._moved[position]

    def unlike(self, position: int) -> list[Between]:
        """Where the law says something else since the event at this position."""
        if position not in self._unlike:
            self._unlike[position] = (
                [(ALWAYS, NEVER_AT)]
                if self._list_counts(position)
                else unlike(self.moved(position))
            )
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
    periods: list[BelievedFact[Period]]
    identifiers: list[BelievedFact[Identified]]
    consents: list[BelievedFact[Consented]]
    way: Way
    sight: Way

    def at(self, position: int) -> RecognitionFacts:
        """What was believed when everything up to this position was recorded."""
        law = self.way.at(position)
        return RecognitionFacts(
            self.tin,
            self.administration,
            _then(self.periods, position),
            _then(self.identifiers, position),
            _then(self.consents, position),
            law.links,
            law.members,
            law.consent_laws,
            law.list_as_of,
        )

    def certified(self, position: int) -> bool:
        """Was anything granted by then? Before that nobody abroad hears of the operator."""
        return any(
            each.position <= position and each.fact.status in CERTIFIED for each in self.periods
        )

    def moved(self, position: int) -> list[BeliefChange]:
        own = (self.periods, self.identifiers, self.consents)
        return [each for held in own for each in _moved(held, position)]


def _then(held: list[BelievedFact[T]], position: int) -> list[T]:
    return [
        each.fact
        for each in held
        if each.position <= position and (each.position_to is None or each.position_to > position)
    ]


def _moved(held: Sequence[BelievedFact[Any]], position: int) -> list[BeliefChange]:
    return [
        BeliefChange(each.fact, each.position != position, _says(each.fact))
        for each in held
        if position in (each.position, each.position_to) and each.position != each.position_to
    ]


def own_edges(facts: RecognitionFacts) -> set[datetime]:
    own: tuple[Sequence[ValidInterval], ...] = (facts.periods, facts.identifiers, facts.consents)
    found = {edge for held in own for each in held for edge in (each.valid_from, each.valid_to)}
    return {edge for edge in found if edge and ALWAYS < edge < NEVER_AT}


def unlike(moved: list[BeliefChange]) -> list[Between]:
    """Where what holds says something else before and after; elsewhere every answer stays."""
    marks = {each.fact.valid_from for each in moved}
    marks |= {each.fact.valid_to or NEVER_AT for each in moved}
    found: list[Between] = []
    for mark, end in pairwise(sorted(marks)):
        there = [each for each in moved if is_valid_at(each.fact, mark)]
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
    """What agreements open to an asker: whether consent is required, and to which administrations
    it may be given."""

    consent_required: bool
    consent_to: frozenset[AdministrationCode]
    consent_laws: frozenset[str]  # programmes whose own law asks for consent


def _opened(
    law: RecognitionFacts, home: AdministrationCode, asker: AdministrationCode, at: datetime
) -> Opened | None:
    def covers(party: AdministrationCode, code: AdministrationCode) -> bool:
        return party == code or any(
            m.bloc == party and m.member == code and is_valid_at(m, at) for m in law.members
        )

    links = [
        link
        for link in law.links
        if link.state in (LinkState.LIVE, LinkState.UNCERTAIN)
        and is_valid_at(link, at)
        and covers(link.clause.from_, home)
        and covers(link.clause.to, asker)
    ]
    if not links:
        return None
    return Opened(
        all(link.clause.consent_required for link in links),
        # Consent to a bloc counts for its members' own agreements of that day.
        frozenset({asker, *(m.bloc for m in law.members if covers(m.bloc, asker))}),
        frozenset(each.programme for each in law.consent_laws if is_valid_at(each, at)),
    )


def sees(
    past: Past, facts: RecognitionFacts, sight: VisibilityScope, position: int, at: datetime
) -> bool:
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
            m.bloc == asker and m.member == home and is_valid_at(m, at)
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
    return any(c.partner in opened.consent_to and is_valid_at(c, at) for c in facts.consents)
