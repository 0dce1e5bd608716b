"""Reads import files: detects their dialect, and yields what each line says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta

#: The value of a cell: text in a text file, any of these in a workbook.
Cell = str | int | float | bool | date | datetime | time | timedelta
#: A row: its number, counted from 1 as in an editor or a spreadsheet, and its cells.
Row = tuple[int, list[Cell]]
#: Returns the field that a column's heading stands for, or None.
Match = Callable[[str], str | None]


class BadFile(Exception):
    """The file as a whole cannot be read."""


@dataclass(frozen=True)
class FileOptions:
    """The options that the caller gives for a file. None: detected from the file.

    `dates`: the order of day, month and year in dates like 01/02/2026: ymd, dmy or mdy. `command`:
    the command of every line that names none.
    """

    command: str | None = None
    encoding: str | None = None
    separator: str | None = None
    dates: str | None = None
    sheet: str | None = None


@dataclass
class Dialect:
    """How a file is written, and how that was detected; reported to the sender of the file."""

    kind: str  # JSON lines, table, workbook
    digest: str  # SHA-256 of the bytes, in hexadecimal
    lines: int  # roughly, for the progress bar
    encoding: str | None = None
    separator: str | None = None
    sheet: str | None = None
    header: int | None = None  # the number of the header row
    dates: str | None = None
    how: list[str] = field(default_factory=list)  # what was inferred, and from what

    def description(self) -> str:
        """Returns the dialect in one line for a person."""
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
