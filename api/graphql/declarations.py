"""The questions of `recognitionsOf`, a batch of customs declarations, read one by one.

GraphQL refuses a whole request for one value that it cannot coerce. Of a thousand declarations
one is always mistyped, and the others must be answered: so the questions of a batch are read here
before GraphQL coerces them, and what is wrong with one of them is kept with it as its fault.
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
LONGEST = 100  # characters of a crossing or a mode
NOTHING = Consignment()


class BadQuestion(NamedTuple):
    """Why a question is not answered. `code`: of api.graphql.codes; `path`: the field."""

    message: str
    path: tuple[str, ...] = ()
    code: RefusalCode = RefusalCode.BAD_VALUE


class Declared(NamedTuple):
    """One question as it was read. `tin`: as it was asked; `wanted`: its normal form, None where
    there is a fault. `at`: in UTC, None for now."""

    key: str
    tin: str
    wanted: str | None = None
    at: datetime | None = None
    consignment: Consignment = NOTHING
    fault: BadQuestion | None = None


class Examined(str):
    """The TIN of a question as it was asked, with all that was read of the question. It goes
    through GraphQL's own coercion as the text that it is."""

    __slots__ = ("declared",)
    declared: Declared


class Questions(list[dict[str, Any]]):
    """A batch that was read: for the executor its questions in a form that it takes as they are."""

    def __init__(self, declared: Iterable[Declared]) -> None:
        self.declared = list(declared)
        super().__init__()

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return map(_taken, self.declared)

    def __len__(self) -> int:
        return len(self.declared)


def read_all(raw: object) -> object:
    """The value of a variable that is one question or a list of them; any other value as it is."""
    if isinstance(raw, dict):
        return _taken(read(raw))
    if not isinstance(raw, list) or isinstance(raw, Questions):
        return raw
    if len(raw) > MOST_KEYS:  # all are refused, unread
        return Questions([Declared("", "")] * len(raw))
    return Questions(map(read, raw))


def read(raw: object) -> Declared:
    """One question as a request says it."""
    try:
        if not isinstance(raw, dict):
            raise _Wrong("question", raw, f"an object with {', '.join(FIELDS)}")
        key, tin = raw["key"], raw["tin"]
        at, consignment = raw.get("at"), raw.get("consignment")
        if not raw.keys() <= _FIELDS:
            raise _unknown(raw, FIELDS)
        if not isinstance(key, str):
            raise _Wrong("key", key, "a text")
        return Declared(
            key,
            tin,
            _normal_tin(_text("tin", tin, Tin.WANTED)),
            None if at is None else _instant(_text("at", at, _INSTANT)),
            NOTHING if consignment is None else _consignment_of(consignment),
        )
    except _Wrong as wrong:
        return Declared(_text_of(raw, "key"), _text_of(raw, "tin"), fault=wrong.fault)
    except KeyError as missing:
        fault = BadQuestion(f"{missing.args[0]}: found nothing, wanted a text", (missing.args[0],))
        return Declared(_text_of(raw, "key"), _text_of(raw, "tin"), fault=fault)


def _taken(declared: Declared) -> dict[str, Any]:
    tin = Examined(declared.tin)
    tin.declared = declared
    return {"key": declared.key, "tin": tin}


class _Wrong(Exception):
    """A field that cannot be read: what was found, what was wanted."""

    def __init__(self, path: str, found: object, wanted: str) -> None:
        shown = "nothing" if found is None else repr(found)
        shown = shown if len(shown) <= LONGEST else f"{shown[:LONGEST]}..."
        self.fault = BadQuestion(f"{path}: found {shown}, wanted {wanted}", tuple(path.split(".")))


def _unknown(said: Mapping[str, Any], known: Iterable[str], path: str = "") -> _Wrong:
    name = sorted(set(said) - set(known))[0]
    return _Wrong(f"{path}{name}", said[name], f"no field of this name, but {', '.join(known)}")


def _text_of(raw: object, name: str) -> str:
    found = raw.get(name) if isinstance(raw, dict) else None
    return found if isinstance(found, str) else "" if found is None else str(found)


def _plain(text: str) -> str:
    """Trimmed, in capitals, in one form of each character (half and full width alike)."""
    return plain(text).strip().upper()


def _text(name: str, found: object, wanted: str) -> str:
    if not isinstance(found, str):
        raise _Wrong(name, found, wanted)
    return found


