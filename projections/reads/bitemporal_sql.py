"""The as-of instants of a query, and the bitemporal predicates in SQL."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property, lru_cache
from typing import Any

from registry.domain.bitemporal import ALWAYS, NEVER_AT


@dataclass(frozen=True)
class AsOf:
    """The as-of instants: `at` in valid time, `known` in transaction time. Both in UTC.

    `asked`: the query gave at least one of them. Otherwise both are the instant of the request, and
    the answer is about the live object.
    """

    at: datetime
    known: datetime
    asked: bool = False

    @property
    def parameters(self) -> dict[str, Any]:
        """The SQL parameters."""
        return {"at": self.at, "known": self.known, "belief": self.belief}

    @cached_property
    def belief(self) -> str:
        """The part of a global id between the type and the key (api/graphql/global_ids.py): a
        colon, preceded by both instants where they were given."""
        return f"@{_rfc3339(self.at)},{_rfc3339(self.known)}:" if self.asked else ":"

    def id_of(self, kind: str, key: str) -> str:
        """The global id of an object of this GraphQL type and key at these instants."""
        return f"{kind}{self.belief}{key}"


@lru_cache(maxsize=4_096)
def _rfc3339(at: datetime) -> str:
    """RFC 3339 in UTC, always with microseconds, so that one instant has one text."""
    return f"{at.astimezone(UTC).replace(tzinfo=None).isoformat(timespec='microseconds')}Z"


#: SQL: the position up to which every read model is projected.
POSITION = "(select coalesce(min(t.position), 0) from views.tracking t)"


def in_interval(instant: str, starts: str, ends: str) -> str:
    """SQL: the instant lies in the half-open interval; NULL as the end means without end.

    The one wording of the bitemporal predicate. In the functions of the database it is
    `rule.in_interval` (ops/sql/rule/functions/in_interval.sql), which a test compares with it: a
    statement of the planner would spend more time on inlining a function than on its rows.
    """
    return f"({starts} <= {instant} and ({ends} is null or {ends} > {instant}))"


def holds(table: str, at: str = "%(at)s") -> str:
    """SQL: the row is valid at the instant of valid time."""
    return in_interval(at, f"{table}.valid_from", f"{table}.valid_to")


def believed(table: str, known: str = "%(known)s") -> str:
    """SQL: the row was known at the instant of transaction time."""
    return in_interval(known, f"{table}.recorded_from", f"{table}.recorded_to")


def on_both(table: str, at: str = "%(at)s", known: str = "%(known)s") -> str:
    """SQL: the row is valid at `at`, as known at `known`."""
    return f"{holds(table, at)} and {believed(table, known)}"


def shown(instant: datetime | None) -> datetime | None:
    """An instant for an answer, in UTC; None for the minimum and maximum, which mean no limit."""
    if instant is None or instant <= ALWAYS or instant >= NEVER_AT:
        return None
    return instant.astimezone(UTC)
