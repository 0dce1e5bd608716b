"""`python -m api COMMAND` in a process of its own that has imported everything already.

A command's imports take a second of CPU, and the suite runs hundreds of commands. A server process
(`forkserver` of multiprocessing), one for each process of the tests, imports the project once; a
command is a fork of it, with an environment, a folder, arguments and streams of its own, that ends
with an exit code or by a signal as any process does.

What is about the start itself is tested with `python -m api`: tests/api/cli/test_cli.py runs each
command that needs a register so, and `up` and `serve` are always started so.
"""

from __future__ import annotations

import atexit
import importlib
import os
import pkgutil
import signal
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Mapping, Sequence
from multiprocessing import forkserver, get_context
from multiprocessing.connection import Connection
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any, Final, NoReturn

from registry.paths import ROOT

#: `serve` of several processes must not have imported what counts for it, and `up` starts others.
#: `serve` of one process is a `Warm` command in tests/served.py.
COLD: Final = frozenset({"serve", "up"})
_SERVERS = get_context("forkserver")


class Command:
    """A running command; what tests use of `subprocess.Popen`."""

    def __init__(
        self,
        words: Sequence[object],
        environment: Mapping[str, str],
        out: IO[Any] | int,
        err: IO[Any] | int,
        given: int = subprocess.DEVNULL,
    ) -> None:
        """`given`: the descriptor that is its standard input."""
        _begin()
        numbers = (given, out, err)
        streams = [_copied(stream) for stream in numbers]
        try:
            self._process = _SERVERS.Process(
                target=_run, args=([*map(str, words)], dict(environment), str(ROOT), streams)
            )
            self._process.start()
        finally:
            for stream in streams:
                stream.close()
        assert self._process.pid is not None
        self.pid: int = self._process.pid

    @property
    def returncode(self) -> int | None:
        """The exit code, or the number of the signal, negative; None while it runs."""
        return self._process.exitcode

    def poll(self) -> int | None:
        """The same."""
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        """The exit code, once it has ended. Raises TimeoutExpired."""
        self._process.join(timeout)
        if self._process.exitcode is None:
            raise subprocess.TimeoutExpired(str(self._process), timeout or 0.0)
        return self._process.exitcode

    def send_signal(self, number: int) -> None:
        """Sends a signal, if it still runs."""
        if self._process.exitcode is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        """Sends SIGTERM."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """Sends SIGKILL."""
        self.send_signal(signal.SIGKILL)


Running = Command | subprocess.Popen[Any]


def start(
    *words: object,
    environment: Mapping[str, str],
    out: IO[Any] | int = subprocess.DEVNULL,
    err: IO[Any] | int = subprocess.DEVNULL,
) -> Running:
    """Starts a command in the project's folder. `out`, `err`: a file or DEVNULL."""
    if words[0] not in COLD:
        return Command(words, environment, out, err)
    line = [sys.executable, "-m", "api", *map(str, words)]
    return subprocess.Popen(line, cwd=ROOT, env=environment, stdout=out, stderr=err)


def run(
    *words: object, environment: Mapping[str, str], seconds: float | None = None
) -> subprocess.CompletedProcess[str]:
    """Runs a command to its end, which must come within so many seconds. Raises TimeoutExpired."""
    with TemporaryFile() as out, TemporaryFile() as err:
        command = start(*words, environment=environment, out=out, err=err)
        try:
            code = command.wait(seconds)
        finally:
            command.kill()
        texts = []
        for file in (out, err):
            file.seek(0)
            texts.append(file.read().decode())
    return subprocess.CompletedProcess(words, code, *texts)


def _copied(stream: IO[Any] | int) -> Connection:
    """A descriptor that multiprocessing hands over to the process that it starts."""
    if stream == subprocess.DEVNULL:
        return Connection(os.open(os.devnull, os.O_RDWR))
    return Connection(os.dup(stream if isinstance(stream, int) else stream.fileno()))


def _begin() -> None:
    """Starts the server, which looks for modules where this process does."""
    _SERVERS.set_forkserver_preload([__name__, f"{__name__}_imported"])
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, (str(ROOT), before)))
    try:
        forkserver.ensure_running()
    finally:
        os.environ.pop("PYTHONPATH")
        if before is not None:
            os.environ["PYTHONPATH"] = before


def import_all() -> None:
    """Imports every module of the project, in the server."""
    for package in ("registry", "projections", "api"):
        for module in pkgutil.walk_packages([str(ROOT / package)], f"{package}."):
            if not module.name.endswith("__main__"):
                importlib.import_module(module.name)
    assert threading.active_count() == 1, "a thread would be missing in each command"


# ------------------------------------------------------------------------------- in the command


def _run(
    words: list[str], environment: dict[str, str], folder: str, streams: list[Connection]
) -> NoReturn:
    for number, stream in enumerate(streams):
        os.dup2(stream.fileno(), number)
        stream.close()
    sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stderr = open(  # noqa: SIM115
        2, "w", 1, encoding="utf-8", errors="backslashreplace", closefd=False
    )
    os.environ.clear()
    os.environ.update(environment)
    time.tzset()
    os.chdir(folder)
    sys.argv = [str(Path(folder, "api", "__main__.py")), *words]
    signal.signal(signal.SIGINT, signal.default_int_handler)
    from registry.ledger import failpoints

    importlib.reload(failpoints)  # the environment's variable is read at the import
    os._exit(_ended())


def _ended() -> int:
    """Runs the command and what is to be done at the end; its exit code."""
    code = 0
    try:
        from api.__main__ import check_house
        from api.cli import main

        check_house()
        main()
    except SystemExit as end:
        code = _code_of(end)
    except BaseException:
        traceback.print_exc()
        code = 1
    threading._shutdown()  # type: ignore[attr-defined]  # as the interpreter's end does
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    return code


def _code_of(end: SystemExit) -> int:
    if end.code is None or isinstance(end.code, int):
        return end.code or 0
    print(end.code, file=sys.stderr)
    return 1
