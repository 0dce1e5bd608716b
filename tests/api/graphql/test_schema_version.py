"""Who generates a client from the schema finds where its scalars are specified, what is deprecated
and until when, and which version of the schema it was generated from."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from graphql import GraphQLScalarType, build_schema, specified_scalar_types

from api.graphql.schema import core
from api.graphql.schema_version import deprecated, faults, version
from tests.api.client import Client
from tests.api.region import region

__all__ = ["region"]

OWN_SCALARS = [
    kind
    for kind in core.type_map.values()
    if isinstance(kind, GraphQLScalarType) and kind.name not in specified_scalar_types
]
TODAY = date(2026, 11, 29)
GOOD = deprecated("Query.new", date(2026, 1, 1), date(2027, 1, 1))


def test_the_register_has_scalars_of_its_own() -> None:
    assert {kind.name for kind in OWN_SCALARS} >= {"TIN", "HSCode", "Date", "DateTime", "Position"}


@pytest.mark.parametrize("kind", OWN_SCALARS, ids=lambda kind: kind.name)
def test_every_scalar_says_where_it_is_specified(kind: GraphQLScalarType) -> None:
    assert (kind.specified_by_url or "").startswith("https://")


def test_every_deprecation_names_what_takes_its_place_and_the_day() -> None:
    assert faults(core, datetime.now(UTC).date()) == []


@pytest.mark.parametrize(
    "reason, told",
    [
        ("No longer supported", "no replacement and no day"),
        ("Use `Query.new` instead.", "no replacement and no day"),
        (GOOD.replace("Query.new", "Query.newer"), "is not in the schema"),
        (GOOD.replace("Query.new", "Query.gone"), "is not in the schema"),
        (GOOD.replace("Query.new", "Query.new(of)"), "is not in the schema"),
        (GOOD.replace("2027-01-01", "2026-12-01"), "less than a year"),
        (GOOD.replace("2026-01-01", "2025-01-01").replace("2027", "2026"), "was to be removed"),
    ],
)
@pytest.mark.parametrize(
    "place",
    [
        "type Query {{ new: Int gone: Int @deprecated(reason: {0}) }}",
        "type Query {{ new(by: Int @deprecated(reason: {0})): Int"
        " gone: Int @deprecated(reason: {1}) }}",
        "input Query_ {{ a: Int @deprecated(reason: {0}) }}"
        " type Query {{ new(by: Query_): Int gone: Int @deprecated(reason: {1}) }}",
        "enum E {{ A B @deprecated(reason: {0}) }}"
        " type Query {{ new: E gone: Int @deprecated(reason: {1}) }}",
    ],
    ids=["field", "argument", "input field", "enum value"],
)
def test_a_deprecation_without_them_is_found_wherever_it_stands(
    place: str, reason: str, told: str
) -> None:
    found = faults(build_schema(place.format(f'"{reason}"', f'"{GOOD}"')), TODAY)

    assert len(found) == 1
    assert told in found[0]


def test_a_deprecation_with_both_is_none_to_find() -> None:
    text = f'type Query {{ new: Int old: Int @deprecated(reason: "{GOOD}") }}'

    assert faults(build_schema(text), TODAY) == []


def test_notice_is_given_for_a_year() -> None:
    with pytest.raises(ValueError, match="a year after 2026-01-02"):
        deprecated("Query.new", date(2026, 1, 2), date(2027, 1, 1))


def test_the_version_changes_with_the_schema_and_is_told_to_whoever_asks(region: Client) -> None:
    one, other = build_schema("type Query { a: Int }"), build_schema("type Query { b: Int }")
    assert version(one) != version(other)

    assert region.ask("{ schemaVersion }") == {"schemaVersion": version(core)}
