"""Reads a file of any dialect as lines, each of which says a command."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec

from api.importing.files import BadFile, Cell, Dialect, FileOptions, Row
from api.importing.files.cells import kind_of, kinds, orders, typed
from api.importing.files.encodings import look
from api.importing.files.headers import fields_of, header_of, is_blank, match_of
from api.importing.files.layouts import Layout, match_layout
from api.importing.files.partner_rows import PartnerListRow
from api.importing.files.tables import TOP, dialect_of, opened, rows
from registry.domain import commands as c
from registry.domain.errors import BadValue

#: A line's number, and its fields, or the reason why it cannot be read.
Said = tuple[int, dict[str, Any] | BadValue]


@dataclass
class Source:
    """A file with its dialect detected. It can be read line by line, and more than once."""

    path: Path
    dialect: Dialect
    options: FileOptions
    layout: Layout | None
    fields: list[str]  # of the columns of a table
    constants: dict[str, str]

    def lines(self) -> Iterator[Said]:
        """Yields the lines. Raises BadFile where the file cannot be read further."""
        read = self._json if self.dialect.kind == "JSON lines" else self._table
        return read()

    def _json(self) -> Iterator[Said]:
        given: dict[str, Cell] = dict(self.constants)
        if self.options.command:
            given["command"] = self.options.command
        fixed = typed(given, self.dialect.dates)
        with opened(self.path, self.dialect, None) as file:
            for number, line in enumerate(file, 1):
                if not line.strip():
                    continue
                try:
                    record = msgspec.json.decode(line)
                    if not isinstance(record, dict):
                        raise ValueError(f"found {type(record).__name__}, wanted an object")
                    _each_once(line, record)
                except (ValueError, RecursionError) as error:
                    yield number, BadValue("this is not one line of JSON: %(error)s", error=error)
                else:
                    yield number, fixed | record if fixed else record

    def _table(self) -> Iterator[Said]:
        width = len(self.fields)
        fixed: dict[str, Cell] = dict(self.constants)
        if self.options.command:
            fixed["command"] = self.options.command
        dates, layout = self.dialect.dates, self.layout
        words = layout.words() if layout else {}
        for number, cells in self._rows():
            if len(cells) != width and (wrong := _wrong_width(cells, width)):
                yield number, wrong
                continue
            row = dict(fixed)
            for field, cell in zip(self.fields, cells, strict=False):
                if isinstance(cell, str):
                    cell = cell.strip()
                if field and cell != "":
                    row[field] = cell
            try:
                yield number, layout.fields_of(row, dates, words) if layout else typed(row, dates)
            except BadValue as wrong:
                yield number, wrong

    def _rows(self) -> Iterator[Row]:
        """Yields the rows below the header that are not blank."""
        header = self.dialect.header or 0
        for number, cells in rows(self.path, self.dialect):
            if number > header and not is_blank(cells):
                yield number, cells


def source_of(
    path: Path,
    options: FileOptions,
    layout: Layout | None = None,
    constants: dict[str, str] | None = None,
) -> Source:
    """Detects the dialect of a file. Raises BadFile where it cannot be read, or is ambiguous."""
    if layout:
        options = layout.completed(options)
    known = _known_fields(options.command)
    match = match_layout(layout) if layout else match_of(known)
    dialect = dialect_of(path, look(path), options, match)
    source = Source(path, dialect, options, layout, [], constants or {})
    if dialect.kind == "JSON lines":
        if layout:
            raise BadFile(f"{path.name} has no columns that a layout could name: it is JSON lines")
        return source
    header = header_of(list(islice(rows(path, dialect), TOP)), match)
    if header is None:
        return source  # an empty table
    dialect.header, names = header
    source.fields = fields_of(names, match, known, extra=layout is not None)
    if layout and (over := [n for n, f in zip(names, source.fields, strict=True) if n and not f]):
        dialect.how.append(f"not used: {', '.join(over)}")
    _complete(source)
    dialect.dates = _order_of_dates(source)
    return source


def _known_fields(command: str | None) -> Collection[str]:
    kind = kind_of(command)
    if kind:
        return {"command", *kinds(kind)}
    if command:
        return {"command"}  # no such command: each line is refused with that reason
    return {"command"}.union(*(kinds(kind) for kind in c.COMMANDS.values()))


def _complete(source: Source) -> None:
    """Checks that there is a column or a constant for the command and for each field that it
    requires.

    Raises BadFile once, with all that is missing.
    """
    fixed = source.layout.fixed() if source.layout else {}
    there = {*source.fields, *fixed, *source.constants}
    if not source.options.command and "command" not in there:
        raise BadFile("there is no column `command`: add one, or say --command NAME")
    if "command" in source.fields:
        return  # the lines may be of several commands
    kind = kind_of(source.options.command)
    needed = (
        [field.encode_name for field in msgspec.structs.fields(kind) if field.required]
        if kind
        else []
    )
    if missing := [name for name in needed if name not in there]:
        what, cure = source.options.command, "give one value for all by --set FIELD=VALUE"
        if kind is PartnerListRow:
            what, cure = (
                "a partner's list",
                "name it in a --layout that extends partner-list",
            )
        raise BadFile(
            f"the names of the columns: {what} needs {', '.join(missing)}, and "
            f"there is no such column; add it, or {cure}"
        )


def _order_of_dates(source: Source) -> str | None:
    """Returns the order of day and month: the given one, or the only one in which every date can be
    read.

    Raises BadFile where several orders fit, or none.
    """
    if source.options.dates:
        return source.options.dates
    columns = [place for place, field in enumerate(source.fields) if field in _DATES]
    if not columns:
        return None
    possible, first = {"dmy", "mdy"}, None
    for number, cells in source._rows():
        for place in columns:
            cell = cells[place] if place < len(cells) else None
            if isinstance(cell, str) and (found := orders(cell)):
                first = first or (number, source.fields[place], cell.strip())
                possible &= found
    if first is None:
        return None
    number, field, text = first
    if len(possible) == 1:
        [order] = possible
        source.dialect.how.append("the order of dates by the days after the 12th")
        return order
    both = "some have the day first and some the month" if not possible else "nothing in it decides"
    raise BadFile(
        f"line {number}: {field} is {text}, and it is not known whether the day or the month "
        f"stands first ({both}): say --dates dmy or --dates mdy"
    )


def _dates() -> set[str]:
    kinds_of_lines = [*c.COMMANDS.values(), PartnerListRow]
    return {name for kind in kinds_of_lines for name, hint in kinds(kind).items() if hint is date}


_DATES = _dates()


def _each_once(line: str | bytes, record: dict[str, object]) -> None:
    """Raises ValueError for a name that occurs twice: JSON would keep the last value only."""
    text = line if isinstance(line, str) else line.decode()
    nested = any(isinstance(value, (dict, list)) for value in record.values())
    if not nested and all(text.count(f'"{name}"') < 2 for name in record):
        return

    def pairs(found: list[tuple[str, object]]) -> dict[str, object]:
        names = [name for name, _ in found]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"{', '.join(twice)} is named twice: wanted each name once")
        return dict(found)

    json.loads(text, object_pairs_hook=pairs)


def _wrong_width(cells: Sequence[Cell], width: int) -> BadValue | None:
    """Returns the error for a row of another width. Blank cells beyond the header are ignored,
    because spreadsheets write them."""
    if len(cells) < width:
        return BadValue(
            "found %(length)s cells under %(width)s names; the line is cut short",
            length=len(cells),
            width=width,
        )
    if is_blank(cells[width:]):
        return None
    return BadValue(
        "found %(length)s cells under %(width)s names; quote a cell that has the separator in it",
        length=len(cells),
        width=width,
    )
