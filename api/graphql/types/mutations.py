"""The GraphQL mutations: one for each command of the register.

The inputs and mutations are generated from `registry.domain.commands`, so each has the same fields
as the command in an import file. A refusal is returned as data (`Refused`); only a fault of the
service is an error.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import date
from enum import Enum
from typing import Annotated, Any
from uuid import UUID

import strawberry
from strawberry.utils.str_converters import to_camel_case

from api.access.policy import (
    Action,
    Resource,
    Subject,
    SubjectRole,
    decide,
    is_foreign_customs,
)
from api.graphql import retry
from api.graphql.context import Context, Info
from api.graphql.costs import costs
from api.graphql.errors import Forbidden, Refused, Unanswered
from api.graphql.global_ids import GlobalId, Node, key_of
from api.graphql.scalars import Position
from api.graphql.types.command_inputs import ENCODED, INPUTS, NAMED, SPELLED, described, input_class
from api.graphql.types.disputes import check_foreign_dispute
from api.graphql.types.erasure import prepare_particulars
from api.graphql.types.events import Event, event_for, readable
from api.graphql.types.nodes import changed_by, node_when_projected
from api.graphql.types.persons import PersonMutation
from api.graphql.types.proposals import own_proposal
from api.graphql.types.webhooks import WebhookMutation
from projections.reads.events import between
from projections.reads.operators import operators
from registry.application.execute import DecisionProposed
from registry.application.registry import Registry
from registry.domain import commands as c
from registry.domain.clients import administration_of
from registry.domain.errors import BadValue, Refusal, UnknownOperator
from registry.domain.operators.events import Operator
from registry.domain.publications import Document
from registry.domain.values import AdministrationCode, Text, Tin


@strawberry.type(name="Warning")
class WarningType:
    """A warning: the command was recorded, but somebody should check it."""

    code: str = strawberry.field(
        description="The code of the warning: CONSULTATION_OPEN, ... A "
        "code never changes its meaning."
    )
    message: str = strawberry.field(
        description="The warning as an English sentence: what was "
        "recorded, and which fact is in doubt."
    )


@strawberry.type
class Recorded:
    """The receipt of a command that was recorded durably."""

    stream: strawberry.ID = strawberry.field(
        description="The id of the stream that the command changed, a UUID."
    )
    version: int = strawberry.field(
        description="The version of the stream after the command. "
        "Pass it as `expectedVersion` of the next command. 0 for a command about another "
        "administration's operator, whose versions you are not shown."
    )
    position: Position = strawberry.field(
        description="The position of the last event of the command. Where there was nothing to "
        "change: the last position of the register."
    )
    warnings: list[WarningType] = strawberry.field(
        description="What somebody should check although the command was recorded, such as a grant "
        "while a consultation is open. A repeated command has the same warnings."
    )
    epoch: str = strawberry.field(
        description="The epoch of the ledger to which `position` belongs: 12 hexadecimal digits. "
        "Send the request header `Aeo-Min-Position: EPOCH:POSITION` to read your own writes: no "
        "older answer is then given."
    )
    positions: strawberry.Private[list[int]]
    changed: strawberry.Private[GlobalId | None]

    @strawberry.field
    async def events(self, info: Info) -> list[Event]:
        """The events that the command recorded. Empty where there was nothing to change."""
        if not self.positions:
            return []
        first, last = self.positions[0], self.positions[-1]
        may = readable(info.context.subject)
        rows = await retry.read(info.context.ledger, lambda found: between(found, first, last, may))
        return [event_for(info.context, row) for row in rows]

    @costs(100)
    @strawberry.field
    async def node(self, info: Info) -> Node | None:
        """The object that the command changed, read from read models that include `position`. Null
        for a claim, which has no global id, and where you may not see the object.

        The field waits for the read models. If they do not reach the position in time, the error
        BEHIND is returned beside the receipt; the command is recorded nevertheless.
        """
        return (
            await node_when_projected(info.context, self.changed, self.position)
            if self.changed
            else None
        )


@strawberry.type
class Proposed:
    """The command needs a second person by the rules of a programme or an administration, so it was
    recorded as a proposal. Nothing is decided before another person confirms it
    (`confirmProposal`, or `confirmAdministrationProposal` for what concerns no operator)."""

    proposal: strawberry.ID = strawberry.field(
        description="The id of the proposal: the command id of this command."
    )
    programme: str = strawberry.field(
        description="The code of the programme, or of the administration, whose rules want a "
        "second person."
    )
    expires: date | None = strawberry.field(
        description="The last day, in the home time zone, on which it can be confirmed. Null: "
        "there is no limit."
    )
    stream: strawberry.ID = strawberry.field(
        description="The id of the stream that has the proposal, a UUID: the operator's, or the "
        "administration's."
    )
    version: int = strawberry.field(description="The version of the stream after the proposal.")
    position: Position = strawberry.field(description="The position of the proposal.")
    epoch: str = strawberry.field(
        description="The epoch of the ledger to which `position` belongs: 12 hexadecimal digits."
    )


Outcome = Recorded | Proposed | Refused
CommandOutcome = Annotated[
    Outcome,
    strawberry.union(
        "CommandOutcome",
        description="The result of a command: recorded, proposed because it needs a second person, "
        "or refused with the reason.",
    ),
]


async def record(info: Info, kind: type[c.Command], input: object) -> Outcome:
    """Parses and executes the command of a mutation. A refusal is returned; a fault of the ledger
    is raised."""
    try:
        return await execute(info.context, read(kind, input))
    except Refusal as refusal:
        names = ENCODED[kind]
        given = (names.get(name, name) for name, value in vars(input).items() if value is not None)
        return Refused.of(refusal, SPELLED[kind], map(to_camel_case, given))


async def execute(context: Context, command: c.Command) -> Recorded | Proposed:
    """Executes one command of the subject of the request: checks its rights, decides and records.

    Raises Refusal. A fault of the ledger is raised as it is.
    """
    loop = asyncio.get_running_loop()
    registry, subject = context.registry, context.subject
    await check_rights(context, command)
    tin = command.tin if isinstance(command, c.OperatorCommand) else None
    if isinstance(command, c.NameContact | c.ErasePerson | c.ConfirmProposal):
        await loop.run_in_executor(context.writers, prepare_particulars, context, command)
    receipt = await registry.execute_async(
        command,
        subject.actor,
        context.writers,
        decided_by=subject.administration,
        person=subject.person,
        sees_proposals=subject.role is not SubjectRole.COMPANY,
    )
    positions = receipt.positions
    if receipt.proposed is not None:
        return Proposed(
            proposal=strawberry.ID(str(receipt.proposed.proposal)),
            programme=whose_rule(receipt.proposed),
            expires=receipt.proposed.expires,
            stream=strawberry.ID(str(receipt.stream)),
            version=receipt.version,
            position=Position(positions[-1]),
            epoch=context.epoch,
        )
    last = (
        positions[-1]
        if positions
        else await loop.run_in_executor(context.writers, registry.recorder.max_notification_id)
    )
    return Recorded(
        stream=strawberry.ID(str(receipt.stream)),
        version=receipt.version if tin is None or shows_version(subject, tin) else 0,
        position=Position(last or 0),
        epoch=context.epoch,
        warnings=[
            WarningType(code=warning.code, message=warning.message) for warning in receipt.warnings
        ],
        positions=positions,
        changed=changed_by(command),
    )


async def check_rights(context: Context, command: c.Command) -> None:
    """Checks whether the subject of the request may give this command. Raises Forbidden, and the
    refusal for what is not in the register or not for the subject to see."""
    loop = asyncio.get_running_loop()
    registry, subject = context.registry, context.subject
    whose = home_in_command(command)
    if whose is None:
        whose = await loop.run_in_executor(context.writers, home_on_record, registry, command)
    tin = command.tin if isinstance(command, c.OperatorCommand) else None
    verdict = decide(subject, Action.RECORD, Resource(whose, tin, command=type(command)))
    if not verdict.allowed:
        raise Forbidden(verdict.reason)
    await check_operators(context, command)
    if isinstance(command, c.WithdrawProposal) and subject.role is SubjectRole.COMPANY:
        await loop.run_in_executor(context.writers, own_proposal, context, command)


def whose_rule(proposed: DecisionProposed) -> str:
    """The code of the programme, or of the administration, whose rules want the second person."""
    if isinstance(proposed, Operator.DecisionProposed):
        return proposed.programme
    return proposed.administration.text


def shows_version(subject: Subject, tin: Tin) -> bool:
    """Whether the subject is shown the version of an operator's stream, which counts events that
    others than its customs and itself may not know of."""
    return not is_foreign_customs(subject, tin)


async def check_operators(context: Context, command: c.Command) -> None:
    """Raises UnknownOperator for an operator of another administration that a command names and
    that the subject may not see, with the message for one that does not exist. For operators of its
    own administration the register itself checks that they exist."""
    match command:
        case c.MergeInto(successor=tin):
            field = "successor"
        case c.SplitFrom(origin=tin):
            field = "origin"
        case c.OpenDispute(tin=tin) | c.WithdrawDispute(tin=tin):
            if is_foreign_customs(context.subject, tin):
                visible = await is_visible(context, tin)
                await check_foreign_dispute(context, command, is_visible=visible)
            return
        case _:
            return
    if AdministrationCode(tin.country) not in context.subject.own and not await is_visible(
        context, tin
    ):
        raise UnknownOperator("operator %(tin)s is not in this register", tin=tin, path=(field,))


async def is_visible(context: Context, tin: Tin) -> bool:
    """Whether the subject sees this operator now."""
    clocks, visibility = context.clocks(None), context.subject.visibility
    async with context.views.connection() as connection:
        return bool(await operators(connection, visibility, context.now, clocks, [tin]))


def read(kind: type[c.Command], input: object) -> c.Command:
    """The command of a GraphQL input. Raises BadValue."""
    names = ENCODED[kind]
    return command_of_line(
        kind, {names.get(name, name): value for name, value in vars(input).items()}
    )


def command_of_line(kind: type[c.Command], input: Mapping[str, Any]) -> c.Command:
    """The command of an input whose fields have the names of an import file. Raises BadValue."""
    line = {name: _plain(value) for name, value in input.items() if value is not None}
    for name, noun in NAMED.items():
        if ":" in line.get(name, ""):
            line[name] = _key(noun, line[name], name)
    try:
        UUID(line["command_id"])
    except ValueError:
        raise BadValue(
            "commandId: found %(command_id)s, wanted a UUID", command_id=repr(line["command_id"])
        ) from None
    return c.read(line | {"command": str(kind.__struct_config__.tag)})


def _key(noun: str, text: str, name: str) -> str:
    """The key in a global id of this type. Raises BadValue."""
    try:
        return key_of(noun, text, name)
    except Unanswered as error:
        raise BadValue(error.message) from None


def home_in_command(command: c.Command) -> frozenset[AdministrationCode] | None:
    """The administrations whose officers may give this command, as far as the command itself names
    them; None where the register must be asked (see `home_on_record`).

    Each party implements, suspends, accedes, withdraws and recognises for itself.
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
        case c.RegisterClient(acts_for=acts_for):
            return _of_client(administration_of(acts_for))
    return None


