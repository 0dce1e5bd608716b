"""What a document or an agreement says by its latest reading, and the amendments that better it.

An amendment is an event like any other: the record as it was published stays in the stream, and
the reading is the first text with every amendment carried out in the order of recording.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from registry.domain.commands.command import Command, Names
from registry.domain.decisions import DatedFact, Decision
from registry.domain.errors import BadValue
from registry.domain.repeated_commands import difference

__all__ = ["Names", "apply_amendment", "record_amendment", "with_changes"]

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


class Amended(Protocol):
    """An aggregate that has a reading and remembers its amendments."""

    said: Any
    amendments: list[Any]

    def trigger_event(self, event_class: type[Any], **said: Any) -> None: ...


R = TypeVar("R", bound="DataclassInstance")


def with_changes(reading: R, given: Mapping[str, Any]) -> R:
    """The reading with the fields that are given: None leaves a field as it is, and an object
    adds to what is known, name by name."""
    told = {
        name: _added(getattr(reading, name), value) if isinstance(value, Mapping) else value
        for name, value in given.items()
        if value is not None
    }
    return replace(reading, **told)


def apply_amendment(reading: R, event: DatedFact) -> R:
    """The reading after an amendment, whose fields have the names of the reading's own."""
    return with_changes(
        reading, {field.name: getattr(event, field.name) for field in fields(reading)}
    )


def record_amendment(
    aggregate: Amended,
    event: type[DatedFact],
    command: Command,
    given: dict[str, Any],
    by: Decision,
) -> None:
    """Records one amendment. The same amendment from the same day and source is recorded once.

    Raises BadValue where nothing would change.
    """
    said = by.envelope() | given
    if any(difference(before, by, None, given) is None for before in aggregate.amendments):
        return
    if with_changes(aggregate.said, given) == aggregate.said:
        same = tuple(name for name, value in given.items() if value)[:1]
        raise BadValue(
            f"{command.name}: found what the {command.noun} says already, wanted a change",
            path=same or (command.noun,),
        )
    aggregate.trigger_event(event, **said)


def _added(before: Mapping[str, Any], more: Mapping[str, Any]) -> dict[str, Any]:
    found = dict(before)
    for name, value in more.items():
        inner = isinstance(value, Mapping) and name in found
        found[name] = _added(found[name], value) if inner else value
    return found
