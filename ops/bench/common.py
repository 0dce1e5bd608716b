"""What every bench stands on: a register of its own, processes that end with it, fair turns."""

from __future__ import annotations

import os
import platform
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

import psycopg
from psycopg.conninfo import make_conninfo
from rich.console import Console
from rich.table import Table

from api.demo.load import load_operators, load_world
from api.local import postgres
from ops.bench.usage import processor_seconds as processor_seconds
from projections.engine.projector import Projector
from registry.ledger.database import migrate

ROOT = Path(__file__).parents[2]
START = 60.0  # seconds that a server may take until it answers
#: Room for the connections of all contenders at once; all else is as `aeo up` has it.
SETTINGS = ("max_connections=250",)
console = Console(width=None if sys.stdout.isatty() else 150, highlight=False)


class Unfit(Exception):
    """A contender that cannot take part in this, and why. The others go on."""


@contextmanager
def home() -> Iterator[Path]:
    """A folder for one run. As root the database is run by another user, who must get through."""
    with tempfile.TemporaryDirectory(prefix="aeo-bench-") as name:
        folder = Path(name)
        folder.chmod(0o711)
        yield folder


@contextmanager
def server(folder: Path) -> Iterator[str]:
    """A PostgreSQL of the run's own, fsync on, whatever DATABASE_URL says."""
    os.environ.pop("DATABASE_URL", None)
    with postgres.database(folder, SETTINGS) as url:
        yield url


def new_database(url: str, name: str) -> str:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"create database {name}".encode())
    return make_conninfo(url, dbname=name)


def register(url: str, operators: int) -> None:
    """The world and its synthetic operators, loaded and projected."""
    migrate(url)
    load_world(url)
    load_operators(url, operators, said(f"{operators:,} operators"))
    reached = said("read models")
    with psycopg.connect(url) as connection:
        [(head,)] = connection.execute("select max(position) from ledger.event")
    Projector(url).catch_up(lambda done, _: reached(done, head))
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("vacuum analyze")


def said(what: str) -> Callable[[int, int], None]:
    """A line now and then: loading takes minutes."""
    last = time.monotonic()

    def say(done: int, whole: int) -> None:
        nonlocal last
        if time.monotonic() - last > 10:
            last = time.monotonic()
            console.print(f"{what}: {done:,} of {whole:,}")

    return say


# ------------------------------------------------------------------ processes


def free_port() -> int:
    with closing(socket.socket()) as trial:
        trial.bind(("127.0.0.1", 0))
        port: int = trial.getsockname()[1]
    return port


def real_time() -> str:
    """Gives this process, and all that it starts from now on, real-time priority (Linux, as root),
    so that jobs beside it do not stretch the wall clock. Returns what applies, in words."""
    try:
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))
    except (AttributeError, PermissionError):
        return "at the usual priority: real-time priority is not allowed here"
    return "at real-time priority"


@contextmanager
def process(
    command: Sequence[str],
    environment: Mapping[str, str],
    log: Path,
    folder: Path = ROOT,
    stdin: int = subprocess.DEVNULL,
) -> Iterator[subprocess.Popen[bytes]]:
    """A server for as long as it is needed, with all that it starts itself."""
    with log.open("ab") as out:
        started = subprocess.Popen(
            command,
            env={**os.environ, **environment},
            cwd=folder,
            stdin=stdin,
            stdout=out,
            stderr=out,
            start_new_session=True,
        )
    try:
        yield started
    finally:
        # Its own session, so the number of its group is its own number.
        for how in (signal.SIGTERM, signal.SIGKILL):
            try:
                os.killpg(started.pid, how)
                started.wait(timeout=5)
            except (ProcessLookupError, subprocess.TimeoutExpired):
                continue


def answering(started: subprocess.Popen[bytes], url: str, log: Path) -> None:
    """Wait until it answers over HTTP, whatever it says. Raises Unfit."""
    until = time.monotonic() + START
    while time.monotonic() < until:
        if started.poll() is not None:
            break
        try:
            urllib.request.urlopen(url, timeout=2).close()
            return
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.1)
    last = log.read_text(errors="replace").strip().splitlines()[-3:]
    raise Unfit(f"it did not start: {' '.join(last)}")


def listening(port: int, log: Path) -> None:
    """Wait until somebody takes connections there. Raises Unfit."""
    until = time.monotonic() + START
    while time.monotonic() < until:
        with closing(socket.socket()) as caller:
            if caller.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise Unfit(f"it did not start: {log.read_text(errors='replace').strip()[-200:]}")


def told(command: list[str], environment: Mapping[str, str]) -> dict[str, float]:
    """A writer in another language says its rate in its last line."""
    done = subprocess.run(
        command, env={**os.environ, **environment}, capture_output=True, text=True, timeout=120
    )
    told = [line for line in done.stdout.splitlines() if line.startswith("rate ")]
    if not told:
        raise Unfit((done.stderr or done.stdout).strip()[-160:])
    return {"rate": float(told[-1].split()[1])}


