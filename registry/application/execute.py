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
from registry.ledger.database import Heard
from registry.ledger.recorder import LedgerRecorder
from registry.ledger.types import AppendRequest as Slip
from registry.ledger.types import (
    Busy,
    CommandMismatch,
    Found,
    KnownAtRefused,
    NumberHeld,
    Repeated,
    Unreachable,
)

if TYPE_CHECKING:
    from registry.application.registry import Registry

#: "MERGER" in ASCII, so that no other lock has the number.
MERGER = 0x4D4552474552
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

    slip: Slip
    events: list[StoredEvent]


Step = Append | Callable[[], Any]
Course = Generator[Step, Any, Receipt]


def course(
    registry: Registry, command: c.Command, actor: str, decided_by: AdministrationCode | None
) -> Course:
    """The whole way. A merger waits until no other is under way: two that were decided at one
    instant could each lead back to the other."""
    if not isinstance(command, c.MergeInto):
        return (yield from _course(registry, command, actor, decided_by))
    alone: psycopg.Connection[Any] = yield partial(_alone, registry)
    try:
        return (yield from _course(registry, command, actor, decided_by))
    finally:
        alone.close()


def _alone(registry: Registry) -> psycopg.Connection[Any]:
    """A session that nobody else has until it is closed, in whatever process. Raises Busy,
    Unreachable."""
    try:
        connection = Heard.connect(
            registry.env["LEDGER_CONNINFO"], autocommit=True, connect_timeout=5
        )
    except psycopg.OperationalError as error:
        raise Unreachable(str(error)) from error
    try:
        connection.execute("set lock_timeout = '3s'")
        connection.execute("select pg_advisory_lock(%s)", [MERGER])
    except psycopg.errors.LockNotAvailable as error:
        connection.close()
        raise Busy("another merger is being recorded; nothing was: send it again") from error
    except psycopg.Error as error:
        connection.close()
        raise Unreachable(str(error)) from error
    return connection


def _course(
    registry: Registry, command: c.Command, actor: str, decided_by: AdministrationCode | None
) -> Course:
    """First on what is at hand. That is good enough for a receipt, which the ledger gives, and
    for nothing else: whoever is to be refused is decided upon again, on what the ledger holds."""
    receipt: Receipt | None
    decided = registry.decide_at_hand(command, decided_by)
    if decided is not None:
        receipt = yield from _record(registry, command, actor, decided)
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
        receipt = yield from _record(registry, command, actor, decided)
        if receipt:
            return receipt
    raise StaleVersion(f"the stream of this {command.noun} moved on twice meanwhile: send it again")


def _record(
    registry: Registry, command: c.Command, actor: str, aggregate: BaseAggregate[UUID]
) -> Generator[Step, Any, Receipt | None]:
    """None: somebody was faster."""
    slip = registry.slip(aggregate, command, actor)
    pending = aggregate.collect_events()
    events = [registry.mapper.to_stored_event(event) for event in pending]
    try:
        yield Append(slip, events)
    except CommandMismatch as error:
        raise OtherCommand(str(error)) from None
    except KnownAtRefused as error:
        raise KnownTooLate(f"knownAt: {error}") from None
    except NumberHeld as error:
        raise HeldByAnother(str(error)) from None
    except Repeated:
        slip.repeated = True
    except IntegrityError:
        return None
    if slip.repeated:
        found = yield partial(registry.ledger.find_command, slip.id)
        receipt: Receipt = yield partial(_first_result, registry, command, actor, found)
        return receipt
    registry.recorded(aggregate)
    told = tuple(each for event in pending for each in warnings(aggregate, event))
    return Receipt(aggregate.id, aggregate.version, slip.positions, slip.recorded_at, warnings=told)


def _first_result(registry: Registry, command: c.Command, actor: str, found: Found) -> Receipt:
    if found.digest != c.digest(command, actor):
        raise OtherCommand(
            f"commandId: {command.command_id} recorded another request at {found.recorded_at}; "
            "a new request needs a new id"
        )
    stream, version = registry.stream_at(found.positions[-1] if found.positions else None, command)
    told = registry.warnings_at(stream, version) if found.positions else ()
    return Receipt(stream, version, found.positions, found.recorded_at, True, told)


# ------------------------------------------------------------------ who waits


def wait(way: Course, ledger: LedgerRecorder) -> Receipt:
    """Drives it in this thread."""
    told: Callable[[], Step] = partial(next, way)
    while True:
        try:
            step = told()
        except StopIteration as done:
            receipt: Receipt = done.value
            return receipt
        try:
            if isinstance(step, Append):
                answer: Any = ledger.insert_events(step.events, command=step.slip)
            else:
                answer = step()
        except Exception as error:
            told = partial(way.throw, error)
        else:
            told = partial(way.send, answer)


async def wait_async(way: Course, ledger: LedgerRecorder, threads: Executor) -> Receipt:
    """Drives it in a task. What reads the ledger goes to a thread; the disk needs none."""
    told: Callable[[], Step] = partial(next, way)
    while True:
        try:
            step = told()
        except StopIteration as done:
            receipt: Receipt = done.value
            return receipt
        try:
            if isinstance(step, Append):
                answer: Any = await ledger.insert_events_async(step.events, command=step.slip)
            else:
                answer = await asyncio.get_running_loop().run_in_executor(threads, step)
        except Exception as error:
            told = partial(way.throw, error)
        else:
            told = partial(way.send, answer)
