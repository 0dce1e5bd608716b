"""Handles a command that asks for what is already recorded.

A command identical in every field records nothing. Any other command is recorded if it changes the
record, and is refused otherwise. The refusal names the field, the value found and the value
recorded, so nothing that was sent is ignored silently.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from enum import Enum
from typing import Any, NamedTuple, NoReturn

from registry.domain.decisions import DatedFact, Decision
from registry.domain.errors import AlreadyRecorded
from registry.domain.sentences import CodedTerm, Listing, Sentence

#: The fields without dates that every decision has.
_ENVELOPE = ("legal_ground", "source", "decided_by")
USE_CORRECTION = Sentence("what was recorded is put right by correcting its record (correctRecord)")


class FieldDifference(NamedTuple):
    """The first field in which a command differs from an event."""

    name: str
    found: object
    recorded: object


def difference(
    event: DatedFact,
    by: Decision,
    day: date | None = None,
    own: Mapping[str, object] | None = None,
    /,
    **content: object,
) -> FieldDifference | None:
    """Returns the first field in which the command differs from the event, or None.

    `day`: the effective civil day of a command that states none; default: the day of the decision,
    or today. `own` and `content`: the event's own fields with the values of the command. A command
    without a day of decision does not differ in it.
    """
    expected = by.effective or day
    if event.effective != (expected or by.today) and (expected or event.effective != event.decided):
        return FieldDifference("effective", expected or by.today, event.effective)
    if by.decided not in (None, event.decided):
        return FieldDifference("decided", by.decided, event.decided)
    for fields in (own or {}, content):
        for name, value in fields.items():
            if value != getattr(event, name):
                return FieldDifference(name, value, getattr(event, name))
    for name in _ENVELOPE:
        if getattr(by, name) != getattr(event, name):
            return FieldDifference(name, getattr(by, name), getattr(event, name))
    return None


def refuse_unless_identical(
    events: Iterable[DatedFact],
    by: Decision,
    about: str,
    cure: str = USE_CORRECTION,
    /,
    *,
    day: date | None = None,
    **content: object,
) -> None:
    """Refuses a command that was recorded before with other fields; an identical one passes.

    `events`: the events in force, the latest first. `about`: what they record, in words. Raises
    AlreadyRecorded with the first field in which the command differs from the latest event.
    """
    first: DatedFact | None = None
    for event in events:
        if difference(event, by, day, **content) is None:
            return
        first = first or event
    if first is None:
        raise AlreadyRecorded("%(about)s stands already; %(cure)s", about=about, cure=cure)
    differs = difference(first, by, day, **content)
    assert differs is not None
    refuse(differs, first, about, cure)


def refuse(
    differs: FieldDifference, event: DatedFact, about: str, cure: str = USE_CORRECTION
) -> NoReturn:
    """Raises AlreadyRecorded for this difference."""
    first, *others = differs.name.split("_")
    facts: dict[str, Any] = {
        "field": first + "".join(word.capitalize() for word in others),
        "found": value_in_words(differs.found),
        "about": about,
        "day": event.effective,
        "cure": cure,
    }
    if differs.name == "effective":
        raise AlreadyRecorded(
            "%(field)s: found %(found)s, and %(about)s is recorded as of %(day)s; %(cure)s", **facts
        )
    raise AlreadyRecorded(
        "%(field)s: found %(found)s, and %(about)s as of %(day)s is recorded with %(recorded)s; "
        "%(cure)s",
        recorded=value_in_words(differs.recorded),
        **facts,
    )


def value_in_words(value: object) -> str:
    """A value as it appears in a message."""
    match value:
        case None | ():
            return Sentence("none")
        case True | False:
            return Sentence("true") if value else Sentence("false")
        case tuple() as many:
            return Listing(map(value_in_words, many), ", ")
        case Enum():
            return CodedTerm(value)
        case str() as text:
            return repr(text)
    return str(value)
