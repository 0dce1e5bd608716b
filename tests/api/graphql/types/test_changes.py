"""The delta feed at the counter: who enters and who leaves the recognised set, and from when."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.api.client import AUDITOR, Client
from tests.api.region import (
    FRUIT,
    OLD,
    OPEN,
    QUIET,
    SHUT,
    STEEL,
    Line,
    consent,
    operator,
    record,
    region,
)
from tests.folding import Fold

__all__ = ["region"]


@pytest.fixture
def small(region_register: str, tmp_path: Path) -> Iterator[Client]:
    """A region of its own, for what must not touch the others' tests."""
    with Client(region_register, tmp_path) as client:
        yield client


FEED = """query ($for: AdministrationCode!, $after: Position!, $first: Int, $since: DateTime) {
  changes(for: $for, after: $after, first: $first, since: $since) {
    next head at changes { position tin was now effectiveFrom reasons { code }
      course { from to outcome reasons { code } } operator { tin } } } }"""


def page(at: Client, territory: str, after: int, by: str = AUDITOR, **said: Any) -> dict[str, Any]:
    found = at.ask(FEED, by, **{"for": territory}, after=after, **said)["changes"]
    assert isinstance(found, dict)
    return found


def since(at: Client, territory: str, *lines: Line) -> list[tuple[str, str, str, str]]:
    """What a territory hears of what is recorded now: TIN, before, after, from when."""
    after = page(at, territory, 0)["head"]
    record(at.database, *lines)
    found = page(at, territory, after)
    assert found["next"] == found["head"]
    return [(c["tin"], c["was"], c["now"], c["effectiveFrom"][:10]) for c in found["changes"]]


def test_from_the_start_the_feed_tells_how_the_set_came_to_be(region: Client) -> None:
    told = page(region, "CN", 0)["changes"]

    last = {item["tin"]: (item["now"], item["effectiveFrom"][:10]) for item in told}
    assert last[STEEL] == ("NOT_RECOGNISED", "2026-02-28")  # suspended, a Korean first of March
    assert last[OPEN][0] == "RECOGNISED"
    assert SHUT not in last  # it never consented, so nobody hears of it


def test_a_grant_enters_from_its_day_of_effect_and_a_suspension_leaves_from_its_own(
    region: Client,
) -> None:
    new = operator("KR44444444", "Synthetic New", "KR-AEO", "AA", "KRAEO4444", "2026-05-04")
    stop = {
        "command": "suspend_authorisation",
        "tin": "KR44444444",
        "reason": "late books",
        "effective": "2026-06-01",
        "decided": "2026-06-09",
        "legal_ground": "Art. 4",
        "known_at": "2026-06-10T02:00:00Z",
    }

    assert since(region, "CN", *new) == [
        ("KR44444444", "NOT_RECOGNISED", "RECOGNISED", "2026-05-03")
    ]
    assert since(region, "CN", stop) == [
        ("KR44444444", "RECOGNISED", "NOT_RECOGNISED", "2026-05-31")
    ]
    lift = stop | {
        "command": "lift_suspension",
        "effective": "2026-07-01",
        "decided": "2026-07-01",
        "known_at": "2026-07-02T02:00:00Z",
    }
    assert since(region, "JP", lift) == []  # no agreement with Japan, so nothing to hear


def test_who_withdraws_its_consent_leaves_the_set(region: Client) -> None:
    line = {
        "command": "withdraw_consent",
        "tin": OPEN,
        "partner": "CN",
        "known_at": "2026-08-03T02:00:00Z",
    }

    assert since(region, "CN", line) == [(OPEN, "RECOGNISED", "UNKNOWN", "2026-08-02")]


