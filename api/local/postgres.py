"""Where the database comes from: DATABASE_URL, else a PostgreSQL of our own on a private socket."""

from __future__ import annotations

import fcntl
import os
import re
import shlex
import shutil
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import psycopg

from api.local.cluster import FLOOR, NAME, OWNER, Cluster, NoDatabase, Run, find_cluster, runner

__all__ = ["NoDatabase", "database"]

# Named out loud because the register rests on it; everything else is the server's default.
SETTINGS = (
    "fsync=on",
    "shared_buffers=64MB",
    "max_wal_size=1GB",
    "max_connections=100",
    "jit=off",  # compiling costs more than any of our short statements
    "timezone=UTC",
    "log_timezone=UTC",
)
# The server's own start and stop, in seconds. A start may have a crash to recover from.
START, STOP = 300, 60
#: How often a server that says nothing is asked, and for how many seconds each time.
TRIES, SILENCE = 3, 4
# What a server says that is only too early: its crashed forerunner, or one begun by a process
# that has since been killed, still holds the data.
NOT_YET = ("pre-existing shared memory block", 'lock file "postmaster.pid" already exists')

#: pg_ctl puts the names of files between quotation marks, and gives the line to a shell.
SHELL = frozenset('"$`\\\n')


@contextmanager
def database(home: Path, settings: Sequence[str] = ()) -> Iterator[str]:
    """Yield the URL of the register's database, and stop what was started for it at the end.

    With DATABASE_URL set that is the answer, and `home` and `settings` ("name=value") say
    nothing. Otherwise a server is started on the data under `home`, or, when one runs there
    already, shared: the last process to leave stops it, and a process that was killed counts as
    having left. A server that outlived its process keeps the settings it was started with.

    Raises NoDatabase.
    """
    if url := os.environ.get("DATABASE_URL"):
        _check_floor(url)
        with _sigterm_unwinds():
            yield url
        return
    cluster = find_cluster(home.resolve())
    if found := SHELL.intersection(str(cluster.folder)):
        raise NoDatabase(
            f"{cluster.folder} has {' '.join(sorted(found))} in its name, and pg_ctl would have a"
            " shell read it: choose another --home"
        )
    with _sigterm_unwinds():
        with _turn(cluster):
            run = runner(cluster)
            if not _answers(cluster):
                _start(cluster, run, (*SETTINGS, *settings))
            _create_database(cluster)
            # Opened last: whoever holds this lock, shared, has need of a running server.
            users = (cluster.folder / "users.lock").open("a")
            fcntl.flock(users, fcntl.LOCK_SH)
        try:
            yield cluster.url()
        finally:
            with _turn(cluster), closing(users), suppress(BlockingIOError):
                fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)  # refused: others are still here
                _stop(cluster, run)


def _check_floor(url: str) -> None:
    try:
        with psycopg.connect(url, connect_timeout=10) as connection:
            version = connection.info.server_version
    except psycopg.OperationalError as error:
        raise NoDatabase(f"DATABASE_URL does not answer: {error}") from None
    if version < FLOOR * 10000:
        raise NoDatabase(
            f"DATABASE_URL is PostgreSQL {version // 10000}; the register needs {FLOOR} or newer"
        )


@contextmanager
def _turn(cluster: Cluster) -> Iterator[None]:
    """One process at a time starts or stops a cluster. A killed one frees its turn."""
    try:
        cluster.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        turn = (cluster.folder / "turn.lock").open("a")
    except PermissionError as error:
        raise NoDatabase(f"{error.filename} is not ours to write: choose another --home") from None
    except OSError as error:  # a file is in the way, the disk is full or only to be read
        raise NoDatabase(
            f"{error.filename} cannot be made ({error.strerror}): choose another --home"
        ) from None
    with turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        yield


def _listener(cluster: Cluster) -> int | None:
    """The number of the process that holds our socket, ready or not."""
    with socket.socket(socket.AF_UNIX) as caller, suppress(OSError):
        caller.connect(str(cluster.socket / ".s.PGSQL.5432"))
        if sys.platform == "linux":
            credentials = caller.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
            return int.from_bytes(credentials[:4], sys.byteorder)
        return _written(cluster.data / "postmaster.pid")  # elsewhere its own word is all there is
    return None


def _written(lock: Path) -> int | None:
    """The number that a server wrote into its lock file; it is still there after a crash."""
    with suppress(OSError, ValueError, IndexError):
        return int(lock.read_text().splitlines()[0])
    return None