def memory(pid: int) -> int:
    """Megabytes of a process alone that are held in memory now (Linux; 0 elsewhere)."""
    try:
        text = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    held = {line.split(":")[0]: line.split()[1] for line in text.splitlines() if "kB" in line}
    # One that has just ended is still listed, and holds nothing any more.
    return (int(held.get("VmRSS", 0)) - int(held.get("RssShmem", 0))) // 1024


# ----------------------------------------------------------------- fair turns

Measure = Callable[[], dict[str, float]]


@dataclass
class Section:
    """One question, asked of every contender in turns. `unit` says what `rate` counts."""

    title: str
    unit: str
    base: str  # whom the others are compared with; "": nobody
    drawn: bool = True  # is it in the picture, too?
    measured: dict[str, list[dict[str, float]]] = field(default_factory=dict)
    unfit: dict[str, str] = field(default_factory=dict)

    def rate(self, name: str) -> float:
        return median(entry["rate"] for entry in self.measured[name])

    def ratio(self, name: str) -> tuple[float, float, float] | None:
        """Median, lowest and highest of the ratios within each round."""
        if name not in self.measured or self.base not in self.measured:
            return None
        pairs = zip(self.measured[name], self.measured[self.base], strict=False)
        ratios = sorted(own["rate"] / other["rate"] for own, other in pairs if other["rate"])
        return (median(ratios), ratios[0], ratios[-1]) if ratios else None


def take_turns(section: Section, contenders: Mapping[str, Measure], rounds: int) -> Section:
    """A B C, A B C, ...: a noisy moment of the machine troubles all of them alike.

    Who fails once is out, and the reason stands in the table.
    """
    for _ in range(rounds):
        for name, measure in contenders.items():
            if name in section.unfit:
                continue
            try:
                section.measured.setdefault(name, []).append(measure())
            except Exception as error:
                section.unfit[name] = _reason(error)
                section.measured.pop(name, None)
    return section


def _reason(error: Exception) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    return text[:160]


# --------------------------------------------------------------- what is shown

#: Further columns that a measurement may bring, and how they are headed.
COLUMNS = {
    "p50": "p50 ms",
    "p99": "p99 ms",
    "acknowledged": "p99 ms from the acknowledgement",
    "server_us": "CPU µs: server",
    "database_us": "CPU µs: PG",
    "memory": "memory MB",
}


def rows(section: Section) -> tuple[list[str], list[list[str]]]:
    """The section as a table of texts, the fastest first."""
    names = sorted(section.measured, key=section.rate, reverse=True)
    more = [key for key in COLUMNS if any(key in section.measured[n][0] for n in names)]
    compared = [f"x {section.base}", "spread"] if section.base else []
    head = ["", section.unit, *compared, *(COLUMNS[key] for key in more)]
    body = []
    for name in names:
        taken = section.measured[name]
        ratio = section.ratio(name)
        told = [f"{ratio[0]:.2f}", f"{ratio[1]:.2f}-{ratio[2]:.2f}"] if ratio else ["", ""]
        cells = [_cell(key, taken) for key in more]
        body.append([name, f"{section.rate(name):,.0f}", *told[: len(compared)], *cells])
    return head, body


def _cell(key: str, taken: list[dict[str, float]]) -> str:
    values = [entry[key] for entry in taken if key in entry]
    if not values:
        return ""
    return (
        f"{median(values):,.0f}"
        if key in ("server_us", "database_us", "memory")
        else (f"{median(values):,.1f}")
    )


def show(section: Section) -> None:
    head, body = rows(section)
    table = Table(title=section.title, title_justify="left")
    for number, name in enumerate(head):
        table.add_column(name, justify="right" if number else "left", no_wrap=number == 0)
    for row in body:
        table.add_row(*row)
    console.print(table)
    for name, why in section.unfit.items():
        console.print(f"  not measured: {name}: {why}", markup=False)


def machine(url: str | None = None) -> str:
    """What was measured on: in one line."""
    cpu = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        names = [line for line in info.read_text().splitlines() if line.startswith("model name")]
        cpu = names[0].partition(":")[2].strip() if names else cpu
    told = [f"{os.cpu_count()} cores ({cpu})", f"Python {platform.python_version()}"]
    if url:
        with psycopg.connect(url) as connection:
            number = connection.info.server_version
        told.append(f"PostgreSQL {number // 10000}.{number % 10000}, fsync on")
    return ", ".join(told)


def commit() -> str:
    """The commit that was measured, marked where the tree holds more than it."""
    git = shutil.which("git")
    if git is None:
        return "unknown"
    told = subprocess.run(
        [git, "describe", "--always", "--dirty=+", "--abbrev=10"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    return told.stdout.strip() or "unknown"


def now() -> str:
    return f"{datetime.now(UTC):%Y-%m-%d %H:%MZ}"


@contextmanager
def ending() -> Iterator[ExitStack]:
    """What was started is stopped, also on SIGTERM; Ctrl-C raises by itself."""

    def stop(number: int, frame: Any) -> None:
        sys.exit(128 + number)

    before = signal.signal(signal.SIGTERM, stop)
    try:
        with ExitStack() as stack:
            yield stack
    finally:
        signal.signal(signal.SIGTERM, before)