def test_of_who_is_hidden_since_the_feed_tells_that_it_left_and_nothing_after(
    region: Client,
) -> None:
    shy = "DE7777777"
    grant = operator(shy, "Synthetic Shy", "EU-AEO", "AEOS", "DEAEOS7777", "2024-02-01")
    after = page(region, "CN", 0)["head"]
    record(
        region.database,
        *grant,
        consent(shy, "2024-02-02", partner="CN"),
        {
            "command": "withdraw_consent",
            "tin": shy,
            "partner": "CN",
            "known_at": "2026-08-03T02:00:00Z",
        },
        {
            "command": "annul_authorisation",
            "tin": shy,
            "reason": "fraud",
            "legal_ground": "Art. 27",
            "known_at": "2026-09-01T02:00:00Z",
        },
    )

    def heard(by: str) -> list[tuple[str, str]]:
        told = page(region, "CN", after, by)["changes"]
        return [(item["was"], item["now"]) for item in told if item["tin"] == shy]

    came_and_went = [("UNKNOWN", "RECOGNISED"), ("RECOGNISED", "UNKNOWN")]
    assert heard("partner:CN") == heard("officer:CN") == came_and_went
    assert heard(AUDITOR) == [*came_and_went, ("RECOGNISED", "NOT_RECOGNISED")]


def test_when_an_agreement_ends_everybody_under_it_leaves_at_one_position(region: Client) -> None:
    line = {
        "command": "terminate_agreement",
        "agreement": "CN-KR-AEO",
        "effective": "2026-09-01",
        "source": "a gazette",
        "known_at": "2026-09-02T02:00:00Z",
    }
    after = page(region, "KR", 0)["head"]
    record(region.database, line)

    found = page(region, "KR", after, "partner:KR", first=1)
    assert {(change["tin"], change["was"], change["now"]) for change in found["changes"]} >= {
        (FRUIT, "RECOGNISED", "NOT_RECOGNISED")
    }
    assert len(found["changes"]) > 1  # a page never splits what one event changed
    assert len({change["position"] for change in found["changes"]}) == 1
    told = {
        change["reasons"][0]["code"] for change in found["changes"] if change["was"] == "RECOGNISED"
    }
    assert told == {"AGREEMENT_TERMINATED"}
    # Korea may see nobody of China any more: that, too, is in the course.
    assert {change["course"][-1]["outcome"] for change in found["changes"]} == {"UNKNOWN"}


def test_pages_follow_each_other_without_gap_or_repeat(region: Client) -> None:
    whole = page(region, "CN", 0)
    pieces: list[dict[str, Any]] = []
    after = 0
    while after < whole["head"]:
        piece = page(region, "CN", after, first=1)
        assert piece["next"] > after
        pieces += piece["changes"]
        after = piece["next"]

    assert pieces == whole["changes"]


def test_the_feed_is_for_its_own_territory_and_for_auditors(region: Client) -> None:
    refused = region.error(FEED, "partner:KR", **{"for": "CN"}, after=0)
    assert refused["code"] == "FORBIDDEN"

    beyond = region.error(FEED, AUDITOR, **{"for": "CN"}, after=999_999)
    assert beyond["message"].startswith("after: found 999999, and the register goes up to ")


def folded(at: Client, territory: str, by: str) -> Fold:
    fold, after = Fold(), 0
    while True:
        found = page(at, territory, after, by)
        for change in found["changes"]:
            fold.keep(change)
        after = found["next"]
        if after >= found["head"]:
            return fold


ASKED = """query ($tin: TIN!, $in: AdministrationCode!, $at: DateTime) {
  recognition(tin: $tin, in: $in, asOf: {at: $at}) { outcome reasons { code } validTo at } }"""


def agrees(at: Client, fold: Fold, tin: str, territory: str, by: str) -> list[str]:
    """The outcomes from now on, one a stretch, each the same in the fold and in the answers."""
    outcomes: list[str] = []
    instant: str | None = None
    while True:
        asked = at.ask(ASKED, by, tin=tin, at=instant, **{"in": territory})["recognition"]
        outcome, codes = fold.at(tin, datetime.fromisoformat(asked["at"])) or (
            "UNKNOWN",
            ["NO_INFORMATION"],
        )
        assert (outcome, codes) == (
            asked["outcome"],
            [reason["code"] for reason in asked["reasons"]],
        )
        outcomes.append(outcome)
        instant = asked["validTo"]
        if instant is None:
            return outcomes


