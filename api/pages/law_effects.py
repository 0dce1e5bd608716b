"""What a decision about the law changes for operators: how many gain or lose recognition, where,
and from when, before it is recorded.

A decision about an agreement, a programme or an administration changes the law. The rule of
recognition is evaluated for what operators hold, by the law as it is and by the law as it would be,
in every interval of valid time in which the two differ (`projections.history.law_change`). Counted
are the operators that the subject may see. Nothing is recorded.
"""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from api.graphql.command_trials import CommandTrial
from api.graphql.context import Context
from api.pages.arising_divergences import ArisingDivergences, arising_of_law
from projections.history.belief_history import TimeInterval
from projections.history.belief_history_sql import whole_law
from projections.history.law_change import ChangedPair, LawChange
from projections.reads.held_counts import held_counts
from registry.domain.administrations import Administration
from registry.domain.agreements.events import Agreement
from registry.domain.bitemporal import NEVER_AT
from registry.domain.programmes import Programme
from registry.domain.recognition import Question, RecognitionFacts, recognise
from registry.domain.values import AdministrationCode, Outcome

#: The instants at which it is counted who holds what, for one preview. Those after now come first.
MOST_INSTANTS = 40

#: What operators hold, as facts, and how many do; by home.
Held = dict[str, list[tuple[RecognitionFacts, int]]]


@dataclass(frozen=True)
class LawEffect:
    """Operators of `homes` whose answer changes in the same way in `territories`, over the same
    interval of valid time (UTC, half open; `until` None: without end). `operators`: how many they
    are in each of these territories, on its first day, or now where it holds now."""

    since: datetime
    until: datetime | None
    before: str
    after: str
    operators: int
    homes: tuple[str, ...] = ()
    territories: tuple[str, ...] = ()


@dataclass(frozen=True)
class LawEffects:
    """`found`: what changes, the earliest first. `reaches_back`: the law of days gone by becomes
    another; `diverging`: the divergences that this makes. `of_others`: operators of other
    administrations are concerned, too, of which only those are counted that the subject may see.
    `complete`: False where not all intervals were counted."""

    found: list[LawEffect] = field(default_factory=list)
    reaches_back: bool = False
    diverging: ArisingDivergences = field(default_factory=ArisingDivergences)
    of_others: bool = False
    complete: bool = True


async def law_effects(context: Context, trial: CommandTrial[Any]) -> LawEffects | None:
    """What the command changes for operators; None for a command that states no law."""
    if not isinstance(trial.after, Agreement | Programme | Administration):
        return None
    loop = asyncio.get_running_loop()
    change = await loop.run_in_executor(context.writers, _change, context, trial)
    if change.is_empty:
        return LawEffects()
    async with context.views.connection() as views:
        pairs = change.pairs(await whole_law(views), context.now)
        if not pairs:
            return LawEffects()
        instants = _instants(pairs, context.now)
        homes = {pair.home.text for pair in pairs}
        scope, now = context.subject.visibility, context.now
        held: dict[datetime, Held] = {}
        for at in instants[:MOST_INSTANTS]:
            counts = await held_counts(views, scope, now, homes, at)
            held[at] = {
                home: [(each.facts, each.operators) for each in of_home]
                for home, of_home in counts.items()
            }
        found = await _effects(pairs, held, now)
        back = [pair for pair in pairs if pair.intervals[0][0] < now]
        diverging = await arising_of_law(context, views, back)
    return LawEffects(
        found,
        bool(back),
        diverging,
        any(pair.home not in context.subject.own for pair in pairs),
        len(instants) <= MOST_INSTANTS,
    )


def _change(context: Context, trial: CommandTrial[Any]) -> LawChange:
    """Blocks."""
    before = list(context.registry.events.get(trial.after.id)) if trial.before else []
    return LawChange.of(before, [*before, *trial.after.pending_events], context.now)


def _instant(interval: TimeInterval, now: datetime) -> datetime:
    """The instant that stands for an interval: its beginning, or now where it holds now."""
    return now if interval[0] < now < interval[1] else interval[0]


def _instants(pairs: Sequence[ChangedPair], now: datetime) -> list[datetime]:
    """The instants to count at: those from now on, then those before, the latest first."""
    found = {_instant(interval, now) for pair in pairs for interval in pair.intervals}
    return sorted(at for at in found if at >= now) + sorted(
        (at for at in found if at < now), reverse=True
    )


async def _effects(
    pairs: Sequence[ChangedPair], held: dict[datetime, Held], now: datetime
) -> list[LawEffect]:
    """Those of all pairs: those alike are one, first by territory and then by home."""
    into: dict[tuple[AdministrationCode, LawEffect], list[str]] = defaultdict(list)
    for pair in pairs:
        for effect in _of_pair(pair, held, now):
            into[pair.home, effect].append(pair.territory.text)
        await asyncio.sleep(0)  # lets other requests run between two pairs
    of: dict[LawEffect, list[tuple[str, int]]] = defaultdict(list)
    for (home, effect), codes in into.items():
        alike = replace(effect, operators=0, territories=tuple(sorted(codes)))
        of[alike].append((home.text, effect.operators))
    found = [
        replace(
            effect,
            homes=tuple(sorted(code for code, _ in homes)),
            operators=sum(number for _, number in homes),
        )
        for effect, homes in of.items()
    ]
    return sorted(found, key=lambda each: (each.since, each.homes, each.territories))


def _of_pair(pair: ChangedPair, held: dict[datetime, Held], now: datetime) -> list[LawEffect]:
    """The effects between two territories, without naming them."""
    before, after = pair.facts
    found: list[LawEffect] = []
    for since, until in pair.intervals:
        at = _instant((since, until), now)
        asked = Question(pair.territory, at)
        counted: Counter[tuple[Outcome, Outcome]] = Counter()
        for own, operators in held.get(at, {}).get(pair.home.text, ()):
            was, will = _outcome(own, before, asked), _outcome(own, after, asked)
            if was is not will:
                counted[was, will] += operators
        end = None if until >= NEVER_AT else until
        for (was, will), operators in counted.items():
            _append(found, LawEffect(since, end, was.value, will.value, operators))
    return found


def _append(found: list[LawEffect], effect: LawEffect) -> None:
    """Adds an effect; one that goes on is one with the one before."""
    for number, each in enumerate(found):
        if replace(each, until=effect.until) == replace(effect, since=each.since) and (
            each.until == effect.since
        ):
            found[number] = replace(each, until=effect.until)
            return
    found.append(effect)


def _outcome(own: RecognitionFacts, law: RecognitionFacts, asked: Question) -> Outcome:
    facts = replace(
        law,
        tin=own.tin,
        administration=own.administration,
        periods=own.periods,
        identifiers=own.identifiers,
        consents=own.consents,
    )
    return recognise(facts, asked).outcome
