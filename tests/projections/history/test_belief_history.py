"""What was believed is one history with two clocks: positions and instants."""

from __future__ import annotations

from datetime import UTC, datetime

from projections.history.belief_history import (
    BelievedFact,
    ComparedFact,
    LawBeliefs,
    ListReceipt,
    believed_at,
    changed_facts,
    differing_intervals,
    last_change,
    then_and_now,
)
from registry.domain.bitemporal import NEVER_AT
from registry.domain.recognition import Member, Question, RecognitionFacts
from registry.domain.values import AdministrationCode, Outcome

EU, DE, CN = (AdministrationCode(code) for code in ("EU", "DE", "CN"))


def january(day: int) -> datetime:
    return datetime(2026, 1, day, tzinfo=UTC)


#: An import of the 20th at position 7: its authority has known since the 3rd that DE is a member.
IMPORTED = BelievedFact(Member(EU, DE, january(1)), 7, january(3))
#: Recorded at position 5, and put right at position 8 on the 21st.
CORRECTED = BelievedFact(Member(EU, CN, january(1), january(9)), 5, january(10), 8, january(21))


def test_what_an_import_brings_counts_from_its_position_and_from_the_day_it_was_known() -> None:
    facts = [IMPORTED, CORRECTED]

    assert believed_at(facts, 4) == []
    assert believed_at(facts, 6) == [CORRECTED.fact]
    assert believed_at(facts, 7) == [IMPORTED.fact, CORRECTED.fact]
    assert believed_at(facts, 8) == [IMPORTED.fact]
    assert believed_at(facts, january(2)) == []
    assert believed_at(facts, january(5)) == [IMPORTED.fact]
    assert believed_at(facts, january(20)) == [IMPORTED.fact, CORRECTED.fact]
    assert believed_at(facts, january(21)) == [IMPORTED.fact]


def test_an_event_differs_from_what_was_before_it_where_it_says_something_else() -> None:
    longer = BelievedFact(Member(EU, CN, january(1), january(12)), 8, january(21))

    assert differing_intervals(changed_facts([CORRECTED, longer], 8)) == [(january(9), january(12))]
    assert differing_intervals(changed_facts([CORRECTED, longer], 5)) == [(january(1), january(9))]
    assert differing_intervals(changed_facts([CORRECTED, longer], 6)) == []


def test_intervals_that_adjoin_are_one() -> None:
    said = [
        ComparedFact((january(1), january(3)), False, ("one",)),
        ComparedFact((january(3), january(5)), False, ("another",)),
    ]

    assert differing_intervals(said) == [(january(1), january(5))]


def test_what_was_known_late_differs_on_the_days_before_it_was_known() -> None:
    window = january(1), january(30)

    assert differing_intervals(then_and_now([IMPORTED], window)) == [(january(1), january(3))]
    # Recorded on the 10th about days up to the 9th, and no longer believed: no day had it.
    assert differing_intervals(then_and_now([CORRECTED], window)) == []


def test_the_law_is_cached_by_belief_and_right_on_both_clocks() -> None:
    received = ListReceipt("DE", january(15), 9, january(16))
    law = LawBeliefs([], [IMPORTED, CORRECTED], [], [received], frozenset())

    assert law.at(8).members == law.at(january(22)).members == [IMPORTED.fact]
    assert law.at(8).list_as_of is None
    assert law.at(9).list_as_of == law.at(january(16)).list_as_of == january(15)
    assert law.at(january(15)).list_as_of is None
    assert law.at(january(21)) is law.at(NEVER_AT)


def test_the_deciding_change_is_the_last_one_before_which_the_outcome_was_another() -> None:
    asked = Question(CN, january(5))
    nobody = RecognitionFacts(None)

    assert last_change(lambda _: nobody, asked, Outcome.RECOGNISED, [3, 1, 2]) == 3
    assert last_change(lambda _: nobody, asked, Outcome.UNKNOWN, [3, 1, 2]) is None
