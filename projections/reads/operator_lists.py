"""Reads lists of operators: those visible ones that meet every given condition.

A condition is evaluated only on what the subject can read about the operator, so that no list and
no count reveals more than the operator itself: deadlines count only for the home administration,
and changes, for others, only where they are disclosed. Some conditions have a finder: a statement
that an index answers with the TINs that may meet it. Where it finds few, only those are examined;
otherwise the list is scanned in the order of TINs, which soon fills a page. Both are branches of
one statement, so that they see the same snapshot.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, cast

from psycopg import AsyncConnection
from psycopg.rows import class_row, scalar_row

from projections.reads.bitemporal_sql import AsOf, on_both
from projections.reads.operators import NAMED, OPERATOR, STANDING, OperatorRow, statement_parameters
from projections.reads.spans import TextRange
from projections.reads.visibility import (
    VISIBILITY_CTES,
    VISIBLE,
    VisibilityScope,
    at_home,
    disclosed,
)
from registry.domain.texts import folded

Connection = AsyncConnection[Any]

MOST_CANDIDATES = 5_000  # A finder with more rows than this is not used.


@dataclass(frozen=True)
class OperatorConditions:
    """The conditions of a list of operators. All must hold; None means no condition.

    Days are civil days of the home administration; both ends of a range are included, but
    `due_before` excludes its day. `changed_after`: a position. `scheme` and `identifier` belong
    together; the identifier is in its normal form.
    """

    administration: str | None = None
    programme: str | None = None
    type: str | None = None
    standing: str | None = None
    recognised_in: str | None = None
    name_contains: str | None = None
    role: str | None = None
    valid_until_from: date | None = None
    valid_until_to: date | None = None
    due_before: date | None = None
    overdue: bool | None = None
    changed_after: int | None = None
    scheme: str | None = None
    identifier: str | None = None

    @property
    def parameters(self) -> dict[str, Any]:
        """The parameters of the SQL conditions. The part of a name is in its normal form."""
        part = self.name_contains
        return vars(self) | {"name_contains": None if part is None else folded(part)}

    def asks(self, *names: str) -> list[str]:
        """The names of the given conditions."""
        return [name for name in names if getattr(self, name) is not None]


#: Conditions that one and the same authorisation has to meet, at the as-of instants.
_OF_AUTHORISATION = {
    "programme": "p.programme = %(programme)s",
    "type": "p.type = %(type)s",
    "valid_until_from": "p.valid_until >= %(valid_until_from)s",
    "valid_until_to": "p.valid_until <= %(valid_until_to)s",
}
_OVER, _BEFORE = "d.over_at <= %(at)s", "d.due < %(due_before)s"
#: For the operator itself, what it may read counts: what its customs proposes about it, and has not
#: decided, is not for it (api/access/permissions.py), and would otherwise be noticed here.
_CHANGED_FOR_ITSELF = (
    "(%(subject_role)s <> 'company' or "
    + " or ".join(
        f"exists (select from views.{table} t where t.tin = o.tin"
        " and greatest(t.position, t.position_to) > %(changed_after)s)"
        for table in ("status_period", "particulars", "identifier", "consent")
    )
    + ")"
)
#: Conditions on the operator. A predicate is part of the statement only where it is asked for, so
#: that an index can serve it.
_OF_OPERATOR = {
    "administration": "o.administration = %(administration)s",
    "identifier": (
        "exists (select from views.identifier i where i.tin = o.tin and i.scheme = %(scheme)s"
        f" and i.normal = %(identifier)s and {on_both('i')})"
    ),
    "standing": f"{STANDING} = %(standing)s",
    "name_contains": (
        # Compared by bytes, so that the result does not depend on the locale of the database.
        """strpos(n.folded collate "C", %(name_contains)s::text) > 0"""
    ),
    "role": "%(role)s = any(n.roles)",
    "changed_after": (
        f"o.position > %(changed_after)s and (({at_home('o')} and {_CHANGED_FOR_ITSELF})"
        " or rule.changed_abroad(o.tin, %(changed_after)s))"
    ),
    # The most expensive condition is last: it evaluates the whole rule for each operator that
    # passed the others. Operators that hold nothing valid, in part or whole, are excluded first.
    "recognised_in": (
        "exists (select from views.status_period p where p.tin = o.tin"
        f" and 'VALID' in (p.status, p.abroad) and {on_both('p')})"
        " and (select r.outcome from"
        " rule.recognition(o.tin, %(recognised_in)s, %(at)s, %(known)s) r) = 'RECOGNISED'"
    ),
}


def where(conditions: OperatorConditions) -> str:
    """SQL: the conditions on the operator `o`, each after "and"."""
    found = []
    if names := conditions.asks(*_OF_AUTHORISATION):
        every = " and ".join(_OF_AUTHORISATION[name] for name in names)
        found.append(
            "exists (select from views.status_period p where p.tin = o.tin"
            f" and {on_both('p')} and {disclosed('p')} and {every})"
        )
    # Overdue and due before a day must hold for one and the same deadline.
    over = [_OVER] if conditions.overdue else []
    if over or conditions.due_before is not None:
        found.append(_deadline(*over, *([_BEFORE] if conditions.due_before is not None else [])))
    if conditions.overdue is False:
        found.append(f"not {_deadline(_OVER)}")
    found += [_OF_OPERATOR[name] for name in conditions.asks(*_OF_OPERATOR)]
    return "".join(f" and {sql}" for sql in found)


def _deadline(*conditions: str) -> str:
    """SQL: the operator has an open deadline that the subject may see."""
    return (
        f"exists (select from views.deadline d where d.tin = o.tin and {at_home('d')}"
        " and not d.dropped and d.due is not null and (d.met_at is null or d.met_at > %(at)s)"
        f" and {' and '.join(conditions)} and exists (select from views.status_period p"
        f" where p.tin = d.tin and p.authorisation = d.authorisation and {on_both('p')}))"
    )


def _finders(conditions: OperatorConditions) -> list[str]:
    """For each condition that has a finder: the TINs that may meet it, possibly repeated, limited
    to just above MOST_CANDIDATES.

    They are in the order of the index: without knowing the values, the query planner would
    otherwise scan the table.
    """
    found = []
    if names := conditions.asks("valid_until_from", "valid_until_to"):
        every = " and ".join(_OF_AUTHORISATION[name] for name in names)
        found.append(
            f"select p.tin from views.status_period p where {every}"
            f" order by p.valid_until limit {MOST_CANDIDATES + 1}"
        )
    deadline = "select d.tin from views.deadline d where not d.dropped"
    limit = f"limit {MOST_CANDIDATES + 1}"
    for asked, condition, day in (
        (conditions.overdue, _OVER, "over_at"),
        (conditions.due_before, _BEFORE, "due"),
    ):
        if asked:
            found.append(
                f"({deadline} and d.met_at is null and {condition} order by d.{day} {limit})"
                f" union all ({deadline} and d.met_at > %(at)s and {condition}"
                f" order by d.met_at {limit})"
            )
    if conditions.changed_after is not None:
        found.append(
            "select c.tin from views.operator c where c.position > %(changed_after)s"
            f" order by c.position {limit}"
        )
    if conditions.identifier is not None:
        found.append(
            "select i.tin from views.identifier i"
            f" where i.scheme = %(scheme)s and i.normal = %(identifier)s {limit}"
        )
    if conditions.name_contains is not None:
        # As the owner: the policies are slower by far than the comparison, and take their decision
        # on what is found (ops/migrations/0399_operators_by_name.sql).
        found.append(
            f"select x.tin from access.named(%(name_contains)s::text, {MOST_CANDIDATES + 1}) x(tin)"
        )
    return found


def two_branches(
    conditions: OperatorConditions, statement: str, tail: str = "", also: Sequence[str] = ()
) -> tuple[str, str]:
    """The common table expressions, and the statement in two branches of which one is executed.
    `also`: finders that only this statement has."""
    finders = [*_finders(conditions), *also]
    if not finders:
        return "", f"{statement} {tail}"
    numbers = range(len(finders))
    found = [f"found{n} as materialized ({finder})" for n, finder in enumerate(finders)]
    sizes = ", ".join(f"(select count(*) from found{n}) as n{n}" for n in numbers)
    least = f"least({', '.join(f'n{n}' for n in numbers)})"
    # The finder with the fewest rows is used.
    fewest = " union all ".join(
        f"select f.tin from found{n} f, sizes s where s.n{n} = s.least"
        + "".join(f" and s.n{m} > s.least" for m in range(n))
        for n in numbers
    )
    ctes = (
        f", {', '.join(found)}, sizes as materialized (select z.*, {least} as least from"
        f" (select {sizes}) z), fewest as materialized ({fewest})"
    )
    few = f"(select s.least <= {MOST_CANDIDATES} from sizes s)"
    one = f"({statement} and {few} and o.tin = any(array(select w.tin from fewest w)) {tail})"
    return ctes, f"{one} union all ({statement} and not {few} {tail})"


async def page(
    connection: Connection,
    scope: VisibilityScope,
    now: datetime,
    as_of: AsOf,
    conditions: OperatorConditions,
    span: TextRange,
) -> Sequence[OperatorRow]:
    """A part of the list, in the order of TINs."""
    asked = statement_parameters(scope, now, as_of) | conditions.parameters | span.parameters
    async with connection.cursor(row_factory=class_row(OperatorRow)) as cursor:
        await cursor.execute(page_sql(conditions, span).encode(), asked)
        return span.in_order(await cursor.fetchall())


def page_sql(conditions: OperatorConditions, span: TextRange) -> str:
    """Returns the statement of one page of operators."""
    ctes, found = two_branches(conditions, OPERATOR + where(conditions), span.sql("o.tin"))
    if ctes:
        found = f"select x.* from ({found}) x where true{span.sql('x.tin')}"
    return f"with {VISIBILITY_CTES}{ctes} {found}"


async def count(
    connection: Connection,
    scope: VisibilityScope,
    now: datetime,
    as_of: AsOf,
    conditions: OperatorConditions,
) -> int:
    """The number of operators in the whole list that the subject may see."""
    asked = statement_parameters(scope, now, as_of) | conditions.parameters
    async with connection.cursor(row_factory=scalar_row) as cursor:
        await cursor.execute(count_sql(conditions).encode(), asked)
        return cast(int, await cursor.fetchone())


def count_sql(conditions: OperatorConditions) -> str:
    """Returns the statement that counts the operators."""
    named = f" cross join lateral {NAMED} n" if conditions.asks("name_contains", "role") else ""
    statement = (
        f"select o.tin from views.operator o{named}"
        f" where o.registered <= %(known)s and {VISIBLE}{where(conditions)}"
    )
    ctes, found = two_branches(conditions, statement)
    return f"with {VISIBILITY_CTES}{ctes} select count(*) from ({found}) x"
