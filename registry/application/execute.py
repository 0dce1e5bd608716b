"""The way of one command: decided, recorded, and answered once, whoever waits for the disk.

It is written once for threads and for tasks: a generator yields whatever must be waited for, and
the two that drive it differ only in how they wait.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator
from concurrent.futures import Executor
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any
from uuid import UUID

import psycopg
from eventsourcing.domain import BaseAggregate
from eventsourcing.persistence import IntegrityError, StoredEvent

from registry.domain import commands as c
from registry.domain.errors import HeldByAnother, KnownTooLate, OtherCommand, Refusal, StaleVersion
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
)

if TYPE_CHECKING:
    from registry.application.registry import Registry

#: "MERGER" in ASCII, so that no other lock has the number.
MERGER_LOCK = 0x4D4552474552
ATTEMPTS = 2  # on what the ledger says, when somebody else was faster


@dataclass(frozen=True)
class Receipt:
    """A command was recorded: where. `positions` is empty when it had nothing to change."""

    stream: UUID
    version: int
    positions: list[int]
    recorded_at: datetime | None
    repeated: bool = False
    warnings: tuple[CommandWarning, ...] = ()


@dataclass(frozen=True)
class Append:
    """A step of the way: this is to be on disk before it goes on."""

    request: AppendRequest
    events: list[StoredEvent]


Step = Append | Callable[[], Any]
CommandExecution = Generator[Step, Any, Receipt]


def execute_command(
    registry: Registry, command: c.Command, actor: str, decided_by: AdministrationCode | None
) -> CommandExecution:
    """The whole way. A merger waits until no other is under way: two that were decided at one
    instant could each lead back to the other."""
    if not isinstance(command, c.MergeInto):
        return (yield from _decide_and_append(registry, command, actor, decided_by))
    lock: psycopg.Connection[Any] = yield partial(_merger_lock, registry)
    try:
        return (yield from _decide_and_append(registry, command, actor, decided_by))
    finally:
        lock.close()


def _merger_lock(registry: Registry) -> psycopg.Connection[Any]:
    """A session that nobody else has until it is closed, in whatever process. Raises Busy,
    Unreachable."""
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
    registry: Registry, command: c.Command, actor: str, decided_by: AdministrationCode | None
) -> CommandExecution:
    """First on what is at hand. That is good enough for a receipt, which the ledger gives, and
    for nothing else: whoever is to be refused is decided upon again, on what the ledger holds."""
    receipt: Receipt | None
    decided = registry.decide_from_cache(command, decided_by)
    if decided is not None:
        receipt = yield from _append(registry, command, actor, decided)
        if receipt:
            return receipt
    for _ in range(ATTEMPTS):
        try:
            decided = yield partial(registry.decide, command, decided_by)
        except Refusal:
            # Its own first sending may have been recorded before, and be what refuses it.
            found = yield partial(registry.ledger.find_command, c.id_of_line(command))
            if found:
                receipt = yield partial(_first_result, registry, command, actor, found)
                assert receipt is not None
                return receipt
            raise
        receipt = yield from _append(registry, command, actor, decided)
        if receipt:
            return receipt
    raise StaleVersion(f"the stream of this {command.noun} moved on twice meanwhile: send it again")


def _append(
    registry: Registry, command: c.Command, actor: str, aggregate: BaseAggregate[UUID]
) -> Generator[Step, Any, Receipt | None]:
    """None: somebody was faster."""
    request = registry.append_request(aggregate, command, actor)
    pending = aggregate.collect_events()
    events = [registry.mapper.to_stored_event(event) for event in pending]
    try:
        yield Append(request, events)
    except CommandMismatch as error:
        raise OtherCommand(str(error)) from None
    except KnownAtRefused as error:
        raise KnownTooLate(f"knownAt: {error}") from None
    except NumberHeld as error:
        raise HeldByAnother(str(error)) from None
    except Repeated:
        request.repeated = True
    except IntegrityError:
        return None
    if request.repeated:
        found = yield partial(registry.ledger.find_command, request.id)
        receipt: Receipt = yield partial(_first_result, registry, command, actor, found)
        return receipt
    registry.recorded(aggregate)
    found_warnings = tuple(w for event in pending for w in warnings(aggregate, event))
    return Receipt(
        aggregate.id,
        aggregate.version,
        request.positions,
        request.recorded_at,
        warnings=found_warnings,
    )


def _first_result(
    registry: Registry, command: c.Command, actor: str, found: RecordedCommand
) -> Receipt:
    if found.digest != c.digest(command, actor):
        raise OtherCommand(
            f"commandId: {command.command_id} recorded another request at {found.recorded_at}; "
            "a new request needs a new id"
        )
    stream, version = registry.stream_at(found.positions[-1] if found.positions else None, command)
    found_warnings = registry.warnings_at(stream, version) if found.positions else ()
    return Receipt(stream, version, found.positions, found.recorded_at, True, found_warnings)


# ------------------------------------------------------------------ who waits


def run(execution: CommandExecution, ledger: LedgerRecorder) -> Receipt:
    """Drives it in this thread."""
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
    """Drives it in a task. What reads the ledger goes to a thread; the disk needs none."""
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
