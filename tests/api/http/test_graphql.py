"""HTTP as the GraphQL-over-HTTP specification has it, and what whoever runs the service asks."""

from __future__ import annotations

import json
from pathlib import Path

import psycopg
import pytest

from api.graphql.limits import BATCH_BODY
from tests.api.client import ACME, AUDITOR, CHINA, Client

QUESTION = {"query": "{ viewer { role } }"}
WRONG = {"query": "{ nonsense }"}
NEW, OLD = "application/graphql-response+json", "application/json"


@pytest.mark.parametrize(
    ("accept", "answered"),
    [
        (None, NEW),
        ("*/*", NEW),
        (NEW, NEW),
        (OLD, OLD),
        (f"{OLD};q=0.5, {NEW}", NEW),
        (f"{OLD}, {NEW};q=0.5", OLD),
        ("application/json; charset=utf-8, text/html;q=0.1", OLD),
    ],
)
def test_the_answer_comes_in_the_media_type_asked_for(
    counter: Client, accept: str | None, answered: str
) -> None:
    headers = {"Accept": accept} if accept else {"Accept": "*/*"}

    response = counter.request("POST", "/graphql", json=QUESTION, headers=headers)

    assert response.status_code == 200
    assert response.json() == {"data": {"viewer": {"role": "public"}}}
    assert response.headers["content-type"] == f"{answered}; charset=utf-8"
    assert response.headers["cache-control"] == "no-store"


def test_a_wrong_document_has_a_status_in_the_new_media_type_alone(counter: Client) -> None:
    for media, status in ((NEW, 400), (OLD, 200)):
        response = counter.request("POST", "/graphql", json=WRONG, headers={"Accept": media})
        assert response.status_code == status
        assert "data" not in response.json()


def test_what_nobody_can_write_is_not_acceptable(counter: Client) -> None:
    response = counter.request("POST", "/graphql", json=QUESTION, headers={"Accept": "text/csv"})

    assert response.status_code == 406


@pytest.mark.parametrize(
    "media", ["text/plain", "application/x-www-form-urlencoded", "application/json; charset=latin1"]
)
def test_a_question_is_json(counter: Client, media: str) -> None:
    content = json.dumps(QUESTION)

    response = counter.request("POST", "/graphql", content=content, headers={"Content-Type": media})

    assert response.status_code == 415
    assert response.headers["accept"] == "application/json"


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH"])
def test_a_question_is_sent_by_get_or_post(counter: Client, method: str) -> None:
    response = counter.request(method, "/graphql", params=QUESTION)

    assert (response.status_code, response.headers["allow"]) == (405, "GET, HEAD, POST")


def test_a_get_without_a_document_is_no_question(counter: Client) -> None:
    response = counter.request("GET", "/graphql", headers={"accept": "application/json"})

    assert (response.status_code, response.headers["allow"]) == (405, "GET, HEAD, POST")


def test_a_look_up_of_many_keys_may_be_longer(counter: Client) -> None:
    many = "query ($tins: [TIN!]!) { operatorsByTin(tins: $tins) { tin } }"
    tins = [f"CN{n:015}" for n in range(1000)]

    response = counter.post(many, CHINA, tins=tins)

    assert len(json.dumps(tins)) > 16 * 1024
    assert response.json()["data"]["operatorsByTin"] == [None] * 1000
    assert counter.post(many + " " * BATCH_BODY, CHINA, tins=tins).status_code == 413
    assert counter.post(many, CHINA, tins=tins + tins[:1]).json()["errors"]


def test_the_process_says_that_it_lives(counter: Client) -> None:
    assert counter.request("GET", "/healthz").status_code == 200


def test_the_service_says_how_far_its_read_models_are(counter: Client) -> None:
    body = counter.request("GET", "/readyz").json()

    assert body["ready"] is True
    assert body["recorded"] == counter.last_position()
    assert body["lag"] == body["recorded"] - body["position"]


