"""Civil days come from one source of time zones, which is locked, and never from the host."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.application.dispatch import known_zone
from registry.domain import time_zones
from registry.domain.decisions import civil_day_of, end_of_day, start_of_day
from registry.domain.errors import BadValue
from registry.paths import MIGRATIONS, ROOT, SQL

CASABLANCA = "Africa/Casablanca"


def test_morocco_is_at_utc_since_september_2026() -> None:
    assert start_of_day(date(2026, 12, 5), CASABLANCA) == datetime(2026, 12, 5, tzinfo=UTC)


def test_a_host_of_another_release_changes_no_civil_day(tmp_path: Path) -> None:
    """The host's files say that Morocco is an hour ahead, to the register and to its verifier."""
    (tmp_path / "Africa").mkdir()
    with (time_zones.files("tzdata.zoneinfo") / "Etc/GMT-1").open("rb") as file:
        (tmp_path / CASABLANCA).write_bytes(file.read())
    asked = f"""
from datetime import date
from ops.attacks import verifier
from registry.domain.decisions import start_of_day
ours = verifier()
ours.ZONES.choose({time_zones.RELEASE!r}, {{}})
seconds = ours.begins("2026-12-05", {CASABLANCA!r}) // 10**6
print(start_of_day(date(2026, 12, 5), {CASABLANCA!r}).isoformat(), seconds, ours.ZONES.release)
"""
    done = subprocess.run(
        [sys.executable, "-c", asked],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"PYTHONTZPATH": str(tmp_path)},
    )
    seconds = int(datetime(2026, 12, 5, tzinfo=UTC).timestamp())
    assert done.stdout.split() == ["2026-12-05T00:00:00+00:00", str(seconds), time_zones.RELEASE]


@pytest.mark.parametrize("folder", ["registry", "projections", "api"])
def test_no_other_module_reads_zone_files(folder: str) -> None:
    for file in (ROOT / folder).rglob("*.py"):
        if file != ROOT / "registry" / "domain" / "time_zones.py":
            assert not re.search(r"zoneinfo|ZoneInfo|\btzlocal\b", file.read_text("utf-8")), file


def test_no_statement_derives_a_civil_day_in_the_database() -> None:
    """PostgreSQL has zone files of its own. UTC needs none, and stays."""
    derived = re.compile(
        r"at time zone (?!'UTC')|\bcurrent_date\b|\btimezone\(|\blocaltime|date_trunc|::date\b",
        re.IGNORECASE,
    )
    folders = ("registry", "projections", "api")
    files = [path for name in folders for path in (ROOT / name).rglob("*.py")]
    files += [*MIGRATIONS.rglob("*.sql"), *SQL.rglob("*.sql")]
    for file in files:
        for line in file.read_text("utf-8").splitlines():
            assert not derived.search(line), (file, line)


@given(st.sampled_from(sorted(time_zones.names())), st.dates(date(1900, 1, 1), date(2200, 1, 1)))
def test_a_day_begins_where_it_belongs_and_ends_where_the_next_begins(name: str, day: date) -> None:
    assert end_of_day(day, name) == start_of_day(day + timedelta(days=1), name)
    # A zone that left out a day of its calendar (Samoa, 2011-12-30) was on the next one at once.
    assert civil_day_of(start_of_day(day, name), name) in (day, day + timedelta(days=1))


@pytest.mark.parametrize("name", ["Pacific/Kiritimati", "America/Los_Angeles", "UTC"])
def test_every_instant_has_a_day_in_every_zone(name: str) -> None:
    for day in (date.min, date.max):
        assert civil_day_of(start_of_day(day, name), name) == day
        assert end_of_day(date.max, name) == start_of_day(date.max, name)
    assert civil_day_of(datetime(1, 1, 1, 0, 0, 1, tzinfo=UTC), name).year == 1
    assert civil_day_of(datetime.max.replace(tzinfo=UTC), name) == date.max


@pytest.mark.parametrize("name", ["", "Mars/Olympus", "../zones", "/etc/passwd", "Asia"])
def test_a_zone_that_the_release_does_not_have_is_refused(name: str) -> None:
    with pytest.raises(BadValue, match="IANA"):
        known_zone(name)
