"""`aeo up`: one process that starts the others, loads what is missing, and takes all down again."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from types import FrameType

import psycopg

from api.postgres import database
from registry.database import migrate

Bar = Callable[[str], AbstractContextManager[Callable[[int, int], None]]]
Say = Callable[[str], None]

STOP = 10.0  # seconds that a helper has to end by itself
HOST = "127.0.0.1"
ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class PortTaken(Exception):
    """Another program listens there."""


class HelperDied(Exception):
    """The service or the follower ended, and nobody had asked it to."""


class Stopped(BaseException):
    """Somebody wants us to end. Not an Exception, so that no retry can take it for a mishap."""


def up(home: Path, port: int, operators: int, bar: Bar, say: Say) -> None:
    """Start everything, say when it answers, and stay until Ctrl-C or SIGTERM.

    `operators`: how many synthetic ones to have; more than there are is loaded, fewer takes none
    away. Raises PortTaken, HelperDied, NoDatabase.
    """
    _check_port(port)
    try:
        with _until_told():
            # The helpers take longest to import what they need, so they begin before the database.
            helpers = [Helper("serve", home, "--port", str(port)), Helper("follow", home)]
            try:
                with database(home) as url:
                    try:
                        _run(url, helpers, port, operators, bar, say)
                    finally:
                        for helper in helpers:
                            helper.stop()
            finally:
                for helper in helpers:
                    helper.stop()
    except Stopped:
        say("stopped")


def _run(
    url: str, helpers: list[Helper], port: int, operators: int, bar: Bar, say: Say
) -> None:
    for name in migrate(url):
        say(f"migrated {name}")
    for helper in helpers:
        helper.tell(url)
    _load(url, operators, bar, say)
    _project(url, helpers, bar, say)
    while not _ready(port):
        _all_alive(helpers)
        time.sleep(0.05)
    say(f"ready http://{HOST}:{port}/")
    say(f"  GraphQL  http://{HOST}:{port}/graphql")
    say(f"  pages    http://{HOST}:{port}/")
    say(f"  logs     {', '.join(str(helper.log) for helper in helpers)}")
    say(f"  to try   {TRY.format(host=HOST, port=port)}")
    while True:
        _all_alive(helpers)
        time.sleep(0.5)


#: A question for the end of the first start; README.md asks it too.
TRY = (
    "curl -s http://{host}:{port}/graphql -H 'content-type: application/json' -d "
    """'{{"query": "{{ controlResult(from: \\"CN\\", to: \\"RU\\", """
    """crossing: \\"Suifenhe-Pogranichny\\", hs: \\"0808\\", asOf: """
    """{{at: \\"2014-09-01T00:00:00Z\\"}}) {{ outcome }} }}"}}'"""
)


def _load(url: str, operators: int, bar: Bar, say: Say) -> None:
    # Needed only where something is missing, but asking what is missing needs it as well.
    from api.load import load_operators, load_world

    with bar("the world") as progress:
        refused = load_world(url, progress)
    for line in refused[:10]:
        say(f"left out: {line.file} line {line.line}: {line.found}")
    with bar(f"{operators:,} synthetic operators") as progress:
        load_operators(url, operators, progress)


def _project(url: str, helpers: list[Helper], bar: Bar, say: Say) -> None:
    """Wait until the read models show what was loaded, or one of them stands still."""
    with psycopg.connect(url, autocommit=True) as connection, bar("the read models") as progress:
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
            _all_alive(helpers)
            time.sleep(0.05)


def _ready(port: int) -> bool:
    asking = http.client.HTTPConnection(HOST, port, timeout=5)
    try:
        asking.request("GET", "/readyz")
        return asking.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        asking.close()


def _check_port(port: int) -> None:
    with socket.socket() as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind((HOST, port))
        except OSError as error:
            raise PortTaken(
                f"port {port} cannot be used ({error.strerror}): choose another with --port"
            ) from None


@contextmanager
def _until_told() -> Iterator[None]:
    """Ctrl-C, SIGTERM and a closed terminal end what is inside with Stopped, once: the next one
    must not break the tidying up."""

    def stop(number: int, frame: FrameType | None) -> None:
        for each in ENDING:
            signal.signal(each, signal.SIG_IGN)
        raise Stopped

    before = {each: signal.signal(each, stop) for each in ENDING}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


# ---------------------------------------------------------------- the helpers


class Helper:
    """A process of ours: it is told the database on its standard input, and ends with that.

    However its parent ends, `kill -9` included, the pipe closes and it goes too.
    """

    def __init__(self, command: str, home: Path, *arguments: str) -> None:
        home.mkdir(parents=True, exist_ok=True)
        self.name = command
        self.log = home / f"{command}.log"
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "api", command, "--with-parent", "--home", home, *arguments],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C is ours to pass on, in our order
            )

    def tell(self, url: str) -> None:
        assert self.process.stdin is not None
        try:
            self.process.stdin.write(f"{url}\n".encode())
            self.process.stdin.flush()
        except BrokenPipeError:
            self.check()

    def check(self) -> None:
        """Raises HelperDied."""
        if self.process.poll() is not None:
            said = self.log.read_text(errors="replace").splitlines()[-15:]
            raise HelperDied("\n".join([f"{self.name} ended by itself; {self.log} says", *said]))

    def stop(self) -> None:
        if self.process.stdin is not None and not self.process.stdin.closed:
            self.process.stdin.close()
        self.process.terminate()
        try:
            self.process.wait(STOP)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def _all_alive(helpers: list[Helper]) -> None:
    for helper in helpers:
        helper.check()


def from_parent() -> str:
    """The conninfo that `up` tells its helpers. Ends this process when `up` has ended."""
    url = sys.stdin.readline().strip()
    if not url:
        sys.exit(0)
    threading.Thread(target=_watch_parent, daemon=True).start()
    return url


def _watch_parent() -> None:
    sys.stdin.read()
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(STOP)
    os._exit(1)


def stopped_by_signal(stop: threading.Event) -> None:
    """SIGTERM and Ctrl-C set the event; whoever works until it is set ends cleanly."""
    for each in ENDING:
        signal.signal(each, lambda number, frame: stop.set())


def serve_on(conninfo: Callable[[], str], home: Path, port: int) -> None:
    """Serve until SIGTERM or Ctrl-C. `conninfo` is asked once everything is imported."""
    import asyncio

    import uvloop
    from granian.constants import HTTPModes, Interfaces
    from granian.server.embed import Server

    from api.app import create_app
    from api.settings import Settings

    app = create_app(Settings(database=conninfo(), home=home))

    async def run() -> None:
        # One process and one event loop: a worker process would outlive a killed parent.
        server = Server(
            app,
            address=HOST,
            port=port,
            interface=Interfaces.ASGI,
            http=HTTPModes.http1,
            websockets=True,
            log_enabled=False,
        )
        for each in ENDING:
            asyncio.get_running_loop().add_signal_handler(each, server.stop)
        await server.serve()

    uvloop.run(run())
