"""Lines of a file, each a command: read from CSV or JSON, and explained where they are wrong."""

from __future__ import annotations

import csv
import io
import re
import typing
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from enum import Enum
from pathlib import Path
from types import UnionType
from typing import Any

import msgspec

from registry import commands as c
from registry.errors import BadValue, Refusal

AT = re.compile(r"(?P<said>.*?)(?: - at `\$\.(?P<field>\w+).*`)?", re.DOTALL)

#: What would put a refused line right, where its sentence does not say so already.
CURES = {
    "AlreadyRegistered": "leave the line out, or amend_particulars instead",
    "AlreadyHeld": "end the other authorisation first, or change_type of it",
    "Barred": "grant from a day after the bar",
    "GroundNeeded": "fill in legal_ground",
    "KnownTooLate": "put the lines of one operator in the order in which they became known",
    "NotOffered": "use a type that the programme has on that day",
    "OtherCommand": "leave command_id out, or use a new one",
    "OverrideNeeded": "check the number; if the authority did issue it, say why in override",
    "KeyUnknown": "sign with a key that the administration has now, or add_key first",
    "SignatureInvalid": "sign the line again, as it stands: ./aeo sign-commands",
    "SignatureMissing": "sign the line: ./aeo sign-commands",
    "Superseded": "name the successor",
    "UnknownAdministration": "register_administration first",
    "UnknownAuthorisation": "name it by its number in authorisation",
    "UnknownDocument": "publish_document first",
    "UnknownClaim": "publish_claim first",
    "UnknownOperator": "register_operator first",
    "UnknownProgramme": "use a code that the register has, or register_programme first",
    "WrongDates": "check the dates of this line against those before it",
    "WrongForm": "check the number against its scheme",
    "WrongStatus": "check what stands in the lines before, and in the register: aeo history TIN",
}
SENTENCE = "the sentence says what stands against it"
WANTED = {
    "date": "a day: 2026-03-01",
    "datetime": "an instant with its zone: 2026-03-01T09:30:00Z",
    "int": "a whole number",
    "bool": "true or false",
    "uuid": "a UUID",
    "str": "text",
    "dict": "names, each with a value",
}


#: A line's number, and what it says or why it says nothing.
Said = tuple[int, dict[str, Any] | BadValue]


class BadFile(Exception):
    """The file as a whole cannot be read."""


@dataclass(frozen=True)
class Line:
    file: str
    number: int  # as an editor counts them, from 1
    said: dict[str, Any] | BadValue  # what it says, or why it says nothing


@dataclass(frozen=True)
class Bad:
    """A line that was not taken: where, which field, what was found against it, and what helps."""

    file: str
    line: int
    field: str | None
    found: str
    cure: str


def lines_of(path: Path, command: str | None = None) -> Iterator[Line]:
    """CSV when the name ends in .csv, else JSON lines. `command` is for lines that name none.

    In CSV an empty cell is a field left out, several words are set apart by semicolons, and
    `a=1; b=2` is a list of names and values. Raises BadFile.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise BadFile(f"{path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise BadFile(f"{path} is not UTF-8 (at byte {error.start})") from None
    read = _csv if path.suffix.lower() == ".csv" else _json
    return (Line(path.name, number, said) for number, said in read(text, command))


def count_lines(path: Path) -> int:
    """How many lines there are to read, for whoever shows how far it is. Raises BadFile."""
    try:
        with path.open("rb") as file:
            return sum(1 for line in file if line.strip())
    except OSError as error:
        raise BadFile(f"{path} cannot be read: {error.strerror}") from None


def _json(text: str, command: str | None) -> Iterator[Said]:
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            said = msgspec.json.decode(line)
            if not isinstance(said, dict):
                raise ValueError(f"found {type(said).__name__}, wanted an object")
        except (ValueError, RecursionError) as error:
            yield (number, BadValue(f"this is not one line of JSON: {error}"))
        else:
            yield (number, {"command": command, **said} if command else said)


def _csv(text: str, command: str | None) -> Iterator[Said]:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    begun = 1  # a quoted cell may run over several lines; the first is named
    try:
        header = [name.strip() for name in next(reader, [])]
        if len(set(header)) < len(header) or "" in header:
            raise BadFile(f"the first line must name each column once: found {', '.join(header)}")
        if "command" not in header and not command:
            raise BadFile("there is no column `command`: add one, or say --command NAME")
        for cells in reader:
            number, begun = begun + 1, reader.line_num
            if not any(cell.strip() for cell in cells):
                continue
            if len(cells) > len(header):
                wrong = f"found {len(cells)} cells under {len(header)} names"
                yield (number, BadValue(f"{wrong}; quote a cell that has a comma"))
                continue
            row = {k: v.strip() for k, v in zip(header, cells, strict=False) if v.strip()}
            yield (number, _typed({"command": command, **row} if command else row))
    except csv.Error as error:
        raise BadFile(f"line {reader.line_num} is not CSV: {error}") from None


def _typed(row: dict[str, Any]) -> dict[str, Any]:
    """The cells as the command's fields want them; what cannot be is left for `read` to refuse."""
    kind = c.COMMANDS.get(str(row.get("command")))
    wanted = _kinds(kind) if kind else {}
    return {name: _cell(text, wanted.get(name)) for name, text in row.items()}


