"""Whether a change of an authorisation is recorded already."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from typing import TypeVar

from registry.domain.decisions import Decision
from registry.domain.errors import (
    AlreadyRecorded,
)
from registry.domain.operators.authorisation import Authorisation
from registry.domain.operators.events import Operator
from registry.domain.operators.preconditions import (
    events_in_force,
    is_about,
)
from registry.domain.repeated_commands import (
    difference,
)

E = TypeVar("E", bound=Operator.Event)


def latest_equal_events(
    operator: Operator,
    authorisation: Authorisation,
    kind: type[E],
    same: Callable[[E], bool],
) -> list[Operator.Event]:
    """The latest events of this kind about this authorisation, back to the first that differs."""
    found: list[Operator.Event] = []
    for event in events_in_force(operator, is_about(authorisation, (kind,))):
        if not (isinstance(event, kind) and same(event)):
            break
        found.append(event)
    return found


def refuse_unless_identical_change(
    same: Sequence[Operator.Event], by: Decision, already: str, reason: str | None
) -> None:
    """Returns if the identical change is recorded. Raises AlreadyRecorded."""
    if not any(difference(event, by, reason=reason) is None for event in same):
        if not same:
            raise AlreadyRecorded("%(already)s; nothing would be changed", already=already)
        raise AlreadyRecorded(
            "%(already)s, as of %(since)s; nothing would be changed",
            already=already,
            since=same[-1].effective,
        )


def is_earlier(day: date, same: Sequence[Operator.Event]) -> bool:
    """Whether the day is before the first of these events."""
    return bool(same) and day < min(event.effective for event in same)
