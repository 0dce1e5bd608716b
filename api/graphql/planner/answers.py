"""Reads the outcomes of recognition from the JSON text of a planned answer, for the read log.

The selection tells where they are. An outcome that was not selected was not sent, and is not
logged.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec


def _struct(*fields: tuple[str, Any, str]) -> Any:
    """A msgspec type for JSON objects of which only these fields are read. Each field is given as
    its name here, its type, and its name in the answer."""
    return msgspec.defstruct(
        "Told", [(name, kind) for name, kind, _ in fields], rename={n: a for n, _, a in fields}
    )


def _list_of(answer: Any) -> Any:
    return list[answer]


class OutcomeReader:
    """Reads the outcomes of a recognition query, about one operator or many.

    `name`: the field's name in the answer. `outcome`: the name of the outcome in it; None where it
    was not selected. `recognition_name`: for a list of answers, the name of the recognition in
    each; a refused question has no recognition.
    """

    def __init__(
        self, name: str, many: bool, outcome: str | None, recognition_name: str = ""
    ) -> None:
        self._many, self._has_recognition_name, self._decoder = many, bool(recognition_name), None
        if outcome is not None:
            inner = _struct(("outcome", str, outcome))
            if recognition_name:
                inner = _struct(("recognition", inner | None, recognition_name))
            outer = _struct(("field", _list_of(inner) if many else inner, name))
            self._decoder = msgspec.json.Decoder(outer)

    def read(self, text: bytes) -> list[str | None] | None:
        """The outcome for each operator, in the order asked, without the refused questions."""
        if self._decoder is None:
            return None
        field = self._decoder.decode(text).field
        if self._has_recognition_name:
            return [answer.recognition.outcome for answer in field if answer.recognition]
        return [answer.outcome for answer in (field if self._many else [field])]


class TerritoryOutcomeReader:
    """Reads the outcomes of all territories in an answer about operators.

    `names`: the names, in the answer, of the list of recognitions, and in it of territory and
    outcome.
    """

    def __init__(self, name: str, many: bool, names: tuple[str, str, str]) -> None:
        self._many = many
        inner = _struct(("territory", str, names[1]), ("outcome", str, names[2]))
        operator = _struct(("list", _list_of(inner), names[0])) | None
        outer = _struct(("field", _list_of(operator) if many else operator, name))
        self._decoder = msgspec.json.Decoder(outer)

    def read(self, text: bytes, tins: Sequence[str]) -> dict[str, dict[str, str]]:
        """The outcomes by territory, and in each by TIN."""
        field = self._decoder.decode(text).field
        found: dict[str, dict[str, str]] = {}
        for tin, operator in zip(tins, field if self._many else [field], strict=True):
            for answer in operator.list if operator else ():
                found.setdefault(answer.territory, {})[tin] = answer.outcome
        return found
