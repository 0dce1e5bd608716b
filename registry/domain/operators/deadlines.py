"""The statutory deadlines of an operator and how due_ was answered.

A missed deadline is an alert for officers. It is never a decision and changes no status.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import msgspec

from registry.domain.operators.authorisation import Due
from registry.domain.operators.events import Operator
from registry.domain.values import AdministrationCode


class Deadline(msgspec.Struct, frozen=True, gc=False):
    """A deadline and how it was answered.

    If nobody knows the rule, `due` is None and `rule` is the name of the rule: a deadline may
    exist, but its day is unknown.
    """

    authorisation: str
    what: str
    due: date | None
    rule: str
    met_on: date | None = None
    dropped: bool = False  # its subject ended before it was answered


#: The deadline that due_ rule sets.
_SET_BY = {
    "acceptance_days": "acceptance",
    "decision_days": "decision",
    "validity_years": "renewal",
    "review_years": "review",
    "suspension_days": "end of suspension",
}
#: The events that answer a deadline, and those that make it void.
_ANSWERS: dict[str, tuple[type[Operator.Event], ...]] = {
    "acceptance": (Operator.Accepted, Operator.NotAccepted, Operator.Withdrawn),
    "decision": (Operator.Granted, Operator.Refused, Operator.Withdrawn),
    "renewal": (Operator.Renewed, Operator.Expired),
    "review": (Operator.ReassessmentClosed,),
    "end of suspension": (
        Operator.SuspensionLifted,
        Operator.SuspensionExtended,
        Operator.SuspensionEnded,
    ),
    "consultation": (Operator.ConsultationReplied,),
}
#: The decisions after which the reply to a consultation is no longer awaited.
_DECIDED = (Operator.Granted, Operator.Refused, Operator.Withdrawn)
_VOIDS = (
    Operator.Revoked,
    Operator.Annulled,
    Operator.Surrendered,
    Operator.Expired,
    Operator.Merged,
)


#: Every event that can set, answer or void a deadline.
_RELEVANT = {
    kind for kind in vars(Operator).values() if isinstance(kind, type) and hasattr(kind, "due")
}.union(_VOIDS, *_ANSWERS.values())


def _day_of_answer(event: Operator.Event) -> date:
    """The day on which the event answered a deadline. A grant answers it on the day of decision."""
    return (event.decided if isinstance(event, Operator.Granted) else None) or event.effective


@dataclass
class _OpenDeadline:
    """A deadline under construction, as the events so far left it."""

    authorisation: str
    what: str
    due: date | None
    rule: str
    asked: AdministrationCode | None = None  # who was consulted; None: it is no consultation
    met: date | None = None
    void: bool = False

    def is_answered_by(self, event: Operator.Event) -> bool:
        """Whether the event answers it: of a consultation, only the reply of who was asked."""
        if not isinstance(event, _ANSWERS.get(self.what, ())):
            return False
        return self.asked is None or self.asked == getattr(event, "asked", None)

    def is_ended_by(self, event: Operator.Event, new: list[_OpenDeadline]) -> bool:
        """Whether the event makes it void: its subject has ended, or `new` has it anew."""
        if isinstance(event, _VOIDS) or (self.asked and isinstance(event, _DECIDED)):
            return True
        return any((due.what, due.asked) == (self.what, self.asked) for due in new)


def deadlines(events: list[Operator.Event]) -> list[Deadline]:
    """Every deadline that was set, and every one that an unknown rule may have set."""
    found: list[_OpenDeadline] = []
    for event in events:
        kind = type(event)
        if kind not in _RELEVANT:
            continue
        # None: the event is about the whole operator.
        authorisation = getattr(event, "authorisation", None)
        new = _deadlines_set_by(event, authorisation) if authorisation else []
        for deadline in found:
            if authorisation not in (None, deadline.authorisation):
                continue
            if deadline.is_answered_by(event):
                deadline.met = deadline.met or _day_of_answer(event)
            elif deadline.is_ended_by(event, new):
                deadline.void = True
        found += new
    return [
        Deadline(
            deadline.authorisation,
            deadline.what,
            deadline.due,
            deadline.rule,
            deadline.met,
            deadline.void and deadline.met is None,
        )
        for deadline in found
    ]


def _deadlines_set_by(event: Operator.Event, authorisation: str) -> list[_OpenDeadline]:
    """The deadlines that an event sets for an authorisation."""
    due: tuple[Due, ...] = getattr(event, "due", None) or ()
    unknown: tuple[str, ...] = getattr(event, "rule_unknown", None) or ()
    asked = event.asked if isinstance(event, Operator.ConsultationRequested) else None
    return [_OpenDeadline(authorisation, due_.what, due_.due, due_.rule, asked) for due_ in due] + [
        _OpenDeadline(authorisation, _SET_BY[rule], None, rule)
        for rule in unknown
        if rule in _SET_BY
    ]
