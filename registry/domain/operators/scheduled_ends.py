"""Ends said in advance: of a term (`valid_until`) and of a suspension (`until`).

Each takes effect on its day without another event. Where the programme's rule of the day of the
event demands a decision, the event says so (`ends_by_decision`), and how the authorisation stands
after the end is unknown until that decision is recorded.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import msgspec
from msgspec.structs import replace

from registry.domain.operators.events import Operator
from registry.domain.operators.status_effects import Period, freed
from registry.domain.values import ENDED, Status


class ScheduledEnd(msgspec.Struct, frozen=True, gc=False):
    """An end said in advance: the first civil day after it, and whether it takes a decision.

    `of_term`: of the authorisation's term; else of a suspension.
    """

    day: date
    by_decision: bool
    of_term: bool


class ScheduledEnds(msgspec.Struct, frozen=True, gc=False):
    """What was said in advance of an authorisation's ends, and which of them have come."""

    term: ScheduledEnd | None = None
    pause: ScheduledEnd | None = None  # of a suspension
    expired: bool = False  # the term ended by law
    lapsed: bool = False  # the term is over and a decision is awaited
    unlifted: bool = False  # the suspension is over and a decision is awaited

    def first(self, base: Period) -> ScheduledEnd | None:
        """The next that is still to come, of an authorisation that stands so by its events."""
        if base.status is not Status.VALID and base.status is not Status.SUSPENDED:
            return None
        term = None if self.lapsed else self.term
        pause = None if self.unlifted else self.pause
        if term is None or pause is None:
            return term or pause
        return pause if pause.day <= term.day else term

    def over(self, end: ScheduledEnd, base: Period) -> tuple[Period, ScheduledEnds]:
        """How it stands by the events once this end has come, and what is still to come."""
        if not end.of_term:
            if end.by_decision:
                return base, replace(self, unlifted=True)
            return freed(base, None), replace(self, pause=None)
        if end.by_decision:
            return base, replace(self, lapsed=True)
        over = replace(base, status=Status.EXPIRED, abroad=Status.EXPIRED, flags=(), ground=None)
        return over, replace(self, expired=True)

    def seen(self, base: Period) -> Period:
        """The same stretch with what is unknown of it until a decision is taken."""
        if not (self.lapsed or self.unlifted) or base.status in ENDED:
            return base
        status, abroad, flags = base.status, base.abroad, base.flags
        if self.unlifted:
            # Of a part that is not recognised abroad nothing is unknown there.
            flags = (*flags, "suspension_decision_awaited")
            status = _unknown(status, Status.SUSPENDED)
            abroad = _unknown(abroad, Status.SUSPENDED)
        if self.lapsed:
            flags = (*flags, "expiry_decision_awaited")
            status, abroad = _unknown(status, Status.VALID), _unknown(abroad, Status.VALID)
        return replace(base, status=status, abroad=abroad, flags=tuple(sorted(flags)))


def _unknown(status: Status, after: Status) -> Status:
    return Status.DECISION_AWAITED if status is after else status


NO_ENDS = ScheduledEnds()


def _term(ends: ScheduledEnds, event: Operator.Granted | Operator.Renewed) -> ScheduledEnds:
    last, end = event.valid_until, None
    if last and last != date.max:  # which stands for "without end"
        end = ScheduledEnd(last + timedelta(days=1), bool(event.ends_by_decision), of_term=True)
    if end is None and ends is NO_ENDS:
        return ends
    return ScheduledEnds(end, ends.pause, unlifted=ends.unlifted)


def _pause(
    ends: ScheduledEnds, event: Operator.Suspended | Operator.SuspensionExtended
) -> ScheduledEnds:
    end = None
    if event.until and event.until != date.max:
        end = ScheduledEnd(event.until, bool(event.ends_by_decision), of_term=False)
    return ends if end is None and _no_pause(ends) else replace(ends, pause=end, unlifted=False)


def _lifted(ends: ScheduledEnds, event: Operator.SuspensionLifted) -> ScheduledEnds:
    return ends if _no_pause(ends) else replace(ends, pause=None, unlifted=False)


def _no_pause(ends: ScheduledEnds) -> bool:
    return ends.pause is None and not ends.unlifted


#: What an event says of the ends to come.
SAYS: dict[type[Operator.Event], Callable[[ScheduledEnds, Any], ScheduledEnds]] = {
    Operator.Granted: _term,
    Operator.Renewed: _term,
    Operator.Suspended: _pause,
    Operator.SuspensionExtended: _pause,
    Operator.SuspensionLifted: _lifted,
}
