"""The application service of the register: every change enters here as a command and is stored as
events.

A command is decided by its aggregate and recorded once, however often it is sent with the same
command id. A refusal stores nothing. A returned Receipt means that the events are committed to
disk.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Executor
from copy import deepcopy
from datetime import datetime
from typing import TypeVar, cast
from uuid import UUID

from eventsourcing.application import AggregateNotFoundError, Application, Repository
from eventsourcing.domain import BaseAggregate
from eventsourcing.persistence import Mapper

from registry.application.aggregate_repository import AggregateRepository
from registry.application.append_metadata import held_numbers_record, metadata
from registry.application.cache import (
    REFERENCE_AGE,
    AggregateCache,
    NotCached,
    ReferenceCache,
    ReferenceData,
    StreamQueue,
)
from registry.application.decision_context import decision_of
from registry.application.dispatch import BEGINNINGS, DECISIONS, begin, stream_of
from registry.application.execute import (
    DecisionProposed,
    Receipt,
    execute_command,
    recorded_together,
    run,
    run_async,
    version_shown,
)
from registry.application.foreign import FollowedAdministrations
from registry.application.proposals import decide_on_proposal, proposed_instead
from registry.domain import commands as c
from registry.domain import proposals, signatures
from registry.domain.administrations import Administration
from registry.domain.aggregates import AGGREGATES
from registry.domain.agreements import decisions as agreement_decisions
from registry.domain.agreements.events import Agreement
from registry.domain.clients import Client
from registry.domain.decisions import Decision
from registry.domain.errors import (
    AlreadyRecorded,
    AlreadyRegistered,
    Refusal,
    StaleVersion,
    UnknownAdministration,
    UnknownAgreement,
    UnknownClaim,
    UnknownClient,
    UnknownDocument,
    UnknownOperator,
    UnknownPosition,
    UnknownProgramme,
    WrongStatus,
)
from registry.domain.operators import dispute_decisions, particulars_decisions
from registry.domain.operators.events import Operator
from registry.domain.programmes import Programme
from registry.domain.publications import Claim, Document
from registry.domain.second_person_decisions import administration_that_requires, copied_rules
from registry.domain.sentences import Sentence
from registry.domain.values import AdministrationCode, Tin
from registry.domain.warnings import WARNED, CommandWarning, warnings
from registry.ledger.mapper import EventMapper
from registry.ledger.recorder import LedgerRecorder
from registry.ledger.types import AppendRequest, Outcome

#: Commands whose decision reads other operators or the ledger. They are never decided from the
#: cache.
NEEDS_LEDGER = (
    c.MergeInto,
    c.SplitFrom,
    c.CorrectRecord,
    c.OpenDispute,
    c.ConfirmProposal,
    c.ConfirmAdministrationProposal,
    c.RegisterProgramme,
)
T = TypeVar("T", bound=BaseAggregate[UUID])
_STREAMS: dict[str, tuple[type[BaseAggregate[UUID]], type[Refusal]]] = {
    "operator": (Operator, UnknownOperator),
    "agreement": (Agreement, UnknownAgreement),
    "administration": (Administration, UnknownAdministration),
    "programme": (Programme, UnknownProgramme),
    "document": (Document, UnknownDocument),
    "claim": (Claim, UnknownClaim),
    "client": (Client, UnknownClient),
}


class Registry(Application[UUID]):
    """The application service: executes commands, and holds the mapper, the ledger and the
    caches. Thread-safe, except that all tasks of `execute_async` must belong to one event
    loop."""

    name = "registry"

    def construct_mapper(self) -> Mapper[UUID]:
        """Returns the mapper of the register's events."""
        return EventMapper(AGGREGATES)

    def construct_repository(self) -> Repository[UUID]:
        """Returns the repository of the aggregates, which AggregateCache caches."""
        return AggregateRepository(self.events, snapshot_store=self.snapshots)

    def __init__(self, env: dict[str, str]) -> None:
        super().__init__(env)
        self._aggregates = AggregateCache()
        self._references = ReferenceCache(self._get)
        self._stream_queue = StreamQueue()
        self._followed = FollowedAdministrations(self.ledger.find_followed)

    @property
    def ledger(self) -> LedgerRecorder:
        """The recorder of this application."""
        return cast(LedgerRecorder, self.recorder)

    # ------------------------------------------------------------- one command

    def execute(
        self,
        command: c.Command,
        actor: str,
        *,
        decided_by: AdministrationCode | None = None,
        person: str | None = None,
        sees_proposals: bool = True,
    ) -> Receipt:
        """Decides and records a command. A repeated command id returns the first result
        (idempotency).

        `actor` is an opaque id. `decided_by` is used if the command names no authority. `person`:
        the opaque id of the person who sends it, whatever the program; None: a program alone, which
        neither proposes nor confirms what needs two persons. `sees_proposals`: whether versions
        count the events of proposals, and the same proposal of another person is a refusal; neither
        is so for whoever may not know of them. Raises a
        Refusal or the ledger's Busy, Unreachable, Closed (in all these cases nothing was recorded),
        or OutcomeUnknown (send the same command again to learn the outcome).
        """
        execution = execute_command(self, command, actor, decided_by, person, sees_proposals)
        return run(execution, self.ledger)

    async def execute_async(
        self,
        command: c.Command,
        actor: str,
        threads: Executor,
        *,
        decided_by: AdministrationCode | None = None,
        person: str | None = None,
        sees_proposals: bool = True,
    ) -> Receipt:
        """Like `execute`, for an asyncio task. No thread waits for the commit; data that is not
        cached is read in `threads`. All tasks must belong to one event loop."""
        async with self._stream_queue.on(stream_of(command)[0]):
            execution = execute_command(self, command, actor, decided_by, person, sees_proposals)
            return await run_async(execution, self.ledger, threads)

    def decide(
        self,
        command: c.Command,
        decided_by: AdministrationCode | None = None,
        person: str | None = None,
        *,
        sees_proposals: bool = True,
    ) -> BaseAggregate[UUID]:
        """Decides a command and returns the aggregate with its new events pending. Records nothing.

        The stream is read from the ledger. Reference data may come from the cache and be half a
        second old; a refusal is confirmed with fresh reference data before it is raised.
        """
        try:
            facts = self._references.no_older_than(REFERENCE_AGE / 2)
            return self._decide(command, decided_by, person, facts, sees_proposals)
        except Refusal:
            facts = self._references.no_older_than(0)
            return self._decide(command, decided_by, person, facts, sees_proposals)

    def _decide(
        self,
        command: c.Command,
        decided_by: AdministrationCode | None,
        person: str | None,
        facts: ReferenceData,
        sees_proposals: bool,
    ) -> BaseAggregate[UUID]:
        found = self.find(command)
        version = 0 if found is None else version_shown(found, sees_proposals)
        aggregate = self.decide_on(
            found, command, decided_by, facts, person, sees_proposals=sees_proposals
        )
        if command.expected_version not in (None, version):
            raise StaleVersion(
                "expectedVersion: found %(expected_version)s, and the stream is at version "
                "%(version)s: read it again and decide again",
                expected_version=command.expected_version,
                version=version,
            )
        if command.known_at is not None and not aggregate.pending_events:
            self._refuse_if_known_at(aggregate.id, command.known_at)
        return aggregate

    def decide_from_cache(
        self,
        command: c.Command,
        decided_by: AdministrationCode | None = None,
        person: str | None = None,
        *,
        sees_proposals: bool = True,
    ) -> BaseAggregate[UUID] | None:
        """Like `decide`, but uses cached data only. A command that starts a stream needs no
        aggregate.

        Returns None if data is missing, the command is refused, or nothing would change. In these
        cases another process may have changed the stream, so the caller decides again on data read
        from the ledger.
        """
        if isinstance(command, NEEDS_LEDGER) or not self._followed.is_fresh:
            return None
        aggregate = None
        if not isinstance(command, BEGINNINGS):
            aggregate = self._aggregates.take(stream_of(command)[0])
            if aggregate is None:
                return None
        version = version_shown(aggregate, sees_proposals) if aggregate else 0
        try:
            facts = self._references.from_cache()
            decided = self.decide_on(
                aggregate, command, decided_by, facts, person, sees_proposals=sees_proposals
            )
        except (Refusal, NotCached):
            return None
        expected = command.expected_version in (None, version)
        return decided if decided.pending_events and expected else None

    def decide_on(
        self,
        aggregate: BaseAggregate[UUID] | None,
        command: c.Command,
        decided_by: AdministrationCode | None = None,
        facts: ReferenceData | None = None,
        person: str | None = None,
        *,
        sees_proposals: bool = True,
    ) -> BaseAggregate[UUID]:
        """Decides a command on an aggregate that the caller holds. An import decides a whole file
        in this way before it records anything.

        `aggregate` is None for a command that starts a stream. Where the rules want a second
        person, the pending event is a proposal: of the operator, or of the administration, which is
        then returned. Raises a Refusal.
        """
        self._followed.check(command, aggregate)
        facts = facts or self._references.no_older_than()
        signatures.check(command, aggregate, decided_by, facts.administration)
        by = decision_of(command, aggregate, decided_by, facts)
        if aggregate is not None:
            self._check_references(command, facts)

        def decide_proposed(
            proposed: c.Command, whose: AdministrationCode | None
        ) -> BaseAggregate[UUID]:
            assert aggregate is not None
            is_own = stream_of(proposed)[0] == aggregate.id
            target = aggregate if is_own else self.find(proposed)
            signatures.check(proposed, target, whose, facts.administration)
            if target is not None:
                self._check_references(proposed, facts)
            decision = decision_of(proposed, target, whose, facts)
            return self._decided_alone(target, proposed, decision, facts)

        if isinstance(command, c.ProposalCommand | c.AdministrationProposalCommand):
            holder = cast(Operator | Administration, aggregate)
            decide_on_proposal(holder, command, by, person, decide_proposed)
            return holder
        if isinstance(aggregate, Operator):
            if not proposed_instead(
                aggregate,
                command,
                by,
                person,
                lambda op: self._dispatch(op, command, by, facts),
                sees_proposals=sees_proposals,
            ):
                self._dispatch(aggregate, command, by, facts)
            return aggregate
        wanted = administration_that_requires(command, aggregate, by)
        if wanted is None:
            return self._decided_alone(aggregate, command, by, facts)
        tried = self._decided_alone(deepcopy(aggregate), command, by, facts)
        if aggregate is not None and not tried.pending_events:
            return aggregate
        administration = self._administration_to_change(AdministrationCode(wanted.whose), facts)
        proposals.propose(administration, command, by, person, wanted)
        return administration

    def _decided_alone(
        self,
        aggregate: BaseAggregate[UUID] | None,
        command: c.Command,
        by: Decision,
        facts: ReferenceData,
    ) -> BaseAggregate[UUID]:
        """Decides a command without asking for a second person, and returns the aggregate that has
        the events. Raises a Refusal."""
        if aggregate is not None:
            self._dispatch(aggregate, command, by, facts)
            return aggregate
        created = begin(command, by, facts.administration)
        if isinstance(created, Programme):
            others = [facts.programme(code) for code in self._programmes_of(created.administration)]
            copied_rules(created, others, by)
        return created

    def _administration_to_change(
        self, code: AdministrationCode, facts: ReferenceData
    ) -> Administration:
        """Returns an administration of the caller's own, from the ledger, for a proposal."""
        if not facts.may_read:
            raise NotCached
        id = Administration.create_id(code)
        return self._get(
            Administration,
            id,
            UnknownAdministration,
            Sentence("administration %(code)s", code=code),
        )

    def _programmes_of(self, code: AdministrationCode) -> list[str]:
        """Returns the programmes of an administration, by their codes."""
        found = map(self.mapper.to_domain_event, self.ledger.find_programmes())
        return [
            event.programme
            for event in found
            if isinstance(event, Programme.Registered) and event.administration == code
        ]

    def try_on(
        self,
        aggregate: BaseAggregate[UUID] | None,
        command: c.Command,
        decided_by: AdministrationCode | None = None,
        person: str | None = None,
    ) -> BaseAggregate[UUID]:
        """Decides a command as if one person sufficed and nobody signed: what it would do, for a
        preview. Nothing of it can be appended: the caller drops the aggregate.

        `aggregate` is None for a command that starts a stream. Raises a Refusal.
        """
        self._followed.check(command)
        facts = self._references.no_older_than()
        by = decision_of(command, aggregate, decided_by, facts)

        def decide_proposed(
            proposed: c.Command, whose: AdministrationCode | None
        ) -> BaseAggregate[UUID]:
            assert aggregate is not None
            is_own = stream_of(proposed)[0] == aggregate.id
            target = aggregate if is_own else self.find(proposed)
            decision = decision_of(proposed, target, whose, facts)
            return self._decided_alone(target, proposed, decision, facts)

        if isinstance(command, c.ProposalCommand | c.AdministrationProposalCommand):
            holder = cast(Operator | Administration, aggregate)
            decide_on_proposal(holder, command, by, person, decide_proposed)
            return holder
        return self._decided_alone(aggregate, command, by, facts)

    def _dispatch(
        self,
        aggregate: BaseAggregate[UUID],
        command: c.Command,
        by: Decision,
        facts: ReferenceData,
    ) -> None:
        """Calls the decision function of a command. Raises a Refusal."""
        match command:
            case c.MergeInto():
                self._refuse_merger_cycle(cast(Operator, aggregate), command.successor)
                particulars_decisions.merge_into(cast(Operator, aggregate), command, by)
            case c.SplitFrom(origin=tin):
                particulars_decisions.split_from(
                    cast(Operator, aggregate), command, by, self.operator(tin, "origin")
                )
            case c.CorrectRecord():
                version = self._version_at(command.position, aggregate.id)
                particulars_decisions.correct(cast(Operator, aggregate), command, by, version)
            case c.OpenDispute():
                operator = cast(Operator, aggregate)
                is_own = dispute_decisions.opener(operator, by) is None
                if is_own and command.position is not None:
                    self._version_at(command.position, operator.id)
                dispute_decisions.open_dispute(operator, command, by)
            case c.AccedeToAgreement():
                zone = facts.administration(command.member).time_zone
                agreement_decisions.accede(cast(Agreement, aggregate), command, by, zone)
            case _:
                DECISIONS[type(command)](aggregate, command, by)

    def append_request(
        self, aggregate: BaseAggregate[UUID], command: c.Command, actor: str
    ) -> AppendRequest:
        """Returns the append request of a command, from the aggregate that it was decided on."""
        id, digest = c.id_of_line(command), c.digest(command, actor)
        append_request = self._append_request(aggregate, id, digest, actor, command.known_at)
        append_request.signed = signatures.read(command)
        return append_request

    def recorded(self, aggregate: BaseAggregate[UUID]) -> None:
        """Updates the caches after the pending events of an aggregate were committed."""
        if isinstance(aggregate, Administration):
            aggregate.decided_with = None
        self._aggregates.put(aggregate)
        self._references.discard(aggregate.id)

    # ------------------------------------------------------------ many commands

    def record_decided(
        self, decided: Sequence[tuple[BaseAggregate[UUID], c.Command, str]]
    ) -> list[Outcome]:
        """Appends what `decide_on` left pending, one append request for each command, in one batch.

        The pending events of each aggregate must be those of its command alone. Returns the outcome
        of each command, in order.
        """
        batch = []
        for aggregate, command, actor in decided:
            append_request = self.append_request(aggregate, command, actor)
            pending = aggregate.collect_events()
            batch.append(
                (append_request, [self.mapper.to_stored_event(event) for event in pending])
            )
        return self.ledger.append_many(batch)

    # ------------------------------------------------------------ lookups

    def operator(self, tin: Tin, field: str = "tin") -> Operator:
        """Returns an operator. Raises UnknownOperator. `field`: the path of the command's field
        that names this operator, for the error."""
        id = Operator.create_id(tin)
        return self._get(
            Operator, id, UnknownOperator, Sentence("operator %(tin)s", tin=tin), (field,)
        )

    def agreement(self, id: str) -> Agreement:
        """Returns an agreement. Raises UnknownAgreement."""
        return self._get(
            Agreement,
            Agreement.create_id(id),
            UnknownAgreement,
            Sentence("agreement %(id)s", id=id),
        )

    def administration(
        self, code: AdministrationCode, age: float = REFERENCE_AGE
    ) -> Administration:
        """Returns an administration, at most `age` seconds old. Raises UnknownAdministration."""
        return self._references.no_older_than(age).administration(code)

    def client(self, id: str) -> Client:
        """Returns a client. Raises UnknownClient."""
        return self._get(
            Client, Client.create_id(id), UnknownClient, Sentence("client %(id)s", id=id)
        )

    def programme(self, code: str) -> Programme:
        """Returns a programme, at most one second old. Raises UnknownProgramme."""
        return self._references.no_older_than().programme(code)

    def find(self, command: c.Command) -> BaseAggregate[UUID] | None:
        """Returns the aggregate that a command changes; None if the command starts a new stream.
        Raises AlreadyRegistered and the refusal for an unknown stream."""
        id, name = stream_of(command)
        if isinstance(command, BEGINNINGS):
            self._refuse_if_registered(id, name)
            return None
        kind, unknown = _STREAMS[command.noun]
        return self._get(kind, id, unknown, name)

    # ------------------------------------------------------------------- inside

    def _check_references(self, command: c.Command, facts: ReferenceData) -> None:
        """Checks that everything a command refers to besides its own stream is registered. Links
        from a document are not checked: a document may lead to an agreement that is not recorded
        yet. Raises UnknownOperator, UnknownAdministration."""
        match command:
            case c.MergeInto(successor=tin):
                self.operator(tin, "successor")
            case c.ConsentCommand(partner=AdministrationCode() as code):
                facts.administration(code)
            case c.RequestConsultation(asked=code) | c.MembershipCommand(member=code):
                facts.administration(code)

    def _append_request(
        self,
        aggregate: BaseAggregate[UUID],
        id: UUID,
        digest: bytes,
        actor: str,
        known_at: datetime | None,
    ) -> AppendRequest:
        pending = [event for each in recorded_together(aggregate) for event in each.pending_events]
        event_metadata = [metadata(event, known_at) for event in pending]
        return AppendRequest(
            id, digest, actor, event_metadata, held_numbers=held_numbers_record(aggregate)
        )

    def stream_at(self, position: int | None, command: c.Command) -> tuple[UUID, int]:
        """Returns the stream id and the version at the last position of a command. The version is 0
        if the command recorded no events."""
        if position is None:
            return stream_of(command)[0], 0
        [event] = self.recorder.select_notifications(start=position, limit=1)
        return cast(UUID, event.originator_id), event.originator_version

    def result_at(
        self, stream: UUID, version: int
    ) -> tuple[tuple[CommandWarning, ...], DecisionProposed | None]:
        """Returns the warnings of the command that recorded this event, and the event itself if it
        is a proposal."""
        [event] = self.events.get(stream, gt=version - 1, lte=version)
        if isinstance(event, Operator.DecisionProposed | Administration.DecisionProposed):
            return (), event
        # most events can carry no warning, so their aggregate is not loaded
        if not isinstance(event, WARNED):
            return (), None
        aggregate: BaseAggregate[UUID] = self.repository.get(stream, version=version)
        return warnings(aggregate, event), None

    def _refuse_if_registered(self, id: UUID, name: str) -> None:
        """Raises AlreadyRegistered if the stream exists."""
        if self.recorder.select_events(id, limit=1):
            raise AlreadyRegistered("%(name)s is in the register already", name=name)

    def _refuse_if_known_at(self, stream: UUID, known_at: datetime) -> None:
        """Raises AlreadyRecorded if the same fact is recorded with another `known_at`. The
        transaction time of a recorded fact is not stated a second time."""
        known = [event.known_at for event in self.ledger.select_events(stream)]
        if known_at not in known:
            raise AlreadyRecorded(
                "knownAt: found %(known_at)s, and the same is recorded as known at %(known)s",
                known_at=known_at,
                known=known[-1],
            )

    def _get(
        self, kind: type[T], id: UUID, unknown: type[Refusal], name: str, path: tuple[str, ...] = ()
    ) -> T:
        try:
            return cast(T, self.repository.get(id))
        except AggregateNotFoundError:
            raise unknown("%(name)s is not in this register", name=name, path=path) from None

    def _refuse_merger_cycle(self, operator: Operator, successor: Tin) -> None:
        seen = {operator.tin}
        next: Tin | None = successor
        while next is not None:
            if next in seen:
                raise WrongStatus(
                    "successor: %(successor)s leads back to %(next)s; nobody is merged into "
                    "itself, nor by way of others",
                    successor=successor,
                    next=next,
                )
            seen.add(next)
            next = self.operator(next).successor

    def _version_at(self, position: int, stream: UUID) -> int:
        found = self.recorder.select_notifications(start=position, limit=1, stop=position)
        if not found or found[0].originator_id != stream:
            raise UnknownPosition(
                "position: %(position)s is not an event of this operator", position=position
            )
        return found[0].originator_version
