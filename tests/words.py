"""A word for every field: events and commands with nothing left unsaid."""

from __future__ import annotations

import dataclasses
import typing
from datetime import UTC, date, datetime
from enum import Enum
from typing import Any, get_args, get_origin
from uuid import UUID

import msgspec

from registry.domain.values import AdministrationCode, HsCode, Tin

WORDS: dict[Any, Any] = {
    str: "a word",
    Any: "a word",
    int: 7,
    bool: True,
    date: date(2026, 3, 1),
    datetime: datetime(2026, 3, 1, 9, 30, tzinfo=UTC),
    UUID: UUID("5f0c1c9e-0c53-4f6d-9a5f-6d1f3c1c9e0c"),
    Tin: Tin("CN1234567890"),
    AdministrationCode: AdministrationCode("CN"),
    HsCode: HsCode("0701"),
}


def a_word(kind: Any) -> Any:
    """Something of that type, with something in each of its own fields."""
    if get_origin(kind) is tuple:
        return (a_word(get_args(kind)[0]),)
    if get_origin(kind) is dict:
        inner = get_args(kind)[1]
        return {"a word": "another" if inner is str else a_word(inner)}
    if get_args(kind):
        return a_word(get_args(kind)[0])
    if kind in WORDS:
        return WORDS[kind]
    return next(iter(kind)) if issubclass(kind, Enum) else in_full(kind)


def in_full(kind: Any, **given: Any) -> Any:
    """One of that kind with a word in each of its fields, but for those given."""
    hints = typing.get_type_hints(kind)
    names = (
        kind.__struct_fields__
        if issubclass(kind, msgspec.Struct)
        else [field.name for field in dataclasses.fields(kind)]
    )
    return kind(**{name: given[name] if name in given else a_word(hints[name]) for name in names})
