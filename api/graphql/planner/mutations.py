"""Gives a command whose answer is its receipt, or declines it: then it is executed as any other.

Nearly every command is sent alone, its input in a variable, to learn whether it was recorded.
For that an executor of selections takes four times as long as the decision.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from typing import Any

from graphql import (
    ExecutionResult,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLEnumType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLSchema,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
    VariableNode,
    located_error,
)
from graphql.execution.values import get_variable_values
from strawberry.utils.str_converters import to_camel_case

from api.graphql.context import Context
from api.graphql.errors import Refused
from api.graphql.limits import CheckedDocument
from api.graphql.scalars import LARGEST
from api.graphql.types.mutations import SPELLED, Recorded, give, said
from registry.domain import commands as c
from registry.domain.errors import Refusal

KINDS = {to_camel_case(name): kind for name, kind in c.COMMANDS.items()}
#: What can be shown of an outcome without reading anything more.
SHOWN = {
    "Recorded": {"stream", "version", "position", "epoch"},
    "Refused": {"code", "message", "path"},
}
TYPENAME = "__typename"


@dataclass(frozen=True)
class Order:
    """A document with one command. `shown`: by the outcome's type, each name in the answer and
    the field that stands there."""

    node: FieldNode
    kind: type[c.Command]
    variable: str
    shown: Mapping[str, tuple[tuple[str, str], ...]]

    @property
    def key(self) -> str:
        return (self.node.alias or self.node.name).value


class Unusual(Exception):
    """Something that is left to the executor."""


async def answer(
    schema: GraphQLSchema,
    context: Context,
    document: CheckedDocument,
    operation: OperationDefinitionNode,
    variables: Mapping[str, Any],
) -> ExecutionResult | None:
    """What the executor would answer; None where it has to. Nothing was done then."""
    name = operation.name.value if operation.name else None
    if name not in document.plans:
        document.plans[name] = order(document, operation)
    found: Order | None = document.plans[name]
    if found is None:
        return None
    names = SPELLED[found.kind]
    command = as_it_stands(schema, found, variables.get(found.variable))
    input: dict[str, Any] = {}
    if command is None:
        values = get_variable_values(schema, operation.variable_definitions or (), dict(variables))
        if isinstance(values, list):
            return None
        input = {names[name]: value for name, value in values.coerced[found.variable].items()}
    outcome: Recorded | Refused
    try:
        outcome = await give(context, command or said(found.kind, input))
    except Refusal as refusal:
        given = variables.get(found.variable) or {}
        said_so = [name for name, value in given.items() if value is not None]
        outcome = Refused.because(refusal, names, said_so)
    except Exception as error:  # the counter knows what to say of each
        return ExecutionResult(None, [located_error(error, [found.node], [found.key])])
    kind = type(outcome).__name__
    shown = {
        key: kind if field == TYPENAME else _plain(getattr(outcome, field))
        for key, field in found.shown[kind]
    }
    return ExecutionResult({found.key: shown})


def _plain(value: Any) -> Any:
    return value.value if isinstance(value, Enum) else value


def as_it_stands(schema: GraphQLSchema, found: Order, given: Any) -> c.Command | None:
    """The command that an input says, where the register reads each of its values as GraphQL does:
    a third of the time. None for anything else, and for what is wrong, which GraphQL has to say.
    """
    fields = taken(schema, found.node.name.value)
    if type(given) is not dict or not given.keys() <= fields.keys():
        return None
    for name, (fits, wanted) in fields.items():
        value = given.get(name)
        if wanted if value is None else not fits(value):
            return None
    names = SPELLED[found.kind]
    try:
        return said(found.kind, {names[name]: value for name, value in given.items()})
    except Refusal:
        return None


Fits = Callable[[Any], bool]


@lru_cache(maxsize=256)
def taken(schema: GraphQLSchema, mutation: str) -> Mapping[str, tuple[Fits, bool]]:
    """The fields of a mutation's input: what fits as it stands, and whether it must be there."""
    assert schema.mutation_type is not None
    given: Any = schema.mutation_type.fields[mutation].args["input"].type
    return {
        name: (_fits(field.type), isinstance(field.type, GraphQLNonNull))
        for name, field in given.of_type.fields.items()
    }


def _fits(kind: Any) -> Fits:
    if isinstance(kind, GraphQLNonNull):
        return _fits(kind.of_type)
    if isinstance(kind, GraphQLList):
        inner = _fits(kind.of_type)
        return lambda value: type(value) is list and all(map(inner, value))
    if isinstance(kind, GraphQLEnumType):
        return lambda value: type(value) is str and value in kind.values
    return FITTING.get(kind.name, lambda value: False)


def _is_text(value: Any) -> bool:
    return type(value) is str


DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)

#: Scalars. An instant is not among them: GraphQL moves it into UTC, and its command would be
#: another one than the same instant in its own zone.
FITTING: Mapping[str, Fits] = {
    **dict.fromkeys(("String", "ID", "TIN", "AdministrationCode", "HSCode"), _is_text),
    "Date": lambda value: type(value) is str and DAY.fullmatch(value) is not None,
    "Int": lambda value: type(value) is int and -(2**31) <= value < 2**31,
    "Position": lambda value: type(value) is int and 0 <= value <= LARGEST,
    "Boolean": lambda value: type(value) is bool,
    "JSON": lambda value: True,
}


def order(document: CheckedDocument, operation: OperationDefinitionNode) -> Order | None:
    """The one command of a validated document; None for anything out of the common."""
    match operation.selection_set.selections:
        case (FieldNode(arguments=(argument,)) as node,) if isinstance(
            argument.value, VariableNode
        ):
            kind = KINDS.get(node.name.value)
            if kind is None or node.directives or operation.directives or not node.selection_set:
                return None
            try:
                shown = {
                    name: tuple(dict(_shown(document, node.selection_set, name)).items())
                    for name in SHOWN
                }
            except Unusual:
                return None
            return Order(node, kind, argument.value.name.value, shown)
    return None


def _shown(
    document: CheckedDocument, chosen: SelectionSetNode, kind: str
) -> Iterator[tuple[str, str]]:
    """The fields of one type, through fragments, in the order in which they are first named."""
    for selection in chosen.selections:
        if selection.directives:
            raise Unusual
        if isinstance(selection, FieldNode):
            field = selection.name.value
            if field != TYPENAME and field not in SHOWN[kind]:
                raise Unusual
            yield (selection.alias or selection.name).value, field
            continue
        fragment: Any = selection
        if isinstance(selection, FragmentSpreadNode):
            fragment = _fragment(document, selection.name.value)
        on = fragment.type_condition.name.value if fragment.type_condition else kind
        if on in (kind, "CommandOutcome"):
            yield from _shown(document, fragment.selection_set, kind)


def _fragment(document: CheckedDocument, name: str) -> FragmentDefinitionNode | InlineFragmentNode:
    assert document.node is not None
    return next(
        definition
        for definition in document.node.definitions
        if isinstance(definition, FragmentDefinitionNode) and definition.name.value == name
    )
