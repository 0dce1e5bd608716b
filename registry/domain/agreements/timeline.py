"""The bitemporal timeline of an agreement: links, members, steps, status and sides.

A link is one clause of one agreement in one direction, over a valid-time interval in which its
state does not change. If a source gives only a month or no date, the interval in which the step may
have happened has the state UNCERTAIN, and the answer says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from itertools import permutations
from typing import Any, NamedTuple

from registry.domain.agreements.events import Agreement, Clause
from registry.domain.agreements.links import Link, LinkState
from registry.domain.agreements.suspension_times import suspension_times
from registry.domain.agreements.terms import Dated, Terms
from registry.domain.bitemporal import BitemporalRow, TimedEvent, bitemporal_rows
from registry.domain.decisions import start_of_day
from registry.domain.intervals import (
    SINCE_EVER,
    UncertainInstant,
    UncertainPeriod,
    all_of,
    any_of,
    constant_intervals,
    earliest_of,
    latest_of,
    uncertain_instant,
)
from registry.domain.values import AdministrationCode, AgreementKind, AgreementStatus, Dates, Step


@dataclass(frozen=True, slots=True)
class Membership:
    """The valid-time interval in which an administration is certainly a party."""

    party: AdministrationCode
    valid_from: datetime
    valid_to: datetime | None = None


@dataclass(frozen=True, slots=True)
class Stage:
    """The status of the whole agreement over a valid-time interval, as far as it is certain."""

    status: AgreementStatus
    valid_from: datetime
    valid_to: datetime | None = None


@dataclass(frozen=True, slots=True)
class Side:
    """The state of one party over a valid-time interval.

    `implemented_from`: the beginning of the running term or, if none is running, of the next one.
    None unless the date is certain to the day.
    """

    party: AdministrationCode
    implemented_from: date | None
    suspended: bool
    valid_from: datetime
    valid_to: datetime | None = None


@dataclass
class AgreementTimeline:
    """Everything that an agreement's stream states, in valid time and transaction time.

    `last` is the ledger position of the last event.
    """

    proposed: TimedEvent[Agreement.Proposed]
    last: int
    links: list[BitemporalRow[Link]]
    parties: list[BitemporalRow[Membership]]
    dated: list[BitemporalRow[Dated]]
    stages: list[BitemporalRow[Stage]]
    sides: list[BitemporalRow[Side]]


def build_timeline(events: Sequence[TimedEvent[Any]]) -> AgreementTimeline:
    """Builds the timeline from the whole stream, first event first."""
    first: TimedEvent[Agreement.Proposed] = events[0]
    beliefs = [
        (event.position, event.known_at, _Belief(first.event, [e.event for e in events[1 : n + 1]]))
        for n, event in enumerate(events)
        # Of the events recorded at one instant only their joint result was ever believed.
        if n + 1 == len(events) or events[n + 1].known_at != event.known_at
    ]
    return AgreementTimeline(
        first,
        events[-1].position,
        bitemporal_rows((p, k, b.links()) for p, k, b in beliefs),
        bitemporal_rows((p, k, b.memberships()) for p, k, b in beliefs),
        bitemporal_rows((p, k, b.terms.steps) for p, k, b in beliefs),
        bitemporal_rows((p, k, b.stages()) for p, k, b in beliefs),
        bitemporal_rows((p, k, b.sides()) for p, k, b in beliefs),
    )


@dataclass(frozen=True)
class _ClauseTime:
    """A clause with the period for which it applies and its ordinal in the agreement."""

    ordinal: int
    clause: Clause
    time: UncertainPeriod


class _LinkAt(NamedTuple):
    """The properties of a link that can change over valid time, at one instant."""

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
    """The belief of one transaction time: the agreement as its first events state it."""

    def __init__(
        self, proposed: Agreement.Proposed, dated_events: list[Agreement.DatedEvent]
    ) -> None:
        self.proposed, self.dated_events = proposed, dated_events
        self.zones = {p.administration: p.time_zone for p in proposed.parties}
        self.zones |= {
            e.party.administration: e.party.time_zone
            for e in dated_events
            if isinstance(e, Agreement.Acceded)
        }
        self.terms = Terms(dated_events, self._zone)

    def _zone(self, side: AdministrationCode | None) -> str:
        """The time zone of a side's civil days.

        A step of the whole agreement, such as the signature, has no time zone of its own; its day
        is shown in UTC.
        """
        return self.zones[side] if side else "UTC"

    # ------------------------------------------------------------- members

    def memberships(self) -> list[Membership]:
        """The intervals in which each administration was certainly a party."""
        return [
            Membership(party, time_.start.latest, time_.end.earliest if time_.end else None)
            for party, times in self._membership_times().items()
            for time_ in times
            if time_.end is None or time_.start.latest < time_.end.earliest
        ]

    def _membership_times(self) -> dict[AdministrationCode, list[UncertainPeriod]]:
        """The periods for which each administration was a party; their bounds may be uncertain."""
        found = {p.administration: [UncertainPeriod(SINCE_EVER)] for p in self.proposed.parties}
        for event in self.dated_events:
            if isinstance(event, Agreement.Acceded):
                start = uncertain_instant(event.dates, event.party.time_zone)
                found.setdefault(event.party.administration, []).append(UncertainPeriod(start))
            elif isinstance(event, Agreement.Withdrew) and (own := found.get(event.member)):
                own[-1] = UncertainPeriod(
                    own[-1].start, uncertain_instant(event.dates, self.zones[event.member])
                )
        return found

    # --------------------------------------------------------------- links

    def links(self) -> list[Link]:
        """Every link of the agreement, over all of valid time."""
        found: list[Link] = []
        clauses = self._clauses()
        for clause_time in clauses:
            found += self._links_of_clause(clause_time)
        if self.proposed.kind is AgreementKind.AEO_MUTUAL_RECOGNITION:
            # Two parties without a clause are linked, but nothing is inside the scope of the link.
            named = {(clause.clause.from_, clause.clause.to) for clause in clauses}
            for a, b in permutations(self.zones, 2):
                if (a, b) not in named:
                    found += self._links_of_clause(
                        _ClauseTime(0, Clause(a, b, ()), UncertainPeriod(SINCE_EVER))
                    )
        return found

    def _clauses(self) -> list[_ClauseTime]:
        """The clauses in the order in which they were first recorded.

        A clause applies until the next clause of the same place (see `Clause.place`) begins. A
        clause recorded again from the same day replaces the earlier record.
        """
        places: dict[tuple[object, ...], dict[datetime, _ClauseTime]] = {}
        ordinal = 0
        for event in self.dated_events:
            if isinstance(event, Agreement.ScopeSet):
                zone = self.zones[event.clause.to]
                began = uncertain_instant(event.dates, zone, event.assumed)
                ended = uncertain_instant(Dates.on(event.until), zone) if event.until else None
                own = places.setdefault(event.clause.place, {})
                before = own.get(began.earliest)
                ordinal += before is None
                number = before.ordinal if before else ordinal
                own[began.earliest] = _ClauseTime(
                    number, event.clause, UncertainPeriod(began, ended)
                )
        found: list[_ClauseTime] = []
        for own in places.values():
            in_law = [own[start] for start in sorted(own)]
            for clause_time, after in zip(in_law, [*in_law[1:], None], strict=True):
                ended = clause_time.time.end
                if after and (ended is None or after.time.start.earliest < ended.earliest):
                    clause_time = replace(
                        clause_time, time=UncertainPeriod(clause_time.time.start, after.time.start)
                    )
                found.append(clause_time)
        return sorted(found, key=lambda clause: clause.ordinal)

    def _links_of_clause(self, clause_time: _ClauseTime) -> Iterable[Link]:
        """The links of one clause, one for each interval in which its state does not change."""
        clause = clause_time.clause
        sides = [clause.to]
        if len(self.proposed.parties) > 2 or self._plurilateral():
            # A plurilateral agreement (AAMRA) begins at the later of the two members' own starts.
            sides.append(clause.from_)
        over = self.terms.span(Step.TERMINATED, self.zones[clause.to])
        terms = {side: self.terms.of(side) for side in sides}
        paused, members = self._suspensions(clause.to), self._membership_times()
        one, other = members[clause.from_], members[clause.to]
        every = (
            clause_time.time,
            *paused,
            *one,
            *other,
            *(time for own in terms.values() for time in own),
        )
        edges = {edge for time in every for edge in time.edges}
        edges |= {over.earliest, over.latest} if over else set()

        def state(at: datetime) -> _LinkAt | None:
            inside = clause_time.time.holds(at), any_of(one, at), any_of(other, at)
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
            within = [clause_time.time, *_possible(one, at), *_possible(other, at)]
            return _LinkAt(
                found,
                clause_time.time.start.assumed
                or (all(terms.values()) and any(_assumed(own, at) for own in terms.values())),
                hindered_by,
                latest_of(time.start.dates for time in within),
                earliest_of(time.end.dates for time in within if time.end),
            )

        for start, end, run in constant_intervals(edges, state):
            yield Link(
                self.proposed.agreement,
                self.proposed.kind,
                clause_time.ordinal,
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
        """Whether an administration ever acceded."""
        return any(isinstance(e, Agreement.Acceded) for e in self.dated_events)

    def _suspensions(self, side: AdministrationCode) -> list[UncertainPeriod]:
        """The suspensions of a side.

        Each ends when the side resumes, or when it withdraws from the agreement.
        """
        found: list[UncertainPeriod] = []
        own: list[Agreement.SideEvent] = []
        for event in self.dated_events:
            if isinstance(event, (Agreement.Suspended, Agreement.Resumed)) and event.side == side:
                own.append(event)
            elif isinstance(event, Agreement.Withdrew) and event.member == side:
                found += suspension_times(own, self.zones[side], event.dates)
                own = []
        return found + suspension_times(own, self.zones[side])

    # --------------------------------------------------- stages and sides

    def stages(self) -> list[Stage]:
        """The status of the agreement: PROPOSED first, then the furthest step certainly taken."""
        spans = [
            (stage, span)
            for step, stage in _STAGES.items()
            for span in [self._furthest(step)]
            if span
        ]
        over = self.terms.span(Step.TERMINATED)
        members = self._membership_times()
        paused = {party: self._suspensions(party) for party in members}
        proposed = start_of_day(self.proposed.effective, "UTC")
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
            reached = [stage for stage, span in spans if span.reached(at)]
            return reached[-1] if reached else AgreementStatus.PROPOSED

        return [Stage(found, start, end) for start, end, found in constant_intervals(edges, status)]

    def _furthest(self, step: Step) -> UncertainInstant | None:
        """When a step was taken. For a step of each side, that is when the first side took it."""
        if step is not Step.IMPLEMENTED:
            return self.terms.span(step)
        own = [term.start for side in self.zones for term in self.terms.of(side)]
        return min(own, key=lambda s: s.latest) if own else None

    def sides(self) -> list[Side]:
        """The state of each party, over all of valid time."""
        found: list[Side] = []
        for party in self.zones:
            terms, paused = self.terms.of(party), self._suspensions(party)
            edges = {edge for time in paused for edge in time.edges}
            edges |= {term.end.latest for term in terms if term.end}

            def state(
                at: datetime,
                terms: list[UncertainPeriod] = terms,
                paused: list[UncertainPeriod] = paused,
            ) -> tuple[date | None, bool]:
                term = next((t for t in terms if not (t.end and t.end.reached(at))), None)
                dates = term.start.dates if term else None
                certain = dates and dates.earliest == dates.latest
                return (dates.earliest if dates and certain else None), any_of(paused, at) is True

            found += [
                Side(party, day, held, start, end)
                for start, end, (day, held) in constant_intervals(edges, state)
            ]
        return found


def _possible(times: Iterable[UncertainPeriod], at: datetime) -> list[UncertainPeriod]:
    """The periods in which the instant is or may be."""
    return [time for time in times if time.holds(at) is not False]


def _assumed(terms: Sequence[UncertainPeriod], at: datetime) -> bool:
    """Whether the dates of the term at that instant are assumed.

    The term is the last one that may have begun; before any has begun, it is the first.
    """
    reached = [term for term in terms if term.start.reached(at) is not False] or terms[:1]
    return bool(reached) and reached[-1].start.assumed
