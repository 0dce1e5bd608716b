"""Relay connections: pages by key and not by number, so that entries do not move between pages.

A cursor is opaque to the client. It contains the name of its list and the key of its entry.
"""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

import msgspec
import strawberry

from api.graphql.errors import Unanswered, bad_input
from projections.reads.spans import TextRange
from registry.domain.texts import has_nul

LARGEST_PAGE = 100
MOST_KEYS = 1_000

Key = str | int
T = TypeVar("T")


class Edge(Protocol):
    """An entry of a page with its cursor."""

    cursor: str


@strawberry.type
class PageInfo:
    """Where a page begins and ends, and whether there are more entries."""

    has_next_page: bool = strawberry.field(description="True: there are entries after this page.")
    has_previous_page: bool = strawberry.field(
        description="True: there are entries before this page. A page that begins `after` a cursor "
        "has at least the entry of that cursor before it."
    )
    start_cursor: str | None = strawberry.field(
        description="The cursor at the beginning of the page. Pass it as `before`, where the list "
        "has that argument, to get the page before this one. Null on an empty page, except where "
        "earlier events are still to be searched."
    )
    end_cursor: str | None = strawberry.field(
        description="The cursor at the end of the page. Pass it as `after` to get the next page. "
        "Null on an empty page where no more follows."
    )

    @classmethod
    def of(
        cls, edges: Sequence[Edge], *, more: bool, after: str | None, end: str | None = None
    ) -> PageInfo:
        """The information on a page that was read forwards. `after`: the cursor that was given;
        `end`: the cursor of the next page, if it is not that of the last entry."""
        return cls(
            has_next_page=more,
            has_previous_page=after is not None,
            start_cursor=edges[0].cursor if edges else None,
            end_cursor=end or (edges[-1].cursor if edges else None),
        )


DEFAULT = 50  # entries on a page


def size(first: int | None, default: int = DEFAULT, *, name: str = "first") -> int:
    """The number of entries on a page. Raises Unanswered (BAD_INPUT) unless it is 1 to 100."""
    wanted = default if first is None else first
    if not 1 <= wanted <= LARGEST_PAGE:
        raise bad_input(
            "%(field)s: found %(found)s, wanted 1 to %(most)s entries a page",
            field=name,
            found=wanted,
            most=LARGEST_PAGE,
        )
    return wanted


@dataclass(frozen=True)
class Window:
    """A page of a list that is ordered by one text key: `size` entries between two keys, the first
    ones or, if `backwards`, the last ones. A key of None is no bound."""

    size: int
    after: str | None = None
    before: str | None = None
    backwards: bool = False

    @classmethod
    def of(
        cls, list: str, first: int | None, after_: str | None, last: int | None, before: str | None
    ) -> Window:
        """The window that the arguments describe. `list`: the name of the list in its cursors.
        Raises Unanswered (BAD_INPUT)."""
        if last is not None and first not in (None, DEFAULT):
            raise bad_input(
                "last: found %(last)s, and first: %(first)s; wanted one of the two",
                last=last,
                first=first,
            )
        begins = after(list, after_, (str,))
        ends = after(list, before, (str,), name="before")
        return cls(
            size(first) if last is None else size(last, name="last"),
            str(begins[0]) if begins else None,
            str(ends[0]) if ends else None,
            last is not None,
        )

    @property
    def span(self) -> TextRange:
        """The range to read: one entry more than the page has, to know whether there are more."""
        return TextRange(self.size + 1, self.after, self.before, self.backwards)

    def cut(self, rows: Sequence[T]) -> tuple[Sequence[T], bool]:
        """The page and whether there are more entries, from the rows that were read for `span`."""
        page = rows[-self.size :] if self.backwards else rows[: self.size]
        return page, len(rows) > self.size

    def info(self, edges: Sequence[Edge], *, more: bool) -> PageInfo:
        """Returns the PageInfo of these edges. `more`: entries follow in the direction of
        reading."""
        return PageInfo(
            has_next_page=self.before is not None if self.backwards else more or bool(self.before),
            has_previous_page=more or bool(self.after) if self.backwards else bool(self.after),
            start_cursor=edges[0].cursor if edges else None,
            end_cursor=edges[-1].cursor if edges else None,
        )


def keys(name: str, asked: Sequence[T]) -> Sequence[T]:
    """The keys of a batch look-up, unchanged. Raises Unanswered (BAD_INPUT) for more than 1,000."""
    if len(asked) > MOST_KEYS:
        raise bad_input(
            "%(field)s: found %(found)s keys, wanted at most %(most)s",
            field=name,
            found=len(asked),
            most=MOST_KEYS,
        )
    return asked


def cursor(of: str, key: Sequence[Key]) -> str:
    """The cursor of the entry with this key. `of`: the name of the list, such as operators or
    events."""
    return urlsafe_b64encode(msgspec.json.encode([of, *key])).decode().rstrip("=")


def after(
    of: str, text: str | None, kinds: tuple[type, ...], *, name: str = "after"
) -> tuple[Key, ...] | None:
    """The key in a cursor, whose parts have the types `kinds`; None where there is no cursor.

    Raises Unanswered (BAD_INPUT) for an invalid cursor and for one of another list.
    """
    if text is None:
        return None
    try:
        padded = text.encode("ascii") + b"=" * (-len(text) % 4)
        found, *key = msgspec.json.decode(urlsafe_b64decode(padded), type=list[str | int])
    except (ValueError, msgspec.MsgspecError):
        found, key = None, []
    # No key has a NUL character, which PostgreSQL does not accept in a text.
    if found != of or tuple(map(type, key)) != kinds or len(text) > 500 or has_nul(key):
        raise bad_input(
            "%(field)s: %(found)s is not a cursor of %(of)s; give one exactly as an answer gave it",
            field=name,
            found=repr(text[:40]),
            of=of,
        )
    return tuple(key)


def cursor_in(epoch: str, of: str, key: Sequence[Key]) -> str:
    """The cursor of a list whose keys are positions, which belong to one epoch of the ledger.
    `epoch`: empty where it is not known; it is then not checked."""
    return cursor(of, [epoch, *key] if epoch else key)


def after_in(
    of: str, text: str | None, kinds: tuple[type, ...], *, name: str = "after"
) -> tuple[str | None, tuple[Key, ...] | None]:
    """The epoch and the key in a cursor of `cursor_in`. Older cursors have no epoch. Raises
    Unanswered (BAD_INPUT)."""
    try:
        found = after(of, text, (str, *kinds), name=name)
    except Unanswered:
        return None, after(of, text, kinds, name=name)
    return (str(found[0]), found[1:]) if found else (None, None)
