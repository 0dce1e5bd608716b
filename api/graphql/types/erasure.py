"""What is done about a person's particulars before a command about them is recorded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from projections.persons import Persons
from registry.application.execute import Receipt
from registry.application.registry import Registry
from registry.domain import commands as c
from registry.domain.values import AdministrationCode

if TYPE_CHECKING:
    from api.graphql.context import Context


def beforehand(context: Context, command: c.NameContact | c.ErasePerson) -> None:
    """Blocking. Raises Refusal, and then nothing was done."""
    if command.command_id and context.registry.ledger.find_command(command.command_id):
        return  # it was done before, and is answered with the first result whatever came since
    if isinstance(command, c.NameContact):
        # Decided first: who was noted as named by what is then refused would never be swept away,
        # and could not be erased, because no event ever named them.
        context.registry.decide(command, context.asker.administration)
        context.persons.name(command.tin, command.person, command.commitment)
    else:
        _erase(context.registry, context.persons, command, context.asker.administration)


def erase(registry: Registry, persons: Persons, command: c.ErasePerson, actor: str) -> Receipt:
    """The whole of an erasure. Raises Refusal."""
    _erase(registry, persons, command, None)
    return registry.execute(command, actor)


def _erase(
    registry: Registry,
    persons: Persons,
    command: c.ErasePerson,
    decided_by: AdministrationCode | None,
) -> None:
    """Destroyed first and recorded then, so that the register never says of a person who can still
    be read that they are gone. Decided before both: what is refused destroys nothing."""
    registry.decide(command, decided_by)
    persons.erase(command.tin, command.person)
