"""A page of a list: from either end, between two cursors, and at its price."""

from __future__ import annotations

import random

import pytest
from graphql import (
    OperationDefinitionNode,
    parse,
)

from api.graphql.costs import cost
from api.graphql.schema import core
from tests.api.client import AUDITOR, Client
from tests.api.region import region
from tests.chance import TIMES

__all__ = ["region"]


@pytest.mark.parametrize(
    ("field", "by"),
    [
        ("operators", AUDITOR),
        ("agreements", None),
        ("documents", None),
        ("events", AUDITOR),
    ],
)
def test_a_page_says_what_lies_on_either_side_of_it(
    region: Client, field: str, by: str | None
) -> None:
    ask = (
        f"query ($after: String) {{ {field}(first: 1, after: $after) {{ edges {{ cursor }}"
        " pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }"
    )
    first = region.ask(ask, by)[field]
    info = first["pageInfo"]
    assert not info["hasPreviousPage"]
    assert info["startCursor"] == info["endCursor"] == first["edges"][0]["cursor"]
    second = region.ask(ask, by, after=info["endCursor"])[field]
    assert second["pageInfo"]["hasPreviousPage"]
    assert info["hasNextPage"] == bool(second["edges"])
    starts = second["edges"][0]["cursor"] if second["edges"] else None
    assert second["pageInfo"]["startCursor"] == starts


LISTS = (("operators", "tin"), ("agreements", "code"), ("documents", "code"))


@pytest.mark.parametrize(("field", "key"), LISTS)
def test_a_list_is_read_from_either_end_and_between_two_cursors(
    region: Client, field: str, key: str
) -> None:
    """Every page between every two cursors, in both directions, is that part of the whole list."""
    ask = (
        "query ($first: Int, $after: String, $last: Int, $before: String) {"
        f" {field}(first: $first, after: $after, last: $last, before: $before) {{"
        f" edges {{ cursor node {{ {key} }} }}"
        " pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }"
    )
    whole = region.ask(ask, AUDITOR, first=100)[field]["edges"]
    places = [None, *(edge["cursor"] for edge in whole)]
    luck = random.Random(field)
    cases = [
        (a, b, size, way)
        for a in range(len(places))
        for b in range(len(places))
        for size in (1, 2, 3)
        for way in ("first", "last")
    ]
    for a, b, size, way in luck.sample(cases, min(len(cases), 60 * TIMES)):
        said = {"after": places[a], "before": places[b], way: size}
        page = region.ask(ask, AUDITOR, **said)[field]
        between = whole[a : b - 1 if b else None] if not b or b > a else []
        there = between[:size] if way == "first" else between[-size:]
        more = len(between) > size
        assert page["edges"] == there, said
        assert page["pageInfo"] == {
            "hasNextPage": bool(b) if way == "last" else more or bool(b),
            "hasPreviousPage": bool(a) if way == "first" else more or bool(a),
            "startCursor": there[0]["cursor"] if there else None,
            "endCursor": there[-1]["cursor"] if there else None,
        }, said


@pytest.mark.parametrize(("field", "key"), LISTS)
def test_a_page_that_cannot_be_is_refused_in_words(region: Client, field: str, key: str) -> None:
    for said, words in (
        ("first: 2, last: 2", "last: found 2, and first: 2; wanted one of the two"),
        ("last: 0", "last: found 0, wanted 1 to 100"),
        ("last: 101", "last: found 101, wanted 1 to 100"),
        ('last: 1, before: "x"', "before: 'x' is not a cursor"),
    ):
        error = region.error(f"{{ {field}({said}) {{ edges {{ node {{ {key} }} }} }} }}", AUDITOR)
        assert error["code"] == "BAD_INPUT" and words in error["message"]


def test_a_page_from_the_end_has_its_price(region: Client) -> None:
    """Whoever asks for the last hundred pays for a hundred, as whoever asks for the first."""

    def price(said: str) -> int:
        text = f"{{ operators({said}) {{ edges {{ node {{ recognisedIn {{ in }} }} }} }} }}"
        node = parse(text)
        operation = node.definitions[0]
        assert isinstance(operation, OperationDefinitionNode)
        return cost(core, node, operation).of({})

    assert price("last: 100") == price("first: 100") > price("last: 10") == price("first: 10")
    assert price("first: 10, last: 100") == price("first: 100")
