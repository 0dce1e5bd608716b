"""An economic operator, from its application to the end of its authorisation.

The events come first: they are what is stored, and each says how it changes the operator.
What an authorisation may go through is in authorisations.py; what the events mean in law, on
which day, is in standing.py.
"""

from __future__ import annotations

from datetime import date
from typing import Any, ClassVar
from uuid import UUID

from eventsourcing.domain import AggregateCreated, BaseAggregate, CanMutateAggregate

from registry.domain.corrections import apply_corrections, with_changes
from registry.domain.decisions import DatedFact
from registry.domain.identifiers import normal
from registry.domain.operators.authorisation import Authorisation, Due
from registry.domain.stream_ids import stream_id
from registry.domain.trigger import trigger_plain_event
from registry.domain.values import (
    CLOSED,
    ENDED,
    HELD,
    AdministrationCode,
    ContactRole,
    Role,
    Status,
    Tin,
)

OVER = ENDED | CLOSED


def _ends_by_law(state: dict[str, Any]) -> None:
    """A text of version 1 says nothing of how an end comes about: by law, as in version 2."""


class Operator(BaseAggregate[UUID]):
    TOPIC = "operator"

    class Event(DatedFact):
        """`effective`: the civil date it counts from in law, in the operator's home zone.

        `rule_unknown`, where an event has it: the rules of the programme that the decision or its
        deadlines needed and that nobody knew for that day. None: every one of them was known.
        """

        TOPIC: ClassVar[str]  # the stored name, for ever

        def apply(self, operator: Operator) -> None:
            operator.past.append(self)
            self.change(operator)

        def change(self, operator: Operator) -> None:
            """What it does to the operator; most particulars live in the read models alone."""

    class Registered(Event, AggregateCreated):
        TOPIC = "operator.registered"
        tin: Tin
        administration: AdministrationCode
        time_zone: str  # kept here so that a stream can be read without any other
        name: str
        local_name: str | None = None
        address: str | None = None
        roles: tuple[Role, ...] = ()

        def apply(self, operator: Operator) -> None:
            """The beginning is not among what came after it."""

    class Amended(Event):
        TOPIC = "operator.amended"
        name: str | None = None
        local_name: str | None = None
        address: str | None = None
        roles: tuple[Role, ...] | None = None

        def change(self, operator: Operator) -> None:
            operator.amendments.append(self)
            if self.effective < max(event.effective for event in operator.amendments):
                # Law follows the days: what reaches back is not the last word.
                operator.name, operator.local_name, operator.address, operator.roles = (
                    operator.registered_as.values()
                )
                for event in sorted(operator.amendments, key=lambda e: e.effective):
                    event.rename(operator)
            else:
                self.rename(operator)

        def rename(self, operator: Operator) -> None:
            operator.name = self.name or operator.name
            operator.local_name = self.local_name or operator.local_name
            operator.address = self.address or operator.address
            operator.roles = operator.roles if self.roles is None else self.roles

    class IdentifierAdded(Event):
        TOPIC = "operator.identifier_added"
        class_version = 2
        scheme: str
        value: str
        issuer: AdministrationCode | None = None
        valid_to: date | None = None
        verified_by: str | None = None
        override: str | None = None
        shared: str | None = None  # why another operator may have it, too

        @staticmethod
        def upcast_v1_v2(state: dict[str, Any]) -> None:
            """When version 1 was written nobody asked whether another had the number: the reason
            for which an odd one was let through stands for both."""
            if override := state.get("override"):
                state["shared"] = override

        def change(self, operator: Operator) -> None:
            operator.identifiers[self.scheme, normal(self.value, self.scheme)] = self

    class IdentifierEnded(Event):
        TOPIC = "operator.identifier_ended"
        scheme: str
        value: str

        def change(self, operator: Operator) -> None:
            operator.identifiers.pop((self.scheme, normal(self.value, self.scheme)), None)

    class ConsentGiven(Event):
        TOPIC = "operator.consent_given"
        partner: AdministrationCode | None = None  # none: to publication

        def change(self, operator: Operator) -> None:
            operator.consents.add(self.partner)
            operator.consents_spoken_of.add(self.partner)

    class ConsentWithdrawn(Event):
        TOPIC = "operator.consent_withdrawn"
        partner: AdministrationCode | None = None

        def change(self, operator: Operator) -> None:
            operator.consents.discard(self.partner)
            operator.consents_spoken_of.add(self.partner)

    class Lodged(Event):
        TOPIC = "operator.lodged"
        authorisation: str
        programme: str
        type: str
        due: tuple[Due, ...] = ()
        rule_unknown: tuple[str, ...] | None = None

        def change(self, operator: Operator) -> None:
            operator.authorisations[self.authorisation] = Authorisation(
                self.authorisation,
                self.programme,
                self.type,
                Status.LODGED,
                latest=self.effective,
            )

    class Listed(Event):
        """An authority's published list names the operator. `effective`: the civil day on which
        the list was read. `since`: the day that the list itself gives as the beginning; else it
        began some time from `earliest` to the day of reading, and nobody knows when."""

        TOPIC = "operator.listed"
        authorisation: str
        programme: str
        type: str
        list: str
        earliest: date
        since: date | None = None
        number: str | None = None
        name: str | None = None  # as the list writes it
        roles: tuple[Role, ...] = ()
        shared: str | None = None  # why another operator may have the number, too
        #: False: it lacks the part that partners recognise, by the programme's rule of that day.
        abroad: bool | None = None

        def change(self, operator: Operator) -> None:
            authorisation = operator.authorisations.get(self.authorisation)
            if authorisation is None:
                authorisation = operator.authorisations[self.authorisation] = Authorisation(
                    self.authorisation,
                    self.programme,
                    self.type,
                    Status.VALID,
                    roles=self.roles,
                    list=self.list,
                )
                operator.supersede(authorisation, self.effective)
            authorisation.number = self.number or authorisation.number
            authorisation.effective = self.since or authorisation.effective
            authorisation.latest = max(authorisation.latest, self.effective)

    class AuthorisationEvent(Event):
        TOPIC = "operator.authorisation"  # asked for by the library; never stored
        ENDS: ClassVar[bool] = False  # does it end the authorisation
        authorisation: str

        def change(self, operator: Operator) -> None:
            authorisation = operator.authorisations[self.authorisation]
            if not self.ENDS:
                authorisation.latest = max(authorisation.latest, self.effective)
            self.alter(authorisation)

        def alter(self, authorisation: Authorisation) -> None: ...

    class Accepted(AuthorisationEvent):
        TOPIC = "operator.accepted"
        due: tuple[Due, ...] = ()
        reason: str | None = None
        rule_unknown: tuple[str, ...] | None = None

        def alter(self, authorisation: Authorisation) -> None:
            authorisation.status = Status.ACCEPTED

    class NotAccepted(AuthorisationEvent):
        TOPIC = "operator.not_accepted"
        reason: str | None = None

        def alter(self, authorisation: Authorisation) -> None:
            authorisation.status = Status.NOT_ACCEPTED

    class Withdrawn(AuthorisationEvent):
        TOPIC = "operator.withdrawn"
        reason: str | None = None

        def alter(self, authorisation: Authorisation) -> None:
            authorisation.status = Status.WITHDRAWN

    class ExaminationStarted(AuthorisationEvent):
        TOPIC = "operator.examination_started"
        reason: str | None = None

        def alter(self, authorisation: Authorisation) -> None:
            authorisation.status = Status.UNDER_EXAMINATION

    class ConsultationRequested(AuthorisationEvent):
        TOPIC = "operator.consultation_requested"
        asked: AdministrationCode
        reason: str | None = None

    class ConsultationReplied(AuthorisationEvent):
        TOPIC = "operator.consultation_replied"
        asked: AdministrationCode
        reply: str
        reason: str | None = None

    class DeadlineExtended(AuthorisationEvent):
        TOPIC = "operator.deadline_extended"
        days: int
        reason: str
        due: tuple[Due, ...] = ()
        rule_unknown: tuple[str, ...] | None = None

    class Granted(AuthorisationEvent):
        TOPIC = "operator.granted"
        class_version = 2
        upcast_v1_v2 = staticmethod(_ends_by_law)
        number: str
        type: str
        roles: tuple[Role, ...] = ()
        valid_until: date | None = None  # the last civil day of the term
        due: tuple[Due, ...] = ()
        rule_unknown: tuple[str, ...] | None = None
        counted_by: str | None = None  # the calendar of the working days until its effect
        ends_by_decision: bool | None = None  # None: the term ends by law after `valid_until`
        shared: str | None = None  # why another operator may have the number, too
        #: False: it lacks the part that partners recognise, by the programme's rule of that day.
        abroad: bool | None = None

        def change(self, operator: Operator) -> None:
            super().change(operator)
            operator.supersede(operator.authorisations[self.authorisation], self.effective)

        def alter(self, authorisation: Authorisation) -> None:
            authorisation.number, authorisation.type, authorisation.roles = (
                self.number,
                self.type,
                self.roles,
            )
            authorisation.effective, authorisation.valid_until = self.effective, self.valid_until
            authorisation.status = (
                Status.VALID
            )  # or GRANTED until its day: standing.py knows the day

    class Refused(AuthorisationEvent):
        TOPIC = "operator.refused"
        reason: str | None = None

        def alter(self, authorisation: Authorisation) -> None:
            authorisation.status = Status.REFUSED

    class TypeChanged(AuthorisationEvent):
        TOPIC = "operator.type_changed"
        type: str
        reason: str | None = None
        #: False: it lacks the part that partners recognise, by the programme's rule of that day.
        abroad: bool | None = None

        def alter(self, authorisation: Authorisation) -> None:
            authorisation.type = self.type

    class RolesAmended(AuthorisationEvent):
        TOPIC = "operator.roles_amended"
        roles: tuple[Role, ...]
        reason: str | None = None

        def alter(self, authorisation: Authorisation) -> None:
            authorisation.roles = self.roles

    class ReassessmentOpened(AuthorisationEvent):
        TOPIC = "operator.reassessment_opened"
        reason: str | None = None

        def alter(self, authorisation: Authorisation) -> None:
            authorisation.under_reassessment = True

    class ReassessmentClosed(AuthorisationEvent):
        TOPIC = "operator.reassessment_closed"
        outcome: str | None = None
        remediation: bool = False
        due: tuple[Due, ...] = ()
        reason: str | None = None
        rule_unknown: tuple[str, ...] | None = None

        def alter(self, authorisation: Authorisation) -> None:
            authorisation.under_reassessment, authorisation.remediation = False, self.remediation

    class Renewed(AuthorisationEvent):
        TOPIC = "operator.renewed"
        class_version = 2
        upcast_v1_v2 = staticmethod(_ends_by_law)
        valid_until: date | None = None
        due: tuple[Due, ...] = ()
        reason: str | None = None
        ends_by_decision: bool | None = None

        def alter(self, authorisation: Authorisation) -> None:
            authorisation.valid_until, authorisation.under_reassessment = self.valid_until, False

    class Suspended(AuthorisationEvent):
        TOPIC = "operator.suspended"
        class_version = 2
        upcast_v1_v2 = staticmethod(_ends_by_law)
        reason: str
        part: str | None = None  # of an authorisation that has parts; none: the whole of it
        abroad: bool = True  # does it touch the part that partners recognise
        until: date | None = None  # the first civil day on which it is suspended no longer
        due: tuple[Due, ...] = ()
        rule_unknown: tuple[str, ...] | None = None
        ends_by_decision: bool | None = None  # None: the suspension ends by law on `until`

        def alter(self, authorisation: Authorisation) -> None:
            authorisation.suspended_part, authorisation.suspended_until = self.part, self.until
            if authorisation.status not in ENDED:  # an end that lies ahead stays the last word
                authorisation.status = Status.SUSPENDED

    class SuspensionExtended(AuthorisationEvent):
        TOPIC = "operator.suspension_extended"
        class_version = 2
        upcast_v1_v2 = staticmethod(_ends_by_law)
        until: date
        reason: str | None = None
        due: tuple[Due, ...] = ()
        ends_by_decision: bool | None = None

        def alter(self, authorisation: Authorisation) -> None:
            authorisation.suspended_until = self.until

    class SuspensionLifted(AuthorisationEvent):
        TOPIC = "operator.suspension_lifted"
        reason: str | None = None

        def alter(self, authorisation: Authorisation) -> None:
            authorisation.suspended_part, authorisation.suspended_until = None, None
            if authorisation.status not in ENDED:
                authorisation.status = Status.VALID

    class SuspensionEnded(AuthorisationEvent):
        """The clerk's record that a suspension ended by law on its day, `effective`.

        It changes nothing: the decision that suspended said its end, and that end is law.
        """

        TOPIC = "operator.suspension_ended"

        def change(self, operator: Operator) -> None:
            """Changes nothing: the end that it records is in force without it."""

    class Revoked(AuthorisationEvent):
        """From now on (UCC Art. 28): what was before stays valid."""

        TOPIC = "operator.revoked"
        ENDS = True
        reason: str
        barred_until: date | None = None
        rule_unknown: tuple[str, ...] | None = None

        def change(self, operator: Operator) -> None:
            super().change(operator)
            authorisation = operator.authorisations[self.authorisation]
            authorisation.status, authorisation.ended = Status.REVOKED, self.effective
            if self.barred_until:
                # Of two revocations the shorter bar does not end the longer.
                before = operator.barred.get(authorisation.programme, self.barred_until)
                operator.barred[authorisation.programme] = max(before, self.barred_until)

    class Annulled(AuthorisationEvent):
        """Back to the start (UCC Art. 27): `effective` is the day of effect of the grant."""

        TOPIC = "operator.annulled"
        ENDS = True
        reason: str | None = None

        def alter(self, authorisation: Authorisation) -> None:
            authorisation.status, authorisation.ended = Status.ANNULLED, self.effective

    class Surrendered(AuthorisationEvent):
        TOPIC = "operator.surrendered"
        ENDS = True
        reason: str | None = None

        def alter(self, authorisation: Authorisation) -> None:
            authorisation.status, authorisation.ended = Status.SURRENDERED, self.effective

    class Expired(AuthorisationEvent):
        TOPIC = "operator.expired"
        ENDS = True
        class_version = 2
        upcast_v1_v2 = staticmethod(_ends_by_law)
        reason: str | None = None
        #: True: a record that the term ended by law on this day. It changes nothing. None: a
        #: decision, which ends the authorisation itself.
        by_law: bool | None = None

        def change(self, operator: Operator) -> None:
            if not self.by_law:
                super().change(operator)

        def alter(self, authorisation: Authorisation) -> None:
            authorisation.status, authorisation.ended = Status.EXPIRED, self.effective

    class Unlisted(AuthorisationEvent):
        """The list, read on the day `effective`, names the authorisation no longer: it ended some
        time after the last day on which it is known to have been held, and by this day."""

        TOPIC = "operator.unlisted"
        ENDS = True
        programme: str
        type: str
        list: str

        def alter(self, authorisation: Authorisation) -> None:
            authorisation.status, authorisation.ended = Status.DELISTED, self.effective

    class Merged(Event):
        TOPIC = "operator.merged"
        successor: Tin
        reason: str | None = None

        def change(self, operator: Operator) -> None:
            operator.successor, operator.merged_on = self.successor, self.effective
            for authorisation in operator.authorisations.values():
                if authorisation.status in HELD:
                    authorisation.status, authorisation.ended = Status.SUPERSEDED, self.effective

    class Split(Event):
        TOPIC = "operator.split"
        origin: Tin
        reason: str | None = None

    class ContactNamed(Event):
        TOPIC = "operator.contact_named"
        person: UUID  # a pseudonym: who it is stands nowhere in the ledger
        role: ContactRole
        commitment: str

    class ContactEnded(Event):
        TOPIC = "operator.contact_ended"
        person: UUID

    class PersonErased(Event):
        TOPIC = "operator.person_erased"
        person: UUID
        ground: str

    class Corrected(Event):
        """Puts right an earlier event, which stays as it was written."""

        TOPIC = "operator.corrected"
        corrects: int  # the position of that event in the register
        version: int  # and its version in this stream
        what: dict[str, str]
        why: str

        def change(self, operator: Operator) -> None:
            operator.corrected = True
            operator.start_again()
            for event in corrected_events(operator.past):
                if not isinstance(event, Operator.Corrected):
                    event.change(operator)

    def __init__(
        self,
        tin: Tin,
        administration: AdministrationCode,
        time_zone: str,
        name: str,
        effective: date,
        local_name: str | None = None,
        address: str | None = None,
        roles: tuple[Role, ...] = (),
        decided: date | None = None,
        decided_by: AdministrationCode | None = None,
        legal_ground: str | None = None,
        source: str | None = None,
    ) -> None:
        self.tin, self.administration, self.time_zone = tin, administration, time_zone
        self._registered = (name, local_name, address, roles)
        self.past: list[Operator.Event] = []  # every event but the first, in order
        self.corrected = False  # only then do the events say something else than was written
        self.start_again()

    @property
    def registered_as(self) -> dict[str, Any]:
        """Its particulars before any amendment."""
        return dict(zip(("name", "local_name", "address", "roles"), self._registered, strict=True))

    def start_again(self) -> None:
        self.name, self.local_name, self.address, self.roles = self._registered
        self.amendments: list[Operator.Amended] = []
        #: By scheme and the normal form of the number.
        self.identifiers: dict[tuple[str, str], Operator.IdentifierAdded] = {}
        self.consents: set[AdministrationCode | None] = set()
        #: Partners (None: publication) to whom consent was ever given or withdrawn.
        self.consents_spoken_of: set[AdministrationCode | None] = set()
        self.authorisations: dict[str, Authorisation] = {}
        self.barred: dict[str, date] = {}
        self.successor: Tin | None = None
        self.merged_on: date | None = None  # the day of effect of that, which may lie ahead

    def supersede(self, authorisation: Authorisation, begun: date) -> None:
        """What begins while a merger lies ahead is its successor's from the day of the merger."""
        if self.merged_on and begun < self.merged_on:
            authorisation.status, authorisation.ended = Status.SUPERSEDED, self.merged_on

    def trigger_event(self, event_class: type[CanMutateAggregate[UUID]], **said: Any) -> None:
        if not trigger_plain_event(self, event_class, said):
            super().trigger_event(event_class, **said)

    @staticmethod
    def create_id(tin: Tin) -> UUID:
        return stream_id(f"operator/{tin}")

    def begun(self) -> int:
        """How many authorisations there ever were, from applications or from lists: one that was
        voided keeps its reference."""
        kinds = (Operator.Lodged, Operator.Listed)
        return len({event.authorisation for event in self.past if isinstance(event, kinds)})

    def held(self) -> list[Authorisation]:
        """What has been granted and has not ended."""
        return [a for a in self.authorisations.values() if a.status not in OVER]


def corrected_events(
    events: list[Operator.Event], also: dict[int, dict[str, str]] | None = None
) -> list[Operator.Event]:
    """The same events with every correction among them carried out; voided ones are gone.

    `also`: a correction that is only thought of, as the version of an event and what is wrong.
    """
    corrections = [(e.version, e.what) for e in events if isinstance(e, Operator.Corrected)]
    said = apply_corrections(events, [*corrections, *(also or {}).items()])
    if said is events:
        return events
    # An annulment counts from the day of effect of its grant, whichever that turns out to be.
    begun = {e.authorisation: e.effective for e in said if isinstance(e, Operator.Granted)}
    return [
        with_changes(e, {"effective": begun.get(e.authorisation, e.effective)})
        if isinstance(e, Operator.Annulled)
        else e
        for e in said
    ]
