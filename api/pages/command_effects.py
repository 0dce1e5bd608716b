"""What a command changes abroad: where and when recognition would be another, before it is given.

The rule of recognition is evaluated on the operator's file before and after the command, with the
same law, at every instant at which the facts change. Nothing is recorded.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from itertools import pairwise

from api.graphql.as_of import AsOfInput
from api.graphql.command_trials import CommandTrial
from api.graphql.context import Context
from api.pages.arising_divergences import (
    ArisingDivergences,
    ChangedOperator,
    arising_of_operators,
)
from projections.history.belief_history import OwnFacts
from projections.reads import recognition as reads
from registry.domain.bitemporal import NEVER_AT
from registry.domain.decisions import start_of_day
from registry.domain.operators.events import Operator
from registry.domain.operators.preconditions import events_as_corrected
from registry.domain.operators.status_periods import periods
from registry.domain.operators.timeline import consents, identifiers
from registry.domain.recognition import Question, RecognitionFacts, ValidInterval, recognise
from registry.domain.values import AdministrationCode, Outcome


@dataclass(frozen=True)
class EffectAbroad:
    """Territories whose answer changes in the same way over the same interval of valid time (UTC,
    half open; `until` None: without end)."""

    since: datetime
    until: datetime | None
    before: str
    after: str
    territories: tuple[str, ...]
    #: Whether it begins before today: answers of days gone by were, or could have been, given.
    reaches_back: bool


async def effects(
    context: Context, trial: CommandTrial[Operator], today: date
) -> list[EffectAbroad]:
    """What the command changes in the territories that agreements lead to, the earliest first.
    `today`: the operator's home customs' civil day."""
    if trial.before is None:
        return []
    known = context.clocks(AsOfInput()).known
    async with context.views.connection() as connection:
        visibility, tin = context.subject.visibility, trial.after.tin
        found = await reads.facts(connection, visibility, context.now, [tin], None, known)
    law = found.of(tin)
    if law.tin is None:
        return []
    before, after = _with(law, trial.before), _with(law, trial.after)
    first = _first_difference(before, after)
    if first is None:
        return []
    changes: dict[tuple[datetime, datetime, str, str], list[str]] = defaultdict(list)
    for territory in _territories(law, {first, context.now}):
        for since, until, one, other in _changes(before, after, territory, first):
            changes[since, until, one.value, other.value].append(territory.text)
    return [
        EffectAbroad(
            since,
            None if until >= NEVER_AT else until,
            one,
            other,
            tuple(sorted(where)),
            since < start_of_day(today, trial.after.time_zone),
        )
        for (since, until, one, other), where in sorted(changes.items())
    ]


def changed_operator(
    trial: CommandTrial[Operator], changes: Sequence[EffectAbroad]
) -> ChangedOperator | None:
    """What becomes of the operator on days gone by; None where the command reaches back to none."""
    back = [change for change in changes if change.reaches_back]
    if not back:
        return None
    return ChangedOperator(
        trial.after.tin,
        _own_facts(trial.after),
        min(change.since for change in back),
        frozenset(territory for change in back for territory in change.territories),
    )


async def arising(
    context: Context, trial: CommandTrial[Operator], changes: Sequence[EffectAbroad]
) -> ArisingDivergences:
    """The divergences that the command would make: none where it reaches back to no day."""
    changed = changed_operator(trial, changes)
    return await arising_of_operators(context, [changed] if changed else [])


def _own_facts(operator: Operator) -> OwnFacts:
    """The facts that the operator's own events say."""
    events, zone = events_as_corrected(operator), operator.time_zone
    return OwnFacts(periods(events, zone), identifiers(events, zone), consents(events, zone))


def _with(law: RecognitionFacts, operator: Operator) -> RecognitionFacts:
    return replace(law, **_own_facts(operator)._asdict())


def _first_difference(before: RecognitionFacts, after: RecognitionFacts) -> datetime | None:
    """The first instant of valid time at which the operator's own facts differ."""
    one, other = (
        set[ValidInterval]([*facts.periods, *facts.identifiers, *facts.consents])
        for facts in (before, after)
    )
    return min((fact.valid_from for fact in one ^ other), default=None)


def _territories(law: RecognitionFacts, instants: set[datetime]) -> list[AdministrationCode]:
    """The territories that agreements lead to from the first of these instants on."""
    begins = {link.valid_from for link in law.links if link.valid_from > min(instants)}
    return sorted({there for at in instants | begins for there in reads.territories(law, at)})


def _changes(
    before: RecognitionFacts,
    after: RecognitionFacts,
    territory: AdministrationCode,
    first: datetime,
) -> list[tuple[datetime, datetime, Outcome, Outcome]]:
    """The intervals of valid time from `first` on in which the answer of a territory changes."""
    one, other = reads.into(before, territory), reads.into(after, territory)
    edges = reads.edges(one) | reads.edges(other) | {first}
    cuts = sorted(edge for edge in edges if edge >= first)
    found: list[tuple[datetime, datetime, Outcome, Outcome]] = []
    for since, until in pairwise([*cuts, NEVER_AT]):
        asked = Question(territory, since)
        was, will = recognise(one, asked).outcome, recognise(other, asked).outcome
        if was is will:
            continue
        if found and found[-1][1:] == (since, was, will):
            found[-1] = (found[-1][0], until, was, will)
        else:
            found.append((since, until, was, will))
    return found
