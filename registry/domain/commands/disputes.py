"""The commands about a dispute: what an operator, or another administration, says is wrong about
the operator's record, and what its home customs says to that.

A dispute decides nothing: no status, no consent and no recognition changes by it.
"""

from __future__ import annotations

# msgspec hands `frozen` down to every command; mypy does not know that it does.
# mypy: disable-error-code="misc"
from uuid import UUID

from registry.domain.commands.operators import OperatorCommand
from registry.domain.values import AdministrationCode, DisputeKind, DisputeOutcome


class OpenDispute(OperatorCommand):
    """Says that something about an operator is wrong. Nothing is decided by it.

    `kind`: NOT_US (the record is of another company), WRONG_RECORD (needs `position` or `receipt`)
    or NOT_RECOGNISED (needs `territory`). The operator opens one about itself, and a customs
    administration about an operator of another one that it sees. The id of this command is the id
    of the dispute.
    """

    kind: DisputeKind
    statement: str
    position: int | None = None  # of the operator's event that is meant
    receipt: UUID | None = None  # the id of the receipt that is meant
    territory: AdministrationCode | None = None  # where the operator is not recognised


class DisputeCommand(OperatorCommand):
    """The base of the commands about one dispute. `dispute`: the command id with which it was
    opened."""

    dispute: UUID


class AnswerDispute(DisputeCommand):
    """The home customs answers a dispute, which stays open."""

    answer: str


class CloseDispute(DisputeCommand):
    """The home customs closes a dispute. What is wrong is put right by the command for it, such as
    a correction of the record; the outcome says whether that was needed."""

    outcome: DisputeOutcome
    reason: str


class WithdrawDispute(DisputeCommand):
    """Whoever opened a dispute withdraws it, and an operator also what its home customs opened in
    its name. The home customs closes what others opened."""

    reason: str | None = None
