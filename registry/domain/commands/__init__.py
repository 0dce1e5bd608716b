"""Every request that can change the register, as data.

An officer's mutation, a line of an import file and a row of the shipped world are the same
thing: one of these, read by `read`, done by `Registry.execute`. The field names are those of
the public contract; the tag `command` is the mutation's name in snake case.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Any, get_args
from uuid import UUID, uuid5

import msgspec

# Whoever uses a command says `commands.GrantAuthorisation`, whatever file it is in. The order of
# the files is that of the commands in the public schema.
# ruff: noqa: F403
# isort: off
from registry.domain.commands.command import Command as Command
from registry.domain.commands.operators import *
from registry.domain.commands.authorisations import *
from registry.domain.commands.persons import *
from registry.domain.commands.agreements import *
from registry.domain.commands.administrations import *
from registry.domain.commands.programmes import *
from registry.domain.commands.publications import *

# isort: on
from registry.domain import instants
from registry.domain.errors import BadValue
from registry.domain.texts import check_fields
from registry.domain.values import decode_value, encode_value

#: Command ids of files that give none: the same line again is the same command.
LINES = UUID("5f0c1c9e-0c53-4f6d-9a5f-6d1f3c1c9e0c")


def _leaves(kind: type[Command]) -> list[type[Command]]:
    below = [leaf for child in kind.__subclasses__() for leaf in _leaves(child)]
    return below or [kind]


COMMANDS: dict[str, type[Command]] = {
    str(kind.__struct_config__.tag): kind for kind in _leaves(Command)
}


_TRUTH = {True: "true", False: "false"}


#: The fields of each command that are instants. They are read here: msgspec would round them.
_INSTANTS: dict[type[Command], frozenset[str]] = {
    kind: frozenset(
        field.encode_name
        for field in msgspec.structs.fields(kind)
        if datetime in (field.type, *get_args(field.type))
    )
    for kind in COMMANDS.values()
}


def read(line: dict[str, Any]) -> Command:
    """One command from plain data. Raises BadValue: the field, what was found, what is wanted."""
    name = line.get("command")
    kind = COMMANDS.get(name) if isinstance(name, str) else None
    if kind is None:
        raise BadValue(f"command: found {name!r}, wanted one of {', '.join(sorted(COMMANDS))}")
    check_fields(line)
    if isinstance(what := line.get("what"), dict):  # JSON has truth values, corrections texts
        texts = {k: _TRUTH[v] if isinstance(v, bool) else v for k, v in what.items()}
        line = line | {"what": texts}
    try:
        if said := line.keys() & _INSTANTS[kind]:
            line = line | {field: _instant(field, line[field]) for field in said}
        return msgspec.convert(line, kind, dec_hook=_parse, strict=True)
    except (msgspec.ValidationError, ValueError) as error:
        raise BadValue(f"{name}: {error}") from None


def _instant(field: str, said: Any) -> Any:
    if not isinstance(said, str):
        return said
    try:
        return instants.parse(said)
    except ValueError as error:
        raise ValueError(f"{error} - at `$.{field}`") from None


def plain(command: Command) -> dict[str, Any]:
    """The command as plain data, ready for JSON."""
    found: dict[str, Any] = msgspec.to_builtins(command, enc_hook=encode_value)
    return found


def canonical(command: Command) -> str:
    """What the command says, on one line of JSON with its names sorted, without its signature."""
    unsigned = msgspec.structs.replace(command, signature=None)
    return msgspec.json.encode(unsigned, enc_hook=encode_value, order="sorted").decode()


def digest(command: Command, actor: str) -> bytes:
    """SHA-256 of the request: its name, its arguments, and who asked. 32 bytes."""
    body = msgspec.json.encode([actor, command], enc_hook=encode_value, order="sorted")
    return hashlib.sha256(body).digest()


def id_of_line(command: Command) -> UUID:
    """The command's own id, or one that the same line will have again."""
    if command.command_id is not None:
        return command.command_id
    body = msgspec.json.encode(command, enc_hook=encode_value, order="sorted")
    return uuid5(LINES, hashlib.sha256(body).hexdigest())


def _parse(kind: type, text: Any) -> Any:
    parse = getattr(kind, "parse", None)
    if parse is not None and isinstance(text, str):
        return parse(text)
    return decode_value(kind, text)
