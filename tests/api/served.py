"""The service in a process of its own, as `aeo serve` runs it, for whoever needs an address."""

from __future__ import annotations

import http.client
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from api.local.processes import Helper


@contextmanager
def served(database: str, home: Path, *more: str) -> Iterator[str]:
    """Its address on loopback, once it answers; it is stopped at the end. With demo identities, as
    `up` starts it: a test asks as several of them. `more`: options of `serve`. It has one process
    where they say nothing else, because each imports everything, for two seconds of CPU."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    helper = Helper("serve", home, "--port", str(port), "--demo", "--workers", "1", *more)
    helper.tell(database)
    try:
        while not _answers(port):
            helper.check()
            time.sleep(0.05)
        yield f"http://127.0.0.1:{port}"
    finally:
        helper.stop()


def _answers(port: int) -> bool:
    asking = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        asking.request("GET", "/readyz")
        return asking.getresponse().status == 200
    except OSError:
        return False
    finally:
        asking.close()
