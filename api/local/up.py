"""`aeo up`: starts the service and its background processes, loads the demo data, and stops it
all."""

from __future__ import annotations

import http.client
import json
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from api.local.processes import ENDING, ChildProcess, stop_all

Bar = Callable[[str], AbstractContextManager[Callable[[int, int], None]]]
Say = Callable[[str], None]

HOST = "127.0.0.1"
#: The file of the home folder with the address under which clients reach the service of `up`.
ADDRESS = "address"


#: Seconds after which a start that is not ready says why.
PATIENCE = 3.0


@dataclass(frozen=True)
class Site:
    """Where the service listens. `more`: what a command that is named to the reader needs besides
    (` --home X`)."""

    host: str
    port: int
    more: str = ""

    @property
    def url(self) -> str:
        """The address of the service. An IPv6 address is written in brackets."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"


def address_of(home: Path) -> str | None:
    """Returns the address that the last `up` of this home had; None where none was ready yet."""
    try:
        return (home / ADDRESS).read_text(encoding="utf-8").strip() or None
    except OSError:
        return None


class PortTaken(Exception):
    """The port is used by another program."""


#: Set when a signal has asked this process to end.
_STOPPING = threading.Event()


class Stopped(BaseException):
    """A signal asked this process to end. Not an Exception, so that no retry handles it as a
    failure."""


def up(
    home: Path, port: int, operators: int, bar: Bar, say: Say, host: str = HOST, more: str = ""
) -> None:
    """Starts everything, reports when it is ready, and runs until Ctrl-C or SIGTERM.

    `operators`: how many synthetic operators to have; missing ones are loaded, none is removed.
    `host`: the loopback address on which the service listens. `more`: what a command in a message
    needs besides (` --home X`). Raises PortTaken, HelperDied, NoDatabase.
    """
    site = Site(host, port, more)
    _check_port(site)
    try:
        with _until_signal():
            # Imports of the child processes take the longest, so they start before the database,
            # and before this process imports anything else.
            try:
                serve = ChildProcess("serve", home, "--host", host, "--port", str(port), "--demo")
                helpers = [serve, ChildProcess("follow", home)]
            except OSError as error:
                from api.local.cluster import NoDatabase

                raise NoDatabase(
                    f"{error.filename} cannot be written ({error.strerror}): choose another --home"
                ) from None
            try:
                from api.local.postgres import database

                with ExitStack() as stack:
                    with _timed("the database", say):
                        url = stack.enter_context(database(home))
                    try:
                        _run(url, home, helpers, site, operators, bar, say)
                    finally:
                        stop_all(helpers)
            finally:
                stop_all(helpers)
    except Stopped:
        say("stopped")


def _run(
    url: str,
    home: Path,
    helpers: list[ChildProcess],
    site: Site,
    operators: int,
    bar: Bar,
    say: Say,
) -> None:
    from api.demo.dataset import is_loaded
    from api.http import first_load
    from api.peers.followed_peers import read_followed_peers
    from api.settings import Settings, listed
    from projections.engine.rederive import bring_up_to_date
    from registry.ledger.database import migrate

    with _timed("the tables", say):
        for name in migrate(url, say=say):
            say(f"migrated {name}")
        bring_up_to_date(url, say)
    settings = Settings(database=url, home=home, host=site.host)
    own = frozenset(listed(settings.own))
    if own and operators:
        say(f"AEO_OWN={','.join(sorted(own))}: no synthetic operators, and none of others")
        operators = 0
    # Where the world is there, more operators are added while questions are answered. A note that
    # is there was left by a first load that was cut short.
    if not is_loaded(url, 0, own) or (home / first_load.NOTE).exists():
        bar = first_load.noted(bar, home)
        first_load.note(home, "it begins")
    for helper in helpers:
        helper.tell(url)
    if not is_loaded(url, operators, own):
        _load(url, operators, bar, say, own)
    _project(url, helpers, bar, say)
    first_load.whole(home)
    with _timed(f"the service on {site.url}/", say):
        while _asked(site, "/healthz")[0] != 200:
            _all_alive(helpers, say)
            time.sleep(0.05)
    # These processes may lag, so they start after the service listens, but before it is ready:
    # with an open finding it is not, until the checker closes the finding.
    for command, *more in (("log",), ("sign",), ("clerk",), ("checker",), ("webhooks", "--demo")):
        helpers.append(ChildProcess(command, home, *more))
        helpers[-1].tell(url)
    for peer in read_followed_peers(settings.followed_peers):
        assert settings.followed_peers is not None  # it was read
        more = peer.words(settings.followed_peers.parent)
        helpers.append(ChildProcess("follow-peer", home, *more, name=f"follow-peer-{peer.name}"))
        helpers[-1].tell(url)
    with _timed("the log, the end recorder, the checker and the webhooks", say):
        _wait_until_ready(site, helpers, say)
    address = settings.public_url or site.url
    (home / ADDRESS).write_text(f"{address}\n", encoding="utf-8")
    say(f"ready {site.url}/")
    say(f"  GraphQL  {site.url}/graphql")
    say(f"  pages    {site.url}/")
    say(f"  logs     {', '.join(str(helper.log) for helper in helpers)}")
    say(f"  to try   {TRY.format(url=site.url)}")
    while True:
        _all_alive(helpers, say)
        time.sleep(0.5)


#: A query of public legal data, which needs no token.
TRY = (
    "curl -s {url}/graphql -H 'content-type: application/json' -d "
    """'{{"query": "{{ controlResult(from: \\"CN\\", to: \\"RU\\", """
    """crossing: \\"Suifenhe-Pogranichny\\", hs: \\"0808\\", asOf: """
    """{{at: \\"2014-09-01T00:00:00Z\\"}}) {{ outcome }} }}"}}'"""
)


