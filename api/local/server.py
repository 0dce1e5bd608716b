"""Runs the HTTP service: one process per core, each with an event loop.

The first process is the parent of the others. They share the port, over whose connections the
kernel balances, and end with the parent, however it ends.
"""

from __future__ import annotations

import asyncio
import gc
import os
import resource
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog

from api.local.processes import ENDING_ALONE, ChildProcess, stop_all
from api.observability.multiprocess import shared_counts

log = structlog.get_logger("server")

MOST = 4  # processes by default: with more, the database is the bottleneck
#: Connections that a process accepts at the same time, and those that may wait for it. A stream
#: takes one for as long as it lasts, so the limit is beyond that of streams (change_stream.OF_ALL).
CONNECTIONS, BACKLOG = 16_384, 1_024
#: Seconds: the interpreter's switch interval. The event loop needs the interpreter several times
#: for one answer, while a thread validates new documents.
SWITCH = 0.000_5
#: Objects after which the interpreter looks for reference cycles, and how many such looks make one
#: at older objects, and at all of them. By default it is 700 objects, which a few answers make;
#: nearly all are freed without it, so these looks took a tenth of the time (decision 0266).
CYCLES_AFTER = 50_000, 20, 50


def cores() -> int:
    """Returns how many processes to run. Only Linux balances the connections of one port."""
    if sys.platform != "linux":
        return 1
    return min(len(os.sched_getaffinity(0)), MOST)


@dataclass(frozen=True)
class ServiceAddress:
    """Where the service listens. `demo`: it offers demo identities (`aeo up` only)."""

    home: Path
    host: str
    port: int
    demo: bool = False


def serve_on(conninfo: Callable[[], str], place: ServiceAddress, workers: int = 0) -> None:
    """Serves until SIGTERM or Ctrl-C. `conninfo` is called once everything is imported.

    `workers`: processes; 0: one per core. Raises HelperDied when another process is given up, and
    ValueError where demo identities would be offered to other machines.
    """
    workers = workers or cores()
    if workers == 1:
        _serve(conninfo, place, [])
        return
    helpers: list[ChildProcess] = []
    with shared_counts():
        try:
            _serve(conninfo, place, helpers, workers - 1)
        finally:
            stop_all(helpers)


def _serve(
    conninfo: Callable[[], str], place: ServiceAddress, helpers: list[ChildProcess], more: int = 0
) -> None:
    gc.disable()  # imports create no garbage: this saves a tenth of the time
    import uvloop
    from granian.constants import HTTPModes, Interfaces
    from granian.server.embed import Server

    from api.app import create_app
    from api.settings import Settings

    gc.freeze()
    sys.setswitchinterval(SWITCH)
    gc.set_threshold(*CYCLES_AFTER)
    gc.enable()
    _allow_files()
    url = conninfo()
    app = create_app(
        Settings(database=url, home=place.home, host=place.host, demo=place.demo, **_own(place))
    )

    async def run() -> None:
        server: Any = Server(
            app,
            address=place.host,
            port=place.port,
            interface=Interfaces.ASGI,
            http=HTTPModes.http1,
            websockets=True,
            backlog=BACKLOG,
            backpressure=CONNECTIONS,
            log_enabled=False,
        )
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        for ending in ENDING_ALONE:
            asyncio.get_running_loop().add_signal_handler(ending, server.stop)
        serving = asyncio.ensure_future(server.serve())
        # The other processes start now, so that this one answers while they import.
        alone = ["--port", str(place.port), "--host", place.host, "--workers", "1"]
        alone += ["--demo"] if place.demo else []
        helpers.extend(ChildProcess("serve", place.home, *alone) for _ in range(more))
        for helper in helpers:
            helper.tell(url)
        try:
            await _while_all_live(serving, helpers)
        finally:
            server.stop()
            await serving

    uvloop.run(run())


def _own(place: ServiceAddress) -> dict[str, Any]:
    """Returns the settings with which a service of demo identities issues tokens for its own
    address, unless the environment says otherwise."""
    configured = {"AEO_PUBLIC_URL", "AEO_AUTHORISATION_SERVER"} & os.environ.keys()
    if not place.demo or configured:
        return {}
    host = f"[{place.host}]" if ":" in place.host else place.host
    return {"public_url": f"http://{host}:{place.port}", "authorisation_server": True}


def _allow_files() -> None:
    """Raises the limit of open files, of which each connection is one, as far as the system lets
    it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = CONNECTIONS + BACKLOG if hard == resource.RLIM_INFINITY else hard
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


async def _while_all_live(serving: asyncio.Future[None], helpers: list[ChildProcess]) -> None:
    """Restarts processes that ended. Raises HelperDied after too many times."""
    while not (await asyncio.wait([serving], timeout=1.0))[0]:
        for helper in helpers:
            helper.keep(lambda line: log.warning("worker", said=line))
