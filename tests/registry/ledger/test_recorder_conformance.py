"""The library's own cases for recorders and factories, run on ours.

Left out is `AggregateRecorderTestCase` on the ledger: it wants `insert_events` to answer None
where the application cases want positions, and the library's own recorder fails it too.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from eventsourcing.persistence import StoredEvent
from eventsourcing.postgres import (
    PostgresAggregateRecorder,
    PostgresProcessRecorder,
    PostgresTrackingRecorder,
)

# As a module: pytest would collect the abstract cases if they were names here.
from eventsourcing.tests import persistence as library
from eventsourcing.utils import Environment

from registry.ledger.database import environment
from registry.ledger.factory import LedgerFactory
from registry.ledger.recorder import LedgerRecorder


@pytest.fixture
def factory(database: str) -> Iterator[LedgerFactory]:
    """A factory with a ledger of its own beside the migrated one, made under other names."""
    elsewhere = {"POSTGRES_SCHEMA": "public", "LEDGER_TABLE": "stored_events", "LEDGER_ROLE": ""}
    factory = LedgerFactory(environment(database) | elsewhere | {"CREATE_TABLE": "yes"})
    yield factory
    factory.close()


@pytest.fixture
def with_factory(request: pytest.FixtureRequest, factory: LedgerFactory) -> None:
    request.cls.factory = factory


@pytest.mark.usefixtures("with_factory")
class TestApplicationRecorder(library.ApplicationRecorderTestCase[LedgerRecorder]):
    factory: LedgerFactory

    def create_recorder(self) -> LedgerRecorder:
        return self.factory.application_recorder()

    def test_insert_subscribe(self) -> None:
        self.optional_test_insert_subscribe()


@pytest.mark.usefixtures("with_factory")
class TestNonInterleavingPositions(library.NonInterleavingNotificationIDsBaseCase):
    factory: LedgerFactory

    def create_recorder(self) -> LedgerRecorder:
        return self.factory.application_recorder()


@pytest.mark.usefixtures("with_factory")
class TestSnapshotRecorder(library.AggregateRecorderTestCase):
    factory: LedgerFactory

    def create_recorder(self) -> Any:
        return self.factory.aggregate_recorder("snapshots")


@pytest.mark.usefixtures("with_factory")
class TestTrackingRecorder(library.TrackingRecorderTestCase):
    factory: LedgerFactory

    def create_recorder(self) -> PostgresTrackingRecorder:
        return self.factory.tracking_recorder()


class _TrackingRecorderOfOurs(PostgresTrackingRecorder):
    pass


class TestFactory(library.InfrastructureFactoryTestCase[LedgerFactory]):
    @pytest.fixture(autouse=True)
    def given_a_database(self, database: str) -> None:
        elsewhere = {"POSTGRES_SCHEMA": "public", "LEDGER_ROLE": "", "CREATE_TABLE": "yes"}
        self.env = Environment(env=environment(database) | elsewhere)

    def expected_factory_class(self) -> type[LedgerFactory]:
        return LedgerFactory

    def expected_application_recorder_class(self) -> type[LedgerRecorder]:
        return LedgerRecorder

    def expected_aggregate_recorder_class(self) -> type[PostgresAggregateRecorder]:
        return PostgresAggregateRecorder

    def expected_tracking_recorder_class(self) -> type[PostgresTrackingRecorder]:
        return PostgresTrackingRecorder

    def tracking_recorder_subclass(self) -> type[PostgresTrackingRecorder]:
        return _TrackingRecorderOfOurs

    def expected_process_recorder_class(self) -> type[PostgresProcessRecorder]:
        return PostgresProcessRecorder


def test_two_ledgers_in_one_database_do_not_meet(database: str, factory: LedgerFactory) -> None:
    elsewhere = factory.application_recorder()
    ledger = LedgerFactory(environment(database)).application_recorder()

    elsewhere.insert_events([StoredEvent(uuid4(), 1, "operator.registered", b"{}")])

    assert ledger.max_notification_id() is None
    assert elsewhere.max_notification_id() == 1
