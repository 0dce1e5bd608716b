"""A question that meets a dead connection is asked once more; a command never is."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import psycopg
import pytest

from api.graphql import retry
from tests.api.client import ACME, AUDITOR, CHINA, Client

PLANNED = "query ($tin: TIN!) { operator(tin: $tin) { tin name } }"
STOCK = """query ($tin: TIN!) {
  operator(tin: $tin) { name } events(first: 1) { edges { node { type } } }
}"""


def end_all_connections(counter: Client) -> None:
    """As a restart of the database does: every connection of the pools is dead, and none knows."""
    with psycopg.connect(counter.database, autocommit=True) as connection:
        connection.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity"
            " where datname = current_database() and pid <> pg_backend_pid()"
        )


@pytest.mark.parametrize("document", [PLANNED, STOCK], ids=["planned", "executed"])
def test_a_question_is_answered_after_the_database_closed_every_connection(
    counter: Client, document: str
) -> None:
    before = counter.ask(document, AUDITOR, tin=ACME)
    end_all_connections(counter)

    response = counter.post(document, AUDITOR, tin=ACME)

    assert (response.status_code, response.json()) == (200, {"data": before})


def test_what_was_recorded_is_shown_though_the_reader_s_connection_was_dead(
    counter: Client,
) -> None:
    end_all_connections(counter)

    outcome = counter.tell("giveConsent", CHINA, tin=ACME, partner="AU")

    assert [event["type"] for event in outcome["events"]] == ["operator.consent_given"]


def test_a_command_is_given_once(counter: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """The successor is of another customs: whether it may be seen is read before anything is
    recorded, and that reading fails."""
    given: list[Any] = []
    monkeypatch.setattr("api.graphql.types.mutations.operators", fails_of_a_dead_connection(given))
    document = """mutation ($input: MergeIntoInput!) {
      mergeInto(input: $input) { __typename }
    }"""
    merge = {"tin": ACME, "successor": "KR1234567", "commandId": str(uuid4())}
    before = counter.last_position()

    response = counter.post(document, CHINA, input=merge)

    assert response.status_code == 503
    assert len(given) == 1
    assert counter.last_position() == before


def fails_of_a_dead_connection(given: list[Any]) -> Any:
    async def operators(*said: Any) -> None:
        given.append(said)
        raise psycopg.errors.AdminShutdown("terminating connection")

    return operators


@pytest.mark.parametrize(
    ("error", "dead"),
    [
        (psycopg.OperationalError("server closed the connection unexpectedly"), True),
        (psycopg.errors.AdminShutdown("x"), True),
        (psycopg.errors.CannotConnectNow("x"), True),
        (psycopg.errors.ConnectionFailure("x"), True),
        (psycopg.errors.QueryCanceled("too long"), False),
        (psycopg.errors.TooManyConnections("x"), False),
        (psycopg.errors.UndefinedTable("x"), False),
        (TimeoutError(), False),
        (None, False),
    ],
)
def test_only_a_dead_connection_is_a_reason_to_ask_again(
    error: BaseException | None, dead: bool
) -> None:
    assert retry.was_dead(error) is dead
