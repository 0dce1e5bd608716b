"""The commands about a proposal: a decision that one person made and a second person confirms.

No command makes a proposal: a command that needs a second person by its programme's rules becomes
one by itself.
"""

from __future__ import annotations

# msgspec hands `frozen` down to every command; mypy does not know that it does.
# mypy: disable-error-code="misc"
from uuid import UUID

from registry.domain.commands.operators import OperatorCommand


class ProposalCommand(OperatorCommand):
    """The base of the commands about one proposal. `proposal`: the command id of the command that
    was proposed."""

    proposal: UUID


class ConfirmProposal(ProposalCommand):
    """A second person confirms a proposed decision, which is recorded with it.

    The decision is made by the rules and the facts of this moment. Nobody confirms a proposal of
    their own.
    """


class RejectProposal(ProposalCommand):
    """A second person rejects a proposed decision, which is then never recorded."""

    reason: str


class WithdrawProposal(ProposalCommand):
    """Whoever proposed a decision withdraws the proposal."""

    reason: str | None = None
