"""What the ledger is told and what it answers: commands, receipts, recorded events, refusals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import Any
from uuid import UUID, uuid4

import msgspec
from eventsourcing.persistence import (
    IntegrityError,
    Notification,
    OperationalError,
    StoredEvent,
)

from registry.domain.decisions import CommandSignature


class Metadata(msgspec.Struct, frozen=True):
    """What is kept beside one event, in columns.

    `known_at` (instant with a zone): when an authority's own register recorded it; None is
    the moment of recording. Never later than that, never going back within a stream.
    """

    known_at: datetime | None = None
    decided_by: str | None = None
    legal_ground: str | None = None


@dataclass(frozen=True)
class HeldNumbersRecord:
    """Which numbers an operator holds after a command, by TIN and home administration, as JSON."""

    holder: str
    home: str
    numbers: str


@dataclass
class AppendRequest:
    """One request to record, and, once it is recorded, its receipt.

    `id` makes a repeat harmless: the same id and `digest` are answered with the first result.
    `digest` is the SHA-256 of the canonical request, never of its events, whose versions differ
    when it is sent again. `actor` is an opaque id. `metadata`: none, one for all, or one each.
    `signed` is kept with it, and is no part of it: who makes a command has checked it.
    `holding` is there where its events may change which numbers its operator holds.
    """

    id: UUID
    digest: bytes
    actor: str
    metadata: Sequence[Metadata] = ()
    signed: CommandSignature | None = None
    held_numbers: HeldNumbersRecord | None = None
    positions: list[int] = field(default_factory=list, init=False)
    recorded_at: datetime | None = field(default=None, init=False)  # UTC, by the ledger's clock
    repeated: bool = field(default=False, init=False)

    @classmethod
    def anonymous(cls, actor: str = "system") -> AppendRequest:
        """For events that nobody asked for in particular. Its id still makes resending safe."""
        id = uuid4()
        return cls(id, sha256(id.bytes).digest(), actor)


@dataclass(frozen=True)
class RecordedCommand:
    """A command that was recorded before. Its positions follow each other."""

    digest: bytes
    first_position: int | None  # none when it recorded no events
    events: int
    recorded_at: datetime

    @property
    def positions(self) -> list[int]:
        first = self.first_position or 0
        return list(range(first, first + self.events))


@dataclass(frozen=True)
class RecordedEvent(StoredEvent):
    """An event of one stream with its columns. Instants are in UTC."""

    recorded_at: datetime
    known_at: datetime
    command_id: UUID
    actor: str
    decided_by: str | None
    legal_ground: str | None


@dataclass(frozen=True)
class RecordedNotification(Notification):
    """An event at its position (`id`) in the register's one sequence. Instants are in UTC."""

    recorded_at: datetime
    known_at: datetime
    command_id: UUID
    actor: str
    decided_by: str | None
    legal_ground: str | None


#: What became of one command of a batch: its positions, or why not.
Outcome = list[int] | Exception


class StreamMoved(IntegrityError):
    """Someone else has recorded in this stream since it was read, or a version is left out."""


class CommandMismatch(IntegrityError):
    """A command id was used for another request before."""


class KnownAtRefused(IntegrityError):
    """An event would have been known after its recording, or before the one it follows."""


class NumberHeld(IntegrityError):
    """A number is another operator's. Nothing was recorded."""


class Repeated(IntegrityError):
    """A command was recorded before with another number of events; `receipt` says which."""

    def __init__(self, receipt: AppendRequest, now: int) -> None:
        super().__init__(
            f"Command {receipt.id} recorded {len(receipt.positions)} events at "
            f"{receipt.recorded_at}, and would record {now} now. The first result stands."
        )
        self.receipt = receipt


class Busy(OperationalError):
    """Too many commands are waiting. Nothing was recorded; the same command may be sent again."""


class Unreachable(OperationalError):
    """The database could not be reached, or stayed locked. Nothing was recorded."""


class OutcomeUnknown(OperationalError):
    """The database fell silent. Sending the same command again tells what became of it."""


class Closed(OperationalError):
    """The recorder was closed first. Nothing was recorded."""


def outcome_from_row(command: AppendRequest, events: int, row: Sequence[Any]) -> Outcome:
    """One row of `ledger.append`'s answer, written on the command's receipt."""
    status, first, recorded, recorded_at, refusal = row
    match status:
        case 0 | 1:
            command.positions = list(range(first, first + recorded)) if recorded else []
            command.recorded_at = recorded_at
            command.repeated = status == 1
            return command.positions if recorded == events else Repeated(command, events)
        case 2:
            return StreamMoved(refusal)
        case 3:
            return CommandMismatch(
                f"Command {command.id} was recorded at {recorded_at} for another request: "
                "a command id is used once."
            )
        case 5:
            return NumberHeld(refusal)
        case _:
            return KnownAtRefused(refusal)
