"""Administrations, their blocs and their lists."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from registry.domain import commands as c
from registry.domain.administrations import Administration
from registry.domain.errors import BadValue, GroundNeeded, NotAMember, WrongDates
from registry.domain.values import AdministrationCode, Sense
from tests.law import DE, EU, GB, TODAY
from tests.scenario import fact, given, refused, when

LEFT_THE_UNION, LEFT_THE_TERRITORY = date(2020, 2, 1), date(2021, 1, 1)


def administration(code: AdministrationCode = EU, bloc: bool = True) -> Administration:
    each_administration: Administration = given(
        Administration,
        fact(
            Administration.Registered,
            administration=code,
            name="Customs",
            bloc=bloc,
            time_zone="Europe/Brussels",
            effective=date(1958, 1, 1),
        ),
    )
    return each_administration


def test_a_member_joins_once_in_each_sense() -> None:
    union, join = administration(), c.JoinBloc(administration=EU, member=GB)

    assert when(union, join) == [
        fact(Administration.MemberJoined, member=GB, sense=Sense.CUSTOMS_TERRITORY, effective=TODAY)
    ]
    assert when(union, join) == []
    assert len(when(union, c.JoinBloc(administration=EU, member=GB, sense=Sense.UNION))) == 1


def test_the_union_and_its_customs_territory_are_left_on_different_days() -> None:
    union = administration()
    for sense in Sense:
        join = c.JoinBloc(
            administration=EU, member=GB, sense=sense, effective=date(1973, 1, 1), source="OJ"
        )
        when(union, join)

    days = {Sense.UNION: LEFT_THE_UNION, Sense.CUSTOMS_TERRITORY: LEFT_THE_TERRITORY}
    for sense, day in days.items():
        leave = c.LeaveBloc(
            administration=EU, member=GB, sense=sense, effective=day, legal_ground="Art. 50 TEU"
        )
        [left] = when(union, leave)
        assert (left.fields["sense"], left.fields["effective"]) == (sense, day)
        assert when(union, leave) == []


def test_who_is_not_in_cannot_leave_and_nobody_leaves_before_it_joined() -> None:
    union = administration()
    leave = c.LeaveBloc(administration=EU, member=GB, effective=date(2020, 1, 1), source="x")

    assert "GB is not in the CUSTOMS_TERRITORY of EU" in refused(NotAMember, union, leave)
    when(union, c.JoinBloc(administration=EU, member=GB))
    assert "before 2026-03-10, when it joined" in refused(WrongDates, union, leave)


def test_nobody_comes_back_before_it_left() -> None:
    union = administration()
    for command in (
        c.JoinBloc(administration=EU, member=GB, effective=date(1973, 1, 1), source="OJ"),
        c.LeaveBloc(administration=EU, member=GB, effective=LEFT_THE_TERRITORY, source="OJ"),
    ):
        when(union, command)
    early = c.JoinBloc(administration=EU, member=GB, effective=date(2020, 6, 1), source="OJ")

    assert "before 2021-01-01, when it left" in refused(WrongDates, union, early)
    assert len(when(union, c.JoinBloc(administration=EU, member=GB))) == 1


def test_no_bloc_is_a_member_of_itself() -> None:
    refused(NotAMember, administration(), c.JoinBloc(administration=EU, member=EU))


def test_nobody_joins_a_single_administration() -> None:
    refused(NotAMember, administration(DE, bloc=False), c.JoinBloc(administration=DE, member=GB))


def test_an_old_membership_needs_its_source_or_its_ground() -> None:
    join = c.JoinBloc(administration=EU, member=GB, effective=date(1973, 1, 1))

    refused(GroundNeeded, administration(), join)


def test_only_a_newer_list_is_news() -> None:
    union = administration()
    newer = datetime(2026, 3, 9, 18, tzinfo=UTC)

    def received(as_of: datetime) -> int:
        return len(when(union, c.ReceiveList(administration=EU, as_of=as_of)))

    assert [received(at) for at in (newer, newer)] == [1, 0]
    older = c.ReceiveList(administration=EU, as_of=datetime(2026, 3, 1, tzinfo=UTC))
    assert "a later list of EU" in refused(WrongDates, union, older)


@pytest.mark.parametrize(
    ("as_of", "why"),
    [
        (datetime(2026, 3, 9, 18), BadValue),
        (datetime(2026, 3, 11, 0, tzinfo=UTC), WrongDates),
        # The last hour of the calendar is in Brussels no hour at all.
        (datetime(9999, 12, 31, 23, 59, tzinfo=UTC), WrongDates),
        (datetime(1, 1, 1, tzinfo=UTC), WrongDates),
    ],
)
def test_a_list_is_as_of_an_instant_that_has_been(
    as_of: datetime, why: type[BadValue | WrongDates]
) -> None:
    refused(why, administration(), c.ReceiveList(administration=EU, as_of=as_of))
