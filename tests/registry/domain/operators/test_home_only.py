"""Only the part that is recognised counts: an EU AEOC alone is nothing abroad, whatever a clause
lists (domain.md, section 4). AEOS has the part S, AEOF has both."""

from __future__ import annotations

from datetime import date
from itertools import combinations

import psycopg
import pytest
from msgspec.structs import replace

from registry.domain import commands as c
from registry.domain.decisions import start_of_day
from registry.domain.operators.events import Operator
from registry.domain.operators.status_periods import Period
from registry.domain.operators.timeline import build_timeline
from registry.domain.recognition import Question, RecognitionFacts, recognise
from registry.domain.values import COUNTS_ABROAD, Status
from tests.law import CN, DE, TODAY
from tests.samples import ACME, registered
from tests.scenario import believed, noon, stream

START = date(2025, 1, 1)
ACCEPT = c.AcceptApplication(tin=ACME)


def lodge(type: str) -> c.Command:
    return c.LodgeApplication(tin=ACME, programme="EU-AEO", type=type)


GRANT = c.GrantAuthorisation(
    tin=ACME, number="DE1", decided=START, effective=START, legal_ground="UCC"
)
SUSPEND = c.SuspendAuthorisation(tin=ACME, reason="audit", effective=date(2025, 6, 1))
LIFT = c.LiftSuspension(tin=ACME, effective=date(2025, 7, 1))


def listed(type: str) -> c.Command:
    return c.ListOperator(
        tin=ACME, programme="EU-AEO", type=type, list_="eu", read_on=START, since=START
    )


def change(type: str) -> c.Command:
    return c.ChangeType(tin=ACME, type=type, effective=date(2025, 9, 1))


@pytest.mark.parametrize("begun", ["granted", "listed"])
@pytest.mark.parametrize("type", ["AEOC", "AEOS", "AEOF"])
@pytest.mark.parametrize("after", [(), (SUSPEND, LIFT), (SUSPEND,)])
@pytest.mark.parametrize("changed", [None, "AEOC", "AEOS", "AEOF"])
def test_what_counts_abroad_follows_from_the_type_of_each_day(
    begun: str, type: str, after: tuple[c.Command, ...], changed: str | None
) -> None:
    how = (lodge(type), ACCEPT, GRANT) if begun == "granted" else (listed(type),)
    last = (change(changed),) if changed not in (None, type) else ()
    days = [START] * len(how) + [TODAY] * len(after + last)
    said = (*how, *map(_ground, after + last))
    told = build_timeline(stream(Operator, registered, *zip(days, said, strict=True)))
    found = believed(told.periods, noon(date(2026, 12, 1)))
    for month in range(1, 13):
        at = start_of_day(date(2025, month, 15), "Europe/Berlin")
        [period] = [
            p for p in found if p.valid_from <= at and (p.valid_to is None or at < p.valid_to)
        ]
        kind = changed if changed and month >= 9 else type
        assert period.type == kind
        if period.status is Status.SUSPENDED:
            assert period.abroad is Status.SUSPENDED
        elif kind == "AEOC":
            assert period.abroad is Status.NONE
        else:
            assert period.abroad in (Status.VALID, Status.LISTED)
    assert any(p.status is Status.SUSPENDED for p in found) == bool(after)


def test_the_nearest_miss_in_sql_is_that_of_the_rule(database: str) -> None:
    every = [
        list(some)
        for n in (1, 2, 3)
        for some in combinations([status.value for status in Status], n)
    ]
    with psycopg.connect(database) as connection:
        connection.execute("create temp table said (statuses text[])")
        with connection.cursor() as cursor:
            cursor.executemany("insert into said values (%s)", [[item] for item in every])
        rows = connection.execute(
            "select statuses, rule.nearest_miss(statuses) from said"
        ).fetchall()
    assert len(rows) == len(every)
    for statuses, reason in rows:
        facts = RecognitionFacts(
            ACME, DE, [_period(Status(status), n) for n, status in enumerate(statuses)]
        )
        answer = recognise(facts, Question(CN, noon(TODAY)))
        if not {Status(status) for status in statuses} & set(COUNTS_ABROAD):
            assert [reason.value for reason in answer.reasons] == [reason], statuses


def _period(abroad: Status, n: int) -> Period:
    at = noon(date(2020, 1, 1))
    return Period(f"EU-AEO/{n}", "EU-AEO", "AEOC", Status.VALID, abroad, at)


def _ground(command: c.Command) -> c.Command:
    return replace(command, legal_ground="UCC")
