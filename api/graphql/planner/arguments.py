"""Compiles the arguments of a document's fields, so that each request only fills in its variables.

graphql-core walks the syntax tree for every request. The result of that walk is the same each time,
so it is computed once per document with graphql-core's own functions and kept as steps. An argument
that is not of the usual kinds (NotCompilable) is read by graphql-core for every request. The values
are those that a resolver gets.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import MISSING
from typing import Any

from graphql import (
    FieldNode,
    GraphQLArgument,
    GraphQLError,
    GraphQLField,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLSchema,
    ListValueNode,
    ObjectValueNode,
    OperationDefinitionNode,
    Undefined,
    ValueNode,
    VariableNode,
    get_nullable_type,
    is_leaf_type,
)
from graphql.execution.get_variable_signature import (
    GraphQLVariableSignature,
    get_variable_signature,
)
from graphql.utilities.coerce_input_value import (
    coerce_default_value,
    coerce_input_literal,
    coerce_input_value,
)

from api.graphql.declarations import QuestionBatch
from api.graphql.sql_fields import NotPlanned

Values = Mapping[str, Any]
#: From the values of the variables to one value; Undefined where none is given.
Step = Callable[[Values], Any]
Conversion = Callable[[Any], Any]


class NotCompilable(Exception):
    """The argument is not of the usual kinds; graphql-core reads it for every request."""


class Variables:
    """The declared variables of one validated operation."""

    def __init__(self, schema: GraphQLSchema, operation: OperationDefinitionNode) -> None:
        self._declared: list[tuple[str, Conversion, bool, Any]] = []
        for node in operation.variable_definitions or ():
            signature = get_variable_signature(schema, node)
            if isinstance(signature, GraphQLError):
                raise NotPlanned("variables", signature.message)
            try:
                default = _default(signature)
            except NotCompilable:
                raise NotPlanned("variables", signature.name) from None
            required = isinstance(signature.type, GraphQLNonNull) and default is Undefined
            self._declared.append((signature.name, _coercion(signature.type), required, default))

    def read(self, given: Values) -> dict[str, Any]:
        """Coerces the given values. Raises NotPlanned for what the stock executor would refuse."""
        values: dict[str, Any] = {}
        for name, coerced, required, default in self._declared:
            value = given.get(name, Undefined)
            if value is Undefined:
                if required:
                    raise NotPlanned("variables", name)
                if default is not Undefined:
                    values[name] = default
                continue
            value = coerced(value)
            if value is Undefined:
                raise NotPlanned("variables", name)
            values[name] = value
        return values


class Arguments:
    """The arguments of one field in a document, as its resolver gets them."""

    def __init__(self, field: GraphQLField, node: FieldNode) -> None:
        """Raises NotCompilable."""
        given_nodes = {argument.name.value: argument.value for argument in node.arguments or ()}
        definitions = field.extensions["strawberry-definition"].arguments
        names = (given.python_name for given in definitions)
        self._steps = [
            (python, _step(given_nodes.get(name), argument))
            for (name, argument), python in zip(field.args.items(), names, strict=True)
        ]

    def read(self, values: Values) -> dict[str, Any]:
        """The arguments by Python name. Raises NotPlanned for what the executor would refuse."""
        found = {}
        for name, step in self._steps:
            value = step(values)
            if value is not Undefined:
                found[name] = value
        return found


def _coercion(type: Any) -> Conversion:
    """The coercion of a variable's value: for a scalar, its own function (the usual case)."""
    inner = type.of_type if isinstance(type, GraphQLNonNull) else type
    if isinstance(inner, GraphQLList) and is_leaf_type(get_nullable_type(inner.of_type)):
        return _list_coercion(type, _coercion(inner.of_type))
    if not is_leaf_type(inner):
        # A batch of declarations was already read, question by question (api.graphql.declarations).
        return lambda value: (
            value if isinstance(value, QuestionBatch) else coerce_input_value(value, type)
        )
    absent = Undefined if inner is not type else None

    def coerced(value: Any) -> Any:
        if value is None:
            return absent
        try:
            return inner.coerce_input_value(value)
        except Exception:  # graphql-core treats every exception of a scalar as a coercion error.
            return Undefined

    return coerced


