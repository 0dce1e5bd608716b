"""Lists of operators: which of those that the asker may see meet every condition given.

A condition is met by what the asker can read on the operator, and by nothing else, so that no list
and no count tells what the operator itself does not: deadlines are met at home alone, and what
changed is, abroad, what is told abroad.

Some conditions have a finder: a statement that an index answers with the TINs that may meet it.
Where few are found, those alone are looked at; else the list is walked in the order of TINs, which
soon fills a page. Both are branches of one statement, so that they see the same instant.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, cast

from psycopg import AsyncConnection
from psycopg.rows import class_row, scalar_row

from projections.reads.bitemporal_sql import AsOf, on_both
from projections.reads.operators import NAMED, OPERATOR, STANDING, OperatorRow, asked_by
from projections.reads.spans import TextRange
from projections.reads.visibility import SIGHT, VISIBLE, VisibilityScope, at_home, disclosed
from registry.domain.texts import folded

Connection = AsyncConnection[Any]

FEW = 5_000  # rows of a finder whose operators are looked at one by one


@dataclass(frozen=True)
class Wanted:
    """Which operators a list is about; None asks for nothing. All that is asked must hold.

    Days are civil days of the home administration, both ends of a range included; `due_before`
    excludes its day. `changed_after`: a position. `scheme` and `identifier` go together, the latter
    in its normal form.
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
        part = self.name_contains
        return vars(self) | {"name_contains": None if part is None else folded(part)}

    def asks(self, *names: str) -> list[str]:
        """Which of these conditions are given."""
        return [name for name in names if getattr(self, name) is not None]


#: Conditions that one authorisation on record at that instant has to meet, all of them.
_OF_AUTHORISATION = {
    "programme": "p.programme = %(programme)s",
    "type": "p.type = %(type)s",
    "valid_until_from": "p.valid_until >= %(valid_until_from)s",
    "valid_until_to": "p.valid_until <= %(valid_until_to)s",
}
_OVER, _BEFORE = "d.over_at <= %(at)s", "d.due < %(due_before)s"
#: Conditions of the operator. A predicate is part of the statement only where it is asked for, so
#: that an index can serve it.
_OF_OPERATOR = {
    "administration": "o.administration = %(administration)s",
    "identifier": (
        "exists (select from views.identifier i where i.tin = o.tin and i.scheme = %(scheme)s"
        f" and i.normal = %(identifier)s and {on_both('i')})"
    ),
    "standing": f"{STANDING} = %(standing)s",
    "name_contains": (
        # By bytes, so that the answer does not depend on the locale of the database.
        """strpos(n.folded collate "C", %(name_contains)s::text) > 0"""
    ),
    "role": "%(role)s = any(n.roles)",
    "changed_after": (
        f"o.position > %(changed_after)s and ({at_home('o')}"
        " or rule.changed_abroad(o.tin, %(changed_after)s))"
    ),
    # The dearest comes last: it asks the whole rule for each operator that passed the others, so
    # those who hold nothing valid that day, in part or whole, are not asked about.
    "recognised_in": (
        "exists (select from views.status_period p where p.tin = o.tin"
        f" and 'VALID' in (p.status, p.abroad) and {on_both('p')})"
        " and (select r.outcome from"
        " rule.recognition(o.tin, %(recognised_in)s, %(at)s, %(known)s) r) = 'RECOGNISED'"
    ),
}


def _where(wanted: Wanted) -> str:
    found = []
    if names := wanted.asks(*_OF_AUTHORISATION):
        every = " and ".join(_OF_AUTHORISATION[name] for name in names)
        found.append(
            "exists (select from views.status_period p where p.tin = o.tin"
            f" and {on_both('p')} and {disclosed('p')} and {every})"
        )
    # What is overdue and due before a day is one deadline.
    over = [_OVER] if wanted.overdue else []
    if over or wanted.due_before is not None:
        found.append(_deadline(*over, *([_BEFORE] if wanted.due_before is not None else [])))
    if wanted.overdue is False:
        found.append(f"not {_deadline(_OVER)}")
    found += [_OF_OPERATOR[name] for name in wanted.asks(*_OF_OPERATOR)]
    return "".join(f" and {sql}" for sql in found)


def _deadline(*conditions: str) -> str:
    """SQL: has the operator a deadline that is not answered, and that the asker is told?"""
    return (
        f"exists (select from views.deadline d where d.tin = o.tin and {at_home('d')}"
        " and not d.dropped and d.due is not null and (d.met_at is null or d.met_at > %(at)s)"
        f" and {' and '.join(conditions)} and exists (select from views.status_period p"
        f" where p.tin = d.tin and p.authorisation = d.authorisation and {on_both('p')}))"
    )


