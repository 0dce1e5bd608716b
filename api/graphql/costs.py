"""What a question costs, told before it is asked: microseconds, by what its fields say.

A field that costs more than its bare value says so beside its declaration. How many entries a
list will have comes from the page size or the keys asked for, else from the declaration too.
Folded once for a document; what is left for a request is a product or two.
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

# Microseconds by which an answer from one statement grows; measured with 1,000 keys.
LEAF = 1
ENTRY = 1  # of a list, or an object that is there already
LOOKED_UP = 30  # an object that is fetched, where its field says nothing else
#: How many times as long the stock executor takes for the same, where one field has no plan.
LONG_WAY = 10
#: Entries of a list that says nothing.
SOME = 10

_PRICE = "what it costs"
#: The arguments that say how many entries there will be, and the most they can say.
_SIZES = {"first": LARGEST_PAGE, "tins": MOST_KEYS, "questions": MOST_KEYS}
_KEYS = {"tins", "questions"}


@dataclass(frozen=True)
class Price:
    """`micros`: once; of a look-up by keys, for each. `each`: the entries of a list, typically."""

    micros: int
    each: int | None = None


def costs(micros: int = LOOKED_UP, *, each: int | None = None) -> Callable[[T], T]:
    """Goes above `@strawberry.field`."""

    def say(field: T) -> T:
        own = cast(StrawberryField, field)
        own.metadata = MappingProxyType({**own.metadata, _PRICE: Price(micros, each)})
        return field

    return say


@dataclass(frozen=True)
class ArgumentSize:
    """How many: the number itself, or the variable that says it, with what it is without one."""

    number: int
    variable: str = ""
    most: int = 0

    def of(self, variables: Mapping[str, Any]) -> int:
        if not self.variable:
            return self.number
        said = variables.get(self.variable)
        return self.number if said is None else _within(said, self.most)


@dataclass(frozen=True)
class Cost:
    """`fixed`, and for each of the others so many times what it costs once."""

    fixed: int = 0
    others: tuple[tuple[ArgumentSize, Cost], ...] = ()

    def of(self, variables: Mapping[str, Any]) -> int:
        """Microseconds. A page size that is none, or is too large, is refused by its field."""
        total = self.fixed
        for size, once in self.others:
            total += size.of(variables) * once.of(variables)
        return total

    def plus(self, more: Cost) -> Cost:
        return Cost(self.fixed + more.fixed, self.others + more.others)

    def times(self, size: ArgumentSize) -> Cost:
        if size.variable:
            return Cost(0, ((size, self),))
        return Cost(
            self.fixed * size.number,
            tuple((each, once.times(size)) for each, once in self.others),
        )


def cost(schema: GraphQLSchema, document: DocumentNode, operation: OperationDefinitionNode) -> Cost:
    """Of one operation of a document that is valid; what @skip and @include leave out counts."""
    root = schema.get_root_type(operation.operation)
    return _Folding(schema, document, operation).whole(root) if root else Cost()


class _Folding:
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

    def whole(self, root: GraphQLObjectType) -> Cost:
        once = self._selection(root, self._operation, None)
        return once if self._planned else once.times(ArgumentSize(LONG_WAY))

    def _selection(self, type: Any, node: Node, page: ArgumentSize | None) -> Cost:
        """`page`: how many entries the list inside has, where the field around it was told."""
        total = Cost()
        for selection in selections(node):
            if isinstance(selection, FieldNode):
                total = total.plus(self._field(type, selection, page))
            elif isinstance(selection, FragmentSpreadNode):
                spread = self._fragments[selection.name.value]
                total = total.plus(self._selection(self._narrowed(type, spread), spread, page))
            else:
                assert isinstance(selection, InlineFragmentNode)
                total = total.plus(
                    self._selection(self._narrowed(type, selection), selection, page)
                )
        return total

    def _narrowed(self, type: Any, item: FragmentDefinitionNode | InlineFragmentNode) -> Any:
        named = item.type_condition
        return self._schema.get_type(named.name.value) if named else type

    def _field(self, type: Any, node: FieldNode, page: ArgumentSize | None) -> Cost:
        if not isinstance(type, GraphQLObjectType | GraphQLInterfaceType):
            return Cost(LEAF)  # __typename of a union
        defined = type.fields.get(node.name.value)
        own = defined.extensions.get("strawberry-definition") if defined else None
        if defined is None or own is None:
            return Cost(LEAF)  # introspection, which has limits of its own
        where = place(own.metadata)
        plain = where is None and own.base_resolver is None
        if (where is None and not plain) or (isinstance(where, Value) and where.sql is None):
            self._planned = False
        inner: Any = get_named_type(defined.type)
        said: Price | None = own.metadata.get(_PRICE)
        if is_leaf_type(inner):
            return Cost(said.micros if said else LEAF)
        price = said or Price(ENTRY if plain else LOOKED_UP)
        size = self._told(defined, node)
        if not _is_list(defined.type):
            return Cost(price.micros).plus(self._selection(inner, node, size))
        if _KEYS & defined.args.keys():
            assert size
            return Cost(price.micros).plus(self._selection(inner, node, None)).times(size)
        entries = size or page or ArgumentSize(price.each or SOME)
        once = Cost(ENTRY).plus(self._selection(inner, node, None))
        return Cost(price.micros).plus(once.times(entries))

    def _told(self, defined: GraphQLField, node: FieldNode) -> ArgumentSize | None:
        name = next((name for name in _SIZES if name in defined.args), None)
        if name is None:
            return None
        most = _SIZES[name]
        otherwise = _within(defined.args[name].default_value, most)
        given: dict[str, Any] = {
            argument.name.value: argument.value for argument in node.arguments or ()
        }
        if "last" in given:  # instead of `first`, which then says nothing
            if "first" in given:
                return ArgumentSize(most)
            name = "last"
        said = given.get(name)
        if isinstance(said, VariableNode):
            variable = said.name.value
            return ArgumentSize(
                _literal(self._defaults.get(variable), otherwise, most), variable, most
            )
        return ArgumentSize(_literal(said, otherwise, most))


def _literal(said: Any, otherwise: int, most: int) -> int:
    if isinstance(said, ListValueNode):
        return _within(said.values, most)
    return _within(int(said.value), most) if isinstance(said, IntValueNode) else otherwise


def _within(said: Any, most: int) -> int:
    """A number of keys or entries, whatever was said: what cannot be is refused by its field."""
    number = said if isinstance(said, int) else len(said) if isinstance(said, list | tuple) else 1
    return max(1, min(number, most))


def _is_list(type: Any) -> bool:
    return isinstance(type.of_type if isinstance(type, GraphQLNonNull) else type, GraphQLList)
