"""How large a document is: counted through its fragments, as it would be executed."""

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
    """How large a selection is: levels of braces, aliases, tokens, fields at the root, and how
    many pairs of fields answer to one name: validation compares each with each."""

    depth: int
    aliases: int
    tokens: int
    roots: int
    pairs: int = 0


class Scale:
    """Measures parts of one document; every fragment once, however often it is spread."""

    def __init__(self, document: DocumentNode) -> None:
        self._fragments = {
            definition.name.value: definition
            for definition in document.definitions
            if isinstance(definition, FragmentDefinitionNode)
        }
        self._sizes: dict[str, DocumentSize] = {}
        self._keys: dict[str, Counter[str]] = {}
        self._place: dict[int, int] = {}
        token = document.loc.start_token if document.loc else None
        while token is not None:
            self._place[id(token)] = len(self._place)
            token = token.next

    def whole(self, operation: Node) -> DocumentSize:
        """Of an operation."""
        pairs = sum(times * (times - 1) // 2 for times in self._names(operation).values())
        return replace(self._size(operation), pairs=pairs)

    def _size(self, node: Node) -> DocumentSize:
        """Of an operation or a selection. A fragment inside itself counts for nothing here:
        validation refuses it."""
        depth = aliases = roots = 0
        tokens = self._tokens(node)
        for selection in selections(node):
            if isinstance(selection, FragmentSpreadNode):
                inner = self._fragment(selection.name.value)
                tokens += inner.tokens
            else:
                inner = self._size(selection)
                tokens += inner.tokens - self._tokens(selection)  # its own are in ours already
            if isinstance(selection, FieldNode):
                aliases += selection.alias is not None
                inner = replace(inner, depth=inner.depth + bool(selection.selection_set), roots=1)
            depth = max(depth, inner.depth)
            aliases, roots = aliases + inner.aliases, roots + inner.roots
        return DocumentSize(depth, aliases, tokens, roots)

    def names(self, node: Node) -> set[str]:
        """The fields that an operation asks for at the root. Every fragment is opened once."""
        names: set[str] = set()
        opened: set[str] = set()
        waiting = list(selections(node))
        while waiting:
            selection_node = waiting.pop()
            if isinstance(selection_node, FieldNode):
                names.add(selection_node.name.value)
            elif not isinstance(selection_node, FragmentSpreadNode):
                waiting += selections(selection_node)
            elif (
                selection_node.name.value in self._fragments
                and selection_node.name.value not in opened
            ):
                opened.add(selection_node.name.value)
                waiting += selections(self._fragments[selection_node.name.value])
        return names

    def _names(self, node: Node) -> Counter[str]:
        """How often each name is answered to, at whatever depth."""
        found: Counter[str] = Counter()
        for selection in selections(node):
            if isinstance(selection, FragmentSpreadNode):
                name = selection.name.value
                if name not in self._keys:
                    self._keys[name] = Counter()
                    if name in self._fragments:
                        self._keys[name] = self._names(self._fragments[name])
                found += self._keys[name]
            else:
                if isinstance(selection, FieldNode):
                    found[(selection.alias or selection.name).value] += 1
                found += self._names(selection)
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
        return self._place[id(last)] - self._place[id(first)] + 1


def selections(node: Node) -> tuple[SelectionNode, ...]:
    return tuple(getattr(getattr(node, "selection_set", None), "selections", ()))