def _kinds(kind: type[c.Command]) -> dict[str, Any]:
    """The type of each field by the name that lines use, without its `| None`."""
    found: dict[str, Any] = {}
    hints = typing.get_type_hints(kind)
    for it in msgspec.structs.fields(kind):
        hint = hints[it.name]
        if typing.get_origin(hint) is UnionType:
            hint = next(part for part in typing.get_args(hint) if part is not type(None))
        found[it.encode_name] = hint
    return found


def _cell(text: str, hint: Any) -> Any:
    kind = typing.get_origin(hint) or hint
    if kind is tuple:
        return [word.strip() for word in text.split(";") if word.strip()]
    if kind is dict:
        pairs = (pair.partition("=") for pair in text.split(";") if pair.strip())
        return {name.strip(): value.strip() for name, _, value in pairs}
    if kind is int and re.fullmatch(r"-?[0-9]{1,18}", text):
        return int(text)
    if kind is bool and text.lower() in ("true", "false"):
        return text.lower() == "true"
    return text


def check_texts(said: dict[str, Any]) -> None:
    """Raises BadValue, naming the field, for a NUL character: JSON and CSV have it, and no text of
    the ledger. It is found before anything is decided, because a decision is not taken back."""
    for name, value in said.items():
        if has_nul([name, value]):
            raise BadValue(f"found a NUL character, which no text can keep - at `$.{name}`")


def has_nul(value: object) -> bool:
    """Is there a NUL character anywhere in this plain data? However deep it goes."""
    left = [value]
    while left:
        match left.pop():
            case str() as text if "\0" in text:
                return True
            case dict() as named:
                left += [*named, *named.values()]
            case list() as many:
                left += many
    return False


def explain(line: Line, refusal: Refusal) -> Bad:
    """For the person who has to mend the file."""
    said = AT.fullmatch(str(refusal))
    assert said is not None  # it matches any text
    found, name = said["said"], said["field"]
    row = line.said if isinstance(line.said, dict) else {}
    if not isinstance(refusal, BadValue):
        named = re.match(r"([a-z]\w*): ", found)
        name = re.sub(r"[A-Z]", lambda it: f"_{it[0].lower()}", named[1]) if named else None
        return Bad(line.file, line.number, name, found, CURES.get(refusal.code, SENTENCE))
    if not row:
        return Bad(line.file, line.number, None, found, "write one command a line, as in ops/world")
    said_name = str(row.get("command"))
    if said_name not in c.COMMANDS:
        if near := get_close_matches(said_name, c.COMMANDS, 1):
            return Bad(
                line.file, line.number, "command", f"{said_name!r} is no command",
                f"{near[0]}, perhaps",
            )  # fmt: skip
        return Bad(line.file, line.number, "command", found, "use one of these names")
    found = found.removeprefix(f"{row['command']}: ")
    if missing := re.search(r"(?:missing required|unknown) field `(\w+)`", found):
        name = missing[1]
        cure = "fill it in" if "missing" in found else "leave it out, or mend its name"
        return Bad(line.file, line.number, name, found, cure)
    if name in row and str(row[name]) not in found:
        found = f"found {row[name]!r}: {found}"
    hint = _kinds(c.COMMANDS[row["command"]]).get(name or "")
    return Bad(line.file, line.number, name, found, _wanted(hint))


def _wanted(hint: Any) -> str:
    """What a field would take, in words."""
    if typing.get_origin(hint) is tuple:
        return f"a list, each {_wanted(typing.get_args(hint)[0])}"
    if isinstance(hint, type) and issubclass(hint, Enum):
        return "one of " + ", ".join(str(it) for it in hint)
    words = getattr(hint, "WANTED", None) or WANTED.get(getattr(hint, "__name__", "").lower())
    return words or "see `aeo import --help`"
