"""Executes one command: decide, append, and retry once on a version conflict.

A repeated command id (the idempotency key) returns the first stored result. The workflow is written
as a generator that yields every blocking step, so that threads (`run`) and asyncio tasks
(`run_async`) share the logic.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator
from concurrent.futures import Executor
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias
from uuid import UUID

import psycopg
from eventsourcing.domain import BaseAggregate
from eventsourcing.persistence import IntegrityError, StoredEvent

from registry.domain import commands as c
from registry.domain.administrations import Administration
from registry.domain.errors import HeldByAnother, KnownTooLate, OtherCommand, Refusal, StaleVersion
from registry.domain.operators.events import Operator
from registry.domain.sentences import CodedTerm
from registry.domain.values import AdministrationCode
from registry.domain.warnings import CommandWarning, warnings
from registry.ledger.database import ConnectionWithTimeout
from registry.ledger.recorder import LedgerRecorder
from registry.ledger.types import (
    AppendRequest,
    Busy,
    CommandMismatch,
    KnownAtRefused,
    NumberHeld,
    RecordedCommand,
    Repeated,
    Unreachable,
    rfc_3339,
)

if TYPE_CHECKING:
    from registry.application.registry import Registry

#: Key of the PostgreSQL advisory lock that serialises mergers: "MERGER" in ASCII.
MERGER_LOCK = 0x4D4552474552
ATTEMPTS = 2  # decisions on data read from the ledger, before a version conflict is reported


DecisionProposed: TypeAlias = Operator.DecisionProposed | Administration.DecisionProposed


@dataclass(frozen=True)
class Receipt:
    """The result of a recorded command. `positions` is empty if the command changed nothing.

    `recorded_at` is in UTC, by the clock of the ledger. `repeated`: the result is that of an
    earlier command with the same command id. `proposed`: the command needs a second person, and
    was recorded as this proposal, which decides nothing.
    """

    stream: UUID
    version: int
    positions: list[int]
    recorded_at: datetime | None
    repeated: bool = False
    warnings: tuple[CommandWarning, ...] = ()
    proposed: DecisionProposed | None = None


@dataclass(frozen=True)
class Append:
    """A step of the workflow that appends events to the ledger; the workflow continues after the
    commit."""

    request: AppendRequest
    events: list[StoredEvent]


Step = Append | Callable[[], Any]
CommandExecution = Generator[Step, Any, Receipt]


def execute_command(
    registry: Registry,
    command: c.Command,
    actor: str,
    decided_by: AdministrationCode | None,
    person: str | None = None,
    sees_proposals: bool = True,
) -> CommandExecution:
    """Returns the workflow of one command, as a generator for `run` or `run_async`.

    Mergers, and confirmations, which may be of a merger, are serialised by an advisory lock: two
    mergers decided at the same time could form a cycle of successors.
    """
    steps = _decide_and_append(registry, command, actor, decided_by, person, sees_proposals)
    if not isinstance(command, c.MergeInto | c.ConfirmProposal):
        return (yield from steps)
    lock: psycopg.Connection[Any] = yield partial(_merger_lock, registry)
    try:
        return (yield from steps)
    finally:
        lock.close()


def _merger_lock(registry: Registry) -> psycopg.Connection[Any]:
    """Opens a database session that holds the merger lock until it is closed, across all processes.
    Raises Busy, Unreachable."""
    try:
        connection = ConnectionWithTimeout.connect(
            registry.env["LEDGER_CONNINFO"], autocommit=True, connect_timeout=5
        )
    except psycopg.OperationalError as error:
        raise Unreachable(str(error)) from error
    try:
        connection.execute("set lock_timeout = '3s'")
        connection.execute("select pg_advisory_lock(%s)", [MERGER_LOCK])
    except psycopg.errors.LockNotAvailable as error:
        connection.close()
        raise Busy("another merger is being recorded; nothing was: send it again") from error
    except psycopg.Error as error:
        connection.close()
        raise Unreachable(str(error)) from error
    return connection


def _decide_and_append(
    registry: Registry,
    command: c.Command,
    actor: str,
    decided_by: AdministrationCode | None,
    person: str | None,
    sees_proposals: bool,
) -> CommandExecution:
    """Decides and appends, first optimistically on cached data.

    The ledger checks the expected version, so a result that it accepts is correct even if the cache
    was stale. A refusal on cached data is not returned: the decision is made again on data read
    from the ledger. Raises the Refusal of that decision, and StaleVersion after repeated version
    conflicts.
    """
    receipt: Receipt | None
    decided = registry.decide_from_cache(command, decided_by, person, sees_proposals=sees_proposals)
    if decided is not None:
        receipt = yield from _append(registry, command, actor, decided, sees_proposals)
        if receipt:
            return receipt
    for _ in range(ATTEMPTS):
        try:
            decided = yield partial(
                registry.decide, command, decided_by, person, sees_proposals=sees_proposals
            )
        except Refusal:
            # The command may have been recorded by an earlier request with the same command id,
            # whose own effect now causes the refusal.
            found = yield partial(registry.ledger.find_command, c.id_of_line(command))
            if found:
                receipt = yield partial(
                    _first_result, registry, command, actor, found, sees_proposals
                )
                assert receipt is not None
                return receipt
            raise
        receipt = yield from _append(registry, command, actor, decided, sees_proposals)
        if receipt:
            return receipt
    raise StaleVersion(
        "the stream of this %(noun)s moved on twice meanwhile: send it again",
        noun=CodedTerm(command.noun),
    )


def _append(
    registry: Registry,
    command: c.Command,
    actor: str,
    aggregate: BaseAggregate[UUID],
    sees_proposals: bool,
) -> Generator[Step, Any, Receipt | None]:
    """Appends the pending events and returns the receipt. Returns None on a version conflict.

    Raises OtherCommand, KnownTooLate, HeldByAnother.
    """
    request = registry.append_request(aggregate, command, actor)
    together = recorded_together(aggregate)
    pending = [event for each in together for event in each.collect_events()]
    events = [registry.mapper.to_stored_event(event) for event in pending]
    try:
        yield Append(request, events)
    except CommandMismatch as error:
        raise OtherCommand(str(error)) from None
    except KnownAtRefused as error:
        raise KnownTooLate("knownAt: %(error)s", error=error) from None
    except NumberHeld as error:
        raise HeldByAnother(str(error)) from None
    except Repeated:
        request.repeated = True
    except IntegrityError:
        return None
    if request.repeated:
        found = yield partial(registry.ledger.find_command, request.id)
        receipt: Receipt = yield partial(
            _first_result, registry, command, actor, found, sees_proposals
        )
        return receipt
    for each in together:
        registry.recorded(each)
    last = together[-1]
    found_warnings = tuple(w for event in pending for w in warnings(last, event))
    return Receipt(
        last.id,
        version_shown(last, sees_proposals),
        request.positions,
        request.recorded_at,
        warnings=found_warnings,
        proposed=next((e for e in pending if isinstance(e, DecisionProposed)), None),
    )


def recorded_together(aggregate: BaseAggregate[UUID]) -> list[BaseAggregate[UUID]]:
    """The aggregates whose pending events are recorded with one command: the one that was decided
    on, and that on which a confirmation decided."""
    with_it = aggregate.decided_with if isinstance(aggregate, Administration) else None
    return [aggregate] if with_it is None else [aggregate, with_it]


def version_shown(aggregate: BaseAggregate[UUID], sees_proposals: bool) -> int:
    """The version of an aggregate: without the events of its operator's proposals for whoever may
    not know of them. Decision 0242."""
    if sees_proposals or not isinstance(aggregate, Operator):
        return aggregate.version
    events = sum(1 if each.closed is None else 2 for each in aggregate.proposals.values())
    return aggregate.version - events


def _first_result(
    registry: Registry,
    command: c.Command,
    actor: str,
    found: RecordedCommand,
    sees_proposals: bool,
) -> Receipt:
    if found.digest != c.digest(command, actor):
        raise OtherCommand(
            "commandId: %(command_id)s recorded another request at %(recorded_at)s; a "
            "new request needs a new id",
            command_id=command.command_id,
            recorded_at=rfc_3339(found.recorded_at),
        )
    stream, version = registry.stream_at(found.positions[-1] if found.positions else None, command)
    if not found.positions:
        return Receipt(stream, version, [], found.recorded_at, True)
    found_warnings, proposed = registry.result_at(stream, version)
    shown = version
    if not sees_proposals:
        then: BaseAggregate[UUID] = registry.repository.get(stream, version=version)
        shown = version_shown(then, sees_proposals)
    return Receipt(
        stream, shown, found.positions, found.recorded_at, True, found_warnings, proposed
    )


# ------------------------------------------------------------------ drivers


def run(execution: CommandExecution, ledger: LedgerRecorder) -> Receipt:
    """Runs a workflow in the current thread, which blocks at each step."""
    resume: Callable[[], Step] = partial(next, execution)
    while True:
        try:
            step = resume()
        except StopIteration as done:
            receipt: Receipt = done.value
            return receipt
        try:
            if isinstance(step, Append):
                answer: Any = ledger.insert_events(step.events, command=step.request)
            else:
                answer = step()
        except Exception as error:
            resume = partial(execution.throw, error)
        else:
            resume = partial(execution.send, answer)


async def run_async(
    execution: CommandExecution, ledger: LedgerRecorder, threads: Executor
) -> Receipt:
    """Runs a workflow in an asyncio task. Steps that read the ledger run in `threads`; appending
    needs no thread."""
    resume: Callable[[], Step] = partial(next, execution)
    while True:
        try:
            step = resume()
        except StopIteration as done:
            receipt: Receipt = done.value
            return receipt
        try:
            if isinstance(step, Append):
                answer: Any = await ledger.insert_events_async(step.events, command=step.request)
            else:
                answer = await asyncio.get_running_loop().run_in_executor(threads, step)
        except Exception as error:
            resume = partial(execution.throw, error)
        else:
            resume = partial(execution.send, answer)
