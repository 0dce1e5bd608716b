"""What the filters of the list of operators are given: read, and refused in words."""

from __future__ import annotations

from datetime import date, datetime

import strawberry

from api.graphql import retry
from api.graphql.as_of import AsOfInput
from api.graphql.context import Context
from api.graphql.errors import bad_input
from api.graphql.scalars import instant_text
from projections.reads.events import place_before
from registry.domain import identifiers


@strawberry.input(description="A number by which others know an operator: a scheme and a value.")
class IdentifierFilter:
    scheme: str = strawberry.field(description="Its scheme: EORI, LEI, MID, ...")
    value: str = strawberry.field(
        description="The number in whatever writing: it is compared in the normal form of its "
        "scheme, in which letter case, blanks and the scheme's separators make no difference."
    )

    @property
    def normal(self) -> str:
        """The number as it is compared. Raises Unanswered."""
        known = identifiers.schemes()
        if self.scheme not in known:
            raise bad_input(
                f"identifier.scheme: found {self.scheme[:70]!r}, wanted one of "
                f"{', '.join(sorted(known))}"
            )
        value = self.value.strip()
        found = identifiers.normal(value, self.scheme)
        if not found or len(value) > identifiers.LONGEST:
            raise bad_input(
                f"identifier.value: found {value[:70]!r}, wanted 1 to {identifiers.LONGEST} "
                "printable characters"
            )
        return found


def in_order(first: str, begin: date | None, last: str, end: date | None) -> None:
    """Raises Unanswered for a range that ends before it begins."""
    if begin and end and end < begin:
        raise bad_input(f"{last}: {end} is before {begin}, which {first} says")


def as_known_now(as_of: AsOfInput | None, **asked: object) -> None:
    """Raises Unanswered where knownAt is given beside a filter that looks at the present record."""
    names = [name for name, value in asked.items() if value is not None]
    if names and as_of and as_of.known_at is not None:
        raise bad_input(
            f"knownAt: found {instant_text(as_of.known_at)}, and {names[0]} is asked of what the "
            "register knows now; leave one of the two out"
        )


async def changed_after(
    context: Context, position: int | None, instant: datetime | None
) -> int | None:
    """The position after which something was recorded; None where neither is asked for.

    Raises Unanswered for a position that the register has not reached, and for the future.
    """
    if position is None and instant is None:
        return None
    if instant is not None and instant > context.now:
        raise bad_input(
            f"changedSince: {instant_text(instant)} is in the future, it is "
            f"{instant_text(context.now)}"
        )
    head, before = await retry.read(
        context.ledger, lambda async_connection: place_before(async_connection, instant)
    )
    if position is not None and position > head:
        raise bad_input(f"changedAfter: found {position}, and the register goes up to {head}")
    return max(position or 0, before)