@contextmanager
def _timed(what: str, say: Say) -> Iterator[None]:
    """Says that a step of the start begins, and how many seconds it took."""
    say(f"{what} ...")
    began = time.monotonic()
    yield
    say(f"{what}: {time.monotonic() - began:.1f} s")


def _load(url: str, operators: int, bar: Bar, say: Say, own: frozenset[str]) -> None:
    from api.demo.load import load_operators, load_world

    with _timed("the world", say), bar("the world") as progress:
        refused = load_world(url, progress, own)
    for line in refused[:10]:
        say(f"left out: {line.file} line {line.line}: {line.found}")
    if own:
        return
    what = f"{operators:,} synthetic operators"
    with _timed(what, say), bar(what) as progress:
        load_operators(url, operators, progress)


def _project(url: str, helpers: list[ChildProcess], bar: Bar, say: Say) -> None:
    """Waits until the read models have reached the end of the ledger, or one of them is stopped."""
    from registry.ledger.connections import Session

    what = "the read models"
    with (
        Session.connect(url, autocommit=True) as connection,
        _timed(what, say),
        bar(what) as progress,
    ):
        [(head,)] = connection.execute("select coalesce(max(position), 0) from ledger.event")
        while True:
            rows = connection.execute(
                "select projection, position, stopped_at, why from views.tracking"
            ).fetchall()
            for projection, _, stopped_at, why in rows:
                if stopped_at is not None:
                    say(f"{projection} cannot read position {stopped_at}, and waits there: {why}")
                    return
            reached = min((row[1] for row in rows), default=0)
            progress(reached, head)
            if reached >= head:
                return
            _all_alive(helpers, say)
            time.sleep(0.05)


def _wait_until_ready(site: Site, helpers: list[ChildProcess], say: Say) -> None:
    """Says once why it is not ready, when that lasts longer than a start does."""
    started, reported = time.monotonic(), False
    while True:
        status, body = _asked(site, "/readyz")
        if status == 200:
            return
        if not reported and time.monotonic() - started > PATIENCE:
            reported = True
            say(f"not ready: {_why_not(status, body, site.more)}")
            say(f"  it listens on {site.url}/, and is ready as soon as that is mended")
        _all_alive(helpers, say)
        time.sleep(0.1)


def _why_not(status: int, body: bytes, more: str) -> str:
    """What `/readyz` says, for a person, with the command that mends it where one does."""
    try:
        report = json.loads(body)
        stopped = report.get("stopped") or []
    except (ValueError, AttributeError):
        return f"/readyz answers {status}" if status else "/readyz does not answer"
    found = [report["why"]] if report.get("why") else []
    for text in stopped:
        name = text.split(" ", 1)[0]
        found.append(f"{text} (./aeo resume {name}{more} lets it go on, once its cause is mended)")
    return "; ".join(found) or f"/readyz answers {status}"


def _asked(site: Site, path: str) -> tuple[int, bytes]:
    """Status and body of what the service answers; 0 where it does not."""
    asking = http.client.HTTPConnection(site.host, site.port, timeout=5)
    try:
        asking.request("GET", path)
        answer = asking.getresponse()
        return answer.status, answer.read()
    except (OSError, http.client.HTTPException):
        return 0, b""
    finally:
        asking.close()


def _check_port(site: Site) -> None:
    try:
        family, kind, _, _, address = socket.getaddrinfo(
            site.host, site.port, type=socket.SOCK_STREAM
        )[0]
        with socket.socket(family, kind) as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            trial.bind(address)
    except OSError as error:
        raise PortTaken(
            f"port {site.port} cannot be used ({error.strerror}): choose another with --port"
        ) from None


@contextmanager
def _until_signal() -> Iterator[None]:
    """Ends the block with Stopped on Ctrl-C, SIGTERM or SIGHUP. Further signals are ignored, so
    that they do not interrupt the clean-up.

    Where the signal arrives in a finaliser, Python prints the exception and goes on, so that
    `_all_alive`, which every wait calls, raises Stopped once more."""

    def stop(number: int, frame: FrameType | None) -> None:
        for ending in heard:
            signal.signal(ending, signal.SIG_IGN)
        _STOPPING.set()
        raise Stopped

    _STOPPING.clear()
    # Under nohup SIGHUP is ignored already, and stays so.
    heard = [ending for ending in ENDING if signal.getsignal(ending) is not signal.SIG_IGN]
    before = {ending: signal.signal(ending, stop) for ending in heard}
    try:
        yield
    finally:
        for ending, handler in before.items():
            signal.signal(ending, handler)


def _all_alive(helpers: list[ChildProcess], say: Say) -> None:
    """Restarts child processes that ended. Raises HelperDied after too many times, and Stopped once
    a signal has asked this process to end."""
    if _STOPPING.is_set():
        raise Stopped
    for helper in helpers:
        helper.keep(say)
