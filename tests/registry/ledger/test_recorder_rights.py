"""The ledger is added to by one role through one function, and changed by nobody."""

from __future__ import annotations

from uuid import uuid4

import psycopg
import pytest
from eventsourcing.persistence import StoredEvent

from registry.ledger.database import environment
from registry.ledger.factory import LedgerFactory

EVENT = StoredEvent(uuid4(), 1, "operator.registered", b"{}")

CHANGES = [
    "insert into ledger.event select * from ledger.event",
    "insert into ledger.command select * from ledger.command",
    "update ledger.event set actor = 'me'",
    "delete from ledger.event",
    "truncate ledger.event",
    "lock table ledger.event in exclusive mode",
    "select * from ledger.head",
    "update ledger.head set position = 0",
    "alter table ledger.event disable trigger all",
    "drop trigger event_is_append_only on ledger.event",
    "set session_replication_role = replica",
    "create table ledger.mine ()",
    "create or replace function ledger.append() returns void language sql as ''",
    "set role aeo_owner",
]


@pytest.fixture
def given_an_event(database: str) -> None:
    factory = LedgerFactory(environment(database))
    factory.application_recorder().insert_events([EVENT])
    factory.close()


@pytest.mark.usefixtures("given_an_event")
@pytest.mark.parametrize(
    "role", ["aeo_writer", "aeo_projector", "aeo_reader", "aeo_auditor", "aeo_erasure"]
)
def test_nobody_may_change_what_is_recorded(database: str, role: str) -> None:
    with psycopg.connect(database) as connection:
        # As a login of that role, which a superuser that took the role on is not.
        connection.execute(f"set session authorization {role}")
        connection.commit()
        for change in CHANGES:
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(change)
            connection.rollback()


@pytest.mark.usefixtures("given_an_event")
@pytest.mark.parametrize("change", ["update ledger.event set actor = ''", "truncate ledger.event"])
def test_even_the_owner_must_go_out_of_the_way_to_change_the_ledger(
    database: str, change: str
) -> None:
    with (
        psycopg.connect(database) as connection,
        pytest.raises(psycopg.Error, match=r"append-only: \w+ on ledger.event is refused"),
    ):
        connection.execute("set session_replication_role = replica")  # other triggers sleep now
        connection.execute(change)


@pytest.mark.usefixtures("given_an_event")
@pytest.mark.parametrize("role", ["aeo_writer", "aeo_projector", "aeo_auditor"])
def test_those_who_need_to_may_read_the_ledger(database: str, role: str) -> None:
    factory = LedgerFactory(environment(database, role))

    [read] = factory.application_recorder().select_notifications(1, 10)

    assert read.topic == "operator.registered"
    factory.close()


@pytest.mark.usefixtures("given_an_event")
@pytest.mark.parametrize("role", ["aeo_projector", "aeo_reader", "aeo_auditor", "aeo_erasure"])
def test_only_the_writer_appends(database: str, role: str) -> None:
    factory = LedgerFactory(environment(database, role))

    with pytest.raises(Exception, match="permission denied"):
        factory.application_recorder().insert_events([EVENT])

    factory.close()
