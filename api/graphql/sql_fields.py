"""States where the value of a GraphQL field lies in SQL, in one line beside the field.

The planner's compiler (api.graphql.planner.compiler) reads these places. A plain field lies in the
column of its name and needs no place. In the SQL of a place, `{me}` is the row that the field
belongs to, `{key}` is the key that a root field looks up, and `%(name)s` is a parameter. A
parameter comes from the subject (`subject_role`, `own_territory`, `own_tin`, `own`, `reach`,
`now`) or from a field: `at` (valid time) and `known` (transaction time), and whatever the field's
`bind` or the `bind` of a field above returns. `{clocks}` is the number of the field that gave the
as-of instants; a placeholder carries it to the code that replaces the placeholder.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, TypeVar, cast

from strawberry.types.field import StrawberryField

from projections.reads.planner_selects import PrecomputedText

T = TypeVar("T")

#: Turns the arguments of a field into parameters. It is called as bind(context, **arguments)
#: instead of a resolver, makes the same checks in the same order, and raises the same errors.
Bind = Callable[..., Mapping[str, Any]]

#: PostgreSQL types of the parameters that are not text.
TYPES = {"at": "timestamptz", "known": "timestamptz", "now": "timestamptz", "first": "int"}

#: The rows keep the order of the array that they come from. Sorting would cost more than reading.
IN_ARRAY_ORDER = "in array order"

_PLACE = "where the value lies"


class NotPlanned(Exception):
    """The planner declines a document; the stock executor answers it.

    `reason` is one of a few words, for a metric label. `field` is the field or type of the schema
    that the reason is about, or empty; it is a metric label too.
    """

    def __init__(self, reason: str, about: str = "") -> None:
        super().__init__(f"{reason}: {about}")
        self.reason = reason
        self.field = about if reason == "uncovered" else ""


@dataclass(frozen=True)
class Value:
    """An SQL expression over the row that the field belongs to."""

    sql: str


@dataclass(frozen=True)
class PythonWording:
    """Builds texts in Python from the facts of one row.

    `facts` is an SQL expression for the JSON text of an object. `begin` takes that text and returns
    the function that replaces each placeholder of the row by its text.
    """

    facts: str
    begin: Callable[[bytes], Callable[[bytes], bytes]]


@dataclass(frozen=True)
class WordedField:
    """A field whose text a PythonWording of a row above builds.

    `mark` is the SQL expression of its placeholder, which is not a JSON object. For a list of
    objects, the names of the selected fields stand before the placeholder, separated by SELECTED.
    """

    mark: str


#: Delimits facts and placeholders in the text. JSON escapes this character, so it cannot occur in a
#: value.
MARK = "\x01"
SELECTED = "|"


@dataclass(frozen=True)
class Rows:
    """A SELECT that gives one row for an object, or any number of rows for a list.

    `order` sorts a list completely. `gives` names the parameters that `bind` returns. `key` or
    `keys` is the parameter that is looked up, one key or many; many keys give one entry each, in
    the order asked. `ctes` stand before the SELECT of a root field. `logged` is the parameter with
    the TINs for the read log. `absent` is a function of the key whose text, null, stands where it
    has no row. `ready` is a precomputed text for one particular selection. `wording`
    builds in Python what SQL does not. `names` are parameters that each row gives to the fields
    below it, as expressions over `{me}`. `own_statement` means that the SELECT takes long, so it is
    not batched with other requests (a look-up of many keys never is). `narrowed` is added to the
    SELECT where the field has an argument; the precomputed text is then not used.
    """

    select: str
    order: str = ""
    bind: Bind | None = None
    gives: tuple[str, ...] = ()
    key: str = ""
    keys: str = ""
    ctes: str = ""
    logged: str = ""
    ready: PrecomputedText | None = None
    wording: PythonWording | None = None
    names: Mapping[str, str] = field(default_factory=dict)
    own_statement: bool = False
    narrowed: str = ""
    absent: str = ""


Place = Value | Rows | WordedField


def value(sql: str) -> Callable[[T], T]:
    """Decorator above `@strawberry.field`: the SQL expression that equals its resolver."""
    return _with_place(Value(sql))


def rows(select: str, **more: Any) -> Callable[[T], T]:
    """Decorator above `@strawberry.field`: the SELECT that equals its resolver. See Rows."""
    return _with_place(Rows(select, **more))


def expression(sql: str) -> dict[str, Place]:
    """Metadata of a field without a resolver whose value is this expression, not a column of its
    name."""
    return {_PLACE: Value(sql)}


def worded_later(mark: str) -> dict[str, Place]:
    """Metadata of a field without a resolver whose text replaces a placeholder."""
    return {_PLACE: WordedField(mark)}


def worded(mark: str) -> Callable[[T], T]:
    """Decorator above `@strawberry.field`: a field whose text replaces a placeholder."""
    return _with_place(WordedField(mark))


def _with_place(where: Place) -> Callable[[T], T]:
    def add_place(field: T) -> T:
        own = cast(StrawberryField, field)
        own.metadata = MappingProxyType({**own.metadata, _PLACE: where})
        return field

    return add_place


def place(metadata: Mapping[Any, Any]) -> Place | None:
    """The place that the metadata of a field states, or None."""
    found: Place | None = metadata.get(_PLACE)
    return found
