"""The operator aggregate: its events, and the state that decisions need.

The events come first: they are stored, and each says how it changes the state. The decisions are in
the *_decisions modules. timeline.py derives from the events which status applies on which day.
"""

from __future__ import annotations

from dataclasses import field
from datetime import date
from typing import Any, ClassVar
from uuid import UUID

from eventsourcing.domain import AggregateCreated, BaseAggregate, CanMutateAggregate

from registry.domain.consent import scope_of
from registry.domain.corrections import apply_corrections, with_changes
from registry.domain.decisions import DatedFact
from registry.domain.identifiers import normal_form
from registry.domain.operators.authorisation import Authorisation, Due
from registry.domain.operators.disputes import OperatorDispute
from registry.domain.operators.particulars import (
    FirstParticulars,
    GivenParticulars,
    OperatorParticulars,
)
from registry.domain.proposed import ProposedDecision
from registry.domain.stream_ids import stream_id
from registry.domain.trigger import trigger_plain_event
from registry.domain.values import (
    CLOSED,
    ENDED,
    HELD,
    AdministrationCode,
    ContactRole,
    DisputeKind,
    DisputeOutcome,
    Role,
    Status,
    Tin,
)

OVER = ENDED | CLOSED


def _ends_by_law(state: dict[str, Any]) -> None:
    """Upcast: version 1 does not say how an end comes about; it is by law, as in version 2."""


