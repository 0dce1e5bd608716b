"""SQL expressions for the JSON of leaves, lists and names."""

from __future__ import annotations

from typing import Any

from graphql import (
    GraphQLEnumType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLScalarType,
    is_leaf_type,
)

from api.graphql.sql_fields import (
    IN_ARRAY_ORDER,
    NotPlanned,
)

#: Scalars that to_json writes, with escapes. Those of _UNQUOTED_SCALARS are written as they are.
_TEXT_SCALARS = {"String", "ID", "TIN", "AdministrationCode", "HSCode"}
_UNQUOTED_SCALARS = {"Int", "Boolean", "Position", "JSON"}
_DATE_FORMATS = {
    "DateTime": r"""to_char({} at time zone 'UTC', '\"YYYY-MM-DD"T"HH24:MI:SS.US"Z"\"')""",
    "Date": r"""to_char({}, '\"YYYY-MM-DD\"')""",
}


def element_type(kind: Any) -> Any:
    """The object type, also of a list."""
    while isinstance(kind, GraphQLList | GraphQLNonNull):
        kind = kind.of_type
    return kind


def leaf(kind: Any, sql: str, about: str) -> str:
    """The SQL expression for the JSON text of a column; NULL where the column is NULL."""
    if isinstance(kind, GraphQLList):
        if not isinstance(kind.of_type, GraphQLNonNull) or not is_text(kind.of_type.of_type):
            raise NotPlanned("uncovered", about)
        return f"case when array_position({sql}, null) is null then array_to_json({sql})::text end"
    if not is_leaf_type(kind):
        raise NotPlanned("uncovered", about)
    if isinstance(kind, GraphQLEnumType):
        return f"'\"' || ({sql}) || '\"'"  # A GraphQL name needs no escaping.
    if is_text(kind):
        return f"to_json(({sql})::text)::text"
    if kind.name in _DATE_FORMATS:
        return _DATE_FORMATS[kind.name].format(f"({sql})")
    if kind.name in _UNQUOTED_SCALARS:
        return f"({sql})::text"
    raise NotPlanned("uncovered", about)


def is_text(kind: Any) -> bool:
    """True for text scalars and enums. The columns hold the names of an enum's values, as the
    answers do."""
    return isinstance(kind, GraphQLEnumType) or (
        isinstance(kind, GraphQLScalarType) and kind.name in _TEXT_SCALARS
    )


def array(element: str, order: str) -> str:
    """The SQL expression that aggregates JSON texts to an array, in that order."""
    sorting = "" if order == IN_ARRAY_ORDER else f" order by {order}"
    return f"'[' || coalesce(string_agg({element}, ','{sorting}), '') || ']'"


def literal(text: str) -> str:
    """An SQL string literal."""
    return "'" + text.replace("'", "''") + "'"
