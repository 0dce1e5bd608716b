"""Fast path for documents that contain one command: they are executed without the GraphQL executor.

Nearly every command is sent alone, with its input in a variable, to learn whether it was recorded.
The GraphQL executor would take four times as long as the decision. Every other document is declined
and goes to the executor. The answers are the same; a test compares them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
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
from api.graphql.types.command_inputs import SPELLED
from api.graphql.types.mutations import Proposed, Recorded, command_of_line, execute
from registry.domain import commands as c
from registry.domain.errors import Refusal

COMMAND_CLASSES = {to_camel_case(name): kind for name, kind in c.COMMANDS.items()}
#: The fields of each outcome that need no read.
WITHOUT_READING = {
    "Recorded": {"stream", "version", "position", "epoch"},
    "Proposed": {"proposal", "programme", "expires", "stream", "version", "position", "epoch"},
    "Refused": {"code", "message", "path"},
}
TYPENAME = "__typename"


@dataclass(frozen=True)
class SingleCommand:
    """A document with one command. `selected_fields`: for each outcome type, the names in the
    answer and the fields they stand for."""

    node: FieldNode
    kind: type[c.Command]
    variable: str
    selected_fields: Mapping[str, tuple[tuple[str, str], ...]]

    @property
    def key(self) -> str:
        """The name of the field in the answer: its alias, or its own name."""
        return (self.node.alias or self.node.name).value


class NeedsExecutor(Exception):
    """The document is left to the executor."""


async def answer(
    schema: GraphQLSchema,
    context: Context,
    document: CheckedDocument,
    operation: OperationDefinitionNode,
    variables: Mapping[str, Any],
) -> ExecutionResult | None:
    """The result that the executor would give; None where the executor has to answer. Nothing was
    recorded then."""
    name = operation.name.value if operation.name else None
    if name not in document.plans:
        document.plans[name] = parse_single_command(document, operation)
    order: SingleCommand | None = document.plans[name]
    if order is None:
        return None
    names = SPELLED[order.kind]
    command = without_coercion(schema, order, variables.get(order.variable))
    input: dict[str, Any] = {}
    if command is None:
        values = get_variable_values(schema, operation.variable_definitions or (), dict(variables))
        if isinstance(values, list):
            return None
        input = {names[name]: value for name, value in values.coerced[order.variable].items()}
    outcome: Recorded | Proposed | Refused
    try:
        outcome = await execute(context, command or command_of_line(order.kind, input))
    except Refusal as refusal:
        given = variables.get(order.variable) or {}
        given_names = [name for name, value in given.items() if value is not None]
        outcome = Refused.of(refusal, names, given_names)
    except Exception as error:  # The executor turns each exception into an error of the response.
        return ExecutionResult(None, [located_error(error, [order.node], [order.key])])
    kind = type(outcome).__name__
    selected_fields = {
        key: kind if field == TYPENAME else _plain(getattr(outcome, field))
        for key, field in order.selected_fields[kind]
    }
    return ExecutionResult({order.key: selected_fields})


def _plain(value: Any) -> Any:
    if isinstance(value, date):
        return value.isoformat()
    return value.value if isinstance(value, Enum) else value


def without_coercion(schema: GraphQLSchema, order: SingleCommand, given: Any) -> c.Command | None:
    """The command of an input whose values need no coercion by GraphQL, which takes a third of the
    time.

    None for every other input, also an invalid one, which GraphQL refuses.
    """
    fields = input_fields(schema, order.node.name.value)
    if type(given) is not dict or not given.keys() <= fields.keys():
        return None
    for name, (check, required) in fields.items():
        value = given.get(name)
        if required if value is None else not check(value):
            return None
    names = SPELLED[order.kind]
    try:
        return command_of_line(order.kind, {names[name]: value for name, value in given.items()})
    except Refusal:
        return None


Check = Callable[[Any], bool]


@lru_cache(maxsize=256)
def input_fields(schema: GraphQLSchema, mutation: str) -> Mapping[str, tuple[Check, bool]]:
    """The fields of a mutation's input: the check of a value that needs no coercion, and whether
    the field is required."""
    assert schema.mutation_type is not None
    given: Any = schema.mutation_type.fields[mutation].args["input"].type
    return {
        name: (_check(field.type), isinstance(field.type, GraphQLNonNull))
        for name, field in given.of_type.fields.items()
    }


def _check(kind: Any) -> Check:
    if isinstance(kind, GraphQLNonNull):
        return _check(kind.of_type)
    if isinstance(kind, GraphQLList):
        inner = _check(kind.of_type)
        return lambda value: type(value) is list and all(map(inner, value))
    if isinstance(kind, GraphQLEnumType):
        return lambda value: type(value) is str and value in kind.values
    return CHECKS.get(kind.name, lambda value: False)


def _is_text(value: Any) -> bool:
    return type(value) is str


DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)

#: Checks of scalars. DateTime is left out: GraphQL converts it to UTC, and the command would differ
#: from the one with the instant in its own time zone.
CHECKS: Mapping[str, Check] = {
    **dict.fromkeys(("String", "ID", "TIN", "AdministrationCode", "HSCode"), _is_text),
    "Date": lambda value: type(value) is str and DATE.fullmatch(value) is not None,
    "Int": lambda value: type(value) is int and -(2**31) <= value < 2**31,
    "Position": lambda value: type(value) is int and 0 <= value <= LARGEST,
    "Boolean": lambda value: type(value) is bool,
    "JSON": lambda value: True,
}


def parse_single_command(
    document: CheckedDocument, operation: OperationDefinitionNode
) -> SingleCommand | None:
    """The single command of a validated document; None for any other document."""
    match operation.selection_set.selections:
        case (FieldNode(arguments=(argument,)) as node,) if isinstance(
            argument.value, VariableNode
        ):
            kind = COMMAND_CLASSES.get(node.name.value)
            if kind is None or node.directives or operation.directives or not node.selection_set:
                return None
            try:
                selected_fields = {
                    name: tuple(dict(_outcome_fields(document, node.selection_set, name)).items())
                    for name in WITHOUT_READING
                }
            except NeedsExecutor:
                return None
            return SingleCommand(node, kind, argument.value.name.value, selected_fields)
    return None


def _outcome_fields(
    document: CheckedDocument, selection_set: SelectionSetNode, kind: str
) -> Iterator[tuple[str, str]]:
    """The selected fields of one outcome type, through fragments, in the order of their first
    use."""
    for selection in selection_set.selections:
        if selection.directives:
            raise NeedsExecutor
        if isinstance(selection, FieldNode):
            field = selection.name.value
            if field != TYPENAME and field not in WITHOUT_READING[kind]:
                raise NeedsExecutor
            yield (selection.alias or selection.name).value, field
            continue
        fragment: Any = selection
        if isinstance(selection, FragmentSpreadNode):
            fragment = _fragment(document, selection.name.value)
        on = fragment.type_condition.name.value if fragment.type_condition else kind
        if on in (kind, "CommandOutcome"):
            yield from _outcome_fields(document, fragment.selection_set, kind)


def _fragment(document: CheckedDocument, name: str) -> FragmentDefinitionNode | InlineFragmentNode:
    assert document.node is not None
    return next(
        definition
        for definition in document.node.definitions
        if isinstance(definition, FragmentDefinitionNode) and definition.name.value == name
    )