def _finders(wanted: Wanted) -> list[str]:
    """For each condition that has one, the TINs that may meet it, some more than once; no more of
    them than tell that they are not few. The order is that of the index that finds them: whoever
    plans without the values would rather read the whole table."""
    found = []
    if names := wanted.asks("valid_until_from", "valid_until_to"):
        every = " and ".join(_OF_AUTHORISATION[name] for name in names)
        found.append(
            f"select p.tin from views.status_period p where {every}"
            f" order by p.valid_until limit {FEW + 1}"
        )
    deadline = "select d.tin from views.deadline d where not d.dropped"
    limit = f"limit {FEW + 1}"
    for asked, condition, day in (
        (wanted.overdue, _OVER, "over_at"),
        (wanted.due_before, _BEFORE, "due"),
    ):
        if asked:
            found.append(
                f"({deadline} and d.met_at is null and {condition} order by d.{day} {limit})"
                f" union all ({deadline} and d.met_at > %(at)s and {condition}"
                f" order by d.met_at {limit})"
            )
    if wanted.changed_after is not None:
        found.append(
            "select c.tin from views.operator c where c.position > %(changed_after)s"
            f" order by c.position {limit}"
        )
    if wanted.identifier is not None:
        found.append(
            "select i.tin from views.identifier i"
            f" where i.scheme = %(scheme)s and i.normal = %(identifier)s {limit}"
        )
    return found


def _both_ways(wanted: Wanted, statement: str, tail: str = "") -> tuple[str, str]:
    """Common table expressions, and the statement in two branches of which one is executed."""
    finders = _finders(wanted)
    if not finders:
        return "", f"{statement} {tail}"
    numbers = range(len(finders))
    found = [f"found{n} as materialized ({finder})" for n, finder in enumerate(finders)]
    sizes = ", ".join(f"(select count(*) from found{n}) as n{n}" for n in numbers)
    least = f"least({', '.join(f'n{n}' for n in numbers)})"
    # Of the conditions that have a finder that by which the fewest are found.
    fewest = " union all ".join(
        f"select f.tin from found{n} f, sizes s where s.n{n} = s.least"
        + "".join(f" and s.n{m} > s.least" for m in range(n))
        for n in numbers
    )
    ctes = (
        f", {', '.join(found)}, sizes as materialized (select z.*, {least} as least from"
        f" (select {sizes}) z), fewest as materialized ({fewest})"
    )
    few = f"(select s.least <= {FEW} from sizes s)"
    one = f"({statement} and {few} and o.tin = any(array(select w.tin from fewest w)) {tail})"
    return ctes, f"{one} union all ({statement} and not {few} {tail})"


async def page(
    connection: Connection,
    sight: VisibilityScope,
    now: datetime,
    as_of: AsOf,
    wanted: Wanted,
    span: TextRange,
) -> Sequence[OperatorRow]:
    """A part of the list, in the order of TINs."""
    asked = asked_by(sight, now, as_of) | wanted.parameters | span.parameters
    async with connection.cursor(row_factory=class_row(OperatorRow)) as cursor:
        await cursor.execute(page_sql(wanted, span).encode(), asked)
        return span.in_order(await cursor.fetchall())


def page_sql(wanted: Wanted, span: TextRange) -> str:
    ctes, found = _both_ways(wanted, OPERATOR + _where(wanted), span.sql("o.tin"))
    if ctes:
        found = f"select x.* from ({found}) x where true{span.sql('x.tin')}"
    return f"with {SIGHT}{ctes} {found}"


async def count(
    connection: Connection, sight: VisibilityScope, now: datetime, as_of: AsOf, wanted: Wanted
) -> int:
    """How many the whole list has that the asker may see."""
    asked = asked_by(sight, now, as_of) | wanted.parameters
    async with connection.cursor(row_factory=scalar_row) as cursor:
        await cursor.execute(count_sql(wanted).encode(), asked)
        return cast(int, await cursor.fetchone())


def count_sql(wanted: Wanted) -> str:
    named = f" cross join lateral {NAMED} n" if wanted.asks("name_contains", "role") else ""
    statement = (
        f"select o.tin from views.operator o{named}"
        f" where o.registered <= %(known)s and {VISIBLE}{_where(wanted)}"
    )
    ctes, found = _both_ways(wanted, statement)
    return f"with {SIGHT}{ctes} select count(*) from ({found}) x"
