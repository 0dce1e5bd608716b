"""Stored names and stored texts do not change: what was written once is read for ever.

One approved text for each event and version. Where a text must change, the class gets the next
`class_version`, an upcast, and another file; the old file stays and is still read.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from eventsourcing.persistence import StoredEvent
from eventsourcing.utils import get_topic

from registry.application.registry import AGGREGATES
from registry.domain.operators.events import Operator
from registry.ledger.mapper import ENVELOPE, EventMapper
from registry.ledger.types import RecordedEvent
from tests.paths import APPROVED_EVENTS
from tests.words import in_full

#: Full texts of a version as they were before it got another field that may be left out. Such a
#: field needs no new version: a text without it says what it said, and is still written so.
EARLIER = APPROVED_EVENTS / "earlier"
MAPPER = EventMapper(AGGREGATES)
#: What the library asks to be named and nobody ever records.
NEVER_RECORDED = {
    "operator.authorisation",
    "operator.consent",
    "operator.proposal",
    "administration.proposal",
    "agreement.dated",
    "agreement.side",
}
STREAM = UUID("5f0c1c9e-0c53-4f6d-9a5f-6d1f3c1c9e0c")
RECORDED_AT = datetime(2026, 3, 10, 9, 30, tzinfo=UTC)
AGGREGATE = {aggregate.TOPIC: aggregate for aggregate in AGGREGATES}
CLASSES: dict[str, Any] = {
    vars(var)["TOPIC"]: var
    for aggregate in AGGREGATES
    for var in vars(aggregate).values()
    if isinstance(var, type) and "TOPIC" in vars(var)
}


def full(topic: str) -> Any:
    """That event with a word in each of its fields."""
    envelope = {
        "originator_id": STREAM,
        "originator_version": 1,
        "timestamp": RECORDED_AT,
        "originator_topic": get_topic(AGGREGATE[topic.split(".", maxsplit=1)[0]]),
    }
    return in_full(CLASSES[topic], **envelope)


def read(topic: str, text: str) -> Any:
    return MAPPER.to_domain_event(
        RecordedEvent(
            STREAM,
            1,
            topic,
            text.encode(),
            recorded_at=RECORDED_AT,
            known_at=RECORDED_AT,
            command_id=STREAM,
            actor="officer:1",
            decided_by=None,
            legal_ground=None,
        )
    )


def recorded() -> list[str]:
    return sorted(set(MAPPER.topics) - NEVER_RECORDED)


def approved(topic: str) -> str:
    """The text of the version that is written today."""
    version = getattr(CLASSES[topic], "class_version", 1)
    return (APPROVED_EVENTS / f"{topic}.v{version}.json").read_text(encoding="utf-8").rstrip("\n")


@pytest.mark.parametrize("topic", recorded())
def test_an_event_is_written_as_it_was_approved(topic: str) -> None:
    assert MAPPER.to_stored_event(full(topic)).state.decode() == approved(topic)


@pytest.mark.parametrize("topic", recorded())
def test_an_approved_text_is_read_as_the_event_it_was(topic: str) -> None:
    assert read(topic, approved(topic)) == full(topic)


@pytest.mark.parametrize(
    "file", sorted(APPROVED_EVENTS.rglob("*.json")), ids=lambda file: file.stem
)
def test_every_text_that_was_ever_approved_can_still_be_read(file: Path) -> None:
    topic, _, version = file.stem.partition(".without-")[0].rpartition(".v")

    event = read(topic, file.read_text(encoding="utf-8").rstrip("\n"))

    assert type(event) is CLASSES[topic]
    assert int(version) <= getattr(CLASSES[topic], "class_version", 1)


#: Those whose version is still the one that is written.
CURRENT = [
    file
    for file in sorted(EARLIER.glob("*.json"))
    if file.stem.partition(".without-")[0]
    in {f"{topic}.v{getattr(kind, 'class_version', 1)}" for topic, kind in CLASSES.items()}
]


@pytest.mark.parametrize("file", CURRENT, ids=lambda file: file.stem)
def test_a_field_that_came_later_is_left_out_where_it_says_nothing(file: Path) -> None:
    topic = file.stem.rpartition(".v")[0]
    text = file.read_text(encoding="utf-8").rstrip("\n")

    assert MAPPER.to_stored_event(read(topic, text)).state.decode() == text


def test_every_event_has_a_text_for_each_of_its_versions() -> None:
    wanted = {
        f"{topic}.v{version}.json"
        for topic in recorded()
        for version in range(1, getattr(CLASSES[topic], "class_version", 1) + 1)
    }
    assert {file.name for file in APPROVED_EVENTS.glob("*.json")} == wanted


def test_what_is_never_recorded_is_what_other_events_have_in_common() -> None:
    for topic in NEVER_RECORDED:
        assert CLASSES[topic].__subclasses__()


@pytest.mark.parametrize("topic", recorded())
def test_a_text_is_plain_json_that_any_program_can_read(topic: str) -> None:
    said = json.loads(approved(topic))

    said.pop("class_version", None)  # it goes first, from version 2 on
    assert next(iter(said)) == "effective"
    assert not ENVELOPE & set(said)


# ------------------------------------------------------------------ upcasting


def test_an_older_text_of_a_real_event_is_read_as_the_event_of_today() -> None:
    """Shown on a copy of the suspension, whose first version is what the register writes now."""

    class Later:
        class Suspended(Operator.Suspended):
            TOPIC = "operator.suspended"
            class_version = 3
            ordered_by: str | None = None

            @staticmethod
            def upcast_v2_v3(state: dict[str, Any]) -> None:
                state["ordered_by"] = "the customs office"

    later = EventMapper([Later])
    old = StoredEvent(STREAM, 6, "operator.suspended", approved("operator.suspended").encode())

    read = later.to_domain_event(old)

    assert isinstance(read, Later.Suspended)
    assert (read.reason, read.ordered_by) == ("a word", "the customs office")
    written = json.loads(later.to_stored_event(read).state)
    assert (written["class_version"], written["ordered_by"]) == (3, "the customs office")
