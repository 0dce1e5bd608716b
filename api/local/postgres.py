"""Provides the database: DATABASE_URL, or a local PostgreSQL server on a private socket."""

from __future__ import annotations

import asyncio
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
from registry.ledger.connections import without_settings
from registry.ledger.sessions import require_own_session

__all__ = ["NoDatabase", "database"]

# fsync is set explicitly because durability depends on it; what is not listed is the default.
SETTINGS = (
    "fsync=on",
    "shared_buffers=64MB",
    "max_wal_size=1GB",
    "max_connections=100",
    "jit=off",  # JIT compilation costs more than the short statements that it would speed up
    "timezone=UTC",
    "log_timezone=UTC",
)
# Seconds for the server to start and to stop. A start may include crash recovery.
START, STOP = 300, 60
#: Attempts to connect to a server that does not answer, and the timeout of each in seconds.
TRIES, SILENCE = 3, 4
# Messages of a server that cannot start yet: a crashed server, or one started by a process that
# was killed, still uses the data.
NOT_YET = ("pre-existing shared memory block", 'lock file "postmaster.pid" already exists')

#: pg_ctl puts file names between double quotes and passes the line to a shell.
SHELL = frozenset('"$`\\\n')


@contextmanager
def database(home: Path, settings: Sequence[str] = ()) -> Iterator[str]:
    """Yields the URL of the register's database, and stops a server that was started for it at the
    end.

    With DATABASE_URL set, that is the URL, and `home` and `settings` ("name=value") are ignored.
    Otherwise a server is started on the data under `home`. Where one runs there already it is
    shared: the last process to leave stops it, and a process that was killed counts as having left.
    A server that outlived its process keeps the settings it was started with.

    Raises NoDatabase, and WrongSession behind a pooler that shares sessions.
    """
    if url := os.environ.get("DATABASE_URL"):
        _check_floor(url)
        asyncio.run(require_own_session(url, role=None))
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
        with _exclusive(cluster):
            run = runner(cluster)
            if not _answers(cluster):
                _start(cluster, run, (*SETTINGS, *settings))
            _create_database(cluster)
            # Taken last: a process that holds this shared lock needs the server to run.
            users = (cluster.folder / "users.lock").open("a")
            fcntl.flock(users, fcntl.LOCK_SH)
        try:
            yield cluster.url()
        finally:
            with _exclusive(cluster), closing(users), suppress(BlockingIOError):
                fcntl.flock(
                    users, fcntl.LOCK_EX | fcntl.LOCK_NB
                )  # BlockingIOError: other processes still use it
                _stop(cluster, run)


def _check_floor(url: str) -> None:
    try:
        with psycopg.connect(**{**without_settings(url), "connect_timeout": 10}) as connection:
            version = connection.info.server_version
    except psycopg.OperationalError as error:
        raise NoDatabase(f"DATABASE_URL does not answer: {error}") from None
    if version < FLOOR * 10000:
        raise NoDatabase(
            f"DATABASE_URL is PostgreSQL {version // 10000}; the register needs {FLOOR} or newer"
        )


@contextmanager
def _exclusive(cluster: Cluster) -> Iterator[None]:
    """Lets one process at a time start or stop a cluster. The lock of a killed process is
    released."""
    try:
        cluster.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        turn = (cluster.folder / "turn.lock").open("a")
    except PermissionError as error:
        raise NoDatabase(f"{error.filename} is not ours to write: choose another --home") from None
    except OSError as error:  # a file has that name, or the disk is full or read-only
        raise NoDatabase(
            f"{error.filename} cannot be made ({error.strerror}): choose another --home"
        ) from None
    with turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        yield


def _listener(cluster: Cluster) -> int | None:
    """Returns the process id of the server that listens on the socket, ready or not."""
    with socket.socket(socket.AF_UNIX) as caller, suppress(OSError):
        caller.connect(str(cluster.socket / ".s.PGSQL.5432"))
        if sys.platform == "linux":
            credentials = caller.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
            return int.from_bytes(credentials[:4], sys.byteorder)
        return _written(cluster.data / "postmaster.pid")  # other systems do not tell the peer's id
    return None


def _written(lock: Path) -> int | None:
    """Returns the process id in a server's lock file, which stays there after a crash."""
    with suppress(OSError, ValueError, IndexError):
        return int(lock.read_text().splitlines()[0])
    return None


def _remove_stale_locks(cluster: Cluster) -> None:
    """Removes the lock files of a server that was killed.

    PostgreSQL does so itself where the process id is free. It may not be: another program of the
    same user has it, or, in a container whose first process does not reap children, the dead
    process keeps it. PostgreSQL itself checks in shared memory whether children of that server
    still use the data.
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
    """Returns whether a server answers on the socket.

    Raises NoDatabase where a server accepts connections and does not answer, several times. A
    server in crash recovery says so at once, and where none runs the connection is refused.
    """
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
        if _listener(cluster):  # started by a process that was killed, and still recovering
            time.sleep(0.2)
            continue
        _remove_stale_locks(cluster)
        before = cluster.log.stat().st_size if cluster.log.exists() else 0
        # pg_ctl gets a log file: otherwise the server would keep this process's pipe open, and the
        # call would never return.
        started = run(
            cluster.programs / "pg_ctl",
            *("start", "--wait", "--timeout", str(START), "--pgdata", cluster.data),
            *("--log", cluster.log, "--options", shlex.join(options)),
        )
        if started.returncode == 0:
            return
        log = (
            cluster.log.read_bytes() if cluster.log.exists() else b""
        )  # there is none where the disk is full
        written = log[before:].decode(errors="replace")
        if not any(phrase in written for phrase in NOT_YET):
            raise NoDatabase(
                f"PostgreSQL did not start on {cluster.data}\n"
                f"{started.stdout[-500:]}{started.stderr[-500:]}{written[-2000:]}".rstrip()
            )
        time.sleep(0.2)


def _make_data(cluster: Cluster, run: Run) -> None:
    """Runs initdb in a temporary folder and renames it at the end, so that an interrupted initdb
    leaves no data folder."""
    for remains in cluster.folder.glob("initdb-*"):
        shutil.rmtree(remains)
    new = cluster.folder / f"initdb-{os.getpid()}"
    made = run(
        *(cluster.programs / "initdb", "--pgdata", new, "--username", OWNER, "--encoding", "UTF8"),
        # Not the machine's locale: texts must be sorted the same on every machine.
        *("--no-locale", "--data-checksums", "--auth-local=trust", "--auth-host=reject"),
    )
    if made.returncode:
        raise NoDatabase(f"initdb failed in {new}\n{made.stdout}{made.stderr}".rstrip())
    new.rename(cluster.data)
    # The server syncs the content but not this name, which a power failure could otherwise lose.
    folder = os.open(cluster.folder, os.O_RDONLY)
    os.fsync(folder)
    os.close(folder)


def _create_database(cluster: Cluster) -> None:
    with psycopg.connect(cluster.url("postgres"), autocommit=True) as connection:
        known = connection.execute("SELECT FROM pg_database WHERE datname = %s", [NAME]).fetchone()
        if known is None:
            connection.execute(f"CREATE DATABASE {NAME}")


def _stop(cluster: Cluster, run: Run) -> None:
    # A killed server leaves its process id in the lock file; that id may be another program's by
    # now, and pg_ctl would stop that. Only the process that listens on the socket is the server.
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
    """Makes SIGTERM raise SystemExit, so that `finally` blocks run, where the caller has set no
    handler."""
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
