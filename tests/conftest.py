"""What the tests stand on: one real PostgreSQL, a fresh register for each test, a real browser."""

from __future__ import annotations

import gc
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Generator, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psycopg
import pytest
from hypothesis import settings
from hypothesis.configuration import set_hypothesis_home_dir
from playwright.sync_api import Browser, Page, expect, sync_playwright
from psycopg.conninfo import make_conninfo

from api.demo.load import load_world
from api.local import postgres
from projections.engine.projector import Projector
from registry.ledger.database import migrate
from registry.paths import ROOT
from tests import balance
from tests.copies import copied, recorded_once

#: Variables by which tools are told where to keep what they remember.
CACHES = {"MYPY_CACHE_DIR": "mypy", "RUFF_CACHE_DIR": "ruff", "PYTHONPYCACHEPREFIX": "bytecode"}
TEMPLATE = "blank_register"
LOADED = "loaded_register"
# Nothing here outlives the run, so nothing needs to reach the disk. A test of crashes must start
# a server of its own, with `api.local.postgres.database` and without these.
IN_A_HURRY = (
    "fsync=off",
    "synchronous_commit=off",
    "full_page_writes=off",
    "autovacuum=off",
    "max_wal_size=256MB",
)
# Files here stay in memory: a test's database is there in a fifth of the time. Containers often
# have a small one, so there must be room for all that the tests have ever needed at once.
IN_MEMORY, ROOM = Path("/dev/shm"), 3 * 2**30  # bytes, for each process
#: Each has a server of its own, and some tests start a whole service.
MOST_PROCESSES, EACH = 6, 2 * 2**30  # bytes of memory for each process

#: A test asks more in a minute than a client does.
UNHINDERED = """
insert into access.quota (kind, name, requests, work, changed_by)
select 'group', name, 1000000000, 1000000000000, 'test' from unnest(array['public', 'company',
 'partner', 'officer', 'auditor', 'token-address', 'token-client']) as name"""

