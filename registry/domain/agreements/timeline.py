"""Which pairs an agreement links, in which state, on which days: its events, read as law.

A link is one clause of one agreement in one direction, over a stretch of law in which its state
does not change. An interval of dates (a source that names only a month, or none at all) gives a
stretch in which the state is UNCERTAIN: nobody knows, and the answer says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import Enum
from itertools import permutations
from typing import Any, NamedTuple

from registry.domain.agreements.events import Agreement, Clause
from registry.domain.agreements.terms import Dated, Terms
from registry.domain.bitemporal import BitemporalRow, TimedEvent, remember
from registry.domain.decisions import begins
from registry.domain.intervals import (
    SINCE_EVER,
    Span,
    Time,
    all_of,
    any_of,
    earliest_of,
    latest_of,
    runs,
    span_of,
)
from registry.domain.values import AdministrationCode, AgreementKind, AgreementStatus, Dates, Step


class LinkState(Enum):
    """What stands between the two sides; the first that holds is the one that counts."""

    TERMINATED = "TERMINATED"
    SUSPENDED = "SUSPENDED"
    NOT_IMPLEMENTED = "NOT_IMPLEMENTED"
    UNCERTAIN = "UNCERTAIN"
    LIVE = "LIVE"


@dataclass(frozen=True, slots=True)
class Link:
    """`hindered_by`: the sides by which it is not LIVE: those that have not implemented it, that
    suspended it, or of whose implementation nobody knows the day; none where it is no side's.

    `begins` and `ends`: the civil days, in the side that recognises, between which the clause
    applies, as far as they are known; None where it has none of its own.
    """

    agreement: str
    kind: AgreementKind
    ordinal: int  # of the clause in its agreement; 0 where a pair has no clause at all
    clause: Clause
    state: LinkState
    assumed: bool
    valid_from: datetime
    valid_to: datetime | None = None
    hindered_by: tuple[AdministrationCode, ...] = ()
    begins: Dates | None = None
    ends: Dates | None = None


@dataclass(frozen=True, slots=True)
class Membership:
    party: AdministrationCode
    valid_from: datetime
    valid_to: datetime | None = None


@dataclass(frozen=True, slots=True)
class Stage:
    """The status of the whole agreement over a stretch of law: what is certain by then."""

    status: AgreementStatus
    valid_from: datetime
    valid_to: datetime | None = None


@dataclass(frozen=True, slots=True)
class Side:
    """One party's own state. `implemented_from`: the beginning of the term that runs or, where none
    runs yet, of the next; only where the date is certain to the day."""

    party: AdministrationCode
    implemented_from: date | None
    suspended: bool
    valid_from: datetime
    valid_to: datetime | None = None


@dataclass
class AgreementTimeline:
    """Everything that an agreement's stream says, on both clocks."""

    proposed: TimedEvent[Agreement.Proposed]
    last: int
    links: list[BitemporalRow[Link]]
    parties: list[BitemporalRow[Membership]]
    dated: list[BitemporalRow[Dated]]
    stages: list[BitemporalRow[Stage]]
    sides: list[BitemporalRow[Side]]


def record(events: Sequence[TimedEvent[Any]]) -> AgreementTimeline:
    """The whole stream, first event first, read on both clocks."""
    first: TimedEvent[Agreement.Proposed] = events[0]
    beliefs = [
        (event.position, event.known_at, _Belief(first.event, [e.event for e in events[1 : n + 1]]))
        for n, event in enumerate(events)
        # Of what was told at one instant only the whole was ever believed.
        if n + 1 == len(events) or events[n + 1].known_at != event.known_at
    ]
    return AgreementTimeline(
        first,
        events[-1].position,
        remember((p, k, b.links()) for p, k, b in beliefs),
        remember((p, k, b.memberships()) for p, k, b in beliefs),
        remember((p, k, b.terms.steps) for p, k, b in beliefs),
        remember((p, k, b.stages()) for p, k, b in beliefs),
        remember((p, k, b.sides()) for p, k, b in beliefs),
    )


@dataclass(frozen=True)
class _Said:
    """A clause, when it is the word, and which in the agreement's order."""

    ordinal: int
    clause: Clause
    time: Time


class _Found(NamedTuple):
    """How a clause stands at an instant: everything of a link that may change with time."""

    state: LinkState
    assumed: bool
    hindered_by: tuple[AdministrationCode, ...]
    begins: Dates | None
    ends: Dates | None


_STAGES: dict[Step, AgreementStatus] = {
    Step.NEGOTIATING: AgreementStatus.NEGOTIATING,
    Step.ACTION_PLAN: AgreementStatus.ACTION_PLAN,
    Step.SIGNED: AgreementStatus.SIGNED,
    Step.PILOT: AgreementStatus.PILOT,
    Step.IMPLEMENTED: AgreementStatus.IN_FORCE,
}