@lru_cache(maxsize=16_384)
def _normal_tin(found: str) -> str:
    text = _plain(found)
    try:
        return Tin.parse(text).text
    except ValueError:
        wanted = Tin.WANTED
        if Tin.FORM.fullmatch(text):
            wanted = f"a TIN of a customs territory, and {text[:2]} is none"
        raise _Wrong("tin", found, wanted) from None


@lru_cache(maxsize=4_096)
def _instant(found: str) -> datetime:
    try:
        return instants.parse(_plain(found))
    except ValueError as error:
        _, _, wanted = str(error).partition(" is not an instant")
        raise _Wrong("at", found, f"an instant{wanted}") from None


def _consignment_of(found: object) -> Consignment:
    if not isinstance(found, dict):
        raise _Wrong("consignment", found, f"an object with {', '.join(Consignment._fields)}")
    try:
        return _consignment(tuple(found.items()))
    except TypeError:  # a list or an object where a text belongs
        name = next(n for n, item in found.items() if not isinstance(item, str | None))
        raise _Wrong(f"consignment.{name}", found[name], "a text") from None


_ROLES = {role.value for role in Role}
_DIRECTIONS = {direction.value for direction in Direction}


@lru_cache(maxsize=16_384)
def _consignment(said: tuple[tuple[str, object], ...]) -> Consignment:
    found = dict(said)
    if not found.keys() <= set(Consignment._fields):
        raise _unknown(found, Consignment._fields, "consignment.")
    hs = found.get("hs")
    return Consignment(
        _word("role", found.get("role"), _ROLES),
        _word("direction", found.get("direction"), _DIRECTIONS),
        None if hs is None else _hs(hs),
        _short("crossing", found.get("crossing")),
        _short("mode", found.get("mode")),
    )


def _word(name: str, found: object, words: set[str]) -> str | None:
    if found is None:
        return None
    word = _plain(found) if isinstance(found, str) else ""
    if word not in words:
        raise _Wrong(f"consignment.{name}", found, f"one of {', '.join(sorted(words))}")
    return word


def _hs(found: object) -> str:
    try:
        return HsCode.parse(_plain(found) if isinstance(found, str) else "").text
    except ValueError:
        raise _Wrong("consignment.hs", found, HsCode.WANTED) from None


def _short(name: str, found: object) -> str | None:
    if found is None:
        return None
    if not isinstance(found, str):
        raise _Wrong(f"consignment.{name}", found, "a text")
    if len(found) > LONGEST:
        raise _Wrong(
            f"consignment.{name}", found, f"at most {LONGEST} characters, not {len(found)}"
        )
    return found or None


# ----------------------------------------------------------------- in a document


def examined(document: DocumentNode) -> DocumentNode:
    """The document with the batches that it says itself read like those in variables. A question
    that holds a variable is left to GraphQL, which coerces that variable as any other."""
    read: DocumentNode = visit(document, _Reader())
    return read


def variables_of(operation: OperationDefinitionNode) -> tuple[str, ...]:
    """The names of the variables that are questions, one or many."""
    return tuple(
        variable_definition.variable.name.value
        for variable_definition in operation.variable_definitions or ()
        if _named(variable_definition.type) == TYPE
    )


def read_variables(names: tuple[str, ...], given: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a request says for its variables, with these read."""
    return {
        name: read_all(value) if name in names and value is not None else value
        for name, value in given.items()
    }


class _Reader(Visitor):
    def enter_field(self, node: FieldNode, *_: Any) -> FieldNode | None:
        if node.name.value != FIELD or not node.arguments:
            return None
        return replace(node, arguments=tuple(map(_argument, node.arguments)))

    def enter_variable_definition(
        self, node: VariableDefinitionNode, *_: Any
    ) -> VariableDefinitionNode | None:
        if node.default_value is None or _named(node.type) != TYPE:
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
    said = _taken(read(value_from_ast_untyped(node)))
    fields = (
        ObjectFieldNode(name=NameNode(value=name), value=StringValueNode(value=text))
        for name, text in said.items()
    )
    return ObjectValueNode(fields=tuple(fields), loc=node.loc)


def _is_constant(node: ValueNode) -> bool:
    """Without a variable, and without a field that is there twice: that is the document's fault."""
    if isinstance(node, ListValueNode):
        return all(map(_is_constant, node.values))
    if isinstance(node, ObjectValueNode):
        names = [field.name.value for field in node.fields]
        return len(set(names)) == len(names) and all(
            _is_constant(field.value) for field in node.fields
        )
    return not isinstance(node, VariableNode)


def _named(type: TypeNode) -> str:
    while isinstance(type, ListTypeNode | NonNullTypeNode):
        type = type.type
    return type.name.value if isinstance(type, NamedTypeNode) else ""
