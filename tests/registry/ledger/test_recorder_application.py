"""An application of the library, kept in the ledger: what it hands down, and what comes back."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from hashlib import sha256
from uuid import NAMESPACE_URL, UUID, uuid4, uuid5

import pytest
from eventsourcing.application import Application
from eventsourcing.domain import AggregateCreated, AggregateEvent, BaseAggregate
from eventsourcing.persistence import IntegrityError, Mapper

from registry.domain.values import Tin
from registry.ledger.database import environment
from registry.ledger.mapper import EventMapper
from registry.ledger.recorder import LedgerRecorder
from registry.ledger.types import AppendRequest, Metadata, RecordedNotification, Repeated

IN_2019 = datetime(2019, 5, 1, tzinfo=UTC)
DAY = date(2026, 3, 1)


class Trader(BaseAggregate[UUID]):
    TOPIC = "trader"

    class Event(AggregateEvent):
        effective: date

    class Registered(Event, AggregateCreated):
        TOPIC = "trader.registered"
        tin: Tin

    class Barred(Event):
        TOPIC = "trader.barred"

        def apply(self, trader: Trader) -> None:
            trader.barred_on = self.effective

    def __init__(self, tin: Tin, effective: date) -> None:
        self.tin = tin
        self.barred_on: date | None = None

    @staticmethod
    def create_id(tin: Tin) -> UUID:
        return uuid5(NAMESPACE_URL, f"trader/{tin}")


class Traders(Application[UUID]):
    def construct_mapper(self) -> Mapper[UUID]:
        return EventMapper([Trader])


@pytest.fixture
def traders(database: str) -> Iterator[Traders]:
    application = Traders(environment(database))
    yield application
    application.close()


@pytest.fixture
def trader() -> Trader:
    return Trader(tin=Tin("KR1234567"), effective=DAY)


def request(*metadata: Metadata) -> AppendRequest:
    return AppendRequest(uuid4(), sha256(b"register").digest(), "officer:7", metadata)


def test_a_saved_aggregate_comes_back_with_the_ledgers_time(
    traders: Traders, trader: Trader
) -> None:
    command = request(Metadata(known_at=IN_2019, decided_by="KR"))
    trader.trigger_event(Trader.Barred, effective=DAY)

    recordings = traders.save(trader, command=command)

    again: Trader = traders.repository.get(trader.id)
    assert [r.notification.id for r in recordings] == command.positions == [1, 2]
    assert (again.tin, again.barred_on) == (Tin("KR1234567"), DAY)
    assert again.created_on == again.modified_on == command.recorded_at
    first, second = traders.notification_log.select(1, 10)
    assert isinstance(first, RecordedNotification)
    assert (first.topic, first.known_at, first.decided_by) == ("trader.registered", IN_2019, "KR")
    assert second.topic == "trader.barred"


def test_a_command_that_decided_nothing_is_kept(traders: Traders) -> None:
    command = request()

    recordings = traders.save(command=command)

    assert recordings == []
    assert isinstance(traders.recorder, LedgerRecorder)
    found = traders.recorder.find_command(command.id)
    assert found is not None and found.events == 0


def test_a_trader_is_registered_by_one_of_two_who_try(traders: Traders, trader: Trader) -> None:
    traders.save(trader)

    with pytest.raises(IntegrityError, match="stands at version 1, so version 1"):
        traders.save(Trader(tin=Tin("KR1234567"), effective=DAY))


def test_a_repeat_that_decides_otherwise_is_answered_with_the_first_receipt(
    traders: Traders, trader: Trader
) -> None:
    command = request()
    traders.save(trader, command=command)
    again = AppendRequest(command.id, command.digest, command.actor)
    trader.trigger_event(Trader.Barred, effective=DAY)
    trader.trigger_event(Trader.Barred, effective=DAY)

    with pytest.raises(Repeated) as answer:
        traders.save(trader, command=again)

    assert answer.value.receipt.positions == [1]
