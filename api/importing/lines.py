"""The lines of an import file as commands, and explanations of the lines that are refused."""

from __future__ import annotations

import re
import typing
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from enum import Enum
from pathlib import Path
from typing import Any

from api.importing.files import BadFile, FileOptions
from api.importing.files.cells import kinds
from api.importing.files.reading import Source, source_of
from registry.domain import commands as c
from registry.domain.errors import BadValue, PersonNeeded, Refusal
from registry.domain.texts import has_nul

AT = re.compile(r"(?P<said>.*?)(?: - at `\$\.(?P<field>\w+).*`)?", re.DOTALL)

__all__ = [
    "Bad",
    "BadFile",
    "ImportLine",
    "check_texts",
    "explain",
    "lines_from",
    "lines_of",
    "wanted",
]

#: How to correct a refused line, where the refusal's sentence does not say so.
CURES = {
    "ALREADY_REGISTERED": "leave the line out, or amend_particulars instead",
    "ALREADY_HELD": "end the other authorisation first, or change_type of it",
    "BARRED": "grant from a day after the bar",
    "GROUND_NEEDED": "fill in legal_ground",
    "KNOWN_TOO_LATE": "put the lines of one operator in the order in which they became known",
    "NOT_OFFERED": "use a type that the programme has on that day",
    "OTHER_COMMAND": "use a new command_id, or a --batch of its own",
    "OVERRIDE_NEEDED": "check the number; if the authority did issue it, say why in override",
    "KEY_UNKNOWN": "sign with a key that the administration has now, or add_key first",
    "PERSON_NEEDED": "say in known_at when it was known, if that was before the rule; otherwise"
    " send it as an officer who signed in: another person then confirms it",
    "SIGNATURE_INVALID": "sign the line again, as it stands: ./aeo sign-commands",
    "SIGNATURE_MISSING": "sign the line: ./aeo sign-commands",
    "SUPERSEDED": "name the successor",
    "RECORDED_ELSEWHERE": "leave it out: it arrives from the register that is followed",
    "UNKNOWN_ADMINISTRATION": "register_administration first",
    "UNKNOWN_AUTHORISATION": "name it by its number in authorisation",
    "UNKNOWN_DOCUMENT": "publish_document first",
    "UNKNOWN_CLIENT": "register_client first",
    "UNKNOWN_CLAIM": "publish_claim first",
    "UNKNOWN_OPERATOR": "register_operator first",
    "UNKNOWN_PROGRAMME": "use a code that the register has, or register_programme first",
    "WRONG_DATES": "check the dates of this line against those before it",
    "WRONG_FORM": "check the number against its scheme",
    "ALREADY_RECORDED": "leave the line out, or say what the refusal names: aeo history TIN",
    "WRONG_STATUS": "check what stands in the lines before, and in the register: aeo history TIN",
}
CELL = "mend this cell, as the sentence says"
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


@dataclass(frozen=True)
class ImportLine:
    """A line of an import file."""

    file: str
    number: int  # from 1, as in an editor
    content: dict[str, Any] | BadValue  # its fields, or the reason why it cannot be read
    begins: dict[str, Any] | None = None  # registration of its operator, where there is none yet


@dataclass(frozen=True)
class Bad:
    """A refused line: where it is, which field, what was found, and how to correct it."""

    file: str
    line: int
    field: str | None
    found: str
    cure: str


def lines_of(path: Path, command: str | None = None) -> Iterator[ImportLine]:
    """Yields the lines of a file of any dialect. `command`: the command of lines that name none.

    In a table an empty cell is a missing field, several values are separated by semicolons, and
    `a=1; b=2` is a list of names and values. Raises BadFile.
    """
    return lines_from(source_of(path, FileOptions(command=command)))


def lines_from(source: Source) -> Iterator[ImportLine]:
    """Yields the lines of a file. Raises BadFile where it cannot be read further."""
    name, layout = source.path.name, source.layout
    for number, content in source.lines():
        begins = None
        if (
            layout
            and layout.register
            and isinstance(content, dict)
            and {"tin", "name"} <= content.keys()
        ):
            begins = {
                "command": "register_operator",
                "tin": content["tin"],
                "name": content["name"],
            }
        yield ImportLine(name, number, content, begins)


def check_texts(fields: dict[str, Any]) -> None:
    """Raises BadValue, naming the field, for a NUL character, which JSON and CSV allow and the
    ledger's texts do not. Checked before the decision, because a decision cannot be undone."""
    for name, value in fields.items():
        if has_nul([name, value]):
            raise BadValue(
                "found a NUL character, which no text can keep - at `$.%(name)s`", name=name
            )


def explain(line: ImportLine, refusal: Refusal) -> Bad:
    """Returns the explanation of a refused line, for the person who corrects the file."""
    parts = AT.fullmatch(str(refusal))
    assert parts is not None  # it matches any text
    found, name = parts["said"], parts["field"]
    row = line.content if isinstance(line.content, dict) else {}
    if not isinstance(refusal, BadValue):
        first = refusal.path[0] if refusal.path else None
        if isinstance(refusal, PersonNeeded):  # the day on which the rule was looked up
            first = "known_at" if row.get("known_at") else "command"
        name = re.sub(r"[A-Z]", lambda match: f"_{match[0].lower()}", first) if first else None
        return Bad(line.file, line.number, name, found, CURES.get(refusal.code, SENTENCE))
    if not row:
        cure = "write one command a line, as in ops/world"
        if "cells" in found:
            cure = "give every column its cell, an empty one where nothing is said"
        return Bad(line.file, line.number, name, found, CELL if name else cure)
    said_name = str(row.get("command"))
    if said_name not in c.COMMANDS:
        if near := get_close_matches(said_name, c.COMMANDS, 1):
            return Bad(
                line.file,
                line.number,
                "command",
                f"{said_name!r} is no command",
                f"{near[0]}, perhaps",
            )
        return Bad(line.file, line.number, "command", found, "use one of these names")
    found = found.removeprefix(f"{row['command']}: ")
    if missing := re.search(r"(?:missing required|unknown) field `(\w+)`", found):
        name = missing[1]
        cure = "fill it in" if "missing" in found else "leave it out, or mend its name"
        return Bad(line.file, line.number, name, found, cure)
    if name in row and str(row[name]) not in found:
        found = f"found {row[name]!r}: {found}"
    hint = kinds(c.COMMANDS[row["command"]]).get(name or "")
    return Bad(line.file, line.number, name, found, wanted(hint))


def wanted(hint: Any) -> str:
    """Returns in words what a field accepts."""
    if typing.get_origin(hint) is tuple:
        return f"a list, each {wanted(typing.get_args(hint)[0])}"
    if isinstance(hint, type) and issubclass(hint, Enum):
        return "one of " + ", ".join(str(enum) for enum in hint)
    if typing.get_origin(hint) is dict:
        return WANTED["dict"]
    words = getattr(hint, "WANTED", None) or WANTED.get(getattr(hint, "__name__", "").lower())
    return words or "see `aeo import --help`"
