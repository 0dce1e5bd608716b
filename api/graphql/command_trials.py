"""What a command would do: the same checks and decisions as for its mutation, recording nothing.

The pages show it as a preview. A subject learns from it no more than from giving the command.
"""

from __future__ import annotations

import asyncio
from copy import deepcopy
from dataclasses import dataclass
from typing import cast

from api.access.policy import Action, Resource, SubjectRole, decide
from api.graphql.context import Context
from api.graphql.errors import Forbidden
from api.graphql.types.mutations import check_operators, shows_version, whose_rule
from api.graphql.types.proposals import own_proposal
from registry.application.dispatch import BEGINNINGS
from registry.application.execute import DecisionProposed, version_shown
from registry.domain import commands as c
from registry.domain import signatures
from registry.domain.errors import SignatureMissing
from registry.domain.operators.events import Operator
from registry.domain.values import AdministrationCode


@dataclass(frozen=True)
class CommandTrial:
    """An operator before and after a command. `before` is None for one that is not registered yet.

    `second_person`: the programme or the administration whose rules want a second person; None:
    nobody else is needed. `version`: of the stream before, as the subject sees it; 0 for a new one.
    `to_sign`: the text that the administration must sign; None where no signature is missing.
    """

    command: c.OperatorCommand
    before: Operator | None
    after: Operator
    second_person: str | None = None
    to_sign: str | None = None
    version: int = 0


async def try_command(context: Context, command: c.OperatorCommand) -> CommandTrial:
    """Tries a command of the subject of the request. Raises the Refusal that the command itself
    would get, but for a missing signature."""
    home = frozenset({AdministrationCode(command.tin.country)})
    verdict = decide(
        context.subject, Action.RECORD, Resource(home, command.tin, command=type(command))
    )
    if not verdict.allowed:
        raise Forbidden(verdict.reason)
    await check_operators(context, command)
    loop = asyncio.get_running_loop()
    if isinstance(command, c.WithdrawProposal) and context.subject.role is SubjectRole.COMPANY:
        await loop.run_in_executor(context.writers, own_proposal, context, command)
    return await loop.run_in_executor(context.writers, _tried, context, command)


def _tried(context: Context, command: c.OperatorCommand) -> CommandTrial:
    registry, subject = context.registry, context.subject
    before = None if isinstance(command, BEGINNINGS) else registry.operator(command.tin)
    second_person = to_sign = None
    try:
        decided = registry.decide(
            command,
            subject.administration,
            subject.person,
            sees_proposals=subject.role is not SubjectRole.COMPANY,
        )
        proposals = [e for e in decided.pending_events if isinstance(e, DecisionProposed)]
        second_person = whose_rule(proposals[0]) if proposals else None
    except SignatureMissing:
        to_sign = signatures.text(command)
    after = registry.try_on(deepcopy(before), command, subject.administration, subject.person)
    sees = subject.role is not SubjectRole.COMPANY
    is_shown = before is not None and shows_version(subject, command.tin)
    version = version_shown(before, sees) if before and is_shown else 0
    return CommandTrial(command, before, cast(Operator, after), second_person, to_sign, version)
