"""gql, the client of Python's users: the schema it reads, its errors, its retries."""

from __future__ import annotations

import os
import random
import uuid
from collections.abc import Callable
from typing import Any

from gql import Client, GraphQLRequest, gql
from gql.transport.exceptions import TransportQueryError
from gql.transport.requests import RequestsHTTPTransport

URL = os.environ["REGISTRY_URL"] + "/graphql"
PARTNER, OFFICER = os.environ["REGISTRY_TOKEN"], os.environ["REGISTRY_OFFICER"]

BELIEFS = """
query Beliefs($tin: TIN!, $before: AsOf, $after: AsOf) {
  before: operator(tin: $tin, asOf: $before) { id standing }
  after: operator(tin: $tin, asOf: $after) { id standing }
}"""
REGISTER = """
mutation Register($input: RegisterOperatorInput!) {
  registerOperator(input: $input) {
    __typename
    ... on Recorded { stream version position }
    ... on Refused { code message }
  }
}"""


def client(token: str, **more: Any) -> Client:
    shown = {"Authorization": f"Bearer {token}"}
    return Client(transport=RequestsHTTPTransport(URL, headers=shown, retries=3), **more)


def beliefs_stay_apart() -> None:
    day = "2026-03-05T00:00:00Z"
    variables = {
        "tin": "CN0000000012",
        "before": {"at": day, "knownAt": "2026-03-06T00:00:00Z"},
        "after": {"at": day, "knownAt": "2026-03-11T00:00:00Z"},
    }
    # It reads the schema and validates the question against it, before anything is sent.
    reading = client(PARTNER, fetch_schema_from_transport=True)
    answer = reading.execute(GraphQLRequest(BELIEFS, variable_values=variables))
    assert answer["before"]["standing"] == "VALID", answer
    assert answer["after"]["standing"] == "SUSPENDED", answer
    assert answer["before"]["id"] != answer["after"]["id"], answer


def the_code_of_an_error_arrives() -> None:
    try:
        client(PARTNER).execute(gql('{ changes(for: "KR", after: 0) { next } }'))
    except TransportQueryError as error:
        assert error.errors is not None
        assert error.errors[0]["extensions"]["code"] == "FORBIDDEN", error.errors
    else:
        raise AssertionError("it was answered")


def a_command_is_recorded_once() -> None:
    number = random.randrange(10**9)
    said = {"commandId": str(uuid.uuid4()), "tin": f"CN8{number:09}", "name": "gql"}
    request = GraphQLRequest(REGISTER, variable_values={"input": said | {"roles": ["EXPORTER"]}})
    first = client(OFFICER).execute(request)["registerOperator"]
    again = client(OFFICER).execute(request)["registerOperator"]
    assert first["__typename"] == "Recorded" and first == again, (first, again)


def check(what: str, tried: Callable[[], None]) -> bool:
    try:
        tried()
    except Exception as error:
        print(f"failed\t{what}\t{type(error).__name__}: {' '.join(str(error).split())}")
        return False
    print(f"ok\t{what}")
    return True


if __name__ == "__main__":
    good = [
        check("two aliases with two beliefs, validated against the schema", beliefs_stay_apart),
        check("the code of an error arrives", the_code_of_an_error_arrives),
        check("the same command again has the first answer", a_command_is_recorded_once),
    ]
    raise SystemExit(0 if all(good) else 1)
