"""Applies corrections to events: the events as they should have been. The stored events stay."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Any, TypeVar

from registry.domain.decisions import DatedFact
from registry.domain.sentences import Sentence

E = TypeVar("E", bound=DatedFact)


def _true_or_false(text: str) -> bool:
    """Parses true or false. Raises ValueError."""
    if text not in ("true", "false"):
        raise ValueError(Sentence("wanted true or false"))
    return text == "true"


#: The fields that a correction can change, and how each text is parsed.
CORRECTABLE: dict[str, Any] = {
    "effective": date.fromisoformat,
    "decided": date.fromisoformat,
    "valid_until": date.fromisoformat,
    "until": date.fromisoformat,
    "barred_until": date.fromisoformat,
    "legal_ground": str,
    "number": str,
    "type": str,
    "reason": str,
    "value": str,
    "void": _true_or_false,  # false: it was voided by mistake
}


def apply_corrections(
    events: list[E], corrections: Iterable[tuple[int, dict[str, str]]]
) -> list[E]:
    """The events with every correction applied; voided events are left out.

    `corrections`: for each, the version of the event in its stream and the correct values, in the
    order of recording. Without corrections the list itself is returned.
    """
    changes_by_version: dict[int, dict[str, Any]] = {}
    for version, what in corrections:
        changes = {k: CORRECTABLE[k](v) for k, v in what.items()}
        changes_by_version.setdefault(version, {}).update(changes)
    if not changes_by_version:
        return events
    found = ((e, changes_by_version.get(e.originator_version)) for e in events)
    return [with_changes(e, c) if c else e for e, c in found if not (c and c.get("void"))]


def with_changes(event: E, changes: dict[str, Any]) -> E:
    """A copy of the event with other values. Version and instant stay the same."""
    copy = object.__new__(type(event))
    copy.__dict__.update(event.__dict__ | {k: v for k, v in changes.items() if k != "void"})
    return copy
