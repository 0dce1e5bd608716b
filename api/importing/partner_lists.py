"""A partner's list as rows, with every fault that it has, before anything is compared.

A list is one administration's, as of one day. Each fault is named with its line, its field, what
was found and how to correct it.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import msgspec

from api.importing.files import BadFile
from api.importing.files.partner_rows import PartnerListRow, Standing
from api.importing.files.reading import Source
from api.importing.lines import AT, Bad, wanted
from registry.domain import texts
from registry.domain.errors import BadValue
from registry.domain.values import Tin

#: The words of a closing row, which counts those above it.
_TOTAL = re.compile(
    r"(?:sub|grand\s*)?total(?:\s*(?:general|of\s+\w+))?|итого|всего|合计|总计|합계|計",
    re.IGNORECASE,
)
_SEPARATORS = re.compile(r"[\s./\-\u2013]+")
_HINTS: dict[str, Any] = {"standing": Standing, "row": int, "tin": Tin}
_DATES = ("since", "suspended_from", "suspended_until", "ended")
DOUBLED = "leave one of the two out, or ask the sender which of them stands"
LOST = "the list has lost or doubled rows: ask the sender for it again"


@dataclass(frozen=True)
class Listed:
    """A row that can be read: its line, and what it says of whom."""

    line: int
    tin: Tin
    type: str
    row: PartnerListRow


@dataclass(frozen=True)
class Sender:
    """Whose list it is: its code, the codes of its territory, its programme with the types that it
    offers, and the day as of which the list is."""

    code: str
    territory: frozenset[str]
    programme: str
    types: tuple[str, ...]
    as_of: date


@dataclass
class PartnerList:
    """A list: its rows in their order, and the faults."""

    rows: list[Listed] = field(default_factory=list)
    bad: list[Bad] = field(default_factory=list)
    lines: int = 0


def read_list(source: Source, sender: Sender) -> PartnerList:
    """Reads a list. Raises BadFile where it has no row, or cannot be read further."""
    found, reader = PartnerList(), _Reader(source.path.name, sender)
    for number, content in source.lines():
        total = None if isinstance(content, BadValue) else _total(content)
        if total is not None:
            found.bad += reader.check_total(number, total, found.lines)
            continue
        found.lines += 1
        result = reader.read(number, content)
        if isinstance(result, Bad):
            found.bad.append(result)
        else:
            found.rows.append(result)
    if not found.lines:
        raise BadFile(f"{source.path.name}: the list has no row")
    found.bad = reader.summed_up(found.bad, found.lines)
    return found


class _Reader:
    """Reads the rows of one list, and remembers what was on the rows before."""

    def __init__(self, file: str, sender: Sender) -> None:
        self._file, self._sender = file, sender
        self._types = {texts.plain(name).casefold(): name for name in sender.types}
        self._seen: dict[tuple[str, str], int] = {}
        self._row: int | None = None
        self._others: Counter[str] = Counter()

    def read(self, number: int, content: dict[str, Any] | BadValue) -> Listed | Bad:
        """Returns what a row says, or its first fault."""
        try:
            if isinstance(content, BadValue):
                raise content
            self._check_order(content.get("row"))
            row = _converted(content)
            tin = self._tin(row.tin)
            type_ = self._type(row)
            self._check_territory(tin)
            self._check_dates(row)
            line = self._seen.setdefault((tin.text, type_), number)
            if line != number:
                return self._bad(number, "tin", f"{tin} stands on line {line} already", DOUBLED)
        except BadValue as wrong:
            split = AT.fullmatch(str(wrong))
            assert split is not None  # it matches any text
            return self._bad(number, split["field"], split["said"], self._cure(split["field"]))
        return Listed(number, tin, type_, row)

    def check_total(self, number: int, total: int, rows: int) -> list[Bad]:
        """Returns the fault of a closing row that counts other than the rows above it."""
        if total == rows:
            return []
        words = f"a total of {total:,} below {rows:,} rows"
        return [self._bad(number, "row", words, LOST)]

    def summed_up(self, bad: list[Bad], rows: int) -> list[Bad]:
        """Returns the faults; those of another administration's list are one."""
        wrong = sum(self._others.values())
        if 2 * wrong <= rows:
            return bad
        [(other, most)] = self._others.most_common(1)
        found = f"{wrong:,} of {rows:,} operators are not of {self._sender.code} ({most:,} {other})"
        cure = f"this is the list of another administration: --administration {other}, perhaps"
        of_others = {"tin"}
        rest = [each for each in bad if each.field not in of_others or "stands on" in each.found]
        return [self._bad(0, "tin", found, cure), *rest]

    def _bad(self, line: int, name: str | None, found: str, cure: str) -> Bad:
        return Bad(self._file, line, name, found, cure)

    def _cure(self, name: str | None) -> str:
        match name:
            case "row":
                return LOST
            case "type":
                return (
                    f"one of {', '.join(self._sender.types)}, or a word in values.type of --layout"
                )
            case "standing":
                return f"{wanted(Standing)}, or a word in values.standing of --layout"
            case "tin":
                codes = ", ".join(sorted(self._sender.territory))
                return f"a TIN of {codes}, or the national number that follows these letters"
            case name if name in _DATES:
                return "a civil day, YYYY-MM-DD, that fits the day of the list"
            case None:
                return "give every column its cell, an empty one where nothing is said"
        return "fill it in"

    def _tin(self, text: str) -> Tin:
        """Returns a TIN from itself, or from the national number that follows its letters."""
        code, territory = self._sender.code, self._sender.territory
        text = _SEPARATORS.sub("", text).upper()
        national = len(territory) == 1 and not text.startswith((code, f"AEO{code}"))
        if national and not re.fullmatch(r"[A-Z]{2}[0-9]+", text):
            text = code + text
        try:
            return Tin.parse(text)
        except ValueError as error:
            if national and len(text) < 16:  # two letters that are no territory, then digits
                return self._tin(code + text)
            raise BadValue("%(error)s - at `$.tin`", error=error) from None

    def _type(self, row: PartnerListRow) -> str:
        types = self._sender.types
        if row.type is None:
            if len(types) != 1:
                raise BadValue(
                    "found none, and %(programme)s has several - at `$.type`",
                    programme=self._sender.programme,
                )
            return types[0]
        known = self._types.get(texts.plain(row.type).casefold())
        if known is None:
            raise BadValue(
                "found %(type)s, which is no type of %(programme)s - at `$.type`",
                type=repr(row.type),
                programme=self._sender.programme,
            )
        return known

    def _check_territory(self, tin: Tin) -> None:
        if tin.country not in self._sender.territory:
            self._others[tin.country] += 1
            raise BadValue(
                "found %(tin)s, which is not of %(sender)s - at `$.tin`",
                tin=tin,
                sender=self._sender.code,
            )

    def _check_dates(self, row: PartnerListRow) -> None:
        as_of = self._sender.as_of
        for name in ("since", "suspended_from", "ended"):
            day = getattr(row, name)
            if day and day > as_of:
                raise BadValue(
                    "found %(day)s, after %(as_of)s, the day of the list - at `$.%(name)s`",
                    day=day,
                    as_of=as_of,
                    name=name,
                )
        if row.since and row.ended and row.ended < row.since:
            raise BadValue(
                "found %(ended)s, before %(since)s, its beginning - at `$.ended`",
                ended=row.ended,
                since=row.since,
            )
        if row.since and row.suspended_from and row.suspended_from < row.since:
            found = f"found {row.suspended_from}, before {row.since}, its beginning"
            raise BadValue("%(found)s - at `$.suspended_from`", found=found)

    def _check_order(self, row: object) -> None:
        """Checks that the running number follows the one before, which may be of a bad row."""
        if not isinstance(row, int):
            return
        before, self._row = self._row, row
        if before is not None and row != before + 1:
            raise BadValue("found %(row)s after %(before)s - at `$.row`", row=row, before=before)


