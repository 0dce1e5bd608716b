"""The statutory deadlines of an operator and how due_ was answered.

A missed deadline is an alert for officers. It is never a decision and changes no status.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import msgspec

from registry.domain.operators.authorisation import Due
from registry.domain.operators.events import Operator


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
}
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
    met: date | None = None
    void: bool = False


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
            if kind in _ANSWERS.get(deadline.what, ()):
                deadline.met = deadline.met or _day_of_answer(event)
            elif kind in _VOIDS or any(due_.what == deadline.what for due_ in new):
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
    due: tuple[Due, ...] = getattr(event, "due", ())
    unknown: tuple[str, ...] = getattr(event, "rule_unknown", None) or ()
    return [_OpenDeadline(authorisation, due_.what, due_.due, due_.rule) for due_ in due] + [
        _OpenDeadline(authorisation, _SET_BY[rule], None, rule)
        for rule in unknown
        if rule in _SET_BY
    ]
