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
from functools import reduce
from itertools import permutations
from typing import Any

from registry.agreements import STEPS, Agreement, Clause
from registry.clocks import Known, Remembered, remember
from registry.decisions import begins
from registry.intervals import SINCE_EVER, Span, Time, any_of, later, runs, span_of
from registry.values import AdministrationCode, AgreementKind, AgreementStatus, Dates, Step


class LinkState(Enum):
    """What stands between the two sides; the first that holds is the one that counts."""

    TERMINATED = "TERMINATED"
    SUSPENDED = "SUSPENDED"
    NOT_IMPLEMENTED = "NOT_IMPLEMENTED"
    UNCERTAIN = "UNCERTAIN"
    LIVE = "LIVE"


@dataclass(frozen=True, slots=True)
class Link:
    agreement: str
    kind: AgreementKind
    ordinal: int  # of the clause in its agreement; 0 where a pair has no clause at all
    clause: Clause
    state: LinkState
    assumed: bool
    valid_from: datetime
    valid_to: datetime | None = None


@dataclass(frozen=True, slots=True)
class Membership:
    party: AdministrationCode
    valid_from: datetime
    valid_to: datetime | None = None


@dataclass(frozen=True, slots=True)
class Dated:
    """A step with the interval of dates in which it lies, as one or more sources give it."""

    what: Step
    side: AdministrationCode | None
    dates: Dates
    source: str | None
    assumed: bool
    note: str | None
    from_at: datetime  # the first instant at which it may have happened
    by_at: datetime  # the instant by which it has; NEVER_AT where it may never have


@dataclass(frozen=True, slots=True)
class Stage:
    """The status of the whole agreement over a stretch of law: what is certain by then."""

    status: AgreementStatus
    valid_from: datetime
    valid_to: datetime | None = None


@dataclass(frozen=True, slots=True)
class Side:
    """One party's own state. `implemented_from` only where the date is certain to the day."""

    party: AdministrationCode
    implemented_from: date | None
    suspended: bool
    valid_from: datetime
    valid_to: datetime | None = None


@dataclass
class Record:
    """Everything that an agreement's stream says, on both clocks."""

    proposed: Known[Agreement.Proposed]
    last: int
    links: list[Remembered[Link]]
    parties: list[Remembered[Membership]]
    dated: list[Remembered[Dated]]
    stages: list[Remembered[Stage]]
    sides: list[Remembered[Side]]


def record(events: Sequence[Known[Any]]) -> Record:
    """The whole stream, first event first, read on both clocks."""
    first: Known[Agreement.Proposed] = events[0]
    beliefs = [
        (it.position, it.known_at, _Belief(first.event, [e.event for e in events[1 : n + 1]]))
        for n, it in enumerate(events)
        # Of what was told at one instant only the whole was ever believed.
        if n + 1 == len(events) or events[n + 1].known_at != it.known_at
    ]
    return Record(
        first,
        events[-1].position,
        remember((p, k, b.links()) for p, k, b in beliefs),
        remember((p, k, b.memberships()) for p, k, b in beliefs),
        remember((p, k, b.steps) for p, k, b in beliefs),
        remember((p, k, b.stages()) for p, k, b in beliefs),
        remember((p, k, b.sides()) for p, k, b in beliefs),
    )


