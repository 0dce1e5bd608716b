"""Everything ever believed about an operator and the law towards one territory, and who may see it.

Transaction time is a position in the sequence of events here, not an instant: an event is compared
with everything recorded before its position. All functions are pure.
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
TimeInterval = tuple[datetime, datetime]  # half open: the end is outside


class BelievedFact(msgspec.Struct, Generic[T], frozen=True):
    """A fact, believed from the event at `position` until the one at `position_to`."""

    fact: T
    position: int
    position_to: int | None = None


class ListReceipt(msgspec.Struct, frozen=True):
    """A list of a home administration, as of an instant (UTC), received at a position."""

    administration: str
    as_of: datetime
    position: int


# --------------------------------------------------------------------- facts


@dataclass(frozen=True, slots=True)
class BeliefChange:
    """A fact that an event ended (`before`) or introduced. `content`: all its fields except its
    valid time."""

    fact: ValidInterval
    before: bool
    content: tuple[Any, ...]


@dataclass
class LawBeliefs:
    """Everything ever believed about the law from one home territory to another. It is the same for
    all operators of the home territory, so computed results are cached in it."""

    links: list[BelievedFact[Link]]
    members: list[BelievedFact[Member]]
    consent_laws: list[BelievedFact[ConsentLaw]]
    lists: list[ListReceipt]
    _at: dict[int, RecognitionFacts] = field(default_factory=dict)
    _changes: dict[int, list[BeliefChange]] = field(default_factory=dict)
    _differing: dict[int, list[TimeInterval]] = field(default_factory=dict)
    _edges: dict[int, set[datetime]] = field(default_factory=dict)
    _access: dict[tuple[int, datetime], AgreementAccess | None] = field(default_factory=dict)

    def at(self, position: int) -> RecognitionFacts:
        """What was believed about the law when everything up to this position was recorded."""
        if position not in self._at:
            lists = [row.as_of for row in self.lists if row.position <= position]
            self._at[position] = RecognitionFacts(
                None,
                links=_known_at(self.links, position),
                members=_known_at(self.members, position),
                consent_laws=_known_at(self.consent_laws, position),
                list_as_of=max(lists, default=None),
            )
        return self._at[position]

    def changes_at(self, position: int) -> list[BeliefChange]:
        if position not in self._changes:
            rows = (self.links, self.members, self.consent_laws)
            self._changes[position] = [row for held in rows for row in _changes(held, position)]
        return self._changes[position]

    def differing_intervals(self, position: int) -> list[TimeInterval]:
        """The intervals of valid time in which the event at this position changed the law."""
        if position not in self._differing:
            self._differing[position] = (
                [(ALWAYS, NEVER_AT)]
                if self._list_counts(position)
                else differing_intervals(self.changes_at(position))
            )
        return self._differing[position]

    def _list_counts(self, position: int) -> bool:
        """True where a list was received at this position and a clause limits the age of lists."""
        return any(row.position == position for row in self.lists) and any(
            link.clause.max_age_hours is not None for link in self.at(position).links
        )

    def edges(self, position: int) -> set[datetime]:
        """Every instant at which a result could change, by the law known at this position."""
        if position not in self._edges:
            self._edges[position] = edges(self.at(position))
        return self._edges[position]

    def access(
        self, home: AdministrationCode, partner: AdministrationCode, position: int, at: datetime
    ) -> AgreementAccess | None:
        """What the agreements at that instant let the subject see of this home's operators."""
        place = position, at
        if place not in self._access:
            self._access[place] = _access(self.at(position), home, partner, at)
        return self._access[place]


@dataclass
class OperatorBeliefs:
    """Everything ever believed about an operator and the law towards one territory.

    `subject_law`: the law towards the subject's own territory, which decides whether it may see the
    operator.
    """

    tin: Tin
    administration: AdministrationCode
    periods: list[BelievedFact[Period]]
    identifiers: list[BelievedFact[Identified]]
    consents: list[BelievedFact[Consented]]
    law: LawBeliefs
    subject_law: LawBeliefs

    def at(self, position: int) -> RecognitionFacts:
        """What was believed when everything up to this position was recorded."""
        law = self.law.at(position)
        return RecognitionFacts(
            self.tin,
            self.administration,
            _known_at(self.periods, position),
            _known_at(self.identifiers, position),
            _known_at(self.consents, position),
            law.links,
            law.members,
            law.consent_laws,
            law.list_as_of,
        )

    def certified(self, position: int) -> bool:
        """True where anything was granted by then. Before that only the home administration is told
        of the operator."""
        return any(
            row.position <= position and row.fact.status in CERTIFIED for row in self.periods
        )

    def changes_at(self, position: int) -> list[BeliefChange]:
        own = (self.periods, self.identifiers, self.consents)
        return [row for held in own for row in _changes(held, position)]


