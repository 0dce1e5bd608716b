"""The unit of work of an import: commands are decided one after the other and appended together."""

from __future__ import annotations

import gc
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from typing import Any, TypeVar, cast
from uuid import UUID

import psycopg
from eventsourcing.domain import BaseAggregate
from eventsourcing.persistence import StoredEvent

from registry.application.dispatch import stream_of
from registry.application.registry import Registry
from registry.domain import commands as c
from registry.domain import signatures
from registry.domain.errors import (
    AlreadyRegistered,
    BadValue,
    HeldByAnother,
    KnownTooLate,
    OtherCommand,
    Refusal,
    StaleVersion,
    WrongDates,
)
from registry.domain.identifiers import normal_form
from registry.domain.operators import unique_numbers
from registry.domain.operators.events import Operator
from registry.domain.sentences import CodedTerm
from registry.domain.values import Tin
from registry.domain.warnings import warnings
from registry.ledger.append_encoding import encode_request
from registry.ledger.append_protocol import prepare, receive, send
from registry.ledger.connections import Session
from registry.ledger.database import environment
from registry.ledger.group_commit import take_batch
from registry.ledger.types import AppendRequest, NumberHeld, Outcome

TOGETHER = 1_000  # streams and numbers that are read at once
T = TypeVar("T")
WARNING = "warning: "
STANDS = "what it says stands already"
EARLIEST = datetime(1900, 1, 1, tzinfo=UTC)  # the earliest transaction time; also for valid time


class How(Enum):
    """The result of a line that was not refused."""

    RECORDED = "recorded"
    KNOWN = "known already"
    UNCHANGED = "unchanged"


@dataclass(frozen=True)
class Taken:
    """The result of a line that was not refused.

    `why`: the reason where it changed nothing; the warning where it was recorded with one.
    """

    how: How
    why: str | None = None


RECORDED, KNOWN = Taken(How.RECORDED), Taken(How.KNOWN)