def test_an_end_that_is_known_in_advance_is_told_also_of_who_comes_after_the_notice(
    small: Client,
) -> None:
    """The case of issue 10: terminated for the fifteenth of December, granted after the notice."""
    today = datetime.now(UTC).date()
    end = today + timedelta(days=16)
    record(
        small.database,
        {
            "command": "terminate_agreement",
            "agreement": "CN-KR-AEO",
            "effective": end.isoformat(),
            "source": "a note",
        },
        *operator("KR44444444", "Synthetic New", "KR-AEO", "AA", "KRAEO4444", f"{today}"),
    )

    told = [
        change
        for change in page(small, "CN", 0, "partner:CN")["changes"]
        if change["tin"] == "KR44444444"
    ]
    course = told[-1]["course"]
    assert [(item["outcome"], item["to"] and item["to"][:10]) for item in course] == [
        ("RECOGNISED", f"{end - timedelta(days=1)}"),
        ("NOT_RECOGNISED", None),
    ]
    assert course[-1]["reasons"] == [{"code": "AGREEMENT_TERMINATED"}]
    assert told[-1]["operator"] == {"tin": "KR44444444"}
    fold = folded(small, "CN", "partner:CN")
    assert agrees(small, fold, "KR44444444", "CN", "partner:CN") == [
        "RECOGNISED",
        "NOT_RECOGNISED",
    ]


def test_of_who_was_not_recognised_the_feed_tells_that_it_is_hidden_since(small: Client) -> None:
    record(
        small.database,
        {
            "command": "suspend_authorisation",
            "tin": OPEN,
            "reason": "late books",
            "legal_ground": "Art. 16",
        },
    )
    before = folded(small, "CN", "partner:CN")
    assert agrees(small, before, OPEN, "CN", "partner:CN") == ["NOT_RECOGNISED"]
    after = page(small, "CN", 0)["head"]
    record(small.database, {"command": "withdraw_consent", "tin": OPEN, "partner": "CN"})

    [told] = page(small, "CN", after, "partner:CN")["changes"]
    assert (told["was"], told["now"], told["operator"]) == ("NOT_RECOGNISED", "UNKNOWN", None)
    assert [item["outcome"] for item in told["course"]] == ["UNKNOWN"]
    assert agrees(small, folded(small, "CN", "partner:CN"), OPEN, "CN", "partner:CN") == ["UNKNOWN"]


def test_for_every_partner_and_every_operator_the_fold_is_the_answer(region: Client) -> None:
    """All that the other tests of this file recorded, asked by each partner at its own counter."""
    tins = [FRUIT, QUIET, STEEL, OPEN, SHUT, OLD, "KR44444444", "DE7777777"]
    seen: set[str] = set()
    for territory in ("CN", "KR", "EU", "DE", "FR", "GB", "AU", "JP", "RU", "KZ"):
        fold = folded(region, territory, f"partner:{territory}")
        for tin in tins:
            if not tin.startswith(territory):
                seen.update(agrees(region, fold, tin, territory, f"partner:{territory}"))
    assert seen == {"RECOGNISED", "NOT_RECOGNISED", "UNKNOWN"}


def test_what_a_day_hides_is_told_at_the_head_to_who_says_when_it_asked_last(
    small: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is recorded meanwhile: the agreement's last day comes, known in advance."""
    end = datetime.now(UTC).date() + timedelta(days=16)
    record(
        small.database,
        {
            "command": "terminate_agreement",
            "agreement": "CN-KR-AEO",
            "effective": f"{end}",
            "source": "a note",
        },
    )
    fold, by = folded(small, "KR", "partner:KR"), "partner:KR"
    first = page(small, "KR", 0, by)
    assert page(small, "KR", first["next"], by, since=first["at"])["changes"] == []
    assert agrees(small, fold, FRUIT, "KR", by) == ["RECOGNISED", "NOT_RECOGNISED"]

    later = datetime.now(UTC) + timedelta(days=20)
    real = small.service.context
    monkeypatch.setattr(
        type(small.service),
        "context",
        lambda self, *said: replace(real(*said), now=later),
    )
    assert page(small, "KR", first["next"], by)["changes"] == []  # it does not say when it asked
    told = page(small, "KR", first["next"], by, since=first["at"])
    assert told["next"] == first["next"]
    for change in told["changes"]:
        fold.keep(change)
    assert {(change["tin"], change["now"]) for change in told["changes"]} >= {(FRUIT, "UNKNOWN")}
    assert agrees(small, fold, FRUIT, "KR", by) == ["UNKNOWN"]
    assert page(small, "KR", told["next"], by, since=told["at"])["changes"] == []
