"""The page on GraphQL: types and fields with their descriptions."""

from __future__ import annotations

from typing import Any, cast

from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLScalarType,
    GraphQLUnionType,
)

from api.graphql.schema import core
from ops.reference.markdown import page, prose, table


def graphql_reference() -> str:
    """Types and fields of the GraphQL schema with their descriptions."""
    types = [each for name, each in core.type_map.items() if not name.startswith("__")]
    roots = {core.query_type: "Queries", core.mutation_type: "Mutations"}
    parts = [f"## {title}\n\n{_fields(cast(Any, root))}" for root, title in roots.items() if root]
    kinds = (
        ("Objects", GraphQLObjectType, _fields),
        ("Interfaces", GraphQLInterfaceType, _fields),
        ("Unions", GraphQLUnionType, _members),
        ("Inputs", GraphQLInputObjectType, _inputs),
        ("Enums", GraphQLEnumType, _values),
        ("Scalars", GraphQLScalarType, lambda _: ""),
    )
    for title, kind, write in kinds:
        shown = [each for each in types if isinstance(each, kind) and each not in roots]
        sections = [
            f"### {each.name}\n\n{prose(each.description)}\n\n{cast(Any, write)(each)}".strip()
            for each in sorted(shown, key=lambda each: str(each.name))
        ]
        if sections:
            parts.append(f"## {title}\n\n" + "\n\n".join(sections))
    return page(
        "GraphQL",
        "The same text is in `api/schema.graphql`, at `/schema.graphql` of a running service, and "
        "in GraphiQL at `/graphql`. Codes are in [codes](codes.md).",
        *parts,
    )


def _arguments(field: Any) -> str:
    return ", ".join(f"`{name}: {argument.type}`" for name, argument in field.args.items())


def _fields(each: Any) -> str:
    rows = [
        (f"`{name}`", f"`{field.type}`", _arguments(field), prose(field.description))
        for name, field in each.fields.items()
    ]
    return table(("Field", "Type", "Arguments", "Meaning"), rows)


def _inputs(each: Any) -> str:
    rows = [
        (f"`{name}`", f"`{field.type}`", prose(field.description))
        for name, field in each.fields.items()
    ]
    return table(("Field", "Type", "Meaning"), rows)


def _values(each: Any) -> str:
    rows = [(f"`{name}`", prose(value.description)) for name, value in each.values.items()]
    return table(("Value", "Meaning"), rows)


def _members(each: Any) -> str:
    return "One of " + ", ".join(f"`{member.name}`" for member in each.types) + "."
