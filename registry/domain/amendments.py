"""Amendments of a document or an agreement, and the reading that results from them.

An amendment is an event: the first publication stays in the stream. The reading is the first text
with every amendment applied in the order of recording.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from registry.domain.commands.command import Command, Names
from registry.domain.decisions import DatedFact, Decision
from registry.domain.errors import BadValue
from registry.domain.repeated_commands import difference
from registry.domain.sentences import CodedTerm

__all__ = ["Names", "apply_amendment", "record_amendment", "with_changes"]

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


class Amended(Protocol):
    """An aggregate that has a reading and a list of its amendments."""

    reading: Any
    amendments: list[Any]

    def trigger_event(self, event_class: type[Any], **content: Any) -> None: ...


R = TypeVar("R", bound="DataclassInstance")


def with_changes(reading: R, given: Mapping[str, Any]) -> R:
    """The reading with the given fields changed.

    None leaves a field unchanged. A mapping is added to the known entries, name by name.
    """
    changes = {
        name: _added(getattr(reading, name), value) if isinstance(value, Mapping) else value
        for name, value in given.items()
        if value is not None
    }
    return replace(reading, **changes)


def apply_amendment(reading: R, event: DatedFact) -> R:
    """The reading after an amendment event, whose fields have the same names as those of the
    reading.
    """
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
    """Records one amendment, unless the same amendment of the same day and source is recorded.

    Raises BadValue if nothing would change.
    """
    content = by.envelope() | given
    if any(difference(before, by, None, given) is None for before in aggregate.amendments):
        return
    if with_changes(aggregate.reading, given) == aggregate.reading:
        same = tuple(name for name, value in given.items() if value)[:1]
        raise BadValue(
            "%(field)s: found what the %(noun)s says already, wanted a change",
            field=CodedTerm(command.name),
            noun=CodedTerm(command.noun),
            path=same or (command.noun,),
        )
    aggregate.trigger_event(event, **content)


def _added(before: Mapping[str, Any], more: Mapping[str, Any]) -> dict[str, Any]:
    """The mapping with the entries of `more` added, at every level."""
    found = dict(before)
    for name, value in more.items():
        inner = isinstance(value, Mapping) and name in found
        found[name] = _added(found[name], value) if inner else value
    return found