class UnitOfWork(Registry):
    """The register together with commands that are decided and not recorded yet.

    Keeps every stream that it touched in memory.
    """

    def __init__(self, conninfo: str) -> None:
        super().__init__(environment(conninfo))
        self._conninfo = conninfo
        self._streams: dict[UUID, BaseAggregate[UUID]] = {}
        self._known: dict[UUID, datetime] = {}
        self._sent: dict[UUID, bytes] = {}
        self._asked: dict[
            UUID, bytes | None
        ] = {}  # the ledger's answers for the ids that come next
        self._digests: set[bytes] = set()
        self._requests: list[tuple[AppendRequest, list[StoredEvent]]] = []
        self._began = datetime.now(UTC)
        self._absent: set[UUID] = set()  # streams that the ledger does not have
        self._holders: dict[str, list[tuple[Any, ...]]] = {}  # by certificate number
        self._numbers = unique_numbers.NumberDraft(self._find_holders)

    def add(self, command: c.Command, actor: str, id: UUID | None = None) -> Taken:
        """Decides a command on top of all that was added before. `id`: its command id.

        Raises a Refusal; the unit of work is then unchanged.
        """
        if isinstance(command, c.ErasePerson):
            raise BadValue("command: an erasure destroys something, and is done by `./aeo erase`")
        known = command.known_at
        if known and known < EARLIEST:
            raise WrongDates(
                "known_at: found %(known)s, wanted 1900 or later", known=known.isoformat()
            )
        id, digest = command.command_id or id or c.id_of_line(command), c.digest(command, actor)
        before = self._digest_of(id)
        if before is not None:
            if before != digest:
                if id == command.command_id:
                    raise OtherCommand(
                        "command_id: %(id)s was used before, for another request", id=id
                    )
                raise OtherCommand(
                    "this line of this file or batch was recorded before, and said something else, "
                    "or by another actor"
                )
            return KNOWN
        try:
            self._numbers.check(command)
            aggregate = self._decided(command)
        except Refusal:
            if known_before := self._said_before(command, digest):
                self._keep(AppendRequest(id, digest, actor), [])
                return Taken(How.KNOWN, known_before)
            raise
        request = self._append_request(aggregate, id, digest, actor, command.known_at)
        request.signed = signatures.read(command)
        if isinstance(aggregate, Operator) and request.held_numbers:
            self._numbers.hold(unique_numbers.numbers_held(aggregate))
        warned = [
            warning.message
            for event in aggregate.pending_events
            for warning in warnings(aggregate, event)
        ]
        events = [self.mapper.to_stored_event(event) for event in aggregate.collect_events()]
        known_before = (
            None if events else self._said_before(command, digest)
        )  # before this command is kept itself
        self._keep(request, events)
        self._streams[aggregate.id] = aggregate
        if events:
            self._known[aggregate.id] = command.known_at or self._began
            return Taken(How.RECORDED, f"{WARNING}{'; '.join(warned)}") if warned else RECORDED
        return Taken(How.UNCHANGED, known_before or STANDS)

    def look_up(self, ids: Sequence[UUID]) -> None:
        """Looks up many command ids in the ledger at once. Until the next call no other id is
        looked up."""
        self._asked = dict.fromkeys(ids) | self.ledger.find_commands(ids)

    def assume_new(self, ids: Iterable[UUID]) -> None:
        """Takes these command ids as never used, in place of a look-up: those of a file that is
        recorded as a whole or not at all, and whose mark the ledger does not have."""
        self._asked |= dict.fromkeys(ids)

    def preload(self, streams: Iterable[UUID], numbers: Iterable[str] = ()) -> None:
        """Reads many streams, and the holders of many certificate numbers, a thousand at once, in
        place of one by one when they are needed."""
        for some in _batches(list(dict.fromkeys(streams))):
            wanted = [id for id in some if id not in self._streams]
            for event in self.ledger.select_streams(wanted):
                id = cast(UUID, event.originator_id)
                happened: Any = self.mapper.to_domain_event(event)
                held = happened.mutate(self._streams.get(id))
                assert held is not None  # no event of the register discards its aggregate
                self._streams[id], self._known[id] = held, event.known_at
            self._absent.update(id for id in wanted if id not in self._streams)
        for values in _batches(sorted({normal_form(number) for number in numbers})):
            found = self.ledger.find_all_holders(unique_numbers.CERTIFICATE, values)
            self._holders |= {value: found.get(value, []) for value in values}

    def operator_or_none(self, tin: Tin) -> Operator | None:
        """Returns an operator as the commands so far leave it; None where there is none yet."""
        id = Operator.create_id(tin)
        if id not in self._streams:
            self.preload([id])
        held = self._streams.get(id)
        assert held is None or isinstance(held, Operator)
        return held

    def operators(self) -> list[Operator]:
        """Returns every operator that was read or registered so far."""
        return [held for held in self._streams.values() if isinstance(held, Operator)]

    def _find_holders(self, scheme: str, value: str) -> list[tuple[Any, ...]]:
        if scheme == unique_numbers.CERTIFICATE and value in self._holders:
            return self._holders[value]
        return self.ledger.find_holders(scheme, value)

    def holds(self, tin: Tin) -> bool:
        """Returns whether this operator is in the register, or registered by what was added
        before."""
        id = Operator.create_id(tin)
        return id in self._streams or bool(self.recorder.select_events(id, limit=1))

    def forget(self, tin: Tin) -> None:
        """Removes the registration that was added last."""
        request, _ = self._requests.pop()
        self._sent.pop(request.id)
        self._digests.discard(request.digest)
        self._known.pop(Operator.create_id(tin), None)
        self._streams.pop(Operator.create_id(tin), None)

    def _digest_of(self, id: UUID) -> bytes | None:
        if id in self._sent:
            return self._sent[id]
        if id in self._asked:
            return self._asked[id]
        found = self.ledger.find_command(id)
        return found.digest if found else None

    def _decided(self, command: c.Command) -> BaseAggregate[UUID]:
        found_stream = self.find(command)
        if found_stream is not None:
            self._in_turn(found_stream, command)
        return self.decide_on(found_stream, command)

    def _said_before(self, command: c.Command, digest: bytes) -> str | None:
        """Returns a sentence where the same request was recorded before, from whatever file; else
        None."""
        if digest in self._digests:
            return "an earlier line of this file says the same"
        found = self.ledger.find_same_request(stream_of(command)[0], digest)
        if found is None:
            return None
        return f"it was recorded before, as position {found.first_position}"

    def _keep(self, request: AppendRequest, events: list[StoredEvent]) -> None:
        self._requests.append((request, events))
        self._digests.add(request.digest)
        self._sent[request.id] = request.digest

    def keep(self, id: UUID) -> None:
        """Adds a command id that records no event, as a mark that can be looked up later."""
        self._requests.append((AppendRequest(id, id.bytes * 2, "import"), []))

    def record(self, progress: Callable[[int], None] | None = None) -> tuple[int, int]:
        """Records everything in one transaction, or nothing. Returns the number of commands and of
        events.

        Other writers wait for it. Raises StaleVersion and HeldByAnother when another writer was
        first.
        """
        queue = deque(encode_request(request, events) for request, events in self._requests)
        commands, events = len(queue), 0
        options = "-c role=aeo_writer -c timezone=UTC"
        with (
            Session.connect(self._conninfo, options=options, autocommit=True) as connection,
            connection.transaction(),
        ):
            prepare(connection)
            while queue:
                batch = take_batch(queue)
                send(connection, batch)
                try:
                    events += sum(map(_recorded, receive(connection, batch)))
                except psycopg.errors.ExclusionViolation as error:
                    raise HeldByAnother(str(error)) from None
                if progress:
                    progress(commands - len(queue))
        self._requests.clear()
        return commands, events

    def _in_turn(self, stream: BaseAggregate[UUID], command: c.Command) -> None:
        """Checks the expected version and the transaction time before the decision, because a
        decision cannot be removed from the stream."""
        if command.expected_version not in (None, stream.version):
            raise StaleVersion(
                "expected_version: found %(expected_version)s, and the stream is at "
                "version %(version)s",
                expected_version=command.expected_version,
                version=stream.version,
            )
        if stream.id not in self._known:
            [last] = self.ledger.select_events(stream.id, desc=True, limit=1)
            self._known[stream.id] = last.known_at
        if command.known_at and command.known_at < self._known[stream.id]:
            raise KnownTooLate(
                "known_at: %(known_at)s is before %(known)s, when the last of this "
                "%(noun)s became known",
                known_at=command.known_at.isoformat(),
                known=self._known[stream.id].isoformat(),
                noun=CodedTerm(command.noun),
            )

    def _get(
        self,
        kind: type[Any],
        id: UUID,
        unknown: type[Refusal],
        name: str,
        path: tuple[str, ...] = (),
    ) -> Any:
        held = self._streams.get(id)
        if held is None:
            held = self._streams[id] = super()._get(kind, id, unknown, name, path)
        return held

    def _refuse_if_registered(self, id: UUID, name: str) -> None:
        if id in self._streams:
            raise AlreadyRegistered("%(name)s is registered by an earlier line", name=name)
        if id in self._absent:
            return
        super()._refuse_if_registered(id, name)


@contextmanager
def unit_of_work(conninfo: str) -> Iterator[UnitOfWork]:
    """Yields a unit of work, and closes it at the end. Meanwhile no garbage is collected.

    What was decided stays in memory and has no reference cycles. The collector would go through
    all of it again and again, which takes a third of the time of a list of 20,000 rows.
    """
    collects = gc.isenabled()
    gc.disable()
    draft = UnitOfWork(conninfo)
    try:
        yield draft
    finally:
        draft.close()
        if collects:
            gc.enable()


def _batches(all: list[T]) -> Iterator[list[T]]:
    """Yields the elements, a thousand at once."""
    for first in range(0, len(all), TOGETHER):
        yield all[first : first + TOGETHER]


def _recorded(outcome: Outcome) -> int:
    if isinstance(outcome, NumberHeld):
        raise HeldByAnother(str(outcome))
    if isinstance(outcome, Exception):
        raise StaleVersion(
            "somebody was faster, and nothing of this was recorded: %(outcome)s; send it again",
            outcome=outcome,
        )
    return len(outcome)
