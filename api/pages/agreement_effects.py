"""Computes the consequences of a command about an agreement, for the page that asks whether to give
it: which party recognises whom newly or no longer, and how many operators that concerns.

The timeline of the agreement is built without and with the events that the command would record,
and the two are compared. Each difference is an `AgreementEffect` over an interval of valid time
(UTC, half open). Nothing is recorded.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from itertools import pairwise
from typing import Any, TypeAlias

from fastapi import Request

from api.graphql.command_trials import CommandTrial
from api.graphql.context import Context
from api.pages.query import ask, context
from registry.domain.agreements.events import Agreement
from registry.domain.agreements.links import Link, LinkState
from registry.domain.agreements.timeline import build_timeline
from registry.domain.bitemporal import ALWAYS, NEVER_AT, TimedEvent
from registry.domain.decisions import start_of_day
from registry.domain.values import AdministrationCode, Outcome, Sense

Pair: TypeAlias = tuple[AdministrationCode, AdministrationCode]

RECOGNISED = """\
query Recognised($home: AdministrationCode!, $there: AdministrationCode!) {
  operators(filter: {administration: $home, recognisedIn: $there}, first: 1) { totalCount }
}"""
OF_HOME = """\
query OperatorsOf($home: AdministrationCode!) { administration(code: $home) { operatorCount } }"""


@dataclass(frozen=True)
class AgreementEffect:
    """One side's recognition of another over an interval of valid time (UTC, half open; `until`
    None: without end). `home`: whose operators or controls; `there`: by whom; `territories`: how
    many those are, the members of a bloc counted each for itself.

    Where `before` and `after` are both RECOGNISED, the scope is another. `operators`: those of
    `home` that are recognised there today, or, without `are_recognised`, all of `home` that the
    subject may count; None where it may count none. `reaches_back`: it begins before today.
    """

    since: datetime
    until: datetime | None
    home: str
    there: str
    before: str
    after: str
    territories: int
    reaches_back: bool
    operators: int | None = None
    are_recognised: bool = False


async def agreement_effects(
    request: Request, trial: CommandTrial[Agreement], today: date, zone: str
) -> list[AgreementEffect]:
    """What the command changes between the parties, the earliest first. `today`, `zone`: of the
    subject's administration."""
    asked = await context(request)
    loop = asyncio.get_running_loop()
    before, after, sizes = await loop.run_in_executor(asked.writers, _links, asked, trial)
    found = []
    for pair in sorted({*before, *after}):
        home, there = pair[0].text, pair[1].text
        count, are_recognised = await _operators(request, home, there)
        for since, until, was, will in _changes(before.get(pair, []), after.get(pair, [])):
            found.append(
                AgreementEffect(
                    since,
                    None if until >= NEVER_AT else until,
                    home,
                    there,
                    was.value,
                    will.value,
                    sizes[pair[1]],
                    since < start_of_day(today, zone),
                    count,
                    are_recognised,
                )
            )
    return sorted(found, key=lambda effect: (effect.since, effect.home, effect.there))


async def _operators(request: Request, home: str, there: str) -> tuple[int | None, bool]:
    """How many operators are concerned, and whether they are those that are recognised there."""
    found = await ask(request, RECOGNISED, home=home, there=there)
    if found.data and found.data["operators"] and not found.errors:
        return found.data["operators"]["totalCount"], True
    counted = await ask(request, OF_HOME, home=home)
    administration = (counted.data or {}).get("administration")
    return (administration["operatorCount"] if administration else None), False


def _links(
    asked: Context, trial: CommandTrial[Agreement]
) -> tuple[dict[Pair, list[Link]], dict[Pair, list[Link]], dict[AdministrationCode, int]]:
    """The links of each pair of parties before and after, where they differ, and of how many
    territories each party is. Blocks."""
    recorded = list(asked.registry.events.get(trial.after.id)) if trial.before else []
    one = _by_pair(recorded, asked.now)
    other = _by_pair([*recorded, *trial.after.pending_events], asked.now)
    pairs = {pair for pair in {*one, *other} if one.get(pair) != other.get(pair)}
    sizes = {there: _size(asked, there) for _, there in pairs}
    return (
        {pair: one.get(pair, []) for pair in pairs},
        {pair: other.get(pair, []) for pair in pairs},
        sizes,
    )


def _by_pair(events: Iterable[Any], now: datetime) -> dict[Pair, list[Link]]:
    timed = [TimedEvent(event, number, now) for number, event in enumerate(events, 1)]
    found: dict[Pair, list[Link]] = {}
    for row in build_timeline(timed).links if timed else []:
        if row.recorded_to is None:
            link = row.fact
            found.setdefault((link.clause.from_, link.clause.to), []).append(link)
    return found


def _size(asked: Context, code: AdministrationCode) -> int:
    administration = asked.registry.administration(code)
    return sum(sense is Sense.CUSTOMS_TERRITORY for _, sense in administration.members) or 1


def _changes(
    before: list[Link], after: list[Link]
) -> list[tuple[datetime, datetime, Outcome, Outcome]]:
    """The intervals in which the recognition, or its scope, is another."""
    links = [*before, *after]
    edges = {link.valid_from for link in links} | {link.valid_to or NEVER_AT for link in links}
    found: list[tuple[datetime, datetime, Outcome, Outcome]] = []
    for since, until in pairwise(sorted({ALWAYS, *edges, NEVER_AT})):
        one, other = _state(before, since), _state(after, since)
        if one == other or (one[0] is other[0] and one[0] is not Outcome.RECOGNISED):
            continue
        if found and found[-1][1:] == (since, one[0], other[0]):
            found[-1] = (found[-1][0], until, one[0], other[0])
        else:
            found.append((since, until, one[0], other[0]))
    return found


def _state(links: list[Link], at: datetime) -> tuple[Outcome, frozenset[str]]:
    """The recognition at an instant, and the clauses that apply then."""
    now = [
        link
        for link in links
        if link.valid_from <= at and (link.valid_to is None or at < link.valid_to)
    ]
    live = frozenset(repr(link.clause) for link in now if link.state is LinkState.LIVE)
    if live and any(link.ordinal for link in now if link.state is LinkState.LIVE):
        return Outcome.RECOGNISED, live
    if any(link.state is LinkState.UNCERTAIN for link in now):
        return Outcome.UNKNOWN, frozenset()
    return Outcome.NOT_RECOGNISED, frozenset()
