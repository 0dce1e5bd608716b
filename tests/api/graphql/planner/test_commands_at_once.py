"""A command whose answer is its receipt is answered as the executor of selections would answer."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from graphql import OperationDefinitionNode
from strawberry.utils.str_converters import to_camel_case

from api.graphql.limits import read
from api.graphql.planner.mutations import parse_single_command, without_coercion
from api.graphql.schema import core
from projections.engine.projector import Projector
from registry.domain import commands
from tests.api.client import ACME, CHINA, Client
from tests.api.graphql.types.test_mutations import IDS, sample

SHOWN = "{ __typename ... on Recorded { at: position version stream } ...why }"
WHY = "fragment why on Refused { code ... on CommandOutcome { kind: __typename } message code }"
MUTATIONS = [to_camel_case(name) for name in commands.COMMANDS]


#: Their samples say what is refused (a notice without a termination) or move an instant into UTC.
OTHERWISE = {"receiveList", "openNegotiation", "signActionPlan", "signAgreement", "startPilot"}


def documents(mutation: str) -> tuple[str, str]:
    """The same twice: once to be answered at once, once for the executor."""
    assert core.mutation_type is not None
    kind = core.mutation_type.fields[mutation].args["input"].type
    asked = f"mutation M($it: {kind}) {{ done: {mutation}(input: $it)"
    return f"{asked} {SHOWN} }} {WHY}", f"{asked} @skip(if: false) {SHOWN} }} {WHY}"


def at_once(text: str) -> bool:
    document = read(core, text)
    operation = document.operation(None)
    assert isinstance(operation, OperationDefinitionNode) and not document.errors
    return parse_single_command(document, operation) is not None


def stands(text: str, input: Any) -> bool:
    document = read(core, text)
    operation = document.operation(None)
    assert operation is not None
    found = parse_single_command(document, operation)
    assert found is not None
    return without_coercion(core, found, input) is not None


def said(mutation: str) -> dict[str, Any]:
    assert core.mutation_type is not None
    wanted = core.mutation_type.fields[mutation].args["input"].type.of_type
    fields = {name: IDS.get(name) or sample(field.type) for name, field in wanted.fields.items()}
    return fields | {"commandId": str(uuid4())}


@pytest.mark.parametrize("mutation", MUTATIONS)
def test_both_ways_answer_the_same(counter: Client, mutation: str) -> None:
    quick, slow = documents(mutation)
    assert (at_once(quick), at_once(slow)) == (True, False)
    full = said(mutation)
    assert stands(quick, full) or mutation in OTHERWISE
    least = {name: value for name, value in full.items() if value is not None}
    inputs: list[Any] = [
        full,
        least | {"expectedVersion": None, "legalGround": None, "effective": None},
        full | {"commandId": "no uuid"},
        full | {"expectedVersion": 2**40},
        full | {"expectedVersion": "1"},
        full | {"nonsense": 1},
        full | {"effective": "2026-02-30"},
        {name: value for name, value in full.items() if name != "commandId"},
        {},
        None,
        "text",
    ]
    inputs += [full | {name: [value]} for name, value in full.items() if name != "commandId"]
    inputs += [full | {name: None} for name in full]

    for input in inputs:
        one = counter.post(quick, CHINA, it=input)
        other = counter.post(slow, CHINA, it=input)
        # Sent again it is answered with the first result, by whichever way.
        assert (one.status_code, _bare(one.json())) == (other.status_code, _bare(other.json()))


def _bare(body: Any) -> Any:
    """Without the places in the documents and the numbers of the requests, which differ."""
    for error in body.get("errors", ()):
        error.pop("locations", None)
        error.get("extensions", {}).pop("requestId", None)
    return body


@pytest.mark.parametrize(
    "text",
    [
        'mutation { giveConsent(input: {commandId: "x", tin: "CN1"}) { __typename } }',
        "mutation ($it: ConsentInput!) { a: giveConsent(input: $it) { __typename }"
        " b: withdrawConsent(input: $it) { __typename } }",
        "mutation ($it: ConsentInput!) { giveConsent(input: $it)"
        " { ... on Recorded { events { type } } } }",
        "mutation ($it: ConsentInput!, $v: Boolean!) { giveConsent(input: $it)"
        " { __typename @include(if: $v) } }",
        'mutation ($tin: TIN!) { giveConsent(input: {commandId: "x", tin: $tin}) { __typename } }',
        "{ viewer { role } }",
    ],
)
def test_what_is_out_of_the_common_is_left_to_the_executor(text: str) -> None:
    document = read(core, text)
    operation = document.operation(None)
    assert operation is not None and not document.errors
    assert parse_single_command(document, operation) is None


def test_a_ledger_that_is_closed_is_told_alike(small_register: str, tmp_path: Path) -> None:
    with Client(small_register, tmp_path) as counter:
        counter.service.registry.recorder.close()  # type: ignore[attr-defined]
        entry = {"commandId": str(uuid4()), "tin": ACME, "name": "Acme Lines", "roles": []}

        one, other = (counter.post(text, CHINA, it=entry) for text in documents("amendParticulars"))

        assert one.status_code == other.status_code == 503
        assert one.headers["retry-after"] == "1"
        assert _bare(one.json()) == _bare(other.json())
        assert one.json()["errors"][0]["path"] == ["done"]


# ---------------------------------------------------------- seen once recorded


@pytest.fixture(params=[True, False], ids=["planned", "stock"])
def followed(
    request: pytest.FixtureRequest, small_register: str, tmp_path: Path
) -> Iterator[Client]:
    """A counter whose read models are followed, as a service's are."""
    stop = threading.Event()
    follower = threading.Thread(target=Projector(small_register).run, args=(stop,))
    follower.start()
    try:
        with Client(small_register, tmp_path, planner=request.param) as client:
            yield client
    finally:
        stop.set()
        follower.join()


NAME = "query ($tin: TIN!) { operator(tin: $tin) { name } }"


def test_who_waits_for_what_it_recorded_sees_it(followed: Client) -> None:
    for number in range(20):
        name = f"Acme {number}"
        outcome = followed.tell("amendParticulars", CHINA, tin=ACME, name=name)

        seen = followed.post(NAME, CHINA, {"Aeo-Min-Position": str(outcome["position"])}, tin=ACME)

        assert seen.json() == {"data": {"operator": {"name": name}}}


def test_nobody_waits_for_ever(followed: Client) -> None:
    last = followed.last_position()

    refused = followed.post(NAME, CHINA, {"Aeo-Min-Position": str(last + 1)}, tin=ACME)

    assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
    [error] = refused.json()["errors"]
    assert error["extensions"]["code"] == "BEHIND"
    assert str(last + 1) in error["message"] and str(last) in error["message"]


@pytest.mark.parametrize("wanted", ["soon", "-1", "1.5", "", str(2**53)])
def test_a_position_is_a_whole_number(counter: Client, wanted: str) -> None:
    refused = counter.post("{ viewer { role } }", headers={"Aeo-Min-Position": wanted})

    assert refused.status_code == 400
    assert "position" in refused.json()["errors"][0]["message"]
