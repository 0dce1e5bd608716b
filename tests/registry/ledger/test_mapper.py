"""Events come back from their text as they went in, and nothing else comes back."""

from __future__ import annotations

import json
from dataclasses import KW_ONLY, dataclass
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID, uuid4

import msgspec
import pytest
from eventsourcing.domain import AggregateCreated, AggregateEvent, BaseAggregate
from eventsourcing.persistence import MapperDeserialisationError, StoredEvent

from registry.domain.values import AdministrationCode, HsCode, Role, Tin
from registry.ledger.mapper import EventMapper, NotStorable, UnknownTopic
from registry.ledger.types import RecordedEvent

KOREA = AdministrationCode("KR")
CARRIER = Tin("KR1234567")
LODGED_ON = date(2026, 3, 1)
RECORDED_AT = datetime(2026, 3, 2, 15, tzinfo=UTC)


@dataclass(frozen=True)
class Due:
    what: str
    day: date
    owner: AdministrationCode


class Route(msgspec.Struct, frozen=True):
    crossing: str
    goods: tuple[HsCode, ...] = ()


class Licence(BaseAggregate[UUID]):
    """A made-up aggregate with every kind of field that the register's own events have."""

    TOPIC = "licence"

    class Event(AggregateEvent):
        _: KW_ONLY
        effective: date
        decided_by: AdministrationCode | None = None

    class Lodged(Event, AggregateCreated):
        TOPIC = "licence.lodged"
        holder: Tin
        roles: tuple[Role, ...] = ()
        due: tuple[Due, ...] = ()
        routes: tuple[Route, ...] = ()
        particulars: dict[str, str] | None = None

    class Moved(Event):
        """Its first version had a place in one text, its second no country."""

        TOPIC = "licence.moved"
        class_version = 3
        town: str
        country: AdministrationCode

        @staticmethod
        def upcast_v1_v2(state: dict[str, Any]) -> None:
            state["town"] = state.pop("place")

        @staticmethod
        def upcast_v2_v3(state: dict[str, Any]) -> None:
            state["country"] = "KR"

    class Withdrawn(Event):
        TOPIC = "licence.withdrawn"

    def __init__(self, holder: Tin, effective: date) -> None:
        self.holder = holder


class Other(BaseAggregate[UUID]):
    class Event(AggregateEvent):
        pass

    class Lodged(Event, AggregateCreated):
        TOPIC = "licence.lodged"


MAPPER = EventMapper([Licence])


def lodged(**fields: Any) -> Licence.Lodged:
    return Licence.Lodged(
        originator_id=uuid4(),
        originator_version=1,
        timestamp=RECORDED_AT,
        originator_topic="licence",
        effective=LODGED_ON,
        **{"holder": CARRIER} | fields,
    )


def recorded(stored: StoredEvent) -> RecordedEvent:
    return RecordedEvent(
        **vars(stored),
        recorded_at=RECORDED_AT,
        known_at=RECORDED_AT,
        command_id=uuid4(),
        actor="officer:1",
        decided_by=None,
        legal_ground=None,
    )


def stored(topic: str, state: str) -> StoredEvent:
    return StoredEvent(uuid4(), 2, topic, state.encode())


def test_an_event_comes_back_as_it_went_in() -> None:
    event = lodged(
        decided_by=KOREA,
        roles=(Role.CARRIER, Role.EXPORTER),
        due=(Due("decision", date(2026, 7, 1), KOREA),),
        routes=(Route("Suifenhe", goods=(HsCode("07"), HsCode("0801"))), Route("Heihe")),
        particulars={"mode": "rail"},
    )

    read = MAPPER.to_domain_event(recorded(MAPPER.to_stored_event(event)))

    assert read == event


def test_an_event_is_written_as_plain_json_in_the_order_of_its_fields() -> None:
    written = MAPPER.to_stored_event(
        lodged(roles=(Role.CARRIER,), due=(Due("decision", date(2026, 7, 1), KOREA),))
    )

    assert written.topic == "licence.lodged"
    assert written.state == (
        b'{"effective":"2026-03-01","holder":"KR1234567","roles":["CARRIER"],'
        b'"due":[{"what":"decision","day":"2026-07-01","owner":"KR"}],"routes":[]}'
    )


def test_what_is_not_known_takes_no_room_and_comes_back_as_not_known() -> None:
    written = MAPPER.to_stored_event(lodged(decided_by=None, particulars=None))

    read = MAPPER.to_domain_event(written)

    assert b"decided_by" not in written.state
    assert isinstance(read, Licence.Lodged)
    assert (read.decided_by, read.particulars) == (None, None)


