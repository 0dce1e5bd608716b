"""Round-trip check of event values: decides from the types alone whether a value is read back as it
was written.

To write an event, read it again and compare takes three times as long as writing it. A value whose
type is exactly the declared one, of the kinds below, is valid by construction: a Text was checked
by its constructor, a member of a Term is one of its words, a date is a date.
"""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from operator import attrgetter
from typing import Any

from registry.domain.values import Term, Text

#: Types all of whose values can be read back. Not int: some integers are beyond the range of JSON
#: readers.
SIMPLE: tuple[type, ...] = (str, bool, date, types.NoneType)

_TUPLE: frozenset[type] = frozenset({tuple})
_OF_TUPLES: frozenset[type] = _TUPLE | {types.NoneType}

Values = tuple[Any, ...]


def exact_types_test(hints: Mapping[str, Any]) -> Callable[[Values], bool] | None:
    """Returns a test of the values of these fields, in their order. If the test succeeds, the round
    trip is certain.

    The test may fail for values that could be read back; they are then read again. Returns None if
    a field has another kind of type, because then nothing is certain.
    """
    wanted: list[frozenset[type]] = []
    several: list[tuple[int, Callable[[Values], bool]]] = []
    for place, hint in enumerate(hints.values()):
        if kinds := _kinds(hint):
            wanted.append(kinds)
        elif each := _tuple_test(hint):
            wanted.append(_OF_TUPLES if types.NoneType in typing.get_args(hint) else _TUPLE)
            several.append((place, each))
        else:
            return None
    good: set[tuple[type, ...]] = set()  # bounded by the combinations that the types allow

    def holds(values: Values) -> bool:
        found = tuple(map(type, values))
        if found not in good:
            if not all([element in kinds for element, kinds in zip(found, wanted, strict=True)]):
                return False
            good.add(found)
        for place, each in several:  # noqa: SIM110 a generator costs more than the test
            if (items := values[place]) and not each(items):
                return False
        return True

    return holds


def values(
    names: Sequence[str], of: Callable[..., Callable[[Any], Any]]
) -> Callable[[Any], Values]:
    """Returns a function that reads these names as a tuple. `of`: itemgetter for a mapping,
    attrgetter for an object."""
    if len(names) > 1:
        return of(*names)
    gets = [of(name) for name in names]
    return lambda value: tuple([get(value) for get in gets])


def _kinds(hint: Any) -> frozenset[type] | None:
    """Returns the exact types that a simple field may have; None for another field."""
    options = typing.get_args(hint) if _is_union(hint) else (hint,)
    known = [option for option in options if isinstance(option, type) and _is_simple(option)]
    return frozenset(known) if len(known) == len(options) else None


def _tuple_test(hint: Any) -> Callable[[Values], bool] | None:
    """Returns the test of a field that is a tuple of simple values, or of dataclasses with simple
    fields only; None for another field."""
    options = typing.get_args(hint) if _is_union(hint) else (hint,)
    rest = [option for option in options if option is not types.NoneType]
    if len(rest) != 1 or typing.get_origin(rest[0]) is not tuple:
        return None
    element, *dots = typing.get_args(rest[0])
    if dots != [...]:
        return None
    if kinds := _kinds(element):
        return lambda items: kinds.issuperset(map(type, items))
    if not (dataclasses.is_dataclass(element) and isinstance(element, type)):
        return None
    hints = typing.get_type_hints(element)
    members = exact_types_test(hints)
    if members is None:
        return None
    read = values(list(hints), attrgetter)
    return lambda items: all([type(one) is element and members(read(one)) for one in items])


def _is_union(hint: Any) -> bool:
    return typing.get_origin(hint) in (types.UnionType, typing.Union)


def _is_simple(kind: type) -> bool:
    return kind in SIMPLE or issubclass(kind, (Term, Text))
