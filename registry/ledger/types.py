"""Types of the ledger's interface: append requests with their receipts, recorded events, and
errors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
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
    """Metadata of one event, stored in columns.

    `known_at` (an instant with a time zone) is the transaction time: when the authority's own
    register recorded the event. None means the moment of recording. It is never later than the
    recording, and never decreases within a stream.
    """

    known_at: datetime | None = None
    decided_by: str | None = None
    legal_ground: str | None = None


@dataclass(frozen=True)
class HeldNumbersRecord:
    """The numbers that an operator holds after a command. `holder` is its TIN, `home` its home
    administration, `numbers` a JSON text."""

    holder: str
    home: str
    numbers: str


@dataclass
class AppendRequest:
    """A request to append the events of one command. After the append it is also the receipt.

    `id` is the command id (the idempotency key): if the same `id` and `digest` are sent again, the
    first result is returned. `digest` is the SHA-256 of the canonical command, not of its events,
    whose versions differ on a retry. `actor` is an opaque id. `metadata`: none, one for all events,
    or one for each. `signed`: the signature, checked by the caller and stored beside the command.
    `held_numbers` is set if the events may change which numbers the operator holds.
    """

    id: UUID
    digest: bytes
    actor: str
    metadata: Sequence[Metadata] = ()
    signed: CommandSignature | None = None
    held_numbers: HeldNumbersRecord | None = None
    positions: list[int] = field(default_factory=list, init=False)
    # UTC, by the clock of the ledger
    recorded_at: datetime | None = field(default=None, init=False)
    repeated: bool = field(default=False, init=False)

    @classmethod
    def anonymous(cls, actor: str = "system") -> AppendRequest:
        """Returns a request with a random command id, for events without a command. Retrying it is
        safe."""
        id = uuid4()
        return cls(id, sha256(id.bytes).digest(), actor)


@dataclass(frozen=True)
class RecordedCommand:
    """A command that was recorded earlier. Its positions are consecutive."""

    digest: bytes
    first_position: int | None  # None if it recorded no events
    events: int
    recorded_at: datetime

    @property
    def positions(self) -> list[int]:
        """The positions of the command's events."""
        first = self.first_position or 0
        return list(range(first, first + self.events))


@dataclass(frozen=True)
class RecordedEvent(StoredEvent):
    """A recorded event, read by stream, with its columns. Instants are in UTC."""

    recorded_at: datetime
    known_at: datetime
    command_id: UUID
    actor: str
    decided_by: str | None
    legal_ground: str | None


@dataclass(frozen=True)
class RecordedNotification(Notification):
    """A recorded event, read by position (`id`) in the one global sequence of the ledger. Instants
    are in UTC."""

    recorded_at: datetime
    known_at: datetime
    command_id: UUID
    actor: str
    decided_by: str | None
    legal_ground: str | None


#: The outcome of one request of a batch: its positions, or the exception that refuses it.
Outcome = list[int] | Exception


class StreamMoved(IntegrityError):
    """Version conflict (optimistic concurrency): the stream has new events since it was read, or
    the versions have a gap."""


class CommandMismatch(IntegrityError):
    """The command id was used before for another request."""


class KnownAtRefused(IntegrityError):
    """The `known_at` of an event is later than its recording, or earlier than that of the event
    before it in the stream."""


class NumberHeld(IntegrityError):
    """A number belongs to another operator. Nothing was recorded."""


class Repeated(IntegrityError):
    """The command was recorded before with another number of events. `receipt` holds the first
    result."""

    def __init__(self, receipt: AppendRequest, now: int) -> None:
        super().__init__(
            f"Command {receipt.id} recorded {len(receipt.positions)} events at "
            f"{receipt.recorded_at}, and would record {now} now. The first result stands."
        )
        self.receipt = receipt


class Busy(OperationalError):
    """The queue is full (back-pressure). Nothing was recorded; the same command may be sent
    again."""


class Unreachable(OperationalError):
    """The database could not be reached, or a lock was not granted in time. Nothing was
    recorded."""


class OutcomeUnknown(OperationalError):
    """The database did not reply. Sending the same command again returns its outcome."""


class Closed(OperationalError):
    """The recorder was closed before the command was sent. Nothing was recorded."""


def outcome_from_row(command: AppendRequest, events: int, row: Sequence[Any]) -> Outcome:
    """Reads one row of the result of `ledger.append` and fills in the receipt. Returns the
    positions, or the exception that refuses the command."""
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
                f"Command {command.id} was recorded at {rfc_3339(recorded_at)} for another"
                " request: a command id is used once."
            )
        case 5:
            return NumberHeld(refusal)
        case _:
            return KnownAtRefused(refusal)


def rfc_3339(at: datetime) -> str:
    """An instant in UTC, as RFC 3339 writes it."""
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")
