"""The dates that rules set, and what became of each. A missed one is an alert, never a decision."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import msgspec

from registry.domain.operators.authorisation import Due
from registry.domain.operators.events import Operator


class Deadline(msgspec.Struct, frozen=True, gc=False):
    """A date that a rule set, and what became of it. `due` is None, and `rule` the rule's name,
    where nobody knows the rule: there may be such a date, and then it is not known."""

    authorisation: str
    what: str
    due: date | None
    rule: str
    met_on: date | None = None
    dropped: bool = False  # what it was for came to an end first


#: What each rule sets.
_SET_BY = {
    "acceptance_days": "acceptance",
    "decision_days": "decision",
    "validity_years": "renewal",
    "review_years": "review",
    "suspension_days": "end of suspension",
}
#: What answers a deadline, and what makes it void.
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


#: What can set a date, answer one, or make one void.
_MATTERS = {
    kind for kind in vars(Operator).values() if isinstance(kind, type) and hasattr(kind, "due")
}.union(_VOIDS, *_ANSWERS.values())


def _answered(event: Operator.Event) -> date:
    """A decision is in time on the day it is taken, however much later it has effect."""
    return (event.decided if isinstance(event, Operator.Granted) else None) or event.effective


@dataclass
class _Set:
    """A date that was set, as far as the events have been told."""

    authorisation: str
    what: str
    due: date | None
    rule: str
    met: date | None = None
    void: bool = False


def deadlines(events: list[Operator.Event]) -> list[Deadline]:
    """Every date that was set, and every one that an unknown rule may have set. A missed one is an
    alert, never a decision."""
    found: list[_Set] = []
    for event in events:
        kind = type(event)
        if kind not in _MATTERS:
            continue
        own = getattr(event, "authorisation", None)  # none: it is of the whole operator
        new = _set_by(event, own) if own else []
        for set_ in found:
            if own not in (None, set_.authorisation):
                continue
            if kind in _ANSWERS.get(set_.what, ()):
                set_.met = set_.met or _answered(event)
            elif kind in _VOIDS or any(each.what == set_.what for each in new):
                set_.void = True
        found += new
    return [
        Deadline(
            each_set.authorisation,
            each_set.what,
            each_set.due,
            each_set.rule,
            each_set.met,
            each_set.void and each_set.met is None,
        )
        for each_set in found
    ]


def _set_by(event: Operator.Event, own: str) -> list[_Set]:
    due: tuple[Due, ...] = getattr(event, "due", ())
    unknown: tuple[str, ...] = getattr(event, "rule_unknown", None) or ()
    return [_Set(own, each.what, each.due, each.rule) for each in due] + [
        _Set(own, _SET_BY[rule], None, rule) for rule in unknown if rule in _SET_BY
    ]
