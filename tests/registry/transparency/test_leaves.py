"""A leaf commits to every column of an event, and shows none of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any
from uuid import UUID

import pytest

from registry.transparency.leaves import Row, entry, event_bytes

ROW = Row(
    position=7,
    originator_id=UUID("8d0a1b3e-51bb-5e4f-9f14-0d3a6c6a3f10"),
    originator_version=2,
    topic="operator.Suspended",
    state='{"effective":"2026-03-01"}',
    recorded_at=datetime(2026, 3, 10, 9, 30, 0, 123456, tzinfo=UTC),
    known_at=datetime(2026, 3, 10, 9, 30, 0, 123456, tzinfo=UTC),
    command_id=UUID(int=5),
    actor="officer-17",
    decided_by="CN",
    legal_ground=None,
)


@dataclass
class Change:
    column: str
    to: Any


@pytest.mark.parametrize(
    "change",
    [
        Change("position", 8),
        Change("originator_version", 3),
        Change("originator_id", UUID(int=1)),
        Change("topic", "operator.Revoked"),
        Change("state", '{"effective":"2026-03-02"}'),
        Change("recorded_at", ROW.recorded_at - timedelta(microseconds=1)),
        Change("known_at", ROW.known_at - timedelta(days=9)),
        Change("command_id", UUID(int=6)),
        Change("actor", "officer-18"),
        Change("decided_by", None),
        Change("decided_by", ""),
        Change("legal_ground", ""),
        Change("legal_ground", "Order 282"),
    ],
    ids=lambda value: f"{value.column}={value.to}",
)
def test_no_column_changes_unseen(change: Change) -> None:
    assert event_bytes(ROW._replace(**{change.column: change.to})) != event_bytes(ROW)


def test_text_does_not_slip_from_one_column_into_the_next() -> None:
    assert event_bytes(ROW._replace(topic="a", actor="bc")) != event_bytes(
        ROW._replace(topic="ab", actor="c")
    )


def test_a_leaf_is_forty_four_bytes_whatever_the_event_says() -> None:
    salt = bytes(range(32))
    leaf = entry(salt, event_bytes(ROW))
    assert leaf == b"aeo-leaf/v1\x00" + sha256(salt + event_bytes(ROW)).digest()
    assert len(leaf) == 44
    assert entry(bytes(32), event_bytes(ROW)) != leaf


def test_a_short_salt_is_refused() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        entry(b"salt", event_bytes(ROW))


def test_the_bytes_are_these_for_ever() -> None:
    """Who wrote a verifier from the description alone gets this very digest."""
    assert sha256(event_bytes(ROW)).hexdigest() == DIGEST


DIGEST = "812f4f201ee40e19bbb36b25ebdb1c4f4229e2190a035c21fad19cf93db76b68"
