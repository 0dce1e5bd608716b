"""A dispute, as the stream of the operator knows it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from registry.domain.operators.events import Operator


@dataclass
class OperatorDispute:
    """A dispute with its events. `closed`: the one that closed it; None: it is open."""

    opened: Operator.DisputeOpened
    answers: list[Operator.DisputeAnswered] = field(default_factory=list)
    closed: Operator.DisputeClosed | Operator.DisputeWithdrawn | None = None
