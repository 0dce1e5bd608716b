"""The list of operators in another order than that of TINs: by name, by status, or by the day of
authorisation.

The key of an order is what the last recorded decision says, which the row of the operator has with
an index; each operator has exactly one, so that a page by key leaves nobody out. A status that ends
by itself is in its old place until that end is recorded. The keys are not limited to what a
subject may know of an operator: such a list is for its own administration and for auditors.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import dict_row

from projections.reads.bitemporal_sql import AsOf
from projections.reads.operator_lists import (
    MOST_CANDIDATES,
    OperatorConditions,
    two_branches,
    where,
)
from projections.reads.operators import NAMED, OPERATOR, OperatorRow, statement_parameters
from projections.reads.visibility import VISIBILITY_CTES, VISIBLE, VisibilityScope


class OperatorOrder(Enum):
    """The order of a list of operators."""

    TIN = "TIN"
    NAME = "NAME"
    STANDING = "STANDING"
    AUTHORISED = "AUTHORISED"


#: SQL: the key of each order, as its index has it, and its type.
_KEYS = {
    OperatorOrder.TIN: ("o.tin", "text"),
    OperatorOrder.NAME: ('(rule.name_order(o.name) collate "C")', "text"),
    OperatorOrder.STANDING: ("rule.standing_order(o.standing)", "int"),
    OperatorOrder.AUTHORISED: ("coalesce(o.authorised, date 'infinity')", "date"),
}


@dataclass(frozen=True)
class OrderedSpan:
    """At most `size` operators in an order, after the one with this key and TIN; None: the first
    ones. `descending`: from the other end."""

    order: OperatorOrder
    size: int
    after: tuple[str, str] | None = None
    descending: bool = False

    @property
    def tail(self) -> str:
        """The end of a statement."""
        key, kind = _KEYS[self.order]
        sense, than = (" desc", "<") if self.descending else ("", ">")
        bound = f" and ({key}, o.tin) {than} (%(key)s::{kind}, %(after)s)" if self.after else ""
        return f"{bound} order by {key}{sense}, o.tin{sense} limit %(size)s"

    @property
    def parameters(self) -> dict[str, Any]:
        """The parameters of the SQL range."""
        key, tin = self.after or (None, None)
        return {"key": key, "after": tin, "size": self.size}


async def page_in_order(
    connection: AsyncConnection[Any],
    scope: VisibilityScope,
    now: datetime,
    as_of: AsOf,
    conditions: OperatorConditions,
    span: OrderedSpan,
) -> list[tuple[str, OperatorRow]]:
    """A part of the list, in this order: each operator with its key."""
    asked = statement_parameters(scope, now, as_of) | conditions.parameters | span.parameters
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(ordered_sql(conditions, span).encode(), asked)
        rows: Sequence[dict[str, Any]] = await cursor.fetchall()
    return [(row.pop("key"), OperatorRow(**row)) for row in rows]


def ordered_sql(conditions: OperatorConditions, span: OrderedSpan) -> str:
    """Returns the statement of one page. What is shown of the operators is read for those of the
    page alone."""
    key, _ = _KEYS[span.order]
    named = f" cross join lateral {NAMED} n" if conditions.asks("name_contains", "role") else ""
    statement = (
        f"select {key} as key, o.tin from views.operator o{named}"
        f" where o.registered <= %(known)s and {VISIBLE}{where(conditions)}"
    )
    ctes, found = two_branches(
        conditions, statement, span.tail, _of_a_small_administration(conditions)
    )
    sense = " desc" * span.descending
    return (
        f"with {VISIBILITY_CTES}{ctes}, place as materialized"
        f" (select x.* from ({found}) x order by x.key{sense}, x.tin{sense} limit %(size)s)"
        f" select place.key::text as key, shown.* from place cross join lateral"
        f" ({OPERATOR} and o.tin = place.tin) shown order by place.key{sense}, place.tin{sense}"
    )


def _of_a_small_administration(conditions: OperatorConditions) -> list[str]:
    """The operators of an administration that has few, which an order of all would find late."""
    if conditions.administration is None:
        return []
    return [
        "select a.tin from views.operator a where a.administration = %(administration)s"
        f" limit {MOST_CANDIDATES + 1}"
    ]
