"""Every command of the register as a mutation: the same data as a line of an import file.

Inputs and mutations are made from `registry.domain.commands`, so that no command can be forgotten
here and no field can mean two things. A refusal is data; only a fault is an error.
"""

from __future__ import annotations

import asyncio
import typing
from collections.abc import Mapping
from datetime import date
from enum import Enum
from types import NoneType
from typing import Annotated, Any
from uuid import UUID

import msgspec
import strawberry
from strawberry.utils.str_converters import to_camel_case

from api.access.policy import Action, Resource, decide
from api.graphql import retry
from api.graphql.context import Context, Info
from api.graphql.costs import costs
from api.graphql.errors import Forbidden, Refused, Unanswered
from api.graphql.global_ids import GlobalId, Node, key_of
from api.graphql.scalars import Json, Position
from api.graphql.types.erasure import beforehand
from api.graphql.types.events import Event, event_for
from api.graphql.types.nodes import changed_by, once_shown
from api.graphql.types.persons import PersonMutation
from projections.reads.events import between
from projections.reads.operators import operators
from registry.application.registry import Registry
from registry.domain import commands as c
from registry.domain.errors import BadValue, Refusal, UnknownOperator
from registry.domain.publications import Document
from registry.domain.values import AdministrationCode, Text

#: Several commands share an input where the contract says so: whoever adds nothing to one of
#: these takes its input. (Of the steps only a termination may be notified beforehand.)
SHARED: dict[type[c.Command], str] = {
    c.AuthorisationCommand: "AuthorisationInput",
    c.ConsentCommand: "ConsentInput",
    c.TerminateAgreement: "AgreementStepInput",
    c.SideCommand: "AgreementSideInput",
    c.MembershipCommand: "MembershipInput",
}
#: What the contract asks for although an import may leave it out.
REQUIRED = {
    (c.RegisterOperator, "roles"),
    (c.SuspendAuthorisation, "reason"),
    (c.RevokeAuthorisation, "reason"),
}
#: Not for askers to say: the token says who decides, and only an import knew it earlier.
NOT_ASKED = {"decided_by", "known_at"}
COMMON = ("effective", "decided", "legal_ground", "source", "expected_version", "signature")
IDS = {"command_id", "person", "programme", "agreement", "document", "id"}


#: What an input names by its key, or by its global id. The id of a command is an agreement's.
NAMED = {
    "agreement": "Agreement",
    "document": "Document",
    "programme": "Programme",
    "id": "Agreement",
}


@strawberry.type(
    description="Why somebody should check a command that is lawful and was recorded.",
    name="Warning",
)
class WarningType:
    code: str = strawberry.field(description="A code that never changes: CONSULTATION_OPEN, ...")
    message: str = strawberry.field(description="What was recorded, and what stands beside it.")


@strawberry.type(description="The command is on disk.")
class Recorded:
    stream: strawberry.ID = strawberry.field(description="The thing that changed: a UUID.")
    version: int = strawberry.field(description="The stream's version now.")
    position: Position = strawberry.field(
        description="The command's last position. When there was nothing left to change, the "
        "register's own last position."
    )
    warnings: list[WarningType] = strawberry.field(
        description="What somebody should check although it is lawful and was recorded: a grant "
        "while a consultation is open. The same command sent again has the same warnings."
    )
    epoch: str = strawberry.field(
        description="The epoch of the ledger that `position` is of: 12 hexadecimal digits. With "
        "it, `Aeo-Min-Position: EPOCH:POSITION`, no other history is ever taken for this one."
    )
    positions: strawberry.Private[list[int]]
    changed: strawberry.Private[GlobalId | None]

    @strawberry.field
    async def events(self, info: Info) -> list[Event]:
        """What the command recorded; nothing when the identical command had been before."""
        if not self.positions:
            return []
        first, last = self.positions[0], self.positions[-1]
        rows = await retry.read(
            info.context.ledger, lambda async_connection: between(async_connection, first, last)
        )
        return [event_for(info.context, row) for row in rows]

    @costs(100)
    @strawberry.field
    async def node(self, info: Info) -> Node | None:
        """What the command changed, as it is from `position` on: the live object. Null where it has
        no id of its own (a claim), or where you may not see it.

        It waits for the read models; where they stay behind, the error BEHIND beside the receipt
        says that the command is recorded all the same.
        """
        return await once_shown(info.context, self.changed, self.position) if self.changed else None