@dataclass(frozen=True)
class _Said:
    """A clause, when it is the word, and which in the agreement's order."""

    ordinal: int
    clause: Clause
    time: Time


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
            for e in told if isinstance(e, Agreement.Acceded)
        }  # fmt: skip
        self.steps = self._steps()

    def _zone(self, side: AdministrationCode | None) -> str:
        """A step of all together (signature) has no zone of its own: its day is shown in UTC."""
        return self.zones[side] if side else "UTC"

    def _steps(self) -> list[Dated]:
        """The dated steps. A conflicting source stands beside the step, whichever was told first,
        until dates that are set without a conflict take the place of both."""
        found: dict[tuple[Step, AdministrationCode | None], list[Dated]] = {}
        beside: dict[tuple[Step, AdministrationCode | None], list[Dated]] = {}
        notes: list[Dated] = []
        for event in self.told:
            if isinstance(event, Agreement.DatesSet):
                what, side = event.what, event.side
            elif type(event) in STEPS:
                what, side = STEPS[type(event)], getattr(event, "side", None)
            elif isinstance(event, Agreement.Noted):
                what, side = event.what, None
            else:
                continue
            said = Dated(
                what, side, event.dates, event.source, event.assumed, event.note,
                begins(event.dates.earliest, self._zone(side)),
                begins(event.dates.latest, self._zone(side)),
            )  # fmt: skip
            if isinstance(event, Agreement.Noted):
                notes.append(replace(said, note=event.text))
            elif isinstance(event, Agreement.DatesSet) and event.conflicting:
                beside.setdefault((what, side), []).append(said)
            else:
                found[what, side] = [said]
                if isinstance(event, Agreement.DatesSet):
                    beside.pop((what, side), None)
        for place, others in beside.items():
            found.setdefault(place, []).extend(others)
        return [step for steps in found.values() for step in steps] + notes

    def _dates(self, what: Step, side: AdministrationCode | None) -> Dates | None:
        """When it was, by all the sources that stand: the shortest interval that holds them."""
        found = [s.dates for s in self.steps if (s.what, s.side) == (what, side)]
        return reduce(Dates.hull, found) if found else None

    def _span(
        self, what: Step, side: AdministrationCode | None = None, zone: str | None = None
    ) -> Span | None:
        dates = self._dates(what, side)
        if dates is None:
            return None
        assumed = any(s.assumed for s in self.steps if (s.what, s.side) == (what, side))
        return span_of(dates, zone or self._zone(side), assumed)

    # ------------------------------------------------------------- members

    def memberships(self) -> list[Membership]:
        """When each was certainly a party."""
        return [
            Membership(party, it.begun.latest, it.ended.earliest if it.ended else None)
            for party, times in self._times().items() for it in times
            if it.ended is None or it.begun.latest < it.ended.earliest
        ]  # fmt: skip

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
            named = {(it.clause.from_, it.clause.to) for it in clauses}
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
            for it, after in zip(in_law, [*in_law[1:], None], strict=True):
                ended = it.time.ended
                if after and (ended is None or after.time.begun.earliest < ended.earliest):
                    it = replace(it, time=Time(it.time.begun, after.time.begun))
                found.append(it)
        return sorted(found, key=lambda it: it.ordinal)

    def _stretches(self, said: _Said) -> Iterable[Link]:
        """One clause, cut wherever its state changes."""
        clause, zone = said.clause, self.zones[said.clause.to]
        into = self._span(Step.IMPLEMENTED, clause.to)
        if len(self.proposed.parties) > 2 or self._plurilateral():
            # Of a plurilateral, from the later of the two members' own starts (AAMRA).
            into = later(into, self._span(Step.IMPLEMENTED, clause.from_))
        over = self._span(Step.TERMINATED, zone=zone)
        paused, times = self._suspensions(clause.to), self._times()
        one, other = times[clause.from_], times[clause.to]
        edges = {edge for it in (said.time, *paused, *one, *other) for edge in it.edges}
        edges |= {edge for span in (into, over) if span for edge in (span.earliest, span.latest)}

        def state(at: datetime) -> LinkState | None:
            inside = said.time.holds(at), any_of(one, at), any_of(other, at)
            if False in inside:
                return None
            gone = over.reached(at) if over else False
            if gone:
                return LinkState.TERMINATED
            suspended = any_of(paused, at)
            if suspended:
                return LinkState.SUSPENDED
            started = into.reached(at) if into else False
            if started is False:
                return LinkState.NOT_IMPLEMENTED
            if None in (*inside, started, gone, suspended):
                return LinkState.UNCERTAIN
            return LinkState.LIVE

        doubt = said.time.begun.assumed or bool(into and into.assumed)
        for start, end, found in runs(edges, state):
            yield Link(
                self.proposed.agreement, self.proposed.kind, said.ordinal, clause, found,
                doubt, start, end,
            )  # fmt: skip

    def _plurilateral(self) -> bool:
        return any(isinstance(e, Agreement.Acceded) for e in self.told)

    def _suspensions(self, side: AdministrationCode) -> list[Time]:
        found: list[Time] = []
        own = [
            e for e in self.told
            if isinstance(e, (Agreement.Suspended, Agreement.Resumed)) and e.side == side
        ]  # fmt: skip
        for event in sorted(own, key=lambda e: (e.dates.earliest, e.originator_version)):
            span = span_of(event.dates, self.zones[side])
            if isinstance(event, Agreement.Suspended):
                found.append(Time(span))
            elif found and found[-1].ended is None:
                found[-1] = Time(found[-1].begun, span)
        return found

    # --------------------------------------------------- stages and sides

    def stages(self) -> list[Stage]:
        """PROPOSED from the first, then the furthest step that is certain to have been taken."""
        spans = [
            (stage, span)
            for step, stage in _STAGES.items()
            for span in [self._furthest(step)] if span
        ]  # fmt: skip
        over = self._span(Step.TERMINATED)
        parties = [p.administration for p in self.proposed.parties]
        paused = [self._suspensions(p) for p in parties]
        proposed = begins(self.proposed.effective, "UTC")
        edges: set[datetime | None] = {proposed, over.latest if over else None}
        edges |= {span.latest for _, span in spans}
        edges |= {edge for side in paused for time in side for edge in time.edges}

        def status(at: datetime) -> AgreementStatus:
            if over and over.reached(at):
                return AgreementStatus.TERMINATED
            if paused and all(any_of(side, at) for side in paused):
                return AgreementStatus.SUSPENDED
            taken = [stage for stage, span in spans if span.reached(at)]
            return taken[-1] if taken else AgreementStatus.PROPOSED

        return [Stage(found, start, end) for start, end, found in runs(edges, status)]

    def _furthest(self, step: Step) -> Span | None:
        """Of a step that each side takes for itself: the first side's."""
        if step is not Step.IMPLEMENTED:
            return self._span(step)
        own = [span for side in self.zones for span in [self._span(step, side)] if span]
        return min(own, key=lambda s: s.latest) if own else None

    def sides(self) -> list[Side]:
        found: list[Side] = []
        for party in self.zones:
            into = self._dates(Step.IMPLEMENTED, party)
            day = into.latest if into and into.earliest == into.latest else None
            paused = self._suspensions(party)
            edges = {edge for time in paused for edge in time.edges}

            def suspended(at: datetime, paused: list[Time] = paused) -> bool:
                return any_of(paused, at) is True

            found += [Side(party, day, s, f, t) for f, t, s in runs(edges, suspended)]
        return found
