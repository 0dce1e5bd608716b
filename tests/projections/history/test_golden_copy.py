"""A golden copy answers as the register does, and a delta leads from each copy to each later one.

The oracle is the rule of recognition on everything believed at the position, with the visibility of
the feed; the copy must give its answer from what the partner may see alone.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import UTC, datetime
from itertools import pairwise
from random import Random

import psycopg
import pytest

from api.golden_copy.deltas import differences, folded
from projections.history import belief_history_sql as reads
from projections.history.copy_rows import (
    GROUP,
    RECORD,
    UNIT,
    ControlCharacter,
    Row,
    facts_in,
    written,
)
from projections.history.copy_shapes import CopyShapes
from projections.history.golden_copy import (
    CopiedOperator,
    CopyInstant,
    answered,
    course,
    encode,
    read_law,
    read_operator,
)
from projections.history.golden_copy_reads import CopySource, lines, records
from projections.history.visibility_history import can_see
from projections.reads.recognition import edges
from projections.reads.visibility import VisibilityScope
from registry.domain.bitemporal import ALWAYS
from registry.domain.disclosure import CERTIFIED
from registry.domain.recognition import Question, RecognitionFacts, recognise
from registry.domain.values import AdministrationCode, Direction, HsCode, Role
from tests.projections.history.test_feed import worlds as worlds
from tests.worlds import World

Made = tuple[str, list[tuple[World, list[datetime]]]]


def test_a_copy_gives_the_answers_of_the_register_from_what_the_partner_may_see(
    worlds: Made,
) -> None:
    seen: Counter[str] = Counter()

    async def compare() -> None:
        async with await psycopg.AsyncConnection.connect(
            worlds[0], options="-c timezone=UTC"
        ) as connection:
            for number, (world, recorded) in enumerate(worlds[1]):
                random = Random(number)
                for territory in world.territories:
                    law = await reads.law_history(connection, territory)
                    if not law.links:
                        continue
                    for position in sorted(random.sample(range(20, len(recorded) + 1), 12)):
                        source = _source(territory, law, recorded, position)
                        await _agree(connection, world, source, random, seen)

    asyncio.run(compare())
    assert seen["answers"] > 5_000, seen
    assert seen["RECOGNISED"] > 300, seen
    assert seen["UNKNOWN"] > 300, seen
    assert seen["NOT_RECOGNISED"] > 300, seen
    assert seen["hidden"] > 20, seen
    assert seen["withheld"] > 0, seen


async def _agree(
    connection: psycopg.AsyncConnection,
    world: World,
    source: CopySource,
    random: Random,
    seen: Counter[str],
) -> None:
    """Compares the copy, after it was written and read again, with everything that is believed."""
    position, at = source.moment.position, source.moment.at
    copy = {record.tin: record async for record in records(connection, source)}
    made = [line async for some in lines(connection, source) for line in some]
    assert made == [encode(record) for record in copy.values()]  # the fast twin
    assert list(copy) == sorted(copy)
    law = read_law(encode(source.copied_law))
    tins = [str(stream[0].event.tin) for stream in world.operators]
    pasts = await reads.operator_beliefs(connection, source.law, tins)
    scope = VisibilityScope("partner", source.territory.text)
    for tin, past in pasts.items():
        facts = past.at(position)
        record = copy.pop(tin, None)
        if past.administration == source.territory or not can_see(past, facts, scope, position, at):
            assert record is None, (tin, source.moment)
            seen["hidden"] += 1
            continue
        assert record is not None, (tin, source.moment)
        assert {p.status for p in record.periods} <= CERTIFIED
        assert all(p.ground is None for p in record.periods)
        record = read_operator(encode(record))
        towards = law.towards(AdministrationCode(record.administration))
        seen["withheld"] += bool(record.withheld)
        assert record.recognition == course(facts, source.territory)  # the slow twin
        for instant in (ALWAYS, at, *sorted(edges(facts))):
            asked = Question(source.territory, instant)
            wanted = recognise(facts, asked)
            assert answered(record, towards, asked)[1] == wanted, (tin, source.moment, asked)
            assert _in_course(record, instant) == (
                wanted.outcome.value,
                [reason.value for reason in wanted.reasons],
                [basis.agreement for basis in wanted.bases],
            )
            narrowed = Question(
                source.territory,
                instant,
                random.choice((None, Role.EXPORTER, Role.CARRIER)),
                random.choice((None, Direction.IMPORT)),
                random.choice((None, HsCode("120190"))),
                random.choice((None, "Heihe", "elsewhere")),
                random.choice((None, "rail")),
            )
            assert answered(record, towards, narrowed)[1] == recognise(facts, narrowed)
            seen["answers"] += 1
            seen[wanted.outcome.value] += 1
    assert not copy


def _in_course(record: CopiedOperator, at: datetime) -> tuple[str, list[str], list[str]]:
    [stretch] = [
        each
        for each in record.recognition
        if (each.valid_from is None or each.valid_from <= at)
        and (each.valid_to is None or at < each.valid_to)
    ]
    return stretch.outcome, list(stretch.reasons), [basis.agreement for basis in stretch.bases]


def test_a_delta_leads_from_each_copy_to_each_later_one(worlds: Made) -> None:
    seen: Counter[str] = Counter()

    async def compare() -> None:
        async with await psycopg.AsyncConnection.connect(
            worlds[0], options="-c timezone=UTC"
        ) as connection:
            for number, (world, recorded) in enumerate(worlds[1]):
                random = Random(number)
                for territory in world.territories:
                    law = await reads.law_history(connection, territory)
                    if not law.links:
                        continue
                    possible = range(20, len(recorded) + 1)
                    places = sorted(random.sample(possible, min(24, len(possible))))
                    copies = [
                        [
                            line
                            async for some in lines(
                                connection, _source(territory, law, recorded, place)
                            )
                            for line in some
                        ]
                        for place in places
                    ]
                    kept = copies[0]
                    for before, after in pairwise(copies):
                        delta = list(differences(before, after))
                        assert list(folded(before, delta)) == after
                        kept = list(folded(kept, delta))
                        assert kept == after
                        seen["changed"] += len(delta)
                        seen["removed"] += sum(b'"removed"' in line for line in delta)
                        seen["unchanged"] += not delta
                    across = list(differences(copies[0], copies[-1]))
                    assert list(folded(copies[0], across)) == copies[-1]

    asyncio.run(compare())
    assert seen["changed"] > 50, seen
    assert min(seen["removed"], seen["unchanged"]) > 5, seen


def test_a_fact_with_a_separator_of_rows_stops_the_copy_and_names_the_operator() -> None:
    at = datetime(2026, 1, 2, tzinfo=UTC)
    names = UNIT.join([written(at), "=Synthetic Steel", "", "", "=EXPORTER"])
    identifier = UNIT.join([written(at), "", GROUP.join(["KR_AEO", "", ""]), "KRAEO1"])
    row: Row = ("KR1", "KR", None, names, None, identifier, None, None)

    assert facts_in(row, at).identifiers[0].value == "KRAEO1"
    shapes = CopyShapes(at, lambda _: RecognitionFacts(None), lambda _: b"{}")
    for separator in (UNIT, RECORD):
        wrong: Row = (*row[:5], f"{identifier}{separator}2", *row[6:])
        with pytest.raises(ControlCharacter, match="operator KR1"):
            facts_in(wrong, at)
        with pytest.raises(ControlCharacter, match="operator KR1"):
            shapes.line(wrong)


def _source(
    territory: AdministrationCode, law: reads.LawHistory, recorded: list[datetime], position: int
) -> CopySource:
    at = recorded[position - 1]
    return CopySource(territory, CopyInstant(position, at), law, {}, at)
