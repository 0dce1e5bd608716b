"""The dates that rules set, and what became of each. A missed one is an alert, never a decision."""

from __future__ import annotations

from datetime import date
from itertools import chain

import msgspec

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
_VOIDS = (Operator.Revoked, Operator.Annulled, Operator.Surrendered, Operator.Expired)


_WEIGHTY: list[type] = [*chain(*_ANSWERS.values()), *_VOIDS, Operator.Merged]
#: What can set a date, answer one, or make one void.
_MATTERS = {
    kind
    for kind in vars(Operator).values()
    if isinstance(kind, type) and (hasattr(kind, "due") or issubclass(kind, tuple(_WEIGHTY)))
}


def _answered(event: Operator.Event) -> date:
    """A decision is in time on the day it is taken, however much later it has effect."""
    return (event.decided if isinstance(event, Operator.Granted) else None) or event.effective


def deadlines(events: list[Operator.Event]) -> list[Deadline]:
    """Every date that was set. A missed one is an alert, never a decision."""
    found: list[Deadline] = []
    events = [event for event in events if type(event) in _MATTERS]
    for number, event in enumerate(events):
        for due in getattr(event, "due", ()):
            own = event.authorisation  # type: ignore[attr-defined]
            later = [e for e in events[number + 1 :] if getattr(e, "authorisation", own) == own]
            answers = _ANSWERS.get(due.what, ())
            met = next((e for e in later if isinstance(e, answers)), None)
            moved = any(
                d.what == due.what for e in later if not isinstance(e, answers)
                for d in getattr(e, "due", ())
            )  # fmt: skip
            void = moved or any(isinstance(e, (*_VOIDS, Operator.Merged)) for e in later)
            found.append(
                Deadline(
                    own, due.what, due.due, due.rule,
                    _answered(met) if met else None, void and met is None,
                )
            )
    return found
