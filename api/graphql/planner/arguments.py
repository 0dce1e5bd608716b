"""What a request says for its variables and arguments, in the steps that its document leaves to do.

graphql-core walks the syntax tree anew for every request. What it would find there is the same
each time, so it is found once, with graphql-core's own functions, and kept as steps; what is not of
the plain kinds (Odd) is read by graphql-core every time. The values are then what a resolver gets.
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

from api.graphql.declarations import Questions
from api.graphql.sql_fields import NotPlanned

Values = Mapping[str, Any]
#: From the values of the variables to one value; Undefined where nothing is said.
Step = Callable[[Values], Any]
Change = Callable[[Any], Any]


class Odd(Exception):
    """Not of the plain kinds: graphql-core reads it."""


class Variables:
    """The variables of one operation that was found valid."""

    def __init__(self, schema: GraphQLSchema, operation: OperationDefinitionNode) -> None:
        self._declared: list[tuple[str, Change, bool, Any]] = []
        for node in operation.variable_definitions or ():
            item = get_variable_signature(schema, node)
            if isinstance(item, GraphQLError):
                raise NotPlanned("variables", item.message)
            try:
                default = _default(item)
            except Odd:
                raise NotPlanned("variables", item.name) from None
            required = isinstance(item.type, GraphQLNonNull) and default is Undefined
            self._declared.append((item.name, _coercion(item.type), required, default))

    def read(self, given: Values) -> dict[str, Any]:
        """Raises Declined for what the executor would refuse."""
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
        """Raises Odd."""
        said = {argument.name.value: argument.value for argument in node.arguments or ()}
        own = field.extensions["strawberry-definition"].arguments
        names = (item.python_name for item in own)
        self._steps = [
            (python, _step(said.get(name), argument))
            for (name, argument), python in zip(field.args.items(), names, strict=True)
        ]

    def read(self, values: Values) -> dict[str, Any]:
        """Raises Declined for what the executor would refuse."""
        found = {}
        for name, step in self._steps:
            value = step(values)
            if value is not Undefined:
                found[name] = value
        return found


def _coercion(type: Any) -> Change:
    """A scalar's own function where that is all there is; it is asked for most."""
    inner = type.of_type if isinstance(type, GraphQLNonNull) else type
    if isinstance(inner, GraphQLList) and is_leaf_type(get_nullable_type(inner.of_type)):
        return _each(type, _coercion(inner.of_type))
    if not is_leaf_type(inner):
        # A batch of declarations was read before, question by question.
        return lambda value: (
            value if isinstance(value, Questions) else coerce_input_value(value, type)
        )
    absent = Undefined if inner is not type else None

    def coerced(value: Any) -> Any:
        if value is None:
            return absent
        try:
            return inner.coerce_input_value(value)
        except Exception:  # whatever a scalar raises, graphql-core takes it for this
            return Undefined

    return coerced


def _each(type: Any, coerced: Change) -> Change:
    """The same of a list of scalars: look-ups have a thousand keys."""

    def coerced_each(value: Any) -> Any:
        if not isinstance(value, list):
            return coerce_input_value(value, type)
        made = [coerced(item) for item in value]
        return Undefined if any(item is Undefined for item in made) else made

    return coerced_each


def _step(node: ValueNode | None, place: GraphQLArgument | GraphQLInputField) -> Step:
    """Of an argument, or a field of an input object: what is not said is its default."""
    type, default = place.type, _default(place)
    if default is not Undefined:
        default = _converted(type)(default)
    required = isinstance(type, GraphQLNonNull) and default is Undefined
    if isinstance(node, VariableNode):
        return _variable(node.name.value, type, default, required)
    if node is None:
        if required:
            raise Odd
        return lambda values: default
    inner = type.of_type if isinstance(type, GraphQLNonNull) else type
    if not _holds_variables(node):
        constant = coerce_input_literal(node, type)
        if constant is Undefined:
            raise Odd
        constant = _converted(type)(constant)
        return lambda values: constant
    if isinstance(node, ObjectValueNode) and isinstance(inner, GraphQLInputObjectType):
        return _object(node, inner)
    raise Odd


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
    said = {field.name.value: field.value for field in node.fields}
    make, names = _maker(type)
    steps = [(names[name], _step(said.get(name), field)) for name, field in type.fields.items()]

    def step(values: Values) -> Any:
        found = {name: step(values) for name, step in steps}
        return make({name: item for name, item in found.items() if item is not Undefined})

    return step


def _converted(type: Any) -> Change:
    """From what graphql-core makes of a value to what strawberry does."""
    inner = type.of_type if isinstance(type, GraphQLNonNull) else type
    if isinstance(inner, GraphQLInputObjectType):
        make, names = _maker(inner)
        changes = {name: _converted(field.type) for name, field in inner.fields.items()}

        def converted(value: Any) -> Any:
            if value is None:
                return None
            return make({names[name]: changes[name](item) for name, item in value.items()})

        return converted
    element = inner.of_type if isinstance(inner, GraphQLList) else inner
    element = element.of_type if isinstance(element, GraphQLNonNull) else element
    if isinstance(element, GraphQLInputObjectType):
        each = _converted(element)
        return lambda value: (
            value if value is None or isinstance(value, Questions) else list(map(each, value))
        )
    if not is_leaf_type(element):
        raise Odd
    return lambda value: value


def _maker(type: GraphQLInputObjectType) -> tuple[Change, dict[str, str]]:
    """Makes the input class from what is said, and how its fields are named in Python."""
    own = type.extensions["strawberry-definition"]
    if own.from_input is not None or type.is_one_of:
        raise Odd
    names = {
        name: field.extensions["strawberry-definition"].python_name
        for name, field in type.fields.items()
    }
    absent = {
        field.python_name: None
        for field in own.fields
        if field.default_value is MISSING and field.default_factory is MISSING
    }
    return lambda said: own.origin(**absent | said), names


def _default(item: GraphQLArgument | GraphQLInputField | GraphQLVariableSignature) -> Any:
    try:
        return coerce_default_value(item)
    except TypeError:
        raise Odd from None


def _holds_variables(node: ValueNode) -> bool:
    if isinstance(node, ListValueNode):
        return any(map(_holds_variables, node.values))
    if isinstance(node, ObjectValueNode):
        return any(_holds_variables(field.value) for field in node.fields)
    return isinstance(node, VariableNode)
