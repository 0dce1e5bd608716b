"""The agreement aggregate: its events, and the state that decisions need.

An agreement is one stream for each legal instrument, whatever the number of parties. The decisions
are in decisions.py. timeline.py derives from the events which pairs of administrations are linked
on which day.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass
from datetime import date
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

import msgspec
from eventsourcing.domain import AggregateCreated, BaseAggregate

from registry.domain.amendments import Names, apply_amendment
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
    """A party and the IANA time zone of its civil days.

    The zone is stored so that the stream can be read without any other stream.
    """

    administration: AdministrationCode
    time_zone: str


class Clause(msgspec.Struct, frozen=True, omit_defaults=True, rename={"from_": "from"}):
    """What one side recognises of another.

    Without a clause, or a type in it, nothing is recognised.

    Empty `programmes`, `roles`, `hs`, `crossings` and `modes` mean all of them. `max_age_hours` is
    the age beyond which the partner's data is stale.
    """

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
        """The identity of a clause. Clauses of equal place are one clause at different times."""
        return (self.from_, self.to, self.direction, self.hs, self.crossings)


@dataclass(frozen=True)
class AgreementReading:
    """The titles and texts of an agreement with every amendment applied.

    Its dates and its scope are recorded by events of their own.
    """

    title: str
    legal_basis: str | None
    confidence: str | None
    details: Mapping[str, str]
    titles: Mapping[str, str]
    names: Names

    @classmethod
    def of(cls, first: Agreement.Proposed) -> AgreementReading:
        """The reading of the event that proposed the agreement, before any amendment."""
        return cls(
            first.title,
            first.legal_basis,
            first.confidence,
            first.details or {},
            first.titles or {},
            first.names or {},
        )


class Agreement(BaseAggregate[UUID]):
    """An agreement between customs administrations (event-sourced aggregate)."""

    TOPIC = "agreement"

    class Event(DatedFact):
        """The base of every event of an agreement."""

    class Proposed(Event, AggregateCreated):
        """The agreement is entered into the register with its parties."""

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
            """Upcast: version 1 has no original names. The stored text needs no change."""

    class Amended(Event):
        """A better reading of the agreement's title and texts.

        A field that is None stays unchanged. `details` and `names` are added to the known entries
        and replace those of the same name.
        """

        TOPIC = "agreement.amended"
        title: str | None = None
        legal_basis: str | None = None
        confidence: str | None = None
        details: dict[str, str] | None = None
        titles: dict[str, str] | None = None
        names: Names | None = None

        def apply(self, agreement: Agreement) -> None:
            """Changes the particulars that the amendment names."""
            agreement.reading = apply_amendment(agreement.reading, self)
            agreement.amendments.append(self)

    class DatedEvent(Event):
        """The base of events that have a day, or an interval of days if the day is not known.

        `assumed`: no source gives the date; it was inferred. The class itself is never stored.
        """

        TOPIC = "agreement.dated"  # the library requires one; never stored
        _: KW_ONLY
        dates: Dates
        assumed: bool = False
        note: str | None = None

        def apply(self, agreement: Agreement) -> None:
            """Adds the event to the history, and its dates where it is a step of the whole
            agreement."""
            agreement.history.append(self)
            if type(self) in STEPS and not isinstance(self, Agreement.SideEvent):
                agreement.dated_steps[STEPS[type(self)]] = self.dates

    class NegotiationOpened(DatedEvent):
        """Negotiations began."""

        TOPIC = "agreement.negotiation_opened"

    class ActionPlanSigned(DatedEvent):
        """The administrations signed an action plan, which is not an agreement."""

        TOPIC = "agreement.action_plan_signed"

    class Signed(DatedEvent):
        """The agreement was signed."""

        TOPIC = "agreement.signed"

    class PilotStarted(DatedEvent):
        """A pilot of the agreement began."""

        TOPIC = "agreement.pilot_started"

    class SideEvent(DatedEvent):
        """The base of events of one side. The class itself is never stored."""

        TOPIC = "agreement.side"  # the library requires one; never stored
        side: AdministrationCode

    class Implemented(SideEvent):
        """A term of the side's implementation begins.

        The term ends when the side withdraws or the agreement is terminated. In older ledgers the
        event may occur while a term is running; it then replaces the date of that term. Today that
        is refused.
        """

        TOPIC = "agreement.implemented"

        def apply(self, agreement: Agreement) -> None:
            """Begins a term of the side."""
            super().apply(agreement)
            agreement.begin_term(self.side, self.dates)

    class Suspended(SideEvent):
        """From this date the side stops recognising operators and controls of the other sides."""

        TOPIC = "agreement.suspended"

        def apply(self, agreement: Agreement) -> None:
            """Marks the side as suspended."""
            super().apply(agreement)
            agreement.suspended[self.side] = self.dates

    class Resumed(SideEvent):
        """The side's suspension ends."""

        TOPIC = "agreement.resumed"

        def apply(self, agreement: Agreement) -> None:
            """Ends the suspension of the side."""
            super().apply(agreement)
            agreement.suspended.pop(self.side, None)

    class Terminated(DatedEvent):
        """The agreement ends. `notice`: the civil day on which notice was given."""

        TOPIC = "agreement.terminated"
        notice: date | None = None

    class Acceded(DatedEvent):
        """An administration becomes a party."""

        TOPIC = "agreement.acceded"
        party: Party

        def apply(self, agreement: Agreement) -> None:
            """Adds the party."""
            super().apply(agreement)
            agreement.parties[self.party.administration] = self.party.time_zone
            agreement.all_parties.add(self.party.administration)

    class Withdrew(DatedEvent):
        """The member's membership ends, with its running term and its suspension.

        If the member accedes again, it begins a new term.
        """

        TOPIC = "agreement.withdrew"
        member: AdministrationCode

        def apply(self, agreement: Agreement) -> None:
            """Removes the party and ends its running term and suspension."""
            super().apply(agreement)
            agreement.parties.pop(self.member, None)
            agreement.running.pop(self.member, None)
            agreement.suspended.pop(self.member, None)

    class DatesSet(DatedEvent):
        """Sets or corrects the dates of a step.

        `conflicting`: the dates are those of another source and are kept beside the earlier ones.
        `term`: the ordinal of the side's implementation, from 1; None means the latest term on
        record.
        """

        TOPIC = "agreement.dates_set"
        class_version = 2
        what: Step
        side: AdministrationCode | None = None
        conflicting: bool = False
        term: int | None = None

        @staticmethod
        def upcast_v1_v2(state: dict[str, Any]) -> None:
            """Upcast: version 1 names no term. The stored text needs no change."""

        def apply(self, agreement: Agreement) -> None:
            """Sets the dates of a step, unless they conflict with those in force or leave open
            whether the step was taken."""
            super().apply(agreement)
            if self.conflicting or self.dates.latest == NEVER:
                return  # kept beside the dates in force, or leaves open whether the step was taken
            if self.side is None:
                agreement.dated_steps[self.what] = self.dates
            elif self.term in (None, agreement.terms.get(self.side)) and (
                self.side in agreement.running or self.side not in agreement.terms
            ):
                agreement.begin_term(self.side, self.dates)

    class Noted(DatedEvent):
        """A dated remark (a meeting, a listing, an announcement) that changes no status."""

        TOPIC = "agreement.noted"
        what: Step
        text: str

    class ScopeSet(DatedEvent):
        """A clause of the agreement's scope applies from this date until `until` (exclusive)."""

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
        self.all_parties = set(self.parties)  # everyone who is or was a party
        self.suspended: dict[AdministrationCode, Dates] = {}
        self.dated_steps: dict[Step, Dates] = {}  # the steps of the whole agreement
        self.terms: dict[AdministrationCode, int] = {}  # the number of terms each side has begun
        self.running: dict[AdministrationCode, Dates] = {}  # when each side's running term began
        self.history: list[Agreement.DatedEvent] = []
        self.reading = AgreementReading(
            title, legal_basis, confidence, details or {}, titles or {}, names or {}
        )
        self.amendments: list[Agreement.Amended] = []

    def begin_term(self, side: AdministrationCode, dates: Dates) -> None:
        """Begins a term of the side, or replaces the date of its running term."""
        if side not in self.running:
            self.terms[side] = self.terms.get(side, 0) + 1
        self.running[side] = dates

    @staticmethod
    def create_id(agreement: str) -> UUID:
        """The stream id (UUIDv5), derived from the agreement's code."""
        return uuid5(NAMESPACE_URL, f"agreement/{agreement}")


#: The step that each event takes. DatesSet and Noted name their step in the field `what`.
STEPS: dict[type[Agreement.DatedEvent], Step] = {
    Agreement.NegotiationOpened: Step.NEGOTIATING,
    Agreement.ActionPlanSigned: Step.ACTION_PLAN,
    Agreement.Signed: Step.SIGNED,
    Agreement.PilotStarted: Step.PILOT,
    Agreement.Implemented: Step.IMPLEMENTED,
    Agreement.Terminated: Step.TERMINATED,
}
