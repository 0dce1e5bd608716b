"""What a question may ask for at most, and the documents that are known to keep to it.

A document is read, validated and measured once; its text is the key. Everything is counted
through fragments, as it will be executed, and refused before any of it is.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field, replace
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLSchema,
    Node,
    OperationDefinitionNode,
    OperationType,
    SelectionNode,
    get_operation_ast,
    parse,
    specified_rules,
    validate,
)

BODY = 16 * 1024  # bytes of a request
BATCH_BODY = 64 * 1024  # and of one that looks up many keys
BATCHES = {"operatorsByTin", "recognitions"}
CACHED = 256  # documents; one of the largest takes about a quarter of a megabyte
ERRORS = 5  # that a refused document is told of at once


@dataclass(frozen=True)
class Size:
    """How large a selection is: levels of braces, aliases, tokens, fields at the root."""

    depth: int
    aliases: int
    tokens: int
    roots: int


MOST = Size(depth=8, aliases=15, tokens=500, roots=10)
#: Tools ask for the whole schema in one standard document. How deep it may go into the schema
#: graphql-core itself limits.
MOST_OF_SCHEMA = Size(depth=20, aliases=15, tokens=2_000, roots=10)


@dataclass(frozen=True)
class Document:
    """A document that may be executed, or the errors for which it may not.

    `plans`: what api.planning made of it, by the name of the operation; dropped with it.
    """

    node: DocumentNode | None
    errors: tuple[GraphQLError, ...] = ()
    plans: dict[str | None, Any] = field(default_factory=dict, compare=False, repr=False)

    def operation(self, name: str | None) -> OperationDefinitionNode | None:
        """The operation meant; None where none or several could be."""
        return get_operation_ast(self.node, name) if self.node else None


class Documents:
    """The last documents that were good, by their text. Refused ones are not kept."""

    def __init__(self, schema: GraphQLSchema) -> None:
        self._schema = schema
        self._known: OrderedDict[str, Document] = OrderedDict()

    def get(self, text: str) -> Document:
        """Never raises: a document that is wrong says so in its errors."""
        found = self._known.get(text)
        if found is not None:
            self._known.move_to_end(text)
            return found
        made = read(self._schema, text)
        if not made.errors:
            self._known[text] = made
            if len(self._known) > CACHED:
                self._known.popitem(last=False)
        return made


def read(schema: GraphQLSchema, text: str) -> Document:
    """Reads, measures and validates: in this order, for each step is dearer than the one before."""
    try:
        node = parse(text, max_tokens=MOST_OF_SCHEMA.tokens)
    except GraphQLError as error:
        return Document(None, (error,))
    except RecursionError:
        return Document(None, (GraphQLError("The document is nested too deeply."),))
    errors = [*_too_large(node), *_operations(node)]
    return Document(
        node, tuple(errors or validate(schema, node, specified_rules, max_errors=ERRORS))
    )


def may_be_long(operation: OperationDefinitionNode) -> bool:
    """Does it only look up many keys? Then its request may be longer."""
    chosen = operation.selection_set.selections
    return all(isinstance(it, FieldNode) and it.name.value in BATCHES for it in chosen)


def _operations(document: DocumentNode) -> list[GraphQLError]:
    return [
        GraphQLError("There are no subscriptions here.", it)
        for it in document.definitions
        if isinstance(it, OperationDefinitionNode) and it.operation is OperationType.SUBSCRIPTION
    ]


def _too_large(document: DocumentNode) -> list[GraphQLError]:
    scale = _Scale(document)
    errors = []
    for it in document.definitions:
        if isinstance(it, OperationDefinitionNode):
            size = scale.size(it)
            names = scale.names(it)
            most = MOST_OF_SCHEMA if names and all(n.startswith("__") for n in names) else MOST
            errors += [
                GraphQLError(
                    f"{what}: found {found} in this operation, counted through its fragments, "
                    f"and at most {limit} are answered.",
                    it,
                    extensions={"code": "TOO_LARGE"},
                )
                for what, found, limit in (
                    ("nested levels", size.depth, most.depth),
                    ("aliases", size.aliases, most.aliases),
                    ("tokens", size.tokens, most.tokens),
                    ("fields at the root", size.roots, most.roots),
                )
                if found > limit
            ]
    return errors


class _Scale:
    """Measures parts of one document; every fragment once, however often it is spread."""

    def __init__(self, document: DocumentNode) -> None:
        self._fragments = {
            it.name.value: it
            for it in document.definitions
            if isinstance(it, FragmentDefinitionNode)
        }
        self._sizes: dict[str, Size] = {}
        self._place: dict[int, int] = {}
        token = document.loc.start_token if document.loc else None
        while token is not None:
            self._place[id(token)] = len(self._place)
            token = token.next

    def size(self, node: Node) -> Size:
        """Of an operation or a selection. A fragment inside itself counts for nothing here:
        validation refuses it."""
        depth = aliases = roots = 0
        tokens = self._tokens(node)
        for it in _selections(node):
            if isinstance(it, FragmentSpreadNode):
                inner = self._fragment(it.name.value)
                tokens += inner.tokens
            else:
                inner = self.size(it)
                tokens += inner.tokens - self._tokens(it)  # its own are in ours already
            if isinstance(it, FieldNode):
                aliases += it.alias is not None
                inner = replace(inner, depth=inner.depth + bool(it.selection_set), roots=1)
            depth = max(depth, inner.depth)
            aliases, roots = aliases + inner.aliases, roots + inner.roots
        return Size(depth, aliases, tokens, roots)

    def names(self, node: Node) -> set[str]:
        """The fields that an operation asks for at the root. Every fragment is opened once."""
        names: set[str] = set()
        opened: set[str] = set()
        waiting = list(_selections(node))
        while waiting:
            it = waiting.pop()
            if isinstance(it, FieldNode):
                names.add(it.name.value)
            elif not isinstance(it, FragmentSpreadNode):
                waiting += _selections(it)
            elif it.name.value in self._fragments and it.name.value not in opened:
                opened.add(it.name.value)
                waiting += _selections(self._fragments[it.name.value])
        return names

    def _fragment(self, name: str) -> Size:
        if name not in self._sizes:
            self._sizes[name] = Size(0, 0, 0, 0)
            if name in self._fragments:
                self._sizes[name] = self.size(self._fragments[name])
        return self._sizes[name]

    def _tokens(self, node: Node) -> int:
        if node.loc is None:
            return 0
        first, last = node.loc.start_token, node.loc.end_token
        return self._place[id(last)] - self._place[id(first)] + 1


def _selections(node: Node) -> tuple[SelectionNode, ...]:
    return tuple(getattr(getattr(node, "selection_set", None), "selections", ()))