def test_a_read_model_that_stands_still_is_not_ready(counter: Client) -> None:
    change = "update views.tracking set stopped_at = %s, why = %s where projection = 'operators'"
    with psycopg.connect(counter.database, autocommit=True) as connection:
        connection.execute(change, [7, "it cannot be read"])
        response = counter.request("GET", "/readyz")
        connection.execute(change, [None, None])

    assert response.status_code == 503
    assert response.json()["stopped"] == ["operators at 7: it cannot be read"]
    assert counter.request("GET", "/readyz").status_code == 200


def test_metrics_are_in_the_words_of_prometheus(counter: Client) -> None:
    counter.ask("{ viewer { role } }")

    text = counter.request("GET", "/metrics").text

    assert 'aeo_answers_total{kind="query",status="200"}' in text
    assert f"aeo_recorded_position {float(counter.last_position())}" in text


def test_a_fault_is_a_number_and_its_story_is_in_the_log(
    small_register: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with Client(small_register, tmp_path) as counter:
        with psycopg.connect(small_register, autocommit=True) as connection:
            connection.execute("drop function ledger.position_before")
        response = counter.post("{ events { edges { cursor } } }", AUDITOR)

    [error] = response.json()["errors"]
    number = error["message"].rsplit(" ", 1)[1].rstrip(".")
    assert (response.status_code, error["extensions"]["code"]) == (200, "INTERNAL")
    assert "position_before" not in response.text
    [logged] = [line for line in capsys.readouterr().err.splitlines() if "fault" in line]
    assert json.loads(logged)["request"] == number
    assert "UndefinedFunction" in json.loads(logged)["exception"]


def test_a_question_that_takes_too_long_is_told_so(database: str, tmp_path: Path) -> None:
    with (
        Client(database, tmp_path, deadline=0.3) as counter,
        psycopg.connect(database) as connection,
    ):
        connection.execute("lock table ledger.event in access exclusive mode")
        response = counter.post("{ events { edges { cursor } } }", AUDITOR)

    [error] = response.json()["errors"]
    assert (response.status_code, error["extensions"]["code"]) == (503, "DEADLINE")
    assert response.headers["retry-after"] == "1"


def test_a_service_that_is_stopping_asks_for_the_command_again(
    small_register: str, tmp_path: Path
) -> None:
    with Client(small_register, tmp_path) as counter:
        counter.service.registry.ledger.close()
        document = """mutation ($input: ConsentInput!) {
          giveConsent(input: $input) { __typename }
        }"""
        said = {"commandId": "7c9e6679-7425-40de-944b-e07fc1f90ae7", "tin": ACME, "partner": "KR"}
        response = counter.post(document, CHINA, input=said)

    [error] = response.json()["errors"]
    assert (response.status_code, error["extensions"]["code"]) == (503, "UNAVAILABLE")
    assert response.headers["retry-after"] == "1"


def test_the_service_can_read_and_nothing_more(counter: Client) -> None:
    async def write(pool: object, statement: str) -> None:
        async with pool.connection() as connection:  # type: ignore[attr-defined]
            await connection.execute("set default_transaction_read_only = off")
            await connection.execute(statement)

    for pool in (counter.service.views, counter.service.ledger):
        for table in ("views.operator", "ledger.event"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                counter._runner.run(write(pool, f"delete from {table}"))


@pytest.mark.parametrize("name", ["query", "variables", "operationName", "extensions"])
def test_a_get_says_each_thing_once(counter: Client, name: str) -> None:
    said = {"query": "{ __typename }", "variables": "{}", "operationName": "", "extensions": "{}"}
    params = [*said.items(), (name, said[name])]

    response = counter.request("GET", "/graphql", params=params)

    assert response.status_code == 400
    [error] = response.json()["errors"]
    assert error["extensions"]["code"] == "BAD_REQUEST"
    assert f"found {name} more than once" in error["message"]