def _known_at(held: list[BelievedFact[T]], position: int) -> list[T]:
    return [
        row.fact
        for row in held
        if row.position <= position and (row.position_to is None or row.position_to > position)
    ]


def _changes(held: Sequence[BelievedFact[Any]], position: int) -> list[BeliefChange]:
    return [
        BeliefChange(row.fact, row.position != position, _content(row.fact))
        for row in held
        if position in (row.position, row.position_to) and row.position != row.position_to
    ]


def own_edges(facts: RecognitionFacts) -> set[datetime]:
    own: tuple[Sequence[ValidInterval], ...] = (facts.periods, facts.identifiers, facts.consents)
    found = {edge for held in own for row in held for edge in (row.valid_from, row.valid_to)}
    return {edge for edge in found if edge and ALWAYS < edge < NEVER_AT}


def differing_intervals(changes: list[BeliefChange]) -> list[TimeInterval]:
    """The intervals of valid time in which the valid facts differ before and after; elsewhere no
    result changes."""
    edges_of_changes = {row.fact.valid_from for row in changes}
    edges_of_changes |= {row.fact.valid_to or NEVER_AT for row in changes}
    found: list[TimeInterval] = []
    for start, end in pairwise(sorted(edges_of_changes)):
        valid = [row for row in changes if is_valid_at(row.fact, start)]
        before = {row.content for row in valid if row.before}
        if before == {row.content for row in valid if not row.before}:
            continue
        if found and found[-1][1] == start:
            found[-1] = (found[-1][0], end)
        else:
            found.append((start, end))
    return found


def _content(fact: Any) -> tuple[Any, ...]:
    names = getattr(fact, "__struct_fields__", None) or tuple(fact.__dataclass_fields__)
    values = (getattr(fact, name) for name in names if name not in ("valid_from", "valid_to"))
    return (type(fact), *values)


# ---------------------------------------------------------------- visibility


@dataclass(frozen=True)
class AgreementAccess:
    """What agreements let a subject see: whether consent is required, and to which administrations
    it may be given."""

    consent_required: bool
    consent_to: frozenset[AdministrationCode]
    consent_laws: frozenset[str]  # Programmes whose own law requires consent.


def _access(
    law: RecognitionFacts, home: AdministrationCode, partner: AdministrationCode, at: datetime
) -> AgreementAccess | None:
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
        and covers(link.clause.to, partner)
    ]
    if not links:
        return None
    return AgreementAccess(
        all(link.clause.consent_required for link in links),
        # Consent to a bloc counts for the agreements of its members at that instant.
        frozenset({partner, *(m.bloc for m in law.members if covers(m.bloc, partner))}),
        frozenset(row.programme for row in law.consent_laws if is_valid_at(row, at)),
    )


def can_see(
    beliefs: OperatorBeliefs,
    facts: RecognitionFacts,
    scope: VisibilityScope,
    position: int,
    at: datetime,
) -> bool:
    """True where the subject may see this operator at that instant (UTC), by what was believed at a
    position.

    The same as VISIBLE in projections/reads/visibility.py, for partners, officers and auditors.
    """
    if scope.role == "auditor":
        return True
    if scope.administration is None or scope.role not in ("partner", "officer"):
        return False
    partner, home = AdministrationCode(scope.administration), beliefs.administration
    if scope.role == "officer" and (
        home == partner
        or any(
            m.bloc == partner and m.member == home and is_valid_at(m, at)
            for m in beliefs.subject_law.at(position).members
        )
    ):
        return True
    access = beliefs.subject_law.access(home, partner, position, at)
    if access is None or not beliefs.certified(position):
        return False
    if not access.consent_required and access.consent_laws.isdisjoint(
        period.programme for period in facts.periods
    ):
        return True
    return any(c.partner in access.consent_to and is_valid_at(c, at) for c in facts.consents)
