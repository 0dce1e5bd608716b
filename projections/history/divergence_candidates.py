"""Reads the operators whose results may diverge: those to examine for divergences."""

from __future__ import annotations

from datetime import datetime

from projections.history.belief_history import TimeInterval
from projections.history.belief_history_sql import Connection, LawHistory
from projections.reads.visibility import VISIBILITY_CTES, VISIBLE_NOW, VisibilityScope

#: SQL: the operators to examine: those with an event that became known after it took effect, and
#: those whose law did. An event known from one day on changes nothing for any later day.
CANDIDATES = f"""
with {VISIBILITY_CTES},
late as (
    select c.tin from (
        select distinct c.tin from views.change c
        where c.administration = any(%(homes)s::text[]) and c.tin >= %(after)s
            and c.known_at > %(from)s and c.effective_from < least(c.known_at, %(to)s)
        order by c.tin
    ) c
    -- An optimisation fence: visibility is evaluated only for these, and only as many as needed.
    cross join lateral (
        select from views.operator o where o.tin = c.tin and {VISIBLE_NOW} offset 0
    ) o
    order by c.tin limit %(most)s
),
under_late_law as (
    select o.tin from views.operator o
    where o.administration = any(%(unlike)s::text[]) and o.tin >= %(after)s and {VISIBLE_NOW}
    order by o.tin limit %(most)s
)
select tin from late union select tin from under_late_law order by tin limit %(most)s"""


async def candidates(
    connection: Connection,
    scope: VisibilityScope,
    now: datetime,
    law: LawHistory,
    window: TimeInterval,
    after: str,
    most: int,
) -> list[str]:
    """Operators whose results may diverge in these days, from `after` on, included; sorted, at most
    `most`, only those visible to the subject now."""
    own_parties = {law.territory.text}
    own_parties |= {m.fact.bloc.text for m in law.members if m.fact.member == law.territory}
    homes = sorted(law.homes(own_parties))
    homes_with_differences = [
        home for home in homes if law.beliefs_from(home).corrected_intervals(window)
    ]
    parameters = scope.parameters(now) | {
        "homes": homes,
        "unlike": homes_with_differences,
        "from": window[0],
        "to": window[1],
        "after": after,
        "most": most,
    }
    async with connection.cursor() as cursor:
        await cursor.execute(CANDIDATES, parameters)
        return [row[0] for row in await cursor.fetchall()]
