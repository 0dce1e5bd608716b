"""Binary encoding of append requests, in PostgreSQL's own format, done by the calling thread.

psycopg serialises lists element by element in Python, which takes 60 us for an event; these bytes
take 5 us. The format is that of the types' `_recv` functions, unchanged since PostgreSQL 8.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from struct import Struct, error
from uuid import UUID

from eventsourcing.persistence import DataError, StoredEvent

from registry.domain.decisions import CommandSignature
from registry.ledger.types import AppendRequest, HeldNumbersRecord, Metadata, Outcome, StreamMoved

EPOCH = datetime(2000, 1, 1, tzinfo=UTC)  # epoch of PostgreSQL's timestamps
NULL = b"\xff\xff\xff\xff"  # the length -1 marks a null element
UUID_LENGTH, DIGEST_LENGTH = b"\0\0\0\x10", b"\0\0\0\x20"
NO_METADATA = Metadata()
_length = Struct(">i").pack
_integer = Struct(">ii").pack  # a four-byte element after its length
_bigint = Struct(">iq").pack


class ThreadOutcome:
    """The outcome that one thread waits for, with the interface of a future. A lock costs a tenth
    of a concurrent.futures.Future.

    Owned by the waiting thread; the worker calls `set_result` exactly once.
    """

    __slots__ = ("_lock", "_outcome")

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._lock.acquire()

    def set_result(self, outcome: Outcome) -> None:
        """Stores the outcome and wakes the waiting thread."""
        self._outcome = outcome
        self._lock.release()

    def result(self) -> Outcome:
        """Waits for the outcome and returns it."""
        self._lock.acquire()
        return self._outcome

    def cancelled(self) -> bool:
        """Always False, as part of the interface of a future."""
        return False  # a waiting thread cannot be cancelled


@dataclass(eq=False, slots=True)
class EncodedRequest:
    """An append request encoded by its caller, so that a request that cannot be encoded affects no
    other request of the batch.

    `columns` are elements of the array parameters of `ledger.append`. `future` is set by the queue
    that owns the request.
    """

    command: AppendRequest
    events: int
    keys: set[bytes]  # stream ids and command id; a batch holds each at most once
    columns: tuple[bytes, ...]
    size: int  # bytes
    # if the command is signed: five columns of one element
    signature: tuple[bytes, ...] | None = None
    held_numbers: tuple[bytes, ...] | None = (
        None  # if the numbers of the operator may change: four columns
    )
    future: ThreadOutcome | asyncio.Future[Outcome] | None = None


def encode_request(command: AppendRequest, events: Sequence[StoredEvent]) -> EncodedRequest:
    """Encodes a request as array elements: four columns of one element, and seven columns with one
    element for each event.

    Raises StreamMoved if the versions are not consecutive, ValueError for text that the ledger
    cannot store, DataError for a version out of range.
    """
    if len(command.digest) != 32:
        raise ValueError(f"The digest of command {command.id} is not a SHA-256.")
    id = command.id.bytes
    if len(events) == 1:
        keys, of_events = _encode_one_event(id, command, events[0])
    else:
        keys, of_events = _encode_events(id, command, events)
    columns = (
        UUID_LENGTH + id,
        DIGEST_LENGTH + command.digest,
        _encode_text(command.actor),
        _integer(4, len(events)),
        *of_events,
    )
    size = sum(map(len, columns))
    if command.signed is None and command.held_numbers is None:
        return EncodedRequest(command, len(events), keys, columns, size)
    signature = _signature(id, command.signed) if command.signed else None
    held_numbers = _held_numbers(id, command.held_numbers) if command.held_numbers else None
    size += sum(map(len, (signature or ()) + (held_numbers or ())))
    return EncodedRequest(command, len(events), keys, columns, size, signature, held_numbers)


def _encode_one_event(
    id: bytes, command: AppendRequest, event: StoredEvent
) -> tuple[set[bytes], tuple[bytes, ...]]:
    """Returns the keys and the seven event columns of a request with one event. Nearly every
    command has one event, and this takes a third of the time of the general case."""
    stream = _bytes_of(event.originator_id)
    metadata = command.metadata
    event_metadata = metadata[0] if len(metadata) == 1 else _metadata_per_event(metadata, 1)[0]
    return {id, stream}, (
        UUID_LENGTH + stream,
        _version(command, event),
        _encode_text(event.topic),
        _state(event.state),
        _instant(event_metadata.known_at),
        _encode_text(event_metadata.decided_by),
        _encode_text(event_metadata.legal_ground),
    )


def _encode_events(
    id: bytes, command: AppendRequest, events: Sequence[StoredEvent]
) -> tuple[set[bytes], tuple[bytes, ...]]:
    ids = _streams(events)
    event_metadata = _metadata_per_event(command.metadata, len(events))
    versions = [_version(command, event) for event in events]
    return {id, *_check_versions(events, ids)}, (
        b"".join([UUID_LENGTH + stream for stream in ids]),
        b"".join(versions),
        b"".join([_encode_text(event.topic) for event in events]),
        b"".join([_state(event.state) for event in events]),
        b"".join([_instant(metadata.known_at) for metadata in event_metadata]),
        b"".join([_encode_text(metadata.decided_by) for metadata in event_metadata]),
        b"".join([_encode_text(metadata.legal_ground) for metadata in event_metadata]),
    )


def _version(command: AppendRequest, event: StoredEvent) -> bytes:
    try:
        return _bigint(8, event.originator_version)
    except error:
        raise DataError(f"A version of command {command.id} is out of range.") from None


def _signature(id: bytes, signed: CommandSignature) -> tuple[bytes, ...]:
    return (
        UUID_LENGTH + id,
        _encode_text(signed.administration),
        _encode_text(signed.key),
        _state(signed.text.encode()),
        _length(len(signed.signature)) + signed.signature,
    )


def _held_numbers(id: bytes, held_numbers: HeldNumbersRecord) -> tuple[bytes, ...]:
    written = (
        held_numbers.holder.encode(),
        held_numbers.home.encode(),
        held_numbers.numbers.encode(),
    )
    return UUID_LENGTH + id, *(_length(len(text)) + text for text in written)


@lru_cache(maxsize=8192)  # topics, authorities, legal grounds and actors repeat often
def _encode_text(text: str | None) -> bytes:
    if text is None:
        return NULL
    if "\0" in text:
        raise ValueError(f"{text!r} has a NUL character, which no text can keep.")
    written = text.encode()
    return _length(len(written)) + written


def _state(text: bytes) -> bytes:
    if not text.isascii():
        str(text, "utf-8")
    if b"\0" in text:
        raise ValueError("A state has a NUL character, which no text can keep.")
    return _length(len(text)) + text


def _instant(known_at: datetime | None) -> bytes:
    if known_at is None:
        return NULL
    if known_at.tzinfo is None:
        raise ValueError(f"known_at {known_at} has no time zone.")
    since = known_at - EPOCH  # dividing by a timedelta takes six times as long
    return _bigint(8, (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds)


def _streams(events: Sequence[StoredEvent]) -> list[bytes]:
    ids = [event.originator_id for event in events]
    if all([id is ids[0] for id in ids]):  # true for the events of one aggregate
        return [_bytes_of(id) for id in ids[:1]] * len(ids)
    return [_bytes_of(id) for id in ids]


def _bytes_of(stream: UUID | str) -> bytes:
    return (stream if isinstance(stream, UUID) else UUID(stream)).bytes


def _metadata_per_event(metadata: Sequence[Metadata], events: int) -> Sequence[Metadata]:
    if len(metadata) == events:
        return metadata
    if len(metadata) > 1:
        raise ValueError(f"{len(metadata)} metadata were given for {events} events.")
    return [metadata[0] if metadata else NO_METADATA] * events


def _check_versions(events: Sequence[StoredEvent], ids: Sequence[bytes]) -> dict[bytes, int]:
    """Checks that the versions of each stream are consecutive, and returns the streams with their
    last versions. Raises StreamMoved."""
    versions: dict[bytes, int] = {}
    for event, id in zip(events, ids, strict=True):
        version = event.originator_version
        if versions.setdefault(id, version - 1) != version - 1:
            raise StreamMoved(
                f"Version {version} of stream {event.originator_id} does not follow version "
                f"{versions[id]}, recorded with it."
            )
        versions[id] = version
    return versions
