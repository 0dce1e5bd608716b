"""Does a value come back as it went in? For simple fields their types alone say so.

To write an event, read it again and compare costs three times the writing. A value whose type is
exactly the declared one, of the kinds below, is right by its making: a Text was checked by its
constructor, a member of a Term is one of its words, a date is a date.
"""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

from registry.values import Term, Text

#: Of these every value can be read back. Not int: there are some beyond what JSON readers take.
SIMPLE: tuple[type, ...] = (str, bool, date, types.NoneType)

Fields = Mapping[str, Any]


def exact(hints: Mapping[str, Any]) -> Callable[[Fields], bool] | None:
    """A test of these fields which, when it holds, makes reading them again needless. It may fail
    for what could be read. None when one of the fields is of another kind: then nothing is sure.
    """
    alone: list[tuple[str, frozenset[type]]] = []
    several: list[tuple[str, Callable[[Any], bool]]] = []
    for name, hint in hints.items():
        if kinds := _kinds(hint):
            alone.append((name, kinds))
        elif each := _each(hint):
            several.append((name, each))
        else:
            return None

    names, wanted = [name for name, _ in alone], [kinds for _, kinds in alone]
    good: set[tuple[type, ...]] = set()  # no more than the types allow

    def holds(fields: Fields) -> bool:
        found = tuple([type(fields[name]) for name in names])
        if found not in good:
            if not all([it in kinds for it, kinds in zip(found, wanted, strict=True)]):
                return False
            good.add(found)
        for name, each in several:  # noqa: SIM110 a generator costs more than the test
            if not each(fields[name]):
                return False
        return True

    return holds


def _kinds(hint: Any) -> frozenset[type] | None:
    """The exact types that a simple field may have."""
    options = typing.get_args(hint) if _is_union(hint) else (hint,)
    known = [it for it in options if isinstance(it, type) and _is_simple(it)]
    return frozenset(known) if len(known) == len(options) else None


def _each(hint: Any) -> Callable[[Any], bool] | None:
    """The test of a tuple of simple values, or of plain records that hold nothing else."""
    options = typing.get_args(hint) if _is_union(hint) else (hint,)
    optional = types.NoneType in options
    rest = [it for it in options if it is not types.NoneType]
    if len(rest) != 1 or typing.get_origin(rest[0]) is not tuple:
        return None
    item, *dots = typing.get_args(rest[0])
    if dots != [...]:
        return None
    if kinds := _kinds(item):
        return lambda it: (optional and it is None) or (
            type(it) is tuple and kinds.issuperset(map(type, it))
        )
    if not (dataclasses.is_dataclass(item) and isinstance(item, type)):
        return None
    members = exact(typing.get_type_hints(item))
    if members is None:
        return None
    return lambda it: (optional and it is None) or (
        type(it) is tuple and all([type(one) is item and members(vars(one)) for one in it])
    )


def _is_union(hint: Any) -> bool:
    return typing.get_origin(hint) in (types.UnionType, typing.Union)


def _is_simple(kind: type) -> bool:
    return kind in SIMPLE or issubclass(kind, (Term, Text))
