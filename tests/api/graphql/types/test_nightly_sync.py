"""A partner's nightly sync: one question of the feed a page, and its list is the register's."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextvars import ContextVar
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from registry.domain.decisions import civil_day_of
from registry.domain.errors import Refusal
from tests.api.client import AUDITOR, Client
from tests.api.region import FRUIT, LINES, OPEN, QUIET, SHUT, STEEL, Line, operator, record

EUROPE, KOREA = "DE7777777", "KR44444444"
TINS = (STEEL, OPEN, SHUT, FRUIT, QUIET, EUROPE, KOREA)
FEED = """
query ($for: AdministrationCode!, $after: Position!, $since: DateTime, $details: Boolean!) {
  changes(for: $for, after: $after, since: $since, details: $details) {
    next head at
    changes { tin effectiveFrom operator { name roles identifiers { scheme value } }
      course { from to outcome bases { identifierScheme identifier declarationBox } } } } }"""
FRESH = """
query ($tins: [TIN!]!, $in: AdministrationCode!) {
  operatorsByTin(tins: $tins) { name roles identifiers { scheme value } }
  recognitions(tins: $tins, in: $in) {
    outcome bases { identifierScheme identifier declarationBox } } }"""
NOTHING = ("UNKNOWN", [], None)


@pytest.fixture
def small(database: str, tmp_path: Path) -> Iterator[Client]:
    record(
        database,
        *LINES,
        *operator(EUROPE, "Synthetic Shy", "EU-AEO", "AEOS", "DEAEOS7777", "2024-02-01"),
        *operator(KOREA, "Synthetic New", "KR-AEO", "AA", "KRAEO4444", "2024-05-04"),
    )
    with Client(database, tmp_path) as client:
        yield client


class Sync:
    """What a partner keeps: of each operator the course of its answer, and what it is called."""

    def __init__(self, client: Client, territory: str, *, details: bool = True) -> None:
        self.client, self.territory, self.details = client, territory, details
        self.after, self.since = 0, None
        self.courses: dict[str, list[dict[str, Any]]] = {}
        self.operators: dict[str, Any] = {}

    def run(self) -> int:
        """One night: every page that there is. How many changes were told."""
        told = 0
        while True:
            page = self.client.ask(
                FEED,
                f"partner:{self.territory}",
                after=self.after,
                since=self.since,
                details=self.details,
                **{"for": self.territory},
            )["changes"]
            for change in page["changes"]:
                kept, first = self.courses.get(change["tin"], []), change["effectiveFrom"]
                before = [entry for entry in kept if entry["from"] < first]
                self.courses[change["tin"]] = before + change["course"]
                self.operators[change["tin"]] = change["operator"]
            told += len(page["changes"])
            self.after, self.since = page["next"], page["at"]
            if page["next"] >= page["head"]:
                return told

    def rows(self, at: datetime) -> dict[str, Any]:
        now = at.isoformat()
        found = {}
        for tin in TINS:
            held = [entry for entry in self.courses.get(tin, ()) if entry["from"] <= now]
            operator = self.operators.get(tin)
            found[tin] = (held[-1]["outcome"], held[-1]["bases"], operator) if held else NOTHING
        return found


def fresh(client: Client, territory: str) -> dict[str, Any]:
    answer = client.ask(FRESH, f"partner:{territory}", tins=TINS, **{"in": territory})
    rows = zip(TINS, answer["recognitions"], answer["operatorsByTin"], strict=True)
    return {tin: (item["outcome"], item["bases"], operator) for tin, item, operator in rows}


def _day(luck: random.Random) -> str:
    days = luck.choice((-40, -3, 0, 0, 0, 2, 9))
    return f"{datetime.now(UTC).date() + timedelta(days)}"


def _line(luck: random.Random, number: int) -> Line:
    """A command of any kind that moves what a partner keeps, or may keep."""
    tin = luck.choice((STEEL, OPEN, EUROPE, KOREA, FRUIT))
    day = {"effective": _day(luck), "legal_ground": "a law"}
    about: Line = {"tin": tin, **day}
    odd: Line = {**about, "override": "as the authority writes it"}
    scope: Line = {
        "command": "set_scope",
        "agreement": "CN-KR-AEO",
        "from": "KR",
        "to": "CN",
        "types": ["AA"],
        "source": "a gazette",
        "effective": day["effective"],
    }
    return luck.choice(
        (
            {"command": "amend_particulars", "name": f"Renamed {number}", **about},
            {
                "command": "amend_particulars",
                "roles": ["CARRIER", "EXPORTER"][number % 2 :],
                **about,
            },
            {"command": "add_identifier", "scheme": "MID", "value": f"OWN{number}", **odd},
            {"command": "add_identifier", "scheme": "KR_AEO", "value": f"KRAEO{number:07}", **odd},
            {"command": "end_identifier", "scheme": "KR_AEO", "value": "KRAEO2222222", **about},
            {"command": "suspend_authorisation", "reason": "late books", **about},
            {"command": "lift_suspension", **about},
            {"command": "give_consent", "tin": luck.choice((OPEN, EUROPE, SHUT)), "partner": "CN"},
            {"command": "withdraw_consent", "tin": luck.choice((OPEN, EUROPE)), "partner": "CN"},
            {**scope, "declaration_box": f"box {number}"},
            {**scope, "declaration_box": "box 44", "identifier_scheme": "KR_AEO"},
        )
    )


@pytest.mark.parametrize("seed", range(3))
def test_a_list_kept_by_the_feed_alone_is_that_of_a_fresh_question(
    small: Client, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    luck, sync = random.Random(seed), Sync(small, "CN")
    sync.run()
    recorded = 0
    for number in range(14):
        try:
            recorded += len(record(small.database, *(_line(luck, 10 * seed + number),)))
        except Refusal:
            continue  # not allowed as things stand: nothing was recorded
        sync.run()
        now = datetime.now(UTC)
        assert sync.rows(now) == fresh(small, "CN"), number
    assert recorded > 5

    real = small.service.context
    for days in (3, 10):  # what was said in advance comes, and nothing is recorded
        later = datetime.now(UTC) + timedelta(days)
        with monkeypatch.context() as patched:
            patched.setattr(
                type(small.service),
                "context",
                lambda self, *said, now=later: replace(real(*said), now=now),
            )
            sync.run()
            assert sync.rows(later) == fresh(small, "CN"), days


def test_without_details_a_new_name_or_number_is_not_told(small: Client) -> None:
    with_details, without = Sync(small, "CN"), Sync(small, "CN", details=False)
    for each in (with_details, without):
        each.run()
    about = {"tin": KOREA, "effective": f"{datetime.now(UTC).date()}", "legal_ground": "a law"}
    record(
        small.database,
        {"command": "amend_particulars", "name": "Synthetic Newer", **about},
        {
            "command": "add_identifier",
            "scheme": "MID",
            "value": "OWN1",
            **about,
            "override": "as the authority writes it",
        },
    )

    assert (with_details.run(), without.run()) == (2, 0)
    assert with_details.operators[KOREA]["name"] == "Synthetic Newer"


def test_of_whom_the_partner_may_not_see_nothing_is_told_with_details_either(
    small: Client,
) -> None:
    sync = Sync(small, "CN")
    sync.run()
    assert SHUT not in sync.operators

    about = {"tin": SHUT, "effective": f"{civil_day_of(datetime.now(UTC), 'Asia/Shanghai')}"}
    record(
        small.database,
        {"command": "amend_particulars", "name": "Synthetic Secret", **about},
        {
            "command": "add_identifier",
            "scheme": "MID",
            "value": "OWN9",
            **about,
            "override": "as the authority writes it",
        },
    )

    assert sync.run() == 0
    assert small.ask(f'{{ operator(tin: "{SHUT}") {{ name }} }}', AUDITOR)["operator"]


def test_a_page_with_details_takes_as_many_statements_however_many_operators_it_has(
    small: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The test counts the statements of the request and of the tasks that the request starts. It
    does not count what the service does by the clock meanwhile: quotas, checkpoint, findings."""
    counted: list[str] = []
    of_request: ContextVar[bool] = ContextVar("of_request", default=False)
    real, real_request = psycopg.AsyncCursor.execute, small.http.request

    async def request(*said: Any, **more: Any) -> Any:
        of_request.set(True)
        return await real_request(*said, **more)

    async def execute(self: Any, query: Any, *said: Any, **more: Any) -> Any:
        if of_request.get() and "stand_for" not in str(query):  # the beginning of a transaction
            counted.append(str(query))
        return await real(self, query, *said, **more)

    monkeypatch.setattr(small.http, "request", request)
    monkeypatch.setattr(psycopg.AsyncCursor, "execute", execute)

    def statements() -> int:
        Sync(small, "CN").run()  # a page
        counted.clear()
        Sync(small, "CN").run()
        return len(counted)

    few = statements()
    assert few > 0
    for n in range(6):
        number = f"KR5555555{n}"
        record(small.database, *operator(number, "Synthetic", "KR-AEO", "AA", number, "2024-05-04"))
    assert statements() == few
