"""Checks the change feed: folded as a partner folds it, it must give the same answers as the
recognition rule, now and on every later day.

It checks a sample of partners and operators. The feed is read from its beginning, as over GraphQL;
the answers are computed by the rule, from the facts that the same partner may see.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from psycopg import AsyncConnection, IsolationLevel

from projections.history import feed_pages
from projections.history.belief_history_sql import law_history
from projections.history.feed import HIDDEN, Change, CourseInterval, FeedVerdict
from projections.reads import recognition
from projections.reads.visibility import VisibilityScope
from registry.domain.recognition import Question, recognise
from registry.domain.values import AdministrationCode, Tin
from registry.ledger.connections import AsyncSession

PARTNERS, OPERATORS = 8, 50  # sample sizes
PAGE = 100

#: Chosen by the hash of the names, so that the sample is the same in every check.
_PARTNERS = """
select distinct l.to_party, md5(l.to_party) from views.link l
where l.kind = 'AEO_MUTUAL_RECOGNITION' order by md5(l.to_party) limit %s"""
_OPERATORS = """
select o.tin from views.operator o
where o.administration = any(%s::text[]) and o.administration <> %s
order by md5(o.tin) limit %s"""


@dataclass
class FoldedFeed:
    """The answers of each operator over valid time, according to the changes read so far."""

    courses: dict[str, list[CourseInterval]] = field(default_factory=dict)

    def apply(self, changes: Iterable[Change]) -> None:
        """Applies changes of the feed: each replaces the answers from its `effective_from` on."""
        for change in changes:
            intervals = self.courses.get(change.tin.text, [])
            before = [each for each in intervals if each.from_ < change.effective_from]
            self.courses[change.tin.text] = before + change.course()

    def at(self, tin: str, at: datetime) -> FeedVerdict:
        """Returns the answer for an operator at an instant of valid time (UTC)."""
        intervals = [each for each in self.courses.get(tin, ()) if each.from_ <= at]
        return intervals[-1].verdict if intervals else HIDDEN


def differences(conninfo: str, partners: int = PARTNERS, operators: int = OPERATORS) -> list[str]:
    """Returns the differences between the folded feed and the answers, ten at most."""
    return asyncio.run(_differences(conninfo, partners, operators))[:10]


async def _differences(conninfo: str, partners: int, operators: int) -> list[str]:
    wrong: list[str] = []
    async with await AsyncSession.connect(
        conninfo, options="-c timezone=UTC -c jit=off"
    ) as connection:
        # Snapshot isolation: the feed and the answers see one state of the register.
        await connection.set_isolation_level(IsolationLevel.REPEATABLE_READ)
        async with connection.transaction():
            now = datetime.now(UTC)
            rows = await (await connection.execute(_PARTNERS, [partners])).fetchall()
            for code, _ in rows:
                try:
                    wrong += await _partner(connection, AdministrationCode(code), now, operators)
                # a position without its event, or a row without its operator
                except KeyError as missing:
                    wrong.append(f"the feed of {code} cannot be read: {missing} is not there")
    return wrong


async def _partner(
    connection: AsyncConnection[Any], territory: AdministrationCode, now: datetime, operators: int
) -> list[str]:
    homes = sorted((await law_history(connection, territory)).homes())
    sample = await connection.execute(_OPERATORS, [homes, territory.text, operators])
    tins = [row[0] for row in await sample.fetchall()]
    if not tins:
        return []
    visibility, fold, after = VisibilityScope("partner", territory.text), FoldedFeed(), 0
    while True:
        page = await feed_pages.page(
            connection, connection, visibility, territory, after, PAGE, now, only=tins
        )
        fold.apply(page.changes)
        after = page.next
        if after >= page.head:
            break
    known = await recognition.facts(
        connection, visibility, now, [Tin(tin) for tin in tins], territory, now
    )
    wrong: list[str] = []
    for tin in tins:
        facts = known.of(Tin(tin))
        for at in sorted({now} | {edge for edge in recognition.edges(facts) if edge > now}):
            answer = recognise(facts, Question(territory, at))
            right, folded = FeedVerdict(answer.outcome, answer.reasons), fold.at(tin, at)
            if folded != right:
                wrong.append(
                    f"{tin} in {territory} at {at.isoformat()}: the feed says"
                    f" {_describe(folded)}, the answer is {_describe(right)}"
                )
                break
    return wrong


def _describe(verdict: FeedVerdict) -> str:
    return f"{verdict.outcome.value} ({', '.join(reason.value for reason in verdict.reasons)})"
