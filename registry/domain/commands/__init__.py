"""Every request that can change the register, as data.

A mutation of the API and a line of an import file are the same thing: a command, which `read`
parses and `Registry.execute` executes. The field names are those of the public API. The tag
`command` is the name of the mutation in snake case.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Any, get_args
from uuid import UUID, uuid5

import msgspec

# Users write `commands.GrantAuthorisation`, whatever file defines it. The order of these imports is
# the order of the commands in the public schema.
# ruff: noqa: F403
# isort: off
from registry.domain.commands.faults import fault_of
from registry.domain.commands.command import Command as Command
from registry.domain.commands.operators import *
from registry.domain.commands.authorisations import *
from registry.domain.commands.persons import *
from registry.domain.commands.proposals import *
from registry.domain.commands.disputes import *
from registry.domain.commands.agreements import *
from registry.domain.commands.administrations import *
from registry.domain.commands.programmes import *
from registry.domain.commands.publications import *
from registry.domain.commands.clients import *

# isort: on
from registry.domain import instants
from registry.domain.errors import BadValue
from registry.domain.sentences import CodedTerm, Sentence
from registry.domain.texts import check_fields
from registry.domain.values import decode_value, encode_value

#: The UUIDv5 namespace of the command ids for import lines without an id: the same line always gets
#: the same id.
LINES = UUID("5f0c1c9e-0c53-4f6d-9a5f-6d1f3c1c9e0c")


def _leaves(kind: type[Command]) -> list[type[Command]]:
    """The command classes without subclasses; these are the ones that can be sent."""
    below = [leaf for child in kind.__subclasses__() for leaf in _leaves(child)]
    return below or [kind]


COMMANDS: dict[str, type[Command]] = {
    str(kind.__struct_config__.tag): kind for kind in _leaves(Command)
}


_TRUTH = {True: "true", False: "false"}


#: The fields of each command that are instants. They are parsed here because msgspec would round
#: them.
_INSTANTS: dict[type[Command], frozenset[str]] = {
    kind: frozenset(
        field.encode_name
        for field in msgspec.structs.fields(kind)
        if datetime in (field.type, *get_args(field.type))
    )
    for kind in COMMANDS.values()
}


def read(line: dict[str, Any]) -> Command:
    """Parses one command from plain data.

    Raises BadValue with the field, what was found and what was expected.
    """
    name = line.get("command")
    kind = COMMANDS.get(name) if isinstance(name, str) else None
    if kind is None:
        raise BadValue(
            "command: found %(name)s, wanted one of %(commands)s",
            name=repr(name),
            commands=", ".join(sorted(COMMANDS)),
        )
    check_fields(line)
    if isinstance(what := line.get("what"), dict):  # JSON has truth values, corrections texts
        texts = {k: _TRUTH[v] if isinstance(v, bool) else v for k, v in what.items()}
        line = line | {"what": texts}
    try:
        if given := line.keys() & _INSTANTS[kind]:
            line = line | {field: _instant(field, line[field]) for field in given}
        return msgspec.convert(line, kind, dec_hook=_decode_strictly, strict=True)
    except (msgspec.ValidationError, ValueError) as error:
        raise BadValue(
            "%(field)s: %(error)s", field=CodedTerm(str(name)), error=fault_of(error)
        ) from None


def _instant(field: str, text: Any) -> Any:
    """Parses a field that is an instant. Raises ValueError with the path of the field."""
    if not isinstance(text, str):
        return text
    try:
        return instants.parse(text)
    except ValueError as error:
        raise ValueError(
            Sentence("%(error)s - at `$.%(field)s`", error=error, field=field)
        ) from None


def plain(command: Command) -> dict[str, Any]:
    """The command as plain data that JSON can encode."""
    found: dict[str, Any] = msgspec.to_builtins(command, enc_hook=encode_value)
    return found


def canonical(command: Command) -> str:
    """The command as one line of JSON with sorted names, without its signature."""
    unsigned = msgspec.structs.replace(command, signature=None)
    return msgspec.json.encode(unsigned, enc_hook=encode_value, order="sorted").decode()


def digest(command: Command, actor: str) -> bytes:
    """The SHA-256 digest (32 bytes) of a request: the command and who sent it.

    It distinguishes a repeated request from another request with the same command id.
    """
    body = msgspec.json.encode([actor, command], enc_hook=encode_value, order="sorted")
    return hashlib.sha256(body).digest()


def id_of_line(command: Command) -> UUID:
    """The command's own id, or an id derived from its content if it has none."""
    if command.command_id is not None:
        return command.command_id
    body = msgspec.json.encode(command, enc_hook=encode_value, order="sorted")
    return uuid5(LINES, hashlib.sha256(body).hexdigest())


def _decode_strictly(kind: type, text: Any) -> Any:
    """The decoding hook of msgspec: values from outside are parsed strictly."""
    parse = getattr(kind, "parse", None)
    if parse is not None and isinstance(text, str):
        return parse(text)
    return decode_value(kind, text)
