"""What an operator holds or has applied for, and the dates that rules set about it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from registry.domain.values import Role, Status


@dataclass(frozen=True)
class Due:
    """A date that a rule sets: what is due, on which civil day, and who says so."""

    what: str
    due: date
    rule: str


@dataclass
class Authorisation:
    """One application and what became of it, as the latest event left it.

    How it stands on a day of law, ends said in advance included, says `footing.on`.
    """

    reference: str  # programme, slash, ordinal: CN-AEO/1; a number comes only with the grant
    programme: str
    type: str
    status: Status
    number: str | None = None
    roles: tuple[Role, ...] = ()
    effective: date | None = None  # the day of effect of the grant
    valid_until: date | None = None
    ended: date | None = None  # from which day on; it may lie ahead
    suspended_part: str | None = None
    suspended_until: date | None = None
    under_reassessment: bool = False
    remediation: bool = False
    list: str | None = None  # the published list that it is known from, and not from a grant
    latest: date = date.min  # the latest day from which an event about it counts

    def __str__(self) -> str:
        return self.number or self.reference
