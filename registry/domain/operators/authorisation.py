"""An operator's authorisation or application, and the deadlines that rules set for it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from registry.domain.values import Role, Status


@dataclass(frozen=True)
class Due:
    """A deadline set by a rule: what is due, on which civil day, and the source of the rule."""

    what: str
    due: date
    rule: str


@dataclass
class Authorisation:
    """One application and what followed from it, as the latest recorded event left it.

    For the status on a civil day of valid time, including scheduled ends, see `preconditions.on`.
    """

    reference: str  # programme, slash, ordinal: CN-AEO/1; a number exists only from the grant on
    programme: str
    type: str
    status: Status
    number: str | None = None
    roles: tuple[Role, ...] = ()
    effective: date | None = None  # the day of effect of the grant
    valid_until: date | None = None
    ended: date | None = None  # the first civil day after the end; it may be in the future
    suspended_part: str | None = None
    suspended_until: date | None = None
    under_reassessment: bool = False
    remediation: bool = False
    list: str | None = None  # the published list from which it is known, if there is no grant
    latest: date = date.min  # the latest effective day of an event about it, ends excluded

    def __str__(self) -> str:
        return self.number or self.reference
