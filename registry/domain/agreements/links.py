"""A link: one clause of one agreement in one direction, over an interval of valid time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from registry.domain.agreements.events import Clause
from registry.domain.values import AdministrationCode, AgreementKind, Dates


class LinkState(Enum):
    """The state of a link. If several apply, the first in this order is the state."""

    TERMINATED = "TERMINATED"
    SUSPENDED = "SUSPENDED"
    NOT_IMPLEMENTED = "NOT_IMPLEMENTED"
    UNCERTAIN = "UNCERTAIN"
    LIVE = "LIVE"


@dataclass(frozen=True, slots=True)
class Link:
    """One clause in one state over one valid-time interval.

    `hindered_by`: the sides that keep it from being LIVE. They have not implemented it, have
    suspended it, or have an implementation of unknown date. Empty if no side is the cause.

    `begins` and `ends`: the civil days, in the recognising side's time zone, between which the
    clause applies, as far as they are known. None if it has no such day of its own.
    """

    agreement: str
    kind: AgreementKind
    ordinal: int  # of the clause in its agreement; 0 for a pair of parties without any clause
    clause: Clause
    state: LinkState
    assumed: bool
    valid_from: datetime
    valid_to: datetime | None = None
    hindered_by: tuple[AdministrationCode, ...] = ()
    begins: Dates | None = None
    ends: Dates | None = None