def _converted(content: dict[str, Any]) -> PartnerListRow:
    """Returns the row. Raises BadValue."""
    for name, value in content.items():
        if isinstance(value, str) and name != "row":
            try:
                texts.check(name, value, prose=name == "address")
            except BadValue as wrong:
                found = str(wrong).removeprefix(f"{name}: ")
                raise BadValue("%(found)s - at `$.%(name)s`", found=found, name=name) from None
    try:
        row = msgspec.convert(content, PartnerListRow, strict=True)
    except msgspec.ValidationError as error:
        raise BadValue(_with_field(str(error))) from None
    for name in ("name", "local_name", "address", "number"):
        value = getattr(row, name)
        if value is not None and not 0 < len(value.strip()) <= 500:
            raise BadValue(
                "found %(length)s characters, wanted 1 to 500 - at `$.%(name)s`",
                length=len(value),
                name=name,
            )
    return row


def _with_field(content: str) -> str:
    """Returns msgspec's sentence with the path of a missing field, which it names in words only."""
    missing = re.search(r"missing required field `(\w+)`", content)
    if missing:
        return f"found nothing - at `$.{missing[1]}`"
    return re.sub(r"^Invalid enum value", "found", content)


def _total(content: dict[str, Any]) -> int | None:
    """Returns the number that a closing row gives; None for any other row."""
    cells = [
        str(cell).strip().rstrip(":\uff1a") for name, cell in content.items() if name != "command"
    ]
    if not any(_TOTAL.fullmatch(cell) for cell in cells):
        return None
    numbers = [re.sub(r"[\s,.']", "", cell) for cell in cells]
    counts = [int(number) for number in numbers if re.fullmatch(r"[0-9]{1,9}", number)]
    return counts[0] if len(counts) == 1 else None
