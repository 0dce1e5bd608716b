"""The page of answers that were put right: what it lists, for whom, and for which days."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from api.access.tokens import issue
from api.pages.query import COOKIE
from registry.domain.decisions import civil_day_of
from tests.api.client import AUDITOR, Client
from tests.api.graphql.types.test_corrected_answers import kept
from tests.api.region import record

LATE = "CN0000000012"  # suspended with effect from the first of March, recorded on the tenth


@pytest.fixture(scope="module")
def at(world: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    home: Path = tmp_path_factory.mktemp("home")
    with Client(world, home) as client:
        yield client


def opened(at: Client, path: str, by: str = AUDITOR) -> httpx.Response:
    return at.request("GET", path, headers={"cookie": f"{COOKIE}={issue(by, at.home)}"})


def text(answer: httpx.Response) -> str:
    inline = re.sub(r"</?bdi\b[^>]*>", "", answer.text)  # stands inside words and marks
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", inline)).split())


@pytest.mark.parametrize("by", [AUDITOR, "partner:SG"])
def test_it_lists_what_was_answered_and_what_put_it_right(at: Client, by: str) -> None:
    answer = opened(at, "/divergences?in=SG&from=2026-03-05&to=2026-03-05", by)
    page = text(answer)

    assert answer.status_code == 200
    row = page[page.index(LATE) :]
    assert row.index(" recognised") < row.index("not recognised") < row.index("suspended")
    assert "with effect from 2026-03-01" in row
    assert "known 2026-03-10" in row


def test_of_days_on_which_nothing_was_put_right_it_says_so(at: Client) -> None:
    answer = opened(at, "/divergences?in=SG&from=1999-01-01&to=1999-02-01")

    assert "None in these days." in text(answer)


def test_without_a_territory_it_asks_for_one(at: Client) -> None:
    answer = opened(at, "/divergences")

    assert answer.status_code == 200
    assert "The territory that asked" in text(answer)


def test_other_customs_are_refused_with_a_sentence(at: Client) -> None:
    answer = opened(at, "/divergences?in=SG&from=2026-03-05&to=2026-03-05", "partner:KR")

    assert answer.status_code == 400
    assert "customs of South Korea as a partner may not follow what changes" in text(answer)


def test_what_is_no_day_is_said_beside_its_field(at: Client) -> None:
    answer = opened(at, "/divergences?in=SG&from=yesterday")

    assert answer.status_code == 400
    assert "'yesterday' is neither a date nor an instant" in text(answer)


def test_what_was_answered_stands_beside_what_would_have_been(at: Client) -> None:
    """Nobody has asked of the other operator: it would have been answered so, and was not."""
    question = """query ($tin: TIN!) { recognition(tin: $tin, in: SG) { outcome } }"""
    asked = "CN1234567890"
    at.post(question, "partner:SG", {"Purpose": "declaration 7"}, tin=asked)
    kept(at, 1)
    day = (datetime.now(UTC) - timedelta(2)).date()
    record(
        at.database,
        {
            "command": "suspend_authorisation",
            "tin": asked,
            "reason": "late books",
            "effective": f"{day}",
            "legal_ground": "Art. 4",
        },
    )
    window = f"in=SG&from=2026-03-05&to={civil_day_of(datetime.now(UTC), 'Asia/Singapore')}"

    for by, given in (
        (AUDITOR, True),
        ("partner:SG", True),
        ("officer:CN", True),
        ("officer:SG", True),
        ("officer:KR", False),
    ):
        answer = opened(at, f"/divergences?{window}", by)
        page = text(answer)
        assert ("declaration 7" in page) == given, by
        assert (answer.status_code == 200) == given
        if given:
            was = page[page.index("What was answered") :]
            assert was.index(asked) < was.index("partner:SG") < was.index("not recognised")
    for by, listed in ((AUDITOR, True), ("partner:SG", True), ("officer:CN", True),
                       ("officer:KR", False), ("partner:AU", False)):  # fmt: skip
        work = text(opened(at, "/work", by))
        work = work[work.rindex("Answers that would be different now") :]
        assert (f"{asked} partner:SG was answered for Singapore" in work) == listed, by
        assert ("recognised; now not recognised, because of: suspended" in work) == listed
        assert ("so none can differ" in work) != listed
    whole = text(opened(at, f"/divergences?{window}"))
    was, would = whole.split("What would have been answered", 1)
    assert LATE not in was[was.index("What was answered") :]
    assert LATE in would
