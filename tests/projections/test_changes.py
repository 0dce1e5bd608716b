"""What a territory hears of is what changed: nothing that was left out of the count mattered."""

from __future__ import annotations

import asyncio
from itertools import product
from string import ascii_uppercase

import psycopg

from projections.reads.changes import Change, Past, differences, pasts
from projections.reads.recognition import edges
from registry.recognition import Outcome, Question, recognise
from registry.values import AdministrationCode
from tests.projections.test_rule import _write
from tests.worlds import Maker, World

WORLDS = 20


def test_the_same_is_heard_where_every_day_is_answered_anew(database: str) -> None:
    codes = [a + b for a, b in product(ascii_uppercase, repeat=2)]
    worlds = [Maker(n, codes[5 * n : 5 * n + 5]).make() for n in range(WORLDS)]
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("set timezone = 'UTC'")
        _write(connection, worlds)
    heard = asked = 0
    for world, territory in [(it, place) for it in worlds for place in it.territories]:
        places = sorted(
            known.position
            for streams in (
                world.operators, world.agreements, world.administrations, world.programmes
            )
            for stream in streams
            for known in stream
        )  # fmt: skip
        for past in asyncio.run(_pasts(database, territory, world)).values():
            for n, position in enumerate(places):
                if not (past.moved(position) or past.way.moved(position)) and n % 10:
                    continue  # of those at which nothing moved some are enough
                quickly = differences(past, territory, position)
                assert quickly == _anew(past, territory, position), (position, past.tin, territory)
                heard += len(quickly)
                asked += 1
    assert asked > 1_000, asked
    assert heard > 50, heard


def _anew(past: Past, territory: AdministrationCode, position: int) -> list[Change]:
    """The plain way: before and after, on every day on which either could change."""
    before, after = past.at(position - 1), past.at(position)
    found: list[Change] = []
    pair = None
    for cut in sorted(edges(before) | edges(after)):
        asked = Question(territory, cut)
        was, now = recognise(before, asked).outcome, recognise(after, asked)
        answers = (was, now.outcome)
        if answers != pair and was is not now.outcome and Outcome.RECOGNISED in answers:
            found.append(Change(position, past.tin, was, now, cut, after))
        pair = answers
    return found


async def _pasts(database: str, territory: AdministrationCode, world: World) -> dict[str, Past]:
    tins = [str(stream[0].event.tin) for stream in world.operators]
    async with await psycopg.AsyncConnection.connect(
        database, autocommit=True, options="-c timezone=UTC"
    ) as connection:
        return await pasts(connection, territory, tins)
