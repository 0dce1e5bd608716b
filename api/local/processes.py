"""Processes of ours that start with `aeo up` and never outlive it.

Imports nothing but the standard library: a helper is started before anything else is imported.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path

STOP = 10.0  # seconds that a helper has to end by itself
PAUSE, LONGEST_PAUSE = 0.5, 30.0  # seconds before a helper is started again
MOST = 8  # times in a row that a helper is started again: some two minutes
CALM = 60.0  # seconds after which an end is no longer one of a row
ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
#: For a service that runs by itself: a terminal that closes, or somebody who asks a daemon to read
#: its configuration again (SIGHUP), does not end it.
ENDING_ALONE = (signal.SIGINT, signal.SIGTERM)


class HelperDied(Exception):
    """The service or the follower ended, and nobody had asked it to."""


class Helper:
    """A process of ours: it is told the database on its standard input, and ends with that.

    However its parent ends, `kill -9` included, the pipe closes and it goes too.
    """

    def __init__(
        self,
        command: str,
        home: Path,
        *arguments: str,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        """`environment`: variables beside those that this process has."""
        home.mkdir(parents=True, exist_ok=True)
        self.name = command
        self.log = home / f"{command}.log"
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "api", command, "--with-parent", "--home", home, *arguments],
                env=os.environ | (environment or {}),
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


class ChildProcess:
    """A helper that is started again when it ends by itself, after a pause that doubles each time.

    A helper that has lived for `CALM` seconds begins with the first pause again. After `MOST` ends
    in a row it is given up: whatever ends it will end it again.
    """

    def __init__(self, command: str, home: Path, *arguments: str) -> None:
        self._said = command, home, arguments
        self._url: str | None = None
        self._ends, self._again = 0, 0.0  # in a row; when it is to be started (time.monotonic)
        self._begin()

    @property
    def name(self) -> str:
        return self.helper.name

    @property
    def log(self) -> Path:
        return self.helper.log

    def tell(self, url: str) -> None:
        self._url = url
        self.helper.tell(url)

    def keep(self, say: Callable[[str], None]) -> None:
        """Looks whether it lives. Says what happened. Raises HelperDied when it is given up."""
        now = time.monotonic()
        if self._again:
            if now < self._again:
                return
            self._again = 0.0
            self._begin()
            if self._url is not None:
                self.helper.tell(self._url)
            say(f"{self.name} was started again ({self._ends} of {MOST} times in a row)")
            return
        code = self.helper.process.poll()
        if code is None:
            return
        self._ends = 1 if now - self._begun > CALM else self._ends + 1
        if self._ends > MOST:
            self.helper.check()
        pause = min(PAUSE * 2 ** (self._ends - 1), LONGEST_PAUSE)
        self._again = now + pause
        how = f"was ended by signal {-code}" if code < 0 else f"ended with {code}"
        say(f"{self.name} {how} by itself, and is started again in {pause:g} s; see {self.log}")

    def stop(self) -> None:
        self.helper.stop()

    def _begin(self) -> None:
        command, home, arguments = self._said
        self.helper = Helper(command, home, *arguments)
        self._begun = time.monotonic()


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
