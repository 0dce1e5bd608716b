"""The service in this process: one event loop, on this machine's own address."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable
from pathlib import Path

from api.helpers import ENDING

HOST = "127.0.0.1"


def serve_on(conninfo: Callable[[], str], home: Path, port: int) -> None:
    """Serve until SIGTERM or Ctrl-C. `conninfo` is asked once everything is imported."""
    gc.disable()  # nothing of what is imported is garbage: a tenth less time
    import uvloop
    from granian.constants import HTTPModes, Interfaces
    from granian.server.embed import Server

    from api.app import create_app
    from api.settings import Settings

    gc.freeze()
    gc.enable()
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
