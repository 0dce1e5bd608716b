"""The processes of the demonstration: instances (`aeo up`) and an edge (`aeo edge`), each in a
folder of its own and on a free port of loopback. All of them are ended by their process ids."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import closing, suppress
from pathlib import Path

from api.local.cluster import find_cluster, has_data
from registry.paths import ROOT

HOST = "127.0.0.1"
PATIENCE = 180.0  # seconds for a start, on a machine that is busy
STOP = 30.0  # seconds for an end
#: What belongs to whoever starts the demonstration, and not to its instances.
_NOT_HANDED_ON = {"DATABASE_URL"}


class NotStarted(Exception):
    """A process of the demonstration ended, or was not ready in time."""


def free_port() -> int:
    """Returns a port of loopback that nobody uses now."""
    with socket.socket() as free:
        free.bind((HOST, 0))
        port: int = free.getsockname()[1]
        return port


def run_command(*words: str) -> str:
    """Runs a command of the program to its end. Returns what it printed. Raises NotStarted."""
    done = subprocess.run(
        [sys.executable, "-m", "api", *words],
        cwd=ROOT,
        env=_environment({}),
        capture_output=True,
        text=True,
        start_new_session=True,
    )
    if done.returncode:
        raise NotStarted(f"aeo {words[0]} ended with {done.returncode}: {done.stderr.strip()}")
    return done.stdout


class Server:
    """A command that serves HTTP until it is ended. `log`: where it writes."""

    def __init__(self, folder: Path, *words: str, **variables: str) -> None:
        self.folder, self.port, self.log = folder, free_port(), folder / "demo.log"
        self._words, self._variables = (*words, "--port", str(self.port)), variables
        self._process: subprocess.Popen[bytes] | None = None
        self._lines_until = 0  # bytes of the log
        folder.mkdir(parents=True)

    @property
    def url(self) -> str:
        """The address of the service."""
        return f"http://{HOST}:{self.port}"

    def start(self) -> None:
        """Starts the process; `wait_until_ready` waits for it."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "api", *self._words],
                cwd=ROOT,
                env=_environment(self._variables),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C reaches the demonstration only, which ends it
            )

    def wait_until_ready(self, meanwhile: Callable[[], None] = lambda: None) -> None:
        """Returns once it is ready. Raises NotStarted with the end of its log.

        `meanwhile`: is called again and again until then.
        """
        assert self._process is not None
        end = time.monotonic() + PATIENCE
        while not self._is_ready():
            meanwhile()
            if self._process.poll() is not None or time.monotonic() > end:
                lines = self.log.read_text(errors="replace").splitlines()[-10:]
                raise NotStarted("\n".join([f"{' '.join(self._words)} is not ready:", *lines]))
            time.sleep(0.05)

    def new_lines(self) -> list[str]:
        """Returns the lines that the process has printed since the last call. Lines of JSON are
        for programs, and stay in the log."""
        with self.log.open("rb") as log:
            log.seek(self._lines_until)
            whole, end, _ = log.read().rpartition(b"\n")
        self._lines_until += len(whole + end)
        lines = whole.decode(errors="replace").splitlines()
        return [line for line in lines if not line.startswith("{")]

    def stop(self) -> None:
        """Ends the process, and kills it where it does not end."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(STOP)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """Kills the process (SIGKILL)."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def _is_ready(self) -> bool:
        with closing(http.client.HTTPConnection(HOST, self.port, timeout=5)) as asking:
            try:
                asking.request("GET", "/readyz")
                return asking.getresponse().status == 200
            except (OSError, http.client.HTTPException):
                return False


class Instance(Server):
    """A register that is authoritative for one administration, as `aeo up` runs it."""

    def __init__(self, folder: Path, code: str, peers: str, followed_peers: Path) -> None:
        """`peers`: the administrations that may follow it. `followed_peers`: the file of the
        registers that it follows."""
        self.code, self.home = code, folder / "home"
        super().__init__(
            folder,
            *("up", "--home", str(self.home)),
            AEO_OWN=code,
            AEO_PEERS=peers,
            AEO_FOLLOWED_PEERS=str(followed_peers),
            AEO_WORKERS="1",
        )

    def kill(self) -> None:
        """Kills `up`, whose processes end with it, and its database server (SIGKILL)."""
        super().kill()
        self._end_database(signal.SIGKILL)

    def stop(self) -> None:
        """Ends everything of it, also what a killed `up` left behind."""
        super().stop()
        self._end_database(signal.SIGINT)

    def _end_database(self, how: signal.Signals) -> None:
        if not has_data(self.home):
            return
        data = find_cluster(self.home).data
        with suppress(OSError, ValueError, IndexError):
            number = int((data / "postmaster.pid").read_text().splitlines()[0])
            if str(data).encode() in Path(f"/proc/{number}/cmdline").read_bytes():
                os.kill(number, how)
                end = time.monotonic() + STOP
                while _lives(number) and time.monotonic() < end:
                    time.sleep(0.05)


def _lives(number: int) -> bool:
    try:
        return ") Z " not in Path(f"/proc/{number}/stat").read_text()
    except OSError:
        return False


def _environment(variables: Mapping[str, str]) -> dict[str, str]:
    own = {
        name: value
        for name, value in os.environ.items()
        if name not in _NOT_HANDED_ON and (not name.startswith("AEO_") or name == "AEO_PG_BIN")
    }
    return {**own, **variables}
