"""How old each partner's data is: on a page, in the metrics, in the status, and in the answers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from api.pages.freshness import in_words
from tests.keeping_log import eventually
from tests.peering import CHINA, InProcess, Register, certified, follower, register

SEOUL = "KR1000000001"


@pytest.fixture
def korea(server: str, blank_register: str, tmp_path: Path) -> Iterator[Register]:
    with register(server, blank_register, tmp_path / "korea") as found:
        found.happens(*certified(SEOUL))
        yield found


@pytest.fixture
def china(server: str, blank_register: str, tmp_path: Path) -> Iterator[Register]:
    with register(server, blank_register, tmp_path / "china", "CN", "KR") as found:
        yield found


def limited(hours: int) -> dict[str, object]:
    """China accepts data of Korea of this age."""
    return {
        "command": "set_scope",
        "agreement": "CN-KR-AEO",
        "from": "KR",
        "to": "CN",
        "types": ["A"],
        "max_age_hours": hours,
        "effective": "2014-04-01",
        "source": "a notice",
    }


def received(as_of: datetime) -> dict[str, object]:
    return {
        "command": "receive_list",
        "administration": "KR",
        "as_of": as_of.isoformat(),
        "decided_by": "KR",
    }


def cadence(hours: int) -> dict[str, object]:
    return {
        "command": "declare_cadence",
        "administration": "KR",
        "channel": "LIST",
        "hours": hours,
        "decided_by": "KR",
        "source": f"a letter about {hours} hours",
    }


def measured(here: Register, metric: str) -> float:
    text = here.client.request("GET", "/metrics").text
    found = re.search(rf"^{re.escape(metric)} (\S+)$", text, re.MULTILINE)
    assert found, text
    return float(found[1])


def test_data_past_its_limit_makes_answers_unknown_and_following_again_known(
    korea: Register, china: Register
) -> None:
    old = datetime.now(UTC) - timedelta(days=3)
    china.happens(limited(48), received(old))
    page = china.client.request("GET", "/freshness").text
    assert "<td>3 days</td>" in page and "<td>48 h</td>" in page and "<td>stale</td>" in page, page
    assert measured(china, 'aeo_partner_data_stale{administration="KR"}') == 1
    assert measured(china, 'aeo_partner_data_age_seconds{administration="KR"}') > 2 * 86_400

    following = follower(china, InProcess(korea))
    following.catch_up()

    assert china.recognised(SEOUL, "CN")[0] == "RECOGNISED"
    assert measured(china, 'aeo_partner_data_stale{administration="KR"}') == 0
    assert measured(china, 'aeo_partner_data_age_seconds{administration="KR"}') < 3_600
    page = china.client.request("GET", "/freshness").text
    assert "followed: korea" in page and "<td>stale</td>" not in page


def test_an_operator_of_stale_data_is_unknown(korea: Register, china: Register) -> None:
    china.happens(limited(48), *certified(SEOUL))
    china.happens(received(datetime.now(UTC) - timedelta(days=3)))

    assert china.recognised(SEOUL, "CN") == ("UNKNOWN", ["IN_FORCE", "STALE_DATA"])


def test_data_past_the_cadence_that_its_source_declared_is_stale_without_any_agreed_limit(
    korea: Register, china: Register
) -> None:
    china.happens(*certified(SEOUL), received(datetime.now(UTC) - timedelta(days=3)))
    assert china.recognised(SEOUL, "CN") == ("RECOGNISED", ["IN_FORCE"])

    china.happens(cadence(24))

    assert china.recognised(SEOUL, "CN") == ("UNKNOWN", ["IN_FORCE", "STALE_DATA"])
    page = china.client.request("GET", "/freshness").text
    assert "<td>24 h</td>" in page and "<td>stale</td>" in page, page
    china.happens(cadence(24 * 30))
    assert china.recognised(SEOUL, "CN") == ("RECOGNISED", ["IN_FORCE"])


def test_a_partner_that_is_no_peer_is_shown_with_what_it_was_given_last(
    korea: Register, china: Register
) -> None:
    korea.happens(*certified("KR1000000002"))
    feed = korea.client.ask(
        "query($to: AdministrationCode!) { changes(for: $to, after: 0) { next } }",
        CHINA,
        to="CN",
    )

    def shown() -> bool:
        page = korea.client.request("GET", "/freshness").text
        return "<td>the feed</td>" in page

    eventually(shown)
    metric = 'aeo_partner_reading_behind{partner="partner:CN",way="CHANGES"}'
    assert feed["changes"]["next"] > 0
    assert measured(korea, metric) >= 0


def test_the_publishing_side_sees_how_far_a_partner_has_read(
    korea: Register, china: Register
) -> None:
    following = follower(china, InProcess(korea))
    following.catch_up()
    following.catch_up()

    page = korea.client.request("GET", "/freshness").text
    assert "partner:CN" in page and "1 partner reads this register" in page
    assert measured(korea, 'aeo_peer_reader_behind{partner="partner:CN"}') == 0
    assert measured(korea, 'aeo_peer_reports{partner="partner:CN"}') == 0


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(None, "nothing yet"), (40, "40 s"), (720, "12 min"), (18_000, "5 h"), (259_200, "3 days")],
)
def test_an_age_is_said_in_one_unit(seconds: float | None, words: str) -> None:
    assert in_words(seconds) == words
