"""What a command would do: the same checks and decisions as for its mutation, recording nothing.

The pages show it as a preview. A subject learns from it no more than from giving the command.
"""

from __future__ import annotations

import asyncio
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, Generic, TypeVar
from uuid import UUID

from eventsourcing.domain import BaseAggregate

from api.access.policy import SubjectRole
from api.graphql.context import Context
from api.graphql.types.mutations import check_rights, shows_version, whose_rule
from registry.application.dispatch import BEGINNINGS
from registry.application.execute import DecisionProposed, version_shown
from registry.application.registry import Registry
from registry.domain import commands as c
from registry.domain import proposals, signatures
from registry.domain.administrations import Administration
from registry.domain.errors import SignatureMissing

A = TypeVar("A", bound=BaseAggregate[UUID])


@dataclass(frozen=True)
class CommandTrial(Generic[A]):
    """What a command is about, before and after it. `before` is None for what is not registered
    yet. Of a confirmation of a proposal about a programme or an agreement: that, and not the
    administration that has the proposal.

    `second_person`: the programme or the administration whose rules want a second person; None:
    nobody else is needed. `version`: of the command's stream before, as the subject sees it; 0 for
    a new one. `to_sign`: the text that the administration must sign; None where no signature is
    missing.
    """

    command: c.Command
    before: A | None
    after: A
    second_person: str | None = None
    to_sign: str | None = None
    version: int = 0

    @property
    def event(self) -> Any:
        """The event that the command would record; None where there is nothing to change."""
        pending = self.after.pending_events
        return pending[-1] if pending else None


async def try_command(context: Context, command: c.Command) -> CommandTrial[Any]:
    """Tries a command of the subject of the request. Raises the Refusal that the command itself
    would get, but for a missing signature."""
    await check_rights(context, command)
    loop = asyncio.get_running_loop()
    return await loop.run_in_executor(context.writers, _tried, context, command)


def _tried(context: Context, command: c.Command) -> CommandTrial[Any]:
    registry, subject = context.registry, context.subject
    sees_proposals = subject.role is not SubjectRole.COMPANY
    before = registry.find(command)
    second_person = to_sign = None
    try:
        decided = registry.decide(
            command, subject.administration, subject.person, sees_proposals=sees_proposals
        )
        proposed = [e for e in decided.pending_events if isinstance(e, DecisionProposed)]
        second_person = whose_rule(proposed[0]) if proposed else None
    except SignatureMissing:
        to_sign = signatures.text(command)
    tin = command.tin if isinstance(command, c.OperatorCommand) else None
    is_shown = before is not None and (tin is None or shows_version(subject, tin))
    version = version_shown(before, sees_proposals) if before and is_shown else 0
    after = registry.try_on(deepcopy(before), command, subject.administration, subject.person)
    if isinstance(after, Administration) and after.decided_with is not None:
        before, after = _confirmed(registry, command, after), after.decided_with
    return CommandTrial(command, before, after, second_person, to_sign, version)


def _confirmed(
    registry: Registry, command: c.Command, holder: Administration
) -> BaseAggregate[UUID] | None:
    """What the decision of a confirmed proposal is about, before it."""
    assert isinstance(command, c.AdministrationProposalCommand)
    decision = proposals.proposed_command(holder, command.proposal)
    return None if isinstance(decision, BEGINNINGS) else registry.find(decision)
