"""Reads the rows of a table: a text file of any dialect, or a workbook."""

from __future__ import annotations

import csv
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import TextIO

from python_calamine import CalamineError, CalamineWorkbook, SheetTypeEnum, SheetVisibleEnum

from api.importing.files import SEPARATORS, BadFile, Cell, Dialect, FileOptions, Match, Row
from api.importing.files.encodings import Bytes, encoding_of
from api.importing.files.headers import ABOVE, is_blank, is_comment, matched

WORKBOOK = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")  # xlsx and ods; xls
TEXT_TABLES = (".csv", ".tsv", ".txt")
TOP = 60  # rows at the top from which the dialect is detected
UNPACKED = 1 << 29  # bytes: the limit of an unpacked workbook


def dialect_of(path: Path, seen: Bytes, options: FileOptions, match: Match) -> Dialect:
    """Detects how the file is written, except for its header and dates. Raises BadFile."""
    dialect = Dialect("JSON lines", seen.digest, seen.lines, how=seen.how)
    if seen.begins.startswith(WORKBOOK):
        dialect.kind = "workbook"
        dialect.sheet, dialect.lines = _sheet_of(path, options.sheet, match)
        return dialect
    dialect.encoding = encoding_of(seen, options.encoding)
    if path.suffix.lower() in TEXT_TABLES:
        dialect.kind = "table"
        dialect.separator = options.separator or _separator_of(path, dialect, match)
    return dialect


def rows(path: Path, dialect: Dialect) -> Iterator[Row]:
    """Yields every row with its number, blank rows included. Raises BadFile."""
    return _of_workbook(path, dialect) if dialect.kind == "workbook" else _of_text(path, dialect)


@contextmanager
def opened(path: Path, dialect: Dialect, newline: str | None) -> Iterator[TextIO]:
    """Opens the text of a file, which is read lazily. Raises BadFile."""
    try:
        with path.open(encoding=dialect.encoding, newline=newline) as file:
            yield file
    except OSError as error:
        raise BadFile(f"{path} cannot be read: {error.strerror}") from None
    except UnicodeError as error:
        place = f" (at byte {error.start})" if isinstance(error, UnicodeDecodeError) else ""
        raise BadFile(f"{path} is not {dialect.encoding}{place}") from None


def _of_text(path: Path, dialect: Dialect) -> Iterator[Row]:
    assert dialect.separator is not None  # every text table has one
    first_line = 1  # a quoted cell may span several lines; the number is that of the first
    with opened(path, dialect, "") as file:
        reader = csv.reader(file, delimiter=dialect.separator, strict=True)
        try:
            for cells in reader:
                number, first_line = first_line, reader.line_num + 1
                if number == 1 and _separator_line(dialect.separator.join(cells)):
                    continue
                yield number, list(cells)
        except csv.Error as error:
            raise BadFile(f"line {reader.line_num} is not CSV: {error}") from None


def _separator_line(line: str) -> str | None:
    """Returns the separator that a first line `sep=;` names."""
    found = line.strip("\r\n ").strip('"')
    if found.lower().startswith("sep=") and len(found) == 5:
        return found[4]
    return None


def _separator_of(path: Path, dialect: Dialect, match: Match) -> str:
    """Returns the separator with which most headings are known; failing that, the one that gives
    the most columns, the same number in every row."""
    with opened(path, dialect, "") as file:
        first = file.readline()
    if named := _separator_line(first):
        dialect.how.append("the separator by its first line")
        return named
    return max(SEPARATORS, key=lambda separator: _fits(path, dialect, separator, match))


def _fits(path: Path, dialect: Dialect, separator: str, match: Match) -> tuple[int, int]:
    tried = Dialect("table", "", 0, encoding=dialect.encoding, separator=separator)
    top = []
    try:
        for _, cells in islice(_of_text(path, tried), TOP):
            if not is_blank(cells) and not is_comment(cells):
                top.append(cells)
    except BadFile:
        pass  # the rows so far are judged; the actual reading will report the error
    best = max((matched(cells, match) for cells in top[:ABOVE]), default=0)
    widths = {len(cells) for cells in top}
    return best, widths.pop() if len(widths) == 1 else 0


# --------------------------------------------------------------- workbooks


@contextmanager
def _workbook(path: Path) -> Iterator[CalamineWorkbook]:
    """Opens a workbook. Raises BadFile for a file that is no valid workbook, also when that shows
    later."""
    try:
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as packed:
                size = sum(part.file_size for part in packed.infolist())
            if size > UNPACKED:
                raise BadFile(f"{path} unpacks to {size:,} bytes, and at most {UNPACKED:,} is read")
        yield CalamineWorkbook.from_path(path)
    except OSError as error:
        raise BadFile(f"{path} cannot be read: {error.strerror}") from None
    except (CalamineError, zipfile.BadZipFile, NotImplementedError) as error:
        raise BadFile(f"{path} is no workbook that can be read: {error}") from None


def _sheet_of(path: Path, wanted: str | None, match: Match) -> tuple[str, int]:
    """Returns the name and height of the sheet to read. Raises BadFile where several are
    possible."""
    with _workbook(path) as book:
        names = [
            sheet.name
            for sheet in book.sheets_metadata
            if sheet.typ is SheetTypeEnum.WorkSheet and sheet.visible is SheetVisibleEnum.Visible
        ]
        if wanted is not None:
            if wanted not in book.sheet_names:
                raise BadFile(f"there is no sheet {wanted!r}, only {', '.join(book.sheet_names)}")
            return wanted, book.get_sheet_by_name(wanted).total_height
        tops = {
            name: max((matched(cells, match) for cells in _top(book, name)), default=0)
            for name in names
        }
        best = max(tops.values(), default=0)
        meant = [name for name, columns in tops.items() if columns == best]
        if len(meant) != 1:
            raise BadFile(f"which sheet is meant? Say --sheet, one of {', '.join(names) or 'none'}")
        return meant[0], book.get_sheet_by_name(meant[0]).total_height


def _top(book: CalamineWorkbook, name: str) -> list[list[Cell]]:
    return [list(row) for row in islice(book.get_sheet_by_name(name).iter_rows(), TOP)]


def _of_workbook(path: Path, dialect: Dialect) -> Iterator[Row]:
    assert dialect.sheet is not None  # every workbook's dialect names one
    with _workbook(path) as book:
        sheet = book.get_sheet_by_name(dialect.sheet)
        for number, cells in enumerate(sheet.iter_rows(), 1):
            yield number, list(cells)
