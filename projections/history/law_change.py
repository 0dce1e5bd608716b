"""The law as it would be with a decision that is not recorded: about an agreement, a programme or
an administration.

The facts of the law that the stream states are computed without and with the decision, by the same
functions as the rows of the read models. Put in place of those that are believed now, they give the
law towards every territory before and after, and the intervals of valid time in which the two
differ. All instants are in UTC; all functions are pure.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import pairwise
from typing import Any, NamedTuple, TypeVar

from projections.history.belief_history import (
    BelievedFact,
    ComparedFact,
    LawBeliefs,
    ListReceipt,
    TimeInterval,
    content,
    differing_intervals,
)
from projections.history.belief_history_sql import LawHistory, WholeLaw
from projections.models import administrations, programmes
from projections.reads.recognition import edges
from registry.domain.administrations import Administration
from registry.domain.agreements.events import Agreement
from registry.domain.agreements.links import Link
from registry.domain.agreements.timeline import build_timeline
from registry.domain.bitemporal import ALWAYS, NEVER_AT, TimedEvent
from registry.domain.consent import ADEQUATE, CONSENT_LAWS, GENERAL, OF_ADEQUACY, ConsentLaw
from registry.domain.programmes import Programme
from registry.domain.recognition import Member, RecognitionFacts
from registry.domain.values import AdministrationCode, AgreementKind, Sense

#: The position of what is not recorded: after everything that is.
UNRECORDED = 2**62

T = TypeVar("T")
Codes = frozenset[AdministrationCode]


class LawFacts(NamedTuple):
    """What one stream states of the law, as it is believed now."""

    links: frozenset[Link] = frozenset()
    members: frozenset[Member] = frozenset()
    consent_laws: frozenset[ConsentLaw] = frozenset()
    lists: tuple[tuple[datetime, int | None], ...] = ()


def law_facts(events: Sequence[Any], now: datetime) -> LawFacts:
    """The facts of the law that the events of one stream state; none for a stream that states no
    law."""
    timed = [TimedEvent(event, number, now) for number, event in enumerate(events, 1)]
    match events[0] if events else None:
        case Agreement.Proposed(kind=AgreementKind.AEO_MUTUAL_RECOGNITION):
            links = [row.fact for row in build_timeline(timed).links if row.recorded_to is None]
            # The read models leave out between which days a clause begins and ends.
            return LawFacts(frozenset(replace(link, begins=None, ends=None) for link in links))
        case Programme.Registered():
            return LawFacts(consent_laws=frozenset(_consent_laws(timed)))
        case Administration.Registered():
            rows: Any = administrations.rows(timed)
            lists = tuple((row.as_of, row.cadence_hours) for row in rows["list_received"])
            return LawFacts(members=frozenset(_members(rows["membership"])), lists=lists)
    return LawFacts()


def _consent_laws(timed: Sequence[TimedEvent[Any]]) -> Iterable[ConsentLaw]:
    rows: Any = programmes.rows(timed)
    for row in rows["programme_rule"]:
        if row.recorded_to is not None:
            continue
        if row.rule == "sharing_consent" and row.value in CONSENT_LAWS:
            general = row.value == GENERAL
            yield ConsentLaw(row.programme, row.valid_from, row.valid_to, general)
        elif row.rule.startswith(OF_ADEQUACY) and row.value == ADEQUATE:
            found = AdministrationCode(row.rule.removeprefix(OF_ADEQUACY))
            yield ConsentLaw(row.programme, row.valid_from, row.valid_to, adequate=found)


def _members(rows: Iterable[Any]) -> Iterable[Member]:
    for row in rows:
        if row.recorded_to is None and row.sense == Sense.CUSTOMS_TERRITORY.value:
            bloc, member = AdministrationCode(row.bloc), AdministrationCode(row.member)
            yield Member(bloc, member, row.valid_from, row.valid_to)


def believed_from(
    believed: Iterable[BelievedFact[T]], gone: Collection[T], new: Iterable[T], now: datetime
) -> list[BelievedFact[T]]:
    """Everything believed so far; from now on without the facts that are `gone`, and with the `new`
    ones."""
    found = [
        BelievedFact(row.fact, row.position, row.recorded_from, UNRECORDED, now)
        if row.recorded_to is None and row.fact in gone
        else row
        for row in believed
    ]
    return found + [BelievedFact(fact, UNRECORDED, now) for fact in new]


@dataclass(frozen=True)
class ChangedPair:
    """The law from one home territory to another, before and after; `intervals`: those of valid
    time in which the two differ, and in each of which neither changes."""

    home: AdministrationCode
    territory: AdministrationCode
    before: LawBeliefs
    after: LawBeliefs
    intervals: list[TimeInterval]

    @property
    def facts(self) -> tuple[RecognitionFacts, RecognitionFacts]:
        """The law as believed now, before and after."""
        return self.before.at(NEVER_AT), self.after.at(NEVER_AT)


@dataclass(frozen=True)
class LawChange:
    """What a decision changes of the law: the facts that end, and those that begin."""

    gone: LawFacts
    new: LawFacts
    #: The administration whose stream it is, where it is one.
    administration: str = ""

    @classmethod
    def of(cls, before: Sequence[Any], after: Sequence[Any], now: datetime) -> LawChange:
        """Computes it from the events of the stream without and with the decision."""
        one, other = law_facts(before, now), law_facts(after, now)
        first = after[0]
        code = first.administration.text if isinstance(first, Administration.Registered) else ""
        return cls(
            LawFacts(
                one.links - other.links,
                one.members - other.members,
                one.consent_laws - other.consent_laws,
            ),
            LawFacts(
                other.links - one.links,
                other.members - one.members,
                other.consent_laws - one.consent_laws,
                other.lists[len(one.lists) :],
            ),
            code,
        )

    @property
    def is_empty(self) -> bool:
        """Whether the law stays as it is."""
        return not any((*self.gone, *self.new))

    def applied(self, law: WholeLaw, now: datetime) -> WholeLaw:
        """The law with the decision, as if it had become known now."""
        gone, new = self.gone, self.new
        ends = {_key(link) for link in gone.links}
        ended = [row.fact for row in law.links if _key(row.fact) in ends]
        lists = [
            ListReceipt(self.administration, as_of, UNRECORDED, now, hours)
            for as_of, hours in new.lists
        ]
        return WholeLaw(
            believed_from(law.links, ended, new.links, now),
            believed_from(law.members, gone.members, new.members, now),
            believed_from(law.consent_laws, gone.consent_laws, new.consent_laws, now),
            [*law.lists, *lists],
            law.programmes,
        )

    def pairs(self, law: WholeLaw, now: datetime) -> list[ChangedPair]:
        """The pairs of territories between which the law changes, sorted."""
        then = self.applied(law, now)
        found: dict[AdministrationCode, tuple[LawHistory, LawHistory]] = {}
        changed = []
        for home, territory in sorted(self._pairs(then)):
            if territory not in found:
                found[territory] = law.towards(territory), then.towards(territory)
            before, after = (each.beliefs_from(home.text) for each in found[territory])
            if intervals := _intervals(before, after):
                changed.append(ChangedPair(home, territory, before, after, intervals))
        return changed

    def _pairs(self, law: WholeLaw) -> set[tuple[AdministrationCode, AdministrationCode]]:
        """The pairs between which it can change, from the facts that do."""
        found: set[tuple[AdministrationCode, AdministrationCode]] = set()

        def add(homes: Codes, territories: Codes) -> None:
            found.update((home, there) for home in homes for there in territories if home != there)

        everywhere = law.territories
        for link in {*self.gone.links, *self.new.links}:
            add(law.territories_of(link.clause.from_), law.territories_of(link.clause.to))
        for member in {*self.gone.members, *self.new.members}:
            add(frozenset({member.member}), everywhere)
            add(everywhere, frozenset({member.member}))
        for rule in {*self.gone.consent_laws, *self.new.consent_laws}:
            if party := law.programmes.get(rule.programme):
                add(law.territories_of(AdministrationCode(party)), everywhere)
        if self.new.lists:
            add(law.territories_of(AdministrationCode(self.administration)), everywhere)
        return found


def _key(link: Link) -> tuple[Any, ...]:
    """What names a link among those that are believed at one time."""
    clause = link.clause
    return link.agreement, link.ordinal, clause.from_, clause.to, link.state, link.valid_from


def _intervals(before: LawBeliefs, after: LawBeliefs) -> list[TimeInterval]:
    compared = [
        ComparedFact((row.fact.valid_from, row.fact.valid_to or NEVER_AT), then, content(row.fact))
        for law, then in ((before, False), (after, True))
        for row in law.facts_of_parties
        if row.recorded_to is None
    ]
    differing = differing_intervals(compared)
    if len(before.lists) != len(after.lists):
        differing = [(ALWAYS, NEVER_AT)]
    if not differing:
        return []
    cuts = edges(before.at(NEVER_AT)) | edges(after.at(NEVER_AT))
    return [
        piece
        for since, until in differing
        for piece in pairwise([since, *sorted(cut for cut in cuts if since < cut < until), until])
    ]