def _list_coercion(type: Any, coerced: Conversion) -> Conversion:
    """The coercion of a list of scalars: a look-up may have a thousand keys."""

    def coerced_each(value: Any) -> Any:
        if not isinstance(value, list):
            return coerce_input_value(value, type)
        coerced_values = [coerced(given) for given in value]
        return Undefined if any(given is Undefined for given in coerced_values) else coerced_values

    return coerced_each


def _step(node: ValueNode | None, place: GraphQLArgument | GraphQLInputField) -> Step:
    """The step for an argument, or for a field of an input object. Without a value, the default
    holds."""
    type, default = place.type, _default(place)
    if default is not Undefined:
        default = _converted(type)(default)
    required = isinstance(type, GraphQLNonNull) and default is Undefined
    if isinstance(node, VariableNode):
        return _variable(node.name.value, type, default, required)
    if node is None:
        if required:
            raise NotCompilable
        return lambda values: default
    inner = type.of_type if isinstance(type, GraphQLNonNull) else type
    if not _holds_variables(node):
        constant = coerce_input_literal(node, type)
        if constant is Undefined:
            raise NotCompilable
        constant = _converted(type)(constant)
        return lambda values: constant
    if isinstance(node, ObjectValueNode) and isinstance(inner, GraphQLInputObjectType):
        return _object(node, inner)
    raise NotCompilable


def _variable(name: str, type: Any, default: Any, required: bool) -> Step:
    converted, nullable = _converted(type), not isinstance(type, GraphQLNonNull)

    def step(values: Values) -> Any:
        value = values.get(name, Undefined)
        if value is Undefined:
            if required:
                raise NotPlanned("refused", name)
            return default
        if value is None:
            if nullable:
                return None
            raise NotPlanned("refused", name)
        return converted(value)

    return step


def _object(node: ObjectValueNode, type: GraphQLInputObjectType) -> Step:
    given_nodes = {field.name.value: field.value for field in node.fields}
    make, names = _maker(type)
    steps = [
        (names[name], _step(given_nodes.get(name), field)) for name, field in type.fields.items()
    ]

    def step(values: Values) -> Any:
        found = {name: step(values) for name, step in steps}
        return make({name: given for name, given in found.items() if given is not Undefined})

    return step


def _converted(type: Any) -> Conversion:
    """The conversion from graphql-core's value to strawberry's."""
    inner = type.of_type if isinstance(type, GraphQLNonNull) else type
    if isinstance(inner, GraphQLInputObjectType):
        make, names = _maker(inner)
        conversions = {name: _converted(field.type) for name, field in inner.fields.items()}

        def converted(value: Any) -> Any:
            if value is None:
                return None
            return make({names[name]: conversions[name](given) for name, given in value.items()})

        return converted
    element = inner.of_type if isinstance(inner, GraphQLList) else inner
    element = element.of_type if isinstance(element, GraphQLNonNull) else element
    if isinstance(element, GraphQLInputObjectType):
        convert = _converted(element)
        return lambda value: (
            value
            if value is None or isinstance(value, QuestionBatch)
            else list(map(convert, value))
        )
    if not is_leaf_type(element):
        raise NotCompilable
    return lambda value: value


def _maker(type: GraphQLInputObjectType) -> tuple[Conversion, dict[str, str]]:
    """The function that creates the input class, and the Python names of its fields by GraphQL
    name."""
    definitions = type.extensions["strawberry-definition"]
    if definitions.from_input is not None or type.is_one_of:
        raise NotCompilable
    names = {
        name: field.extensions["strawberry-definition"].python_name
        for name, field in type.fields.items()
    }
    absent = {
        field.python_name: None
        for field in definitions.fields
        if field.default_value is MISSING and field.default_factory is MISSING
    }
    return lambda given_nodes: definitions.origin(**absent | given_nodes), names


def _default(signature: GraphQLArgument | GraphQLInputField | GraphQLVariableSignature) -> Any:
    try:
        return coerce_default_value(signature)
    except TypeError:
        raise NotCompilable from None


def _holds_variables(node: ValueNode) -> bool:
    if isinstance(node, ListValueNode):
        return any(map(_holds_variables, node.values))
    if isinstance(node, ObjectValueNode):
        return any(_holds_variables(field.value) for field in node.fields)
    return isinstance(node, VariableNode)
