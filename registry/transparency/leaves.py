"""A leaf of the transparency log: a salted commitment to one event, exactly as it is stored.

The log is public, but a suspension is not. A leaf reveals nothing, not even to a guess: the salt is
32 random bytes, disclosed only to those who may see the event. Once salt and event are erased, the
leaf has no meaning, and the tree remains valid.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from hashlib import sha256
from struct import Struct
from typing import NamedTuple
from uuid import UUID

LEAF = b"aeo-leaf/v1\x00"
EVENT = b"AEO-EVENT-V2\x00"
SALT = 32  # bytes

# position, stream, version, recorded_at, known_at (microseconds since 1970 UTC), command
_FIXED = Struct(">Q16sQqq16s")
_LENGTH = Struct(">I")
_NOTHING = b"\xff\xff\xff\xff"  # the length of a null text, which differs from an empty text
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class Row(NamedTuple):
    """One row of the ledger. The leaf commits to every column, because a changed instant would
    rewrite history. Instants have a time zone."""

    position: int
    originator_id: UUID
    originator_version: int
    topic: str
    state: str
    recorded_at: datetime
    known_at: datetime
    command_id: UUID
    actor: str
    decided_by: str | None
    legal_ground: str | None


#: SQL: the columns of a row of the ledger, in the order of its fields.
COLUMNS = ", ".join(Row._fields)


def event_bytes(row: Row) -> bytes:
    """Serialises a row unambiguously: numbers are big-endian, texts are UTF-8 after their length (4
    bytes)."""
    fixed = _FIXED.pack(
        row.position,
        row.originator_id.bytes,
        row.originator_version,
        (row.recorded_at - _EPOCH) // _MICROSECOND,
        (row.known_at - _EPOCH) // _MICROSECOND,
        row.command_id.bytes,
    )
    texts = (row.topic, row.actor, row.decided_by, row.legal_ground, row.state)
    return EVENT + fixed + b"".join([_text(text) for text in texts])


def entry(salt: bytes, event: bytes) -> bytes:
    """Returns the 44 bytes that the log publishes for an event. Raises ValueError if the salt has
    the wrong length."""
    if len(salt) != SALT:
        raise ValueError(f"A salt has {SALT} bytes, this one {len(salt)}.")
    return LEAF + sha256(salt + event).digest()


def _text(text: str | None) -> bytes:
    if text is None:
        return _NOTHING
    written = text.encode()
    return _LENGTH.pack(len(written)) + written
