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
from typing import Any

from registry.agreements import Agreement, Clause
from registry.clocks import ALWAYS, NEVER_AT, Known, Remembered, remember
from registry.decisions import begins
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
class _Span:
    """An interval of instants in which a thing began (or ended): before it no, after it yes."""

    earliest: datetime
    latest: datetime
    assumed: bool = False

    def reached(self, at: datetime) -> bool | None:
        return True if at >= self.latest else False if at < self.earliest else None


_STEPS: dict[type[Agreement.DatedEvent], Step] = {
    Agreement.NegotiationOpened: Step.NEGOTIATING,
    Agreement.ActionPlanSigned: Step.ACTION_PLAN,
    Agreement.Signed: Step.SIGNED,
    Agreement.PilotStarted: Step.PILOT,
    Agreement.Implemented: Step.IMPLEMENTED,
    Agreement.Terminated: Step.TERMINATED,
}
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
        """A joint step (signature) has no zone of its own: its day begins where it begins last
        among the parties, so that it is a fact for every one of them."""
        return self.zones[side] if side else "UTC"

    def _steps(self) -> list[Dated]:
        """The dated steps. A conflicting source stands beside the others; a better one instead."""
        found: dict[tuple[Step, AdministrationCode | None], list[Dated]] = {}
        notes: list[Dated] = []
        for event in self.told:
            if isinstance(event, Agreement.DatesSet):
                what, side = event.what, event.side
            elif type(event) in _STEPS:
                what, side = _STEPS[type(event)], getattr(event, "side", None)
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
                found.setdefault((what, side), []).append(said)
            else:
                found[what, side] = [said]
        return [step for steps in found.values() for step in steps] + notes

    def _span(self, what: Step, side: AdministrationCode | None = None) -> _Span | None:
        """When it was, by all the sources that stand: the shortest interval that holds them."""
        fit = [s for s in self.steps if s.what is what and s.side == side]
        if not fit:
            return None
        dates = fit[0].dates
        for step in fit[1:]:
            dates = dates.hull(step.dates)
        zone = self._zone(side)
        # Uncertain to the day by an interval, or by an assumption that the source does not make.
        assumed = any(s.assumed for s in fit)
        return _Span(begins(dates.earliest, zone), begins(dates.latest, zone), assumed)

    # ------------------------------------------------------------- members

    def memberships(self) -> list[Membership]:
        open = {p.administration: ALWAYS for p in self.proposed.parties}
        done: list[Membership] = []
        for event in self.told:
            if isinstance(event, Agreement.Acceded):
                zone = event.party.time_zone
                open[event.party.administration] = begins(event.dates.latest, zone)
            elif isinstance(event, Agreement.Withdrew) and event.member in open:
                end = begins(event.dates.earliest, self.zones[event.member])
                done.append(Membership(event.member, open.pop(event.member), end))
        return done + [Membership(party, since) for party, since in open.items()]

    # --------------------------------------------------------------- links

    def links(self) -> list[Link]:
        found: list[Link] = []
        clauses = self._clauses()
        members = self.memberships()
        for ordinal, (clause, begun, ended, assumed) in enumerate(clauses, start=1):
            found += self._stretches(ordinal, clause, begun, ended, assumed, members)
        if self.proposed.kind is AgreementKind.AEO_MUTUAL_RECOGNITION:
            # A pair of parties without a clause is linked, and nothing is inside its scope.
            said = {(c.from_, c.to) for c, *_ in clauses}
            parties = [m.party for m in members]
            for a in parties:
                for b in parties:
                    if a != b and (a, b) not in said:
                        none = Clause(a, b, ())
                        always = _Span(ALWAYS, ALWAYS)
                        found += self._stretches(0, none, always, None, False, members)
        return found

    def _clauses(self) -> list[tuple[Clause, _Span, datetime | None, bool]]:
        found: list[tuple[Clause, _Span, datetime | None, bool]] = []
        place: dict[tuple[object, ...], int] = {}
        for event in self.told:
            if not isinstance(event, Agreement.ScopeSet):
                continue
            zone = self.zones.get(event.clause.to, "UTC")
            begun = _Span(begins(event.dates.earliest, zone), begins(event.dates.latest, zone))
            ended = begins(event.until, zone) if event.until else None
            before = place.get(event.clause.place)
            if before is not None:
                clause, since, until, assumed = found[before]
                if begun.earliest <= since.earliest:
                    # Said again from the same day or an earlier one: it replaces the other whole.
                    found[before] = (event.clause, begun, ended, event.assumed)
                    continue
                until = min(until, begun.latest) if until else begun.latest
                found[before] = (clause, since, until, assumed)
            place[event.clause.place] = len(found)
            found.append((event.clause, begun, ended, event.assumed))
        return found

    def _stretches(
        self,
        ordinal: int,
        clause: Clause,
        begun: _Span,
        ended: datetime | None,
        assumed: bool,
        members: list[Membership],
    ) -> Iterable[Link]:
        """One clause, cut wherever its state changes."""
        into = self._span(Step.IMPLEMENTED, clause.to)
        if len(self.proposed.parties) > 2 or self._plurilateral():
            # Of a plurilateral, from the later of the two members' own starts (AAMRA).
            into = _later(into, self._span(Step.IMPLEMENTED, clause.from_))
        over = self._span(Step.TERMINATED)
        paused = self._suspensions(clause.to)
        both = [m for m in members if m.party in (clause.from_, clause.to)]
        edges = {begun.earliest, begun.latest, ended}
        for span in (into, over):
            edges |= {span.earliest, span.latest} if span else set()
        edges |= {edge for stretch in paused for edge in stretch}
        edges |= {edge for m in both for edge in (m.valid_from, m.valid_to)}

        def state(at: datetime) -> LinkState | None:
            inside = begun.reached(at)
            if inside is False or (ended and at >= ended):
                return None
            if {m.party for m in both if _holds(m, at)} != {clause.from_, clause.to}:
                return None
            gone = over.reached(at) if over else False
            if gone:
                return LinkState.TERMINATED
            if any(start <= at and (end is None or at < end) for start, end in paused):
                return LinkState.SUSPENDED
            started = into.reached(at) if into else False
            if started is False:
                return LinkState.NOT_IMPLEMENTED
            if None in (inside, started, gone):
                return LinkState.UNCERTAIN
            return LinkState.LIVE

        doubt = assumed or bool(into and into.assumed)
        for start, end, found in _runs(edges, state):
            yield Link(
                self.proposed.agreement, self.proposed.kind, ordinal, clause, found,
                doubt, start, end,
            )  # fmt: skip

    def _plurilateral(self) -> bool:
        return any(isinstance(e, Agreement.Acceded) for e in self.told)

    def _suspensions(self, side: AdministrationCode) -> list[tuple[datetime, datetime | None]]:
        found: list[tuple[datetime, datetime | None]] = []
        own = [
            e for e in self.told
            if isinstance(e, (Agreement.Suspended, Agreement.Resumed)) and e.side == side
        ]  # fmt: skip
        for event in sorted(own, key=lambda e: (e.dates.earliest, e.originator_version)):
            day = begins(event.dates.earliest, self.zones[side])
            if isinstance(event, Agreement.Suspended):
                found.append((day, None))
            elif found and found[-1][1] is None:
                found[-1] = (found[-1][0], day)
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
        edges |= {edge for side in paused for stretch in side for edge in stretch}

        def status(at: datetime) -> AgreementStatus:
            if over and over.reached(at):
                return AgreementStatus.TERMINATED
            if paused and all(any(s <= at and (e is None or at < e) for s, e in p) for p in paused):
                return AgreementStatus.SUSPENDED
            taken = [stage for stage, span in spans if span.reached(at)]
            return taken[-1] if taken else AgreementStatus.PROPOSED

        return [Stage(found, start, end) for start, end, found in _runs(edges, status)]

    def _furthest(self, step: Step) -> _Span | None:
        """Of a step that each side takes for itself: the first side's."""
        if step is not Step.IMPLEMENTED:
            return self._span(step)
        own = [span for side in self.zones for span in [self._span(step, side)] if span]
        return min(own, key=lambda s: s.latest) if own else None

    def sides(self) -> list[Side]:
        found: list[Side] = []
        for party in self.zones:
            into = self._span(Step.IMPLEMENTED, party)
            own = [s for s in self.steps if (s.what, s.side) == (Step.IMPLEMENTED, party)]
            day = own[0].dates.latest if into and into.latest != NEVER_AT else None
            paused = self._suspensions(party)
            edges = {edge for stretch in paused for edge in stretch}

            def suspended(at: datetime, paused: Any = paused) -> bool:
                return any(s <= at and (e is None or at < e) for s, e in paused)

            found += [Side(party, day, s, f, t) for f, t, s in _runs(edges, suspended)]
        return found


def _later(one: _Span | None, other: _Span | None) -> _Span | None:
    if one is None or other is None:
        return None
    earliest, latest = max(one.earliest, other.earliest), max(one.latest, other.latest)
    return _Span(earliest, latest, one.assumed or other.assumed)


def _holds(stretch: Membership, at: datetime) -> bool:
    return stretch.valid_from <= at and (stretch.valid_to is None or at < stretch.valid_to)


def _runs(
    edges: Iterable[datetime | None], value: Any
) -> list[tuple[datetime, datetime | None, Any]]:
    """The stretches between edges over which a value stays the same; where it is None, none."""
    cuts = sorted({ALWAYS, *(e for e in edges if e is not None and ALWAYS < e < NEVER_AT)})
    found: list[tuple[datetime, datetime | None, Any]] = []
    for start, end in zip(cuts, [*cuts[1:], None], strict=True):
        now = value(start)
        if now is None:
            continue
        if found and found[-1][1] == start and found[-1][2] == now:
            found[-1] = (found[-1][0], end, now)
        else:
            found.append((start, end, now))
    return found
