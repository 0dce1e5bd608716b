"""Estimates what a query costs before it is executed, in microseconds, from its fields.

A field that costs more than its bare value declares it with `costs`. The number of entries of a
list comes from the page size or the keys asked for, or from the declaration. The estimate is
computed once for a document; each request only multiplies by its variables.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, TypeVar, cast

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    InlineFragmentNode,
    IntValueNode,
    ListValueNode,
    Node,
    OperationDefinitionNode,
    VariableNode,
    get_named_type,
    is_leaf_type,
)
from strawberry.types.field import StrawberryField

from api.graphql.complexity import selections
from api.graphql.paging import LARGEST_PAGE, MOST_KEYS
from api.graphql.sql_fields import Value, place

T = TypeVar("T")

# Microseconds that a field adds to an answer from one statement; measured with 1,000 keys.
LEAF = 1
ENTRY = 1  # An entry of a list, or an object that is already read.
LOOKED_UP = 30  # An object that is read by a SELECT, unless its field declares another cost.
#: The stock executor takes this many times as long, where one field is not planned.
EXECUTOR_FACTOR = 10
#: Entries of a list without a declared size.
DEFAULT_ENTRIES = 10

_PRICE = "what it costs"
#: Arguments that give the number of entries, and their maximum.
_SIZES = {"first": LARGEST_PAGE, "tins": MOST_KEYS, "questions": MOST_KEYS}
_KEYS = {"tins", "questions"}


@dataclass(frozen=True)
class Price:
    """`micros`: once, or for each key of a look-up. `each`: the typical number of entries of a
    list."""

    micros: int
    each: int | None = None


def costs(micros: int = LOOKED_UP, *, each: int | None = None) -> Callable[[T], T]:
    """Decorator above `@strawberry.field`: declares what the field costs."""

    def set_price(field: T) -> T:
        definition = cast(StrawberryField, field)
        definition.metadata = MappingProxyType({**definition.metadata, _PRICE: Price(micros, each)})
        return field

    return set_price


@dataclass(frozen=True)
class ArgumentSize:
    """A number of entries: a constant, or the value of a variable; `number` is then its default."""

    number: int
    variable: str = ""
    most: int = 0

    def of(self, variables: Mapping[str, Any]) -> int:
        """Returns the size with these variables, limited to `most`."""
        if not self.variable:
            return self.number
        given = variables.get(self.variable)
        return self.number if given is None else _within(given, self.most)


@dataclass(frozen=True)
class Cost:
    """`fixed`, plus each size multiplied by the cost of one entry."""

    fixed: int = 0
    others: tuple[tuple[ArgumentSize, Cost], ...] = ()

    def of(self, variables: Mapping[str, Any]) -> int:
        """The cost in microseconds. An invalid page size is refused by its field."""
        total = self.fixed
        for size, per_entry in self.others:
            total += size.of(variables) * per_entry.of(variables)
        return total

    def plus(self, more: Cost) -> Cost:
        """Returns the sum of both costs."""
        return Cost(self.fixed + more.fixed, self.others + more.others)

    def times(self, size: ArgumentSize) -> Cost:
        """Returns the cost of that many of these; the factor may depend on a variable."""
        if size.variable:
            return Cost(0, ((size, self),))
        return Cost(
            self.fixed * size.number,
            tuple((each, per_entry.times(size)) for each, per_entry in self.others),
        )


def cost(schema: GraphQLSchema, document: DocumentNode, operation: OperationDefinitionNode) -> Cost:
    """The cost of one operation of a valid document. What @skip and @include leave out counts
    too."""
    root = schema.get_root_type(operation.operation)
    return _CostComputation(schema, document, operation).total(root) if root else Cost()


class _CostComputation:
    def __init__(
        self, schema: GraphQLSchema, document: DocumentNode, operation: OperationDefinitionNode
    ) -> None:
        self._schema, self._operation = schema, operation
        self._fragments = {
            definition.name.value: definition
            for definition in document.definitions
            if isinstance(definition, FragmentDefinitionNode)
        }
        self._defaults = {
            variable_definition.variable.name.value: variable_definition.default_value
            for variable_definition in operation.variable_definitions or ()
        }
        self._planned = True

    def total(self, root: GraphQLObjectType) -> Cost:
        per_entry = self._selection(root, self._operation, None)
        return per_entry if self._planned else per_entry.times(ArgumentSize(EXECUTOR_FACTOR))

    def _selection(self, type: Any, node: Node, page: ArgumentSize | None) -> Cost:
        """`page`: the number of entries of the list inside, where the field around it was given
        one."""
        total = Cost()
        for selection in selections(node):
            if isinstance(selection, FieldNode):
                total = total.plus(self._field(type, selection, page))
            elif isinstance(selection, FragmentSpreadNode):
                spread = self._fragments[selection.name.value]
                total = total.plus(
                    self._selection(self._type_of_fragment(type, spread), spread, page)
                )
            else:
                assert isinstance(selection, InlineFragmentNode)
                total = total.plus(
                    self._selection(self._type_of_fragment(type, selection), selection, page)
                )
        return total

    def _type_of_fragment(
        self, type: Any, fragment: FragmentDefinitionNode | InlineFragmentNode
    ) -> Any:
        named = fragment.type_condition
        return self._schema.get_type(named.name.value) if named else type

    def _field(self, type: Any, node: FieldNode, page: ArgumentSize | None) -> Cost:
        if not isinstance(type, GraphQLObjectType | GraphQLInterfaceType):
            return Cost(LEAF)  # __typename of a union
        defined = type.fields.get(node.name.value)
        definition = defined.extensions.get("strawberry-definition") if defined else None
        if defined is None or definition is None:
            return Cost(LEAF)  # Introspection has limits of its own.
        field_place = place(definition.metadata)
        plain = field_place is None and definition.base_resolver is None
        if (field_place is None and not plain) or (
            isinstance(field_place, Value) and field_place.sql is None
        ):
            self._planned = False
        inner: Any = get_named_type(defined.type)
        given: Price | None = definition.metadata.get(_PRICE)
        if is_leaf_type(inner):
            return Cost(given.micros if given else LEAF)
        price = given or Price(ENTRY if plain else LOOKED_UP)
        size = self._argument_size(defined, node)
        if not _is_list(defined.type):
            return Cost(price.micros).plus(self._selection(inner, node, size))
        if _KEYS & defined.args.keys():
            assert size
            return Cost(price.micros).plus(self._selection(inner, node, None)).times(size)
        entries = size or page or ArgumentSize(price.each or DEFAULT_ENTRIES)
        per_entry = Cost(ENTRY).plus(self._selection(inner, node, None))
        return Cost(price.micros).plus(per_entry.times(entries))

    def _argument_size(self, defined: GraphQLField, node: FieldNode) -> ArgumentSize | None:
        name = next((name for name in _SIZES if name in defined.args), None)
        if name is None:
            return None
        most = _SIZES[name]
        default = _within(defined.args[name].default_value, most)
        arguments: dict[str, Any] = {
            argument.name.value: argument.value for argument in node.arguments or ()
        }
        if "last" in arguments:  # `last` replaces `first`.
            if "first" in arguments:
                return ArgumentSize(most)
            name = "last"
        given = arguments.get(name)
        if isinstance(given, VariableNode):
            variable = given.name.value
            return ArgumentSize(
                _literal(self._defaults.get(variable), default, most), variable, most
            )
        return ArgumentSize(_literal(given, default, most))


def _literal(given: Any, default: int, most: int) -> int:
    if isinstance(given, ListValueNode):
        return _within(given.values, most)
    return _within(int(given.value), most) if isinstance(given, IntValueNode) else default


def _within(given: Any, most: int) -> int:
    """A number of keys or entries within the limits; an invalid one is refused by its field."""
    number = (
        given if isinstance(given, int) else len(given) if isinstance(given, list | tuple) else 1
    )
    return max(1, min(number, most))


def _is_list(type: Any) -> bool:
    return isinstance(type.of_type if isinstance(type, GraphQLNonNull) else type, GraphQLList)
