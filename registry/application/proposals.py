"""Four eyes at the one door: a command that needs a second person becomes a proposal, and a
confirmation records the decision with it.

Every way into the register (API, pages, files, command line) decides through `Registry.decide_on`,
which asks here, so none of them can leave the second person out.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy

from registry.domain import commands as c
from registry.domain.decisions import Decision
from registry.domain.errors import AlreadyRecorded, Refusal
from registry.domain.operators import proposals
from registry.domain.operators.events import Operator
from registry.domain.values import AdministrationCode

#: Decides a command on an operator, without asking for a second person.
Decide = Callable[[Operator, c.OperatorCommand, AdministrationCode | None], None]


def proposed_instead(
    operator: Operator,
    command: c.Command,
    by: Decision,
    person: str | None,
    dispatch: Callable[[Operator], None],
) -> bool:
    """Records the command as a proposal if a programme's rules want a second person; returns
    whether it did, or whether nothing is left to decide.

    The command is tried on a copy first, so a command that would be refused is refused now and
    proposes nothing. Raises that Refusal, PersonNeeded, AlreadyRecorded.
    """
    if not proposals.may_need_second_person(operator, command, by):
        return False
    trial = deepcopy(operator)
    dispatch(trial)
    programme = proposals.programme_that_requires(trial, by)
    if programme is None:
        return False
    proposals.propose(operator, command, by, programme, person)
    return True


def decide_on_proposal(
    operator: Operator,
    command: c.ProposalCommand,
    by: Decision,
    person: str | None,
    decide: Decide,
) -> None:
    """Decides a command about a proposal. Raises a Refusal: of the command itself, or of the
    proposed decision where the facts or the rules have changed since."""
    match command:
        case c.RejectProposal():
            proposals.reject(operator, command, by, person)
        case c.WithdrawProposal():
            proposals.withdraw(operator, command, by, person)
        case c.ConfirmProposal():
            _confirm(operator, command, by, person, decide)


def _confirm(
    operator: Operator,
    command: c.ConfirmProposal,
    by: Decision,
    person: str | None,
    decide: Decide,
) -> None:
    if not proposals.confirm(operator, command, by, person):
        return
    proposed = operator.proposals[command.proposal].proposed
    decision = proposals.proposed_command(operator, command.proposal)
    confirmed = len(operator.pending_events)
    try:
        decide(operator, decision, proposed.decided_by)
    except Refusal as refusal:
        raise _no_longer(refusal, decision) from refusal
    if len(operator.pending_events) == confirmed:
        raise _nothing_left(decision)


def _no_longer(refusal: Refusal, decision: c.Command) -> Refusal:
    """The refusal of the proposed decision, with its own code, in words about the proposal."""
    return type(refusal)(
        f"proposal: {decision.name} cannot be recorded as it was proposed. {refusal}. Reject the "
        "proposal, or let its author withdraw it",
        path=("proposal",),
    )


def _nothing_left(decision: c.Command) -> Refusal:
    return AlreadyRecorded(
        f"proposal: {decision.name} was recorded otherwise since it was proposed, and nothing is "
        "left to decide. Reject the proposal, or let its author withdraw it"
    )