CommandOutcome = Annotated[
    Recorded | Refused,
    strawberry.union("CommandOutcome", description="Recorded, or refused with the reason."),
]


async def record(info: Info, kind: type[c.Command], input: object) -> Recorded | Refused:
    """Reads, decides and records one command. A fault of the ledger rises."""
    try:
        return await give(info.context, read(kind, input))
    except Refusal as refusal:
        names = ENCODED[kind]
        given = (names.get(name, name) for name, value in vars(input).items() if value is not None)
        return Refused.because(refusal, SPELLED[kind], map(to_camel_case, given))


async def give(context: Context, command: c.Command) -> Recorded:
    """One command from this asker. Raises Refusal; a fault of the ledger rises."""
    loop = asyncio.get_running_loop()
    registry, asker = context.registry, context.asker
    whose = at_home(command)
    if whose is None:
        whose = await loop.run_in_executor(context.writers, home, registry, command)
    tin = command.tin if isinstance(command, c.OperatorCommand) else None
    verdict = decide(asker, Action.RECORD, Resource(whose, tin, command=type(command)))
    if not verdict.allowed:
        raise Forbidden(verdict.reason)
    if isinstance(command, c.MergeInto | c.SplitFrom):
        await _seen(context, command)
    if isinstance(command, c.NameContact | c.ErasePerson):
        await loop.run_in_executor(context.writers, beforehand, context, command)
    receipt = await registry.execute_async(
        command, asker.subject, context.writers, decided_by=asker.administration
    )
    positions = receipt.positions
    last = (
        positions[-1]
        if positions
        else await loop.run_in_executor(context.writers, registry.recorder.max_notification_id)
    )
    return Recorded(
        stream=strawberry.ID(str(receipt.stream)),
        version=receipt.version,
        position=Position(last or 0),
        epoch=context.epoch,
        warnings=[
            WarningType(code=warning.code, message=warning.message) for warning in receipt.warnings
        ],
        positions=positions,
        changed=changed_by(command),
    )


async def _seen(context: Context, command: c.MergeInto | c.SplitFrom) -> None:
    """Raises UnknownOperator for another customs' operator that the asker may not see, in the words
    for one that is not there. Of its own the register itself says whether there are such."""
    if isinstance(command, c.MergeInto):
        field, tin = "successor", command.successor
    else:
        field, tin = "origin", command.origin
    if AdministrationCode(tin.country) in context.asker.own:
        return
    clocks, sight = context.clocks(None), context.asker.sight
    async with context.views.connection() as connection:
        if not await operators(connection, sight, context.now, clocks, [tin]):
            raise UnknownOperator(f"operator {tin} is not in this register", path=(field,))


def read(kind: type[c.Command], input: object) -> c.Command:
    """The command that an input says. Raises BadValue."""
    names = ENCODED[kind]
    return said(kind, {names.get(name, name): value for name, value in vars(input).items()})


def said(kind: type[c.Command], input: Mapping[str, Any]) -> c.Command:
    """The same, by the names that a line of a file has for its fields. Raises BadValue."""
    line = {name: _plain(value) for name, value in input.items() if value is not None}
    for name, noun in NAMED.items():
        if ":" in line.get(name, ""):
            line[name] = _key(noun, line[name], name)
    try:
        UUID(line["command_id"])
    except ValueError:
        raise BadValue(f"commandId: found {line['command_id']!r}, wanted a UUID") from None
    return c.read(line | {"command": str(kind.__struct_config__.tag)})


def _key(noun: str, text: str, name: str) -> str:
    """The key in a global id. Raises BadValue."""
    try:
        return key_of(noun, text, name)
    except Unanswered as error:
        raise BadValue(error.message) from None


