"""A day is the authority's own civil day at every door, and an instant is read by one parser."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from psycopg.conninfo import make_conninfo

from projections.engine.projector import Projector
from registry.application.registry import Registry
from registry.domain import commands as c
from registry.domain import instants
from registry.domain.decisions import civil_day_of, end_of_day, start_of_day
from registry.domain.errors import BadValue
from registry.domain.instants import InTheFuture, parse, parse_transaction_time, parse_valid_time
from registry.domain.time_zones import names
from registry.ledger.database import environment
from tests.api.cli.test_cli import Terminal
from tests.api.client import AUDITOR, Client, record
from tests.api.pages.test_pages import opened

#: Administrations on whose civil day it is another day at noon, or at midnight, UTC.
ZONES = {
    "NZ": "Pacific/Auckland",
    "FJ": "Pacific/Fiji",
    "KI": "Pacific/Kiritimati",
    "KR": "Asia/Seoul",
    "DE": "Europe/Berlin",
    "US": "America/New_York",
    "WS": "Pacific/Apia",
    "MA": "Africa/Casablanca",
    "CL": "America/Santiago",
}
DAY = date(2026, 3, 10)  # suspended from this civil day on, at home
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


# ------------------------------------------------------------------------------- one parser


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2026-11-21T12:00:00Z", NOW),
        ("2026-11-21 12:00z", NOW),
        ("2026-11-22T01:00:00+13:00", NOW),
        ("2026-11-20T23:59:59.9999999Z", datetime(2026, 11, 20, 23, 59, 59, 999999, UTC)),
        ("2026-12-31T23:59:59." + "9" * 60 + "Z", datetime(2026, 12, 31, 23, 59, 59, 999999, UTC)),
        ("2026-11-21T12:00:00.5Z", NOW + timedelta(milliseconds=500)),
        ("2026-11-21T12:00:00.000000999Z", NOW),
    ],
)
def test_any_number_of_fractional_digits_is_read_and_cut(text: str, instant: datetime) -> None:
    assert parse(text) == instant


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-21",
        "2026-11-21T12:00:00",
        "2026-11-21T12:00.5Z",
        "2026-11-21T24:00:00Z",
        "2026-02-30T12:00:00Z",
        "0001-01-01T00:00:00+01:00",
        "9999-12-31T23:59:59-01:00",
        "now",
        "",
        "2026-11-21T12:00:00+25:00",
        "\u0662026-11-21T12:00:00Z",
        "2026-11-21T12:00:00Z\n",
        None,
        7,
    ],
)
def test_what_is_no_instant_with_its_zone_is_refused(text: Any) -> None:
    with pytest.raises(ValueError, match="is not an instant"):
        parse(text)


@given(st.datetimes(datetime(2, 1, 1), datetime(9998, 1, 1)), st.text("0123456789", max_size=40))
def test_digits_beyond_microseconds_change_nothing(at: datetime, more: str) -> None:
    whole = at.isoformat(timespec="microseconds")
    assert parse(f"{whole}{more}Z") == at.replace(tzinfo=UTC)


def test_an_import_reads_instants_by_the_same_parser() -> None:
    line = {"command": "register_operator", "tin": "CN1234567890", "name": "A"}
    at = "2026-03-01T23:59:59.9999999+00:00"
    read = c.read(line | {"known_at": at}).known_at
    assert read == datetime(2026, 3, 1, 23, 59, 59, 999999, UTC)
    with pytest.raises(BadValue, match=r"is not an instant.*at `\$\.known_at`"):
        c.read(line | {"known_at": "2026-03-01"})


# ------------------------------------------------------------------------- a day in its place


@given(st.sampled_from(sorted(names())), st.dates(date(1950, 1, 1), date(2026, 11, 1)))
def test_a_day_is_read_within_that_day_and_known_by_its_end(zone: str, day: date) -> None:
    for reading in (
        parse_valid_time(day.isoformat(), zone),
        parse_transaction_time(day.isoformat(), zone, NOW),
    ):
        # A zone that left out a day of its calendar was on the next one at once.
        assert civil_day_of(reading.at, zone) in (day, day + timedelta(days=1))
        assert day.isoformat() in reading.sentence and zone in reading.sentence
    end = parse_transaction_time(day.isoformat(), zone, NOW).at
    assert end + timedelta(microseconds=1) == max(end_of_day(day, zone), start_of_day(day, zone))


@pytest.mark.parametrize("zone", ZONES.values())
def test_today_means_now_and_tomorrow_is_in_the_future(zone: str) -> None:
    for hour in range(24):
        now = datetime(2026, 11, 21, hour, 30, tzinfo=UTC)
        today = civil_day_of(now, zone)
        assert parse_transaction_time(today.isoformat(), zone, now).at == now
        yesterday = parse_transaction_time((today - timedelta(days=1)).isoformat(), zone, now).at
        assert yesterday == start_of_day(today, zone) - timedelta(microseconds=1)
        with pytest.raises(InTheFuture):
            parse_transaction_time((today + timedelta(days=1)).isoformat(), zone, now)


def test_up_to_a_minute_ahead_of_our_clock_is_now() -> None:
    assert instants.clamp_to_now(NOW + timedelta(seconds=60), NOW) == NOW
    assert instants.clamp_to_now(NOW - timedelta(seconds=1), NOW) == NOW - timedelta(seconds=1)
    with pytest.raises(InTheFuture):
        instants.clamp_to_now(NOW + timedelta(seconds=61), NOW)


# ------------------------------------------------------------------------- the doors, by zones


def _tin(code: str) -> str:
    return f"{code}0000001"


@pytest.fixture(scope="module")
def database_of_days(server: str, blank_register: str) -> Iterator[str]:
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"create database days template {blank_register} strategy file_copy")
    database = make_conninfo(server, dbname="days")
    registry = Registry(environment(database))
    law = {"legal_ground": "a law"}
    for code, zone in ZONES.items():
        programme = f"{code}-AEO"
        record(
            registry,
            [
                {
                    "command": "register_administration",
                    "administration": code,
                    "name": code,
                    "time_zone": zone,
                },
                {
                    "command": "register_programme",
                    "programme": programme,
                    "administration": code,
                    "name": "AEO",
                    "types": ["A"],
                    "effective": "2010-01-01",
                    "source": "a law",
                },
                {
                    "command": "register_operator",
                    "tin": _tin(code),
                    "name": code,
                    "effective": "2020-01-01",
                    **law,
                },
                {
                    "command": "lodge_application",
                    "tin": _tin(code),
                    "programme": programme,
                    "type": "A",
                    "effective": "2020-01-02",
                    **law,
                },
                {
                    "command": "accept_application",
                    "tin": _tin(code),
                    "effective": "2020-01-02",
                    **law,
                },
                {
                    "command": "grant_authorisation",
                    "tin": _tin(code),
                    "number": "1",
                    "effective": "2020-01-03",
                    **law,
                },
                {"command": "give_consent", "tin": _tin(code), "publication": True},
                {
                    "command": "suspend_authorisation",
                    "tin": _tin(code),
                    "reason": "fire",
                    "effective": DAY.isoformat(),
                    **law,
                },
            ],
        )
    registry.close()
    Projector(database).catch_up()
    yield database
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute("drop database days with (force)")


@pytest.fixture(scope="module")
def at(database_of_days: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    with Client(database_of_days, tmp_path_factory.mktemp("home")) as client:
        yield client


@pytest.mark.parametrize("code", ZONES)
def test_a_page_about_a_day_is_about_the_authority_s_own_day(at: Client, code: str) -> None:
    for day, word in (("2026-03-09", "valid"), ("2026-03-10", "suspended")):
        page = opened(at, f"/operators/{_tin(code)}?at={day}", AUDITOR)
        assert page.status_code == 200
        standing = re.search(r'<span class="sign [^>]*>.*?</span>\s*([a-z]+)', page.text, re.S)
        text = re.sub(r"<[^>]*>", " ", page.text)
        assert f"Read as the civil day {day} in {ZONES[code]}" in text
        headline = text[text.index("in law at") - 200 : text.index("in law at")]
        assert word in headline, (standing, headline)


@pytest.mark.parametrize("code", ZONES)
def test_today_is_known_now_on_every_page(at: Client, code: str) -> None:
    today = civil_day_of(datetime.now(UTC), ZONES[code])
    in_korea = civil_day_of(datetime.now(UTC), "Asia/Seoul")
    for path in (
        f"/operators/{_tin(code)}?known-at={today}",
        f"/countries/{code}?known-at={today}",
        f"/programmes/{code}-AEO?known-at={today}",
        f"/audit?of={_tin(code)}&known-at={today}",
        f"/agreements?known-at={today}",
        f"/divergences?in=KR&to={in_korea}",  # the page of a span of days
    ):
        page = opened(at, path, AUDITOR)
        assert page.status_code == 200, path
        assert "in the future" not in page.text, path
    tomorrow = today + timedelta(days=1)
    page = opened(at, f"/operators/{_tin(code)}?known-at={tomorrow}", AUDITOR)
    assert page.status_code == 400
    assert f"{tomorrow} is in the future in {ZONES[code]}" in page.text


@pytest.mark.parametrize(
    ("hour", "day", "ahead"),
    [(9, 29, False), (9, 30, True), (10, 30, False), (23, 30, False), (23, 31, True)],
)
def test_where_no_zone_is_asked_about_a_day_that_has_begun_anywhere_is_today(
    hour: int, day: int, ahead: bool
) -> None:
    now = datetime(2026, 10, 29, hour, 30, tzinfo=UTC)  # 10:00 is midnight in Kiritimati
    if ahead:
        with pytest.raises(InTheFuture, match=f"2026-10-{day} is in the future in UTC"):
            parse_transaction_time(f"2026-10-{day}", "UTC", now)
    else:
        assert parse_transaction_time(f"2026-10-{day}", "UTC", now).at == now


@pytest.mark.parametrize("code", ["NZ", "US"])
def test_the_command_line_reads_days_as_the_pages_do(
    database_of_days: str, tmp_path: Path, code: str
) -> None:
    terminal = Terminal(database_of_days, tmp_path)
    today = civil_day_of(datetime.now(UTC), ZONES[code])
    said = json.loads(
        terminal.run(
            "ask",
            _tin("KR"),
            "--in",
            code.lower(),
            "--at",
            "2026-03-10",
            "--known-at",
            str(today),
            "--json",
        )
    )
    assert said["readings"]["at"].startswith(f"the civil day 2026-03-10 in {ZONES[code]}")
    assert said["readings"]["knownAt"] == f"now, because {today} is today in {ZONES[code]}"
    assert civil_day_of(datetime.fromisoformat(said["at"]), ZONES[code]) == DAY
    tomorrow = str(today + timedelta(days=1))
    terminal.run("ask", _tin("KR"), "--in", code, "--known-at", tomorrow, code=2)
    assert "in the future" in terminal.complaint
    terminal.run("ask", _tin("KR"), "--in", code, "--at", "2026-03-10T09:30", code=2)
    assert "is not an instant" in terminal.complaint


def test_graphql_reads_instants_by_the_same_parser(at: Client) -> None:
    ask = """query ($tin: TIN!, $at: DateTime!, $known: DateTime!) {
      operator(tin: $tin, asOf: { at: $at, knownAt: $known }) { standing }
    }"""
    end = end_of_day(DAY - timedelta(days=1), ZONES["NZ"]) - timedelta(microseconds=1)
    text = end.isoformat().replace("+00:00", "9999999Z")  # of the next day if it were rounded
    soon = (datetime.now(UTC) + timedelta(seconds=40)).isoformat()
    found = at.ask(ask, AUDITOR, tin=_tin("NZ"), at=text, known=soon)
    assert found["operator"]["standing"] == "VALID"
    late = (datetime.now(UTC) + timedelta(seconds=90)).isoformat()
    assert at.error(ask, AUDITOR, tin=_tin("NZ"), at=text, known=late)["code"] == "BAD_INPUT"
