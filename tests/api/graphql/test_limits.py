"""A question that was made to be expensive costs next to nothing: nothing is executed for it."""

from __future__ import annotations

from typing import Any

import pytest
from graphql import get_introspection_query

from api.graphql import executor as counters
from api.graphql.limits import (
    BODY,
    CACHED,
    CACHED_TEXT,
    COST,
    REFUSED,
    CheckedDocument,
    Documents,
    read,
)
from api.graphql.schema import core
from ops.bench.attacks import DOCUMENTS, KEYS, PRODUCTS
from ops.bench.questions import KINDS
from tests.api.client import AUDITOR, Client
from tests.api.region import region

__all__ = ["region"]

ROLE = "{ viewer { role } }"


@pytest.fixture
def work(
    region: Client, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> list[str]:
    """What was executed, by either way of answering."""
    done: list[str] = []

    async def stock(*_: Any, **__: Any) -> Any:
        done.append("executed")

    async def planned(*_: Any, **__: Any) -> Any:
        done.append("planned")

    monkeypatch.setattr(counters.schema, "execute", stock)
    monkeypatch.setattr(region.service.executor._planner, "answer", planned)
    capsys.readouterr()
    return done


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_document_without_measure_is_refused_unexecuted(
    region: Client, work: list[str], capsys: pytest.CaptureFixture[str], name: str
) -> None:
    assert len(DOCUMENTS[name]) <= BODY + 1_200  # a body of another size is not read at all

    response = region.post(DOCUMENTS[name], AUDITOR)

    assert response.status_code in (400, 413)
    assert 1 <= len(response.json()["errors"]) <= 10
    assert "data" not in response.json()
    assert work == []
    assert written(capsys, response.headers["x-request-id"]) <= 10


def written(capsys: pytest.CaptureFixture[str], request: str) -> int:
    """The lines of the log that are not another request's: those are written a while later."""
    lines = capsys.readouterr().err.splitlines()
    return sum('"event":"request"' not in line or request in line for line in lines)


@pytest.mark.parametrize("name", PRODUCTS)
def test_what_multiplies_is_refused_before_either_way_of_answering(
    region: Client, work: list[str], capsys: pytest.CaptureFixture[str], name: str
) -> None:
    text, variables = PRODUCTS[name]

    response = region.post(text, AUDITOR, **variables)

    [error] = response.json()["errors"]
    assert (response.status_code, error["extensions"]["code"]) == (400, "TOO_LARGE")
    assert error["message"].startswith("cost: this asks for about ")
    assert work == []
    assert written(capsys, response.headers["x-request-id"]) <= 10


def test_the_same_on_a_page_of_the_house(region: Client, work: list[str]) -> None:
    text, variables = PRODUCTS["a page of histories of many keys"]
    service = region.service
    subject = region._runner.run(service.subjects.by_header(None))

    answer = region._runner.run(service.executor.answer(service.context(subject), text, variables))

    assert (answer.status, answer.read, work) == (400, False, [])


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_what_border_customs_ask_is_allowed(kind: Any) -> None:
    variables = {"tins": KEYS, "tin": KEYS[0], "in": "KR"}

    assert _cost(kind.ours, **variables) <= COST


def test_a_thousand_operators_with_all_that_is_said_of_them_are_allowed() -> None:
    rich = next(kind.ours for kind in KINDS if kind.name == "rich")
    many = rich.replace("$tin: TIN!", "$tins: [TIN!]!")
    many = many.replace("operator(tin: $tin)", "operatorsByTin(tins: $tins)")

    assert _cost(many, tins=KEYS) <= COST


def test_a_page_counts_as_many_as_it_asks_for() -> None:
    def page(said: str, declared: str = "", **variables: Any) -> int:
        return _cost(
            f"query Q {declared} {{ operators{said} {{ edges {{ cursor }} }} }}", **variables
        )

    ten, fifty, hundred = page("(first: 10)"), page("(first: 50)"), page("(first: 100)")
    assert fifty - ten == 40 * (hundred - fifty) // 50
    assert page("") == page("(first: null)") == fifty
    assert page("(first: $n)", "($n: Int)", n=100) == hundred
    assert page("(first: $n)", "($n: Int)", n=None) == fifty
    assert page("(first: $n)", "($n: Int)") == fifty
    assert page("(first: $n)", "($n: Int = 10)") == ten
    # What cannot be is refused by the field, in its own words; here it only must not be free.
    assert page("(first: 1000000)") == page("(first: $n)", "($n: Int)", n=10**9) == hundred
    assert page("(first: -5)") == page("(first: $n)", "($n: Int)", n="ten") == page("(first: 1)")


def test_keys_count_each() -> None:
    text = "query ($tins: [TIN!]!) { operatorsByTin(tins: $tins) { tin } }"

    one, two = _cost(text, tins=KEYS[:1]), _cost(text, tins=KEYS[:2])

    assert two == 2 * one
    assert _cost(f'{{ operatorsByTin(tins: ["{KEYS[0]}", "{KEYS[1]}"]) {{ tin }} }}') == two
    assert _cost(text, tins=KEYS[0]) == one  # GraphQL takes one for a list of one


def test_a_fragment_costs_what_its_fields_cost() -> None:
    plain = _cost("{ operators { edges { node { tin name } } } }")

    assert plain == _cost(
        "{ operators { ...Page } } fragment Page on OperatorConnection"
        " { edges { ... on OperatorEdge { node { ... { tin } name } } } }"
    )


def test_every_operation_of_a_document_has_its_own_cost(region: Client) -> None:
    text = (
        "query Small { viewer { role } } query Large { agreements(first: 100)"
        " { edges { node { parties { operatorCount } } } } }"
    )

    def ask(name: str) -> int:
        body = {"query": text, "operationName": name}
        return region.request("POST", "/graphql", json=body).status_code

    assert (ask("Small"), ask("Large")) == (200, 400)


def test_the_tools_question_for_the_schema_is_answered_once(region: Client) -> None:
    whole = get_introspection_query(
        specified_by_url=True, directive_is_repeatable=True, input_value_deprecation=True
    )

    assert region.post(whole).status_code == 200


# ---------------------------------------------------------------- documents


def test_good_documents_and_refused_ones_are_kept_apart_and_both_are_few() -> None:
    documents = Documents(core)
    assert not documents.get(ROLE).errors

    for number in range(REFUSED + 10):
        assert documents.get(f"{{ viewer {{ a{number} }} }}").errors
    assert documents.known(ROLE)
    assert not documents.known("{ viewer { a0 } }")
    assert documents.known(f"{{ viewer {{ a{REFUSED + 9} }} }}")

    for number in range(CACHED):
        documents.get(f"{{ a{number}: viewer {{ role }} }}")
    assert not documents.known(ROLE)
    assert documents.known(f"{{ viewer {{ a{REFUSED + 9} }} }}")


def test_long_documents_push_each_other_out() -> None:
    documents = Documents(core)
    many = CACHED_TEXT // 60_000 + 1
    for number in range(many):
        documents.get(f"#{'x' * 60_000}{number}\n{ROLE}")

    kept = [documents.known(f"#{'x' * 60_000}{number}\n{ROLE}") for number in range(many)]
    assert kept == [False] + [True] * (many - 1)


def _cost(text: str, **variables: Any) -> int:
    document: CheckedDocument = read(core, text)
    assert not document.errors, document.errors
    [cost] = document.costs.values()
    return cost.of(variables)
