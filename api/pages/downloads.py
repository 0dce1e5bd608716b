"""Tables of pages as files to keep: CSV (RFC 4180) in UTF-8 with a byte order mark, as spreadsheets
want it. Days are ISO 8601. A cell that a spreadsheet would take for a formula has a quote before
it."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

from fastapi.responses import Response

from api.pages.render import HEADERS

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def csv_file(name: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> Response:
    """Returns a table as a file."""
    text = io.StringIO(newline="")
    lines = csv.writer(text)
    lines.writerow(columns)
    for row in rows:
        lines.writerow(map(_cell, row))
    headers = HEADERS | {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(text.getvalue().encode("utf-8-sig"), 200, headers, "text/csv; charset=utf-8")


def _cell(value: object) -> str:
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(_FORMULA) else text
