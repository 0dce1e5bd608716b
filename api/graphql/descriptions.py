"""Adds descriptions to the GraphQL schema, so that every name in it is documented.

The description of a field is, in this order: its own `description`, the docstring of its resolver,
its entry in `api.graphql.field_descriptions.BY_PLACE`, and the entry of its name in `BY_NAME`.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable
from typing import Any

from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
)

from api.graphql.enum_descriptions import describe_values
from api.graphql.field_descriptions import BY_NAME, BY_PLACE


def describe(schema: GraphQLSchema) -> None:
    """Adds a description to every type, field, argument and enum value that has none."""
    describe_values(schema)
    for kind in schema.type_map.values():
        if kind.name.startswith("__"):
            continue
        kind.description = kind.description or _of_type(kind)
        if isinstance(kind, GraphQLInputObjectType):
            for name, entry in kind.fields.items():
                entry.description = entry.description or _of_name(kind.name, name)
        elif isinstance(kind, GraphQLObjectType | GraphQLInterfaceType):
            for name, field in kind.fields.items():
                field.description = (
                    field.description or _of_field(field) or _of_name(kind.name, name)
                )
                for called, argument in field.args.items():
                    place = f"{name}({called})"
                    argument.description = argument.description or _of_name(
                        kind.name, place, called
                    )


def undescribed(schema: GraphQLSchema) -> list[str]:
    """The names of the schema that have no description; a test requires that there are none."""
    found: list[str] = []
    for kind in schema.type_map.values():
        if kind.name.startswith("__"):
            continue
        found += [kind.name] if not kind.description else []
        if isinstance(kind, GraphQLEnumType):
            found += [
                f"{kind.name}.{v}" for v, value in kind.values.items() if not value.description
            ]
        fields: Iterable[tuple[str, Any]] = getattr(kind, "fields", {}).items()
        for name, field in fields:
            found += [f"{kind.name}.{name}"] if not field.description else []
            arguments: Iterable[tuple[str, Any]] = getattr(field, "args", {}).items()
            found += [
                f"{kind.name}.{name}({a})" for a, argument in arguments if not argument.description
            ]
    return found


def _of_name(kind: str, place: str, name: str | None = None) -> str | None:
    """The description in api.graphql.field_descriptions. `place`: `field` or `field(argument)`."""
    return BY_PLACE.get(f"{kind}.{place}") or BY_NAME.get(name or place)


def _of_type(kind: Any) -> str | None:
    origin = getattr(kind.extensions.get("strawberry-definition"), "origin", None)
    text = inspect.getdoc(origin) if isinstance(origin, type) else None
    # Python gives a dataclass without a docstring its signature as docstring.
    return None if not text or re.match(r"\w+\(", text) else text


def _of_field(field: Any) -> str | None:
    resolver = getattr(field.extensions.get("strawberry-definition"), "base_resolver", None)
    return inspect.getdoc(resolver.wrapped_func) if resolver else None