class Operator(BaseAggregate[UUID]):
    """An economic operator, from its application to the end of its authorisation (aggregate)."""

    TOPIC = "operator"

    class Event(DatedFact):
        """The base of every event of an operator.

        `effective`: the civil day, in the operator's home time zone, from which it counts in valid
        time. `rule_unknown`, if an event has it: the programme's rules that the decision or its
        deadlines needed and that nobody knew for that day; None if all were known.
        """

        TOPIC: ClassVar[str]  # the stored name; never renamed

        def apply(self, operator: Operator) -> None:
            """Adds the event to the history and changes the state."""
            operator.history.append(self)
            self.change(operator)

        def change(self, operator: Operator) -> None:
            """Changes the operator's state. Most particulars exist only in the read models."""

    class Registered(GivenParticulars, FirstParticulars, Event, AggregateCreated):
        """The operator is entered into the register under its TIN."""

        TOPIC = "operator.registered"
        name: str = field(kw_only=True)
        roles: tuple[Role, ...] = ()

        def apply(self, operator: Operator) -> None:
            """The registration is not part of `past`."""
            operator.registered_as = OperatorParticulars.of(self)
            operator.start_again()

    class Amended(GivenParticulars, Event):
        """Name, address or roles change. A field that is None stays unchanged."""

        TOPIC = "operator.amended"

        def change(self, operator: Operator) -> None:
            """Sets the changed particulars. Of several amendments the one with the latest effective
            day decides."""
            operator.amendments.append(self)
            in_order = sorted(operator.amendments, key=lambda e: e.effective)
            if in_order[-1] is self:
                operator.particulars = operator.particulars.amended(self)
                return
            # The amendment with the latest effective day decides, whatever the order of recording.
            operator.particulars = operator.registered_as
            for event in in_order:
                operator.particulars = operator.particulars.amended(event)

    class IdentifierAdded(Event):
        """A number identifies the operator, until `valid_to` (exclusive) if that is given."""

        TOPIC = "operator.identifier_added"
        class_version = 2
        scheme: str
        value: str
        issuer: AdministrationCode | None = None
        valid_to: date | None = None
        verified_by: str | None = None
        override: str | None = None
        shared: str | None = None  # why another operator may have it too

        @staticmethod
        def upcast_v1_v2(state: dict[str, Any]) -> None:
            """Upcast: version 1 did not ask whether another operator has the number.

            The reason for accepting an unusual number is used for both.
            """
            if override := state.get("override"):
                state["shared"] = override

        def change(self, operator: Operator) -> None:
            """Adds the identifier, by scheme and normal form."""
            operator.identifiers[self.scheme, normal_form(self.value, self.scheme)] = self

    class IdentifierEnded(Event):
        """A number no longer identifies the operator."""

        TOPIC = "operator.identifier_ended"
        scheme: str
        value: str

        def change(self, operator: Operator) -> None:
            """Removes the identifier."""
            operator.identifiers.pop((self.scheme, normal_form(self.value, self.scheme)), None)

    class ConsentEvent(Event):
        """The base of the events about a consent. The class itself is never stored.

        `partner` alone was there from the beginning: without the other fields an event says what it
        said.
        """

        TOPIC = "operator.consent"  # the library requires one; never stored
        partner: AdministrationCode | None = None  # None: publication, unless `general`
        general: bool | None = None  # true: every partner whose data protection was found adequate
        proof: str | None = None  # the reference of the document
        proof_sha256: str | None = None  # of the document's bytes, in hexadecimal

        @property
        def scope(self) -> str:
            """The scope as one text: see registry.domain.consent.scope_of."""
            return scope_of(self.partner, bool(self.general))

    class ConsentGiven(ConsentEvent):
        """The operator consents to sharing its data with a partner, with every partner whose data
        protection was found adequate, or to publication."""

        TOPIC = "operator.consent_given"

        def change(self, operator: Operator) -> None:
            """Adds the consent of that scope."""
            operator.consents.add(self.scope)
            operator.consents_spoken_of.add(self.scope)

    class ConsentWithdrawn(ConsentEvent):
        """The operator withdraws a consent. A general one is withdrawn towards every partner."""

        TOPIC = "operator.consent_withdrawn"

        def change(self, operator: Operator) -> None:
            """Removes the consent of that scope."""
            operator.consents.discard(self.scope)
            operator.consents_spoken_of.add(self.scope)

    class Lodged(Event):
        """The operator applies for an authorisation."""

        TOPIC = "operator.lodged"
        authorisation: str
        programme: str
        type: str
        due: tuple[Due, ...] = ()
        rule_unknown: tuple[str, ...] | None = None

        def change(self, operator: Operator) -> None:
            """Adds an authorisation with the status LODGED."""
            operator.authorisations[self.authorisation] = Authorisation(
                self.authorisation,
                self.programme,
                self.type,
                Status.LODGED,
                latest=self.effective,
            )

    class Listed(Event):
        """An authority's published list names the operator.

        `effective`: the civil day on which the list was read. `since`: the beginning as the list
        itself gives it. Without it, the authorisation began on an unknown day from `earliest` to
        the day of reading.
        """

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
        shared: str | None = None  # why another operator may have the number too
        #: False: it lacks the part that partners recognise, by the programme's rules of that day.
        abroad: bool | None = None

        def change(self, operator: Operator) -> None:
            """Adds a VALID authorisation, or updates the one that is listed already."""
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
        """The base of events about one authorisation. The class itself is never stored."""

        TOPIC = "operator.authorisation"  # the library requires one; never stored
        ENDS: ClassVar[bool] = False  # whether it ends the authorisation
        authorisation: str

        def change(self, operator: Operator) -> None:
            """Updates the authorisation that the event is about."""
            authorisation = operator.authorisations[self.authorisation]
            if not self.ENDS:
                authorisation.latest = max(authorisation.latest, self.effective)
            self.alter(authorisation)

        def alter(self, authorisation: Authorisation) -> None:
            """Changes the authorisation."""

    class Accepted(AuthorisationEvent):
        """The application is accepted; the time limit for the decision begins."""

        TOPIC = "operator.accepted"
        due: tuple[Due, ...] = ()
        reason: str | None = None
        rule_unknown: tuple[str, ...] | None = None

        def alter(self, authorisation: Authorisation) -> None:
            """Sets the status ACCEPTED."""
            authorisation.status = Status.ACCEPTED

    class NotAccepted(AuthorisationEvent):
        """The application is not accepted."""

        TOPIC = "operator.not_accepted"
        reason: str | None = None

        def alter(self, authorisation: Authorisation) -> None:
            """Sets the status NOT_ACCEPTED."""
            authorisation.status = Status.NOT_ACCEPTED

    class Withdrawn(AuthorisationEvent):
        """The applicant withdraws the application."""

        TOPIC = "operator.withdrawn"
        reason: str | None = None

        def alter(self, authorisation: Authorisation) -> None:
            """Sets the status WITHDRAWN."""
            authorisation.status = Status.WITHDRAWN

    class ExaminationStarted(AuthorisationEvent):
        """The examination of the applicant begins."""

        TOPIC = "operator.examination_started"
        reason: str | None = None

        def alter(self, authorisation: Authorisation) -> None:
            """Sets the status UNDER_EXAMINATION."""
            authorisation.status = Status.UNDER_EXAMINATION

    class ConsultationRequested(AuthorisationEvent):
        """Another administration is consulted; where a rule sets it, the time limit for its reply
        begins."""

        TOPIC = "operator.consultation_requested"
        asked: AdministrationCode
        reason: str | None = None
        due: tuple[Due, ...] | None = None

    class ConsultationReplied(AuthorisationEvent):
        """A consulted administration replies."""

        TOPIC = "operator.consultation_replied"
        asked: AdministrationCode
        reply: str
        reason: str | None = None

    class DeadlineExtended(AuthorisationEvent):
        """The time limit for the decision is extended by `days` calendar days."""

        TOPIC = "operator.deadline_extended"
        days: int
        reason: str
        due: tuple[Due, ...] = ()
        rule_unknown: tuple[str, ...] | None = None

    class Granted(AuthorisationEvent):
        """The authorisation is granted with effect from `effective`."""

        TOPIC = "operator.granted"
        class_version = 2
        upcast_v1_v2 = staticmethod(_ends_by_law)
        number: str
        type: str
        roles: tuple[Role, ...] = ()
        valid_until: date | None = None  # the last civil day of the term
        due: tuple[Due, ...] = ()
        rule_unknown: tuple[str, ...] | None = None
        # The calendar, if the day of effect was counted in working days.
        counted_by: str | None = None
        ends_by_decision: bool | None = None  # None: the term ends by law after `valid_until`
        shared: str | None = None  # why another operator may have the number too
        #: False: it lacks the part that partners recognise, by the programme's rules of that day.
        abroad: bool | None = None

        def change(self, operator: Operator) -> None:
            """Grants the authorisation; after a merger it is superseded from the day of the
            merger."""
            super().change(operator)
            operator.supersede(operator.authorisations[self.authorisation], self.effective)

        def alter(self, authorisation: Authorisation) -> None:
            """Sets certificate number, type, roles and term, and the status VALID."""
            authorisation.number, authorisation.type, authorisation.roles = (
                self.number,
                self.type,
                self.roles,
            )
            authorisation.effective, authorisation.valid_until = self.effective, self.valid_until
            # GRANTED until the effective day: timeline.py derives the status on a day.
            authorisation.status = Status.VALID

    class Refused(AuthorisationEvent):
        """The application is refused."""

        TOPIC = "operator.refused"
        reason: str | None = None

        def alter(self, authorisation: Authorisation) -> None:
            """Sets the status REFUSED."""
            authorisation.status = Status.REFUSED

    class TypeChanged(AuthorisationEvent):
        """The authorisation changes to another type."""

        TOPIC = "operator.type_changed"
        type: str
        reason: str | None = None
        #: False: it lacks the part that partners recognise, by the programme's rules of that day.
        abroad: bool | None = None

        def alter(self, authorisation: Authorisation) -> None:
            """Sets the type."""
            authorisation.type = self.type

    class RolesAmended(AuthorisationEvent):
        """The roles of the authorisation are replaced."""

        TOPIC = "operator.roles_amended"
        roles: tuple[Role, ...]
        reason: str | None = None

        def alter(self, authorisation: Authorisation) -> None:
            """Sets the roles."""
            authorisation.roles = self.roles

    class ReassessmentOpened(AuthorisationEvent):
        """A reassessment of the authorisation begins."""

        TOPIC = "operator.reassessment_opened"
        reason: str | None = None

        def alter(self, authorisation: Authorisation) -> None:
            """Marks the authorisation as under reassessment."""
            authorisation.under_reassessment = True

    class ReassessmentClosed(AuthorisationEvent):
        """The reassessment ends. `remediation`: the operator must remedy what was found."""

        TOPIC = "operator.reassessment_closed"
        outcome: str | None = None
        remediation: bool = False
        due: tuple[Due, ...] = ()
        reason: str | None = None
        rule_unknown: tuple[str, ...] | None = None

        def alter(self, authorisation: Authorisation) -> None:
            """Ends the reassessment, with or without measures of remediation."""
            authorisation.under_reassessment, authorisation.remediation = False, self.remediation

    class Renewed(AuthorisationEvent):
        """The authorisation is valid for a further term."""

        TOPIC = "operator.renewed"
        class_version = 2
        upcast_v1_v2 = staticmethod(_ends_by_law)
        valid_until: date | None = None
        due: tuple[Due, ...] = ()
        reason: str | None = None
        ends_by_decision: bool | None = None

        def alter(self, authorisation: Authorisation) -> None:
            """Sets the new term and ends a reassessment."""
            authorisation.valid_until, authorisation.under_reassessment = self.valid_until, False

    class Suspended(AuthorisationEvent):
        """The authorisation, or a part of it, is suspended."""

        TOPIC = "operator.suspended"
        class_version = 2
        upcast_v1_v2 = staticmethod(_ends_by_law)
        reason: str
        part: str | None = None  # None: the whole authorisation
        abroad: bool = True  # whether it concerns the part that partners recognise
        until: date | None = None  # the first civil day after the suspension
        due: tuple[Due, ...] = ()
        rule_unknown: tuple[str, ...] | None = None
        ends_by_decision: bool | None = None  # None: the suspension ends by law on `until`

        def alter(self, authorisation: Authorisation) -> None:
            """Sets the suspended part, the scheduled end of the suspension and the status
            SUSPENDED."""
            authorisation.suspended_part, authorisation.suspended_until = self.part, self.until
            if authorisation.status not in ENDED:  # an end in the future stays the last status
                authorisation.status = Status.SUSPENDED

    class SuspensionExtended(AuthorisationEvent):
        """The suspension continues until `until`."""

        TOPIC = "operator.suspension_extended"
        class_version = 2
        upcast_v1_v2 = staticmethod(_ends_by_law)
        until: date
        reason: str | None = None
        due: tuple[Due, ...] = ()
        ends_by_decision: bool | None = None

        def alter(self, authorisation: Authorisation) -> None:
            """Sets the new scheduled end of the suspension."""
            authorisation.suspended_until = self.until

    class SuspensionLifted(AuthorisationEvent):
        """The suspension ends by a decision."""

        TOPIC = "operator.suspension_lifted"
        reason: str | None = None

        def alter(self, authorisation: Authorisation) -> None:
            """Ends the suspension."""
            authorisation.suspended_part, authorisation.suspended_until = None, None
            if authorisation.status not in ENDED:
                authorisation.status = Status.VALID

    class SuspensionEnded(AuthorisationEvent):
        """The projector's record that a suspension ended by law on the day `effective`.

        It changes nothing: the decision to suspend set the end, which takes effect by itself.
        """

        TOPIC = "operator.suspension_ended"

        def change(self, operator: Operator) -> None:
            """Changes nothing: the end is in effect without this record."""

    class Revoked(AuthorisationEvent):
        """The authorisation ends from this day on (UCC Art. 28). The time before stays valid."""

        TOPIC = "operator.revoked"
        ENDS = True
        reason: str
        barred_until: date | None = None
        rule_unknown: tuple[str, ...] | None = None

        def change(self, operator: Operator) -> None:
            """Revokes the authorisation and bars the operator from applying until a day. Of two
            revocations the longer bar applies."""
            super().change(operator)
            authorisation = operator.authorisations[self.authorisation]
            authorisation.status, authorisation.ended = Status.REVOKED, self.effective
            if self.barred_until:
                # Of two revocations the longer bar applies.
                before = operator.barred.get(authorisation.programme, self.barred_until)
                operator.barred[authorisation.programme] = max(before, self.barred_until)

    class Annulled(AuthorisationEvent):
        """The authorisation is void from the beginning (UCC Art. 27).

        `effective` is the day of effect of the grant.
        """

        TOPIC = "operator.annulled"
        ENDS = True
        reason: str | None = None

        def alter(self, authorisation: Authorisation) -> None:
            """Ends the authorisation as ANNULLED."""
            authorisation.status, authorisation.ended = Status.ANNULLED, self.effective

    class Surrendered(AuthorisationEvent):
        """The operator gives the authorisation back."""

        TOPIC = "operator.surrendered"
        ENDS = True
        reason: str | None = None

        def alter(self, authorisation: Authorisation) -> None:
            """Ends the authorisation as SURRENDERED."""
            authorisation.status, authorisation.ended = Status.SURRENDERED, self.effective

    class Expired(AuthorisationEvent):
        """The term of the authorisation is over."""

        TOPIC = "operator.expired"
        ENDS = True
        class_version = 2
        upcast_v1_v2 = staticmethod(_ends_by_law)
        reason: str | None = None
        #: True: a record that the term ended by law on this day, which changes nothing. None: a
        #: decision that ends the authorisation.
        by_law: bool | None = None

        def change(self, operator: Operator) -> None:
            """Ends the authorisation. An end by law is derived from the term and changes
            nothing."""
            if not self.by_law:
                super().change(operator)

        def alter(self, authorisation: Authorisation) -> None:
            """Ends the authorisation as EXPIRED."""
            authorisation.status, authorisation.ended = Status.EXPIRED, self.effective

    class Unlisted(AuthorisationEvent):
        """The list, read on the day `effective`, no longer names the authorisation.

        It ended after the last day on which it is known to have been held, and by this day.
        """

        TOPIC = "operator.unlisted"
        ENDS = True
        programme: str
        type: str
        list: str

        def alter(self, authorisation: Authorisation) -> None:
            """Ends the authorisation as DELISTED."""
            authorisation.status, authorisation.ended = Status.DELISTED, self.effective

    class Merged(Event):
        """The operator is merged into another one."""

        TOPIC = "operator.merged"
        successor: Tin
        reason: str | None = None

        def change(self, operator: Operator) -> None:
            """Sets the successor, and supersedes the authorisations that are held."""
            operator.successor, operator.merged_on = self.successor, self.effective
            for authorisation in operator.authorisations.values():
                if authorisation.status in HELD:
                    authorisation.status, authorisation.ended = Status.SUPERSEDED, self.effective

    class Split(Event):
        """The operator results from the division of another one."""

        TOPIC = "operator.split"
        origin: Tin
        reason: str | None = None

    class ContactNamed(Event):
        """A person, known by a pseudonym, becomes a contact of the operator."""

        TOPIC = "operator.contact_named"
        person: UUID  # a pseudonym; the ledger does not say who it is
        role: ContactRole
        commitment: str

    class ContactEnded(Event):
        """A person is no longer a contact of the operator."""

        TOPIC = "operator.contact_ended"
        person: UUID

    class PersonErased(Event):
        """The particulars of a person were erased (GDPR Art. 17)."""

        TOPIC = "operator.person_erased"
        person: UUID
        ground: str

    class DecisionProposed(Event):
        """One person wants a decision that needs a second person (four eyes). Nothing is decided.

        `command`: the whole command as data, with the names of an import file; `proposal`: its id.
        `programme`: the programme, or the administration, whose rules want the second person.
        `proposer`: the person, as an opaque id. `expires`: the last civil day, in the operator's
        home time zone, on which it can be confirmed; None: no limit.
        """

        TOPIC = "operator.decision_proposed"
        proposal: UUID
        programme: str
        command: dict[str, Any]
        proposer: str
        expires: date | None = None

        def apply(self, operator: Operator) -> None:
            """Adds the proposal. A correction changes no proposal."""
            super().apply(operator)
            operator.proposals[self.proposal] = ProposedDecision(self)

    class ProposalEvent(Event):
        """The base of events that close a proposal. The class itself is never stored."""

        TOPIC = "operator.proposal"  # the library requires one; never stored
        proposal: UUID

        def apply(self, operator: Operator) -> None:
            """Closes the proposal."""
            super().apply(operator)
            if proposed := operator.proposals.get(self.proposal):
                proposed.closed = self

    class ProposalConfirmed(ProposalEvent):
        """A second person confirms a proposal. The event of the decision itself follows it, in the
        same transaction. `proposer`, `confirmer`: the two persons, as opaque ids."""

        TOPIC = "operator.proposal_confirmed"
        proposer: str
        confirmer: str

    class ProposalRejected(ProposalEvent):
        """A second person rejects a proposal. `rejecter`: the person, as an opaque id."""

        TOPIC = "operator.proposal_rejected"
        rejecter: str
        reason: str

    class ProposalWithdrawn(ProposalEvent):
        """Whoever made a proposal withdraws it."""

        TOPIC = "operator.proposal_withdrawn"
        proposer: str
        reason: str | None = None

    class DisputeOpened(Event):
        """The operator, or a customs administration other than its own, says that something about
        the operator is wrong. Nothing is decided.

        `opened_by`: that administration; None: the operator itself, or its home customs in its
        name (`in_its_name`). `position`: of the event of this operator that is meant, in the
        ledger. `receipt`: the id of the receipt that is meant.
        `answer_due`: the last civil day, in the operator's home time zone, for an answer; None:
        the programme's rules set none.
        """

        TOPIC = "operator.dispute_opened"
        dispute: UUID
        kind: DisputeKind
        statement: str
        answer_due: date | None = None
        opened_by: AdministrationCode | None = None
        position: int | None = None
        receipt: UUID | None = None
        territory: AdministrationCode | None = None
        in_its_name: bool | None = None

        def apply(self, operator: Operator) -> None:
            """Adds the dispute. A correction changes no dispute."""
            super().apply(operator)
            operator.disputes[self.dispute] = OperatorDispute(self)

    class DisputeAnswered(Event):
        """The home customs answers a dispute, which stays open."""

        TOPIC = "operator.dispute_answered"
        dispute: UUID
        answer: str

        def apply(self, operator: Operator) -> None:
            """Adds the answer."""
            super().apply(operator)
            if found := operator.disputes.get(self.dispute):
                found.answers.append(self)

    class DisputeClosed(Event):
        """The home customs closes a dispute."""

        TOPIC = "operator.dispute_closed"
        dispute: UUID
        outcome: DisputeOutcome
        reason: str

        def apply(self, operator: Operator) -> None:
            """Closes the dispute."""
            super().apply(operator)
            if found := operator.disputes.get(self.dispute):
                found.closed = self

    class DisputeWithdrawn(Event):
        """Whoever opened a dispute withdraws it. `opened_by`: as in DisputeOpened."""

        TOPIC = "operator.dispute_withdrawn"
        dispute: UUID
        opened_by: AdministrationCode | None = None
        reason: str | None = None

        def apply(self, operator: Operator) -> None:
            """Closes the dispute."""
            super().apply(operator)
            if found := operator.disputes.get(self.dispute):
                found.closed = self

    class Corrected(Event):
        """Corrects an earlier event, which stays as it was written."""

        TOPIC = "operator.corrected"
        corrects: int  # the ledger position of that event
        version: int  # and its version in this stream
        what: dict[str, str]
        why: str

        def change(self, operator: Operator) -> None:
            """Computes the state again from the corrected events."""
            operator.corrected = True
            operator.start_again()
            for event in corrected_events(operator.history):
                if not isinstance(event, Operator.Corrected):
                    event.change(operator)

    def __init__(
        self,
        tin: Tin,
        administration: AdministrationCode,
        time_zone: str,
    ) -> None:
        self.tin, self.administration, self.time_zone = tin, administration, time_zone
        # Every event except the registration, in the order of recording.
        self.history: list[Operator.Event] = []
        #: Open and closed ones, by their id.
        self.proposals: dict[UUID, ProposedDecision] = {}
        #: Open and closed ones, by their id.
        self.disputes: dict[UUID, OperatorDispute] = {}
        self.corrected = False  # True: `past` must be read through `corrected_events`
        self.registered_as: OperatorParticulars  # before any amendment; set by the registration

    @property
    def roles(self) -> tuple[Role, ...]:
        """The roles of the operator in trade."""
        return self.particulars.roles

    def start_again(self) -> None:
        """Resets the state to that after the registration."""
        self.particulars = self.registered_as
        self.amendments: list[Operator.Amended] = []
        #: By scheme and normal form of the number.
        self.identifiers: dict[tuple[str, str], Operator.IdentifierAdded] = {}
        #: The scopes (registry.domain.consent.scope_of) of the consents that are given.
        self.consents: set[str] = set()
        #: The scopes in which consent was ever given or withdrawn.
        self.consents_spoken_of: set[str] = set()
        self.authorisations: dict[str, Authorisation] = {}
        self.barred: dict[str, date] = {}
        self.successor: Tin | None = None
        # The effective day of the merger, which may be in the future.
        self.merged_on: date | None = None

    def supersede(self, authorisation: Authorisation, first_day: date) -> None:
        """Marks an authorisation that begins before a future merger as superseded from its day."""
        if self.merged_on and first_day < self.merged_on:
            authorisation.status, authorisation.ended = Status.SUPERSEDED, self.merged_on

    def trigger_event(self, event_class: type[CanMutateAggregate[UUID]], **content: Any) -> None:
        """Creates and applies an event, by the faster method if that is possible."""
        if not trigger_plain_event(self, event_class, content):
            super().trigger_event(event_class, **content)

    @staticmethod
    def create_id(tin: Tin) -> UUID:
        """The stream id (UUIDv5), derived from the TIN."""
        return stream_id(f"operator/{tin}")

    def authorisations_begun(self) -> int:
        """The number of authorisations that ever began, by application or list.

        A voided one keeps its reference, so the number never decreases.
        """
        kinds = (Operator.Lodged, Operator.Listed)
        return len({event.authorisation for event in self.history if isinstance(event, kinds)})

    def held(self) -> list[Authorisation]:
        """The authorisations that were granted and have not ended."""
        return [a for a in self.authorisations.values() if a.status not in OVER]


