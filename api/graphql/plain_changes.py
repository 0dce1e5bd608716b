"""Answers to subscriptions that select plain fields of a change, without the executor.

The fast path of `recognitionChanged`: most subscribers ask for the position, the TIN, the outcomes
and the cursor. What the executor would have to resolve (a fragment, a directive, a field with a
resolver of its own) is left to it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson
from graphql import (
    FieldNode,
    GraphQLObjectType,
    OperationDefinitionNode,
    SelectionSetNode,
    get_nullable_type,
    is_leaf_type,
    is_non_null_type,
)
from strawberry.types.base import get_object_definition

from api.graphql.schema import core
from api.graphql.types.changes import RecognitionChange

FIELD = "recognitionChanged"


def plain_answer(
    operation: OperationDefinitionNode,
) -> Callable[[RecognitionChange], bytes] | None:
    """How the answer for a change is written as JSON text; None: the executor has to make it."""
    root = _fields(operation.selection_set)
    if operation.directives or root is None or len(root) != 1 or root[0].name.value != FIELD:
        return None
    selected = _fields(root[0].selection_set) if root[0].selection_set else None
    if not selected:
        return None
    written = []
    for node in selected:
        value = _VALUES.get(node.name.value)
        if value is None or node.selection_set:
            return None
        written.append((_key(node), value))
    key = _key(root[0])

    def answer(change: RecognitionChange) -> bytes:
        fields = {name: value(change) for name, value in written}
        return orjson.dumps({"data": {key: fields}})

    return answer


def _key(node: FieldNode) -> str:
    return (node.alias or node.name).value


def _fields(selection: SelectionSetNode) -> list[FieldNode] | None:
    """The selected fields, where these are all that is selected."""
    found = [node for node in selection.selections if isinstance(node, FieldNode)]
    if len(found) != len(selection.selections) or any(node.directives for node in found):
        return None
    return found


def _values() -> dict[str, Callable[[RecognitionChange], Any]]:
    """How the value of each plain field is read and serialised, by its name in the schema."""
    kind = core.type_map["RecognitionChange"]
    definition = get_object_definition(RecognitionChange, strict=True)
    assert isinstance(kind, GraphQLObjectType)
    found: dict[str, Callable[[RecognitionChange], Any]] = {
        "__typename": lambda change: kind.name,
    }
    for field in definition.fields:
        name = field.graphql_name or _camel(field.python_name)
        if name not in kind.fields or field.base_resolver is not None:
            continue
        leaf = get_nullable_type(kind.fields[name].type)
        if is_non_null_type(kind.fields[name].type) and is_leaf_type(leaf):
            found[name] = _value(field.python_name, leaf.serialize)
    return found


def _value(name: str, serialize: Callable[[Any], Any]) -> Callable[[RecognitionChange], Any]:
    return lambda change: serialize(getattr(change, name))


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.title() for word in rest)


_VALUES = _values()
