"""Converts the cells of a table to the types of a command's fields."""

from __future__ import annotations

import re
import typing
import unicodedata
from datetime import date, datetime, time
from functools import lru_cache
from types import UnionType
from typing import Any

import msgspec

from api.importing.files import ORDERS, Cell
from api.importing.files.partner_rows import PARTNER_ROW, PartnerListRow
from registry.domain import commands as c
from registry.domain.errors import BadValue

YEAR_FIRST = re.compile(r"(\d{4})\s*[-/.年]\s*(\d{1,2})\s*[-/.月]\s*(\d{1,2})\s*日?")
COMPACT = re.compile(r"(\d{4})(\d{2})(\d{2})")
YEAR_LAST = re.compile(r"(\d{1,2})\s*[-/.]\s*(\d{1,2})\s*[-/.]\s*(\d{4})")
ROUNDED = re.compile(r"\d([.,]\d+)?E\+\d+")
EXACT = 10**15  # a spreadsheet stores fifteen significant digits


def kind_of(name: object) -> type[msgspec.Struct] | None:
    """Returns what a line with this name in `command` says: a command, or a row of a partner's
    list; None for another name."""
    return PartnerListRow if name == PARTNER_ROW else c.COMMANDS.get(str(name))


@lru_cache(maxsize=128)
def kinds(kind: type[msgspec.Struct]) -> dict[str, Any]:
    """Returns the type of each field by its name in files, without `| None`."""
    found: dict[str, Any] = {}
    hints = typing.get_type_hints(kind)
    for part in msgspec.structs.fields(kind):
        hint = hints[part.name]
        if typing.get_origin(hint) is UnionType:
            hint = next(arg for arg in typing.get_args(hint) if arg is not type(None))
        found[part.encode_name] = hint
    return found


def typed(row: dict[str, Cell], dates: str | None) -> dict[str, Any]:
    """Converts the cells of a row. A cell that cannot be converted is left for `commands.read` to
    refuse.

    Raises BadValue for a cell whose original text a spreadsheet has lost.
    """
    kind = kind_of(row.get("command"))
    wanted = kinds(kind) if kind else {}
    return {name: _cell(name, cell, wanted.get(name), dates) for name, cell in row.items()}


def text_of(name: str, cell: Cell, hint: Any = None) -> str:
    """Returns a cell as text, as one would type it. Raises BadValue."""
    match cell:
        case str():
            if hint is str and ROUNDED.fullmatch(cell):
                raise BadValue(
                    "found %(cell)s: digits were rounded away - at `$.%(name)s`",
                    cell=cell,
                    name=name,
                )
            return cell
        case bool():
            return "true" if cell else "false"
        case datetime() | date():
            if isinstance(cell, datetime) and cell.time() == time.min:
                cell = cell.date()
            if hint in (date, datetime, None):
                return cell.isoformat()
            raise BadValue(
                "found the date %(cell)s where a spreadsheet took text for one; format the "
                "cell as text - at `$.%(name)s`",
                cell=cell.isoformat()[:10],
                name=name,
            )
        case int() | float():
            if abs(cell) >= EXACT:
                raise BadValue(
                    "found a number of more than 15 digits, of which a spreadsheet loses the "
                    "last; format the cell as text - at `$.%(name)s`",
                    name=name,
                )
            return str(int(cell)) if cell == int(cell) else repr(cell)
    return str(cell)


def _cell(name: str, cell: Cell, hint: Any, dates: str | None) -> Any:
    kind = typing.get_origin(hint) or hint
    text = text_of(name, cell, hint) if not isinstance(cell, str) or hint is str else cell
    if kind is tuple:
        return [word.strip() for word in text.split(";") if word.strip()]
    if kind is dict:
        pairs = (pair.partition("=") for pair in text.split(";") if pair.strip())
        return {name.strip(): word.strip() for name, _, word in pairs}
    if kind is int and re.fullmatch(r"-?[0-9]{1,18}", text):
        return int(text)
    if kind is bool and text.lower() in ("true", "false"):
        return text.lower() == "true"
    if kind is date:
        return day(name, text, dates)
    return text


def day(name: str, text: str, order: str | None) -> str:
    """Returns a date in ISO 8601; text that is no date is returned unchanged.

    Raises BadValue where the order of day and month is not known, or is not the one given.
    """
    plain = unicodedata.normalize("NFKC", text).strip()
    found = YEAR_FIRST.fullmatch(plain) or COMPACT.fullmatch(plain)
    if found:
        return _iso(*map(int, found.groups()))
    last = YEAR_LAST.fullmatch(plain)
    if not last:
        return text
    one, two, year = map(int, last.groups())
    if order not in ("dmy", "mdy"):
        order = next(iter(orders(plain)), "dmy")
    on, month = (one, two) if order == "dmy" else (two, one)
    if month > 12:
        raise BadValue(
            "found %(text)s, which is no %(orders)s - at `$.%(name)s`",
            text=text,
            orders=ORDERS[order],
            name=name,
        )
    return _iso(year, month, on)


def _iso(year: int, month: int, on: int) -> str:
    return f"{year:04}-{month:02}-{on:02}"


def orders(text: str) -> set[str]:
    """Returns the orders in which a date with its year at the end can be read; empty where both
    give the same date."""
    last = YEAR_LAST.fullmatch(unicodedata.normalize("NFKC", text).strip())
    if not last or last[1] == last[2]:
        return set()
    one, two = int(last[1]), int(last[2])
    return {name for name, month in (("dmy", two), ("mdy", one)) if 1 <= month <= 12}