#: The events of proposals: they decide nothing, and no correction reaches them.
PROPOSAL_EVENTS = (Operator.DecisionProposed, Operator.ProposalEvent)
#: The events of disputes: they decide nothing, and no correction reaches them.
DISPUTE_EVENTS = (
    Operator.DisputeOpened,
    Operator.DisputeAnswered,
    Operator.DisputeClosed,
    Operator.DisputeWithdrawn,
)
#: Events that an operator causes itself, or somebody else who is not its home administration: no
#: administration signs them. The same as `signatures.OF_OPERATORS`.
OWN_ACTS = (
    Operator.ConsentGiven,
    Operator.ConsentWithdrawn,
    Operator.Lodged,
    Operator.Withdrawn,
    Operator.Surrendered,
    Operator.ContactNamed,
    Operator.ContactEnded,
    Operator.PersonErased,
    Operator.DisputeOpened,
    Operator.DisputeWithdrawn,
)


def corrected_events(
    events: list[Operator.Event], also: dict[int, dict[str, str]] | None = None
) -> list[Operator.Event]:
    """The events with every correction among them applied; voided events are left out.

    `also`: a further correction to try, by the version of the corrected event.
    """
    corrections = [(e.version, e.what) for e in events if isinstance(e, Operator.Corrected)]
    corrected = apply_corrections(events, [*corrections, *(also or {}).items()])
    if corrected is events:
        return events
    # An annulment always counts from the effective day of its grant, even if that is corrected.
    grant_days = {
        e.authorisation: e.effective for e in corrected if isinstance(e, Operator.Granted)
    }
    return [
        with_changes(e, {"effective": grant_days.get(e.authorisation, e.effective)})
        if isinstance(e, Operator.Annulled)
        else e
        for e in corrected
    ]
