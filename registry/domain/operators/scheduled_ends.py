"""Scheduled ends: the end of a term (`valid_until`) and of a suspension (`until`).

A scheduled end takes effect on its day without another event. If the programme's rule, on the day
from which the event counts, demands a decision, the event says so (`ends_by_decision`). The status
after that day is then unknown until the decision is recorded.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import msgspec
from msgspec.structs import replace

from registry.domain.operators.events import Operator
from registry.domain.operators.status_effects import Period, without_suspension
from registry.domain.values import ENDED, Status


class ScheduledEnd(msgspec.Struct, frozen=True, gc=False):
    """The first civil day after the end, and whether the end needs a decision.

    `of_term`: True for the end of the term, False for the end of a suspension.
    """

    day: date
    by_decision: bool
    of_term: bool


class ScheduledEnds(msgspec.Struct, frozen=True, gc=False):
    """The scheduled ends of an authorisation, and which of them have passed."""

    term: ScheduledEnd | None = None
    suspension: ScheduledEnd | None = None  # the end of a suspension
    expired: bool = False  # the term ended by law
    lapsed: bool = False  # the term is over and a decision is awaited
    unlifted: bool = False  # the suspension is over and a decision is awaited

    def first(self, base: Period) -> ScheduledEnd | None:
        """The next scheduled end of an authorisation with this status, or None."""
        if base.status is not Status.VALID and base.status is not Status.SUSPENDED:
            return None
        term = None if self.lapsed else self.term
        suspension = None if self.unlifted else self.suspension
        if term is None or suspension is None:
            return term or suspension
        return suspension if suspension.day <= term.day else term

    def over(self, end: ScheduledEnd, base: Period) -> tuple[Period, ScheduledEnds]:
        """The status after this end has passed, and the scheduled ends that remain."""
        if not end.of_term:
            if end.by_decision:
                return base, replace(self, unlifted=True)
            return without_suspension(base, None), replace(self, suspension=None)
        if end.by_decision:
            return base, replace(self, lapsed=True)
        over = replace(base, status=Status.EXPIRED, abroad=Status.EXPIRED, flags=(), ground=None)
        return over, replace(self, expired=True)

    def seen(self, base: Period) -> Period:
        """The period with DECISION_AWAITED where a decision on an end is outstanding."""
        if not (self.lapsed or self.unlifted) or base.status in ENDED:
            return base
        status, abroad, flags = base.status, base.abroad, base.flags
        if self.unlifted:
            # If the suspended part is not recognised abroad, the status abroad is not affected.
            flags = (*flags, "suspension_decision_awaited")
            status = _awaited(status, Status.SUSPENDED)
            abroad = _awaited(abroad, Status.SUSPENDED)
        if self.lapsed:
            flags = (*flags, "expiry_decision_awaited")
            status, abroad = _awaited(status, Status.VALID), _awaited(abroad, Status.VALID)
        return replace(base, status=status, abroad=abroad, flags=tuple(sorted(flags)))


def _awaited(status: Status, after: Status) -> Status:
    """DECISION_AWAITED if the status is the one that the scheduled end concerns."""
    return Status.DECISION_AWAITED if status is after else status


NO_ENDS = ScheduledEnds()


def _term(ends: ScheduledEnds, event: Operator.Granted | Operator.Renewed) -> ScheduledEnds:
    """The scheduled ends after a grant or renewal, which set the end of the term."""
    last, end = event.valid_until, None
    if last and last != date.max:  # which stands for "without end"
        end = ScheduledEnd(last + timedelta(days=1), bool(event.ends_by_decision), of_term=True)
    if end is None and ends is NO_ENDS:
        return ends
    return ScheduledEnds(end, ends.suspension, unlifted=ends.unlifted)


def _pause(
    ends: ScheduledEnds, event: Operator.Suspended | Operator.SuspensionExtended
) -> ScheduledEnds:
    """The scheduled ends after a suspension or its extension, which set its end."""
    end = None
    if event.until and event.until != date.max:
        end = ScheduledEnd(event.until, bool(event.ends_by_decision), of_term=False)
    return (
        ends
        if end is None and _no_suspension(ends)
        else replace(ends, suspension=end, unlifted=False)
    )


def _lifted(ends: ScheduledEnds, event: Operator.SuspensionLifted) -> ScheduledEnds:
    """The scheduled ends after a suspension was lifted."""
    return ends if _no_suspension(ends) else replace(ends, suspension=None, unlifted=False)


def _no_suspension(ends: ScheduledEnds) -> bool:
    """Whether no end of a suspension is scheduled or awaited."""
    return ends.suspension is None and not ends.unlifted


#: For each event that sets or removes a scheduled end, the function that does so.
END_SCHEDULERS: dict[type[Operator.Event], Callable[[ScheduledEnds, Any], ScheduledEnds]] = {
    Operator.Granted: _term,
    Operator.Renewed: _term,
    Operator.Suspended: _pause,
    Operator.SuspensionExtended: _pause,
    Operator.SuspensionLifted: _lifted,
}