#: Chromium without what draws windows: the journeys cost 53 s of CPU in it, 85 s in the whole one.
HEADLESS = ("chromium-headless-shell", "chrome-headless-shell")
BROWSERS = (*HEADLESS, "chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
BROWSER_OPTIONS = [
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-renderer-backgrounding",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Whole folders are tested on every core; files and single tests in the process at hand, where
    they begin at once and a debugger can reach them."""
    if not all(Path(arg).is_dir() for arg in config.args) or config.getoption("keyword"):
        return 0
    cores = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
    if cores == 1:
        return 0
    # A third of the tests' time is spent waiting for processes that they start. With half as many
    # processes of the tests again as cores, a fifth of the cores was left unused.
    return max(2, min(2 * cores, MOST_PROCESSES, _memory() // EACH))


def _memory() -> int:
    """Bytes that this machine, or the container, lets its processes have."""
    limits = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    with suppress(OSError, ValueError):  # "max", or no such file
        limits.append(int(Path("/sys/fs/cgroup/memory.max").read_text()))
    return min(limits)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """While tests are collected, nearly nothing of what is made can be thrown away."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()


def pytest_collection_finish() -> None:
    """What has been imported and collected by now stays until the end, and is looked through no
    more for what can be thrown away; and what the tests make, a tenth as often."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(10 * gc.get_threshold()[0], *gc.get_threshold()[1:])


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The files that cost most begin first: see tests/balance.py."""
    balance.dearest_first(items)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Options of this suite's own."""
    parser.addoption("--cpu", metavar="FILE", help="append to FILE what each test costs")


def pytest_configure(config: pytest.Config) -> None:
    """In a checkout that may only be read, what the tools remember goes where it may be written.

    Bytecode is written even where the machine's environment wants none: hundreds of processes are
    started here, and each would compile the project anew. No example of a property has a limit of
    time: a busy machine would break it."""
    settings.register_profile("untimed", parent=settings.default, deadline=None)
    settings.load_profile("untimed")
    if not os.access(ROOT, os.W_OK):
        remembered = Path(tempfile.gettempdir(), f"aeo-tests-{os.geteuid()}")
        set_hypothesis_home_dir(remembered / "hypothesis")
        for name, folder in CACHES.items():
            os.environ.setdefault(name, str(remembered / folder))
    # A run in the background of a shell ignores Ctrl-C, and so does, rightly, each `up` below it.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    sys.dont_write_bytecode = False
    if into := config.getoption("--cpu"):
        config.pluginmanager.register(balance.Measuring(Path(into)))


#: What is not on every machine, by a word of the reason for which its tests are skipped, and the
#: Debian packages that bring it.
OPTIONAL = {
    "Chromium": "chromium",
    "Go": "golang-go golang-golang-x-mod-dev",
    "pgbouncer": "pgbouncer",
    "curl": "curl",
    "Node": "nodejs npm",
    "Java": "default-jdk-headless",
}


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """One sentence for all that was skipped, with the line that installs what is lacking."""
    skipped = terminalreporter.stats.get("skipped", [])
    reasons = [str(report.longrepr) for report in skipped]
    lacking = [name for name in OPTIONAL if any(name in reason for reason in reasons)]
    if skipped:
        terminalreporter.write_line(skipped_sentence(len(skipped), lacking))


def skipped_sentence(count: int, lacking: list[str]) -> str:
    said = f"{count} tests were skipped"
    if not lacking:
        return f"{said}, for the reasons above."
    packages = " ".join(OPTIONAL[name] for name in lacking)
    return f"{said} for lack of {', '.join(lacking)}: sudo apt-get install {packages}"


@pytest.fixture(scope="module", autouse=True)
def collected() -> Iterator[None]:
    """Collects garbage at the end of each test file. So a connection that a file did not close is
    reported (ResourceWarning) in that file, and not in another file whose test happens to run when
    the collector finds the connection. The fixture is set up first in its file, so it ends last."""
    yield
    gc.collect()


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    """The conninfo of a server's superuser, on a database that belongs to no test."""
    processes = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    home = _made(processes)
    home.chmod(0o711)  # as root the server is run by another user, who must get through
    with pytest.MonkeyPatch.context() as patch:
        # DATABASE_URL may be somebody's register; the tests make and drop databases.
        patch.delenv("DATABASE_URL", raising=False)
        with postgres.database(home, IN_A_HURRY) as url:
            yield make_conninfo(url)
    shutil.rmtree(home)


def _made(processes: int) -> Path:
    """A folder for a server: in memory where that has the room and may be written, else on disk."""
    with suppress(OSError):
        if shutil.disk_usage(IN_MEMORY).free > ROOM * processes:
            return Path(tempfile.mkdtemp(prefix="aeo-test-", dir=IN_MEMORY))
    return Path(tempfile.mkdtemp(prefix="aeo-test-"))


@pytest.fixture(scope="session")
def blank_register(server: str) -> str:
    """The name of a migrated database that nobody stays connected to, so that it can be copied."""
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {TEMPLATE}")
    migrate(make_conninfo(server, dbname=TEMPLATE))
    with psycopg.connect(make_conninfo(server, dbname=TEMPLATE)) as connection:
        connection.execute(UNHINDERED)
    return TEMPLATE


@pytest.fixture
def database(server: str, blank_register: str) -> Iterator[str]:
    """The conninfo, as its owner, of a migrated database in which nothing has happened yet."""
    with copied(server, blank_register, "register") as conninfo:
        yield conninfo


@pytest.fixture(scope="session")
def loaded_register(server: str, blank_register: str) -> str:
    """The name of a database with the whole real record in it, projected; nobody stays in it."""
    return recorded_once(server, blank_register, LOADED, _load)


def _load(conninfo: str) -> None:
    assert load_world(conninfo) == []
    Projector(conninfo).catch_up()


@pytest.fixture(scope="module")
def world(server: str, loaded_register: str) -> Iterator[str]:
    """The conninfo of the real record, for a module's tests to ask, and to add to."""
    with copied(server, loaded_register, "world") as conninfo:
        yield conninfo


def _chromium() -> str | None:
    if chosen := os.environ.get("AEO_CHROMIUM"):
        return shutil.which(chosen)
    return next((path for name in BROWSERS if (path := shutil.which(name))), None)


# By the module and not by the session: while it is open its event loop counts as running in this
# thread, and a test that calls asyncio.run would be refused.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """The machine's own Chromium. Where there is none its tests are skipped; in CI they fail."""
    path = _chromium()
    if path is None:
        why = "no Chromium here (Debian: apt-get install chromium; elsewhere: set AEO_CHROMIUM)"
        if os.environ.get("CI"):
            pytest.fail(why)
        pytest.skip(why)
    expect.set_options(timeout=60_000)  # only what is broken takes it, also on a busy machine
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=BROWSER_OPTIONS)
        yield chromium
        chromium.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A new window that remembers nothing of the last."""
    context = browser.new_context()
    yield context.new_page()
    context.close()
