"""Limits of a query, and the cache of documents that were checked against them.

A document is parsed, validated and measured once; the cache key is its text. Everything is counted
through fragments, as it will be executed, and refused before any of it is executed.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from graphql import (
    ASTValidationRule,
    DocumentNode,
    FieldNode,
    GraphQLError,
    GraphQLSchema,
    OperationDefinitionNode,
    get_operation_ast,
    parse,
    specified_rules,
    validate,
)

from api.graphql import declarations
from api.graphql.complexity import DocumentSize, DocumentSizes
from api.graphql.costs import Cost, cost
from registry.domain.sentences import Sentence
from registry.domain.texts import has_nul

BODY = 16 * 1024  # Bytes of a request.
BATCH_BODY = 64 * 1024  # Bytes of a request that looks up many keys.
DECLARATIONS_BODY = 384 * 1024  # Bytes of a batch of declarations, of some 200 bytes each.
BATCHES = {
    "operatorsByTin": BATCH_BODY,
    "recognitions": BATCH_BODY,
    declarations.FIELD: DECLARATIONS_BODY,
}
CACHED = 256  # Documents in the cache; one of the largest takes about a quarter of a megabyte.
CACHED_TEXT = 4_000_000  # Characters of all documents in the cache.
REFUSED = 64  # Refused documents in the cache: a client that sends one sends it again.
ERRORS = 5  # Most errors in the response to an invalid document.


MOST = DocumentSize(depth=8, aliases=15, tokens=500, roots=10, pairs=10_000)
#: Limits of introspection: tools ask for the whole schema in one standard document. graphql-core
#: itself limits how deep it may go; each execution takes as long as a hundred queries.
MOST_OF_SCHEMA = DocumentSize(depth=20, aliases=2, tokens=1_000, roots=2, pairs=10_000)
OPERATIONS = 10  # Operations of one document: each is validated with all its fragments.
#: PostgreSQL's text type cannot hold NUL, so a search for it would fail with an internal error.
NUL = Sentence("found a NUL character, which no text of this register has")
#: Microseconds of work (api.graphql.costs): the default deadline of a query.
COST = 2_000_000


@dataclass(frozen=True)
class CheckedDocument:
    """A document that may be executed, or the errors for which it may not.

    `plans`: what api.graphql.planner compiled, by the name of the operation, and `receipts`: what
    it compiled of questions with receipts; both are dropped with the document. `batches`: the
    variables of each operation that are batches of declarations.
    """

    node: DocumentNode | None
    errors: tuple[GraphQLError, ...] = ()
    costs: Mapping[str | None, Cost] = field(default_factory=dict)
    plans: dict[str | None, Any] = field(default_factory=dict, compare=False, repr=False)
    receipts: dict[str | None, Any] = field(default_factory=dict, compare=False, repr=False)
    batches: Mapping[str | None, tuple[str, ...]] = field(default_factory=dict)
    #: The operations that were asked for, by name.
    _operations_by_name: dict[str | None, OperationDefinitionNode] = field(
        default_factory=dict, compare=False, repr=False
    )

    def operation(self, name: str | None) -> OperationDefinitionNode | None:
        """The operation of this name; None where there is none, or several could be meant."""
        found = self._operations_by_name.get(name)
        if found is None and self.node:
            found = get_operation_ast(self.node, name)
            if found is not None:
                self._operations_by_name[name] = found
        return found

    def cost(self, operation: OperationDefinitionNode, variables: Mapping[str, Any]) -> int:
        """The estimated cost of this operation with these variables, in microseconds."""
        return self.costs[_name(operation)].of(variables)

    def examined(
        self, operation: OperationDefinitionNode, variables: Mapping[str, Any]
    ) -> Mapping[str, Any]:
        """The variables, with batches of declarations parsed: an invalid declaration gets an error
        of its own."""
        names = self.batches.get(_name(operation)) if self.batches else None
        return declarations.parse_variables(names, variables) if names else variables

    def too_costly(
        self,
        operation: OperationDefinitionNode,
        variables: Mapping[str, Any],
        found: int | None = None,
    ) -> GraphQLError | None:
        """The error for which this operation is not executed with these variables, or None.
        `found`: its cost, where it is known already."""
        given = variables
        if self.batches:  # A NUL in a declaration is an error of that declaration alone.
            batch = declarations.QuestionBatch
            given = {
                name: variable
                for name, variable in variables.items()
                if not isinstance(variable, batch)
            }
        if has_nul(given):
            return GraphQLError(Sentence("variables: %(why)s", why=NUL), operation)
        found = self.cost(operation, variables) if found is None else found
        if found <= COST:
            return None
        return GraphQLError(
            Sentence(
                "cost: this asks for about %(found)s seconds of work, and at most %(most)s are done"
                " for one question. Ask for smaller pages, fewer keys, or less of each.",
                found=f"{found / 1e6:.1f}",
                most=f"{COST / 1e6:.1f}",
            ),
            operation,
            extensions={"code": "TOO_LARGE"},
        )


class Documents:
    """LRU cache of checked documents by their text: valid ones, and separately a few refused
    ones."""

    def __init__(self, schema: GraphQLSchema) -> None:
        self._schema = schema
        self._good: OrderedDict[str, CheckedDocument] = OrderedDict()
        self._characters = 0
        self._refused: OrderedDict[str, CheckedDocument] = OrderedDict()

    def known(self, text: str) -> bool:
        """True where the document is cached. Reading a new one takes longer than most answers."""
        return text in self._good or text in self._refused

    def cached(self, text: str) -> CheckedDocument | None:
        """The cached document, or None."""
        for cache in (self._good, self._refused):
            found = cache.get(text)
            if found is not None:
                cache.move_to_end(text)
                return found
        return None

    def get(self, text: str) -> CheckedDocument:
        """The checked document, from the cache or read now. An invalid one holds its errors;
        nothing is raised."""
        found = self.cached(text)
        if found is None:
            found = read(self._schema, text)
            self.keep(text, found)
        return found

    def keep(self, text: str, checked: CheckedDocument) -> None:
        """Puts a checked document into the cache."""
        if checked.errors:
            self._refused[text] = checked
            if len(self._refused) > REFUSED:
                self._refused.popitem(last=False)
        elif text not in self._good:
            self._good[text] = checked
            self._characters += len(text)
            while len(self._good) > CACHED or self._characters > CACHED_TEXT:
                self._characters -= len(self._good.popitem(last=False)[0])


def read(
    schema: GraphQLSchema,
    text: str,
    rules: Collection[type[ASTValidationRule]] = specified_rules,
) -> CheckedDocument:
    """Parses, measures and validates a document, in this order: each step costs more than the one
    before."""
    try:
        node = parse(text, max_tokens=MOST_OF_SCHEMA.tokens)
    except GraphQLError as error:
        return CheckedDocument(None, (error,))
    except RecursionError:
        return CheckedDocument(None, (GraphQLError("The document is nested too deeply."),))
    errors = _too_many(node) or [*_too_large(node), *_nul(node, text)]
    if not errors and declarations.FIELD in text:
        node = declarations.with_parsed_batches(node)
    errors = errors or validate(schema, node, rules, max_errors=ERRORS)
    errors = [_incremental_delivery(error) or error for error in errors]
    if errors:
        return CheckedDocument(None, tuple(errors))
    operations = [
        definition
        for definition in node.definitions
        if isinstance(definition, OperationDefinitionNode)
    ]
    batches = {
        _name(operation): names
        for operation in operations
        if (names := declarations.batch_variables(operation))
    }
    costs = {_name(operation): cost(schema, node, operation) for operation in operations}
    return CheckedDocument(node, costs=costs, batches=batches)


def _incremental_delivery(error: GraphQLError) -> GraphQLError | None:
    """A clear error for @defer and @stream, which Apollo and Relay offer and this service does
    not."""
    for name in ("defer", "stream"):
        if error.message.startswith(f"Unknown directive '@{name}'"):
            return GraphQLError(
                f"@{name}: an answer is sent whole, and never in parts. Leave the directive out, or"
                " ask for what may come later in a question of its own.",
                error.nodes,
            )
    return None


def longest(operation: OperationDefinitionNode) -> int:
    """The maximum size of the operation's request in bytes; larger for one that only looks up many
    keys."""
    chosen = operation.selection_set.selections
    return min(
        (
            BATCHES.get(selection_node.name.value, BODY)
            if isinstance(selection_node, FieldNode)
            else BODY
            for selection_node in chosen
        ),
        default=BODY,
    )


def _name(operation: OperationDefinitionNode) -> str | None:
    return operation.name.value if operation.name else None


def _too_many(document: DocumentNode) -> list[GraphQLError]:
    found = sum(
        isinstance(definition, OperationDefinitionNode) for definition in document.definitions
    )
    if found <= OPERATIONS:
        return []
    message = f"operations: found {found} in this document, and at most {OPERATIONS} are read."
    return [GraphQLError(message, extensions={"code": "TOO_LARGE"})]


def _nul(document: DocumentNode, text: str) -> list[GraphQLError]:
    """The error for a NUL character, which a document can contain only as an escape."""
    token = document.loc.start_token if document.loc and r"\u" in text else None
    while token:
        if "\0" in (token.value or ""):
            return [GraphQLError(f"line {token.line}: {NUL}")]
        token = token.next
    return []


def _too_large(document: DocumentNode) -> list[GraphQLError]:
    sizes = DocumentSizes(document)
    errors = []
    for definition in document.definitions:
        if isinstance(definition, OperationDefinitionNode):
            size = sizes.of_operation(definition)
            names = sizes.names(definition)
            most = MOST_OF_SCHEMA if names and all(n.startswith("__") for n in names) else MOST
            errors += [
                GraphQLError(
                    f"{what}: found {found} in this operation, counted through its fragments, "
                    f"and at most {limit} are answered.",
                    definition,
                    extensions={"code": "TOO_LARGE"},
                )
                for what, found, limit in (
                    ("nested levels", size.depth, most.depth),
                    ("aliases", size.aliases, most.aliases),
                    ("tokens", size.tokens, most.tokens),
                    ("fields at the root", size.roots, most.roots),
                    ("pairs of fields with one name", size.pairs, most.pairs),
                )
                if found > limit
            ]
    return errors
