"""Fast path for documents that ask one recognition question with receipts: they are answered
without the GraphQL executor.

A receipt is signed, and stored before the answer is given, which no SELECT does, so the planner
declines such a question. The facts of the rule are read, the rule is applied, and the receipts are
issued as in the resolvers; what is left out is the executor, which would take as long as all of
that for a thousand answers. The facts about one operator are read as for a planned answer. A
document with another field, or with @skip or @include by a variable, is declined. The answers are
the same; a test compares them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any

import orjson
import psycopg
from graphql import (
    ExecutionResult,
    FieldNode,
    FragmentDefinitionNode,
    GraphQLError,
    GraphQLSchema,
    OperationDefinitionNode,
    located_error,
)
from graphql.execution.collect_fields import (
    FieldDetails,
    FragmentDetails,
    GroupedFieldSet,
    collect_fields,
    collect_subfields,
)
from graphql.execution.values import get_variable_values
from psycopg_pool import PoolTimeout, TooManyRequests

from api.graphql.context import Context
from api.graphql.deadlines import left_when_cancelled
from api.graphql.limits import CheckedDocument
from api.graphql.planner.arguments import Arguments, NotCompilable, Variables
from api.graphql.planner.json_sql import element_type
from api.graphql.planner.operations import switches
from api.graphql.planner.planner import Planner
from api.graphql.positions import NotThere
from api.graphql.scalars import instant_text
from api.graphql.sql_fields import NotPlanned
from api.graphql.types.recognition import Recognition
from api.graphql.types.recognition_queries import RecognitionsAsked, all_asked, one_asked

#: What the executor answers itself: nothing was answered, and it may be asked again.
PASSED_ON = (psycopg.OperationalError, PoolTimeout, TooManyRequests, TimeoutError, NotThere)
QUESTIONS = ("recognition", "recognitions")
_Get = Callable[[Any], Any]
#: From an object to the object of the answer: for each name in it, where the value is found.
_Writer = Callable[[Any], dict[str, Any]]


def _plain(value: Any) -> Any:
    """The JSON value of a leaf."""
    if isinstance(value, datetime):
        return instant_text(value)
    return value.value if isinstance(value, Enum) else value


def _attribute(name: str) -> _Get:
    return lambda row: _plain(getattr(row, name))


#: Where the value of each leaf is found, by type and field.
LEAVES: Mapping[str, Mapping[str, _Get]] = {
    "Recognition": {
        "tin": lambda row: row.tin.text,
        "in": lambda row: row.in_.text,
        **{name: _attribute(name) for name in ("outcome", "legal", "operational", "at")},
        "knownAt": _attribute("known_at"),
        "position": _attribute("position"),
        "validFrom": lambda row: _plain(row.interval[0]),
        "validTo": lambda row: _plain(row.interval[1]),
    },
    "Reason": {"code": _attribute("code"), "message": _attribute("message")},
    "Fact": {name: _attribute(name) for name in ("name", "value", "zone", "item")},
    "RecognitionBasis": {
        **{name: _attribute(name) for name in ("authorisation", "since", "identifier", "assumed")},
        "identifierScheme": _attribute("identifier_scheme"),
        "declarationBox": _attribute("declaration_box"),
        "benefits": lambda row: list(row.benefits),
    },
    "Receipt": {
        "id": _attribute("id"),
        "issuedAt": _attribute("issued_at"),
        "jwt": _attribute("jwt"),
    },
}
#: Where the objects of the other fields are found.
OBJECTS: Mapping[str, Mapping[str, _Get]] = {
    "Recognition": {
        "reasons": lambda row: row.given_reasons,
        "bases": lambda row: row.answer.bases,
        "receipt": lambda row: row.issued,
    },
    "Reason": {"facts": lambda row: row.facts},
}


@dataclass(frozen=True)
class ReceiptQuestion:
    """A document with one recognition question. `key`: its name in the answer. `with_outcome`: the
    outcome is selected."""

    node: FieldNode
    key: str
    many: bool
    variables: Variables
    arguments: Arguments
    written: _Writer
    with_outcome: bool


def is_question(document: CheckedDocument, operation: OperationDefinitionNode) -> bool:
    """Whether the operation is known as a recognition question that can ask for receipts."""
    if not document.receipts:  # as nearly all
        return False
    return document.receipts.get(operation.name.value if operation.name else None) is not None


async def answer(
    planner: Planner,
    schema: GraphQLSchema,
    context: Context,
    document: CheckedDocument,
    operation: OperationDefinitionNode,
    variables: Mapping[str, Any],
) -> bytes | ExecutionResult | None:
    """The JSON text of `data` that the executor would give, or its error; None where the executor
    has to answer. No receipt was issued then. Raises the errors of PASSED_ON."""
    name = operation.name.value if operation.name else None
    if name not in document.receipts:
        document.receipts[name] = parse(schema, document, operation, variables)
    question: ReceiptQuestion | None = document.receipts[name]
    if question is None:
        return None
    try:
        asked = _asked(question, context, question.variables.read(variables))
    except (NotPlanned, GraphQLError):  # The executor words the refusal.
        return None
    if asked is None:
        return None
    try:
        found = await _answers(planner, context, question, asked)
    except PASSED_ON:
        raise
    except Exception as error:  # as the executor, which makes an error of the response of it
        return ExecutionResult(None, [located_error(error, [question.node], [question.key])])
    written = [question.written(each) for each in found]
    return orjson.dumps({question.key: written if question.many else written[0]})


async def _answers(
    planner: Planner, context: Context, question: ReceiptQuestion, asked: RecognitionsAsked
) -> list[Recognition]:
    if not question.many:
        try:
            parameters = asked.parameters
        except NotPlanned:
            pass  # a crossing whose names SQL does not know
        else:
            reading = planner.recognition_facts(context, parameters)
            return await asked.answer_from(context, reading, planner.laws)
    # psycopg gives up a silent connection only after ten seconds.
    return await left_when_cancelled(asked.answers(context, receipts=True))


def _asked(
    question: ReceiptQuestion, context: Context, values: Mapping[str, Any]
) -> RecognitionsAsked | None:
    """The question; None where it asks for no receipt. Raises NotPlanned, and GraphQLError as the
    resolver does."""
    given = question.arguments.read(values)
    if given.pop("receipt", False) is not True:
        return None
    if question.many:
        return all_asked(context, question.with_outcome, **given)
    return one_asked(context, question.with_outcome, **given)


def parse(
    schema: GraphQLSchema,
    document: CheckedDocument,
    operation: OperationDefinitionNode,
    variables: Mapping[str, Any],
) -> ReceiptQuestion | None:
    """The recognition question of a validated document; None for any other document."""
    assert document.node is not None and schema.query_type is not None
    declared = operation.variable_definitions or ()
    values = get_variable_values(schema, declared, dict(variables))
    if isinstance(values, list) or switches(document.node):
        return None
    fragments = {
        definition.name.value: FragmentDetails(definition)
        for definition in document.node.definitions
        if isinstance(definition, FragmentDefinitionNode)
    }

    def subfields(kind: Any, details: list[FieldDetails]) -> GroupedFieldSet:
        return collect_subfields(
            schema, fragments, values, operation, kind, details
        ).grouped_field_set

    root = collect_fields(schema, fragments, values, schema.query_type, operation)
    match list(root.grouped_field_set.items()):
        case [(key, details)] if details[0].node.name.value in QUESTIONS:
            node = details[0].node
            if not any(argument.name.value == "receipt" for argument in node.arguments or ()):
                return None
            defined = schema.query_type.fields[node.name.value]
            kind = element_type(defined.type)
            try:
                return ReceiptQuestion(
                    node,
                    key,
                    node.name.value == "recognitions",
                    Variables(schema, operation),
                    Arguments(defined, node),
                    _writer(subfields, kind, details),
                    any(
                        each[0].node.name.value == "outcome"
                        for each in subfields(kind, details).values()
                    ),
                )
            except (NotPlanned, NotCompilable):
                return None
    return None


def _writer(
    subfields: Callable[[Any, list[FieldDetails]], GroupedFieldSet],
    kind: Any,
    details: list[FieldDetails],
) -> _Writer:
    """What writes an object of this type with this selection. Raises NotPlanned."""
    steps: list[tuple[str, _Get]] = []
    for name, each in subfields(kind, details).items():
        node = each[0].node
        field = node.name.value
        if field == "__typename":
            steps.append((name, _constant(kind.name)))
        elif field in LEAVES.get(kind.name, {}):
            steps.append((name, LEAVES[kind.name][field]))
        elif field in OBJECTS.get(kind.name, {}) and not node.arguments:
            inner = _writer(subfields, element_type(kind.fields[field].type), each)
            steps.append((name, _nested(OBJECTS[kind.name][field], inner)))
        else:
            raise NotPlanned("uncovered", f"{kind.name}.{field}")
    return lambda row: {name: get(row) for name, get in steps}


def _constant(text: str) -> _Get:
    return lambda row: text


def _nested(get: _Get, write: _Writer) -> _Get:
    def written(row: Any) -> Any:
        found = get(row)
        if isinstance(found, Sequence):
            return [write(each) for each in found]
        return None if found is None else write(found)

    return written