def home_on_record(registry: Registry, command: c.Command) -> frozenset[AdministrationCode]:
    """The administrations whose officers may give this command, as the register says. Raises
    UnknownAgreement, UnknownProgramme, UnknownDocument or UnknownClient."""
    match command:
        case c.AgreementCommand(agreement=id):
            return frozenset(registry.agreement(id).parties)
        case c.ProgrammeCommand(programme=programme):
            return frozenset({registry.programme(programme).administration})
        case c.ClientCommand(client=id):
            return _of_client(registry.client(id).administration)
        case c.DocumentCommand(document=id):
            first = next(iter(registry.events.get(Document.create_id(id), lte=1)), None)
            return frozenset(first.parties if isinstance(first, Document.Published) else ())
    raise AssertionError(f"{type(command).__name__} is nobody's")


def _of_client(code: AdministrationCode | None) -> frozenset[AdministrationCode]:
    """The administration of a client. Auditors' clients are nobody's: whoever operates the register
    registers them with the command line."""
    return frozenset({code} if code else ())


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


def _mutation(kind: type[c.Command], input_type: type) -> Any:
    async def record_it(info: Info, input: object) -> Outcome:
        return await record(info, kind, input)

    record_it.__annotations__ = {"info": Info, "input": input_type, "return": CommandOutcome}
    return strawberry.mutation(resolver=record_it, description=described(kind))


Mutation = strawberry.type(
    type(
        "Mutation",
        (PersonMutation, WebhookMutation),
        {name: _mutation(kind, INPUTS[input_class(kind)]) for name, kind in c.COMMANDS.items()},
    ),
    description="The commands that change the register. Each is recorded once or refused.",
)
