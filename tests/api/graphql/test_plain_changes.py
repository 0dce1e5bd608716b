"""Plain answers to subscriptions are what the executor answers, where it need not be asked."""

from __future__ import annotations

from typing import Any

import pytest
from graphql import OperationDefinitionNode, parse

from api.graphql.plain_changes import plain_answer
from tests.api.client import AUDITOR, Client
from tests.api.region import own_region, recorded_region
from tests.api.streams import EventStream

__all__ = ["own_region", "recorded_region"]

PLAIN = "position tin was now effectiveFrom next epoch"


def operation(text: str) -> OperationDefinitionNode:
    [found] = parse(text).definitions
    assert isinstance(found, OperationDefinitionNode)
    return found


FEED = "{ changes(for: CN, after: 0) { changes { position } } }"


def told(client: Client, document: str, by: str) -> list[Any]:
    count = len(client.ask(FEED, by)["changes"]["changes"])
    assert count > 1
    with EventStream(client, by, document, **{"for": "CN"}) as stream:
        return [stream.event() for _ in range(count)]


@pytest.mark.parametrize(
    "selection",
    [PLAIN, "since: effectiveFrom was now", "__typename tin tin code: tin", "next epoch position"],
)
@pytest.mark.parametrize("by", [AUDITOR, "partner:CN"])
def test_a_plain_answer_is_that_of_the_executor(
    own_region: Client, selection: str, by: str
) -> None:
    field = "changed: recognitionChanged(for: $for, after: 0)"
    begin = f"subscription ($for: AdministrationCode!) {{ {field}"
    plain = f"{begin} {{ {selection} }} }}"
    executed = f"{begin} {{ ...Told }} }} fragment Told on RecognitionChange {{ {selection} }}"
    assert plain_answer(operation(plain)) is not None

    assert told(own_region, plain, by) == told(own_region, executed, by)


@pytest.mark.parametrize(
    "selection",
    [
        "recognitionChanged(for: CN) { tin reasons { code } }",
        "recognitionChanged(for: CN) { tin course { outcome } }",
        "recognitionChanged(for: CN) { ... { tin } }",
        "recognitionChanged(for: CN) { tin @skip(if: true) }",
        "recognitionChanged(for: CN) @include(if: true) { tin }",
        "... { recognitionChanged(for: CN) { tin } }",
    ],
)
def test_what_has_to_be_resolved_is_left_to_the_executor(selection: str) -> None:
    assert plain_answer(operation(f"subscription {{ {selection} }}")) is None
