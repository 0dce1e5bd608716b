"""Measures how large a GraphQL document is, counted through its fragments, as it would be
executed."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    Node,
    SelectionNode,
)


@dataclass(frozen=True)
class DocumentSize:
    """The size of a selection: depth, aliases, tokens, root fields, and pairs of fields with the
    same response name, since validation compares each pair."""

    depth: int
    aliases: int
    tokens: int
    roots: int
    pairs: int = 0


class DocumentSizes:
    """Measures the operations of one document; every fragment once, however often it is spread."""

    def __init__(self, document: DocumentNode) -> None:
        self._fragments = {
            definition.name.value: definition
            for definition in document.definitions
            if isinstance(definition, FragmentDefinitionNode)
        }
        self._sizes: dict[str, DocumentSize] = {}
        self._names_of_fragments: dict[str, Counter[str]] = {}
        self._token_index: dict[int, int] = {}
        token = document.loc.start_token if document.loc else None
        while token is not None:
            self._token_index[id(token)] = len(self._token_index)
            token = token.next

    def of_operation(self, operation: Node) -> DocumentSize:
        """The size of an operation."""
        pairs = sum(times * (times - 1) // 2 for times in self._response_names(operation).values())
        return replace(self._size(operation), pairs=pairs)

    def _size(self, node: Node) -> DocumentSize:
        """The size of an operation or a selection. A fragment that contains itself counts nothing
        here; validation refuses it."""
        depth = aliases = roots = 0
        tokens = self._tokens(node)
        for selection in selections(node):
            if isinstance(selection, FragmentSpreadNode):
                inner = self._fragment(selection.name.value)
                tokens += inner.tokens
            else:
                inner = self._size(selection)
                # Its own tokens are already counted.
                tokens += inner.tokens - self._tokens(selection)
            if isinstance(selection, FieldNode):
                aliases += selection.alias is not None
                inner = replace(inner, depth=inner.depth + bool(selection.selection_set), roots=1)
            depth = max(depth, inner.depth)
            aliases, roots = aliases + inner.aliases, roots + inner.roots
        return DocumentSize(depth, aliases, tokens, roots)

    def names(self, node: Node) -> set[str]:
        """The root fields of an operation. Every fragment is opened once."""
        names: set[str] = set()
        opened: set[str] = set()
        pending = list(selections(node))
        while pending:
            selection_node = pending.pop()
            if isinstance(selection_node, FieldNode):
                names.add(selection_node.name.value)
            elif not isinstance(selection_node, FragmentSpreadNode):
                pending += selections(selection_node)
            elif (
                selection_node.name.value in self._fragments
                and selection_node.name.value not in opened
            ):
                opened.add(selection_node.name.value)
                pending += selections(self._fragments[selection_node.name.value])
        return names

    def _response_names(self, node: Node) -> Counter[str]:
        """How often each response name occurs, at any depth."""
        found: Counter[str] = Counter()
        for selection in selections(node):
            if isinstance(selection, FragmentSpreadNode):
                name = selection.name.value
                if name not in self._names_of_fragments:
                    self._names_of_fragments[name] = Counter()
                    if name in self._fragments:
                        self._names_of_fragments[name] = self._response_names(self._fragments[name])
                found += self._names_of_fragments[name]
            else:
                if isinstance(selection, FieldNode):
                    found[(selection.alias or selection.name).value] += 1
                found += self._response_names(selection)
        return found

    def _fragment(self, name: str) -> DocumentSize:
        if name not in self._sizes:
            self._sizes[name] = DocumentSize(0, 0, 0, 0)
            if name in self._fragments:
                self._sizes[name] = self._size(self._fragments[name])
        return self._sizes[name]

    def _tokens(self, node: Node) -> int:
        if node.loc is None:
            return 0
        first, last = node.loc.start_token, node.loc.end_token
        return self._token_index[id(last)] - self._token_index[id(first)] + 1


def selections(node: Node) -> tuple[SelectionNode, ...]:
    """Returns the selections directly below a node; empty for a leaf."""
    return tuple(getattr(getattr(node, "selection_set", None), "selections", ()))
