"""Wherever a key is taken, the global id is taken as well."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

from graphql import (
    get_named_type,
)

from api.graphql.schema import core
from projections.engine.projector import Projector
from tests.api.client import AUDITOR, CHINA, Client
from tests.api.graphql.test_global_ids import INSTANTS
from tests.api.region import FRUIT, record, region

__all__ = ["region"]


def _taken() -> set[str]:
    """Every argument and input field that takes an ID."""
    found = set()
    for name, kind in core.type_map.items():
        for field, defined in getattr(kind, "fields", {}).items():
            places = defined.args if hasattr(defined, "args") else {None: defined}
            for called, place in places.items():
                is_input = hasattr(defined, "args") or name.endswith(("Input", "Filter"))
                if is_input and str(get_named_type(place.type)) == "ID":
                    found.add(called or field)
    return found


def test_each_place_that_takes_a_key_is_named_here() -> None:
    """Ids of commands, requests, proposals, disputes, receipts and webhooks, and pseudonyms of
    persons, are keys of no node."""
    assert _taken() == {
        "agreement",
        "code",
        "document",
        "id",
        "programme",
        "stream",
    } | {"commandId", "person", "proposal", "dispute", "receipt", "request", "webhook"}


def test_a_question_takes_the_key_or_the_global_id(region: Client) -> None:
    belief = f"@{INSTANTS[0]},{INSTANTS[1]}:"
    for document, key, kind in (
        ("query ($it: ID!) { agreement(id: $it) { id title } }", "CN-KR-AEO", "Agreement"),
        ("query ($it: ID!) { agreement(id: $it) { id parties { id } } }", "CN-KR-AEO", "Agreement"),
        ("query ($it: ID!) { programme(code: $it) { id name } }", "CN-AEO", "Programme"),
        (
            "query ($it: ID!) { operators(filter: { programme: $it }) { edges { cursor } } }",
            "CN-AEO",
            "Programme",
        ),
        (
            "query ($it: ID!) { events(filter: { agreement: $it }) { edges { node { id } } } }",
            "CN-KR-AEO",
            "Agreement",
        ),
    ):
        plain = region.ask(document, AUDITOR, it=key)
        assert "[]" not in str(plain) and "None" not in str(plain)
        assert region.ask(document, AUDITOR, it=f"{kind}:{key}") == plain
        assert region.ask(document, AUDITOR, it=kind + belief + key) == plain
        error = region.error(document, AUDITOR, it=f"Document:{key}")
        assert error["code"] == "BAD_INPUT" and f"wanted {kind}" in error["message"]


def test_a_stream_is_asked_for_by_the_id_of_what_it_is_of(region: Client) -> None:
    events = "query ($of: ID!) { events(filter: { stream: $of }) { edges { node { stream } } } }"
    found = {}
    for id in (
        f"Operator:{FRUIT}",
        "Agreement:CN-KR-AEO",
        "Administration:CN",
        "Programme:CN-AEO",
        "Document:PLAN-2018",
    ):
        edges = region.ask(events, AUDITOR, of=id)["events"]["edges"]
        [stream] = {edge["node"]["stream"] for edge in edges}
        assert region.ask(events, AUDITOR, of=stream)["events"]["edges"] == edges
        found[stream] = id
    assert len(found) == 5
    for wrong in ("Event:1.1", "Operator:CN", "CN-KR-AEO"):
        assert region.error(events, AUDITOR, of=wrong)["message"].startswith("stream: ")


RECORDED = """mutation ($input: %s!) { %s(input: $input) { __typename
  ... on Recorded { position node { __typename id ... on Agreement { code title position }
    ... on Operator { tin name standing position } ... on Document { code title }
    ... on Programme { code types } } }
  ... on Refused { code message } } }"""


@contextmanager
def _followed(region: Client) -> Iterator[None]:
    stop = threading.Event()
    thread = threading.Thread(target=Projector(region.database).run, args=(stop, 0.05))
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def _tell(region: Client, mutation: str, its: str, by: str, **input: Any) -> Any:
    said = {"commandId": str(uuid4()), **input}
    return region.ask(RECORDED % (its, mutation), by, input=said)[mutation]


def test_a_receipt_shows_what_the_command_changed_and_takes_a_global_id(region: Client) -> None:
    tin = "CN7777777777"
    with _followed(region):
        told = _tell(
            region,
            "registerOperator",
            "RegisterOperatorInput",
            CHINA,
            tin=tin,
            name="Of today",
            roles=[],
        )
        assert told["node"]["id"] == f"Operator:{tin}"
        assert told["node"]["position"] >= told["position"]
        told = _tell(
            region,
            "lodgeApplication",
            "LodgeApplicationInput",
            CHINA,
            tin=tin,
            programme="Programme:CN-AEO",
            type="ACE",
        )
        assert (told["node"]["tin"], told["node"]["standing"]) == (tin, "LODGED")
        told = _tell(
            region,
            "amendAgreement",
            "AmendAgreementInput",
            CHINA,
            agreement="Agreement:CN-KR-AEO",
            title="Said anew",
        )
        assert (
            told["node"]
            == region.ask(
                '{ node(id: "Agreement:CN-KR-AEO") { __typename id ... on Agreement'
                " { code title position } } }",
                CHINA,
            )["node"]
        )
        assert told["node"]["title"] == "Said anew"
        told = _tell(
            region,
            "proposeAgreement",
            "ProposeAgreementInput",
            CHINA,
            kind="GREEN_LANE",
            title="A lane",
            parties=["CN", "KZ"],
        )
        assert told["node"]["code"] == "CN-KZ-GREEN-LANE"
        told = _tell(
            region,
            "amendDocument",
            "AmendDocumentInput",
            CHINA,
            document="Document:PLAN-2018",
            title="The plan",
        )
        assert told["node"]["title"] == "The plan"
        refused = _tell(
            region,
            "amendAgreement",
            "AmendAgreementInput",
            CHINA,
            agreement="Document:CN-KR-AEO",
            title="x",
        )
        assert refused["__typename"] == "Refused"
        assert "wanted Agreement" in refused["message"]


def test_where_the_read_models_stay_behind_the_receipt_says_so_and_is_a_receipt(
    region: Client,
) -> None:
    document = RECORDED % ("RegisterOperatorInput", "registerOperator")
    said = {"commandId": str(uuid4()), "tin": "CN7777777778", "name": "Late", "roles": []}

    body = region.post(document, CHINA, input=said).json()

    assert body["data"]["registerOperator"]["position"] == region.last_position()
    assert body["data"]["registerOperator"]["node"] is None
    [error] = body["errors"]
    assert error["extensions"]["code"] == "BEHIND"
    record(region.database)
