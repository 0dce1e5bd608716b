"""A list of the page of work: what waits, how much of it, and the way to the next step."""

from __future__ import annotations

from dataclasses import dataclass, field

MOST = 20  # entries of a list; the number is of all


@dataclass(frozen=True)
class WorkItem:
    """An entry: an operator, in words what waits, and the address of the next step. `page`: of what
    is no operator; `tin` is then its code."""

    tin: str
    name: str
    words: str
    address: str
    action: str
    page: str = ""


@dataclass(frozen=True)
class WorkList:
    """A list of one kind of work. `count`: None where the question was refused; `empty` then says
    why, and otherwise what it means that nothing waits. `step`: the address and the title of what
    can be done where nothing waits. `more`: there are more than `count`.
    `note`: what the reader should know of the list; `seen`: the position that a button marks as
    seen, or None."""

    name: str
    title: str
    count: int | None
    empty: str
    items: list[WorkItem] = field(default_factory=list)
    more: bool = False
    note: str = ""
    seen: int | None = None
    step: tuple[str, str] | None = None

    @property
    def tins(self) -> str:
        """The TINs of the entries, each once."""
        return "\n".join(dict.fromkeys(item.tin for item in self.items))
