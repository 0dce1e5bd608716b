"""Tables of pages as files to keep: CSV (RFC 4180) in UTF-8 with a byte order mark, as spreadsheets
want it. Days are ISO 8601. A cell that a spreadsheet would take for a formula has a quote before
it."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

import orjson
from fastapi.responses import Response

from api.pages.render import HEADERS

#: The byte order mark, which begins a file.
MARK = "\N{ZERO WIDTH NO-BREAK SPACE}".encode()
CSV = "text/csv; charset=utf-8"
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def csv_file(name: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> Response:
    """Returns a table as a file."""
    content = MARK + b"".join(map(csv_line, (columns, *rows)))
    return Response(content, 200, headers_of(name), CSV)


def json_file(name: str, content: object) -> Response:
    """Returns data as a file (RFC 8259)."""
    return Response(orjson.dumps(content), 200, headers_of(name), "application/json")


def csv_line(values: Iterable[object]) -> bytes:
    """Returns one row as a line of CSV, in UTF-8, for a download that is sent while it is made. The
    caller sends MARK, the byte order mark, before the first line."""
    text = io.StringIO(newline="")
    csv.writer(text).writerow(map(_cell, values))
    return text.getvalue().encode()


def headers_of(name: str) -> dict[str, str]:
    """Returns the headers of an answer that a browser saves as a file of this name."""
    return HEADERS | {"Content-Disposition": f'attachment; filename="{name}"'}


def _cell(value: object) -> str:
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(_FORMULA) else text
