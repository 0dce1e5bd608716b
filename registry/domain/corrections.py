"""Puts right what was recorded: the events as they should have been, beside those that stay."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Any, TypeVar

from registry.domain.decisions import DatedFact

E = TypeVar("E", bound=DatedFact)


def _true_or_false(text: str) -> bool:
    if text not in ("true", "false"):
        raise ValueError("wanted true or false")
    return text == "true"


#: What a correction may put right, and how its text is read.
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
    """The same events with every correction carried out; voided ones are gone.

    `corrections`: the version of an event in its stream and what is right of it, in the order
    in which they were made. Without any, the list itself.
    """
    rights: dict[int, dict[str, Any]] = {}
    for version, what in corrections:
        changes = {k: CORRECTABLE[k](v) for k, v in what.items()}
        rights.setdefault(version, {}).update(changes)
    if not rights:
        return events
    found = ((e, rights.get(e.originator_version)) for e in events)
    return [with_changes(e, c) if c else e for e, c in found if not (c and c.get("void"))]


def with_changes(event: E, changes: dict[str, Any]) -> E:
    """The event with other values. Not made anew: its version and instant are its own."""
    copy = object.__new__(type(event))
    copy.__dict__.update(event.__dict__ | {k: v for k, v in changes.items() if k != "void"})
    return copy
