"""Where the value of a field lies in SQL: said in one line beside the field, read by the compiler.

A plain field lies in the column of its name and says nothing. In the SQL of the others `{me}` is
the row that the field is of, `{key}` what a root field looks up, and `%(name)s` a parameter: of
the asker (`asker`, `own_territory`, `own_tin`, `own`, `reach`, `now`), or one that a field above
or the field itself gives: `at` and `known`, and what its `bind` returns.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, TypeVar, cast

from strawberry.types.field import StrawberryField

from projections.reads.rows import Ready

T = TypeVar("T")

#: What a field's arguments are as parameters. Called as bind(context, **arguments), in the place
#: of a resolver: it asks first what the resolver asks first, and raises what that raises.
Bind = Callable[..., Mapping[str, Any]]

#: The types of parameters that are no text.
TYPES = {"at": "timestamptz", "known": "timestamptz", "now": "timestamptz", "first": "int"}

#: The order of what comes out of an array: sorting it again would cost more than reading it.
AS_IT_LIES = "as it lies"

_PLACE = "where the value lies"


@dataclass(frozen=True)
class Value:
    """An expression over the row that the field is of. None: in no column, so not in a plan."""

    sql: str | None


@dataclass(frozen=True)
class Rows:
    """A SELECT: one row for an object, any number for a list, whose `order` is then whole.

    `gives` names the parameters that `bind` returns; `key` or `keys` is the one that is looked up,
    by one or by many: an entry each, in the order asked. `ctes` come before a root's SELECT.
    `looks`: the parameter with the TINs that the read log keeps. `ready`: its text where that lies
    ready-made, for one selection.
    """

    select: str
    order: str = ""
    bind: Bind | None = None
    gives: tuple[str, ...] = ()
    key: str = ""
    keys: str = ""
    ctes: str = ""
    looks: str = ""
    ready: Ready | None = None


Place = Value | Rows


def value(sql: str) -> Callable[[T], T]:
    """Goes above `@strawberry.field`: the expression that its resolver comes to."""
    return _said(Value(sql))


def rows(select: str, **more: Any) -> Callable[[T], T]:
    """The same for objects. `more`: as in Rows."""
    return _said(Rows(select, **more))


def nowhere() -> dict[str, Place]:
    """Metadata of a plain field that is no column: who asks for it is answered the long way."""
    return {_PLACE: Value(None)}


def _said(where: Place) -> Callable[[T], T]:
    def say(field: T) -> T:
        own = cast(StrawberryField, field)
        own.metadata = MappingProxyType({**own.metadata, _PLACE: where})
        return field

    return say


def place(metadata: Mapping[Any, Any]) -> Place | None:
    found: Place | None = metadata.get(_PLACE)
    return found