class _Belief:
    """The agreement as a given number of its events have it."""

    def __init__(self, proposed: Agreement.Proposed, told: list[Agreement.DatedEvent]) -> None:
        self.proposed, self.told = proposed, told
        self.zones = {p.administration: p.time_zone for p in proposed.parties}
        self.zones |= {
            e.party.administration: e.party.time_zone
            for e in told
            if isinstance(e, Agreement.Acceded)
        }
        self.terms = Terms(told, self._zone)

    def _zone(self, side: AdministrationCode | None) -> str:
        """A step of all together (signature) has no zone of its own: its day is shown in UTC."""
        return self.zones[side] if side else "UTC"

    # ------------------------------------------------------------- members

    def memberships(self) -> list[Membership]:
        """When each was certainly a party."""
        return [
            Membership(party, time_.begun.latest, time_.ended.earliest if time_.ended else None)
            for party, times in self._times().items()
            for time_ in times
            if time_.ended is None or time_.begun.latest < time_.ended.earliest
        ]

    def _times(self) -> dict[AdministrationCode, list[Time]]:
        """The times for which each was a party."""
        found = {p.administration: [Time(SINCE_EVER)] for p in self.proposed.parties}
        for event in self.told:
            if isinstance(event, Agreement.Acceded):
                begun = span_of(event.dates, event.party.time_zone)
                found.setdefault(event.party.administration, []).append(Time(begun))
            elif isinstance(event, Agreement.Withdrew) and (own := found.get(event.member)):
                own[-1] = Time(own[-1].begun, span_of(event.dates, self.zones[event.member]))
        return found

    # --------------------------------------------------------------- links

    def links(self) -> list[Link]:
        found: list[Link] = []
        clauses = self._clauses()
        for said in clauses:
            found += self._stretches(said)
        if self.proposed.kind is AgreementKind.AEO_MUTUAL_RECOGNITION:
            # A pair of parties without a clause is linked, and nothing is inside its scope.
            named = {(clause.clause.from_, clause.clause.to) for clause in clauses}
            for a, b in permutations(self.zones, 2):
                if (a, b) not in named:
                    found += self._stretches(_Said(0, Clause(a, b, ()), Time(SINCE_EVER)))
        return found

    def _clauses(self) -> list[_Said]:
        """The clauses in the order in which they were first said, each until the next of its
        place begins in law; said again from the same day, the later word replaces the earlier."""
        places: dict[tuple[object, ...], dict[datetime, _Said]] = {}
        ordinal = 0
        for event in self.told:
            if isinstance(event, Agreement.ScopeSet):
                zone = self.zones[event.clause.to]
                begun = span_of(event.dates, zone, event.assumed)
                ended = span_of(Dates.on(event.until), zone) if event.until else None
                own = places.setdefault(event.clause.place, {})
                before = own.get(begun.earliest)
                ordinal += before is None
                number = before.ordinal if before else ordinal
                own[begun.earliest] = _Said(number, event.clause, Time(begun, ended))
        found: list[_Said] = []
        for own in places.values():
            in_law = [own[start] for start in sorted(own)]
            for said, after in zip(in_law, [*in_law[1:], None], strict=True):
                ended = said.time.ended
                if after and (ended is None or after.time.begun.earliest < ended.earliest):
                    said = replace(said, time=Time(said.time.begun, after.time.begun))
                found.append(said)
        return sorted(found, key=lambda each_said: each_said.ordinal)

    def _stretches(self, said: _Said) -> Iterable[Link]:
        """One clause, cut wherever something of it changes."""
        clause = said.clause
        sides = [clause.to]
        if len(self.proposed.parties) > 2 or self._plurilateral():
            # Of a plurilateral, from the later of the two members' own starts (AAMRA).
            sides.append(clause.from_)
        over = self.terms.span(Step.TERMINATED, self.zones[clause.to])
        terms = {side: self.terms.of(side) for side in sides}
        paused, members = self._suspensions(clause.to), self._times()
        one, other = members[clause.from_], members[clause.to]
        every = (
            said.time,
            *paused,
            *one,
            *other,
            *(time for own in terms.values() for time in own),
        )
        edges = {edge for time in every for edge in time.edges}
        edges |= {over.earliest, over.latest} if over else set()

        def state(at: datetime) -> _Found | None:
            inside = said.time.holds(at), any_of(one, at), any_of(other, at)
            if False in inside:
                return None
            gone = over.reached(at) if over else False
            suspended = any_of(paused, at)
            began = {side: any_of(own, at) for side, own in terms.items()}
            started = all_of(began.values())
            hindered_by: tuple[AdministrationCode, ...] = ()
            if gone:
                found = LinkState.TERMINATED
            elif suspended:
                found, hindered_by = LinkState.SUSPENDED, (clause.to,)
            elif started is False:
                found = LinkState.NOT_IMPLEMENTED
                hindered_by = tuple(side for side, own in began.items() if own is False)
            elif None in (*inside, started, gone, suspended):
                found = LinkState.UNCERTAIN
                hindered_by = tuple(side for side, own in began.items() if own is None)
            else:
                found = LinkState.LIVE
            within = [said.time, *_perhaps(one, at), *_perhaps(other, at)]
            return _Found(
                found,
                said.time.begun.assumed
                or (all(terms.values()) and any(_assumed(own, at) for own in terms.values())),
                hindered_by,
                latest_of(time.begun.dates for time in within),
                earliest_of(time.ended.dates for time in within if time.ended),
            )

        for start, end, run in runs(edges, state):
            yield Link(
                self.proposed.agreement,
                self.proposed.kind,
                said.ordinal,
                clause,
                run.state,
                run.assumed,
                start,
                end,
                run.hindered_by,
                run.begins,
                run.ends,
            )

    def _plurilateral(self) -> bool:
        return any(isinstance(e, Agreement.Acceded) for e in self.told)

    def _suspensions(self, side: AdministrationCode) -> list[Time]:
        """The suspensions of a side. Each ends when it is resumed, or when the side withdraws."""
        found: list[Time] = []
        own: list[Agreement.SideEvent] = []
        for event in self.told:
            if isinstance(event, (Agreement.Suspended, Agreement.Resumed)) and event.side == side:
                own.append(event)
            elif isinstance(event, Agreement.Withdrew) and event.member == side:
                found += _by_turns(own, self.zones[side], event.dates)
                own = []
        return found + _by_turns(own, self.zones[side])

    # --------------------------------------------------- stages and sides

    def stages(self) -> list[Stage]:
        """PROPOSED from the first, then the furthest step that is certain to have been taken."""
        spans = [
            (stage, span)
            for step, stage in _STAGES.items()
            for span in [self._furthest(step)]
            if span
        ]
        over = self.terms.span(Step.TERMINATED)
        members = self._times()
        paused = {party: self._suspensions(party) for party in members}
        proposed = begins(self.proposed.effective, "UTC")
        edges: set[datetime | None] = {proposed, over.latest if over else None}
        edges |= {span.latest for _, span in spans}
        times = [time for own in (*paused.values(), *members.values()) for time in own]
        edges |= {edge for time in times for edge in time.edges}

        def status(at: datetime) -> AgreementStatus:
            if over and over.reached(at):
                return AgreementStatus.TERMINATED
            parties = [p for p, own in members.items() if any_of(own, at) is not False]
            if parties and all(any_of(paused[party], at) for party in parties):
                return AgreementStatus.SUSPENDED
            taken = [stage for stage, span in spans if span.reached(at)]
            return taken[-1] if taken else AgreementStatus.PROPOSED

        return [Stage(found, start, end) for start, end, found in runs(edges, status)]

    def _furthest(self, step: Step) -> Span | None:
        """Of a step that each side takes for itself: the first side's."""
        if step is not Step.IMPLEMENTED:
            return self.terms.span(step)
        own = [term.begun for side in self.zones for term in self.terms.of(side)]
        return min(own, key=lambda s: s.latest) if own else None

    def sides(self) -> list[Side]:
        found: list[Side] = []
        for party in self.zones:
            terms, paused = self.terms.of(party), self._suspensions(party)
            edges = {edge for time in paused for edge in time.edges}
            edges |= {term.ended.latest for term in terms if term.ended}

            def state(
                at: datetime, terms: list[Time] = terms, paused: list[Time] = paused
            ) -> tuple[date | None, bool]:
                term = next((t for t in terms if not (t.ended and t.ended.reached(at))), None)
                dates = term.begun.dates if term else None
                certain = dates and dates.earliest == dates.latest
                return (dates.earliest if dates and certain else None), any_of(paused, at) is True

            found += [
                Side(party, day, held, start, end) for start, end, (day, held) in runs(edges, state)
            ]
        return found


