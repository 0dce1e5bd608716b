"""The two clocks of a question, and the SQL that keeps a table to them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property, lru_cache
from typing import Any

from registry.domain.bitemporal import ALWAYS, NEVER_AT


@dataclass(frozen=True)
class AsOf:
    """What counted in law at one instant, as the register knew it at another. Both in UTC.

    `asked`: the asker named at least one of the two. Otherwise both are now, and what is answered
    is the live object.
    """

    at: datetime
    known: datetime
    asked: bool = False

    @property
    def parameters(self) -> dict[str, Any]:
        return {"at": self.at, "known": self.known, "belief": self.belief}

    @cached_property
    def belief(self) -> str:
        """What stands between the type and the key in a global id (api/graphql/global_ids.py): a
        colon, and before it both instants where they were asked for."""
        return f"@{_exactly(self.at)},{_exactly(self.known)}:" if self.asked else ":"

    def id_of(self, kind: str, key: str) -> str:
        """The global id of an object of this GraphQL type and key, as it is believed here."""
        return f"{kind}{self.belief}{key}"


@lru_cache(maxsize=4_096)
def _exactly(at: datetime) -> str:
    """RFC 3339 in UTC, always with microseconds: one text for one instant."""
    return f"{at.astimezone(UTC).replace(tzinfo=None).isoformat(timespec='microseconds')}Z"


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
