"""The names of types of authorisation: in the law of their own programme, and in the reader's
language. They are data (`ops/world/type-names.csv`); a type that is not there is shown by its code.
"""

from __future__ import annotations

import csv
from functools import cache
from typing import NamedTuple

from api.languages.language import pgettext
from registry.paths import TYPE_NAMES


class TypeName(NamedTuple):
    """The name of a type. `language`: BCP 47, of the name in its own law; `translated`: in the
    reader's language."""

    language: str
    name: str
    translated: str


@cache
def table() -> dict[tuple[str, str], tuple[str, str, str]]:
    """The language, the own name and the English name of each type, by programme and code."""
    with TYPE_NAMES.open(encoding="utf-8", newline="") as stream:
        return {
            (row["programme"], row["type"]): (row["language"], row["name"], row["english"])
            for row in csv.DictReader(stream)
        }


def of(programme: str, type: str) -> TypeName | None:
    """Returns the names of a type; None where the table has none."""
    found = table().get((programme, type))
    if found is None:
        return None
    language, name, english = found
    return TypeName(language, name, pgettext(f"{programme} {type}", english))
