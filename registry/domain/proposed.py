"""A proposed decision, as the stream that has it knows it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass
class ProposedDecision:
    """A proposed decision, and the event that closed it; None: it is open, or its last day is
    over. `proposed`: the DecisionProposed of an operator or an administration."""

    proposed: Any
    closed: Any | None = None
