"""`aeo up`: one process that starts the others, loads what is missing, and takes all down again."""

from __future__ import annotations

import http.client
import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from types import FrameType

from api.local.processes import ENDING, ChildProcess

Bar = Callable[[str], AbstractContextManager[Callable[[int, int], None]]]
Say = Callable[[str], None]

HOST = "127.0.0.1"


class PortTaken(Exception):
    """Another program listens there."""


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
            # The helpers take longest to import what they need, so they begin before the database,
            # and before we import anything ourselves.
            try:
                serve = ChildProcess("serve", home, "--port", str(port), "--demo")
                helpers = [serve, ChildProcess("follow", home)]
            except OSError as error:
                from api.local.cluster import NoDatabase

                raise NoDatabase(
                    f"{error.filename} cannot be written ({error.strerror}): choose another --home"
                ) from None
            try:
                from api.local.postgres import database

                with database(home) as url:
                    try:
                        _run(url, home, helpers, port, operators, bar, say)
                    finally:
                        for helper in helpers:
                            helper.stop()
            finally:
                for helper in helpers:
                    helper.stop()
    except Stopped:
        say("stopped")


def _run(
    url: str, home: Path, helpers: list[ChildProcess], port: int, operators: int, bar: Bar, say: Say
) -> None:
    from api.demo.dataset import is_loaded
    from api.http import first_load
    from projections.engine.rederive import bring_up_to_date
    from registry.ledger.database import migrate

    for name in migrate(url):
        say(f"migrated {name}")
    bring_up_to_date(url, say)
    if not is_loaded(url, operators):
        bar = first_load.noted(bar, home)
        first_load.note(home, "it begins")
    for helper in helpers:
        helper.tell(url)
    if not is_loaded(url, operators):
        _load(url, operators, bar, say)
    _project(url, helpers, bar, say)
    first_load.whole(home)
    while not _ready(port):
        _all_alive(helpers, say)
        time.sleep(0.05)
    # These may lag, so they start only after the service answers.
    for command in ("log", "sign", "clerk", "checker"):
        helpers.append(ChildProcess(command, home))
        helpers[-1].tell(url)
    say(f"ready http://{HOST}:{port}/")
    say(f"  GraphQL  http://{HOST}:{port}/graphql")
    say(f"  pages    http://{HOST}:{port}/")
    say(f"  logs     {', '.join(str(helper.log) for helper in helpers)}")
    say(f"  to try   {TRY.format(host=HOST, port=port)}")
    while True:
        _all_alive(helpers, say)
        time.sleep(0.5)


#: A question of public law, which needs no token.
TRY = (
    "curl -s http://{host}:{port}/graphql -H 'content-type: application/json' -d "
    """'{{"query": "{{ controlResult(from: \\"CN\\", to: \\"RU\\", """
    """crossing: \\"Suifenhe-Pogranichny\\", hs: \\"0808\\", asOf: """
    """{{at: \\"2014-09-01T00:00:00Z\\"}}) {{ outcome }} }}"}}'"""
)


def _load(url: str, operators: int, bar: Bar, say: Say) -> None:
    from api.demo.load import load_operators, load_world

    with bar("the world") as progress:
        refused = load_world(url, progress)
    for line in refused[:10]:
        say(f"left out: {line.file} line {line.line}: {line.found}")
    with bar(f"{operators:,} synthetic operators") as progress:
        load_operators(url, operators, progress)


def _project(url: str, helpers: list[ChildProcess], bar: Bar, say: Say) -> None:
    """Wait until the read models show what was loaded, or one of them stands still."""
    import psycopg

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
            _all_alive(helpers, say)
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


def _all_alive(helpers: list[ChildProcess], say: Say) -> None:
    """Starts again what ended by itself. Raises HelperDied after too many times."""
    for helper in helpers:
        helper.keep(say)
