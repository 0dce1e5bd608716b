"""Every metric is named and explained in the documentation, and says what is so."""

from __future__ import annotations

import re
import time
import urllib.request
from pathlib import Path

import psycopg
import pytest
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families as families

from projections.engine.projector import LEADER_LOCK, Projector
from registry.paths import DOCS
from tests.api.client import CHINA, Client
from tests.api.served import served

METRICS = DOCS / "reference" / "metrics.md"
TABLE = dict(re.findall(r"^\| `(aeo_\w+)` \| (.+) \|$", METRICS.read_text("utf-8"), re.MULTILINE))


def told(text: str) -> dict[str, dict[tuple[str, ...], float]]:
    """The values of each metric, by its labels' values."""
    found: dict[str, dict[tuple[str, ...], float]] = {}
    for family in families(text):
        values = found.setdefault(family.name, {})
        for sample in family.samples:
            if not sample.name.endswith("_created"):
                values[tuple(sample.labels.values())] = sample.value
    return found


def ours(text: str) -> list[Metric]:
    """Those of this program. When each began to count is another series of the same metric."""
    return [
        family
        for family in families(text)
        if family.name.startswith("aeo_") and not family.name.endswith("_created")
    ]


def scraped(counter: Client) -> dict[str, dict[tuple[str, ...], float]]:
    return told(counter.request("GET", "/metrics").text)


def test_every_metric_is_in_the_table_and_no_other_is(counter: Client) -> None:
    text = counter.request("GET", "/metrics").text

    assert {family.name for family in ours(text)} == set(TABLE)
    assert all(meaning.strip() for meaning in TABLE.values())


def test_every_metric_says_what_it_is(counter: Client) -> None:
    for family in ours(counter.request("GET", "/metrics").text):
        assert re.match(r"[A-Z0-9][^|]{8,}", family.documentation), family.name
        assert not family.documentation.endswith("."), family.name


def test_what_is_recorded_and_not_shown_yet_lags(counter: Client) -> None:
    before = scraped(counter)
    assert before["aeo_lag_seconds"] == {(): 0.0}

    counter.tell("registerOperator", CHINA, tin="CN4444444444", name="Late", roles=["EXPORTER"])
    counter.pause(0.05)
    behind = scraped(counter)
    Projector(counter.database).catch_up()
    after = scraped(counter)

    assert 0.04 < behind["aeo_lag_seconds"][()] < 60
    assert behind["aeo_recorded_position"][()] == behind["aeo_projected_position"][()] + 1
    assert after["aeo_lag_seconds"] == {(): 0.0}
    recorded = after["aeo_recorded_position"][()]
    assert set(after["aeo_read_model_position"].values()) == {recorded}
    assert after["aeo_read_model_position"].keys() == after["aeo_read_model_stopped"].keys()


def test_a_read_model_that_stands_still_is_seen(counter: Client) -> None:
    update = "update views.tracking set stopped_at = %s where projection = 'operators'"
    with psycopg.connect(counter.database, autocommit=True) as connection:
        connection.execute(update, [1])
        try:
            stopped = scraped(counter)["aeo_read_model_stopped"]
        finally:
            connection.execute(update, [None])

    assert {name for (name,), value in stopped.items() if value} == {"operators"}


def test_who_does_the_background_work_is_seen(counter: Client) -> None:
    assert set(scraped(counter)["aeo_process_leads"].values()) == {0.0}
    with psycopg.connect(counter.database, autocommit=True) as connection:
        connection.execute("select pg_advisory_lock(%s)", [LEADER_LOCK])
        leads = scraped(counter)["aeo_process_leads"]

    assert {name for (name,), value in leads.items() if value} == {"follow"}
    assert {name for (name,) in leads} == {
        "follow",
        "log",
        "sign",
        "clerk",
        "checker",
        "webhooks",
    }


def test_the_age_of_the_last_signed_head_is_told(counter: Client) -> None:
    assert scraped(counter)["aeo_log_signed_age_seconds"] == {(): -1.0}
    with psycopg.connect(counter.database, autocommit=True) as connection:
        connection.execute(
            "insert into proof.checkpoint (size, root, note, signed_at)"
            " values (1, sha256(''), 'a note', clock_timestamp() - interval '1 hour')"
        )

    found = scraped(counter)

    assert 3_600 <= found["aeo_log_signed_age_seconds"][()] < 3_700
    assert found["aeo_log_signed_size"] == {(): 1.0}


@pytest.mark.parametrize("pool", ["readers", "auditors", "lanes"])
def test_pools_are_told(counter: Client, pool: str) -> None:
    found = scraped(counter)

    size, used = found["aeo_pool_connections"][(pool,)], found["aeo_pool_used"][(pool,)]
    assert 1 <= size <= 16 and 0 <= used <= size
    assert found["aeo_pool_waiting"][(pool,)] == 0


def test_two_processes_are_told_together(database: str, tmp_path: Path) -> None:
    with served(database, tmp_path, "--workers", "2") as address:
        text, found = "", {}
        for _ in range(100):
            with urllib.request.urlopen(f"{address}/metrics", timeout=30) as answer:
                text = answer.read().decode()
            found = told(text)
            if found["aeo_processes"] == {(): 2.0}:
                break
            time.sleep(0.3)

    assert found["aeo_processes"] == {(): 2.0}
    assert found["aeo_memory_bytes"][()] > 50_000_000
    assert found["aeo_pool_connections"][("readers",)] >= 4
    [labels] = found["aeo_build_info"]
    assert found["aeo_build_info"][labels] == 1.0 and labels[0]
    assert "Multiprocess metric" not in text
