"""Each bench runs from its command to its table, on a register of a few operators and no peers."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest

from ops.bench import picture, results
from ops.bench.common import Section, Unfit, rows, take_turns
from registry.paths import ROOT

BENCHES = ("read", "append", "replay", "growth")
Runs = dict[str, subprocess.Popen[str]]


@pytest.fixture(scope="module")
def runs() -> Iterator[Runs]:
    """All of them at once: what they measure is of no interest here."""
    environment = {name: text for name, text in os.environ.items() if name != "DATABASE_URL"}
    begun = {
        bench: subprocess.Popen(
            [sys.executable, "-m", "api", "bench", bench, "--smoke"],
            cwd=ROOT,
            env=environment,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        for bench in BENCHES
    }
    yield begun
    for run in begun.values():
        run.terminate()
        run.communicate()


def table(run: subprocess.Popen[str]) -> str:
    told, _ = run.communicate(timeout=300)
    assert run.returncode == 0, told
    assert "not measured" not in told, told
    return told


def test_questions_are_measured_over_http(runs: Runs) -> None:
    told = table(runs["read"])

    assert "six scalars of one operator" in told
    assert "recognition of one TIN" in told
    assert "requests/s" in told and "p99 ms" in told


def test_appends_and_commands_are_measured(runs: Runs) -> None:
    told = table(runs["append"])

    assert "8 writers, one event a commit" in told
    assert "commands over GraphQL" in told


def test_replay_and_the_time_from_commit_to_sight_are_measured(runs: Runs) -> None:
    told = table(runs["replay"])

    assert "COPY out + in (limit)" in told and "ours, rebuild" in told
    assert "from commit to sight" in told


def test_growth_is_measured_with_its_memory(runs: Runs) -> None:
    told = table(runs["growth"])

    assert "rebuild of every read model" in told
    assert "memory MB" in told


def test_what_the_log_costs_is_measured() -> None:
    small = ("--leaves", "1000", "--rounds", "1", "--seconds", "0.2")
    told = subprocess.run(
        [sys.executable, "-m", "ops.bench.log", *small],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
    )

    assert told.returncode == 0, told.stderr
    for said in ("inclusion proof: p50", "one proof verified", "taken in:", "with the integrator"):
        assert said in told.stdout


def test_ratios_are_those_of_each_round_so_that_a_noisy_one_troubles_both() -> None:
    noise = iter((100.0, 50.0, 10.0, 5.0, 80.0, 40.0))
    section = Section("a question", "requests/s", "peer")

    take_turns(
        section, {"ours": lambda: {"rate": next(noise)}, "peer": lambda: {"rate": next(noise)}}, 3
    )

    assert section.ratio("ours") == (2.0, 2.0, 2.0)
    assert rows(section)[1][0] == ["ours", "80", "2.00", "2.00-2.00"]


def test_a_peer_that_cannot_take_part_is_named_and_the_others_go_on() -> None:
    def refuse() -> dict[str, float]:
        raise Unfit("npm is not on this machine")

    section = take_turns(
        Section("a question", "requests/s", "peer"),
        {"peer": refuse, "ours": lambda: {"rate": 3.0}},
        2,
    )

    assert section.unfit == {"peer": "npm is not on this machine"}
    assert rows(section)[1] == [["ours", "3", "", ""]]


def test_the_picture_has_a_bar_for_each_contender_and_is_well_formed() -> None:
    drawn = picture.draw(
        {"read": [{"title": "a & b", "unit": "requests/s", "rates": {"ours": 200, "peer": 100}}]}
    )

    bars = ElementTree.fromstring(drawn).findall("{http://www.w3.org/2000/svg}rect")
    assert [bar.get("class") for bar in bars] == ["ours", "bar"]
    assert float(bars[0].get("width") or 0) == 2 * float(bars[1].get("width") or 0)


@pytest.mark.parametrize("file", [results.KEPT, results.PICTURE, results.FIGURES])
def test_nothing_that_is_kept_names_a_folder_of_a_machine(file: Path) -> None:
    if file.exists():
        assert not any(word in file.read_text() for word in ("/home/", "/root/", "/tmp/"))
