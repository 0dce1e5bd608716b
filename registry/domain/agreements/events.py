"""An agreement between administrations: its steps, each side's own dates, its scope.

One stream for each legal instrument, however many parties. Here are its events and what a decision
must know of them; the decisions are in steps.py, and which pairs it links on which day follows from
the events in links.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass
from datetime import date
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

import msgspec
from eventsourcing.domain import AggregateCreated, BaseAggregate

from registry.domain.amendments import Names, amended
from registry.domain.decisions import DatedFact
from registry.domain.values import (
    NEVER,
    AdministrationCode,
    AgreementKind,
    Dates,
    Direction,
    HsCode,
    Pillar,
    Role,
    Step,
)


class Party(msgspec.Struct, frozen=True):
    """A party and the zone in which its civil days begin, so that a stream explains itself."""

    administration: AdministrationCode
    time_zone: str


class Clause(msgspec.Struct, frozen=True, omit_defaults=True, rename={"from_": "from"}):
    """What one side recognises of another. No clause, no type: no recognition."""

    from_: AdministrationCode
    to: AdministrationCode
    types: tuple[str, ...]
    programmes: tuple[str, ...] = ()
    roles: tuple[Role, ...] = ()
    direction: Direction | None = None
    hs: tuple[HsCode, ...] = ()
    crossings: tuple[str, ...] = ()
    modes: tuple[str, ...] = ()
    identifier_scheme: str | None = None
    declaration_box: str | None = None
    benefits: tuple[str, ...] = ()
    consent_required: bool = False
    max_age_hours: int | None = None

    @property
    def place(self) -> tuple[object, ...]:
        """Two clauses of one place are the same clause at different times."""
        return (self.from_, self.to, self.direction, self.hs, self.crossings)


@dataclass(frozen=True)
class AgreementReading:
    """What an agreement is called and says by its latest reading, beside its dates and scope."""

    title: str
    legal_basis: str | None
    confidence: str | None
    details: Mapping[str, str]
    titles: Mapping[str, str]
    names: Names

    @classmethod
    def of(cls, first: Agreement.Proposed) -> AgreementReading:
        return cls(
            first.title,
            first.legal_basis,
            first.confidence,
            first.details or {},
            first.titles or {},
            first.names or {},
        )


class Agreement(BaseAggregate[UUID]):
    TOPIC = "agreement"

    class Event(DatedFact): ...

    class Proposed(Event, AggregateCreated):
        TOPIC = "agreement.proposed"
        class_version = 2
        agreement: str
        kind: AgreementKind
        title: str
        parties: tuple[Party, ...]
        pillars: tuple[Pillar, ...] = ()
        legal_basis: str | None = None
        confidence: str | None = None
        details: dict[str, str] | None = None
        titles: dict[str, str] | None = None
        names: Names | None = None

        @staticmethod
        def upcast_v1_v2(state: dict[str, Any]) -> None:
            """Version 1 has no original names; its text needs no change."""

    class Amended(Event):
        """A better reading of what it is called and says: None leaves a field as it was, `details`
        and `names` add to those known and replace those of the same name."""

        TOPIC = "agreement.amended"
        title: str | None = None
        legal_basis: str | None = None
        confidence: str | None = None
        details: dict[str, str] | None = None
        titles: dict[str, str] | None = None
        names: Names | None = None

        def apply(self, agreement: Agreement) -> None:
            agreement.said = amended(agreement.said, self)
            agreement.amendments.append(self)

    class DatedEvent(Event):
        TOPIC = "agreement.dated"  # asked for by the library; never stored
        _: KW_ONLY
        dates: Dates
        assumed: bool = False
        note: str | None = None

        def apply(self, agreement: Agreement) -> None:
            agreement.past.append(self)
            if type(self) in STEPS and not isinstance(self, Agreement.SideEvent):
                agreement.taken[STEPS[type(self)]] = self.dates

    class NegotiationOpened(DatedEvent):
        TOPIC = "agreement.negotiation_opened"

    class ActionPlanSigned(DatedEvent):
        TOPIC = "agreement.action_plan_signed"

    class Signed(DatedEvent):
        TOPIC = "agreement.signed"

    class PilotStarted(DatedEvent):
        TOPIC = "agreement.pilot_started"

    class SideEvent(DatedEvent):
        TOPIC = "agreement.side"  # asked for by the library; never stored
        side: AdministrationCode

    class Implemented(SideEvent):
        """A term of the side's implementation begins; its withdrawal, or the agreement's end, ends
        it. Where a term runs already (ledgers from before that was refused), its date is put right.
        """

        TOPIC = "agreement.implemented"

        def apply(self, agreement: Agreement) -> None:
            super().apply(agreement)
            agreement.begin_term(self.side, self.dates)

    class Suspended(SideEvent):
        """The side stops recognising what comes from the others, from then on."""

        TOPIC = "agreement.suspended"

        def apply(self, agreement: Agreement) -> None:
            super().apply(agreement)
            agreement.suspended[self.side] = self.dates

    class Resumed(SideEvent):
        TOPIC = "agreement.resumed"

        def apply(self, agreement: Agreement) -> None:
            super().apply(agreement)
            agreement.suspended.pop(self.side, None)

    class Terminated(DatedEvent):
        TOPIC = "agreement.terminated"
        notice: date | None = None

    class Acceded(DatedEvent):
        TOPIC = "agreement.acceded"
        party: Party

        def apply(self, agreement: Agreement) -> None:
            super().apply(agreement)
            agreement.parties[self.party.administration] = self.party.time_zone
            agreement.ever.add(self.party.administration)

    class Withdrew(DatedEvent):
        """Ends the membership, and with it the term of the member's implementation and a suspension
        of its own: who accedes again begins anew."""

        TOPIC = "agreement.withdrew"
        member: AdministrationCode

        def apply(self, agreement: Agreement) -> None:
            super().apply(agreement)
            agreement.parties.pop(self.member, None)
            agreement.running.pop(self.member, None)
            agreement.suspended.pop(self.member, None)

    class DatesSet(DatedEvent):
        """`term`: which term of the side's implementation, from 1; None: the latest on record."""

        TOPIC = "agreement.dates_set"
        class_version = 2
        what: Step
        side: AdministrationCode | None = None
        conflicting: bool = False
        term: int | None = None

        @staticmethod
        def upcast_v1_v2(state: dict[str, Any]) -> None:
            """Version 1 names no term; its text needs no change."""

        def apply(self, agreement: Agreement) -> None:
            super().apply(agreement)
            if self.conflicting or self.dates.latest == NEVER:
                return  # stands beside the step, or leaves open whether it was taken at all
            if self.side is None:
                agreement.taken[self.what] = self.dates
            elif self.term in (None, agreement.terms.get(self.side)) and (
                self.side in agreement.running or self.side not in agreement.terms
            ):
                agreement.begin_term(self.side, self.dates)

    class Noted(DatedEvent):
        TOPIC = "agreement.noted"
        what: Step
        text: str

    class ScopeSet(DatedEvent):
        TOPIC = "agreement.scope_set"
        clause: Clause
        until: date | None = None

    def __init__(
        self,
        agreement: str,
        kind: AgreementKind,
        title: str,
        parties: tuple[Party, ...],
        effective: date,
        pillars: tuple[Pillar, ...] = (),
        legal_basis: str | None = None,
        confidence: str | None = None,
        details: dict[str, str] | None = None,
        titles: dict[str, str] | None = None,
        names: Names | None = None,
        decided: date | None = None,
        decided_by: AdministrationCode | None = None,
        legal_ground: str | None = None,
        source: str | None = None,
    ) -> None:
        self.agreement, self.kind = agreement, kind
        self.parties = {p.administration: p.time_zone for p in parties}
        self.ever = set(self.parties)  # whoever is or was a party
        self.suspended: dict[AdministrationCode, Dates] = {}
        self.taken: dict[Step, Dates] = {}  # the steps of all together
        self.terms: dict[AdministrationCode, int] = {}  # how many each side has begun
        self.running: dict[AdministrationCode, Dates] = {}  # since when its last one runs
        self.past: list[Agreement.DatedEvent] = []
        self.said = AgreementReading(
            title, legal_basis, confidence, details or {}, titles or {}, names or {}
        )
        self.amendments: list[Agreement.Amended] = []

    def begin_term(self, side: AdministrationCode, dates: Dates) -> None:
        """Another term, or another date of the one that runs."""
        if side not in self.running:
            self.terms[side] = self.terms.get(side, 0) + 1
        self.running[side] = dates

    @staticmethod
    def create_id(agreement: str) -> UUID:
        return uuid5(NAMESPACE_URL, f"agreement/{agreement}")


#: The step that each of these takes; dates that are set say one otherwise.
STEPS: dict[type[Agreement.DatedEvent], Step] = {
    Agreement.NegotiationOpened: Step.NEGOTIATING,
    Agreement.ActionPlanSigned: Step.ACTION_PLAN,
    Agreement.Signed: Step.SIGNED,
    Agreement.PilotStarted: Step.PILOT,
    Agreement.Implemented: Step.IMPLEMENTED,
    Agreement.Terminated: Step.TERMINATED,
}
