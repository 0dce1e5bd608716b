"""The part of the list of events that a query asks for, from either end and between two cursors."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self

from api.graphql import paging
from api.graphql.errors import bad_input
from projections.reads.events import EventSelection


@dataclass(frozen=True)
class EventsPart:
    """The part of a list of events that is asked for: `size` events between two positions, the
    first ones or, if `backwards`, the last ones. `epochs`: those of the cursors."""

    size: int
    after: int | None
    before: int | None
    backwards: bool
    epochs: tuple[str, ...]

    @classmethod
    def of(cls, first: int | None, after: str | None, last: int | None, before: str | None) -> Self:
        """Reads the arguments. Raises Unanswered (BAD_INPUT)."""
        if last is not None and first not in (None, paging.DEFAULT):
            raise bad_input(
                "last: found %(last)s, and first: %(first)s; wanted one of the two",
                last=last,
                first=first,
            )
        begins, begin = paging.after_in("events", after, (int,))
        ends, end = paging.after_in("events", before, (int,), name="before")
        return cls(
            paging.size(first) if last is None else paging.size(last, name="last"),
            int(begin[0]) if begin else None,
            int(end[0]) if end else None,
            last is not None,
            tuple(dict.fromkeys(each for each in (begins, ends) if each)),
        )

    def within(self, wanted: EventSelection) -> EventSelection:
        """The selection between these positions, too."""
        befores = [each for each in (wanted.before, self.before) if each is not None]
        return replace(
            wanted,
            after=max(wanted.after, self.after or 0),
            before=min(befores, default=None),
            backwards=self.backwards,
        )
