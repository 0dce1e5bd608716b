"""The service in a process of its own, as `aeo serve` runs it, for whoever needs an address."""

from __future__ import annotations

import http.client
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from api.local.processes import STOP, Helper
from tests import warm_commands


class _Warm:
    """`serve` of one process, that need not import what it needs. As a helper of `up` it is told
    its database on its standard input, and ends when that is closed, however the tests end."""

    def __init__(self, home: Path, *words: str) -> None:
        home.mkdir(parents=True, exist_ok=True)
        self._log = home / "serve.log"
        given, self._telling = os.pipe()
        with self._log.open("ab") as log:
            line = ("serve", "--with-parent", "--home", home, *words)
            self._command = warm_commands.Command(line, os.environ, log, log, given)
        os.close(given)

    def tell(self, database: str) -> None:
        os.write(self._telling, f"{database}\n".encode())

    def check(self) -> None:
        assert self._command.poll() is None, self._log.read_text(errors="replace")[-2_000:]

    def stop(self) -> None:
        os.close(self._telling)
        self._command.terminate()
        try:
            self._command.wait(STOP)
        except subprocess.TimeoutExpired:
            self._command.kill()
            self._command.wait()


@contextmanager
def served(database: str, home: Path, *more: str) -> Iterator[str]:
    """Its address on loopback, once it answers; it is stopped at the end. With demo identities, as
    `up` starts it: a test asks as several of them. `more`: options of `serve`. It has one process
    where they say nothing else, because each imports everything, for two seconds of CPU: the one
    is a fork of a process that has imported it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = ("--port", str(port), "--demo", "--workers", "1", *more)
    helper = Helper("serve", home, *words) if "--workers" in more else _Warm(home, *words)
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
