"""Parses the questions of `recognitionsOf`, a batch of customs declarations, one by one.

GraphQL refuses a whole request for one value that it cannot coerce. In a batch of a thousand
declarations one usually has a typing error, and the others must be answered. So the questions are
parsed here before GraphQL coerces them, and an error is kept with its question.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple

from graphql import (
    ArgumentNode,
    DocumentNode,
    FieldNode,
    ListTypeNode,
    ListValueNode,
    NamedTypeNode,
    NameNode,
    NonNullTypeNode,
    ObjectFieldNode,
    ObjectValueNode,
    OperationDefinitionNode,
    StringValueNode,
    TypeNode,
    ValueNode,
    VariableDefinitionNode,
    VariableNode,
    Visitor,
    value_from_ast_untyped,
    visit,
)

from api.graphql.codes import RefusalCode
from api.graphql.paging import MOST_KEYS
from projections.reads.verdicts import Consignment
from registry.domain import instants
from registry.domain.texts import plain
from registry.domain.values import Direction, HsCode, Role, Tin

FIELD, ARGUMENT, TYPE = "recognitionsOf", "questions", "RecognitionQuestion"
FIELDS = ("key", "tin", "at", "consignment")
_FIELDS = frozenset(FIELDS)
_INSTANT = "an instant: RFC 3339 with its zone, like 2026-11-21T12:00:00Z"
MOST_CHARACTERS = 100  # Most characters of a crossing or a mode.
NO_CONSIGNMENT = Consignment()


class QuestionFault(NamedTuple):
    """Why a question is not answered. `code`: see api.graphql.codes; `path`: the field."""

    message: str
    path: tuple[str, ...] = ()
    code: RefusalCode = RefusalCode.BAD_VALUE


class ParsedQuestion(NamedTuple):
    """One parsed question.

    `tin`: as given; `wanted`: its normal form, None where there is a fault. `at`: in UTC, None for
    now.
    """

    key: str
    tin: str
    wanted: str | None = None
    at: datetime | None = None
    consignment: Consignment = NO_CONSIGNMENT
    fault: QuestionFault | None = None


class TinWithQuestion(str):
    """The TIN of a question as given, carrying the parsed question through GraphQL's coercion as a
    text."""

    __slots__ = ("question",)
    question: ParsedQuestion


class QuestionBatch(list[dict[str, Any]]):
    """A parsed batch. To the executor it looks like a list of inputs that need no further
    parsing."""

    def __init__(self, questions: Iterable[ParsedQuestion]) -> None:
        self.questions = list(questions)
        super().__init__()

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return map(_as_input, self.questions)

    def __len__(self) -> int:
        return len(self.questions)


def parse_batch(raw: object) -> object:
    """Parses the value of a variable that holds one question or a list of them; returns other
    values unchanged."""
    if isinstance(raw, dict):
        return _as_input(parse_question(raw))
    if not isinstance(raw, list) or isinstance(raw, QuestionBatch):
        return raw
    if len(raw) > MOST_KEYS:  # More than the limit: the field refuses them all, unparsed.
        return QuestionBatch([ParsedQuestion("", "")] * len(raw))
    return QuestionBatch(map(parse_question, raw))


def parse_question(raw: object) -> ParsedQuestion:
    """Parses one question of a request."""
    try:
        if not isinstance(raw, dict):
            raise _BadField("question", raw, f"an object with {', '.join(FIELDS)}")
        key, tin = raw["key"], raw["tin"]
        at, consignment = raw.get("at"), raw.get("consignment")
        if not raw.keys() <= _FIELDS:
            raise _unknown(raw, FIELDS)
        if not isinstance(key, str):
            raise _BadField("key", key, "a text")
        return ParsedQuestion(
            key,
            tin,
            _normal_tin(_text("tin", tin, Tin.WANTED)),
            None if at is None else _instant(_text("at", at, _INSTANT)),
            NO_CONSIGNMENT if consignment is None else _consignment_of(consignment),
        )
    except _BadField as bad_field:
        return ParsedQuestion(_text_of(raw, "key"), _text_of(raw, "tin"), fault=bad_field.fault)
    except KeyError as missing:
        fault = QuestionFault(
            f"{missing.args[0]}: found nothing, wanted a text", (missing.args[0],)
        )
        return ParsedQuestion(_text_of(raw, "key"), _text_of(raw, "tin"), fault=fault)


def _as_input(question: ParsedQuestion) -> dict[str, Any]:
    tin = TinWithQuestion(question.tin)
    tin.question = question
    return {"key": question.key, "tin": tin}


class _BadField(Exception):
    """A field that cannot be parsed: what was found, what was wanted."""

    def __init__(self, path: str, found: object, wanted: str) -> None:
        shown = "nothing" if found is None else repr(found)
        shown = shown if len(shown) <= MOST_CHARACTERS else f"{shown[:MOST_CHARACTERS]}..."
        self.fault = QuestionFault(
            f"{path}: found {shown}, wanted {wanted}", tuple(path.split("."))
        )


def _unknown(given: Mapping[str, Any], known: Iterable[str], path: str = "") -> _BadField:
    name = sorted(set(given) - set(known))[0]
    return _BadField(f"{path}{name}", given[name], f"no field of this name, but {', '.join(known)}")


def _text_of(raw: object, name: str) -> str:
    found = raw.get(name) if isinstance(raw, dict) else None
    return found if isinstance(found, str) else "" if found is None else str(found)


def _plain(text: str) -> str:
    """Trimmed, in capitals, with one form of each character (half and full width alike)."""
    return plain(text).strip().upper()


def _text(name: str, found: object, wanted: str) -> str:
    if not isinstance(found, str):
        raise _BadField(name, found, wanted)
    return found


@lru_cache(maxsize=16_384)
def _normal_tin(found: str) -> str:
    text = _plain(found)
    try:
        return Tin.parse(text).text
    except ValueError:
        wanted: str = Tin.WANTED
        if Tin.FORM.fullmatch(text):
            wanted = f"a TIN of a customs territory, and {text[:2]} is none"
        raise _BadField("tin", found, wanted) from None


@lru_cache(maxsize=4_096)
def _instant(found: str) -> datetime:
    try:
        return instants.parse(_plain(found))
    except ValueError as error:
        _, _, wanted = str(error).partition(" is not an instant")
        raise _BadField("at", found, f"an instant{wanted}") from None


def _consignment_of(found: object) -> Consignment:
    if not isinstance(found, dict):
        raise _BadField("consignment", found, f"an object with {', '.join(Consignment._fields)}")
    try:
        return _consignment(tuple(found.items()))
    except TypeError:  # A list or an object in the place of a text.
        name = next(n for n, item in found.items() if not isinstance(item, str | None))
        raise _BadField(f"consignment.{name}", found[name], "a text") from None


_ROLES = {role.value for role in Role}
_DIRECTIONS = {direction.value for direction in Direction}


@lru_cache(maxsize=16_384)
def _consignment(given: tuple[tuple[str, object], ...]) -> Consignment:
    found = dict(given)
    if not found.keys() <= set(Consignment._fields):
        raise _unknown(found, Consignment._fields, "consignment.")
    hs = found.get("hs")
    return Consignment(
        _enum_name("role", found.get("role"), _ROLES),
        _enum_name("direction", found.get("direction"), _DIRECTIONS),
        None if hs is None else _hs(hs),
        _short("crossing", found.get("crossing")),
        _short("mode", found.get("mode")),
    )


def _enum_name(name: str, found: object, names: set[str]) -> str | None:
    if found is None:
        return None
    name_given = _plain(found) if isinstance(found, str) else ""
    if name_given not in names:
        raise _BadField(f"consignment.{name}", found, f"one of {', '.join(sorted(names))}")
    return name_given


def _hs(found: object) -> str:
    try:
        return HsCode.parse(_plain(found) if isinstance(found, str) else "").text
    except ValueError:
        raise _BadField("consignment.hs", found, HsCode.WANTED) from None


def _short(name: str, found: object) -> str | None:
    if found is None:
        return None
    if not isinstance(found, str):
        raise _BadField(f"consignment.{name}", found, "a text")
    if len(found) > MOST_CHARACTERS:
        raise _BadField(
            f"consignment.{name}", found, f"at most {MOST_CHARACTERS} characters, not {len(found)}"
        )
    return found or None


# ----------------------------------------------------------------- in a document


def with_parsed_batches(document: DocumentNode) -> DocumentNode:
    """The document with its literal batches parsed, like those in variables. A question that
    contains a variable is left to GraphQL."""
    parsed: DocumentNode = visit(document, _BatchParser())
    return parsed


def batch_variables(operation: OperationDefinitionNode) -> tuple[str, ...]:
    """The names of the variables that are questions, one or many."""
    return tuple(
        variable_definition.variable.name.value
        for variable_definition in operation.variable_definitions or ()
        if _type_name(variable_definition.type) == TYPE
    )


def parse_variables(names: tuple[str, ...], given: Mapping[str, Any]) -> Mapping[str, Any]:
    """The variables of a request, with these batches parsed."""
    return {
        name: parse_batch(value) if name in names and value is not None else value
        for name, value in given.items()
    }


class _BatchParser(Visitor):
    def enter_field(self, node: FieldNode, *_: Any) -> FieldNode | None:
        if node.name.value != FIELD or not node.arguments:
            return None
        return replace(node, arguments=tuple(map(_argument, node.arguments)))

    def enter_variable_definition(
        self, node: VariableDefinitionNode, *_: Any
    ) -> VariableDefinitionNode | None:
        if node.default_value is None or _type_name(node.type) != TYPE:
            return None
        value: Any = _literal(node.default_value)
        return replace(node, default_value=value)


def _argument(node: ArgumentNode) -> ArgumentNode:
    return replace(node, value=_literal(node.value)) if node.name.value == ARGUMENT else node


def _literal(node: ValueNode) -> ValueNode:
    if isinstance(node, ListValueNode):
        return replace(node, values=tuple(map(_question, node.values)))
    return _question(node) if isinstance(node, ObjectValueNode) else node


def _question(node: ValueNode) -> ValueNode:
    if not _is_constant(node):
        return node
    given = _as_input(parse_question(value_from_ast_untyped(node)))
    fields = (
        ObjectFieldNode(name=NameNode(value=name), value=StringValueNode(value=text))
        for name, text in given.items()
    )
    return ObjectValueNode(fields=tuple(fields), loc=node.loc)


def _is_constant(node: ValueNode) -> bool:
    """True without a variable and without a field that occurs twice, which validation refuses."""
    if isinstance(node, ListValueNode):
        return all(map(_is_constant, node.values))
    if isinstance(node, ObjectValueNode):
        names = [field.name.value for field in node.fields]
        return len(set(names)) == len(names) and all(
            _is_constant(field.value) for field in node.fields
        )
    return not isinstance(node, VariableNode)


def _type_name(type: TypeNode) -> str:
    while isinstance(type, ListTypeNode | NonNullTypeNode):
        type = type.type
    return type.name.value if isinstance(type, NamedTypeNode) else ""
