"""Numbers that operators of two administrations hold at the same time.

Within one administration a number has one holder. Two administrations decide each for itself, and
neither is told of the other's operator (decision 0242): a number that both hold is disputed between
them, or rightly held by one company in two territories.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any, LiteralString

from psycopg import AsyncConnection
from psycopg.rows import class_row

from registry.domain.identifiers import schemes

#: By the latest belief. The numbers of certificates are of their administration, and never shared.
_SELECT: LiteralString = """
select a.scheme, a.value, a.tin as one, b.tin as other,
    greatest(a.from_day, b.from_day) as since, least(a.to_day, b.to_day) as until
from views.identifier a
join views.identifier b on b.scheme = a.scheme and b.normal = a.normal and a.tin < b.tin
    and coalesce(a.from_day, '-infinity') < coalesce(b.to_day, 'infinity')
    and coalesce(b.from_day, '-infinity') < coalesce(a.to_day, 'infinity')
join views.operator o on o.tin = a.tin
join views.operator p on p.tin = b.tin and p.administration <> o.administration
where a.scheme = any(%(unique)s) and a.recorded_to is null and b.recorded_to is null
order by a.tin, b.tin, a.scheme, a.value limit %(most)s"""


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


async def shared_numbers(connection: AsyncConnection[Any], most: int) -> list[SharedNumber]:
    """Returns such numbers, as far as row-level security shows both operators to the subject."""
    async with connection.cursor(row_factory=class_row(SharedNumber)) as cursor:
        unique = [scheme.code for scheme in schemes().values() if scheme.unique]
        await cursor.execute(_SELECT, {"unique": unique, "most": most})
        return await cursor.fetchall()
