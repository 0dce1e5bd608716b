"""The work on a person's particulars that precedes the recording of NameContact and ErasePerson,
and of the confirmation of a proposed erasure."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING
from uuid import UUID

from eventsourcing.domain import BaseAggregate

from api.access.policy import SubjectRole
from projections.persons import Persons
from registry.application.execute import Receipt
from registry.application.registry import Registry
from registry.domain import commands as c
from registry.domain.operators.events import Operator

if TYPE_CHECKING:
    from api.graphql.context import Context


def prepare_particulars(
    context: Context, command: c.NameContact | c.ErasePerson | c.ConfirmProposal
) -> None:
    """Links or destroys the particulars before the command is recorded. An erasure that is only
    proposed destroys nothing. Blocks. Raises Refusal; then nothing was done."""
    if command.command_id and context.registry.ledger.find_command(command.command_id):
        return  # a repeated command: it returns the first result, whatever happened since
    sees_proposals = context.subject.role is not SubjectRole.COMPANY
    if isinstance(command, c.NameContact):
        # Decided first: particulars marked as named by a command that is then refused would never
        # be deleted as unused, and could not be erased, because no event names the person.
        context.registry.decide(
            command, context.subject.administration, sees_proposals=sees_proposals
        )
        context.persons.name(command.tin, command.person, command.commitment)
    else:
        decide = partial(
            context.registry.decide,
            command,
            context.subject.administration,
            context.subject.person,
            sees_proposals=sees_proposals,
        )
        _erase(decide, context.persons, command)


def erase(registry: Registry, persons: Persons, command: c.ErasePerson, actor: str) -> Receipt:
    """Executes a whole erasure: destroys the particulars, then records the command. Raises
    Refusal."""
    _erase(partial(registry.decide, command), persons, command)
    return registry.execute(command, actor)


def _erase(
    decide: Callable[[], BaseAggregate[UUID]],
    persons: Persons,
    command: c.ErasePerson | c.ConfirmProposal,
) -> None:
    """Decides the command, then destroys the particulars; the caller records the command
    afterwards. So a refused or only proposed command destroys nothing, and the register never says
    that particulars are erased while they can still be read."""
    pending = decide().pending_events
    erased = [event.person for event in pending if isinstance(event, Operator.PersonErased)]
    if isinstance(command, c.ErasePerson) and not pending:
        erased.append(command.person)  # recorded before; the destruction may be repeated
    for each in erased:
        persons.erase(command.tin, each)
