"""The fields of a form whose value is a list or a table: written as text, one entry a line."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from api.languages.language import N_, _
from api.pages.typed_days import is_missing, no_instant

#: What is written into a field of each kind, as its hint says.
HINTS = {
    "lines": N_("One a line."),
    "pairs": N_("One a line, as name: text."),
    "names": N_("One a line, as language: name = original name; zh: Heihe = \u9ed1\u6cb3."),
    "json": N_("The public key as JSON (JWK), without its private part."),
    "instant": N_("With its zone, as 2026-03-05T14:03+08:00."),
}
_INSTANT = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d(:\d\d(\.\d+)?)?([Zz]|[+-]\d\d:\d\d)", re.ASCII)


class UnreadableText(ValueError):
    """The text of a field cannot be read. The message is in the reader's language."""


def lines(text: str) -> list[str]:
    """Returns the entries of a list, one a line, each once."""
    return list(dict.fromkeys(line.strip() for line in text.splitlines() if line.strip()))


def codes(text: str) -> list[str]:
    """Returns the codes of a list, with lines, blanks or commas between them, each once."""
    return list(dict.fromkeys(code.upper() for code in re.split(r"[\s,;]+", text) if code))


def pairs(text: str) -> dict[str, str]:
    """Returns a table of texts by their names. Raises UnreadableText."""
    found = {}
    for line in lines(text):
        name, colon, value = line.partition(":")
        if not (name.strip() and colon and value.strip()):
            raise UnreadableText(_found(line, "name: text"))
        found[name.strip()] = value.strip()
    return found


def names(text: str) -> dict[str, dict[str, str]]:
    """Returns original names by language and name. Raises UnreadableText."""
    found: dict[str, dict[str, str]] = {}
    for line in lines(text):
        tag, colon, rest = line.partition(":")
        name, equals, original = rest.partition("=")
        if not (tag.strip() and colon and equals and name.strip() and original.strip()):
            raise UnreadableText(_found(line, "language: name = original name"))
        found.setdefault(tag.strip(), {})[name.strip()] = original.strip()
    return found


def table(text: str) -> dict[str, str]:
    """Returns a JSON object whose values are texts. Raises UnreadableText."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict) or not all(isinstance(value, str) for value in found.values()):
        raise UnreadableText(_found(text, '{"kty": "OKP", "crv": "Ed25519", "x": "..."}'))
    return found


def instant(text: str) -> str:
    """Returns an instant that has a zone. Raises UnreadableText."""
    if _INSTANT.fullmatch(text) and not is_missing(text):
        return text.upper()
    if is_missing(text):
        raise UnreadableText(no_instant(text))
    raise UnreadableText(_found(text, "2026-03-05T14:03+08:00"))


def _found(text: str, wanted: str) -> str:
    return _("Found %(found)s, wanted %(wanted)s.", found=repr(text[:40]), wanted=wanted)


#: How the text of a field of each kind is read.
READ: dict[str, Callable[[str], Any]] = {
    "lines": lines,
    "codes": codes,
    "pairs": pairs,
    "names": names,
    "json": table,
    "instant": instant,
}
