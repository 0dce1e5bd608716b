"""`aeo up`: one command starts everything, and however it ends, the next start finds it all.

On a server that writes to the disk: what is acknowledged must be there after a crash.
"""

from __future__ import annotations

import json
import os
import re
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import psycopg
import pytest

from api.http import first_load
from api.local.postgres import database
from registry.paths import ROOT

OPERATORS = 40
PATIENCE = 300.0  # seconds; only a broken start takes them


def free_port() -> int:
    with closing(socket.socket()) as trial:
        trial.bind(("127.0.0.1", 0))
        port: int = trial.getsockname()[1]
        return port


class Up:
    """A running `aeo up`, in a process group of its own."""

    def __init__(
        self,
        home: Path,
        operators: int = OPERATORS,
        port: int | None = None,
        workers: int = 1,
    ) -> None:
        """`workers`: processes that answer; 0: one for each core."""
        self.port = port or free_port()
        self.said = ""
        without = {name: text for name, text in os.environ.items() if name != "DATABASE_URL"}
        without["AEO_WORKERS"] = str(workers)
        self.process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "api",
                "up",
                "--home",
                str(home),
                "--port",
                str(self.port),
                "--operators",
                str(operators),
            ],
            cwd=ROOT,
            env=without,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def until(self, wanted: str) -> str:
        """What it says until a line begins with this. Fails when it ends first."""
        assert self.process.stdout is not None
        deadline = time.monotonic() + PATIENCE
        while not re.search(rf"^{wanted}", self.said, re.MULTILINE):
            ready, _, _ = select.select([self.process.stdout], [], [], 1.0)
            more = os.read(self.process.stdout.fileno(), 65_536).decode() if ready else ""
            self.said += more
            if (ready and not more) or time.monotonic() > deadline:
                pytest.fail(f"it never said {wanted!r}:\n{self.said}", pytrace=False)
        return self.said

    def ask(self, query: str) -> Any:
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/graphql",
            json.dumps({"query": query}).encode(),
            {"content-type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)

    def helpers(self) -> list[int]:
        found = []
        for status in Path("/proc").glob("[0-9]*/stat"):
            with suppress(OSError):
                words = status.read_text().rpartition(")")[2].split()
                if int(words[1]) == self.process.pid:
                    found.append(int(status.parent.name))
        return found

    def end(self, how: signal.Signals) -> int:
        self.process.send_signal(how)
        return self.process.wait(60)


@contextmanager
def up(home: Path, **how: Any) -> Iterator[Up]:
    running = Up(home, **how)
    try:
        yield running
    finally:
        if running.process.poll() is None:
            running.process.send_signal(signal.SIGTERM)
            running.process.wait(60)
        assert running.process.stdout is not None
        running.process.stdout.close()


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    place = Path(tempfile.mkdtemp(prefix="aeo-test-"))
    place.chmod(0o711)  # as root the server is run by another user, who must get through
    yield place
    shutil.rmtree(place)


def new_client(home: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "api", "client", "new", "partner:KR", "--home", str(home)],
        cwd=ROOT,
        env={n: text for n, text in os.environ.items() if n not in ("DATABASE_URL", "AEO_HOME")},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def gone(process: int) -> bool:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        with suppress(OSError):
            if Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z":
                time.sleep(0.1)
                continue
        return True
    return False


def replayed(home: Path) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-m", "api", "replay", "--home", str(home)],
        cwd=ROOT,
        env={n: text for n, text in os.environ.items() if n != "DATABASE_URL"},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.splitlines()


def without_clock(lines: list[str]) -> list[dict[str, Any]]:
    return [{k: v for k, v in json.loads(line).items() if k != "recordedAt"} for line in lines]


on_linux = pytest.mark.skipif(sys.platform != "linux", reason="processes are counted in /proc")


@on_linux
def test_a_first_start_killed_while_loading_is_finished_by_the_next(home: Path) -> None:
    with up(home) as running:
        running.until("the world: ")
        helpers = running.helpers()
        running.end(signal.SIGKILL)

    assert len(helpers) >= 2 and all(gone(helper) for helper in helpers)
    with up(home) as running:
        said = running.until("ready http://127.0.0.1:")
        assert f"ready http://127.0.0.1:{running.port}/" in said.splitlines()
        assert running.end(signal.SIGTERM) == 0
    registered = [line for line in replayed(home) if '"operator.registered"' in line]
    assert len([line for line in registered if '"generator"' in line]) == OPERATORS


@on_linux
def test_after_kill_9_nothing_is_missing_and_nothing_is_loaded_twice(home: Path) -> None:
    with up(home, workers=0) as running:
        running.until("ready")
        helpers = running.helpers()
        running.end(signal.SIGKILL)
    assert all(gone(helper) for helper in helpers)
    before = replayed(home)

    with up(home, workers=0) as running:
        running.until("ready")
        answer = running.ask('{ programme(code: "CN-AEO") { code } }')
        assert running.end(signal.SIGINT) == 0

    assert answer == {"data": {"programme": {"code": "CN-AEO"}}}
    assert replayed(home) == before


def test_more_operators_are_added_to_those_that_are_there(home: Path) -> None:
    before = without_clock(replayed(home))

    with up(home, operators=OPERATORS + 25) as running:
        running.until("ready")
        assert running.end(signal.SIGTERM) == 0

    after = without_clock(replayed(home))
    assert after[: len(before)] == before and len(after) > len(before)


@on_linux
def test_a_service_that_is_killed_is_started_again_and_all_goes_on(home: Path) -> None:
    with up(home, workers=0) as running:
        running.until("ready")
        assert f"http://127.0.0.1:{running.port}/graphql" in new_client(home)
        for helper in running.helpers():
            if "serve" in Path(f"/proc/{helper}/cmdline").read_text():
                os.kill(helper, signal.SIGKILL)

        said = running.until("serve was started again")
        answer, deadline = None, time.monotonic() + PATIENCE
        while answer is None and time.monotonic() < deadline:
            with suppress(OSError):
                answer = running.ask('{ programme(code: "CN-AEO") { code } }')
            time.sleep(0.1)
        assert running.end(signal.SIGTERM) == 0

    assert "serve was ended by signal 9 by itself, and is started again in 0.5 s" in said
    assert answer == {"data": {"programme": {"code": "CN-AEO"}}}


def test_a_start_with_an_open_finding_comes_up_because_the_checker_mends_it(home: Path) -> None:
    with database(home) as url, psycopg.connect(url, autocommit=True) as owner:
        owner.execute("update views.link set state = 'SUSPENDED' where agreement = 'CN-KR-AEO'")
        owner.execute(
            "insert into checks.finding (noun, subject, relation, what, position, why_not) values"
            " ('agreement', 'CN-KR-AEO', 'views.link', 'they differ in state', 1, 'it was full')"
        )

    with up(home, operators=OPERATORS + 25) as running:
        running.until("ready")
        assert running.end(signal.SIGTERM) == 0

    with database(home) as url, psycopg.connect(url) as owner:
        row = owner.execute("select count(*) from checks.finding where mended_at is null")
        assert row.fetchone() == (0,)


def test_a_start_with_a_stopped_read_model_says_what_lets_it_go_on_and_comes_up_then(
    home: Path,
) -> None:
    with database(home) as url, psycopg.connect(url, autocommit=True) as owner:
        owner.execute(
            "update views.tracking set stopped_at = position + 1, why = 'a bad day'"
            " where projection = 'agreements'"
        )

    with up(home, operators=OPERATORS + 25) as running:
        said = running.until("  it listens on ")
        resumed = subprocess.run(
            [sys.executable, "-m", "api", "resume", "agreements", "--home", str(home)],
            cwd=ROOT,
            env={n: text for n, text in os.environ.items() if n != "DATABASE_URL"},
            capture_output=True,
            text=True,
            check=False,
        )
        running.until("ready")
        assert running.end(signal.SIGTERM) == 0

    assert "a bad day" in said and f"./aeo resume agreements --home {home} lets it go on" in said
    assert resumed.stdout == "agreements resumes\n", resumed


def test_while_more_operators_are_added_those_that_are_there_are_answered(home: Path) -> None:
    with up(home, operators=OPERATORS + 3_000) as running:
        running.until(r".*synthetic operators|ready")
        deadline = time.monotonic() + PATIENCE
        answer = None
        while answer is None and time.monotonic() < deadline:
            with suppress(urllib.error.URLError, ConnectionError):
                answer = running.ask('{ programme(code: "CN-AEO") { code } }')
        assert "ready" not in running.said
        assert not (home / first_load.NOTE).exists()
        running.end(signal.SIGTERM)

    assert answer == {"data": {"programme": {"code": "CN-AEO"}}}


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        (
            "AEO_HOST",
            "0.0.0.0",
            "host: found 0.0.0.0, and demo identities are served on a loopback",
        ),
        ("AEO_READERS", "many", "AEO_READERS=many: "),
    ],
)
def test_a_setting_that_cannot_be_is_refused_before_anything_is_started(
    tmp_path: Path, variable: str, value: str, said: str
) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "api", "up", "--home", str(tmp_path / "new")],
        cwd=ROOT,
        env=os.environ | {variable: value},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.returncode == 2
    assert done.stderr.startswith(f"aeo: {said}") and "Traceback" not in done.stderr
    assert not (tmp_path / "new").exists()


