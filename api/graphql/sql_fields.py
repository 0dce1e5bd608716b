"""Where the value of a field lies in SQL: said in one line beside the field, read by the compiler.

A plain field lies in the column of its name and says nothing. In the SQL of the others `{me}` is
the row that the field is of, `{key}` what a root field looks up, and `%(name)s` a parameter: of
the asker (`asker`, `own_territory`, `own_tin`, `own`, `reach`, `now`), or one that a field above
or the field itself gives: `at` and `known`, and what its `bind` returns. `{clocks}` is the number
of the field that gave the clocks, for who words what a mark was left for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, TypeVar, cast

from strawberry.types.field import StrawberryField

from projections.reads.planner_selects import Ready

T = TypeVar("T")

#: What a field's arguments are as parameters. Called as bind(context, **arguments), in the place
#: of a resolver: it asks first what the resolver asks first, and raises what that raises.
Bind = Callable[..., Mapping[str, Any]]

#: The types of parameters that are no text.
TYPES = {"at": "timestamptz", "known": "timestamptz", "now": "timestamptz", "first": "int"}

#: The order of what comes out of an array: sorting it again would cost more than reading it.
AS_IT_LIES = "as it lies"

_PLACE = "where the value lies"


class NotPlanned(Exception):
    """This is answered the long way. `reason` is for the metrics: one of a few words; `field` too:
    the field or type of the schema for which it is, where one is known."""

    def __init__(self, reason: str, about: str = "") -> None:
        super().__init__(f"{reason}: {about}")
        self.reason = reason
        self.field = about if reason == "uncovered" else ""


@dataclass(frozen=True)
class Value:
    """An expression over the row that the field is of."""

    sql: str


@dataclass(frozen=True)
class Telling:
    """What is worded in Python of a row: `facts` is an expression, the JSON text of an object.

    `begin` takes that text and returns who words each field, by the mark that it leaves.
    """

    facts: str
    begin: Callable[[bytes], Callable[[bytes], bytes]]


@dataclass(frozen=True)
class WordedField:
    """A field that a Telling of a row above words. `mark`: an expression, no object. Of a list of
    objects the names of what is selected stand before it, and SELECTED between."""

    mark: str


#: Before and after facts and marks; in JSON text it is always escaped.
MARK = "\x01"
SELECTED = "|"


@dataclass(frozen=True)
class Rows:
    """A SELECT: one row for an object, any number for a list, whose `order` is then whole.

    `gives` names the parameters that `bind` returns; `key` or `keys` is the one that is looked up,
    by one or by many: an entry each, in the order asked. `ctes` come before a root's SELECT.
    `looks`: the parameter with the TINs that the read log keeps. `ready`: its text where that lies
    ready-made, for one selection. `telling`: who words what SQL does not. `names`: parameters that
    each row gives to what is below it, as expressions over `{me}`. `alone`: it is long, and shares
    its statement with nobody, as a look-up by many keys. `narrowed`: what the SELECT says more
    where the field is given an argument, and then nothing lies ready.
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
    telling: Telling | None = None
    names: Mapping[str, str] = field(default_factory=dict)
    alone: bool = False
    narrowed: str = ""


Place = Value | Rows | WordedField


def value(sql: str) -> Callable[[T], T]:
    """Goes above `@strawberry.field`: the expression that its resolver comes to."""
    return _said(Value(sql))


def rows(select: str, **more: Any) -> Callable[[T], T]:
    """The same for objects. `more`: as in Rows."""
    return _said(Rows(select, **more))


def at(sql: str) -> dict[str, Place]:
    """Metadata of a plain field whose value is no column of its name: the expression."""
    return {_PLACE: Value(sql)}


def told(mark: str) -> dict[str, Place]:
    """Metadata of a field that is worded afterwards."""
    return {_PLACE: WordedField(mark)}


def worded(mark: str) -> Callable[[T], T]:
    """The same, above `@strawberry.field`."""
    return _said(WordedField(mark))


def _said(where: Place) -> Callable[[T], T]:
    def say(field: T) -> T:
        own = cast(StrawberryField, field)
        own.metadata = MappingProxyType({**own.metadata, _PLACE: where})
        return field

    return say


def place(metadata: Mapping[Any, Any]) -> Place | None:
    found: Place | None = metadata.get(_PLACE)
    return found
