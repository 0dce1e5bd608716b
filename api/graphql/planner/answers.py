"""The outcomes that an answer tells, read out of its own JSON text, for the log of looks.

Where they are is known from the selection; what was not selected was not told, and is not kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec


def _struct(*fields: tuple[str, Any, str]) -> Any:
    """A type of JSON objects of which only these fields are read: what they are called here, what
    they hold, and their names in the answer."""
    return msgspec.defstruct(
        "Told", [(name, kind) for name, kind, _ in fields], rename={n: a for n, _, a in fields}
    )


def _list(each: Any) -> Any:
    return list[each]


class Answers:
    """Of a question of recognition, of one operator or of many.

    `name`: of the field in the answer; `outcome`: the name of the outcome in it, None where it was
    not selected. `around`: the name of the recognition in each of many answers, some of which have
    none, because their question was refused.
    """

    def __init__(self, name: str, many: bool, outcome: str | None, around: str = "") -> None:
        self._many, self._around, self._decoder = many, bool(around), None
        if outcome is not None:
            inner = _struct(("outcome", str, outcome))
            if around:
                inner = _struct(("recognition", inner | None, around))
            outer = _struct(("field", _list(inner) if many else inner, name))
            self._decoder = msgspec.json.Decoder(outer)

    def read(self, text: bytes) -> list[str | None] | None:
        """Of each operator, in the order asked; nothing of a question that was refused."""
        if self._decoder is None:
            return None
        field = self._decoder.decode(text).field
        if self._around:
            return [each.recognition.outcome for each in field if each.recognition]
        return [each.outcome for each in (field if self._many else [field])]


class Elsewhere:
    """Of operators that were looked at, in every territory that was told of each.

    `names`: in the answer, of the list of recognitions, and in it of territory and outcome.
    """

    def __init__(self, name: str, many: bool, names: tuple[str, str, str]) -> None:
        self._many = many
        inner = _struct(("territory", str, names[1]), ("outcome", str, names[2]))
        operator = _struct(("list", _list(inner), names[0])) | None
        outer = _struct(("field", _list(operator) if many else operator, name))
        self._decoder = msgspec.json.Decoder(outer)

    def read(self, text: bytes, tins: Sequence[str]) -> dict[str, dict[str, str]]:
        """The outcomes by territory, and there by TIN."""
        field = self._decoder.decode(text).field
        found: dict[str, dict[str, str]] = {}
        for tin, operator in zip(tins, field if self._many else [field], strict=True):
            for each in operator.list if operator else ():
                found.setdefault(each.territory, {})[tin] = each.outcome
        return found
