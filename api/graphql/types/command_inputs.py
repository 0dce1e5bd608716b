"""The GraphQL input of each command, made from its fields."""

from __future__ import annotations

import typing
from types import NoneType
from typing import Any

import msgspec
import strawberry
from strawberry.utils.str_converters import to_camel_case

from api.graphql.scalars import Json, Position
from registry.domain import commands as c

#: The inputs that several commands share, as the public contract requires: a command that adds no
#: field to one of these classes takes its input. (AgreementStepInput has `notice`, which only a
#: termination uses.)
SHARED: dict[type[c.Command], str] = {
    c.AuthorisationCommand: "AuthorisationInput",
    c.ConsentCommand: "ConsentInput",
    c.TerminateAgreement: "AgreementStepInput",
    c.SideCommand: "AgreementSideInput",
    c.MembershipCommand: "MembershipInput",
}


#: The fields that are required in GraphQL by the public contract, but optional in an import file.
REQUIRED = {
    (c.RegisterOperator, "roles"),
    (c.SuspendAuthorisation, "reason"),
    (c.RevokeAuthorisation, "reason"),
}


#: The fields that no input has: the token names the deciding administration, and only an import can
#: state that something was known earlier.
NOT_ASKED = {"decided_by", "known_at"}


COMMON = ("effective", "decided", "legal_ground", "source", "expected_version", "signature")


IDS = {
    "command_id",
    "person",
    "proposal",
    "dispute",
    "receipt",
    "programme",
    "agreement",
    "document",
    "id",
}


#: The fields that take a key or a global id, with the type of the object.
NAMED = {
    "agreement": "Agreement",
    "document": "Document",
    "programme": "Programme",
    "id": "Agreement",
}


def input_class(kind: type[c.Command]) -> type[c.Command]:
    """The class whose fields the input of the command has: the command itself, or a base class
    whose input it shares."""
    fields = set(kind.__struct_fields__)
    if issubclass(kind, c.DatedCommand) and fields <= set(c.TerminateAgreement.__struct_fields__):
        return c.TerminateAgreement
    return next(
        (item for item in SHARED if issubclass(kind, item) and _same(kind, item, fields)), kind
    )


def _same(kind: type[c.Command], other: type[c.Command], fields: set[str]) -> bool:
    required = any(command is kind for command, _ in REQUIRED)
    return fields == set(other.__struct_fields__) and not required


def _input(command: type[c.Command]) -> type:
    hints = typing.get_type_hints(command)
    found = {field.name: field for field in msgspec.structs.fields(command)}
    own = [name for name in found if name not in (*COMMON, *NOT_ASKED, "command_id")]
    common = [name for name in COMMON if name in found]
    if issubclass(command, c.OperatorCommand):
        common.remove(
            "source"
        )  # an operator's status is based on decisions, not on published sources
    name = SHARED.get(command, f"{command.__name__}Input")
    body: dict[str, Any] = {"__annotations__": {}, "__module__": __name__}
    for field in ("command_id", *own, *common):
        wanted = field == "command_id" or (command, field) in REQUIRED or found[field].required
        default = found[field].default if found[field].default is False else None
        kind = _graphql(field, hints[field])
        body["__annotations__"][field] = kind if wanted else kind | None
        spelled = to_camel_case(found[field].encode_name)
        body[field] = (
            strawberry.field(name=spelled)
            if wanted
            else strawberry.field(name=spelled, default=default)
        )
    made: type = strawberry.input(
        type(name, (), body), name=name, description=_input_described(command)
    )
    return made


def _graphql(name: str, hint: Any) -> Any:
    """The GraphQL type of a field of a command, without regard to whether it is required."""
    kind = hint
    if NoneType in typing.get_args(hint):
        [kind] = [arg for arg in typing.get_args(hint) if arg is not NoneType]
    if name in IDS:
        return strawberry.ID
    if name == "position":
        return Position
    if typing.get_origin(kind) is tuple:
        return list[typing.get_args(kind)[0]]  # type: ignore[misc]
    if typing.get_origin(kind) is dict:
        return Json
    return kind


def described(kind: type[c.Command]) -> str:
    """The description of a mutation: the docstring of its command, else its name in words.

    The docstring names the fields as an import file does; GraphQL has them in camel case.
    """
    description = " ".join((vars(kind).get("__doc__") or "").split())
    for field in msgspec.structs.fields(kind):
        description = description.replace(
            f"`{field.encode_name}`", f"`{to_camel_case(field.encode_name)}`"
        )
    words = "".join(f" {x.lower()}" if x.isupper() else x for x in kind.__name__).strip()
    return description or f"{words.capitalize()}."


def _input_described(command: type[c.Command]) -> str:
    """The description of an input: the mutations that take it."""
    *others, last = [
        f"`{to_camel_case(name)}`"
        for name, kind in c.COMMANDS.items()
        if input_class(kind) is command
    ]
    if not others:
        return f"The input of the mutation {last}."
    return f"The input of the mutations {', '.join(others)} and {last}."


#: The names of the fields of a command in an import file, by their Python and GraphQL names.
ENCODED = {
    kind: {field.name: field.encode_name for field in msgspec.structs.fields(kind)}
    for kind in c.COMMANDS.values()
}


SPELLED = {
    kind: {
        to_camel_case(field.encode_name): field.encode_name
        for field in msgspec.structs.fields(input_class(kind))
    }
    for kind in c.COMMANDS.values()
}


INPUTS = {command: _input(command) for command in map(input_class, c.COMMANDS.values())}
