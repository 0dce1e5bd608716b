"""What a question cost is told to whoever asks for it, however it is answered, and to no other."""

from __future__ import annotations

from typing import Any

import pytest

from api.graphql.limits import COST, read
from api.graphql.schema import core
from ops.bench.attacks import PRODUCTS
from tests.api.client import AUDITOR, Client
from tests.api.region import FRUIT, region

__all__ = ["region"]

TOLD = {"Aeo-Cost": "true"}
PLANNED = f'{{ operator(tin: "{FRUIT}") {{ tin name }} }}'
#: Whatever is answered in another way, with the status of its answer.
DOCUMENTS = {
    "planned, in a known document": (PLANNED, 200),
    "planned, in a new document": (PLANNED.replace("name", "name standing"), 200),
    "executed": ("{ viewer { role } }", 200),
    "executed, with an error": ("{ operators(first: 5000) { edges { cursor } } }", 200),
}


def cost(client: Client, document: str, **variables: Any) -> tuple[int, Any]:
    response = client.post(document, AUDITOR, TOLD, **variables)
    return response.status_code, response.json()["extensions"]["cost"]


@pytest.mark.parametrize("name", DOCUMENTS)
def test_whoever_asks_for_the_cost_is_told_it(region: Client, name: str) -> None:
    document, status = DOCUMENTS[name]
    if "known" in name:
        region.ask(document, AUDITOR)
    read_here = read(core, document)

    found, told = cost(region, document)

    assert (found, told["requested"]) == (status, read_here.costs[None].of({}))
    assert told["requested"] > 0
    assert told["maximum"] == COST


def test_the_answer_is_else_the_same(region: Client) -> None:
    for document, _ in DOCUMENTS.values():
        region.post(document, AUDITOR)
        plain = region.post(document, AUDITOR).json()
        told = region.post(document, AUDITOR, TOLD).json()

        assert "extensions" not in plain
        told.pop("extensions")
        for error in (*plain.get("errors", ()), *told.get("errors", ())):
            error["extensions"].pop("requestId")
        assert told == plain


def test_what_costs_too_much_is_told_what_it_would_have_cost(region: Client) -> None:
    text, variables = PRODUCTS["the same by variables"]

    status, told = cost(region, text, **variables)

    assert status == 400
    assert told["requested"] > told["maximum"] == COST


def test_of_a_document_that_is_wrong_no_cost_is_known(region: Client) -> None:
    status, told = cost(region, "{ nobody }")

    assert (status, told["requested"]) == (400, None)


@pytest.mark.parametrize("said", ["false", "", "0", "yes"])
def test_nobody_else_is_told(region: Client, said: str) -> None:
    assert "extensions" not in region.post(PLANNED, AUDITOR, {"Aeo-Cost": said}).json()


def test_what_is_left_of_the_quota_is_told(region: Client) -> None:
    document = "{ alone: viewer { role } }"
    before, after = (cost(region, document)[1] for _ in range(2))

    used = before["quota"]["requests"]["remaining"] - after["quota"]["requests"]["remaining"]
    work = before["quota"]["work"]["remaining"] - after["quota"]["work"]["remaining"]
    # A minute may end between the two.
    assert used == 1 or used < 0
    assert work == after["requested"] or work < 0
    assert 1 <= after["quota"]["restoredAfterSeconds"] <= 60
