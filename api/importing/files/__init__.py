"""Files that offices send: which dialect they are written in, and what each line of them says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta

#: A value of a cell: text in a text file, whatever the workbook has otherwise.
Cell = str | int | float | bool | date | datetime | time | timedelta
#: A row: its number, as an editor or a spreadsheet counts it from 1, and its cells.
Row = tuple[int, list[Cell]]
#: Which name of ours a column's heading stands for, or None.
Match = Callable[[str], str | None]


class BadFile(Exception):
    """The file as a whole cannot be read."""


@dataclass(frozen=True)
class FileOptions:
    """What the caller says of a file. What is None is found in the file itself.

    `dates`: the order of day, month and year in dates like 01/02/2026: ymd, dmy or mdy.
    `command`: of every line that names none.
    """

    command: str | None = None
    encoding: str | None = None
    separator: str | None = None
    dates: str | None = None
    sheet: str | None = None


@dataclass
class Dialect:
    """How a file is written, and how that came to be known: said back to whoever sent it."""

    kind: str  # JSON lines, table, workbook
    digest: str  # SHA-256 of the bytes, in hexadecimal
    lines: int  # about how many there are, to show how far the reading is
    encoding: str | None = None
    separator: str | None = None
    sheet: str | None = None
    header: int | None = None  # the number of its row
    dates: str | None = None
    how: list[str] = field(default_factory=list)  # what of it was concluded, and from what

    def said(self) -> str:
        """One line for a person."""
        parts = [self.kind]
        if self.sheet:
            parts.append(f"sheet {self.sheet!r}")
        if self.encoding:
            parts.append(f"encoding {self.encoding}")
        if self.separator:
            parts.append(f"separated by {SEPARATORS.get(self.separator, repr(self.separator))}")
        if self.header:
            parts.append(f"names of columns in line {self.header}")
        if self.dates:
            parts.append(f"dates in the order {ORDERS[self.dates]}")
        return "; ".join([", ".join(parts), *self.how])


SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "vertical bars"}
ORDERS = {"ymd": "year, month, day", "dmy": "day, month, year", "mdy": "month, day, year"}
