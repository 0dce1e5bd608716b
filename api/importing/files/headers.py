"""Finds the header row of a table, and the field that each heading means."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Sequence
from difflib import get_close_matches

from api.importing.files import BadFile, Cell, Match, Row

#: The header is searched in this many rows that are not blank; titles may be above it.
ABOVE = 20


def plain(heading: str) -> str:
    """Normalises a heading: case, spaces, signs and the width of characters are ignored."""
    folded = unicodedata.normalize("NFKC", heading).casefold()
    return re.sub(r"[\W_]+", "", folded)


def match_of(names: Collection[str], others: dict[str, str] | None = None) -> Match:
    """Returns a function from headings to fields. `others`: the headings of a layout, each with its
    field."""
    known = {plain(name): name for name in names}
    known |= {plain(heading): field for heading, field in (others or {}).items()}
    return lambda heading: known.get(plain(heading))


def is_blank(cells: Sequence[Cell]) -> bool:
    """Whether every cell is empty or only white space."""
    return not any(cell != "" and (not isinstance(cell, str) or cell.strip()) for cell in cells)


def is_comment(cells: Sequence[Cell]) -> bool:
    """Returns whether a row begins with `#`, like the rows that explain the columns of a
    template."""
    return bool(cells) and isinstance(cells[0], str) and cells[0].lstrip().startswith("#")


def matched(cells: Sequence[Cell], match: Match) -> int:
    """Returns the number of cells that name a field."""
    return sum(isinstance(cell, str) and match(cell) is not None for cell in cells)


def header_of(rows: Sequence[Row], match: Match) -> tuple[int, list[str]] | None:
    """Returns the number and the headings of the top row with the most known headings; without one,
    the first. None: there are no rows."""
    filled = [row for row in rows if not is_blank(row[1]) and not is_comment(row[1])][:ABOVE]
    if not filled:
        return None
    number, cells = max(filled, key=lambda row: matched(row[1], match))
    names = [str(cell).strip() for cell in cells]
    while names and not names[-1]:
        names.pop()
    return number, names


def fields_of(names: Sequence[str], match: Match, known: Collection[str], extra: bool) -> list[str]:
    """Returns the field of each column, "" for a column that is ignored.

    `extra`: the file of a layout may have columns that it does not use. Raises BadFile once, with
    all errors.
    """
    fields = [match(name) for name in names]
    wrong = []
    for place, (name, field) in enumerate(zip(names, fields, strict=True), 1):
        if not name and not extra:
            wrong.append(f"column {place} has no name")
        elif field is None and name and not extra:
            near = get_close_matches(plain(name), [plain(field_name) for field_name in known], 1)
            offer = f" ({match(near[0])}, perhaps)" if near else ""
            wrong.append(f"{name!r} is no field{offer}")
        elif field is not None and fields.index(field) < place - 1:
            wrong.append(f"{field} is named twice: wanted each column once")
    if wrong:
        raise BadFile(f"the names of the columns: {'; '.join(wrong)}")
    return [field or "" for field in fields]
