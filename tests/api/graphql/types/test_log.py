"""The log in GraphQL: what is recorded is proved to whoever asks, and opened to who may read."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from projections.engine.projector import Projector
from projections.transparency.integrator import Integrator
from registry.transparency import merkle
from registry.transparency.leaves import entry
from registry.transparency.signed_notes import (
    COSIGNATURE,
    Checkpoint,
    Signer,
    read_checkpoint,
    read_key,
    read_proof,
)
from tests.api.client import ACME, AUDITOR, CHINA, KOREA, Client
from tests.keeping_log import heads, is_signed

PROOF = "leafIndex treeSize rootHash leafHash path text"
EVENTS = f"""query ($filter: EventFilter) {{
  events(filter: $filter, first: 100) {{
    edges {{ node {{
      position type proof {{ {PROOF} }} commitment {{ salt eventBytes }}
    }} }}
  }}
}}"""
INCLUSION = f"""query ($position: Position!, $size: Position) {{
  log {{ inclusionProof(position: $position, treeSize: $size) {{ {PROOF} }} }}
}}"""
CONSISTENCY = """query ($from: Position!, $to: Position!) {
  log { consistencyProof(from: $from, to: $to) }
}"""


@pytest.fixture(scope="module")
def sizes(counter: Client) -> tuple[int, int]:
    """Of two signed trees, one before and one after a German operator; a Korean one is in none."""
    error = counter.error("{ log { size } }")
    assert error == {
        "code": "NOT_SIGNED",
        "message": "The log has no signed checkpoint yet. Try again later.",
    }
    first = is_signed(counter.database, counter.home, Integrator(counter.database).catch_up())
    counter.tell("registerOperator", "officer:DE", tin="DE1", name="A", roles=["EXPORTER"])
    second = is_signed(counter.database, counter.home, Integrator(counter.database).catch_up())
    counter.tell("registerOperator", "officer:KR", tin="KR1", name="A", roles=["EXPORTER"])
    Projector(counter.database).catch_up()
    return first.size, second.size


@pytest.fixture(autouse=True)
def of_a_signed_log(sizes: tuple[int, int]) -> Iterator[None]:
    yield


def nodes(counter: Client, by: str | None, **filter: Any) -> list[dict[str, Any]]:
    edges = counter.ask(EVENTS, by, filter=filter)["events"]["edges"]
    return [edge["node"] for edge in edges]


def checked(proof: dict[str, Any]) -> None:
    """As anybody would who has nothing but the proof."""
    path = [bytes.fromhex(item) for item in proof["path"]]
    leaf, root = bytes.fromhex(proof["leafHash"]), bytes.fromhex(proof["rootHash"])
    merkle.verify_inclusion(leaf, proof["leafIndex"], proof["treeSize"], path, root)


def test_the_log_says_who_it_is_and_how_far(counter: Client, sizes: tuple[int, int]) -> None:
    log = counter.ask(
        "{ log { origin verifierKeys checkpoint size checkpoints(first: 5) { size rootHash } } }"
    )["log"]

    note = heads(counter.database)[sizes[1]]
    assert log["checkpoint"] == note and log["size"] == sizes[1]
    assert log["origin"] == note.split("\n")[0]
    assert [read_key(key).name for key in log["verifierKeys"]] == [log["origin"]] * 2
    assert [checkpoint["size"] for checkpoint in log["checkpoints"]][:2] == [sizes[1], sizes[0]]


def test_each_event_comes_with_its_proof(counter: Client, sizes: tuple[int, int]) -> None:
    found = nodes(counter, AUDITOR)

    assert [each_entry["position"] for each_entry in found if each_entry["proof"]] == list(
        range(1, sizes[1] + 1)
    )
    assert [each_entry["proof"] for each_entry in found[sizes[1] :]] == [
        None
    ]  # recorded, and not yet signed
    for event in found[: sizes[1]]:
        checked(event["proof"])
        assert event["proof"]["leafIndex"] == event["position"] - 1
        file = read_proof(event["proof"]["text"])
        assert file.index == event["proof"]["leafIndex"]
        assert read_checkpoint(file.checkpoint.text).root.hex() == event["proof"]["rootHash"]


def test_whoever_may_read_an_event_whole_can_open_its_leaf(counter: Client) -> None:
    for by, filter in ((AUDITOR, {}), (CHINA, {"tin": ACME})):
        for node in nodes(counter, by, **filter):
            if node["proof"]:
                opening = node["commitment"]
                leaf = entry(b64decode(opening["salt"]), b64decode(opening["eventBytes"]))
                assert merkle.leaf_hash(leaf).hex() == node["proof"]["leafHash"]
                assert node["type"].encode() in b64decode(opening["eventBytes"])


@pytest.mark.parametrize("by", [None, KOREA, f"company:{ACME}"])
def test_nobody_else_is_given_a_salt(counter: Client, by: str | None) -> None:
    found = nodes(counter, by)

    assert found and all(entry["commitment"] is None for entry in found)
    assert any(entry["proof"] for entry in found)  # what they read is proved to them all the same


def test_the_event_of_a_stretch_of_status_is_opened_to_whom_its_history_is(
    counter: Client,
) -> None:
    document = """{ operator(tin: "CN1234567890") { history { edges { node {
        commitment { salt } proof { treeSize } } } } } }"""

    [edge] = counter.ask(document, CHINA)["operator"]["history"]["edges"]
    [own] = counter.ask(document, f"company:{ACME}")["operator"]["history"]["edges"]

    assert edge["node"]["commitment"] and edge["node"]["proof"]
    assert own["node"]["commitment"] is None and own["node"]["proof"]


def test_a_position_is_proved_under_any_signed_tree(
    counter: Client, sizes: tuple[int, int]
) -> None:
    for size in sizes:
        proof = counter.ask(INCLUSION, position=1, size=size)["log"]["inclusionProof"]
        checked(proof)
        assert proof["treeSize"] == size
    last = counter.ask(INCLUSION, position=sizes[1])["log"]["inclusionProof"]
    assert last["treeSize"] == sizes[1]


def test_what_cannot_be_proved_is_said(counter: Client, sizes: tuple[int, int]) -> None:
    first, second = sizes
    said = {
        (0, None): f"position: found 0, wanted one from 1 that the tree of {second} leaves has",
        (second + 1, None): f"position: found {second + 1}, wanted one from 1 that the tree of "
        f"{second} leaves has",
        (second, first): f"position: found {second}, wanted one from 1 that the tree of {first} "
        "leaves has",
        (1, second + 1): f"treeSize: found {second + 1}, wanted the size of a head that was "
        f"signed; next to it are {second}",
        (1, first - 1): f"treeSize: found {first - 1}, wanted the size of a head that was "
        f"signed; next to it are 0 and {first}",
    }
    for (position, size), sentence in said.items():
        error = counter.error(INCLUSION, position=position, size=size)
        assert error == {"code": "BAD_INPUT", "message": sentence}


def test_a_tree_is_shown_to_be_the_beginning_of_a_later_one(
    counter: Client, sizes: tuple[int, int]
) -> None:
    roots = {
        checkpoint["size"]: bytes.fromhex(checkpoint["rootHash"])
        for checkpoint in counter.ask("{ log { checkpoints { size rootHash } } }")["log"][
            "checkpoints"
        ]
    }
    found = counter.ask(CONSISTENCY, **{"from": sizes[0], "to": sizes[1]})["log"]

    path = [bytes.fromhex(item) for item in found["consistencyProof"]]
    merkle.verify_consistency(*sizes, roots[sizes[0]], roots[sizes[1]], path)
    assert counter.ask(CONSISTENCY, **{"from": 0, "to": 1})["log"]["consistencyProof"] == []


def test_no_tree_shrinks_nor_is_shown_before_it_is_signed(
    counter: Client, sizes: tuple[int, int]
) -> None:
    later = counter.error(CONSISTENCY, **{"from": 1, "to": sizes[1] + 1})
    back = counter.error(CONSISTENCY, **{"from": sizes[1], "to": sizes[0]})

    assert later["message"] == (
        f"to: found {sizes[1] + 1}, wanted at most {sizes[1]}, the size of the last checkpoint"
    )
    assert back["message"] == (
        f"from: found {sizes[1]}, wanted at most {sizes[0]}: no tree shrinks"
    )


def test_a_witness_is_shown_with_what_it_saw_last(counter: Client, sizes: tuple[int, int]) -> None:
    witness = Signer.of_seed("customs.kr/w1", COSIGNATURE, bytes(32))
    head = read_checkpoint(heads(counter.database)[sizes[1]].partition("\n\n")[0] + "\n")
    assert isinstance(head, Checkpoint)
    with psycopg.connect(counter.database) as connection:
        connection.execute(
            "insert into proof.cosignature values (%s, %s, %s, '2026-11-22T00:00:00Z')",
            [head.size, str(witness.key), witness.line(head.text, 1_795_305_600)],
        )

    [found] = counter.ask("{ log { witnesses { name verifierKey size cosignedAt } } }")["log"][
        "witnesses"
    ]

    assert found == {
        "name": "customs.kr/w1",
        "verifierKey": str(witness.key),
        "size": sizes[1],
        "cosignedAt": "2026-11-22T00:00:00.000000Z",
    }
    assert "customs.kr/w1" in counter.ask("{ log { checkpoint } }")["log"]["checkpoint"]
