"""The divergences that a back-dated command would make: what was answered, or would have been, on
the days that it reaches back to, and what today's record would say of them then.

They are found by the same function as those of `/divergences`, on everything ever believed about
the operator and the law, with the command's facts as if they had become known now. Nothing is
recorded.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple, TypeVar

from api.access.policy import SubjectRole
from api.graphql.context import Context
from projections.history import answered
from projections.history.belief_history import (
    BelievedFact,
    OperatorBeliefs,
    OperatorPast,
    OwnFacts,
    TimeInterval,
)
from projections.history.belief_history_sql import Connection, WholeLaw, past_of, whole_law
from projections.history.divergences import Divergence, divergences
from projections.history.law_change import UNRECORDED, ChangedPair
from projections.reads.held_counts import tins_of
from registry.domain.values import AdministrationCode, Tin

T = TypeVar("T")

SHOWN = 5  # divergences that are shown; the number is of all
MOST_ANSWERS = 1_000  # given answers that are looked through for each territory
#: How often the divergences of an operator under one law are computed, for one preview.
MOST_COMPUTED = 2_000
CHUNK = 50  # operators that are read at once


@dataclass(frozen=True)
class ArisingDivergence:
    """A divergence that would arise: what `territory` was answered from `since` until `until`
    (valid time, UTC, half open), by what was known then, and what it would be answered now."""

    tin: str
    territory: str
    since: datetime
    until: datetime
    before: str
    after: str


@dataclass(frozen=True)
class ArisingDivergences:
    """`found`: all that arise. `given`: how many answers that were really given to customs are
    among them, as far as the subject may read them; `more_given`: at least that many. `looked_at`:
    how many operators were looked at, where there are more; 0: all were."""

    found: list[ArisingDivergence] = field(default_factory=list)
    given: int = 0
    more_given: bool = False
    looked_at: int = 0

    @property
    def first(self) -> list[ArisingDivergence]:
        """The first of them, by day."""
        return self.found[:SHOWN]


class ChangedOperator(NamedTuple):
    """What a command would make of an operator. `after`: its facts with the command; `since`: the
    first instant of valid time at which they differ; `territories`: where answers do."""

    tin: Tin
    after: OwnFacts
    since: datetime
    territories: frozenset[str]


async def arising_of_operators(
    context: Context, changed: Sequence[ChangedOperator]
) -> ArisingDivergences:
    """Those about some operators."""
    changed = [each for each in changed if each.since < context.now]
    if not changed:
        return ArisingDivergences()
    arising = _Arising()
    async with context.views.connection() as views:
        law = await whole_law(views)
        pasts = await past_of(views, [each.tin.text for each in changed])
        for each in changed:
            if (past := pasts.get(each.tin.text)) is None:
                continue
            if arising.is_full:
                arising.is_cut = True
                break
            territories = sorted(map(AdministrationCode, each.territories))
            groups = _alike(_unchanged(law, past.administration, territories))
            with_facts = _with_facts(past, each.after, context.now)
            window = each.since, context.now
            arising.add(with_facts, groups[past.administration.text], window)
            await asyncio.sleep(0)  # lets other requests run between two operators
    return await arising.counted(context)


def _unchanged(
    law: WholeLaw, home: AdministrationCode, territories: Sequence[AdministrationCode]
) -> list[ChangedPair]:
    """The law as it is."""
    found = []
    for there in territories:
        beliefs = law.towards(there).beliefs_from(home.text)
        found.append(ChangedPair(home, there, beliefs, beliefs, []))
    return found


def _arising(
    beliefs: OperatorBeliefs, territory: AdministrationCode, window: TimeInterval
) -> list[Divergence]:
    """Those that the unrecorded facts make."""
    return [
        each
        for each in divergences(beliefs, territory, window)
        if each.event_position == UNRECORDED
    ]


def _shown(divergence: Divergence, territory: str) -> ArisingDivergence:
    return ArisingDivergence(
        divergence.tin.text,
        territory,
        divergence.at,
        divergence.until,
        divergence.answered.value,
        divergence.correct.value,
    )


async def arising_of_law(
    context: Context, views: Connection, pairs: Sequence[ChangedPair]
) -> ArisingDivergences:
    """Those of a decision about the law. `pairs`: the territories between which the law of days
    gone by becomes another."""
    if not pairs:
        return ArisingDivergences()
    window = min(pair.intervals[0][0] for pair in pairs), context.now
    groups, arising = _alike(pairs), _Arising()
    scope, after = context.subject.visibility, ""
    while tins := await tins_of(views, scope, context.now, groups, after, CHUNK):
        if arising.is_full:
            arising.is_cut = True
            break
        for past in (await past_of(views, tins)).values():
            arising.add(past, groups[past.administration.text], window)
            await asyncio.sleep(0)  # lets other requests run between two operators
        after = tins[-1]
    return await arising.counted(context)


@dataclass
class _Arising:
    """Collects the divergences that arise, by territory."""

    found: dict[AdministrationCode, list[Divergence]] = field(
        default_factory=lambda: defaultdict(list)
    )
    computed: int = 0
    looked_at: int = 0
    is_cut: bool = False

    @property
    def is_full(self) -> bool:
        """Whether as many were computed as one preview computes."""
        return self.computed >= MOST_COMPUTED

    def add(
        self, past: OperatorPast, groups: list[list[ChangedPair]], window: TimeInterval
    ) -> None:
        """Adds those about one operator."""
        self.looked_at += 1
        for group in groups:
            for first, alike in _named_apart(past, group):
                beliefs = past.beliefs(first.after, first.after)
                found = _arising(beliefs, first.territory, window)
                self.computed += 1
                for pair in alike:
                    self.found[pair.territory] += found

    async def counted(self, context: Context) -> ArisingDivergences:
        """All of them by day, with the answers that were given."""
        shown: list[ArisingDivergence] = []
        given, more = 0, False
        for territory, found in self.found.items():
            if found:
                shown += [_shown(each, territory.text) for each in found]
                count, cut = await _given(context, territory, found)
                given, more = given + count, more or cut
        shown.sort(key=lambda each: (each.since, each.tin, each.territory))
        return ArisingDivergences(shown, given, more, self.looked_at if self.is_cut else 0)


def _alike(pairs: Sequence[ChangedPair]) -> dict[str, list[list[ChangedPair]]]:
    """Territories to which the same law leads, as the members of a bloc, by home: what is computed
    for one of them is so for all, for an operator that consents to none of them by name."""
    found: dict[str, dict[Any, list[ChangedPair]]] = defaultdict(lambda: defaultdict(list))
    for pair in pairs:
        there, law = pair.territory, pair.after
        members = [
            (row.fact.bloc, row.fact.valid_from, row.fact.valid_to, row.position, row.position_to)
            for row in law.members
            if row.fact.member == there
        ]
        laws = [row for row in law.consent_laws if row.fact.adequate == there]
        alone = {row.fact.clause.to for row in law.links} & {there}
        links = [(row.fact.agreement, row.position, row.position_to) for row in law.links]
        key = repr((sorted(members, key=repr), laws, alone, links))
        found[pair.home.text][key].append(pair)
    return {home: list(groups.values()) for home, groups in found.items()}


def _named_apart(
    past: OperatorPast, group: list[ChangedPair]
) -> list[tuple[ChangedPair, list[ChangedPair]]]:
    """The pairs of a group to compute for an operator, each with those that it stands for."""
    named = {row.fact.partner for row in past.consents}
    apart = [pair for pair in group if pair.territory in named]
    others = [pair for pair in group if pair.territory not in named]
    return [(pair, [pair]) for pair in apart] + ([(others[0], others)] if others else [])


async def _given(
    context: Context, territory: AdministrationCode, arising: Sequence[Divergence]
) -> tuple[int, bool]:
    """How many answers that were given to customs are among these divergences, and whether there
    can be more."""
    if context.subject.role is not SubjectRole.OFFICER:
        return 0, False
    window = min(each.at for each in arising), max(each.until for each in arising)
    by_tin: dict[str, list[Divergence]] = defaultdict(list)
    for each in arising:
        by_tin[each.tin.text].append(each)
    async with context.ledger.connection() as ledger:
        answers = await answered.given(
            ledger,
            context.subject.visibility,
            sorted(context.subject.home),
            territory,
            window,
            (0, 0),
            MOST_ANSWERS,
            next(iter(by_tin)) if len(by_tin) == 1 else None,
        )
    wrong = [
        answer
        for answer in answers
        if any(
            each.at <= answer.law_at < each.until and answer.outcome == each.answered.value
            for each in by_tin.get(answer.tin, ())
        )
    ]
    return len(wrong), len(answers) == MOST_ANSWERS


def _with_facts(past: OperatorPast, after: OwnFacts, now: datetime) -> OperatorPast:
    """What was believed, with these facts from now on."""
    return OperatorPast(
        past.tin,
        past.administration,
        past.registered,
        learned(past.periods, after.periods, now),
        learned(past.identifiers, after.identifiers, now),
        learned(past.consents, after.consents, now),
    )


def learned(
    believed: Sequence[BelievedFact[T]], facts: Sequence[T], now: datetime
) -> list[BelievedFact[T]]:
    """Everything believed so far and, from now on, exactly these facts."""
    found: list[BelievedFact[T]] = []
    rest: list[Any] = list(facts)
    for row in believed:
        if row.recorded_to is not None:
            found.append(row)
        elif row.fact in rest:
            rest.remove(row.fact)
            found.append(row)
        else:
            found.append(BelievedFact(row.fact, row.position, row.recorded_from, UNRECORDED, now))
    return found + [BelievedFact(fact, UNRECORDED, now) for fact in rest]
