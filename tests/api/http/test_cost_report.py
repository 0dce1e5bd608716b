"""What a question cost is told to whoever asks for it, however it is answered, and to no other."""

from __future__ import annotations

from typing import Any

import pytest

from api.graphql.limits import COST, read
from api.graphql.schema import core
from api.http.rate_limit import AT_ONCE, RateLimiter
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


def test_new_documents_that_are_left_are_told(database: str, tmp_path: Any) -> None:
    with Client(database, tmp_path, new_documents=2) as counter:
        left = []
        for number in (1, 2, 2):
            response = counter.post(f"{{ a{number}: viewer {{ role }} }}", headers=TOLD)
            left.append(response.json()["extensions"]["cost"]["newDocuments"])

    assert [item["remaining"] for item in left[:2]] == [9, 8]
    assert left[2]["remaining"] >= 8  # it was known, and took none
    assert left[0]["maximum"] == 2 * AT_ONCE
    assert left[0]["restoredPerSecond"] == 2


def test_to_look_at_an_allowance_takes_nothing() -> None:
    allowance = RateLimiter(1)

    assert [allowance.left("a", now=0) for _ in range(3)] == [AT_ONCE] * 3
    assert allowance.take("a", now=0) == 0
    assert [allowance.left("a", now=0) for _ in range(3)] == [AT_ONCE - 1] * 3
    assert allowance.left("a", now=0.5) == AT_ONCE - 1
    assert allowance.left("a", now=1) == AT_ONCE
    assert allowance.left("a", now=100) == AT_ONCE