def _by_turns(
    events: Iterable[Agreement.SideEvent], zone: str, until: Dates | None = None
) -> list[Time]:
    """Suspended and resumed in the order of law; `until`: what still lasts ends then."""
    found: list[Time] = []
    for event in sorted(events, key=lambda e: (e.dates.earliest, e.originator_version)):
        span = span_of(event.dates, zone)
        if isinstance(event, Agreement.Suspended):
            # Found to have begun earlier: of the words that follow each other, the first counts.
            if not (found and found[-1].ended is None):
                found.append(Time(span))
        elif found and found[-1].ended is None:
            found[-1] = Time(found[-1].begun, span)
    if until and found and found[-1].ended is None:
        found[-1] = Time(found[-1].begun, span_of(until, zone))
    return found


def _perhaps(times: Iterable[Time], at: datetime) -> list[Time]:
    """The times in which the instant lies, or in which it may lie."""
    return [time for time in times if time.holds(at) is not False]


def _assumed(terms: Sequence[Time], at: datetime) -> bool:
    """Whether the dates of the term at that instant are assumed. The term is the last one that may
    have begun; before any has begun it is the first."""
    begun = [term for term in terms if term.begun.reached(at) is not False] or terms[:1]
    return bool(begun) and begun[-1].begun.assumed
