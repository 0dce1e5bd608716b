"""Child processes of `aeo up` and `aeo serve`, which never outlive their parent.

Imports the standard library only, because a child is started before anything else is imported.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

STOP = 10.0  # seconds that a child has to end after SIGTERM
PAUSE, LONGEST_PAUSE = 0.5, 30.0  # seconds before a child is restarted (exponential back-off)
MOST = 8  # restarts in a row: about two minutes
CALM = 60.0  # seconds of running after which the count of restarts begins again
ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
#: Signals that end a service that runs by itself. SIGHUP (a closed terminal, or a request to reload
#: the configuration) does not.
ENDING_ALONE = (signal.SIGINT, signal.SIGTERM)


class HelperDied(Exception):
    """A child process ended although nothing asked it to."""


class Helper:
    """A child process. It reads the conninfo of the database from its standard input, and ends when
    that pipe is closed.

    However the parent ends, `kill -9` included, the pipe is closed and the child ends too.
    """

    def __init__(
        self,
        command: str,
        home: Path,
        *arguments: str,
        name: str | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        """`name`: of the process and its log, where a command runs several times. `environment`:
        variables in addition to those of this process."""
        home.mkdir(parents=True, exist_ok=True)
        self.name = name or command
        self.log = home / f"{self.name}.log"
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "api", command, "--with-parent", "--home", home, *arguments],
                env=os.environ | (environment or {}),
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C then reaches the parent only
            )

    def tell(self, url: str) -> None:
        """Sends the URL of the database to the process, on its standard input. Raises
        HelperDied."""
        assert self.process.stdin is not None
        try:
            self.process.stdin.write(f"{url}\n".encode())
            self.process.stdin.flush()
        except BrokenPipeError:
            self.check()

    def check(self) -> None:
        """Raises HelperDied, with the end of the child's log, when it has ended."""
        if self.process.poll() is not None:
            lines = self.log.read_text(errors="replace").splitlines()[-15:]
            raise HelperDied("\n".join([f"{self.name} ended by itself; {self.log} says", *lines]))

    def end(self) -> None:
        """Asks the process to end."""
        if self.process.stdin is not None and not self.process.stdin.closed:
            self.process.stdin.close()
        self.process.terminate()

    def stop(self, seconds: float = STOP) -> None:
        """Asks the process to end, and kills it after so many seconds."""
        self.end()
        try:
            self.process.wait(max(seconds, 0.0))
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class ChildProcess:
    """A child process that is restarted when it ends by itself, with exponential back-off.

    After `CALM` seconds of running the back-off starts again. After `MOST` restarts in a row it is
    given up, because the cause will end it again.
    """

    def __init__(self, command: str, home: Path, *arguments: str, name: str | None = None) -> None:
        """`name`: see Helper."""
        self._command_line, self._name = (command, home, arguments), name
        self._url: str | None = None
        self._ends, self._again = 0, 0.0  # restarts in a row; time of the next one (time.monotonic)
        self._begin()

    @property
    def name(self) -> str:
        """The name of the command."""
        return self.helper.name

    @property
    def log(self) -> Path:
        """The file that the process writes to."""
        return self.helper.log

    def tell(self, url: str) -> None:
        """Sends the URL of the database to the process, and to each one that replaces it."""
        self._url = url
        self.helper.tell(url)

    def keep(self, say: Callable[[str], None]) -> None:
        """Restarts the child where it has ended, and reports that with `say`. Raises HelperDied
        when it is given up."""
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
        self._ends = 1 if now - self._started_at > CALM else self._ends + 1
        if self._ends > MOST:
            self.helper.check()
        pause = min(PAUSE * 2 ** (self._ends - 1), LONGEST_PAUSE)
        self._again = now + pause
        how = f"was ended by signal {-code}" if code < 0 else f"ended with {code}"
        say(f"{self.name} {how} by itself, and is started again in {pause:g} s; see {self.log}")

    def end(self) -> None:
        """Asks the process to end, without waiting for it."""
        self.helper.end()

    def stop(self, seconds: float = STOP) -> None:
        """Asks the process to end, and kills it after so many seconds."""
        self.helper.stop(seconds)

    def _begin(self) -> None:
        command, home, arguments = self._command_line
        self.helper = Helper(command, home, *arguments, name=self._name)
        self._started_at = time.monotonic()


def stop_all(children: Sequence[ChildProcess]) -> None:
    """Ends all of them at the same time. Together they have STOP seconds, however many they are:
    on a busy machine each may still be importing what it needs."""
    deadline = time.monotonic() + STOP
    for child in children:
        child.end()
    for child in children:
        child.stop(deadline - time.monotonic())


def from_parent() -> str:
    """Reads the conninfo from the parent. From then on this process ends when its parent ends."""
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


def stopped_by_signal(stop: threading.Event, *, alone: bool = False) -> None:
    """Sets the event on SIGTERM, Ctrl-C or SIGHUP, so that the process ends cleanly. `alone`: it is
    a service by itself, which SIGHUP does not end."""
    if alone:
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
    for ending in ENDING_ALONE if alone else ENDING:
        signal.signal(ending, lambda number, frame: stop.set())
