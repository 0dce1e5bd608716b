"""The lines of a list of numbers that is pasted or uploaded: one number a line, or CSV (RFC 4180)
with the columns number, territory and day.

Each line is read by itself: what cannot be read is named with its field, what was found and what is
wanted, and the other lines are answered.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from api.languages.language import _
from api.pages.check_questions import NORTHERN_IRELAND, OWN_RULES, tin_of
from api.pages.labels import territory
from api.pages.sentences import translated
from api.pages.typed_days import is_missing
from registry.domain import instants
from registry.domain.texts import ascii_digits

MOST = 1_000  # lines of a list
COLUMNS = ("number", "territory", "day")
_DELIMITERS = (",", ";", "\t")
_SHOWN = 60  # characters of what was found


class UnreadableList(ValueError):
    """A list that is refused as a whole, with the sentence for the reader."""


@dataclass(frozen=True)
class ListLine:
    """A line of a list. `place`: its number in the text, from 1. `number`: as it was written. `at`:
    UTC, None for now. `field`, `found`, `wanted`: what cannot be read; "" where everything can."""

    place: int
    number: str
    territory: str = ""
    day: str = ""
    tin: str = ""
    at: datetime | None = None
    field: str = ""
    found: str = ""
    wanted: str = ""

    @property
    def is_good(self) -> bool:
        """True for a line that can be asked about."""
        return not self.field


def read(text: str, own: str, day: str, zones: Mapping[str, str]) -> list[ListLine]:
    """Reads a list. `own`, `day`: the territory and the day of lines that name none. `zones`: the
    time zone of each territory, in which a day counts.

    Raises UnreadableList for a text that is no list, and for too many lines.
    """
    if "\N{REPLACEMENT CHARACTER}" in text or "\0" in text:
        raise UnreadableList(
            _("This is not a text in UTF-8. Save the list as CSV in UTF-8, and send it again.")
        )
    rows, columns = _rows(text.lstrip("\ufeff"))
    if not rows:
        raise UnreadableList(_("The list is empty. Write one number a line."))
    if len(rows) > MOST:
        raise UnreadableList(
            _(
                "The list has %(found)s lines, and at most %(most)s are answered at once. Nothing "
                "was asked. Send it in parts.",
                found=len(rows),
                most=MOST,
            )
        )
    return [_line(place, cells, columns, own, day, zones) for place, cells in rows]


#: What a cell is in whose line a quotation mark is opened and never closed.
_OPEN = "\0"


def _rows(text: str) -> tuple[list[tuple[int, list[str]]], Sequence[str]]:
    """The lines that are not empty, each with its place and its cells, and the names of the
    columns. Each line is read by itself, whatever ends it, so that a quotation mark that nobody
    closed takes no other line with it. Without a heading every line has its own delimiter."""
    rows: list[tuple[int, list[str]]] = []
    columns: Sequence[str] = ()
    delimiter = ""
    for place, line in enumerate(text.splitlines(), 1):
        found = delimiter or max(_DELIMITERS, key=line.count)
        cells = _cells(place, line, found)
        if not any(cells):
            continue
        if not rows and not columns and (columns := _heading(cells)):
            delimiter = found if found in line else ""
        else:
            rows.append((place, cells))
    return rows, columns or COLUMNS


def _cells(place: int, line: str, delimiter: str) -> list[str]:
    """The cells of a line; the line itself, marked, where it is not CSV."""
    try:
        found = next(csv.reader([line], delimiter=delimiter, strict=True), [])
    except csv.Error as error:
        if len(line) <= csv.field_size_limit():
            return [_OPEN, line.strip()]
        raise UnreadableList(
            _(
                "Line %(line)s is not CSV: %(error)s",
                line=place,
                error=translated(str(error)),
            )
        ) from None
    return [cell.strip() for cell in found]


def _heading(cells: list[str]) -> tuple[str, ...]:
    """The columns that a first line names; none where it is a line like the others. Raises
    UnreadableList where it names one twice."""
    names = tuple(cell.lower() for cell in cells)
    if "number" not in names:
        return ()
    for name in COLUMNS:
        if names.count(name) > 1:
            raise UnreadableList(_("The heading names the column %(name)s twice.", name=name))
    if unknown := [name for name in names if name not in COLUMNS]:
        raise UnreadableList(
            _(
                "The heading names the column %(name)s, and wanted are %(wanted)s. "
                "Nothing was asked.",
                name=repr(unknown[0][:_SHOWN]),
                wanted=", ".join(COLUMNS),
            )
        )
    return names


def _line(
    place: int,
    cells: list[str],
    columns: Sequence[str],
    own: str,
    day: str,
    zones: Mapping[str, str],
) -> ListLine:
    if cells[0] == _OPEN:
        wanted = _("a closing quotation mark for each opening one")
        return _bad({"place": place, "number": "", "territory": "", "day": ""},
                    "line", cells[1], wanted)  # fmt: skip
    given = dict(zip(columns, cells, strict=False))
    number = given.get("number", "")
    code = territory(given.get("territory", "") or own)
    when = ascii_digits(given.get("day", "") or day)
    line = {"place": place, "number": number, "territory": code, "day": when}
    if len(cells) > len(columns):
        found, wanted = cells[len(columns)], _("at most %(most)s cells", most=len(columns))
        return _bad(line, "line", found, wanted)
    tin = tin_of(number)
    if tin is None:
        wanted = _("a TIN: two letters of a customs territory, then 1 to 15 letters or digits")
        return _bad(line, "number", number, wanted)
    if given.get("territory", "").upper() == NORTHERN_IRELAND:
        return _bad(
            line | {"territory": NORTHERN_IRELAND}, "territory", NORTHERN_IRELAND, _(OWN_RULES)
        )
    if code not in zones:
        return _bad(line, "territory", code, _("the code of a customs territory, like KR"))
    try:
        at = instants.parse_valid_time(when, zones[code]).at if when else None
    except ValueError:
        wanted = _("a day like 2026-03-05, or an instant with its zone like 2026-03-05T14:03Z")
        if is_missing(when):
            wanted = _("a day that the calendar has")
        return _bad(line, "day", when, wanted)
    return ListLine(place, number, code, when, tin, at)


def _bad(line: Mapping[str, object], field: str, found: str, wanted: str) -> ListLine:
    shown = found if len(found) <= _SHOWN else f"{found[:_SHOWN]}..."
    return ListLine(
        int(str(line["place"])),
        str(line["number"])[:_SHOWN],
        str(line["territory"])[:_SHOWN],
        str(line["day"])[:_SHOWN],
        field=field,
        found=shown,
        wanted=wanted,
    )
