"""How many operators hold the same, at an instant of valid time.

Recognition depends on few facts about an operator (projections/reads/verdicts.py). Operators that
hold the same get the same result under every law, so that the rule is evaluated once for all of
them, and the number is exact.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from datetime import datetime
from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import class_row

from projections.reads.bitemporal_sql import on_both
from projections.reads.planner_selects import IS_CURRENT
from projections.reads.verdicts import HeldStatuses
from projections.reads.visibility import VISIBILITY_CTES, VISIBLE_NOW, VisibilityScope
from registry.domain.bitemporal import ALWAYS
from registry.domain.consent import TO_ALL_ADEQUATE, TO_THE_PUBLIC, Consented
from registry.domain.operators.timeline import Identified, Period
from registry.domain.recognition import RecognitionFacts
from registry.domain.values import AdministrationCode, Role, Status, Tin

_THEN = """coalesce(array_agg(t.programme order by t.authorisation), '{{}}'),
        coalesce(array_agg(t.type order by t.authorisation), '{{}}'),
        coalesce(array_agg(t.status order by t.authorisation), '{{}}'),
        coalesce(array_agg(t.abroad order by t.authorisation), '{{}}'),
        coalesce(array_agg(array_to_string(t.roles, ',') order by t.authorisation), '{{}}'),
        array(select distinct i.scheme from views.identifier i
            where i.tin = o.tin and {i} order by 1),
        array(select distinct c.partner from views.consent c
            where c.tin = o.tin and {c} order by 1)""".format(i=on_both("i"), c=on_both("c"))

HELD_COUNTS = f"""
with {VISIBILITY_CTES}
select o.administration as home, h.programmes, h.types, h.statuses, h.abroad, h.roles, h.schemes,
    h.consents, count(*)::int as operators
from views.operator o
cross join lateral (
    select o.held_programmes, o.held_types, o.held_statuses, o.held_abroad, o.held_roles,
        o.schemes, o.consents
    where {IS_CURRENT}
    union all
    select {_THEN}
    from views.status_period t where t.tin = o.tin and {on_both("t")}
    having not {IS_CURRENT}
) h (programmes, types, statuses, abroad, roles, schemes, consents)
where o.administration = any(%(homes)s::text[]) and {VISIBLE_NOW}
group by 1, 2, 3, 4, 5, 6, 7, 8"""

#: SQL: operators of some administrations that the subject may see now, from one on.
TINS = f"""
with {VISIBILITY_CTES}
select o.tin from views.operator o
where o.administration = any(%(homes)s::text[]) and o.tin > %(after)s and {VISIBLE_NOW}
order by o.tin limit %(most)s"""


class HeldCount(HeldStatuses, array_like=True, frozen=True, kw_only=True):
    """What a number of operators hold."""

    operators: int

    @property
    def facts(self) -> RecognitionFacts:
        """The facts of such an operator, without any of the law."""
        rows = zip(self.programmes, self.types, self.statuses, self.abroad, self.roles, strict=True)
        return RecognitionFacts(
            Tin("XX0"),
            AdministrationCode(self.home),
            [
                Period(
                    str(number),
                    programme,
                    type,
                    Status(status),
                    Status(abroad),
                    ALWAYS,
                    roles=tuple(Role(role) for role in roles.split(",") if role),
                )
                for number, (programme, type, status, abroad, roles) in enumerate(rows)
            ],
            [Identified(scheme, "", None, None, ALWAYS) for scheme in self.schemes],
            [
                Consented(None, ALWAYS, general=True)
                if scope == TO_ALL_ADEQUATE
                else Consented(AdministrationCode(scope), ALWAYS)
                for scope in self.consents
                if scope != TO_THE_PUBLIC
            ],
        )


async def held_counts(
    connection: AsyncConnection[Any],
    scope: VisibilityScope,
    now: datetime,
    homes: Collection[str],
    at: datetime,
) -> dict[str, list[HeldCount]]:
    """What the operators of these administrations that the subject may see now hold at an instant
    of valid time, as it is known now; by administration."""
    parameters = {**scope.parameters(now), "homes": sorted(homes), "at": at, "known": now}
    found: dict[str, list[HeldCount]] = defaultdict(list)
    async with connection.cursor(row_factory=class_row(HeldCount)) as cursor:
        await cursor.execute(HELD_COUNTS, parameters)
        for held in await cursor.fetchall():
            found[held.home].append(held)
    return found


async def tins_of(
    connection: AsyncConnection[Any],
    scope: VisibilityScope,
    now: datetime,
    homes: Collection[str],
    after: str,
    most: int,
) -> list[str]:
    """The operators of these administrations that the subject may see now, after one of them, by
    TIN; at most `most`."""
    parameters = {
        **scope.parameters(now),
        "homes": sorted(homes),
        "after": after,
        "most": most,
    }
    async with connection.cursor() as cursor:
        await cursor.execute(TINS, parameters)
        return [row[0] for row in await cursor.fetchall()]
