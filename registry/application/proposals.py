"""Four eyes at the one door: a command that needs a second person becomes a proposal, and a
confirmation records the decision with it.

Every way into the register (API, pages, files, command line) decides through `Registry.decide_on`,
which asks here, so none of them can leave the second person out.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from typing import TypeAlias
from uuid import UUID

from eventsourcing.domain import BaseAggregate

from registry.domain import commands as c
from registry.domain import operator_second_person, proposals
from registry.domain.administrations import Administration
from registry.domain.decisions import Decision
from registry.domain.errors import AlreadyRecorded, Refusal
from registry.domain.operators.events import Operator
from registry.domain.sentences import CodedTerm, Sentence
from registry.domain.values import AdministrationCode

#: Decides the proposed command of a confirmation, without asking for a second person. Takes the
#: command and who decided it; returns the aggregate that has the events of the decision.
Decide = Callable[[c.Command, AdministrationCode | None], BaseAggregate[UUID]]
ProposalCommand: TypeAlias = c.ProposalCommand | c.AdministrationProposalCommand


def proposed_instead(
    operator: Operator,
    command: c.Command,
    by: Decision,
    person: str | None,
    dispatch: Callable[[Operator], None],
    *,
    sees_proposals: bool = True,
) -> bool:
    """Records the command as a proposal if a programme's rules want a second person; returns
    whether it did, or whether nothing is left to decide.

    The command is tried on a copy first, so a command that would be refused is refused now and
    proposes nothing. Raises that Refusal, PersonNeeded, AlreadyRecorded.
    """
    if not operator_second_person.may_need_second_person(operator, command, by):
        return False
    trial = deepcopy(operator)
    dispatch(trial)
    wanted = operator_second_person.who_requires(trial, by)
    if wanted is None:
        return False
    proposals.propose(operator, command, by, person, wanted, sees_proposals=sees_proposals)
    return True


def decide_on_proposal(
    holder: proposals.Proposals,
    command: ProposalCommand,
    by: Decision,
    person: str | None,
    decide: Decide,
) -> None:
    """Decides a command about a proposal. Raises a Refusal: of the command itself, or of the
    proposed decision where the facts or the rules have changed since."""
    match command:
        case c.RejectProposal() | c.RejectAdministrationProposal():
            proposals.reject(holder, command, by, person)
        case c.WithdrawProposal() | c.WithdrawAdministrationProposal():
            proposals.withdraw(holder, command, by, person)
        case c.ConfirmProposal() | c.ConfirmAdministrationProposal():
            _confirm(holder, command, by, person, decide)


def _confirm(
    holder: proposals.Proposals,
    command: proposals.Confirm,
    by: Decision,
    person: str | None,
    decide: Decide,
) -> None:
    if not proposals.confirm(holder, command, by, person):
        return
    proposed = holder.proposals[command.proposal].proposed
    decision = proposals.proposed_command(holder, command.proposal)
    confirmed = len(holder.pending_events)
    try:
        decided = decide(decision, proposed.decided_by)
    except Refusal as refusal:
        raise _no_longer(refusal, decision) from refusal
    if len(decided.pending_events) == (confirmed if decided is holder else 0):
        raise _nothing_left(decision)
    if isinstance(holder, Administration):
        holder.decided_with = None if decided is holder else decided


def _no_longer(refusal: Refusal, decision: c.Command) -> Refusal:
    """The refusal of the proposed decision, with its own code, in words about the proposal."""
    return type(refusal)(
        Sentence(
            "proposal: %(decision)s cannot be recorded as it was proposed. %(refusal)s. Reject the "
            "proposal, or let its author withdraw it",
            decision=CodedTerm(decision.name),
            refusal=refusal,
        ),
        path=("proposal",),
    )


def _nothing_left(decision: c.Command) -> Refusal:
    return AlreadyRecorded(
        "proposal: %(decision)s was recorded otherwise since it was proposed, and "
        "nothing is left to decide. Reject the proposal, or let its author "
        "withdraw it",
        decision=CodedTerm(decision.name),
    )
