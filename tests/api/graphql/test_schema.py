"""The schema as it is shown: explained throughout, exported, and all that the contract promises."""

from __future__ import annotations

from typing import Any

import pytest
from graphql import GraphQLEnumType, ast_from_value, build_schema, is_enum_type, print_ast

from api.graphql.descriptions import undescribed
from api.graphql.enum_descriptions import VALUES
from api.graphql.field_descriptions import BY_PLACE
from api.graphql.schema import core, schema
from registry.paths import SCHEMA
from tests.paths import CONTRACT

CONTRACT = build_schema(CONTRACT.read_text(encoding="utf-8"), assume_valid=True)
PROMISED = [kind for kind in CONTRACT.type_map.values() if not kind.name.startswith("__")]


def test_every_name_of_the_schema_is_explained() -> None:
    assert undescribed(core) == []


@pytest.mark.parametrize("place", BY_PLACE)
def test_every_description_of_a_place_is_shown_there(place: str) -> None:
    kind, _, name = place.partition(".")
    field, _, argument = name.rstrip(")").partition("(")
    found = core.type_map[kind].fields[field]  # type: ignore[attr-defined]
    described = found.args[argument] if argument else found

    assert described.description == BY_PLACE[place]


def test_the_exported_schema_is_the_one_that_is_served() -> None:
    assert SCHEMA.read_text(encoding="utf-8") == schema.as_str() + "\n", (
        "the schema has changed: ./aeo export-schema > api/schema.graphql"
    )


@pytest.mark.parametrize("promised", PROMISED, ids=lambda kind: kind.name)
def test_what_the_contract_promises_is_there(promised: Any) -> None:
    ours = core.type_map[promised.name]

    assert isinstance(ours, type(promised))
    if is_enum_type(promised):
        assert set(promised.values) <= set(ours.values)  # type: ignore[attr-defined]
    for name, field in getattr(promised, "fields", {}).items():
        own = ours.fields[name]  # type: ignore[attr-defined]
        assert str(own.type) == str(field.type), f"{promised.name}.{name}"
        for called, argument in getattr(field, "args", {}).items():
            given = own.args[called]
            assert str(given.type) == str(argument.type), f"{promised.name}.{name}({called})"
            assert _default(given) == _default(argument), f"{promised.name}.{name}({called})"
    if hasattr(promised, "types"):
        assert {kind.name for kind in promised.types} <= {kind.name for kind in ours.types}  # type: ignore[attr-defined]


def test_what_is_required_beyond_the_contract_would_break_its_clients() -> None:
    for promised in PROMISED:
        for name, field in getattr(core.type_map[promised.name], "fields", {}).items():
            known = getattr(promised, "fields", {}).get(name)
            for called, argument in getattr(field, "args", {}).items():
                new = known is not None and called not in known.args
                assert not (new and _required(argument)), f"{promised.name}.{name}({called})"
            is_input = not hasattr(field, "args")
            assert not (is_input and known is None and _required(field)), f"{promised.name}.{name}"


def _required(value: Any) -> bool:
    return str(value.type).endswith("!") and _default(value) is None


def _default(value: Any) -> str | None:
    """As it would be printed; nothing and null are the same to whoever leaves it out."""
    node = value.ast_node.default_value if value.ast_node else None
    if node is None and value.default_value is not None:
        node = ast_from_value(value.default_value, value.type)
    text = print_ast(node) if node else None
    return None if text == "null" else text


def test_no_value_is_explained_that_is_not_in_the_schema() -> None:
    for name, meanings in VALUES.items():
        kind = core.type_map[name]
        assert isinstance(kind, GraphQLEnumType)
        assert set(meanings) == set(kind.values), name