def _forget_the_dead(cluster: Cluster) -> None:
    """Remove the lock files of a server that was killed.

    PostgreSQL does so itself where the number is free again. It may not be: another program of
    the same user has it, or, in a container whose first process buries nobody, the dead one keeps
    it for ever. Whether its children still use the data, PostgreSQL asks the shared memory.
    """
    for lock in (cluster.data / "postmaster.pid", cluster.socket / ".s.PGSQL.5432.lock"):
        if (number := _written(lock)) and Path("/proc/self/stat").exists():
            try:
                name, state = re.split(r"[()]+ ?", Path(f"/proc/{number}/stat").read_text())[1:3]
            except (FileNotFoundError, ProcessLookupError):
                continue
            if name != "postgres" or state.startswith("Z"):
                lock.unlink()


def _answers(cluster: Cluster) -> bool:
    """Raises NoDatabase where a server takes the connection and says nothing, time after time. One
    that recovers after a crash says so at once, and nobody listens where none runs."""
    for _ in range(TRIES):
        try:
            psycopg.connect(cluster.url("postgres"), connect_timeout=SILENCE).close()
        except psycopg.errors.ConnectionTimeout:
            continue
        except psycopg.OperationalError:
            return False
        return True
    raise NoDatabase(
        f"PostgreSQL on {cluster.data} takes connections and has said nothing in {TRIES} times "
        f"{SILENCE} s: it is stopped, or its disk is"
    )


def _start(cluster: Cluster, run: Run, settings: Sequence[str]) -> None:
    if not cluster.data.exists():
        _make_data(cluster, run)
    options = ["-k", str(cluster.socket), "-p", "5432"]
    for setting in ("listen_addresses=", "unix_socket_permissions=0700", *settings):
        options += ["-c", setting]
    deadline = time.monotonic() + START
    while not _answers(cluster):
        if time.monotonic() > deadline:
            raise NoDatabase(f"PostgreSQL is not ready after {START} s; see {cluster.log}")
        if _listener(cluster):  # begun by a process that was killed, and still recovering
            time.sleep(0.2)
            continue
        _forget_the_dead(cluster)
        before = cluster.log.stat().st_size if cluster.log.exists() else 0
        # The log is given to pg_ctl, or the server would hold our pipe open and we wait for ever.
        started = run(
            cluster.programs / "pg_ctl",
            *("start", "--wait", "--timeout", str(START), "--pgdata", cluster.data),
            *("--log", cluster.log, "--options", shlex.join(options)),
        )
        if started.returncode == 0:
            return
        log = cluster.log.read_bytes() if cluster.log.exists() else b""  # a full disk has none
        said = log[before:].decode(errors="replace")
        if not any(phrase in said for phrase in NOT_YET):
            raise NoDatabase(
                f"PostgreSQL did not start on {cluster.data}\n"
                f"{started.stdout[-500:]}{started.stderr[-500:]}{said[-2000:]}".rstrip()
            )
        time.sleep(0.2)


def _make_data(cluster: Cluster, run: Run) -> None:
    """An initdb cut short never counts: the data have their name only when they are whole."""
    for remains in cluster.folder.glob("initdb-*"):
        shutil.rmtree(remains)
    new = cluster.folder / f"initdb-{os.getpid()}"
    made = run(
        *(cluster.programs / "initdb", "--pgdata", new, "--username", OWNER, "--encoding", "UTF8"),
        # No --locale of the machine: the order of names must be the same everywhere.
        *("--no-locale", "--data-checksums", "--auth-local=trust", "--auth-host=reject"),
    )
    if made.returncode:
        raise NoDatabase(f"initdb failed in {new}\n{made.stdout}{made.stderr}".rstrip())
    new.rename(cluster.data)
    # The server will sync what is inside, never this name: without it a power cut could hide all.
    folder = os.open(cluster.folder, os.O_RDONLY)
    os.fsync(folder)
    os.close(folder)


def _create_database(cluster: Cluster) -> None:
    with psycopg.connect(cluster.url("postgres"), autocommit=True) as connection:
        known = connection.execute("SELECT FROM pg_database WHERE datname = %s", [NAME]).fetchone()
        if known is None:
            connection.execute(f"CREATE DATABASE {NAME}")


def _stop(cluster: Cluster, run: Run) -> None:
    # A server that was killed leaves its number behind, which may be another program's by now,
    # and pg_ctl would stop that. Only who holds our socket is surely the server.
    server = _listener(cluster)
    if server and server == _written(cluster.data / "postmaster.pid"):
        stopped = run(
            cluster.programs / "pg_ctl",
            *("stop", "--mode", "fast", "--wait", "--timeout", str(STOP)),
            *("--pgdata", cluster.data),
        )
        if stopped.returncode:
            print(f"aeo: PostgreSQL did not stop\n{stopped.stderr}", file=sys.stderr)


@contextmanager
def _sigterm_unwinds() -> Iterator[None]:
    """SIGTERM ends Python without running one `finally`; unless the caller has seen to that."""
    ours = (
        threading.current_thread() is threading.main_thread()
        and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    )
    if ours:
        signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    try:
        yield
    finally:
        if ours:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
