"""The one door: every change to the register enters here and leaves as events.

A command is read, decided by its aggregate, and recorded once, however often it is sent. A
refusal leaves nothing behind; what is answered as recorded is on disk.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Executor
from datetime import UTC, date, datetime
from typing import Any, TypeVar, cast
from uuid import UUID

from eventsourcing.application import AggregateNotFoundError, Application
from eventsourcing.domain import BaseAggregate
from eventsourcing.persistence import Mapper

from registry.application.cache import (
    REFERENCE_AGE,
    AggregateCache,
    NotCached,
    ReferenceCache,
    ReferenceData,
    StreamQueue,
)
from registry.application.dispatch import BEGINNINGS, DECISIONS, begin, known_zone, stream_of
from registry.application.execute import Receipt, execute_command, run, run_async
from registry.domain import commands as c
from registry.domain import signatures
from registry.domain.administrations import Administration
from registry.domain.aggregates import AGGREGATES
from registry.domain.agreements import decisions as agreement_decisions
from registry.domain.agreements.events import Agreement
from registry.domain.decisions import Decision, day_of
from registry.domain.errors import (
    AlreadyRecorded,
    AlreadyRegistered,
    BadValue,
    KnownTooLate,
    Refusal,
    StaleVersion,
    UnknownAdministration,
    UnknownAgreement,
    UnknownClaim,
    UnknownDocument,
    UnknownOperator,
    UnknownPosition,
    UnknownProgramme,
    WrongDates,
    WrongStatus,
)
from registry.domain.operators import particulars_decisions, unique_numbers
from registry.domain.operators.events import Operator
from registry.domain.programmes import Programme
from registry.domain.publications import Claim, Document
from registry.domain.values import AdministrationCode, Tin
from registry.domain.warnings import WARNED, CommandWarning, warnings
from registry.ledger.mapper import EventMapper
from registry.ledger.recorder import LedgerRecorder
from registry.ledger.types import AppendRequest, HeldNumbersRecord, Metadata, Outcome

#: Decided with a look at other operators, or at the ledger: never on what is at hand.
NEEDS_LEDGER = (c.MergeInto, c.SplitFrom, c.CorrectRecord)

T = TypeVar("T", bound=BaseAggregate[UUID])
_STREAMS: dict[str, tuple[type[BaseAggregate[UUID]], type[Refusal]]] = {
    "operator": (Operator, UnknownOperator),
    "agreement": (Agreement, UnknownAgreement),
    "administration": (Administration, UnknownAdministration),
    "programme": (Programme, UnknownProgramme),
    "document": (Document, UnknownDocument),
    "claim": (Claim, UnknownClaim),
}


class Registry(Application[UUID]):
    name = "registry"

    def construct_mapper(self) -> Mapper[UUID]:
        return EventMapper(AGGREGATES)

    def __init__(self, env: dict[str, str]) -> None:
        super().__init__(env)
        self._aggregates = AggregateCache()
        self._references = ReferenceCache(self._get)
        self._stream_queue = StreamQueue()

    @property
    def ledger(self) -> LedgerRecorder:
        return cast(LedgerRecorder, self.recorder)

    # ------------------------------------------------------------- one command

    def execute(
        self, command: c.Command, actor: str, *, decided_by: AdministrationCode | None = None
    ) -> Receipt:
        """Decide and record. The same command id again is answered with the first result.

        `actor` is an opaque id; `decided_by` stands where the command names no authority.
        Raises a Refusal (nothing was recorded), or the ledger's Busy, Unreachable, Closed
        (nothing was recorded) and OutcomeUnknown (send the same command again).
        """
        return run(execute_command(self, command, actor, decided_by), self.ledger)

    async def execute_async(
        self,
        command: c.Command,
        actor: str,
        threads: Executor,
        *,
        decided_by: AdministrationCode | None = None,
    ) -> Receipt:
        """`execute` for a task: no thread waits for the disk, and one of `threads` reads what is
        not at hand. All tasks must be of one event loop."""
        async with self._stream_queue.on(stream_of(command)[0]):
            execution = execute_command(self, command, actor, decided_by)
            return await run_async(execution, self.ledger, threads)

    def decide(
        self, command: c.Command, decided_by: AdministrationCode | None = None
    ) -> BaseAggregate[UUID]:
        """The aggregate with what the command makes it decide still pending. Records nothing.

        Decided on the stream as the ledger has it now. What it refers to may be half a second
        old, but nobody is refused because of that.
        """
        try:
            return self._decide(
                command, decided_by, self._references.no_older_than(REFERENCE_AGE / 2)
            )
        except Refusal:
            return self._decide(command, decided_by, self._references.no_older_than(0))

    def _decide(
        self, command: c.Command, decided_by: AdministrationCode | None, facts: ReferenceData
    ) -> BaseAggregate[UUID]:
        aggregate = self.decide_on(self._find(command), command, decided_by, facts)
        version = aggregate.version - len(aggregate.pending_events)
        if command.expected_version not in (None, version):
            raise StaleVersion(
                f"expectedVersion: found {command.expected_version}, and the stream is at "
                f"version {version}: read it again and decide again"
            )
        if command.known_at is not None and not aggregate.pending_events:
            self._refuse_if_known_at(aggregate.id, command.known_at)
        return aggregate

    def decide_from_cache(
        self, command: c.Command, decided_by: AdministrationCode | None = None
    ) -> BaseAggregate[UUID] | None:
        """The same without reading anything: of a stream that begins, nothing need be known.

        None where something is not at hand, the command is refused, or nothing would change:
        somebody else may have recorded meanwhile what makes it otherwise.
        """
        if isinstance(command, NEEDS_LEDGER):
            return None
        aggregate = None
        if not isinstance(command, BEGINNINGS):
            aggregate = self._aggregates.take(stream_of(command)[0])
            if aggregate is None:
                return None
        version = aggregate.version if aggregate else 0
        try:
            decided = self.decide_on(aggregate, command, decided_by, self._references.from_cache())
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
    ) -> BaseAggregate[UUID]:
        """The same, on an aggregate at hand (an import decides a whole file before it records)."""
        facts = facts or self._references.no_older_than()
        signatures.check(command, aggregate, decided_by, facts.administration)
        by = self._decision(command, aggregate, decided_by, facts)
        if aggregate is None:
            return begin(command, by, facts.administration)
        self._check_references(command, facts)
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
            case c.AccedeToAgreement():
                zone = facts.administration(command.member).time_zone
                agreement_decisions.accede(cast(Agreement, aggregate), command, by, zone)
            case _:
                DECISIONS[type(command)](aggregate, command, by)
        return aggregate

    def append_request(
        self, aggregate: BaseAggregate[UUID], command: c.Command, actor: str
    ) -> AppendRequest:
        """A command as the ledger takes it, of an aggregate on which it was decided."""
        id, digest = c.id_of_line(command), c.digest(command, actor)
        append_request = self._append_request(aggregate, id, digest, actor, command.known_at)
        append_request.signed = signatures.read(command)
        return append_request

    def recorded(self, aggregate: BaseAggregate[UUID]) -> None:
        """What was pending of it is on disk: the next command on it may be decided on this."""
        self._aggregates.put(aggregate)
        self._references.discard(aggregate.id)

    # ------------------------------------------------------------ many commands

    def record_decided(
        self, decided: Sequence[tuple[BaseAggregate[UUID], c.Command, str]]
    ) -> list[Outcome]:
        """What `decide_on` left pending, one ledger command each, in one commit.

        The aggregates' pending events must be those of their command alone.
        """
        batch = []
        for aggregate, command, actor in decided:
            append_request = self.append_request(aggregate, command, actor)
            pending = aggregate.collect_events()
            batch.append(
                (append_request, [self.mapper.to_stored_event(event) for event in pending])
            )
        return self.ledger.append_many(batch)

    # ------------------------------------------------------------ what there is

    def operator(self, tin: Tin, field: str = "tin") -> Operator:
        """Raises UnknownOperator. `field`: of the command, which names this operator."""
        id = Operator.create_id(tin)
        return self._get(Operator, id, UnknownOperator, f"operator {tin}", (field,))

    def agreement(self, id: str) -> Agreement:
        """Raises UnknownAgreement."""
        return self._get(Agreement, Agreement.create_id(id), UnknownAgreement, f"agreement {id}")

    def administration(
        self, code: AdministrationCode, age: float = REFERENCE_AGE
    ) -> Administration:
        """Raises UnknownAdministration. May be `age` seconds old."""
        return self._references.no_older_than(age).administration(code)

    def programme(self, code: str) -> Programme:
        """Raises UnknownProgramme. May be a second old."""
        return self._references.no_older_than().programme(code)

    # ------------------------------------------------------------------- inside

    def _find(self, command: c.Command) -> BaseAggregate[UUID] | None:
        """The stream that a command goes to; None for the one that begins it."""
        id, name = stream_of(command)
        if isinstance(command, BEGINNINGS):
            self._refuse_if_registered(id, name)
            return None
        kind, unknown = _STREAMS[command.noun]
        return self._get(kind, id, unknown, name)

    def _check_references(self, command: c.Command, facts: ReferenceData) -> None:
        """What a command names beside its own stream must be in the register. Not so for a
        document: it may have led to what the record does not hold yet."""
        match command:
            case c.MergeInto(successor=tin):
                self.operator(tin, "successor")
            case c.ConsentCommand(partner=AdministrationCode() as code):
                facts.administration(code)
            case c.RequestConsultation(asked=code) | c.MembershipCommand(member=code):
                facts.administration(code)

    def _decision(
        self,
        command: c.Command,
        aggregate: BaseAggregate[UUID] | None,
        decided_by: AdministrationCode | None,
        facts: ReferenceData,
    ) -> Decision:
        """The command's day in its authority's own zone, and who decides."""
        now = datetime.now(UTC)
        if command.known_at is not None:
            if command.known_at.tzinfo is None:
                raise BadValue(f"knownAt: found {command.known_at}, wanted an instant with a zone")
            if command.known_at > now:
                raise KnownTooLate(f"knownAt: {command.known_at} is in the future")
        authority = command.decided_by or decided_by
        zone: str | None = None
        if isinstance(command, c.OperatorCommand):
            authority = authority or AdministrationCode(command.tin.country)
            zone = aggregate.time_zone if isinstance(aggregate, Operator) else None
        elif isinstance(command, c.RegisterAdministration):
            zone = known_zone(command.time_zone)  # it may register itself: nothing says it yet
        if zone is None:
            zone = facts.administration(authority).time_zone if authority else "UTC"
        for name, day in (("effective", command.effective), ("decided", command.decided)):
            if day and not date(1900, 1, 1) <= day <= date(2200, 1, 1):
                raise WrongDates(f"{name}: found {day}, wanted one from 1900 to 2200")
        return Decision(
            today=day_of(command.known_at or now, zone),
            effective=command.effective,
            decided=command.decided,
            decided_by=authority,
            legal_ground=command.legal_ground,
            source=command.source,
            programme=facts.programme,
        )

    def _append_request(
        self,
        aggregate: BaseAggregate[UUID],
        id: UUID,
        digest: bytes,
        actor: str,
        known_at: datetime | None,
    ) -> AppendRequest:
        event_metadata = [metadata(event, known_at) for event in aggregate.pending_events]
        return AppendRequest(
            id, digest, actor, event_metadata, held_numbers=held_numbers_record(aggregate)
        )

    def stream_at(self, position: int | None, command: c.Command) -> tuple[UUID, int]:
        """The stream and its version at the last position of a command; it has none where it had
        nothing to change."""
        if position is None:
            return stream_of(command)[0], 0
        [event] = self.recorder.select_notifications(start=position, limit=1)
        return cast(UUID, event.originator_id), event.originator_version

    def warnings_at(self, stream: UUID, version: int) -> tuple[CommandWarning, ...]:
        """What the command that made this event was warned of."""
        [event] = self.events.get(stream, gt=version - 1, lte=version)
        if not isinstance(event, WARNED):  # most need not be folded to know
            return ()
        aggregate: BaseAggregate[UUID] = self.repository.get(stream, version=version)
        return warnings(aggregate, event)

    def _refuse_if_registered(self, id: UUID, name: str) -> None:
        """Raises AlreadyRegistered."""
        if self.recorder.select_events(id, limit=1):
            raise AlreadyRegistered(f"{name} is in the register already")

    def _refuse_if_known_at(self, stream: UUID, known_at: datetime) -> None:
        """Raises AlreadyRecorded where the same is on record, and nothing as known at that instant:
        since when it was known is not said a second time."""
        known = [event.known_at for event in self.ledger.select_events(stream)]
        if known_at not in known:
            raise AlreadyRecorded(
                f"knownAt: found {known_at}, and the same is recorded as known at {known[-1]}"
            )

    def _get(
        self, kind: type[T], id: UUID, unknown: type[Refusal], name: str, path: tuple[str, ...] = ()
    ) -> T:
        try:
            return cast(T, self.repository.get(id))
        except AggregateNotFoundError:
            raise unknown(f"{name} is not in this register", path=path) from None

    def _refuse_merger_cycle(self, operator: Operator, successor: Tin) -> None:
        seen = {operator.tin}
        next: Tin | None = successor
        while next is not None:
            if next in seen:
                raise WrongStatus(
                    f"successor: {successor} leads back to {next}; "
                    "nobody is merged into itself, nor by way of others"
                )
            seen.add(next)
            next = self.operator(next).successor

    def _version_at(self, position: int, stream: UUID) -> int:
        found = self.recorder.select_notifications(start=position, limit=1, stop=position)
        if not found or found[0].originator_id != stream:
            raise UnknownPosition(f"position: {position} is not an event of this operator")
        return found[0].originator_version


def held_numbers_record(aggregate: BaseAggregate[UUID]) -> HeldNumbersRecord | None:
    """Which numbers it holds after what is pending of it, where that may change them."""
    if not isinstance(aggregate, Operator) or not unique_numbers.changed(aggregate.pending_events):
        return None
    held_numbers = unique_numbers.held(aggregate)
    return HeldNumbersRecord(held_numbers.holder, held_numbers.home, held_numbers.written())


def metadata(event: Any, known_at: datetime | None) -> Metadata:
    """What the ledger keeps in columns of what every event of the register says."""
    return Metadata(
        known_at, event.decided_by.text if event.decided_by else None, event.legal_ground
    )