def at_home(command: c.Command) -> frozenset[AdministrationCode] | None:
    """Whose officers may give this command, where it says so itself.

    Each party implements, suspends and recognises for itself, and accedes and withdraws so.
    """
    match command:
        case c.OperatorCommand(tin=tin):
            return frozenset({AdministrationCode(tin.country)})
        case c.SideCommand(side=code) | c.SetDates(side=AdministrationCode() as code):
            return frozenset({code})
        case c.AccedeToAgreement(member=code) | c.WithdrawFromAgreement(member=code):
            return frozenset({code})
        case c.SetScope(to=code) | c.PublishClaim(subject=code) | c.RetractClaim(subject=code):
            return frozenset({code})
        case c.ProposeAgreement(parties=parties) | c.PublishDocument(parties=parties):
            return frozenset(parties)
        case c.AdministrationCommand(administration=code):
            return frozenset({code})
        case c.RegisterProgramme(administration=code):
            return frozenset({code})
    return None


def home(registry: Registry, command: c.Command) -> frozenset[AdministrationCode]:
    """The same where the register says it. Raises the refusal of what it is about, if unknown."""
    match command:
        case c.AgreementCommand(agreement=id):
            return frozenset(registry.agreement(id).parties)
        case c.ProgrammeCommand(programme=programme):
            return frozenset({registry.programme(programme).administration})
        case c.DocumentCommand(document=id):
            first = next(iter(registry.events.get(Document.create_id(id), lte=1)), None)
            return frozenset(first.parties if isinstance(first, Document.Published) else ())
    raise AssertionError(f"{type(command).__name__} is nobody's")


def _plain(value: Any) -> Any:
    match value:
        case list():
            return [_plain(one) for one in value]
        case Enum():
            return value.value
        case Text():
            return value.text
        case date():  # an instant too
            return value.isoformat()
    return value


# ------------------------------------------------------------- made from the commands


def shape(kind: type[c.Command]) -> type[c.Command]:
    """The class whose fields the command's input has: its own, or one that it shares."""
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
        common.remove("source")  # an operator's standing rests on law, not on what was read
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
    """The type in GraphQL of a field of a command; whether it may be left out is not said here."""
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


def _described(kind: type[c.Command]) -> str:
    """The description of a mutation: the docstring of its command, else its name in words."""
    said = " ".join((vars(kind).get("__doc__") or "").split())
    words = "".join(f" {x.lower()}" if x.isupper() else x for x in kind.__name__).strip()
    return said or f"{words.capitalize()}."


def _input_described(command: type[c.Command]) -> str:
    """The description of an input: the mutations that take it."""
    *others, last = [
        f"`{to_camel_case(name)}`" for name, kind in c.COMMANDS.items() if shape(kind) is command
    ]
    if not others:
        return f"The input of the mutation {last}."
    return f"The input of the mutations {', '.join(others)} and {last}."


def _mutation(kind: type[c.Command], input_type: type) -> Any:
    async def record_it(info: Info, input: object) -> Recorded | Refused:
        return await record(info, kind, input)

    record_it.__annotations__ = {"info": Info, "input": input_type, "return": CommandOutcome}
    return strawberry.mutation(resolver=record_it, description=_described(kind))


#: What a line of a file calls the fields of a command, by their names here and in GraphQL.
ENCODED = {
    kind: {field.name: field.encode_name for field in msgspec.structs.fields(kind)}
    for kind in c.COMMANDS.values()
}
SPELLED = {
    kind: {
        to_camel_case(field.encode_name): field.encode_name
        for field in msgspec.structs.fields(shape(kind))
    }
    for kind in c.COMMANDS.values()
}
INPUTS = {command: _input(command) for command in map(shape, c.COMMANDS.values())}

Mutation = strawberry.type(
    type(
        "Mutation",
        (PersonMutation,),
        {name: _mutation(kind, INPUTS[shape(kind)]) for name, kind in c.COMMANDS.items()},
    ),
    description="Changes to the register: one a command, each recorded once or refused.",
)
