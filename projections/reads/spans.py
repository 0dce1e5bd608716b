"""A part of a list that is sorted by one text key."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class TextRange:
    """At most `size` rows between two keys, both excluded: the first ones in the order of the list,
    or the last ones where `backwards`. None means no bound."""

    size: int
    after: str | None = None
    before: str | None = None
    backwards: bool = False

    def sql(self, key: str) -> str:
        """The end of a statement. A bound is part of it only where there is one."""
        bounds = f" and {key} > %(after)s" * (self.after is not None)
        bounds += f" and {key} < %(before)s" * (self.before is not None)
        return f"{bounds} order by {key}{' desc' * self.backwards} limit %(size)s"

    @property
    def parameters(self) -> dict[str, Any]:
        """The parameters of the SQL range."""
        return {"after": self.after, "before": self.before, "size": self.size}

    def in_order(self, rows: list[T]) -> Sequence[T]:
        """The rows of such a statement, in the order of the list."""
        return rows[::-1] if self.backwards else rows
