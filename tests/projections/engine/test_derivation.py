"""Read models that another release derived, or other time zones, are derived anew by themselves."""

from __future__ import annotations

import psycopg
import pytest

from projections.checking.check import check
from projections.engine import derivation
from projections.engine.derivation import outdated
from projections.engine.projector import Projector
from projections.engine.rebuild import digests
from projections.engine.rederive import bring_up_to_date
from registry.application.registry import Registry
from registry.domain.time_zones import RELEASE


def _why(database: str) -> str | None:
    with psycopg.connect(database, autocommit=True) as connection:
        return outdated(connection)


def test_a_new_register_is_derived_by_this_release(database: str, a_world: Registry) -> None:
    assert _why(database) is None  # nothing was derived yet
    Projector(database).catch_up()
    assert _why(database) is None
    said: list[str] = []
    bring_up_to_date(database, said.append)
    assert said == []


@pytest.mark.parametrize(
    ("before", "reason"),
    [
        ("delete from views.derivation", "by an earlier release of the register"),
        ("update views.derivation set time_zones = '2025b'", f"2025b, and these are {RELEASE}"),
        ("update views.derivation set unicode = '3.2.0'", "3.2.0, and these are"),
        ("update views.derivation set version = 1", "by rules 1, and these are"),
    ],
)
def test_what_was_derived_otherwise_is_derived_anew_and_check_says_so_until_then(
    database: str, a_world: Registry, before: str, reason: str
) -> None:
    Projector(database).catch_up()
    with psycopg.connect(database, autocommit=True) as connection:
        as_derived = digests(connection)
        connection.execute(before)
        connection.execute("update views.identifier set from_day = null, to_day = null")
        connection.execute("update views.deadline set over_at = null, met_at = null")
    found = {finding.what: finding.wrong for finding in check(database, streams=0)}
    assert reason in next(item for item in found.items() if RELEASE in item[0])[1][0]

    said: list[str] = []
    bring_up_to_date(database, said.append)

    assert len(said) == 1 and reason in said[0]
    assert _why(database) is None
    with psycopg.connect(database, autocommit=True) as connection:
        assert digests(connection) == as_derived
    assert all(finding.good for finding in check(database, streams=5))


def test_a_follower_that_goes_on_does_not_claim_what_another_release_derived(
    database: str, a_world: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    Projector(database).catch_up(until=5)
    monkeypatch.setattr(derivation, "RELEASE", "2031a")
    Projector(database).catch_up()
    assert "2031a" in (_why(database) or "")
