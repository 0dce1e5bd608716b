"""The two clocks of a question, and the SQL that keeps a table to them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from registry.clocks import ALWAYS, NEVER_AT


@dataclass(frozen=True)
class AsOf:
    """What counted in law at one instant, as the register knew it at another. Both in UTC."""

    at: datetime
    known: datetime

    @property
    def parameters(self) -> dict[str, Any]:
        return {"at": self.at, "known": self.known}


#: How far every read model is projected, for a column of the statement that brings the facts.
POSITION = "(select coalesce(min(t.position), 0) from views.tracking t)"


def holds(table: str, at: str = "%(at)s") -> str:
    """SQL: this row's stretch of law holds the instant."""
    return f"({table}.valid_from <= {at} and ({table}.valid_to is null or {table}.valid_to > {at}))"


def believed(table: str, known: str = "%(known)s") -> str:
    """SQL: this row was what the register knew at that instant."""
    return (
        f"({table}.recorded_from <= {known}"
        f" and ({table}.recorded_to is null or {table}.recorded_to > {known}))"
    )


def on_both(table: str, at: str = "%(at)s", known: str = "%(known)s") -> str:
    return f"{holds(table, at)} and {believed(table, known)}"


def shown(instant: datetime | None) -> datetime | None:
    """The ends of time are shown as no end at all."""
    if instant is None or instant <= ALWAYS or instant >= NEVER_AT:
        return None
    return instant.astimezone(UTC)