def test_an_aggregate_is_rebuilt_from_what_was_read() -> None:
    read = MAPPER.to_domain_event(recorded(MAPPER.to_stored_event(lodged())))

    assert isinstance(read, Licence.Lodged)
    licence = read.mutate(None)

    assert isinstance(licence, Licence)
    assert licence.holder == CARRIER
    assert licence.created_on == RECORDED_AT


def test_the_time_of_an_event_is_the_ledgers_and_not_the_process_s() -> None:
    early = lodged()
    object.__setattr__(early, "timestamp", datetime(2026, 1, 1, tzinfo=UTC))

    read = MAPPER.to_domain_event(recorded(MAPPER.to_stored_event(early)))

    assert read.timestamp == RECORDED_AT


@pytest.mark.parametrize(
    "text",
    [
        '{"effective":"2020-01-01","place":"Busan"}',
        '{"effective":"2020-01-01","class_version":2,"town":"Busan"}',
        '{"class_version":3,"effective":"2020-01-01","town":"Busan","country":"KR"}',
    ],
)
def test_an_older_text_is_read_as_the_event_of_today(text: str) -> None:
    read = MAPPER.to_domain_event(stored("licence.moved", text))

    assert isinstance(read, Licence.Moved)
    assert (read.effective, read.town, read.country) == (date(2020, 1, 1), "Busan", KOREA)
    assert "class_version" not in vars(read)


def test_a_version_is_written_from_the_second_on() -> None:
    event = Licence.Moved(uuid4(), 2, RECORDED_AT, "Busan", KOREA, effective=LODGED_ON)

    written = MAPPER.to_stored_event(event)

    assert json.loads(written.state)["class_version"] == 3
    assert MAPPER.to_domain_event(recorded(written)) == event


@pytest.mark.parametrize(
    ("topic", "text", "why"),
    [
        ("licence.withdrawn", '{"effective":"2026-03-01","why":"?"}', "unknown field `why`"),
        ("licence.withdrawn", "{}", "missing required field `effective`"),
        ("licence.withdrawn", '{"effective":"20260301"}', "Invalid RFC3339"),
        ("licence.withdrawn", '{"effective":"2026-03-01"', "truncated"),
        ("licence.withdrawn", '{"effective":"2026-03-01","class_version":2}', "class_version"),
        ("licence.lodged", '{"effective":"2026-03-01","holder":"k"}', "is not a TIN"),
        ("licence.moved", '{"effective":"2026-03-01","class_version":4}', "knows 3"),
        ("licence.moved", '{"effective":"2026-03-01"}', "place"),
        ("licence.moved", "[]", "got `array`"),
    ],
)
def test_a_text_that_is_not_the_event_is_refused_with_its_place(
    topic: str, text: str, why: str
) -> None:
    with pytest.raises(MapperDeserialisationError, match=why) as refused:
        MAPPER.to_domain_event(stored(topic, text))

    assert "Version 2 of stream" in str(refused.value)


def test_a_name_that_the_register_does_not_know_is_never_looked_for() -> None:
    with pytest.raises(UnknownTopic, match="'antigravity:fly' is not among the known events"):
        MAPPER.to_domain_event(stored("antigravity:fly", "{}"))


def test_an_event_of_another_aggregate_is_not_written() -> None:
    event = Other.Lodged(uuid4(), 1, RECORDED_AT, "other")

    with pytest.raises(UnknownTopic, match=r"Other\.Lodged is not among the known events"):
        MAPPER.to_stored_event(event)


@pytest.mark.parametrize(
    ("field", "value", "why"),
    [
        ("holder", "KR", "is not a TIN"),
        ("effective", "some day", "effective"),
        ("roles", ("PIRATE",), "PIRATE"),
        ("holder", None, "missing required field `holder`"),
        ("particulars", {"name": "a\0b"}, "NUL"),
    ],
)
def test_what_could_not_be_read_back_is_not_written(field: str, value: Any, why: str) -> None:
    event = lodged()
    object.__setattr__(event, field, value)

    with pytest.raises(NotStorable, match=why):
        MAPPER.to_stored_event(event)


def test_two_events_of_one_name_are_refused_at_the_start() -> None:
    with pytest.raises(ValueError, match=r"Two events are called licence\.lodged"):
        EventMapper([Licence, Other])
