"""A command that comes a second time.

The identical command (every field equal) records nothing. Whatever else asks for what stands
already is recorded where it changes the record, and otherwise refused in words: the field, what
was found, and what the record says. Nothing that was said is dropped in silence.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from enum import Enum
from typing import NamedTuple, NoReturn

from registry.domain.decisions import DatedFact, Decision
from registry.domain.errors import AlreadyRecorded

#: Of the fields that every decision has, those without days.
_ENVELOPE = ("legal_ground", "source", "decided_by")
CORRECT = "what was recorded is put right by correcting its record (correctRecord)"


class FieldDifference(NamedTuple):
    """The first field in which a command says otherwise than an event."""

    name: str
    found: object
    recorded: object


def difference(
    event: DatedFact,
    by: Decision,
    day: date | None = None,
    own: Mapping[str, object] | None = None,
    /,
    **said: object,
) -> FieldDifference | None:
    """None where the command says, field by field, what the event says.

    `day`: from which civil day the command counts where it names none; by default the day of the
    decision, or today. `own`, `said`: the event's own fields as the command has them. A command
    that names no day of decision says nothing of it.
    """
    expected = by.effective or day
    if event.effective != (expected or by.today) and (expected or event.effective != event.decided):
        return FieldDifference("effective", expected or by.today, event.effective)
    if by.decided not in (None, event.decided):
        return FieldDifference("decided", by.decided, event.decided)
    for fields in (own or {}, said):
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
    cure: str = CORRECT,
    /,
    *,
    day: date | None = None,
    **said: object,
) -> None:
    """Returns where one of the events is what the command says, and so was recorded before.

    `events`: those that stand, the last word first. `about`: what they record, as words. Raises
    AlreadyRecorded, naming the first field in which the command differs from the last word.
    """
    first: DatedFact | None = None
    for event in events:
        if difference(event, by, day, **said) is None:
            return
        first = first or event
    if first is None:
        raise AlreadyRecorded(f"{about} stands already; {cure}")
    differs = difference(first, by, day, **said)
    assert differs is not None
    refuse(differs, first, about, cure)


def refuse(differs: FieldDifference, event: DatedFact, about: str, cure: str = CORRECT) -> NoReturn:
    """Raises AlreadyRecorded."""
    recorded = f"is recorded as of {event.effective}"
    if differs.name != "effective":
        recorded = f"as of {event.effective} is recorded with {value_in_words(differs.recorded)}"
    first, *others = differs.name.split("_")
    name = first + "".join(word.capitalize() for word in others)
    raise AlreadyRecorded(
        f"{name}: found {value_in_words(differs.found)}, and {about} {recorded}; {cure}"
    )


def value_in_words(value: object) -> str:
    match value:
        case None | ():
            return "none"
        case True | False:
            return str(value).lower()
        case tuple() as many:
            return ", ".join(map(value_in_words, many))
        case Enum():
            return str(value)
        case str() as text:
            return repr(text)
    return str(value)
