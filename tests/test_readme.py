"""README.md opens with two commands and a question. They are typed here as they stand there."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from registry.paths import DOCS, ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")
#: As typed, but for where the data live and which environment is used: this run's own.
PORT = "8420"


def typed(home: Path) -> dict[str, str]:
    without = {name: text for name, text in os.environ.items() if name != "DATABASE_URL"}
    return without | {"AEO_HOME": str(home), "AEO_VENV": sys.prefix}


def commands() -> list[str]:
    lines = re.findall(r"^    (\./aeo .*)$", README, re.M)
    return [line.partition("#")[0].strip() for line in lines]


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    place = Path(tempfile.mkdtemp(prefix="aeo-test-"))
    place.chmod(0o711)  # as root the server is run by another user, who must get through
    yield place
    shutil.rmtree(place)


@pytest.fixture(scope="module")
def port() -> str:
    with closing(socket.socket()) as trial:
        trial.bind(("127.0.0.1", 0))
        return str(trial.getsockname()[1])


@pytest.fixture(scope="module")
def it_is_up(home: Path, port: str) -> Iterator[None]:
    up = commands()[0]
    running = subprocess.Popen(
        f"exec {up} --port {port} --operators 10",
        shell=True,
        cwd=ROOT,
        env=typed(home),
        stdout=subprocess.PIPE,
        text=True,
    )
    assert running.stdout is not None
    for line in running.stdout:
        if line == f"ready http://127.0.0.1:{port}/\n":
            break
    yield
    running.send_signal(signal.SIGTERM)
    running.stdout.read()
    assert running.wait(60) == 0
    running.stdout.close()


def test_it_opens_with_the_two_commands() -> None:
    assert commands() == ["./aeo up", "./aeo test"]


def test_the_question_has_the_answer_that_stands_there(
    it_is_up: None, home: Path, port: str
) -> None:
    if shutil.which("curl") is None:
        why = "no curl here (Debian: apt-get install curl)"
        pytest.fail(why) if os.environ.get("CI") else pytest.skip(why)
    question, answer = re.findall(r"```(?:sh|json)\n(.*?)```", README, re.S)

    said = subprocess.run(
        question.replace(PORT, port),
        shell=True,
        cwd=ROOT,
        env=typed(home),
        capture_output=True,
        text=True,
    )

    assert json.loads(said.stdout) == json.loads(answer), said.stderr


def test_the_second_command_runs_the_suite(home: Path) -> None:
    done = subprocess.run(
        [*commands()[1].split(), "--collect-only", "-q", "tests/test_readme.py"],
        cwd=ROOT,
        env=typed(home),
        capture_output=True,
        text=True,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert "test_the_second_command_runs_the_suite" in done.stdout


def test_every_command_of_its_table_exists() -> None:
    operating = (DOCS / "operating.md").read_text(encoding="utf-8")
    table = set(re.findall(r"`\./aeo ([a-z-]+)", README + operating)) - {"up", "test"}
    done = subprocess.run(
        [sys.executable, "-m", "api", "--help"], cwd=ROOT, capture_output=True, text=True
    )

    assert all(re.search(rf"\b{name}\b", done.stdout) for name in table)
