"""Numbers that operators of two administrations hold at the same time.

Within one administration a number has one holder. Two administrations decide each for itself, and
neither is told of the other's operator (decision 0242): a number that both hold is disputed between
them, or rightly held by one company in two territories.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any, LiteralString, NamedTuple

from psycopg import AsyncConnection

from registry.domain.identifiers import schemes

WIDE = 50_000  # holdings of each scheme that one page looks at
#: By the latest belief; the numbers of certificates are of their administration, and never shared.
#: The number is shown as one holder has it written.
_SELECT: LiteralString = """
select s.scheme, coalesce(w.value, s.value) as value, s.value as normal, s.one, s.other, s.since,
    s.until
from access.shared_numbers(%(unique)s, %(scheme)s, %(value)s, %(most)s, %(wide)s) s
left join lateral (
    select i.value from views.identifier i
    where i.normal = s.value and i.scheme = s.scheme and i.tin = s.one and i.recorded_to is null
    limit 1
) w on true"""


@dataclass(frozen=True)
class SharedNumber:
    """A number that two operators hold. `one`, `other`: their TINs; `since`, `until`: the civil
    days on which both hold the number, each counted in its home time zone. None: without a known
    beginning, or end."""

    scheme: str
    value: str
    one: str
    other: str
    since: date | None
    until: date | None


class SharedNumbers(NamedTuple):
    """A page of such numbers. `next`: scheme and number from which to go on; None: all was looked
    at."""

    numbers: list[SharedNumber]
    next: tuple[str, str] | None


async def shared_numbers(
    connection: AsyncConnection[Any], most: int, start: tuple[str, str] = ("", ""), wide: int = WIDE
) -> SharedNumbers:
    """Returns such numbers, of which the subject may see both operators, from a scheme and number
    on; `most` numbers at most, of the next `wide` that anybody holds."""
    unique = [scheme.code for scheme in schemes().values() if scheme.unique]
    scheme, value = start
    parameters = {"unique": unique, "scheme": scheme, "value": value, "most": most, "wide": wide}
    cursor = await connection.execute(_SELECT, parameters)
    numbers: list[SharedNumber] = []
    following = None
    for scheme, written, normal, one, other, since, until in await cursor.fetchall():
        if one is None:
            following = scheme, normal
        else:
            numbers.append(SharedNumber(scheme, written, one, other, since, until))
    return SharedNumbers(numbers, following)
