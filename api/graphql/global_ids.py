"""Global ids: a text that names the type of an object, its key and, where `asOf` was given, both
instants.

A client's cache that stores objects by id therefore never mixes two states. `TYPE:KEY` is the live
object; `TYPE@AT,KNOWN:KEY` is the object at an instant of valid time and one of transaction time.
No key contains a colon, so a global id is never taken for a key.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime

import strawberry

from api.graphql.as_of import EARLIEST
from api.graphql.errors import bad_input
from api.graphql.scalars import instant_text
from projections.reads.bitemporal_sql import AsOf
from registry.domain import instants

#: The types whose objects have an id, and whether they accept `asOf`.
TYPES = {
    "Operator": True,
    "Agreement": True,
    "Administration": True,
    "Programme": True,
    "Document": False,
    "Event": False,
}

#: In some time zones the last days of the calendar are not in any year.
LATEST = datetime(9999, 1, 1, tzinfo=UTC)

_INSTANT = r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z)"
_KEY = r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}"
_FORM = re.compile(rf"({'|'.join(TYPES)})(?:@{_INSTANT},{_INSTANT})?:({_KEY})", re.ASCII)


#: The description of the field `id`.
ID = (
    "The global id of the object, for `node(id:)` and for every argument that takes the key of "
    "such an object. It is opaque: pass it exactly as it was returned."
)


@strawberry.interface(name="Node")
class Node:
    """An object with a global id. The id is opaque text. It names the type, the key and, where
    `asOf` gave an instant, both instants, so that a client's cache never mixes the states of two
    instants. Without `asOf` it is the id of the live object and never changes. What is shown of an
    object depends on the subject, so a client must empty its cache when its user signs in or
    out."""

    id: strawberry.ID = strawberry.field(description=ID)


@dataclass(frozen=True)
class GlobalId:
    """A parsed global id. `as_of` is None for the live object."""

    kind: str
    key: str
    as_of: AsOf | None = None

    @classmethod
    def parse(cls, text: str, argument: str) -> GlobalId:
        """Parses an id. Raises Unanswered, naming the argument."""
        found = _FORM.fullmatch(text)
        if found is None:
            raise bad_input(
                "%(field)s: %(found)s is not an id that this register gave out",
                field=argument,
                found=repr(text[:40]),
            )
        kind, at, known, key = found.groups()
        if at is None:
            return cls(kind, key)
        try:
            as_of = AsOf(instants.parse(at), instants.parse(known), asked=True)
        except ValueError as error:
            raise bad_input("%(field)s: %(error)s", field=argument, error=error) from None
        if not TYPES[kind]:
            raise bad_input(
                "%(field)s: %(found)s has instants, and a %(kind)s has none",
                field=argument,
                found=repr(text[:40]),
                kind=kind,
            )
        return cls(kind, key, as_of)

    def clocks(self, now: datetime, argument: str) -> AsOf:
        """The as-of instants of the id: exactly its own, or both now.

        The valid time may be further ahead than a query may ask for, because an interval of the
        change feed starts where it starts. Raises Unanswered for an instant that no answer had.
        """
        if self.as_of is None:
            return AsOf(now, now)
        at, known = self.as_of.at, self.as_of.known
        if not EARLIEST <= at < LATEST or not EARLIEST <= known <= now + instants.TOLERANCE:
            raise bad_input(
                "%(field)s: it names the law of %(at)s, as known at %(known)s; no answer of this "
                "register was as of these instants",
                field=argument,
                at=instant_text(at),
                known=instant_text(known),
            )
        return self.as_of


def key_of(kind: str, text: str, argument: str) -> str:
    """The key in an argument, given as a key or as the global id of an object of that type. The
    instants of a global id are ignored: the query has its own.

    Raises Unanswered for the id of another type.
    """
    if ":" not in text:
        return text
    found = GlobalId.parse(text, argument)
    if found.kind != kind:
        raise bad_input(
            "%(field)s: found an id of type %(found)s, wanted %(kind)s",
            field=argument,
            found=found.kind,
            kind=kind,
        )
    return found.key
