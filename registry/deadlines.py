"""The dates that rules set, and what became of each. A missed one is an alert, never a decision."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import msgspec

from registry.holdings import Due
from registry.operators import Operator


class Deadline(msgspec.Struct, frozen=True, gc=False):
    """A date that a rule set, and what became of it."""

    authorisation: str
    what: str
    due: date
    rule: str
    met_on: date | None = None
    dropped: bool = False  # what it was for came to an end first


#: What answers a deadline, and what makes it void.
_ANSWERS: dict[str, tuple[type[Operator.Event], ...]] = {
    "acceptance": (Operator.Accepted, Operator.NotAccepted, Operator.Withdrawn),
    "decision": (Operator.Granted, Operator.Refused, Operator.Withdrawn),
    "renewal": (Operator.Renewed, Operator.Expired),
    "review": (Operator.ReassessmentClosed,),
    "end of suspension": (Operator.SuspensionLifted, Operator.SuspensionExtended),
}
_VOIDS = (
    Operator.Revoked, Operator.Annulled, Operator.Surrendered, Operator.Expired, Operator.Merged
)  # fmt: skip


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
    due: Due
    met: date | None = None
    void: bool = False


def deadlines(events: list[Operator.Event]) -> list[Deadline]:
    """Every date that was set. A missed one is an alert, never a decision."""
    found: list[_Set] = []
    for event in events:
        kind = type(event)
        if kind not in _MATTERS:
            continue
        own = getattr(event, "authorisation", None)  # none: it is of the whole operator
        due: tuple[Due, ...] = getattr(event, "due", ())
        for it in found:
            if own not in (None, it.authorisation):
                continue
            if kind in _ANSWERS.get(it.due.what, ()):
                it.met = it.met or _answered(event)
            elif kind in _VOIDS or any(each.what == it.due.what for each in due):
                it.void = True
        found += [_Set(own, each) for each in due if own]
    return [
        Deadline(
            it.authorisation, it.due.what, it.due.due, it.due.rule, it.met,
            it.void and it.met is None,
        )
        for it in found
    ]  # fmt: skip