def test_under_nohup_a_closed_terminal_does_not_end_it(home: Path) -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as nohup leaves it to its command
    try:
        with up(home, operators=OPERATORS + 3_000) as running:
            running.until("ready")
            running.process.send_signal(signal.SIGHUP)
            time.sleep(1)
            answer = running.ask('{ programme(code: "CN-AEO") { code } }')
            token = subprocess.run(
                [sys.executable, "-m", "api", "token", "officer:CN", "--home", str(home)],
                cwd=ROOT,
                capture_output=True,
                text=True,
                check=False,
            )
            assert running.end(signal.SIGTERM) == 0
    finally:
        signal.signal(signal.SIGHUP, before)

    assert answer == {"data": {"programme": {"code": "CN-AEO"}}}
    assert token.stdout.count(".") == 2  # its key is there as soon as the service listens


def test_a_closed_terminal_does_not_end_a_command_that_runs_alone(home: Path) -> None:
    alone = subprocess.Popen(
        [sys.executable, "-m", "api", "checker", "--home", str(home)],
        cwd=ROOT,
        env={n: text for n, text in os.environ.items() if n != "DATABASE_URL"},
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        time.sleep(5)
        alone.send_signal(signal.SIGHUP)
        time.sleep(1)
        assert alone.poll() is None
    finally:
        alone.send_signal(signal.SIGTERM)
        assert alone.wait(60) == 0


def test_a_port_in_use_is_named(home: Path) -> None:
    with closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with up(home, port=taken.getsockname()[1]) as running:
            said = running.until("aeo: port ")
            assert running.process.wait(60) == 2

    assert "choose another with --port" in said
