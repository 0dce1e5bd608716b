"""Beliefs that follow each other become rows that carry both clocks."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from registry.domain.bitemporal import BitemporalRow, bitemporal_rows
from tests.scenario import believed


def at(day: int) -> datetime:
    return datetime(2026, 3, day, 12, tzinfo=UTC)


def test_a_fact_is_remembered_from_the_belief_that_brought_it_to_the_one_without_it() -> None:
    rows = bitemporal_rows(
        [(1, at(1), ["valid"]), (4, at(5), ["suspended"]), (6, at(9), ["suspended"])]
    )

    assert rows == [
        BitemporalRow("valid", at(1), at(5), 1, 4),
        BitemporalRow("suspended", at(5), None, 4, None),
    ]


def test_what_comes_back_is_remembered_as_a_new_belief() -> None:
    rows = bitemporal_rows([(1, at(1), ["valid"]), (2, at(2), []), (3, at(3), ["valid"])])

    assert [(row.recorded_from, row.recorded_to) for row in rows] == [
        (at(1), at(2)),
        (at(3), None),
    ]


def test_of_two_beliefs_at_one_instant_nobody_could_have_held_the_first() -> None:
    rows = bitemporal_rows([(1, at(1), ["valid"]), (2, at(1), ["suspended"])])

    assert rows == [BitemporalRow("suspended", at(1), None, 2, None)]


def test_a_register_that_was_told_nothing_remembers_nothing() -> None:
    assert bitemporal_rows([]) == []


_belief = st.frozensets(st.sampled_from("abcd"))


@given(st.lists(st.tuples(st.integers(0, 2), _belief), max_size=8))
def test_at_any_instant_exactly_the_last_belief_is_found_again(
    told: list[tuple[int, frozenset[str]]],
) -> None:
    day, beliefs = 1, []
    for position, (later, belief) in enumerate(told, start=1):
        day += later
        beliefs.append((position, at(day), sorted(belief)))

    rows = bitemporal_rows(beliefs)

    for instant in {known for _, known, _ in beliefs}:
        last = [belief for _, known, belief in beliefs if known <= instant][-1]
        assert sorted(believed(rows, instant)) == last
