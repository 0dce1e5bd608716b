"""What an authority's published list says of an operator: evidence of a standing, with the days
that it leaves open, and never a history that nobody told."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise
from typing import Any

from hypothesis import given as over
from hypothesis import settings
from hypothesis import strategies as st

from registry.domain import commands as c
from registry.domain.decisions import start_of_day
from registry.domain.errors import (
    AlreadyHeld,
    AlreadyRecorded,
    BadValue,
    NotOffered,
    Refusal,
    UnknownAuthorisation,
    WrongDates,
)
from registry.domain.operators.events import Operator
from registry.domain.operators.timeline import OperatorTimeline, Period, build_timeline, periods
from registry.domain.values import Role, Status
from tests.chance import TIMES
from tests.samples import ACME, UCC, authorised, operator, registered
from tests.scenario import believed, decide, fact, given, noon, refused, stream, when

NOW = noon(date(2026, 11, 21))
BERLIN = "Europe/Berlin"


def day(text: str) -> date:
    return date.fromisoformat(text)


def named(read: str, **said: Any) -> c.ListOperator:
    fields = {"programme": "EU-AEO", "type": "AEOF", "list_": "eu-list", **said}
    return c.ListOperator(tin=ACME, read_on=day(read), **fields)


def absent(read: str, **said: Any) -> c.ListOperator:
    return named(read, absent=True, **said)


def told(*commands: c.ListOperator | tuple[str, c.Command]) -> OperatorTimeline:
    """A list is recorded on the day on which it is read."""
    words = [
        command if isinstance(command, tuple) else (command.read_on.isoformat(), command)
        for command in commands
    ]
    return build_timeline(stream(Operator, registered, *((day(on), word) for on, word in words)))


def shown(operator_timeline: OperatorTimeline) -> list[tuple[str, str, str]]:
    """The stretches as they are known now: from when, and how it stands at home and abroad."""
    return [
        (f"{p.valid_from:%Y-%m-%dT%H}", p.status.value, p.abroad.value)
        for p in sorted(believed(operator_timeline.periods, NOW), key=lambda p: p.valid_from)
    ]


def test_a_list_makes_up_no_application_and_no_decision() -> None:
    [event] = when(operator(), named("2026-03-01", number="DEAEOF7"))

    assert event == fact(
        Operator.Listed,
        authorisation="EU-AEO/1",
        programme="EU-AEO",
        type="AEOF",
        list="eu-list",
        earliest=date(2008, 1, 1),
        number="DEAEOF7",
        roles=(Role.EXPORTER,),
        effective=date(2026, 3, 1),
        source="list eu-list, read on 2026-03-01",
    )


def test_before_the_day_of_reading_nobody_knows_and_from_it_on_it_is_assumed() -> None:
    assert shown(told(named("2026-03-01"))) == [
        ("2007-12-31T23", "UNCERTAIN", "UNCERTAIN"),  # the programme began on 2008-01-01
        ("2026-02-28T23", "VALID", "LISTED"),
    ]


def test_a_list_that_gives_the_day_leaves_nothing_open() -> None:
    told_ = told(named("2026-03-01", since=day("2019-05-01")))

    assert shown(told_) == [("2019-04-30T22", "VALID", "LISTED")]
    [period] = believed(told_.periods, NOW)
    assert (period.effective_from, period.flags) == (day("2019-05-01"), ("listed",))


def test_a_later_list_that_names_it_no_longer_is_an_end_between_the_two() -> None:
    life = told(
        named("2026-03-01", since=day("2019-05-01")), named("2026-05-01"), absent("2026-06-01")
    )

    assert shown(life) == [
        ("2019-04-30T22", "VALID", "LISTED"),
        ("2026-05-01T22", "UNCERTAIN", "UNCERTAIN"),  # the day after it was last named
        ("2026-05-31T22", "DELISTED", "DELISTED"),
    ]


def test_named_again_it_may_have_begun_from_the_day_after_it_was_missing() -> None:
    life = told(
        named("2026-03-01", since=day("2019-05-01")), absent("2026-03-02"), named("2026-06-01")
    )

    assert shown(life) == [
        ("2019-04-30T22", "VALID", "LISTED"),
        ("2026-03-01T23", "DELISTED", "DELISTED"),
        ("2026-03-02T23", "UNCERTAIN", "UNCERTAIN"),
        ("2026-05-31T22", "VALID", "LISTED"),
    ]


def test_what_a_list_lacked_on_a_day_no_later_list_has_begun_on_it() -> None:
    """In whichever order the two lists are recorded: on the day of a reading it is believed."""
    new_operator = operator()
    for before in (named("2026-03-01"), absent("2026-03-02")):
        decide(new_operator, before)
    new_operator.collect_events()
    for since in ("2026-03-01", "2026-03-02"):
        said = refused(WrongDates, new_operator, named("2026-03-10", since=day(since)))
        assert "read on 2026-03-02, did not name it" in said
    [again] = when(new_operator, named("2026-03-10", since=day("2026-03-03")))
    assert again.fields["authorisation"] == "EU-AEO/2"

    other = operator()
    for before in (named("2026-03-01"), named("2026-03-10", since=day("2026-03-02"))):
        decide(other, before)
    other.collect_events()
    refused(WrongDates, other, absent("2026-03-02"))


def test_the_record_of_an_end_by_law_does_not_show_that_it_was_held() -> None:
    """What the clerk records changes no answer, also not how long a listing may have lasted."""
    suspend = c.SuspendAuthorisation(
        tin=ACME, reason="audit", until=day("2026-04-10"), effective=day("2026-04-01")
    )
    ended = c.RecordEnd(
        tin=ACME, authorisation="EU-AEO/1", what="suspension", effective=day("2026-04-10")
    )
    without = told(named("2026-03-01"), ("2026-04-01", suspend), absent("2026-06-01"))
    by_clerk = told(
        named("2026-03-01"), ("2026-04-01", suspend), ("2026-04-11", ended), absent("2026-06-01")
    )

    assert shown(by_clerk) == shown(without)
    assert ("2026-04-09T22", "UNCERTAIN", "UNCERTAIN") in shown(without)


def test_an_older_list_that_is_read_later_betters_the_beginning() -> None:
    life = told(named("2026-05-01"), ("2026-06-01", named("2026-03-01")))

    assert shown(life)[1] == ("2026-02-28T23", "VALID", "LISTED")
    then = [p for p in believed(life.periods, noon(day("2026-05-10"))) if p.status is Status.VALID]
    assert [p.valid_from for p in then] == [start_of_day(day("2026-05-01"), BERLIN)]


def test_a_list_between_two_readings_narrows_the_end() -> None:
    life = told(named("2026-03-01"), absent("2026-06-01"), ("2026-07-01", named("2026-05-01")))

    assert ("2026-05-01T22", "UNCERTAIN", "UNCERTAIN") in shown(life)
    assert shown(life)[-1] == ("2026-05-31T22", "DELISTED", "DELISTED")


def test_what_the_authority_decides_of_a_listed_operator_is_law_as_ever() -> None:
    life = told(
        named("2026-03-01", since=day("2019-05-01")),
        ("2026-04-01", c.SuspendAuthorisation(tin=ACME, reason="audit")),
        ("2026-05-01", c.RevokeAuthorisation(tin=ACME, reason="fraud")),
    )

    assert [status for _, status, _ in shown(life)] == ["VALID", "SUSPENDED", "REVOKED"]


def test_the_same_reading_again_records_nothing_and_another_is_never_dropped() -> None:
    new_operator = operator()
    decide(new_operator, named("2026-03-01", number="DEAEOF7"))
    new_operator.collect_events()

    assert when(new_operator, named("2026-03-01", number="DEAEOF7")) == []
    assert "'DEAEOF8'" in refused(
        AlreadyRecorded, new_operator, named("2026-03-01", number="DEAEOF8")
    )
    [again] = when(new_operator, named("2026-03-05"))
    assert again.fields["authorisation"] == "EU-AEO/1"


def test_what_no_list_can_say_is_refused_in_words() -> None:
    new_operator = operator()
    assert "today" in refused(WrongDates, new_operator, named("2026-03-11"))
    assert "counts from the day" in refused(
        WrongDates, new_operator, named("2026-03-01", effective=day("2026-02-01"))
    )
    assert "offers" in refused(NotOffered, new_operator, named("2026-03-01", type="GOLD"))
    assert "list" in refused(BadValue, new_operator, named("2026-03-01", list_="a list"))
    assert "never named" in refused(UnknownAuthorisation, new_operator, absent("2026-03-01"))
    assert "what it lacks" in refused(BadValue, new_operator, absent("2026-03-01", number="1"))
    decide(new_operator, named("2026-03-01"))
    new_operator.collect_events()
    assert "known to be held" in refused(WrongDates, new_operator, absent("2026-02-01"))
    assert "no second" in refused(AlreadyHeld, new_operator, named("2026-03-01", type="AEOC"))


def test_a_list_ends_nothing_that_was_granted_and_begins_nothing_beside_it() -> None:
    item = given(Operator, *authorised)

    assert "record its end" in refused(AlreadyHeld, item, absent("2026-03-01"))
    assert "no second" in refused(AlreadyHeld, item, named("2026-03-01"))


def test_a_list_that_was_read_wrongly_is_put_right_by_correcting_its_record() -> None:
    new_operator = operator()
    decide(new_operator, named("2026-03-01"))
    decide(new_operator, named("2026-03-05"))
    new_operator.collect_events()
    void = c.CorrectRecord(
        tin=ACME, position=2, what={"void": "true"}, why="another firm", legal_ground=UCC
    )
    decide(new_operator, void)
    said = [e for e in new_operator.history if not isinstance(e, Operator.Corrected)][1:]

    valid = [p for p in periods(said, BERLIN) if p.status is Status.VALID]
    assert [p.valid_from for p in valid] == [start_of_day(day("2026-03-05"), BERLIN)]


READINGS = st.lists(
    st.tuples(st.integers(0, 40), st.booleans(), st.none() | st.integers(0, 40)),
    min_size=1,
    max_size=8,
)


@over(READINGS)
@settings(max_examples=200 * TIMES, deadline=None)
def test_whatever_lists_say_every_day_stands_in_one_way_and_none_contradicts_a_reading(
    readings: list[tuple[int, bool, int | None]],
) -> None:
    """On the day of a reading the list is believed; an end and a beginning have days between."""
    new_operator, taken = operator(), {}
    for offset, is_named, since in readings:
        read = day("2025-06-01") + timedelta(days=offset)
        start = day("2025-06-01") + timedelta(days=min(since, offset)) if since else None
        command = named(read.isoformat(), absent=not is_named, since=start if is_named else None)
        try:
            decide(new_operator, command)
        except Refusal:
            continue
        if new_operator.collect_events():
            taken[read] = is_named
    found: dict[str, list[Period]] = {}
    for period in periods(new_operator.history, BERLIN):
        found.setdefault(period.authorisation, []).append(period)
    for stretches in found.values():
        for before, after in pairwise(stretches):
            assert before.valid_to == after.valid_from > before.valid_from
    for read, is_named in taken.items():
        at = start_of_day(read, BERLIN)
        then = {
            p.status
            for ps in found.values()
            for p in ps
            if p.valid_from <= at and (p.valid_to is None or at < p.valid_to)
        }
        assert (Status.VALID in then) == is_named, (read, then)
